use std::collections::{BTreeSet, VecDeque};

use crate::gather::gathered;
use protocol::ArchiveId;

/// So many are written with the device; with more the stream is not kept over a restart.
const KEPT_MAX: usize = 512;
/// So many are remembered at all.
const LEN_MAX: usize = 65_536;

/// Entries that came by page and whose live copies may still come on this stream.
///
/// Copies come in log order, each once (S11-40): once one came, those of all entries before it came
/// too. So this is empty most of the time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ahead {
    in_order: VecDeque<ArchiveId>,
    ids: BTreeSet<ArchiveId>,
    has_lost_some: bool,
}

impl Ahead {
    pub(crate) fn new(kept: &[ArchiveId]) -> Self {
        Self {
            in_order: kept.iter().cloned().collect(),
            ids: gathered(kept.iter().cloned()),
            has_lost_some: false,
        }
    }

    /// An entry came by page, before its copy.
    pub(crate) fn push(&mut self, id: ArchiveId) {
        if !self.ids.insert(id.clone()) {
            return;
        }
        self.in_order.push_back(id);
        if self.in_order.len() > LEN_MAX
            && let Some(oldest) = self.in_order.pop_front()
        {
            self.ids.remove(&oldest);
            self.has_lost_some = true;
        }
    }

    /// Whether this entry came by page.
    pub(crate) fn has(&self, id: &ArchiveId) -> bool {
        self.ids.contains(id)
    }

    /// The copy of an entry came; gives whether the entry had come by page before.
    pub(crate) fn pass(&mut self, id: &ArchiveId) -> bool {
        if !self.ids.contains(id) {
            self.clear();
            return false;
        }
        while let Some(passed) = self.in_order.pop_front() {
            self.ids.remove(&passed);
            if passed == *id {
                break;
            }
        }
        true
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Whether copies can be told from new entries whatever comes.
    pub(crate) fn is_whole(&self) -> bool {
        !self.has_lost_some
    }

    /// What is written with the device; `None` if it is too much.
    pub(crate) fn kept(&self) -> Option<Vec<ArchiveId>> {
        let fits = self.is_whole() && self.in_order.len() <= KEPT_MAX;
        fits.then(|| self.in_order.iter().cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> ArchiveId {
        ArchiveId::parse(text).unwrap()
    }

    // proves: S11-40
    #[test]
    fn a_copy_tells_that_all_copies_before_it_came() {
        let mut ahead = Ahead::new(&[id("a"), id("b"), id("c")]);
        assert!(ahead.pass(&id("b")));
        assert_eq!(ahead.kept(), Some(vec![id("c")]));
        assert!(!ahead.pass(&id("new")));
        assert_eq!(ahead.kept(), Some(vec![]));
    }

    #[test]
    fn too_much_is_not_kept() {
        let mut ahead = Ahead::default();
        for n in 0..=KEPT_MAX {
            ahead.push(id(&format!("e{n}")));
        }
        assert_eq!(ahead.kept(), None);
        assert!(ahead.pass(&id("e0")));
        assert_eq!(ahead.kept().map(|kept| kept.len()), Some(KEPT_MAX));
    }
}
