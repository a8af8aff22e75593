//! Sessions that are known from the store only: what is kept of them, and how one comes back (S11-60 to
//! S11-65, SM-23).

use protocol::fork::Mode;
use protocol::jid::BareJid;
use protocol::mutant;
use protocol::time::Stamp;
use protocol::{ArchiveId, Condition, Handled};

use crate::account::Account;
use crate::archive::ReadError;
use crate::conn::Stage;
use crate::core::Context;
use crate::io::{ConnId, Output};
use crate::pending::Pending;
use crate::records::{Change, ChangeError, SessionKey, SessionLife, SessionRecord, trim_sessions};
use crate::resume::{Resumption, Wish};
use crate::session::{Session, SessionId, Sm};
use crate::tokens::DeviceId;

/// A session that comes back once it is known how far its client's history goes.
pub(crate) struct Restoring {
    pub(crate) account: BareJid,
    conn: ConnId,
    wish: Wish,
}

impl Account {
    /// Lets the store keep what is known of a session; nobody waits for that.
    pub(crate) fn write_session(&mut self, cx: &mut Context, record: Option<SessionRecord>) {
        let Some(record) = record else { return };
        self.in_flight += 1;
        let account = self.jid.clone();
        let ticket = cx.await_answer(Pending::Session(account.clone()));
        let change = Box::new(Change::Session { account, record });
        cx.output(Output::Change { ticket, change });
    }

