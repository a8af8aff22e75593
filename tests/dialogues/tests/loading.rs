//! Accounts that cannot be loaded, or are removed, while their connections are not gone yet.

#![allow(
    clippy::unwrap_used,
    reason = "test code, though not inside a test function"
)]

use std::collections::VecDeque;

use protocol::jid::ResourcePart;
use protocol::roster::{Item, Subscription};
use protocol::{BareJid, IdPrefix, Now};
use server_core::archive::{Page, ReadError};
use server_core::records::{
    AccountRecord, Contact, Credentials, KeyEpoch, SessionKey, SessionLife, SessionRecord,
};
use server_core::{ConnId, Core, Identity, Input, Limits, Output, ServerConfig, Ticket};

const NOW: Now = Now {
    mono_ms: 1,
    wall_ms: 1,
};
const BIND: &str = "<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";
const REMOVE: &str = "<iq xmlns='jabber:client' type='set' id='x' to='localhost'>\
    <query xmlns='jabber:iq:register'><remove/></query></iq>";
const ROSTER: &str =
    "<iq xmlns='jabber:client' type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>";

type Record = Result<Option<AccountRecord>, ReadError>;

fn romeo() -> BareJid {
    BareJid::new("romeo@localhost").unwrap()
}

fn record_with(contact: &str) -> AccountRecord {
    let item = Item {
        subscription: Subscription::Both,
        ..Item::new(BareJid::new(contact).unwrap())
    };
    AccountRecord {
        contacts: vec![Contact {
            item,
            listed: true,
            request: None,
            ver: 1,
        }],
        roster_ver: 1,
        ..AccountRecord::default()
    }
}

/// A core whose store holds what the test says; connections that it closes are not gone by that.
struct Server {
    core: Core,
    /// What the store answers to the next loads.
    records: VecDeque<Record>,
    sent: Vec<(ConnId, String)>,
    /// Whether a load is answered only by [`Server::load`].
    loads_wait: bool,
    /// Pages that the store was asked for and has not read.
    pages: VecDeque<Ticket>,
}

impl Server {
    fn new(records: impl Into<VecDeque<Record>>) -> Self {
        let config = ServerConfig {
            domain: "localhost".into(),
            open_registration: false,
            allow_plain: false,
            secret: [7; 32],
            web: None,
            limits: Limits::default(),
        };
        Self {
            core: Core::new(config, [3; 32]),
            records: records.into(),
            sent: Vec::new(),
            loads_wait: false,
            pages: VecDeque::new(),
        }
    }

    /// The load that waits is answered.
    fn load(&mut self) {
        let result = self.records.pop_front().unwrap();
        let account = romeo();
        self.input(Input::Loaded { account, result });
    }

    fn input(&mut self, input: Input) {
        self.core.handle(input, NOW);
        while let Some(output) = self.core.poll() {
            let answer = match output {
                Output::ReadCredentials { ticket, .. } => Input::Credentials {
                    ticket,
                    result: Ok(Some(Credentials {
                        keys: Vec::new(),
                        epoch: KeyEpoch::default(),
                        disabled: false,
                    })),
                },
                Output::Load { .. } if self.loads_wait => continue,
                Output::Load { account } => Input::Loaded {
                    account,
                    result: self.records.pop_front().unwrap(),
                },
                Output::Change { ticket, .. } => Input::Changed {
                    ticket,
                    result: Ok(()),
                },
                Output::Send { conn, frame } => {
                    self.sent.push((conn, frame.to_string()));
                    continue;
                }
                Output::ReadPage { ticket, .. } => {
                    self.pages.push_back(ticket);
                    continue;
                }
                Output::Close { .. }
                | Output::Credit { .. }
                | Output::Append { .. }
                | Output::ReadEnds { .. }
                | Output::Locate { .. }
                | Output::ReadEntries { .. }
                | Output::ReadSpool { .. }
                | Output::ReadItems { .. }
                | Output::ReadDevices { .. }
                | Output::Hash { .. } => continue,
            };
            self.core.handle(answer, NOW);
        }
    }

