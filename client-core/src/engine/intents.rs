//! What the person wants.

use protocol::fast::Token;
use protocol::time::Stamp;
use protocol::{BareJid, Iq, devices, s11};

use super::{Engine, said};
use crate::failure::Failure;
use crate::history::{Asks, Beside, Reply, Wanting};
use crate::io::{Intent, Output};
use crate::link::Phase;
use crate::login::Credentials;
use crate::reduce::{Event, Written};
use crate::view::{Mark, SignIn};

/// Longer texts are not sent: with all their escapes they might be more than a stream takes (WS-26).
pub(super) const BODY_BYTES_MAX: usize = 40_000;

impl Engine {
    pub(super) fn on_intent(&mut self, intent: Intent) {
        match intent {
            Intent::SignIn { secret, register } => self.sign_in(Credentials {
                secret,
                register,
                ..Credentials::default()
            }),
            Intent::SignInByLink(secret) => self.sign_in(Credentials {
                link: Some(Token {
                    secret,
                    expiry: None,
                }),
                ..Credentials::default()
            }),
            Intent::CallDevice(name) => self.name = Some(name),
            Intent::SignOut { everywhere } => self.sign_out(everywhere),
            Intent::OpenChat(peer) => self.open_chat(peer),
            Intent::CloseChat => {
                self.pause();
                self.shown.close();
                self.catch_up.forget_older();
                self.see_nothing();
            }
            Intent::Seen { key } => self.see(key.as_deref()),
            Intent::LookAway => self.look_away(),
            Intent::ShareReading(shares) => self.telling.share(shares),
            Intent::Send { to, body, reply_to } => self.say(to, &body, reply_to.as_deref()),
            Intent::Edit { key, body } => self.edit(&key, &body),
            Intent::React { key, emojis } => self.react(&key, emojis),
            Intent::Retract { key } => self.retract(&key),
            Intent::Composing { to, is_composing } => self.compose(to, is_composing),
            Intent::ShareTyping(shares) => self.typing.share(shares),
            Intent::Retry { key } => self.retry(&key),
            Intent::Discard { key } => self.discard(&key),
            Intent::Older => self.load_older(),
            Intent::AddContact(jid) => self.wish(jid, Wanting::Add),
            Intent::AcceptContact(jid) => self.wish(jid, Wanting::Accept),
            Intent::RefuseContact(jid) => self.wish(jid, Wanting::Refuse),
            Intent::RemoveContact(jid) => self.wish(jid, Wanting::Remove),
            Intent::RenameContact { jid, name } => self.wish(jid, Wanting::Rename(name)),
            Intent::Block(jid) => self.wish(jid, Wanting::Block),
            Intent::Unblock(jid) => self.wish(jid, Wanting::Unblock),
            Intent::FollowInvitation { inviter, token } => {
                self.invitation = Some((inviter.clone(), token));
                self.wish(inviter, Wanting::Add);
            }
            Intent::Invite => self.invite(),
            Intent::LinkDevice => self.link_device(),
            Intent::ListDevices => self.list_devices(),
            Intent::NameDevice { id, name } => self.change_device(devices::rename(&id, &name)),
            Intent::SignOutDevice { id } => self.change_device(devices::sign_out(&id)),
            Intent::SetNick(nick) => self.set_nick(nick.as_deref()),
            Intent::SetPicture(bytes) => self.set_picture(bytes),
        }
    }

    fn sign_in(&mut self, credentials: Credentials) {
        // Whoever types a password sees what is kept here once it has proved right (SEC-67).
        let is_given = credentials.is_typed() || credentials.link.is_some();
        let is_known = self.has_device && !is_given;
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
            self.pause();
            self.catch_up.forget_older();
            self.shown.open(peer.clone());
            self.see_nothing();
            self.query_latest(peer, None);
        }
    }

    /// Writes a line, perhaps in answer to the one with a key.
    fn say(&mut self, to: BareJid, body: &str, reply_to: Option<&str>) {
        let is_open = self.shown.peer() == Some(&to);
        let answered = reply_to.filter(|_| is_open);
        let answered = answered.and_then(|key| self.shown.target(key));
        let reply = answered.map(|target| said::reply_to(&target));
        self.write(to, body, reply);
    }

    fn write(&mut self, to: BareJid, body: &str, reply: Option<Reply>) {
        let body = readable(body);
        if body.is_empty() {
            return;
        }
        let states = self.typing.wrote(&to);
        self.put_in_outbox(Written {
            beside: Beside {
                reply,
                is_unstyled: false,
            },
            asks: Asks {
                receipt: true,
                marker: true,
                states,
            },
            failed: (body.len() > BODY_BYTES_MAX).then_some(Failure::TooLong),
            ..Written::new(to, body, None)
        });
    }

    /// Keeps what a person said until the archive has it.
    pub(super) fn put_in_outbox(&mut self, written: Written) {
        let is_sendable = self.link.is_up() && self.wire.may_send;
        let stream = self.stream.as_ref().filter(|_| is_sendable);
        let prefix = stream.and_then(|stream| stream.prefix.clone());
        let message_id = self.ids.uuid();
        self.note(Event::Wrote(Written {
            message_id,
            written: Stamp(self.now.wall_ms),
            prefix,
            ..written
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
                return self.write(item.to, &item.body, item.beside.reply);
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
            let reply = self.shown.target(key).and_then(|target| target.reply);
            self.write(peer, &body, reply);
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

/// Without what XML cannot carry: that would end the stream, again with every try.
pub(super) fn readable(text: &str) -> String {
    text.chars().filter(|c| is_xml_char(*c)).collect()
}

/// The characters of XML 1.0 §2.2.
fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..) && !matches!(c, '\u{FFFE}' | '\u{FFFF}')
}
