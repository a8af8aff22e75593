//! Measures the archive: `cargo run --release -p store --example figures`.
#![allow(
    clippy::print_stdout,
    reason = "a measurement speaks on standard output"
)]

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use protocol::jid::ResourcePart;
use protocol::message::Message;
use protocol::stanza::{Stanza, StanzaKind};
use protocol::{ArchiveId, BareJid, Element, IdPrefix, ns};
use server_core::archive::{Append, Filter, Keep, PageQuery, Paging};
use server_core::records::{Change, SessionKey, SessionLife, SessionRecord};
use server_core::tokens::DeviceId;
use store::{Accounts as _, Archive as _, Options, Retention, Sqlite};

const MESSAGES: usize = 200_000;
const WRITERS: usize = 64;
const CONTACTS: usize = 50;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("balcony.db");
    let mut options = Options::default();
    options.limits.stranger_bytes = options.limits.quota_bytes;
    let store = Sqlite::open(&path, options)?;
    let contacts = (0..CONTACTS).map(|n| format!("contact{n}"));
    for name in contacts.chain(["romeo".to_owned()]) {
        let change = Change::Register {
            account: bare(&name)?,
            keys: Vec::new(),
            token: None,
        };
        store.change(change).await?;
    }
    write_at_once(&store).await?;
    let started = Instant::now();
    for n in 0..200 {
        write(
            &store,
            "contact1",
            &format!("alone-{n}"),
            session(WRITERS, n)?,
        )
        .await?;
    }
    println!("one writer: {:?} an append", started.elapsed() / 200);
    read_pages(&store).await?;
    clear_away(&store).await?;
    let (main, log) = (
        std::fs::metadata(&path)?,
        std::fs::metadata(folder.path().join("balcony.db-wal"))?,
    );
    let each = main.len() / MESSAGES as u64;
    println!(
        "{each} bytes a message, and {} of write-ahead log in all",
        log.len()
    );
    Ok(())
}

async fn write_at_once(store: &Sqlite) -> Result<()> {
    let started = Instant::now();
    let writers = (0..WRITERS).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            for n in 0..MESSAGES / WRITERS {
                let to = format!("contact{}", (writer + n) % CONTACTS);
                write(&store, &to, &format!("{writer}-{n}"), session(writer, n)?).await?;
            }
            anyhow::Ok(())
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await??;
    }
    let rate = MESSAGES as f64 / started.elapsed().as_secs_f64();
    println!("{WRITERS} writers: {rate:.0} messages/s");
    Ok(())
}

/// Appends wait for a chunk, so its length is what an ack may be late by.
async fn clear_away(store: &Sqlite) -> Result<()> {
    let half = Retention {
        entries: Some(MESSAGES as u64 / 2),
        ..Retention::default()
    };
    store.set_retention(&bare("romeo")?, Some(half)).await?;
    let (mut chunks, mut longest) = (0, Duration::ZERO);
    let started = Instant::now();
    loop {
        let chunk = Instant::now();
        if !store.tend().await? {
            break;
        }
        chunks += 1;
        longest = longest.max(chunk.elapsed());
    }
    let each = started.elapsed() / chunks.max(1);
    println!("clearing away: {chunks} chunks, {each:?} each, the longest {longest:?}");
    Ok(())
}

async fn read_pages(store: &Sqlite) -> Result<()> {
    let middle = store
        .entries_after(&bare("romeo")?, MESSAGES as u64 / 2, 1)
        .await?;
    let start = middle.first().map(|entry| entry.stamp);
    let with = Some(bare("contact7")?.into());
    for (what, max, filter) in [
        ("the last", 100, Filter::default()),
        (
            "from a time in the middle",
            100,
            Filter {
                start,
                ..Filter::default()
            },
        ),
        (
            "of a conversation",
            100,
            Filter {
                with: with.clone(),
                ..Filter::default()
            },
        ),
        (
            "of a conversation from a time",
            100,
            Filter {
                with: with.clone(),
                start,
                ..Filter::default()
            },
        ),
        (
            "the count of a conversation",
            0,
            Filter {
                with,
                ..Filter::default()
            },
        ),
    ] {
        let started = Instant::now();
        for _ in 0..20 {
            let (account, filter) = (bare("romeo")?, filter.clone());
            store
                .page(PageQuery {
                    account,
                    filter,
                    paging: Paging::Backward,
                    max,
                })
                .await?;
        }
        println!("page, {what}: {:?}", started.elapsed() / 20);
    }
    Ok(())
}

async fn write(store: &Sqlite, to: &str, id: &str, session: SessionRecord) -> Result<()> {
    let (sender, recipient) = (bare("romeo")?, bare(to)?);
    let body = Element::new("body", ns::CLIENT).text("x".repeat(400));
    let stanza = Stanza::new(StanzaKind::Message)
        .from(sender.with_resource_str("phone")?)
        .to(recipient.clone())
        .typed("chat")
        .id(id)
        .child(&body);
    let message = Message(stanza);
    let append = Append {
        sender,
        resource: None,
        recipient: Some(recipient.clone()),
        peer: recipient,
        own_id: ArchiveId::of_own(&IdPrefix::from_bits([1; 16]), id),
        digest: message.digest(),
        keep: Keep::Entries,
        retracts: None,
        spool: false,
        session: Some(Box::new(session)),
        stanza: message.0.write().into(),
    };
    store
        .append(vec![append])
        .await
        .pop()
        .context("no answer")??;
    Ok(())
}

/// The record of a device that has sent so many.
fn session(device: usize, sent: usize) -> Result<SessionRecord> {
    let resource = format!("a resource of twenty-two {device}");
    Ok(SessionRecord {
        key: SessionKey::of(&device.to_string()),
        resource: ResourcePart::new(&resource)?.into_owned(),
        prefix: Some(IdPrefix::from_bits([1; 16])),
        device: Some(DeviceId([1; 32])),
        handled: sent as u64,
        max_s: 600,
        life: SessionLife::Attached,
    })
}

fn bare(name: &str) -> Result<BareJid> {
    Ok(BareJid::new(&format!("{name}@localhost"))?)
}