    /// The page that was asked for first comes, with nothing on it.
    fn tell_an_empty_page(&mut self) {
        let ticket = self.pages.pop_front().unwrap();
        let page = Page {
            entries: Vec::new(),
            complete: true,
            count: None,
        };
        let result = Ok(page);
        self.input(Input::Page { ticket, result });
    }

    fn attach(&mut self, conn: ConnId) {
        self.input(Input::Attached {
            conn,
            identity: Identity {
                account: romeo(),
                epoch: KeyEpoch::default(),
            },
            inline: None,
        });
    }

    fn say(&mut self, conn: ConnId, frame: &str) {
        let text = frame.into();
        self.input(Input::Frame { conn, text });
    }

    fn told(&self, conn: ConnId, what: &str) -> bool {
        let mut sent = self.sent.iter().filter(|(to, _)| *to == conn);
        sent.any(|(_, frame)| frame.contains(what))
    }

    /// Who binds here sees Rosaline, whom the later record holds, and nothing of the earlier one.
    fn assert_serves_anew(&mut self, conn: ConnId) {
        self.say(conn, BIND);
        self.say(conn, ROSTER);
        assert!(self.told(conn, "rosaline@localhost"));
        assert!(!self.told(conn, "juliet@localhost"));
    }
}

#[test]
fn an_account_that_failed_to_load_is_loaded_anew_for_the_next_device() {
    let (first, second) = (ConnId(1), ConnId(2));
    let loads = [
        Err(ReadError::Storage),
        Ok(Some(record_with("juliet@localhost"))),
    ];
    let mut server = Server::new(loads);
    server.attach(first);
    assert!(server.told(first, "internal-server-error"));
    server.attach(second);
    server.say(second, BIND);
    server.say(second, ROSTER);
    assert!(server.told(second, "juliet@localhost"));
    // What is left of the first one takes nothing from the second.
    server.input(Input::Lost { conn: first });
    server.say(second, ROSTER);
    assert_eq!(
        server
            .sent
            .iter()
            .filter(|(_, f)| f.contains("juliet@"))
            .count(),
        2
    );
    assert!(server.records.is_empty());
}

// proves: RG-11
#[test]
fn of_a_removed_account_nothing_is_left_for_the_next_of_that_name() {
    let (first, second) = (ConnId(1), ConnId(2));
    let loads = ["juliet@localhost", "rosaline@localhost"];
    let mut server = Server::new(loads.map(|contact| Ok(Some(record_with(contact)))));
    server.attach(first);
    server.say(first, BIND);
    server.say(first, REMOVE);
    assert!(server.told(first, "not-authorized"));
    server.attach(second);
    server.assert_serves_anew(second);
}

// proves: RG-11 AU-29
#[test]
fn of_a_revoked_account_nothing_is_left_for_the_next_of_that_name() {
    let (first, second) = (ConnId(1), ConnId(2));
    let loads = ["juliet@localhost", "rosaline@localhost"];
    let mut server = Server::new(loads.map(|contact| Ok(Some(record_with(contact)))));
    server.attach(first);
    server.say(first, BIND);
    // Another program removes the account and makes it anew; the first socket is not gone yet.
    server.input(Input::Revoked { account: romeo() });
    assert!(server.told(first, "not-authorized"));
    server.attach(second);
    server.assert_serves_anew(second);
}

// proves: AU-29 S11-62
#[test]
fn what_was_read_before_a_revocation_serves_nobody_after_it() {
    let mut record = record_with("juliet@localhost");
    record.sessions = vec![SessionRecord {
        key: SessionKey::of("sm-id"),
        resource: ResourcePart::new("phone").unwrap().into_owned(),
        prefix: Some(IdPrefix::from_bits([7; 16])),
        device: None,
        handled: 5,
        max_s: 600,
        life: SessionLife::Attached,
    }];
    let mut anew = record_with("rosaline@localhost");
    anew.sessions = record.sessions.clone();
    let (first, second) = (ConnId(1), ConnId(2));
    let mut server = Server::new([Ok(Some(record)), Ok(Some(anew))]);
    server.loads_wait = true;
    server.attach(first);
    server.input(Input::Revoked { account: romeo() });
    assert!(server.told(first, "not-authorized"));
    server.attach(second);
    server.loads_wait = false;
    server.load();
    // The record may still say so, for it is written later; nobody comes back to it all the same.
    let resume = "<resume xmlns='urn:xmpp:sm:3' previd='sm-id' h='0' \
        xmlns:s='urn:x-balcony:s11:0' s:pos='AAAAAAAAAAAAAAAAAAAAAA.r1'/>";
    server.say(second, resume);
    assert!(server.told(second, "item-not-found"), "{:?}", server.sent);
    server.assert_serves_anew(second);
}

