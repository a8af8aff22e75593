//! Entries that are refused on purpose.

use std::sync::Arc;

use protocol::s11::Reason;
use server_core::archive::{AppendError, Filter, FirstOutcome, Outcome, Paging, RecipientSide};

use crate::suite::tools::{append, bare, positions, query, register, store_one, with_id};
use crate::{Archive as _, Options, Sqlite};

// proves: S11-32 S11-17
#[tokio::test]
async fn what_the_gate_refuses_one_side_is_not_in_its_log_and_in_the_others() {
    for (refused, kept) in [("romeo", "juliet"), ("juliet", "romeo")] {
        let dir = tempfile::tempdir().unwrap();
        let whose = bare(refused);
        let options = Options {
            gate: Some(Arc::new(move |append, account| {
                let is_meant = *account == whose && append.stanza.contains("lost");
                is_meant.then_some(AppendError::Storage)
            })),
            ..Options::default()
        };
        let store = Sqlite::open(dir.path().join("test.db"), options).unwrap();
        register(&store, &["romeo", "juliet"]).await;
        store_one(&store, append("romeo/x", "juliet", "first")).await;
        let lost = with_id(append("romeo/x", "juliet", "lost"), "m1");
        let receipt = store_one(&store, lost.clone()).await;
        let is_sender = refused == "romeo";
        assert_eq!(
            receipt.sender.map(|side| side.is_err()),
            Some(is_sender),
            "{refused}"
        );
        let is_failed = matches!(receipt.recipient, RecipientSide::Failed(_));
        assert_eq!(is_failed, !is_sender, "{refused}");
        store_one(&store, append("romeo/x", "juliet", "third")).await;
        for (name, has) in [(kept, vec![1, 2, 3]), (refused, vec![1, 2])] {
            let page = store.page(query(name, Paging::Forward, 10, Filter::default()));
            let page = page.await.unwrap();
            assert_eq!(positions(&page), has, "{name} where {refused} is refused");
        }
        // Sent again, it keeps its first outcome.
        let again = store.append(vec![lost]).await.remove(0).unwrap();
        let first = match is_sender {
            true => FirstOutcome::Unarchived(Reason::Storage),
            false => FirstOutcome::Archived { pos: 2 },
        };
        assert_eq!(again, Outcome::Repeated(first), "{refused}");
    }
}
