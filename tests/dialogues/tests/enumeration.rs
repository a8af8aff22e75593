//! What somebody learns of accounts that are none of their business: nothing, not even whether they exist.

use anyhow::{Result, ensure};
use dialogues::Stage;
use protocol::Element;

/// All that mercutio tries on an account, with what he hears; the name of the account is taken out.
fn tried(name: &str, is_online: bool) -> Result<Vec<Vec<Element>>> {
    let mut stage = Stage::new()?;
    if is_online {
        stage.line(&format!("{name}/hall connects"))?;
        stage.line(&format!(
            "{name}/hall sends <iq type='set' id='p'><pubsub xmlns='@pubsub'><publish node='urn:x'>\
             <item id='i'><a xmlns='urn:x'/></item></publish></pubsub></iq>"
        ))?;
    }
    stage.line("mercutio/street connects as sm")?;
    stage.take("mercutio/street")?;
    let items = "<pubsub xmlns='@pubsub'><items node='urn:x'/></pubsub>";
    let publish = "<pubsub xmlns='@pubsub'><publish node='urn:x'><item id='i'><a xmlns='urn:x'/></item></publish></pubsub>";
    let subscribe = "<pubsub xmlns='@pubsub'><subscribe node='urn:x' jid='mercutio@…'/></pubsub>";
    let mut heard = Vec::new();
    for to in [format!("{name}@…"), format!("{name}@…/elsewhere")] {
        for (kind, payload) in [
            ("get", "<ping xmlns='@ping'/>"),
            ("get", "<query xmlns='jabber:iq:version'/>"),
            ("get", "<query xmlns='jabber:iq:last'/>"),
            ("get", "<query xmlns='@info'/>"),
            ("get", "<query xmlns='@items'/>"),
            ("get", "<query xmlns='@info' node='urn:x'/>"),
            ("get", "<query xmlns='@roster'/>"),
            ("get", "<query xmlns='@register'/>"),
            ("get", "<vCard xmlns='vcard-temp'/>"),
            ("set", "<vCard xmlns='vcard-temp'/>"),
            ("set", "<query xmlns='@mam'/>"),
            ("get", "<query xmlns='@mam'/>"),
            ("get", "<metadata xmlns='@mam'/>"),
            ("get", items),
            ("set", publish),
            ("set", subscribe),
            ("get", "<blocklist xmlns='urn:xmpp:blocking'/>"),
            ("get", "<anything xmlns='urn:example:anything'/>"),
        ] {
            stage.line(&format!(
                "mercutio/street sends <iq type='{kind}' id='q' to='{to}'>{payload}</iq>"
            ))?;
            heard.push(stage.take("mercutio/street")?);
        }
        for presence in ["probe", "unavailable", "unsubscribe", "unsubscribed"] {
            stage.line(&format!(
                "mercutio/street sends <presence type='{presence}' to='{to}'/>"
            ))?;
            heard.push(stage.take("mercutio/street")?);
        }
        stage.line(&format!("mercutio/street sends <presence to='{to}'/>"))?;
        heard.push(stage.take("mercutio/street")?);
    }
    stage.line("2 seconds pass")?;
    heard.push(stage.take("mercutio/street")?);
    let nameless = |frame: &Element| -> Result<Element> {
        let text = frame.to_string().replace(name, "somebody");
        Ok(Element::parse(&text, protocol::XmlLimits::AFTER_LOGIN)?)
    };
    let frames = heard
        .iter()
        .map(|frames| frames.iter().map(nameless).collect());
    frames.collect()
}

// proves: SEC-24 SEC-46
#[test]
fn a_stranger_hears_the_same_of_those_who_exist_and_those_who_do_not() -> Result<()> {
    let nobody = tried("nobody", false)?;
    ensure!(
        nobody.iter().flatten().count() > 30,
        "hardly anything is answered"
    );
    for is_online in [false, true] {
        let juliet = tried("juliet", is_online)?;
        for (n, (of_juliet, of_nobody)) in juliet.iter().zip(&nobody).enumerate() {
            ensure!(
                of_juliet == of_nobody,
                "{n}, {is_online}: {of_juliet:?}, {of_nobody:?}"
            );
        }
        ensure!(juliet.len() == nobody.len());
    }
    Ok(())
}

// proves: SEC-35
#[test]
fn ten_thousand_guesses_find_no_session() -> Result<()> {
    let mut stage = Stage::new()?;
    stage.line("romeo/phone connects as s11")?;
    let real = stage.value("romeo/phone.sm").unwrap_or_default().to_owned();
    stage.line("romeo/phone loses its connection")?;
    stage.line("romeo/thief connects as raw")?;
    let mut wrong = real.clone();
    let last = wrong.pop().unwrap_or('A');
    for n in 0..10_000 {
        // Some are wrong by one letter only.
        let guess = match n % 3 {
            0 => format!("{wrong}{}", if last == 'x' { 'y' } else { 'x' }),
            1 => format!("guess{n}"),
            _ => real.chars().rev().chain(n.to_string().chars()).collect(),
        };
        stage.send(
            "romeo/thief",
            &format!("<resume xmlns='urn:xmpp:sm:3' previd='{guess}' h='0'/>"),
        )?;
        let answers = stage.take("romeo/thief")?;
        let [failed] = answers.as_slice() else {
            anyhow::bail!("{answers:?}");
        };
        ensure!(
            failed
                .find("item-not-found", protocol::ns::STANZAS)
                .is_some()
        );
        ensure!(failed.get_attr("h").is_none(), "{failed}");
    }
    // It is still there for whoever knows its id.
    stage.line(&format!(
        "romeo/thief sends <resume xmlns='@sm' previd='{real}' h='0'/>"
    ))?;
    stage.line("romeo/thief receives <resumed xmlns='@sm' h='0'/>")
}
