//! What must hold once everything has come to rest.

use anyhow::{Context as _, Result, ensure};
use client_core::Connection;
use client_core::history::Content;
use protocol::{BareJid, Frame, Message, XmlLimits};

use crate::world::{Said, World};

/// What a fresh device fetches at once; older lines come when somebody scrolls there.
const PAGE: usize = 50;

/// One entry of a log: its id and its text.
type Line = (String, String);

/// Checks everything.
pub(crate) fn all(world: &World) -> Result<()> {
    let logs = world
        .accounts
        .iter()
        .map(|account| Ok((account.clone(), log(world, account)?)));
    let logs: Vec<(BareJid, Vec<Line>)> = logs.collect::<Result<_>>()?;
    devices_are_at_rest(world)?;
    every_line_is_in_both_logs_once(world, &logs)?;
    both_logs_agree(&logs)?;
    devices_show_their_log(world, &logs)
}

fn log(world: &World, account: &BareJid) -> Result<Vec<Line>> {
    let entries = world
        .server
        .store
        .entries_after_now(account, 0, usize::MAX)?;
    let mut lines = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        ensure!(
            entry.pos == index as u64 + 1,
            "INV-04: position {} at {index}",
            entry.pos
        );
        let Ok(Frame::Stanza(stanza)) = Frame::parse(&entry.stanza, XmlLimits::AFTER_LOGIN) else {
            anyhow::bail!("stored stanza cannot be read");
        };
        let message = Message::of_stanza(stanza).context("not a message")?;
        lines.push((entry.id.to_string(), message.body().unwrap_or_default()));
    }
    Ok(lines)
}

/// INV-27: live, and nothing waits.
fn devices_are_at_rest(world: &World) -> Result<()> {
    for (index, device) in world.devices.iter().enumerate() {
        let view = device.engine.view();
        ensure!(
            view.connection == Connection::Live,
            "INV-27: device {index} is {:?}",
            view.connection
        );
        ensure!(
            view.waiting == 0,
            "INV-27: device {index} has {} lines waiting",
            view.waiting
        );
    }
    Ok(())
}

/// INV-07.
fn every_line_is_in_both_logs_once(world: &World, logs: &[(BareJid, Vec<Line>)]) -> Result<()> {
    for (account, log) in logs {
        for Said {
            account: who, text, ..
        } in &world.said
        {
            let count = log.iter().filter(|(_, line)| line == text).count();
            ensure!(
                count == 1,
                "INV-07: {text:?} of {who} stands {count} times in the log of {account}"
            );
        }
        let all = log.len();
        ensure!(
            all >= world.said.len(),
            "INV-07: {all} entries of {}",
            world.said.len()
        );
    }
    Ok(())
}

/// INV-15: the same messages in the same order.
fn both_logs_agree(logs: &[(BareJid, Vec<Line>)]) -> Result<()> {
    let texts = |log: &[Line]| log.iter().map(|(_, text)| text.clone()).collect::<Vec<_>>();
    let [(_, one), (_, other)] = logs else {
        anyhow::bail!("two accounts play here")
    };
    ensure!(texts(one) == texts(other), "INV-15: the logs differ");
    Ok(())
}

/// INV-15, INV-14: what a device shows is its account's log, from its first row on.
fn devices_show_their_log(world: &World, logs: &[(BareJid, Vec<Line>)]) -> Result<()> {
    for (index, device) in world.devices.iter().enumerate() {
        let log = logs.iter().find(|(account, _)| *account == device.account);
        let (_, log) = log.context("a device without account")?;
        let mut shown = Vec::new();
        for row in device.history.rows() {
            let Content::Text(text) = &row.content else {
                continue;
            };
            let id = row.id.as_ref().map(ToString::to_string).unwrap_or_default();
            shown.push((id, text.clone()));
        }
        // A hole looks like a shorter history: say which entry is missed.
        let first = log
            .iter()
            .position(|entry| Some(entry) == shown.first())
            .unwrap_or(log.len());
        let missed = log.iter().skip(first).find(|entry| !shown.contains(entry));
        ensure!(missed.is_none(), "INV-15: device {index} misses {missed:?}");
        let skipped = log.len().checked_sub(shown.len());
        let skipped = skipped.with_context(|| {
            format!("INV-15: device {index} shows more than there is: {shown:?}")
        })?;
        let expected = log.get(skipped..).unwrap_or_default();
        let differs = shown
            .iter()
            .zip(expected)
            .position(|(line, entry)| line != entry);
        if let Some(at) = differs {
            let around = |lines: &[Line]| {
                lines
                    .iter()
                    .skip(at.saturating_sub(3))
                    .take(8)
                    .cloned()
                    .collect::<Vec<_>>()
            };
            let (is, should) = (around(&shown), around(expected));
            anyhow::bail!("INV-15: device {index} shows {is:#?}\nwhere its log has {should:#?}");
        }

        ensure!(
            skipped == 0 || shown.len() >= PAGE,
            "device {index} knows {} lines only",
            shown.len()
        );
    }
    Ok(())
}