// proves: LIM-19 MAM-26
#[test]
fn two_pages_of_an_account_are_read_at_once_and_others_wait() {
    let mut server = Server::new([Ok(Some(record_with("juliet@localhost")))]);
    let query = |n: u64| {
        format!(
            "<iq xmlns='jabber:client' type='set' id='q{n}'><query xmlns='urn:xmpp:mam:2'/></iq>"
        )
    };
    for n in 1..=4 {
        server.attach(ConnId(n));
        server.say(ConnId(n), BIND);
        server.say(ConnId(n), &query(n));
    }
    assert_eq!(server.pages.len(), 2);
    for n in 1..=4 {
        assert!(!server.told(ConnId(n), "<fin"));
        server.tell_an_empty_page();
        assert!(
            server.told(ConnId(n), "<fin"),
            "in the order in which they came"
        );
        assert_eq!(server.pages.len(), if n < 3 { 2 } else { 4 - n as usize });
    }
}

// proves: MAM-26
#[test]
fn the_queries_of_a_session_are_read_one_after_the_other() {
    let mut server = Server::new([Ok(Some(record_with("juliet@localhost")))]);
    let conn = ConnId(1);
    server.attach(conn);
    server.say(conn, BIND);
    for n in 1..=3 {
        let query = format!(
            "<iq xmlns='jabber:client' type='set' id='q{n}'><query xmlns='urn:xmpp:mam:2'/></iq>"
        );
        server.say(conn, &query);
    }
    for n in 1..=3 {
        assert_eq!(server.pages.len(), 1, "the next waits until this is told");
        assert!(!server.told(conn, &format!("id='q{n}'")));
        server.tell_an_empty_page();
        assert!(server.told(conn, &format!("id='q{n}'")));
    }
    assert!(server.pages.is_empty());
}

// proves: CO-03 RT-09 RO-09 S11-32
#[test]
fn what_waits_for_an_account_that_cannot_be_read_comes_back() {
    const PRESENCE: &str = "<presence xmlns='jabber:client'/>";
    let asks = [
        "<iq xmlns='jabber:client' type='get' id='q1' to='juliet@localhost/hall'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<iq xmlns='jabber:client' type='get' id='q2' to='juliet@localhost'>\
         <pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='n'/></pubsub></iq>",
        "<message xmlns='jabber:client' type='chat' id='m' to='juliet@localhost'><body>!</body>\
         <no-store xmlns='urn:xmpp:hints'/></message>",
        "<presence xmlns='jabber:client' type='subscribe' id='s' to='juliet@localhost'/>",
    ];
    let romeo = Ok(Some(record_with("mercutio@localhost")));
    let mut loads = vec![romeo, Err(ReadError::Storage)];
    loads.extend(asks.map(|_| Err(ReadError::Storage)));
    let mut server = Server::new(loads);
    let conn = ConnId(1);
    server.attach(conn);
    for frame in [BIND, PRESENCE] {
        server.say(conn, frame);
    }
    for ask in asks {
        server.sent.clear();
        server.say(conn, ask);
        let mut back = server.sent.iter().map(|(_, frame)| frame);
        let is_back = |frame: &String| {
            frame.contains("type='error'") && frame.contains("<resource-constraint")
        };
        assert_eq!(
            back.clone().filter(|f| is_back(f)).count(),
            1,
            "{ask}: {:?}",
            server.sent
        );
        let id = ask
            .split("id='")
            .nth(1)
            .unwrap()
            .split('\'')
            .next()
            .unwrap();
        assert!(
            back.any(|frame| frame.contains(&format!("id='{id}'"))),
            "{ask}"
        );
    }
}
