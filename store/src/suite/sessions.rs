//! Records of sessions (S11-60, SM-23).

use protocol::jid::ResourcePart;
use protocol::time::Stamp;
use protocol::{ArchiveId, IdPrefix};
use server_core::archive::{Append, Keep};
use server_core::records::{
    Change, ChangeError, ENDED_SESSION_KEPT_MS, ENDED_SESSIONS_MAX, SessionKey, SessionLife,
    SessionRecord,
};
use server_core::tokens::DeviceId;

use tokio::task::JoinSet;

use super::tools::{Script, append, bare, register, sent, store_one, with_id, write};
use crate::Store;

fn record(number: u8, handled: u64, life: SessionLife) -> SessionRecord {
    SessionRecord {
        key: SessionKey([number; 32]),
        resource: ResourcePart::new(&format!("phone {number}"))
            .unwrap()
            .into_owned(),
        prefix: (number.is_multiple_of(2)).then(|| IdPrefix::from_bits([number; 16])),
        device: (number.is_multiple_of(3)).then_some(DeviceId([number; 32])),
        handled,
        max_s: 600,
        life,
    }
}

async fn put(store: &impl Store, record: SessionRecord) -> Result<(), ChangeError> {
    let account = bare("romeo");
    store.change(Change::Session { account, record }).await
}

async fn sessions(store: &impl Store) -> Vec<SessionRecord> {
    let record = store.load(&bare("romeo")).await.unwrap().unwrap();
    record.sessions
}

// proves: S11-60
pub(super) async fn records_of_sessions_come_back_as_they_were_written(
    store: &impl Store,
    _: &Script,
) {
    register(store, &["romeo"]).await;
    let all = [
        record(1, 0, SessionLife::Attached),
        record(
            2,
            u64::from(u32::MAX) + 7,
            SessionLife::Detached(Stamp(5_000)),
        ),
        record(3, 9, SessionLife::Ended(Stamp(7_000))),
    ];
    for record in all.clone() {
        put(store, record).await.unwrap();
    }
    assert_eq!(sessions(store).await, all);
    // Late news takes nothing back that is counted.
    put(store, record(2, 4, SessionLife::Attached))
        .await
        .unwrap();
    let mut counted = record(2, u64::from(u32::MAX) + 7, SessionLife::Attached);
    assert_eq!(sessions(store).await[1], counted);
    // Whoever resumes it may say only then on which device.
    counted.device = Some(DeviceId([9; 32]));
    put(store, counted.clone()).await.unwrap();
    assert_eq!(sessions(store).await[1], counted);
    let stranger = Change::Session {
        account: bare("nobody"),
        record: record(1, 0, SessionLife::Attached),
    };
    assert_eq!(store.change(stranger).await, Err(ChangeError::NoAccount));
    let account = bare("romeo");
    store.change(Change::Delete { account }).await.unwrap();
    register(store, &["romeo"]).await;
    assert_eq!(sessions(store).await, []);
}

// proves: S11-60 INV-09
pub(super) async fn a_message_counts_in_its_own_transaction(store: &impl Store, _: &Script) {
    register(store, &["romeo", "juliet"]).await;
    let counted = |append: Append, handled| Append {
        session: Some(Box::new(record(2, handled, SessionLife::Attached))),
        ..append
    };
    // The message may be written before the record is.
    let first = with_id(append("romeo/phone", "juliet", "one"), "m1");
    store_one(store, counted(first.clone(), 3)).await;
    let found = sessions(store).await;
    assert_eq!(found, [record(2, 3, SessionLife::Attached)]);
    put(store, record(2, 0, SessionLife::Attached))
        .await
        .unwrap();
    assert_eq!(sessions(store).await, found);

    // Whatever the outcome: said again, refused as another one's, or in no log at all.
    write(store, counted(first, 4)).await;
    write(
        store,
        counted(with_id(append("romeo/phone", "juliet", "two"), "m1"), 5),
    )
    .await;
    assert_eq!(sessions(store).await[0].handled, 5);
    let unkept = with_id(append("romeo/phone", "juliet", "three"), "m3");
    let keep = Keep::OutcomeOnly;
    write(store, counted(Append { keep, ..unkept }, 6)).await;
    assert_eq!(sessions(store).await[0].handled, 6);

    // Two of one batch, and one that comes late.
    let batch = [(9, "m5"), (8, "m4")]
        .map(|(handled, id)| counted(with_id(append("romeo/phone", "juliet", id), id), handled));
    for answer in store.append(batch.to_vec()).await {
        answer.unwrap();
    }
    assert_eq!(sessions(store).await[0].handled, 9);

    // A session that ended stays so.
    put(store, record(2, 9, SessionLife::Ended(Stamp(1))))
        .await
        .unwrap();
    store_one(store, counted(append("romeo/phone", "juliet", "late"), 10)).await;
    let ended = record(2, 10, SessionLife::Ended(Stamp(1)));
    assert_eq!(sessions(store).await, [ended]);
}

