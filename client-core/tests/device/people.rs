use client_core::Intent;
use client_core::view::Saving;
use protocol::avatar::{self, Png};
use protocol::pubsub::{Event, EventKind, Item, Request};
use protocol::roster;
use protocol::{BareJid, Element, nick};

use crate::server::bare;
use crate::world::World;

fn with_contact() -> World {
    let mut world = World::new();
    world.server.roster = vec![roster::Item::new(bare("romeo"))];
    world.sign_in();
    world.run();
    world
}

/// A PNG as far as anybody looks at it; `seed` makes another one.
fn png(side: u32, seed: u8) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend(side.to_be_bytes());
    bytes.extend(side.to_be_bytes());
    bytes.resize(500, seed);
    bytes
}

fn payload(request: Request) -> Element {
    match request {
        Request::Publish { items, .. } => items.into_iter().next().unwrap().payload,
        other => panic!("{other:?}"),
    }
}

fn tell(world: &mut World, from: &BareJid, node: &str, payload: &Element) {
    let kind = EventKind::Items(vec![Item::new("current", payload)]);
    let node = node.to_owned();
    let event = Event { node, kind }.to_stanza(from.clone(), true);
    world.server.inject(&event.write());
    world.run();
}

fn announce(world: &mut World, from: &BareJid, picture: &Png) {
    tell(world, from, avatar::METADATA, &payload(picture.announce()));
}

fn shown(world: &World) -> Option<String> {
    let picture = world.engine.view().chats[0].picture.clone();
    picture.map(|picture| picture.id.clone())
}

fn fetches(world: &World) -> usize {
    let frames = world.server.seen.iter();
    frames
        .filter(|f| f.contains("<items node='urn:xmpp:avatar:data'"))
        .count()
}

// proves: AV-01
#[test]
fn a_picture_is_fetched_once_and_kept() {
    let mut world = with_contact();
    let picture = Png::new(png(96, 1)).unwrap();
    world
        .server
        .pictures
        .insert(picture.id(), payload(picture.publish()));
    announce(&mut world, &bare("romeo"), &picture);
    assert_eq!(shown(&world), Some(picture.id()));
    assert_eq!(fetches(&world), 1);
    announce(&mut world, &bare("romeo"), &picture);
    world.reload();
    assert_eq!(shown(&world), Some(picture.id()), "before the network");
    world.server.expire();
    world.sign_in();
    world.run();
    announce(&mut world, &bare("romeo"), &picture);
    assert_eq!(fetches(&world), 1, "what is known is not fetched");
    let none = payload(avatar::announce_none());
    tell(&mut world, &bare("romeo"), avatar::METADATA, &none);
    assert_eq!(shown(&world), None);
}

// proves: AV-01 SEC-62
#[test]
fn a_picture_that_is_another_one_or_too_large_is_not_shown() {
    let mut world = with_contact();
    let (picture, other) = (Png::new(png(96, 1)).unwrap(), Png::new(png(96, 2)).unwrap());
    world
        .server
        .pictures
        .insert(picture.id(), payload(other.publish()));
    announce(&mut world, &bare("romeo"), &picture);
    assert_eq!((fetches(&world), shown(&world)), (1, None));
    // A lie about the size is found out once it is here.
    let honest = payload(picture.announce())
        .children()
        .next()
        .unwrap()
        .clone();
    let large = png(4_096, 1);
    let info = honest.attr("id", "0".repeat(40));
    let metadata = Element::new("metadata", avatar::METADATA).child(info);
    let data = Element::new("data", avatar::DATA).text(base64_of(&large));
    world.server.pictures.insert("0".repeat(40), data);
    tell(&mut world, &bare("romeo"), avatar::METADATA, &metadata);
    assert_eq!(shown(&world), None);
    // What says that it is too large is not asked for.
    let asked = fetches(&world);
    let info = Element::new("info", avatar::METADATA)
        .attr("bytes", avatar::BYTES_MAX + 1)
        .attr("id", picture.id())
        .attr("type", "image/png");
    let metadata = Element::new("metadata", avatar::METADATA).child(info);
    tell(&mut world, &bare("romeo"), avatar::METADATA, &metadata);
    assert_eq!((fetches(&world), shown(&world)), (asked, None));
}

fn base64_of(bytes: &[u8]) -> String {
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let text = bytes.chunks(3).flat_map(|chunk| {
        let number = chunk.iter().fold(0_u32, |sum, b| sum << 8 | u32::from(*b));
        let number = number << (8 * (3 - chunk.len()));
        [18, 12, 6, 0].map(|shift| char::from(digits[(number >> shift) as usize & 63]))
    });
    text.collect()
}

// proves: AV-01 SM-11
#[test]
fn a_picture_that_was_announced_is_fetched_after_a_reload() {
    let mut world = with_contact();
    let picture = Png::new(png(96, 1)).unwrap();
    world
        .server
        .pictures
        .insert(picture.id(), payload(picture.publish()));
    world.server.is_frozen = true;
    announce(&mut world, &bare("romeo"), &picture);
    assert_eq!(shown(&world), None);
    world.reload();
    world.server.is_frozen = false;
    world.sign_in();
    world.run();
    assert_eq!(shown(&world), Some(picture.id()));
}

