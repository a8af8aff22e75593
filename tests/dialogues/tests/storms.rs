//! Much of the same: acks, toggles, floods, and counters that pass 2^32.

#![allow(
    clippy::unwrap_used,
    reason = "test code, though not inside a test function"
)]

use dialogues::Stage;
use proptest::prelude::*;
use protocol::{Element, ns};
use server_core::Limits;

/// What a device received, without the answers to `<r/>`.
fn stanzas(stage: &mut Stage, name: &str) -> Vec<Element> {
    let mut frames = stage.take(name).unwrap();
    frames.retain(|frame| frame.ns() == ns::CLIENT);
    frames
}

/// The id of a message, of the one inside if it is a copy.
fn id_of(frame: &Element) -> String {
    let wrap = frame.find("sent", ns::MR2);
    let inner = wrap
        .and_then(|wrap| wrap.find("forwarded", ns::FORWARD))
        .and_then(|forwarded| forwarded.find("message", ns::CLIENT));
    inner.unwrap_or(frame).get_attr("id").unwrap().to_owned()
}

fn chat(stage: &mut Stage, from: &str, to: &str, id: &str) {
    let message =
        format!("{from} sends <message to='{to}@…' type='chat' id='{id}'><body>x</body></message>");
    stage.line(&message).unwrap();
}

// proves: SM-36 SM-07
#[test]
fn an_ack_is_answered_by_nothing_and_a_question_by_one_ack() {
    let mut stage = Stage::new().unwrap();
    stage.line("romeo/phone connects as sm").unwrap();
    stage.take("romeo/phone").unwrap();
    for _ in 0..1_000 {
        stage
            .line("romeo/phone sends <a xmlns='@sm' h='0'/>")
            .unwrap();
    }
    stage.line("60 seconds pass").unwrap();
    let unasked = stage.take("romeo/phone").unwrap();
    assert!(unasked.len() <= 1, "at most what is owed for the presence");
    for _ in 0..1_000 {
        stage.line("romeo/phone sends <r xmlns='@sm'/>").unwrap();
    }
    stage.line("60 seconds pass").unwrap();
    let answers = stage.take("romeo/phone").unwrap();
    assert_eq!(answers.len(), 1_000);
    for answer in answers {
        assert!(answer.is("a", ns::SM));
        assert_eq!(answer.get_attr("h"), Some("1"));
    }
}

// proves: SM-32 SM-33
#[test]
fn who_wants_no_resumption_is_promised_none() {
    for (resume, is_promised) in [("false", false), ("0", false), ("true", true)] {
        let mut stage = Stage::new().unwrap();
        for line in [
            "romeo/phone connects as raw",
            "romeo/phone sends <iq type='set' id='b'><bind xmlns='@bind'/></iq>",
            "romeo/phone receives <iq type='result' id='b'/>",
        ] {
            stage.line(line).unwrap();
        }
        stage
            .line(&format!(
                "romeo/phone sends <enable xmlns='@sm' resume='{resume}'/>"
            ))
            .unwrap();
        let enabled = stage.take("romeo/phone").unwrap().remove(0);
        assert!(enabled.is("enabled", ns::SM));
        let resume = enabled.get_attr("resume").is_some_and(|r| r == "true");
        let found = (resume, enabled.get_attr("id").is_some());
        assert_eq!(found, (is_promised, is_promised), "{enabled:?}");
    }
}

// proves: SM-04 SM-17 SM-23
#[test]
fn counters_pass_the_end_of_their_range() {
    let first: u32 = u32::MAX - 2;
    let h = |count: u32| first.wrapping_add(count);
    let limits = Limits {
        first_h: first,
        ..Limits::default()
    };
    let mut stage = Stage::with_limits(limits).unwrap();
    stage.line("romeo/phone connects as s11").unwrap();
    stage.line("juliet/hall connects as s11").unwrap();
    for n in 1..=6 {
        chat(&mut stage, "romeo/phone", "juliet", &n.to_string());
        stage.line("romeo/phone sends <r xmlns='@sm'/>").unwrap();
        let last = stage.take("romeo/phone").unwrap().pop().unwrap();
        assert_eq!(last.get_attr("h"), Some(h(n).to_string().as_str()));
        stage
            .line(&format!("juliet/hall sends <a xmlns='@sm' h='{}'/>", h(n)))
            .unwrap();
    }
    // All six were taken as possible, and nothing is repeated.
    assert_eq!(stanzas(&mut stage, "juliet/hall").len(), 6);
    chat(&mut stage, "romeo/phone", "juliet", "7");
    chat(&mut stage, "romeo/phone", "juliet", "8");
    stage.line("juliet/hall loses its connection").unwrap();
    stage.line("juliet/back connects as raw").unwrap();
    let resume = format!(
        "juliet/back sends <resume xmlns='@sm' previd='{{juliet/hall.sm}}' h='{}'/>",
        h(7)
    );
    stage.line(&resume).unwrap();
    let frames = stage.take("juliet/back").unwrap();
    assert!(frames.first().unwrap().is("resumed", ns::SM));
    let ids: Vec<_> = frames.iter().skip(1).map(id_of).collect();
    assert_eq!(ids, ["8"]);
    // Back over the end is back all the same.
    stage
        .line(&format!("juliet/back sends <a xmlns='@sm' h='{}'/>", h(2)))
        .unwrap();
    let error = stage.take("juliet/back").unwrap().swap_remove(0);
    let detail = error.find("handled-count-too-high", ns::SM).unwrap();
    assert_eq!(
        detail.get_attr("send-count"),
        Some(h(8).to_string().as_str())
    );
}

