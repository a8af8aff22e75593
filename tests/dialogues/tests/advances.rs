//! How many people who do not know an account it may come to within an hour (LIM-17).

use anyhow::{Result, ensure};
use dialogues::Stage;
use protocol::{Element, StanzaError};
use server_core::Limits;

/// A stage on which two strangers an hour may be written to, and two asked for their presence.
fn stage() -> Result<Stage> {
    Stage::with_limits(Limits {
        new_recipients_per_hour: 2,
        requests_per_hour: 2,
        ..Limits::default()
    })
}

fn play(stage: &mut Stage, script: &str) -> Result<()> {
    let lines = script.lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .try_for_each(|line| stage.line(line))
}

/// What a device hears of a message; its own id makes the answer its own.
fn says(stage: &mut Stage, from: &str, to: &str, id: &str, body: &str) -> Result<Vec<Element>> {
    stage.take(from)?;
    stage.line(&format!(
        "{from} sends <message to='{to}@…' type='chat' id='{id}'>{body}</message>"
    ))?;
    let heard = stage.take(from)?;
    let is_answer = |frame: &Element| frame.get_attr("id") == Some(id);
    Ok(heard.into_iter().filter(is_answer).collect())
}

/// Whether the answer is the one of LIM-17, and the only one.
fn is_too_many(answers: &[Element]) -> bool {
    let [answer] = answers else { return false };
    let error = answer.find("error", protocol::ns::CLIENT);
    let error = error.map(StanzaError::from_element);
    error.is_some_and(|error| {
        error.condition == protocol::Condition::PolicyViolation && error.kind == "wait"
    })
}

/// Whether a message is one too many.
fn refuses(stage: &mut Stage, from: &str, to: &str, id: &str, body: &str) -> Result<bool> {
    Ok(is_too_many(&says(stage, from, to, id, body)?))
}

const BODY: &str = "<body>hello</body>";

// proves: LIM-17
#[test]
fn new_recipients_are_counted_by_the_hour() -> Result<()> {
    let mut stage = stage()?;
    stage.line("romeo/phone connects as s11")?;
    stage.line("juliet/hall connects as s11")?;
    // Whether they exist or not, and as often as one likes.
    for to in ["nobody", "none", "nobody"] {
        ensure!(!refuses(&mut stage, "romeo/phone", to, "a", BODY)?);
    }
    ensure!(refuses(&mut stage, "romeo/phone", "juliet", "r1", BODY)?);
    // Not beside the log either, nor as another kind of message, nor from another session, also a plain one.
    let fleeting = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
    for (id, body) in [
        ("r2", fleeting),
        ("r3", "<body>x</body><no-store xmlns='@hints'/>"),
    ] {
        ensure!(refuses(&mut stage, "romeo/phone", "juliet", id, body)?);
    }
    stage.line("romeo/phone sends <close xmlns='@framing'/>")?;
    stage.line("romeo/old connects as plain")?;
    ensure!(refuses(&mut stage, "romeo/old", "juliet", "r4", BODY)?);
    ensure!(refuses(&mut stage, "romeo/old", "juliet", "not one", BODY)?);
    stage.line("juliet/hall receives nothing")?;
    stage.line("archive of juliet holds 0 entries")?;
    // Others are not concerned, and within the hour nothing changes.
    stage.line("3598 seconds pass")?;
    ensure!(refuses(&mut stage, "romeo/old", "juliet", "r5", BODY)?);
    stage.take("juliet/hall")?;
    ensure!(says(&mut stage, "juliet/hall", "mercutio", "j1", BODY)?.is_empty());
    stage.line("archive of mercutio holds 1 entry")?;
    stage.line("2 seconds pass")?;
    ensure!(says(&mut stage, "romeo/old", "juliet", "r6", BODY)?.is_empty());
    stage.line("archive of juliet holds 2 entries")
}

// proves: LIM-17 S11-17 S11-22
#[test]
fn what_was_too_much_stays_refused_and_what_was_sent_stays_sent() -> Result<()> {
    let mut stage = stage()?;
    stage.line("romeo/phone connects as s11")?;
    ensure!(says(&mut stage, "romeo/phone", "mercutio", "r1", BODY)?.is_empty());
    says(&mut stage, "romeo/phone", "none", "r2", BODY)?;
    ensure!(refuses(&mut stage, "romeo/phone", "juliet", "r3", BODY)?);
    let unkept = "<body>x</body><no-store xmlns='@hints'/>";
    ensure!(refuses(&mut stage, "romeo/phone", "juliet", "r4", unkept)?);
    // Three hours later, and after others were written to, each hears what it heard.
    stage.line("10800 seconds pass")?;
    for (id, body) in [("r3", BODY), ("r4", unkept)] {
        ensure!(refuses(&mut stage, "romeo/phone", "juliet", id, body)?);
    }
    ensure!(says(&mut stage, "romeo/phone", "juliet", "r5", BODY)?.is_empty());
    says(&mut stage, "romeo/phone", "anybody", "r6", BODY)?;
    ensure!(says(&mut stage, "romeo/phone", "mercutio", "r1", BODY)?.is_empty());
    stage.line("archive of mercutio holds 1 entry")?;
    stage.line("archive of juliet holds 1 entry")
}