    pub(crate) fn on_recorded(&mut self, result: Result<(), ChangeError>) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if let Err(error) = result {
            // It costs no more than a resumption after the next restart; the store says what is wrong.
            tracing::debug!(%error, "record of a session not written");
        }
    }

    /// A session ended: its count is told a while longer (SM-23).
    pub(crate) fn remember(&mut self, cx: &mut Context, record: Option<SessionRecord>) {
        self.dormant.extend(record.clone());
        trim_sessions(&mut self.dormant, Stamp(cx.now.wall_ms));
        self.write_session(cx, record);
    }

    /// A message of a session that ended meanwhile is written after all.
    pub(crate) fn count_ended(&mut self, key: SessionKey, count: u64) {
        if let Some(record) = self.dormant.iter_mut().find(|record| record.key == key) {
            record.handled = record.handled.max(count);
        }
    }

    /// Nobody may come back to a session of a former process (AU-29), or to one of this device (BI-07).
    pub(crate) fn end_dormant(&mut self, cx: &mut Context, of: Option<DeviceId>) {
        let now = Stamp(cx.now.wall_ms);
        let mut ended = Vec::new();
        let is_meant = |r: &&mut SessionRecord| of.is_none() || r.device == of;
        let alive = self.dormant.iter_mut().filter(|r| r.is_alive(now));
        for record in alive.filter(is_meant) {
            record.life = SessionLife::Ended(now);
            ended.push(record.clone());
        }
        for record in ended {
            self.write_session(cx, Some(record));
        }
    }

    /// Brings a session of a former process back, if it is one and can be: asks where the client's
    /// history ends. Everything else gets its answer at once.
    pub(crate) fn resume_dormant(
        &mut self,
        cx: &mut Context,
        conn: ConnId,
        wish: Wish,
    ) -> Option<Resumption> {
        match self.may_restore(cx, &wish) {
            Err(failed) => Some(failed),
            Ok(id) => {
                cx.begin_resuming(conn);
                self.in_flight += 1;
                let account = self.jid.clone();
                let ticket = cx.await_answer(Pending::Locate(Box::new(Restoring {
                    account: account.clone(),
                    conn,
                    wish,
                })));
                cx.output(Output::Locate {
                    ticket,
                    account,
                    id,
                });
                None
            }
        }
    }

    /// Gives the entry at which the client's history ends.
    fn may_restore(&self, cx: &Context, wish: &Wish) -> Result<ArchiveId, Resumption> {
        let key = SessionKey::of(&wish.previd);
        let Some(record) = self.dormant.iter().find(|record| record.key == key) else {
            return Err(Resumption::failed(None, Condition::ItemNotFound));
        };
        let failed = |condition| {
            let h = Handled::of_count(record.handled);
            Err(Resumption::failed(Some(h), condition))
        };
        let can_come_back = record.is_alive(Stamp(cx.now.wall_ms)) && record.prefix.is_some();
        let Some(pos) = wish.pos.clone().filter(|_| can_come_back) else {
            return failed(Condition::ItemNotFound);
        };
        if self.sessions.len() >= cx.config.limits.sessions_per_account {
            return failed(Condition::ResourceConstraint);
        }
        let jid = self.jid.with_resource(&record.resource);
        if self.by_jid(&jid).is_some() {
            return failed(Condition::Conflict); // somebody bound the resource meanwhile
        }
        Ok(pos)
    }

    /// The store says where the client's history ends. Meanwhile another connection may have brought
    /// the same session back; then it is taken over like any other.
    pub(crate) fn on_located(
        &mut self,
        cx: &mut Context,
        restoring: Restoring,
        result: Result<Option<u64>, ReadError>,
    ) {
        self.in_flight = self.in_flight.saturating_sub(1);
        let Restoring { conn, wish, .. } = restoring;
        let waits = cx.conns.get(&conn).map(|conn| &conn.stage);
        if !matches!(waits, Some(Stage::Resuming { .. })) {
            return;
        }
        cx.stop_resuming(conn);
        if let Some(id) = self.resumable(&wish.previd) {
            return self.resume_live(cx, conn, id, wish.h);
        }
        let outcome = match (self.may_restore(cx, &wish), result) {
            (Err(failed), _) => failed,
            (Ok(_), Ok(Some(pos))) => self.restore(cx, conn, &wish, pos),
            (Ok(_), Ok(None)) => self.not_restored(&wish, Condition::ItemNotFound),
            (Ok(_), Err(_)) => self.not_restored(&wish, Condition::InternalServerError),
        };
        self.answer_resume(cx, conn, outcome);
    }

    fn not_restored(&self, wish: &Wish, condition: Condition) -> Resumption {
        let key = SessionKey::of(&wish.previd);
        let record = self.dormant.iter().find(|record| record.key == key);
        let h = record.map(|record| Handled::of_count(record.handled));
        Resumption::failed(h, condition)
    }

    /// Makes the session again: what its client lacks is what lies behind `pos` (S11-62).
    fn restore(&mut self, cx: &mut Context, conn: ConnId, wish: &Wish, pos: u64) -> Resumption {
        let key = SessionKey::of(&wish.previd);
        let Some(index) = self.dormant.iter().position(|record| record.key == key) else {
            return Resumption::failed(None, Condition::ItemNotFound);
        };
        let record = self.dormant.swap_remove(index);
        let id = SessionId(cx.next());
        let jid = self.jid.with_resource(&record.resource);
        let mut session = Session::new(id, jid, Mode::S11, conn);
        let sm_id = Some(wish.previd.clone());
        let mut sm = Sm::counting_from(
            sm_id,
            record.max_s,
            record.handled + u64::from(mutant("restored-h-too-high")),
            wish.h,
        );
        sm.is_restored = true;
        let h = sm.told;
        session.sm = Some(sm);
        session.device = cx.device_of(conn).or(record.device);
        session.prefix = record.prefix.filter(|_| !mutant("restored-without-prefix"));
        session.cursor = if mutant("restored-at-the-head") {
            self.tail.head()
        } else {
            pos
        };
        let record = session.record(SessionLife::Attached);
        self.sessions.insert(id, session);
        self.clear_spool(cx);
        cx.sessions += 1;
        cx.set_stage(conn, Stage::Bound(id));
        self.write_session(cx, record);
        tracing::info!("session restored");
        Resumption::Resumed {
            session: id,
            previd: wish.previd.clone(),
            h,
            is_restored: true,
        }
    }
}