// proves: S11-60 SM-25 INV-32
pub(super) async fn a_server_that_begins_lets_sessions_wait_for_their_clients(
    store: &impl Store,
    script: &Script,
) {
    register(store, &["romeo"]).await;
    let now = 10 * ENDED_SESSION_KEPT_MS;
    script.set(now);
    let detached = SessionLife::Detached(Stamp(now + 1));
    let ended = SessionLife::Ended(Stamp(now - ENDED_SESSION_KEPT_MS));
    put(store, record(1, 1, SessionLife::Attached))
        .await
        .unwrap();
    put(store, record(2, 2, detached)).await.unwrap();
    put(store, record(3, 3, ended)).await.unwrap();
    let kept = [
        record(1, 1, SessionLife::Detached(Stamp(now + 600_000))),
        record(2, 2, detached),
        record(3, 3, ended),
    ];
    // Beginning twice, as after a crash while beginning, is the same as once.
    for _ in 0..2 {
        store.detach_sessions().await.unwrap();
        assert_eq!(sessions(store).await, kept);
    }
    script.set(now + 2);
    store.detach_sessions().await.unwrap();
    assert_eq!(sessions(store).await, kept[..2]);
    script.set(now + 600_001 + ENDED_SESSION_KEPT_MS);
    store.detach_sessions().await.unwrap();
    assert_eq!(sessions(store).await, []);
}

// proves: S11-60 LIM-24
pub(super) async fn records_and_messages_at_once_all_get_their_own_answers(
    store: &impl Store,
    _: &Script,
) {
    register(store, &["romeo", "juliet"]).await;
    let mut tasks = JoinSet::new();
    for n in 0..100_u8 {
        let store = store.clone();
        tasks.spawn(async move {
            let stranger = Change::Session {
                account: bare("nobody"),
                record: record(n, 1, SessionLife::Attached),
            };
            let message = with_id(append("romeo/phone", "juliet", "hello"), &format!("m{n}"));
            // The account that does not exist harms nobody in the same transaction.
            let (refused, written, answers) = tokio::join!(
                store.change(stranger),
                put(&store, record(n, u64::from(n), SessionLife::Attached)),
                store.append(vec![message]),
            );
            assert_eq!(refused, Err(ChangeError::NoAccount));
            assert_eq!(written, Ok(()));
            assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let found = sessions(store).await;
    assert!((0..100).eq(found.iter().map(|s| s.handled)));
    let head = store.load(&bare("romeo")).await.unwrap().unwrap().head;
    assert_eq!(head, 100);
}

// proves: SM-23
pub(super) async fn the_latest_ended_sessions_are_remembered(store: &impl Store, script: &Script) {
    register(store, &["romeo"]).await;
    script.set(1_000);
    put(store, record(200, 1, SessionLife::Attached))
        .await
        .unwrap();
    put(store, record(201, 1, SessionLife::Detached(Stamp(2_000))))
        .await
        .unwrap();
    for number in 0..20 {
        let ended = SessionLife::Ended(Stamp(i64::from(number)));
        put(store, record(number, 1, ended)).await.unwrap();
    }
    let found = sessions(store).await;
    let numbers: Vec<_> = found.iter().map(|s| s.key.0[0]).collect();
    let first = 20 - ENDED_SESSIONS_MAX as u8;
    let expected: Vec<_> = (first..20).chain([200, 201]).collect();
    assert_eq!(numbers, expected);
}

// proves: S11-62 S11-64
pub(super) async fn entries_are_found_by_their_ids(store: &impl Store, _: &Script) {
    register(store, &["romeo", "juliet"]).await;
    let own = store_one(store, with_id(append("romeo/phone", "juliet", "one"), "m1")).await;
    let made = store_one(store, append("romeo/old", "juliet", "two")).await;
    for receipt in [own, made] {
        let (pos, id) = sent(&receipt);
        assert_eq!(store.locate(&bare("romeo"), &id).await, Ok(Some(pos)));
        assert_eq!(store.locate(&bare("juliet"), &id).await, Ok(None));
        assert_eq!(store.locate(&bare("nobody"), &id).await, Ok(None));
    }
    let unknown = ArchiveId::from_bits([1; 16]);
    assert_eq!(store.locate(&bare("romeo"), &unknown).await, Ok(None));
}
