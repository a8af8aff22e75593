//! Whatever the order in which copies, acks and pages come: rows end up as the archive has them.

use std::collections::{BTreeMap, VecDeque};

use proptest::prelude::*;
use protocol::time::Stamp;
use protocol::{ArchiveId, BareJid, FullJid, Handled, IdPrefix};

use super::{Event, Page, PageKind, State, Written};
use crate::history::{
    Asks, Batch, Content, MemoryHistory, Place, Restored, ResumableStream, Row, Wanting,
};
use crate::inbound::Draft;
use crate::view::Mark;

fn account() -> BareJid {
    BareJid::new("juliet@capulet.example").unwrap()
}

fn romeo() -> BareJid {
    BareJid::new("romeo@montague.example").unwrap()
}

fn prefix() -> IdPrefix {
    IdPrefix::from_bits([1; 16])
}

/// One entry of the archive: from somebody else, or written here.
#[derive(Clone, Debug)]
struct Entry {
    number: usize,
    own: bool,
}

impl Entry {
    fn message_id(&self) -> String {
        format!("m{}", self.number)
    }

    fn id(&self) -> ArchiveId {
        if self.own {
            ArchiveId::of_own(&prefix(), &self.message_id()).unwrap()
        } else {
            ArchiveId::parse(&format!("e{}", self.number)).unwrap()
        }
    }

    fn draft(&self) -> Draft {
        Draft {
            key: self.id().to_string(),
            id: Some(self.id()),
            peer: romeo(),
            own: self.own,
            message_id: Some(self.message_id()),
            stamp: Stamp(0),
            content: Content::Text(self.number.to_string()),
            beside: Default::default(),
            mark: Mark::Archived,
            asks: Asks::default(),
        }
    }
}

/// The state, its disk, and what was noted but not written yet.
struct Device {
    state: State,
    batch: Batch,
    history: MemoryHistory,
}

impl Device {
    fn new() -> Self {
        let history = MemoryHistory::default();
        Self {
            state: State::new(account(), history.restore()),
            batch: Batch::default(),
            history,
        }
    }

    fn note(&mut self, event: Event) {
        self.state.reduce(&mut self.batch, event);
    }

    fn write(&mut self) {
        let mut batch = std::mem::take(&mut self.batch);
        batch.device = Some(self.state.device_at(Handled(0)));
        self.history.apply(batch);
    }

    /// Dies and comes back with what is written.
    fn restart(&mut self) {
        self.batch = Batch::default();
        self.state = State::new(account(), self.history.restore());
    }

    fn bind(&mut self) {
        self.note(Event::Bound { exact: true });
        self.note(Event::Kept(ResumableStream {
            id: "sm".to_owned(),
            jid: FullJid::new("juliet@capulet.example/x").unwrap(),
            handled: Handled(0),
            prefix: Some(prefix()),
        }));
    }

    fn compose(&mut self, entry: &Entry) {
        self.note(Event::Wrote(Written {
            message_id: entry.message_id(),
            prefix: Some(prefix()),
            ..Written::new(romeo(), entry.number.to_string(), None)
        }));
    }

    /// The copy of an entry comes, or the ack that covers it.
    fn hear(&mut self, entry: &Entry, is_copy: bool) {
        if is_copy || !entry.own {
            return self.note(Event::Arrived(entry.draft()));
        }
        self.acked(entry);
    }

    fn acked(&mut self, entry: &Entry) {
        let message_id = entry.message_id();
        let mut items = self.state.outbox.values();
        let item = items.find(|item| item.message_id == message_id);
        if let Some(seq) = item.map(|item| item.seq) {
            let stamp = Stamp(0);
            self.note(Event::Archived { seq, stamp });
        }
    }

    /// The next page of the archive as it stands; `next` is the first whose copy or ack is still on its way.
    fn page(&self, archive: &[Entry], len: usize, next: Option<&(Entry, bool)>) -> Page {
        let (kind, from) = match &self.state.device.pos {
            // A device's first page must reach back to its bind and to all that it sent, or these could
            // not be told from new ones: in truth it is 50 long and copies are quick.
            None => {
                let sent = self.state.outbox.values().map(|item| &item.message_id[1..]);
                let sent = sent.map(|number| number.parse().unwrap());
                let open = sent.chain(next.map(|(entry, _)| entry.number)).min();
                let len = len.max(archive.len() - open.unwrap_or(archive.len()));
                (PageKind::Last, archive.len().saturating_sub(len))
            }
            Some(pos) => {
                let at = archive.iter().position(|entry| entry.id() == *pos);
                (PageKind::After, at.expect("the cursor is an entry") + 1)
            }
        };
        let is_last = kind == PageKind::Last;
        let len = if is_last { archive.len() } else { len };
        let page = &archive[from..archive.len().min(from + len)];
        let end = if is_last {
            0
        } else {
            archive.len() - page.len()
        };
        Page {
            kind,
            entries: page.iter().map(Entry::draft).collect(),
            complete: from == end,
            newest_held: self.state.newest_held(),
            known: BTreeMap::new(),
        }
    }

