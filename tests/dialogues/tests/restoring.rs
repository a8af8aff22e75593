//! Sessions of a killed server that come back while their account is full.

use anyhow::Result;
use dialogues::Stage;
use server_core::Limits;

fn play(stage: &mut Stage, lines: &[&str]) -> Result<()> {
    lines.iter().try_for_each(|line| stage.line(line))
}

const RESUME: &str = "sends <resume xmlns='@sm' previd='{romeo/phone.sm}' h='0' \
    xmlns:s='urn:x-balcony:s11:0' s:pos='{romeo/phone.prefix}.r1'/>";

// proves: LIM-08 S11-64 SEC-34
#[test]
fn a_session_comes_back_only_where_its_account_has_room_for_it() -> Result<()> {
    let mut stage = Stage::with_limits(Limits {
        sessions_per_account: 2,
        ..Limits::default()
    })?;
    let resume = |who: &str| format!("{who} {RESUME}");
    let begin = [
        "romeo/phone connects as s11",
        "romeo/phone sends <message to='juliet@…' type='chat' id='r1'><body>one</body></message>",
        "romeo/phone receives <a xmlns='@sm' h='1'/>",
        "server restarts",
        "romeo/a connects as plain",
        "romeo/b connects as raw",
        "store stops reading",
    ];
    play(&mut stage, &begin)?;
    // There is room when it is asked for, and none any more when its place is known.
    stage.line(&resume("romeo/b"))?;
    let full = [
        "romeo/c connects as plain",
        "store reads again",
        "romeo/b receives <failed xmlns='@sm' h='1'><resource-constraint xmlns='@stanzas'/></failed>",
    ];
    play(&mut stage, &full)?;
    // None at once; neither for a new one.
    stage.line(&resume("romeo/b"))?;
    let still_full = [
        "romeo/b receives <failed xmlns='@sm' h='1'><resource-constraint xmlns='@stanzas'/></failed>",
        "romeo/b sends <iq type='set' id='b'><bind xmlns='@bind'/></iq>",
        "romeo/b receives <iq type='error' id='b'><error type='wait'><resource-constraint xmlns='@stanzas'/></error></iq>",
        "romeo/a sends <close xmlns='@framing'/>",
    ];
    play(&mut stage, &still_full)?;
    // It was not given up meanwhile.
    stage.line(&resume("romeo/b"))?;
    stage.line("romeo/b receives <resumed xmlns='@sm' h='1' xmlns:s='urn:x-balcony:s11:0' s:restored='true'/>")
}