// proves: LIM-17
#[test]
fn who_is_known_is_not_new() -> Result<()> {
    let mut stage = stage()?;
    // Mercutio was written to long ago, juliet writes first, and each is limited by nothing.
    play(
        &mut stage,
        "romeo/phone connects as s11
         juliet/hall connects as s11
         mercutio/street connects as s11",
    )?;
    ensure!(says(&mut stage, "romeo/phone", "mercutio", "r1", BODY)?.is_empty());
    stage.line("7200 seconds pass")?;
    for to in ["nobody", "none"] {
        says(&mut stage, "romeo/phone", to, "a", BODY)?;
    }
    ensure!(says(&mut stage, "romeo/phone", "mercutio", "r2", BODY)?.is_empty());
    ensure!(refuses(&mut stage, "romeo/phone", "juliet", "r3", BODY)?);
    ensure!(says(&mut stage, "juliet/hall", "romeo", "j1", BODY)?.is_empty());
    ensure!(says(&mut stage, "romeo/phone", "juliet", "r4", BODY)?.is_empty());
    // Also what leaves no entry, of which the log knows nothing.
    let fleeting = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
    ensure!(says(&mut stage, "romeo/phone", "juliet", "r5", fleeting)?.is_empty());
    stage.line("archive of juliet holds 2 entries")?;
    stage.line("archive of mercutio holds 2 entries")?;
    // A contact is known, and so is the account itself.
    let mut stage = self::stage()?;
    play(
        &mut stage,
        "romeo/phone connects as s11
         juliet/hall connects as s11
         romeo/phone sends <presence to='juliet@…' type='subscribe'/>
         juliet/hall sends <presence/>
         juliet/hall sends <presence to='romeo@…' type='subscribed'/>",
    )?;
    for to in ["nobody", "none"] {
        says(&mut stage, "romeo/phone", to, "a", BODY)?;
    }
    ensure!(refuses(&mut stage, "romeo/phone", "mercutio", "r1", BODY)?);
    ensure!(says(&mut stage, "romeo/phone", "juliet", "r2", BODY)?.is_empty());
    ensure!(says(&mut stage, "romeo/phone", "romeo", "r3", BODY)?.is_empty());
    // To put somebody on one's own list makes nobody know one.
    stage.line(
        "romeo/phone sends <iq type='set' id='l'><query xmlns='@roster'><item jid='mercutio@…'/></query></iq>",
    )?;
    ensure!(refuses(&mut stage, "romeo/phone", "mercutio", "r4", BODY)?);
    stage.line("archive of mercutio holds 0 entries")
}

// proves: LIM-17
#[test]
fn requests_to_see_somebody_are_counted_by_the_hour() -> Result<()> {
    let mut stage = stage()?;
    let asks = |stage: &mut Stage, whom: &str, id: &str| -> Result<bool> {
        stage.take("romeo/phone")?;
        stage.line(&format!(
            "romeo/phone sends <presence to='{whom}@…' type='subscribe' id='{id}'/>"
        ))?;
        let heard = stage.take("romeo/phone")?;
        let answers = heard
            .into_iter()
            .filter(|frame| frame.get_attr("id") == Some(id));
        Ok(is_too_many(&answers.collect::<Vec<_>>()))
    };
    play(
        &mut stage,
        "romeo/phone connects as sm
         juliet/hall connects as sm
         mercutio/street connects as sm
         mercutio/street sends <presence to='romeo@…' type='subscribe'/>",
    )?;
    ensure!(!asks(&mut stage, "nobody", "s1")?);
    // To ask, to take it back and to ask again is to ask twice.
    ensure!(!asks(&mut stage, "juliet", "s2")?);
    stage.line("romeo/phone sends <presence to='juliet@…' type='unsubscribe'/>")?;
    stage.take("juliet/hall")?;
    ensure!(asks(&mut stage, "juliet", "s3")?);
    stage.line("juliet/hall receives nothing")?;
    stage.line("romeo/phone sends <iq type='get' id='l'><query xmlns='@roster'/></iq>")?;
    let roster = stage.take("romeo/phone")?;
    let text = roster.first().map(ToString::to_string).unwrap_or_default();
    ensure!(
        !text.contains("ask='subscribe' jid='juliet@localhost'"),
        "{text}"
    );
    // Who asked first is answered alike at any time.
    ensure!(!asks(&mut stage, "mercutio", "s4")?);
    stage.line("3600 seconds pass")?;
    stage.take("juliet/hall")?;
    ensure!(!asks(&mut stage, "juliet", "s5")?);
    stage.line("juliet/hall receives <presence type='subscribe' from='romeo@localhost'/>")
}