// proves: SM-31 LIM-09
#[test]
fn a_detached_session_that_grows_too_large_is_lost_and_the_archive_is_whole() {
    for (unacked_stanzas, unacked_bytes) in [(20, 8 << 20), (5_000, 6_000)] {
        let limits = Limits {
            unacked_stanzas,
            unacked_bytes,
            ..Limits::default()
        };
        let mut stage = Stage::with_limits(limits).unwrap();
        stage.line("romeo/phone connects as sm").unwrap();
        stage.line("juliet/hall connects as s11").unwrap();
        stage.take("romeo/phone").unwrap();
        stage.line("romeo/phone loses its connection").unwrap();
        for n in 0..10 {
            chat(&mut stage, "juliet/hall", "romeo", &n.to_string());
        }
        stage.line("0.1 seconds pass").unwrap();
        // So much is still kept.
        stage.line("romeo/one connects as raw").unwrap();
        stage
            .line("romeo/one sends <resume xmlns='@sm' previd='{romeo/phone.sm}' h='0'/>")
            .unwrap();
        let kept = stage.take("romeo/one").unwrap();
        assert!(kept.first().unwrap().is("resumed", ns::SM));
        assert_eq!(kept.len(), 11);
        stage.line("romeo/one loses its connection").unwrap();
        for n in 10..50 {
            chat(&mut stage, "juliet/hall", "romeo", &n.to_string());
        }
        stage.line("0.1 seconds pass").unwrap();
        stage.line("romeo/two connects as raw").unwrap();
        stage
            .line("romeo/two sends <resume xmlns='@sm' previd='{romeo/phone.sm}' h='0'/>")
            .unwrap();
        let answer = stage.take("romeo/two").unwrap().swap_remove(0);
        assert!(answer.is("failed", ns::SM));
        assert!(answer.find("item-not-found", ns::STANZAS).is_some());
        stage.line("archive of romeo holds 50 entries").unwrap();
    }
}

// proves: RT-01 SM-29
#[test]
fn hundreds_of_messages_wait_and_come_once_in_order() {
    let mut stage = Stage::new().unwrap();
    stage.line("juliet/hall connects as plain").unwrap();
    for n in 0..300 {
        chat(&mut stage, "juliet/hall", "romeo", &n.to_string());
    }
    let all: Vec<_> = (0..300).map(|n| n.to_string()).collect();
    // Taken and never acknowledged: they wait again.
    stage.line("romeo/one connects as sm").unwrap();
    let taken: Vec<_> = stanzas(&mut stage, "romeo/one").iter().map(id_of).collect();
    assert_eq!(taken, all);
    let first_hundred = "romeo/one sends <a xmlns='@sm' h='100'/>";
    stage.line(first_hundred).unwrap();
    stage
        .line("romeo/one sends <close xmlns='@framing'/>")
        .unwrap();
    stage.line("romeo/two connects as plain").unwrap();
    let taken: Vec<_> = stanzas(&mut stage, "romeo/two").iter().map(id_of).collect();
    assert_eq!(taken, all[100..]);
    stage.line("romeo/two loses its connection").unwrap();
    stage.line("romeo/three connects as plain").unwrap();
    assert!(stanzas(&mut stage, "romeo/three").is_empty());
}

