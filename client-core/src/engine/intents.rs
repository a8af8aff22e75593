//! What the person wants.

use protocol::scram::Secret;
use protocol::time::Stamp;
use protocol::{BareJid, Iq, s11};

use super::Engine;
use crate::failure::Failure;
use crate::history::{Asks, Wanting};
use crate::io::{Intent, Output};
use crate::link::Phase;
use crate::login::Credentials;
use crate::reduce::{Event, Written};
use crate::view::{Mark, SignIn};

/// Longer texts are not sent: with all their escapes they might be more than a stream takes (WS-26).
const BODY_BYTES_MAX: usize = 40_000;

impl Engine {
    pub(super) fn on_intent(&mut self, intent: Intent) {
        match intent {
            Intent::SignIn { secret, register } => self.sign_in(secret, register),
            Intent::SignOut { everywhere } => self.sign_out(everywhere),
            Intent::OpenChat(peer) => self.open_chat(peer),
            Intent::CloseChat => {
                self.shown.close();
                self.catch_up.forget_older();
                self.see_nothing();
            }
            Intent::Seen { key } => self.see(key.as_deref()),
            Intent::LookAway => self.look_away(),
            Intent::ShareReading(shares) => self.telling.share(shares),
            Intent::Send { to, body } => self.write(to, &body),
            Intent::Retry { key } => self.retry(&key),
            Intent::Discard { key } => self.discard(&key),
            Intent::Older => self.load_older(),
            Intent::AddContact(jid) => self.wish(jid, Wanting::Add),
            Intent::AcceptContact(jid) => self.wish(jid, Wanting::Accept),
            Intent::RefuseContact(jid) => self.wish(jid, Wanting::Refuse),
            Intent::RemoveContact(jid) => self.wish(jid, Wanting::Remove),
        }
    }

    fn sign_in(&mut self, secret: Option<Secret>, register: Option<String>) {
        let credentials = Credentials {
            secret,
            register,
            is_perhaps_registered: false,
        };
        // Whoever types a password sees what is kept here once it has proved right (SEC-67).
        let is_known = self.has_device && !credentials.is_typed();
        self.link.credentials = Some(credentials);
        self.shown.set_sign_in(match is_known {
            true => SignIn::In,
            false => SignIn::Trying,
        });
        if matches!(self.link.phase, Phase::Idle | Phase::Waiting { .. }) {
            self.connect();
        }
    }

    fn sign_out(&mut self, everywhere: bool) {
        self.link.credentials = None;
        self.shown.set_sign_in(SignIn::Out);
        let had_token = self.state.device.token.is_some();
        if had_token {
            self.note_device(Event::Token(None));
        }
        if self.link.is_up() {
            if (had_token || everywhere) && self.link.offers.s11 {
                let id = self.ids.request();
                self.send(Iq::set(id, s11::sign_out(everywhere)).write(), None);
            }
            self.send_ack();
            self.link.closing(self.now.mono_ms);
            let frames = self.link.take_out().into_iter();
            self.out
                .extend(frames.map(|frame| Output::Transmit(frame.into())));
            // The server forgets the stream with its close (WS-18).
            self.give_up_stream();
        } else {
            self.stop(SignIn::Out);
        }
    }

    fn open_chat(&mut self, peer: BareJid) {
        if self.shown.peer() != Some(&peer) {
            self.catch_up.forget_older();
            self.shown.open(peer.clone());
            self.see_nothing();
            self.query_latest(peer, None);
        }
    }

    fn write(&mut self, to: BareJid, body: &str) {
        // What XML cannot carry would end the stream, again with every try.
        let body: String = body.chars().filter(|c| is_xml_char(*c)).collect();
        if body.is_empty() {
            return;
        }
        let is_sendable = self.link.is_up() && self.wire.may_send;
        let stream = self.stream.as_ref().filter(|_| is_sendable);
        let failed = (body.len() > BODY_BYTES_MAX).then_some(Failure::TooLong);
        let prefix = stream.and_then(|stream| stream.prefix.clone());
        let message_id = self.ids.uuid();
        self.note(Event::Wrote(Written {
            to,
            body,
            signal: None,
            asks: Asks {
                receipt: true,
                marker: true,
            },
            assist: None,
            message_id,
            written: Stamp(self.now.wall_ms),
            prefix,
            failed,
        }));
    }

    /// Sends a failed line again. One that was refused, or lies in the archive, is written anew, for
    /// its id is spent (S11-22).
    fn retry(&mut self, key: &str) {
        if let Some(seq) = self.failed_item(key) {
            let Some(item) = self.state.outbox.get(&seq).cloned() else {
                return;
            };
            if item.body.len() > BODY_BYTES_MAX {
                // Only who wrote it can make it shorter.
                let (to, body) = (item.to, item.body);
                self.out.push_back(Output::Unsaved { to, body });
                return self.discard(key);
            }
            self.wire.on_wire.remove(&seq);
            if item.is_spent {
                self.note(Event::Discard { seq, last: None });
                return self.write(item.to, &item.body);
            }
            self.wire.insisted.insert(seq);
            self.note(Event::Retry { seq });
            return;
        }
        let Some(peer) = self.shown.peer().cloned() else {
            return;
        };
        let line = self.shown.line(key);
        let line = line.filter(|line| line.own && matches!(line.mark, Mark::Failed(_)));
        if let Some(body) = line.map(|line| line.text.clone()) {
            self.write(peer, &body);
        }
    }

    fn discard(&mut self, key: &str) {
        let Some(seq) = self.failed_item(key) else {
            return;
        };
        let last = self.shown.last_line();
        self.note(Event::Discard { seq, last });
    }

    fn failed_item(&self, key: &str) -> Option<u64> {
        let mut items = self.state.outbox.values();
        let item = items.find(|item| item.message_id == key && item.failed.is_some())?;
        Some(item.seq)
    }

    /// Older lines: from this device first, then from the archive.
    fn load_older(&mut self) {
        let Some(peer) = self.shown.peer().cloned() else {
            return;
        };
        if self.shown.is_loading() {
            return;
        }
        if let Some(before) = self.shown.load_older() {
            self.query_latest(peer, Some(before));
        } else if !self.state.device.reaches_start {
            self.catch_up.want_older(peer);
        }
    }

    /// Kept until the server has it (SM-11).
    fn wish(&mut self, jid: BareJid, wanting: Wanting) {
        self.note_device(Event::Wished { jid, wanting });
        if self.link.is_up() {
            self.fulfil_wishes();
        }
    }
}

/// The characters of XML 1.0 §2.2.
fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..) && !matches!(c, '\u{FFFE}' | '\u{FFFF}')
}