// proves: PE-08
#[test]
fn only_contacts_and_the_account_itself_are_believed() {
    let mut world = with_contact();
    let picture = Png::new(png(96, 1)).unwrap();
    world
        .server
        .pictures
        .insert(picture.id(), payload(picture.publish()));
    let name = payload(nick::publish(Some("Prince of Cats")));
    tell(&mut world, &bare("tybalt"), nick::NODE, &name);
    announce(&mut world, &bare("tybalt"), &picture);
    assert_eq!(fetches(&world), 0);
    assert_eq!(world.history.restore().people, []);
    tell(&mut world, &bare("romeo"), nick::NODE, &name);
    assert_eq!(world.engine.view().chats[0].name, "Prince of Cats");
    // An answer counts only from whom it was asked.
    world.server.is_frozen = true;
    announce(&mut world, &bare("romeo"), &picture);
    let asked = world
        .server
        .seen
        .iter()
        .rev()
        .find(|f| f.contains("avatar:data"));
    let id = asked
        .unwrap()
        .split("id='")
        .nth(1)
        .unwrap()
        .split('\'')
        .next()
        .unwrap();
    let forged = format!(
        "<iq xmlns='jabber:client' type='error' id='{id}' from='tybalt@montague.example'>\
         <error type='cancel'/></iq>"
    );
    world.server.is_frozen = false;
    world.server.inject(&forged);
    world.run();
    let romeo = &world.history.restore().people[0];
    assert_eq!(romeo.wanted, Some(picture.id()));
}

// proves: AV-01
#[test]
fn the_own_picture_is_kept_before_it_is_announced_and_comes_to_all_devices() {
    let mut world = with_contact();
    world.intent(Intent::SetPicture(Some(png(96, 1))));
    world.intent(Intent::SetNick(Some(" Juliet  Capulet ".to_owned())));
    assert_eq!(world.engine.view().own.saving, Saving::UnderWay);
    world.run();
    let frames: Vec<_> = world
        .server
        .seen
        .iter()
        .filter(|f| f.contains("<publish "))
        .collect();
    let place = |node: &str| frames.iter().position(|f| f.contains(node)).unwrap();
    assert!(place("avatar:data") < place("avatar:metadata"));
    let own = &world.engine.view().own;
    assert_eq!(own.saving, Saving::Done);
    assert_eq!(own.nick.as_deref(), Some("Juliet Capulet"));
    let id = Png::new(png(96, 1)).unwrap().id();
    assert_eq!(own.picture.as_ref().unwrap().id, id);
    world.intent(Intent::SetPicture(None));
    world.intent(Intent::SetNick(None));
    world.run();
    let own = &world.engine.view().own;
    assert_eq!((&own.nick, &own.picture), (&None, &None));
    assert_eq!(
        world.engine.view().chats.len(),
        1,
        "one is no contact of oneself"
    );
}

// proves: AV-01
#[test]
fn a_picture_that_is_not_kept_is_not_announced() {
    let mut world = with_contact();
    world.server.refuses_profile = true;
    world.intent(Intent::SetPicture(Some(png(96, 1))));
    world.run();
    assert_eq!(world.engine.view().own.saving, Saving::Failed);
    assert!(
        world
            .server
            .seen
            .iter()
            .all(|f| !f.contains("<publish node='urn:xmpp:avatar:metadata'"))
    );
    // What is no picture, or too large to be kept, is not even sent.
    world.server.seen.clear();
    let mut large = png(96, 1);
    large.resize(avatar::OWN_BYTES_MAX + 1, 0);
    for bytes in [b"GIF89a".to_vec(), png(513, 1), large] {
        world.intent(Intent::SetPicture(Some(bytes)));
        assert_eq!(world.engine.view().own.saving, Saving::Failed);
    }
    world.run();
    assert!(world.server.seen.iter().all(|f| !f.contains("<publish ")));
    world.is_online = false;
    world.cut();
    world.intent(Intent::SetNick(Some("Juliet".to_owned())));
    assert_eq!(world.engine.view().own.saving, Saving::Failed);
}

// proves: RO-07
#[test]
fn what_somebody_told_goes_away_with_them() {
    let mut world = with_contact();
    let name = payload(nick::publish(Some("Montague")));
    tell(&mut world, &bare("romeo"), nick::NODE, &name);
    assert_eq!(world.history.restore().people.len(), 1);
    world.server.inject(
        "<iq xmlns='jabber:client' type='set' id='push'><query xmlns='jabber:iq:roster' ver='v2'>\
         <item jid='romeo@montague.example' subscription='remove'/></query></iq>",
    );
    world.run();
    assert_eq!(world.history.restore().people, []);
}