    fn rows(&self) -> Vec<Row> {
        self.history.rows().cloned().collect()
    }
}

#[derive(Clone, Copy, Debug)]
enum Act {
    /// Somebody writes.
    Theirs,
    /// This device writes, and the server archives it.
    Mine,
    /// The next copy or ack reaches the device.
    Hear,
    /// The results of a page come.
    Results(usize),
    /// The end of the page comes.
    Fin,
    /// What is noted becomes durable.
    Write,
    /// Everything noted becomes durable, and the device restarts.
    Restart,
    /// The stream is resumed, and `<resumed/>` covers all own entries.
    Resume,
    /// The server restarts: it copies anew what lies behind the cursor, own entries too.
    Forget,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => Just(Act::Theirs),
        2 => Just(Act::Mine),
        6 => Just(Act::Hear),
        3 => (1..5_usize).prop_map(Act::Results),
        3 => Just(Act::Fin),
        2 => Just(Act::Write),
        1 => Just(Act::Restart),
        1 => Just(Act::Forget),
        1 => Just(Act::Resume),
    ]
}

// proves: SM-11
#[test]
fn what_is_wanted_of_the_roster_must_survive_a_power_cut() {
    let mut state = State::new(account(), Restored::default());
    let mut batch = Batch::default();
    let (jid, wanting) = (romeo(), Wanting::Add);
    state.reduce(&mut batch, Event::Wished { jid, wanting });
    assert!(batch.is_lasting);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    // proves: S11-40 S11-51 S11-53 S11-55 S11-62 S11-63 MAM-29
    #[test]
    fn any_interleaving_of_copies_acks_and_pages_gives_the_archives_order(
        before in 0..8_usize,
        acts in proptest::collection::vec(act(), 0..60),
    ) {
        let mut device = Device::new();
        let mut archive: Vec<_> = (0..before).map(|number| Entry { number, own: false }).collect();
        let mut stream = VecDeque::new();
        let mut page = None;
        device.bind();
        for act in acts {
            let number = archive.len();
            match act {
                Act::Theirs | Act::Mine => {
                    let entry = Entry { number, own: matches!(act, Act::Mine) };
                    if entry.own {
                        device.compose(&entry);
                        device.write();
                    }
                    stream.push_back((entry.clone(), false));
                    archive.push(entry);
                }
                Act::Hear => {
                    if let Some((entry, is_copy)) = stream.pop_front() {
                        device.hear(&entry, is_copy);
                    }
                }
                Act::Results(len) => {
                    if device.state.catching && page.is_none() {
                        page = Some(device.page(&archive, len, stream.front()));
                    }
                }
                Act::Fin => {
                    if let Some(page) = page.take() {
                        device.note(Event::Page(page));
                    }
                }
                Act::Write => device.write(),
                Act::Resume => {
                    device.state.catching = true;
                    page = None;
                    stream.retain(|(entry, is_copy)| !entry.own || *is_copy);
                }
                Act::Forget => {
                    let Some(pos) = device.state.device.pos.clone() else { continue };
                    let at = archive.iter().position(|entry| entry.id() == pos).unwrap();
                    stream = archive[at + 1..].iter().map(|entry| (entry.clone(), true)).collect();
                    page = None;
                    device.note(Event::Rewound);
                }
                Act::Restart => {
                    // The stream is resumed: copies go on where they stood.
                    device.write();
                    device.restart();
                    page = None;
                    if device.state.device.stream.is_none() {
                        stream.clear();
                        device.bind();
                    }
                }
            }
        }
        for (entry, is_copy) in stream {
            device.hear(&entry, is_copy);
        }
        if let Some(page) = page {
            device.note(Event::Page(page));
        }
        let mut rounds = 0;
        while device.state.catching {
            let page = device.page(&archive, 3, None);
            device.note(Event::Page(page));
            rounds += 1;
            prop_assert!(rounds <= archive.len() + 2);
        }
        device.write();

        let rows = device.rows();
        let ids: Vec<_> = rows.iter().filter_map(|row| row.id.clone()).collect();
        let archived: Vec<_> = archive.iter().map(Entry::id).collect();
        prop_assert_eq!(&ids[..], &archived[archived.len().saturating_sub(ids.len())..]);
        prop_assert!(rows.iter().all(|row| matches!(row.place, Place::Confirmed(_))));
        prop_assert_eq!(&device.state.device.pos, &ids.last().cloned());
        prop_assert!(device.history.restore().outbox.is_empty());
        // A line keeps its key from Enter to archived.
        for row in rows.iter().filter(|row| row.own) {
            prop_assert_eq!(Some(&row.key), row.message_id.as_ref());
        }
        // What runs ahead of the disk is what a restart would find.
        let found = State::new(account(), device.history.restore());
        prop_assert_eq!(&found.chats, &device.state.chats);
        prop_assert_eq!(&found.outbox, &device.state.outbox);
        prop_assert_eq!(found.device, device.state.device_at(Handled(0)));
    }
}
