//! What the server pours out by itself cuts off nobody who reads (LIM-07).

#![allow(
    clippy::unwrap_used,
    reason = "test code, though not inside a test function"
)]

use dialogues::Stage;
use protocol::{BareJid, Element, ns};
use server_core::Limits;
use server_core::archive::{Append, Keep};

const MAM: &str = "<query xmlns='@mam'>";

fn say(stage: &mut Stage, lines: &[&str]) {
    for line in lines {
        stage.line(line).unwrap();
    }
}

/// Thirty messages of nearly the largest size there is lie in romeo's archive: more than LIM-07 lets wait.
fn with_large_messages() -> Stage {
    let mut stage = Stage::new().unwrap();
    say(
        &mut stage,
        &[
            "juliet/hall connects as s11",
            "romeo/old connects as s11",
            // Else she were a stranger, of whom his archive takes little (LIM-17).
            "romeo/old sends <message to='juliet@…' type='chat' id='hello'><body>!</body></message>",
            "romeo/old sends <close xmlns='@framing'/>",
        ],
    );
    for n in 0..30 {
        let body = "<body>{261950 letters}</body>";
        let line = format!(
            "juliet/hall sends <message to='romeo@…' type='chat' id='m{n}'>{body}</message>"
        );
        say(&mut stage, &[&line]);
    }
    say(&mut stage, &["archive of romeo holds 31 entries"]);
    stage
}

/// Reads the whole archive page by page; gives the ids of the messages. What comes is acknowledged as
/// a client with stream management would.
fn read_all(stage: &mut Stage, name: &str, acks: bool) -> Vec<String> {
    let (mut found, mut page, mut handled) = (Vec::new(), String::new(), 0);
    for _ in 0..31 {
        let set = format!("<set xmlns='@rsm'><max>250</max>{page}</set>");
        say(
            stage,
            &[&format!(
                "{name} sends <iq type='set' id='q'>{MAM}{set}</query></iq>"
            )],
        );
        let mut frames = stage.take(name).unwrap();
        say(stage, &[&format!("{name} is open")]);
        frames.retain(|frame| frame.ns() == ns::CLIENT);
        handled += frames.len();
        if acks {
            say(
                stage,
                &[&format!("{name} sends <a xmlns='@sm' h='{handled}'/>")],
            );
        }
        let fin = frames.pop().unwrap();
        let fin = fin.find("fin", ns::MAM).unwrap();
        found.extend(frames.iter().map(id_of_result));
        if fin.get_attr("complete") == Some("true") {
            break;
        }
        let last = fin
            .find("set", ns::RSM)
            .and_then(|set| set.find("last", ns::RSM));
        page = format!("<after>{}</after>", last.unwrap().own_text());
    }
    found
}

fn id_of_result(frame: &Element) -> String {
    let result = frame.find("result", ns::MAM).unwrap();
    let forwarded = result.find("forwarded", ns::FORWARD).unwrap();
    let message = forwarded.find("message", ns::CLIENT).unwrap();
    message.get_attr("id").unwrap().to_owned()
}

// proves: LIM-07 S11-52 INV-27 INV-28
#[test]
fn an_archive_of_large_messages_can_be_read_to_its_end() {
    let mut stage = with_large_messages();
    let mut wanted = vec!["hello".to_owned()];
    wanted.extend((0..30).map(|n| format!("m{n}")));
    for (mode, acks) in [("s11", true), ("sm", true), ("plain", false)] {
        let name = format!("romeo/{mode}");
        say(&mut stage, &[&format!("{name} connects as {mode}")]);
        stage.take(&name).unwrap();
        assert_eq!(read_all(&mut stage, &name, acks), wanted, "{mode}");
    }
}

// proves: LIM-07 LIM-09 SM-17
#[test]
fn a_full_queue_is_sent_once_more_to_its_last_stanza() {
    let mut stage = Stage::new().unwrap();
    say(
        &mut stage,
        &[
            "juliet/hall connects as s11",
            "romeo/phone connects as sm",
            "romeo/phone skips what waits",
            "romeo/phone loses its connection",
            "juliet/hall sends 5000 lines to romeo",
            "romeo/back connects as raw",
            "romeo/back sends <resume xmlns='@sm' previd='{romeo/phone.sm}' h='0'/>",
            "romeo/back is open",
        ],
    );
    let mut frames = stage.take("romeo/back").unwrap();
    frames.retain(|frame| frame.ns() == ns::CLIENT);
    let ids: Vec<_> = frames.iter().filter_map(|f| f.get_attr("id")).collect();
    let wanted: Vec<_> = (1..=5_000).map(|n| format!("line{n}")).collect();
    assert!(ids == wanted, "{} came", ids.len());
    // Live messages follow, and so does what answers.
    say(
        &mut stage,
        &[
            "romeo/back sends <a xmlns='@sm' h='5000'/>",
            "juliet/hall sends <message to='romeo@…' type='chat' id='last'><body>!</body></message>",
            "romeo/back receives <message id='last'/>",
        ],
    );
}