// proves: MAM-12
#[test]
fn a_query_names_a_hundred_ids_at_most_and_gets_each_once_in_order() {
    let mut stage = Stage::new().unwrap();
    stage.line("romeo/phone connects as s11").unwrap();
    for n in 0..101 {
        chat(&mut stage, "romeo/phone", "juliet", &n.to_string());
    }
    stage.take("romeo/phone").unwrap();
    let prefix = stage.value("romeo/phone.prefix").unwrap().to_owned();
    let mut ask = |ids: &mut dyn Iterator<Item = u32>| {
        let values: String = ids
            .map(|n| format!("<value>{prefix}.{n}</value>"))
            .collect();
        let form = "<field var='FORM_TYPE'><value>urn:xmpp:mam:2</value></field>";
        stage
            .line(&format!(
                "romeo/phone sends <iq type='set' id='q'><query xmlns='@mam'><x xmlns='@data' type='submit'>{form}\
                 <field var='ids'>{values}</field></x></query></iq>"
            ))
            .unwrap();
        stanzas(&mut stage, "romeo/phone")
    };
    let refused = ask(&mut (0..101)).swap_remove(0);
    let error = refused.find("error", ns::CLIENT).unwrap();
    assert!(error.find("policy-violation", ns::STANZAS).is_some());
    // A hundred, backwards, of which half are the same.
    let mut answer = ask(&mut (0..50).chain(0..50).rev());
    assert_eq!(answer.pop().unwrap().get_attr("type"), Some("result"));
    let ids: Vec<_> = answer
        .iter()
        .map(|frame| {
            frame
                .find("result", ns::MAM)
                .unwrap()
                .get_attr("id")
                .unwrap()
        })
        .collect();
    let expected: Vec<_> = (0..50).map(|n| format!("{prefix}.{n}")).collect();
    assert_eq!(ids, expected);
}

/// What may happen around an inactive device.
#[derive(Clone, Copy, Debug)]
enum Event {
    Active,
    Inactive,
    /// Another own device writes: a copy, which may wait.
    Wrapped,
    /// The contact writes: never waits.
    Direct,
    Seconds(u16),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        Just(Event::Active),
        Just(Event::Inactive),
        Just(Event::Wrapped),
        Just(Event::Direct),
        (0..700_u16).prop_map(Event::Seconds),
    ];
    prop::collection::vec(event, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    // proves: CS-03 CS-09
    #[test]
    fn however_a_device_toggles_everything_comes_once_and_in_order(events in events(), is_plain: bool) {
        let mut stage = Stage::new().unwrap();
        let mode = if is_plain { "mr2" } else { "s11" };
        stage.line(&format!("romeo/phone connects as {mode}")).unwrap();
        stage.line("romeo/desk connects as s11").unwrap();
        stage.line("juliet/hall connects as s11").unwrap();
        stage.take("romeo/phone").unwrap();
        let (mut sent, mut got) = (Vec::new(), Vec::new());
        let mut inactive = false;
        for (n, event) in events.iter().enumerate() {
            let id = n.to_string();
            match event {
                Event::Active | Event::Inactive => {
                    inactive = matches!(event, Event::Inactive);
                    let name = if inactive { "inactive" } else { "active" };
                    stage.line(&format!("romeo/phone sends <{name} xmlns='@csi'/>")).unwrap();
                }
                Event::Wrapped => {
                    chat(&mut stage, "romeo/desk", "juliet", &id);
                    sent.push(id);
                }
                Event::Direct => {
                    chat(&mut stage, "juliet/hall", "romeo", &id);
                    sent.push(id);
                }
                Event::Seconds(seconds) => stage.line(&format!("{seconds} seconds pass")).unwrap(),
            }
            got.extend(stanzas(&mut stage, "romeo/phone").iter().map(id_of));
            prop_assert!(sent.starts_with(&got), "{:?} of {:?}", got, sent);
            if !inactive || matches!(event, Event::Direct) {
                prop_assert_eq!(&got, &sent);
            }
        }
        stage.line("romeo/phone sends <active xmlns='@csi'/>").unwrap();
        got.extend(stanzas(&mut stage, "romeo/phone").iter().map(id_of));
        prop_assert_eq!(got, sent);
    }
}

// proves: CS-04 LIM-25
#[test]
fn two_hundred_and_fifty_six_held_copies_go_out_at_once() {
    let mut stage = Stage::new().unwrap();
    for line in [
        "romeo/phone connects as carbons",
        "romeo/desk connects as plain",
        "romeo/phone skips what waits",
        "romeo/phone sends <inactive xmlns='@csi'/>",
        "romeo/desk sends 255 lines to juliet",
        "romeo/phone receives nothing",
    ] {
        stage.line(line).unwrap();
    }
    let last =
        "romeo/desk sends <message to='juliet@…' type='chat' id='last'><body>!</body></message>";
    stage.line(last).unwrap();
    let frames = stanzas(&mut stage, "romeo/phone");
    assert_eq!(frames.len(), 256);
    assert!(
        frames
            .iter()
            .all(|frame| frame.find("sent", ns::CARBONS).is_some())
    );
}
