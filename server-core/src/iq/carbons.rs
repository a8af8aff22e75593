//! Switching carbons on and off (XEP-0280, CC-01).

use protocol::fork::Mode;
use protocol::sm::Slot;
use protocol::{Condition, Iq};

use crate::account::Account;
use crate::core::Context;
use crate::session::SessionId;

impl Account {
    pub(crate) fn on_carbons(
        &mut self,
        cx: &mut Context,
        id: SessionId,
        slot: Option<Slot>,
        iq: &Iq,
        on: bool,
    ) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        let answer = match session.mode {
            // Their copies cannot be switched off (S11-02).
            Mode::Mr2 | Mode::S11 => iq.error(Condition::Forbidden),
            Mode::Plain | Mode::Carbons => {
                session.mode = if on { Mode::Carbons } else { Mode::Plain };
                iq.result(None)
            }
        };
        self.answer(cx, id, slot, &answer);
    }
}
