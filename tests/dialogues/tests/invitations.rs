//! How many invitations an account may make (LIM-16), and for how long each is good (RG-07).

use anyhow::{Context as _, Result, ensure};
use dialogues::Stage;
use protocol::invite::{self, Invitation};
use protocol::{Condition, Element, StanzaError, ns};
use server_core::Limits;

const INVITE: &str = "romeo/phone sends <iq type='set' to='localhost' id='c'>\
     <command xmlns='@commands' node='urn:xmpp:invite#invite'/></iq>";

/// The token of one more invitation, or why there is none.
fn invite(stage: &mut Stage) -> Result<Result<String, StanzaError>> {
    stage.line(INVITE)?;
    let heard = stage.take("romeo/phone")?;
    let [answer] = heard.as_slice() else {
        anyhow::bail!("{} answers", heard.len());
    };
    if let Some(error) = answer.find("error", ns::CLIENT) {
        return Ok(Err(StanzaError::from_element(error)));
    }
    let command = answer.find("command", ns::COMMANDS).context("a command")?;
    let invitation = Invitation::from_element(command).context("an invitation")?;
    let token = invite::token_of(&invitation.uri).context("a token")?;
    Ok(Ok(token.to_owned()))
}

fn is_too_many(made: &Result<String, StanzaError>) -> bool {
    made.as_ref().is_err_and(|error| {
        error.condition == Condition::ResourceConstraint && error.kind == "wait"
    })
}

// proves: LIM-16
#[test]
fn so_many_may_be_open_and_so_many_be_made_in_an_hour() -> Result<()> {
    let mut stage = Stage::with_limits(Limits {
        invitations: (3, 2),
        ..Limits::default()
    })?;
    stage.line("romeo/phone connects as plain")?;
    let first = invite(&mut stage)?;
    let second = invite(&mut stage)?;
    ensure!(first.is_ok() && second.is_ok() && first != second);
    ensure!(is_too_many(&invite(&mut stage)?), "a third within the hour");
    stage.line("3600 seconds pass")?;
    ensure!(invite(&mut stage)?.is_ok(), "a third an hour later");
    ensure!(is_too_many(&invite(&mut stage)?), "a fourth that is open");
    stage.line("604800 seconds pass")?;
    ensure!(invite(&mut stage)?.is_ok(), "once the others have expired");
    Ok(())
}

// proves: RG-07 RG-09
#[test]
fn a_token_is_long_and_good_for_a_week() -> Result<()> {
    let mut stage = Stage::new()?;
    stage.line("romeo/phone connects as plain")?;
    for (seconds, is_accepted) in [(604_799, true), (604_801, false)] {
        let token = invite(&mut stage)?.ok().context("an invitation")?;
        ensure!(token.len() == 22, "128 bits");
        stage.line(&format!("{seconds} seconds pass"))?;
        let who = if is_accepted { "juliet" } else { "mercutio" };
        stage.line(&format!("{who}/hall connects as sm"))?;
        stage.line(&format!(
            "{who}/hall sends <presence to='romeo@…' type='subscribe'>\
             <preauth xmlns='@preauth' token='{token}'/></presence>"
        ))?;
        let heard = stage.take(&format!("{who}/hall"))?;
        let is_yes = |frame: &Element| frame.get_attr("type") == Some("subscribed");
        ensure!(
            heard.iter().any(is_yes) == is_accepted,
            "{seconds}: {heard:?}"
        );
        stage.take("romeo/phone")?;
    }
    Ok(())
}