// proves: LIM-07 SM-29
#[test]
fn large_messages_that_waited_are_given_out_as_fast_as_they_are_taken() {
    let mut stage = Stage::new().unwrap();
    say(
        &mut stage,
        &[
            "juliet/hall connects as s11",
            "romeo/phone connects as sm",
            "romeo/phone sends <message to='juliet@…' type='chat' id='hello'><body>!</body></message>",
            "romeo/phone loses its connection",
        ],
    );
    for n in 0..28 {
        let body = "<body>{261950 letters}</body>";
        let line = format!(
            "juliet/hall sends <message to='romeo@…' type='chat' id='m{n}'>{body}</message>"
        );
        say(&mut stage, &[&line]);
    }
    say(
        &mut stage,
        &[
            "romeo/back connects as raw",
            "romeo/back sends <resume xmlns='@sm' previd='{romeo/phone.sm}' h='0'/>",
            "romeo/back is open",
        ],
    );
    let mut frames = stage.take("romeo/back").unwrap();
    frames.retain(|frame| frame.ns() == ns::CLIENT);
    assert_eq!(frames.len(), 28);
}

// proves: LIM-14 INV-27 S11-41
#[test]
fn who_sends_much_can_still_acknowledge_what_it_got() {
    let limits = Limits {
        unacked_stanzas: 20,
        ..Limits::default()
    };
    let mut stage = Stage::with_limits(limits).unwrap();
    say(
        &mut stage,
        &[
            "juliet/hall connects as s11",
            "romeo/phone connects as s11",
            // Beyond half of LIM-09 the cursor waits for an `<a/>`.
            "juliet/hall sends 15 lines to romeo",
        ],
    );
    let before = 3;
    say(&mut stage, &["romeo/phone has 3 credits"]);
    for n in 1..=40 {
        let body = "<body>!</body>";
        let line = format!(
            "romeo/phone sends <message to='juliet@…' type='chat' id='r{n}'>{body}</message>"
        );
        let credits = format!("romeo/phone has {} credits", before + n);
        say(&mut stage, &[&line, &credits]);
    }
    let frames = stage.take("romeo/phone").unwrap();
    let got = frames
        .iter()
        .filter(|frame| frame.ns() == ns::CLIENT)
        .count();
    assert_eq!(got, 11);
    say(&mut stage, &["romeo/phone sends <a xmlns='@sm' h='11'/>"]);
    let frames = stage.take("romeo/phone").unwrap();
    let rest = frames
        .iter()
        .filter(|frame| frame.ns() == ns::CLIENT)
        .count();
    assert_eq!(rest, 4);
    // All of its own messages are passed and acknowledged behind them, each once.
    assert_eq!(frames.last().unwrap().get_attr("h"), Some("40"));
    say(&mut stage, &["romeo/phone has 44 credits"]);
}

// proves: INV-27 SEC-79
#[test]
fn an_entry_that_cannot_be_read_keeps_nothing_from_what_follows() {
    let mut stage = Stage::new().unwrap();
    say(
        &mut stage,
        &[
            "juliet/hall connects as s11",
            "romeo/phone connects as s11",
            "romeo/old connects as sm",
        ],
    );
    let (juliet, romeo) = ("juliet@localhost", "romeo@localhost");
    let damaged = Append {
        sender: BareJid::new(juliet).unwrap(),
        resource: None,
        recipient: Some(BareJid::new(romeo).unwrap()),
        peer: BareJid::new(romeo).unwrap(),
        own_id: None,
        digest: [1; 32],
        keep: Keep::Entries,
        spool: false,
        retracts: None,
        stanza: "<message <broken</message>".into(),
        session: None,
    };
    let stored = stage.memory().append_now(&[damaged]);
    assert!(stored.iter().all(Result::is_ok));
    say(
        &mut stage,
        &[
            "juliet/hall sends 3 lines to romeo",
            "romeo/phone receives <message id='line1'/>",
            "romeo/phone receives <message id='line2'/>",
            "romeo/phone receives <message id='line3'/>",
            "romeo/phone receives nothing",
            "romeo/old receives <message id='line1'/>",
            "romeo/old receives <message id='line2'/>",
            "romeo/old receives <message id='line3'/>",
            "romeo/old receives nothing",
        ],
    );
}
