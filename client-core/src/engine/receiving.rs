//! Frames of a stream that is up.

use protocol::mam::Fin;
use protocol::sm::SmNonza;
use protocol::stanza::Address;
use protocol::time::Stamp;
use protocol::{Element, Frame, Iq, IqKind, Message, Stanza, StanzaKind, StreamError};

use super::Engine;
use crate::inbound::{Inbound, Judge};
use crate::reduce::{Event, Page, PageKind};
use crate::stream::Stream;
use crate::view::Mark;

impl Engine {
    pub(super) fn on_frame(&mut self, frame: Frame) {
        match frame {
            Frame::Stanza(stanza) => self.on_stanza(stanza),
            Frame::Nonza(element) => self.on_nonza(&element),
            Frame::Close { .. } => self.on_server_close(),
            Frame::Open(_) => self.drop_link(),
        }
    }

    fn on_nonza(&mut self, element: &Element) {
        if let Some(nonza) = SmNonza::from_element(element) {
            self.on_sm(nonza);
        } else if let Some(error) = StreamError::from_element(element) {
            self.on_stream_error(&error);
        }
    }

    fn on_stanza(&mut self, stanza: Stanza) {
        if self.stream.as_mut().is_some_and(Stream::receive) {
            self.pulse.received(self.now.mono_ms);
        }
        match stanza.kind {
            StanzaKind::Message => self.on_message(stanza),
            StanzaKind::Presence => self.on_presence(stanza),
            StanzaKind::Iq => match Iq::of_stanza(&stanza) {
                Some(iq) => self.on_iq(&iq),
                None => tracing::debug!("iq of no form"),
            },
        }
    }

    fn on_message(&mut self, stanza: Stanza) {
        if self.is_mark(&stanza) || self.is_description(&stanza) {
            return;
        }
        let message = Message(stanza);
        self.note_typing(&message);
        let judge = Judge {
            account: &self.account,
            has_ids: self.state.exact || self.wire.has_archive == Some(true),
            queryid: self.catch_up.queryid(),
            now: Stamp(self.now.wall_ms),
            fresh_key: self.ids.uuid(),
        };
        match judge.judge(message.0) {
            Inbound::Line(draft) => self.note(Event::Arrived(draft)),
            Inbound::Result(draft) => {
                let held = self.state.newest_held();
                if let Err(why) = self.catch_up.on_result(draft, held, self.now.mono_ms) {
                    tracing::warn!(why, "archive not understood");
                    self.drop_link();
                }
            }
            Inbound::NotSaved { message_id } => {
                let mark = Mark::NotSaved;
                self.note(Event::Unarchived { message_id, mark });
            }
            Inbound::Refused {
                from,
                message_id,
                why,
            } => self.note(Event::Refused {
                from,
                message_id,
                why,
            }),
            Inbound::Ignored(reason) => tracing::trace!(reason, "message ignored"),
        }
    }

    fn on_iq(&mut self, iq: &Iq) {
        match &iq.kind {
            IqKind::Get(payload) | IqKind::Set(payload) => self.on_request(iq, payload),
            IqKind::Result(payload) if self.is_picture(iq) => {
                self.on_picture(&iq.id, payload.as_ref());
            }
            IqKind::Error(_) if self.is_picture(iq) => self.on_picture(&iq.id, None),
            IqKind::Result(_) | IqKind::Error(_) if !self.is_own_answer(&iq.from) => {
                tracing::debug!("answer from elsewhere ignored");
            }
            IqKind::Result(payload) if self.catch_up.is_query(&iq.id) => {
                self.on_fin(payload.as_ref());
            }
            IqKind::Error(error) if self.catch_up.is_query(&iq.id) => {
                let page = self.catch_up.on_error(error, self.now.mono_ms);
                self.take_page(page);
            }
            IqKind::Result(payload) => self.on_answer(&iq.id, payload.as_ref()),
            IqKind::Error(error) => self.on_refusal(&iq.id, error),
        }
    }

    /// Answers to requests about the own account come from it or its server (CO-05).
    fn is_own_answer(&self, from: &Address) -> bool {
        let Address::Jid(from) = from else {
            return *from == Address::Absent;
        };
        let is_domain = from.is_bare() && from.as_str() == self.account.domain().as_str();
        let is_self = self
            .stream
            .as_ref()
            .is_some_and(|stream| *from == stream.jid);
        *from == self.account || is_domain || is_self
    }

    fn on_fin(&mut self, payload: Option<&Element>) {
        let fin = payload.and_then(Fin::from_element).unwrap_or_default();
        match self.catch_up.on_fin(&fin, self.state.newest_held()) {
            Ok(page) => self.take_page(page),
            Err(why) => {
                tracing::warn!(why, "archive not understood");
                self.catch_up.again(self.now.mono_ms);
            }
        }
    }

    fn take_page(&mut self, page: Option<Page>) {
        let Some(page) = page else { return };
        let is_beside_gap = match page.kind {
            PageKind::Gap => true,
            PageKind::Older => !self.state.device.below.is_empty(),
            PageKind::After | PageKind::Last => false,
        };
        if is_beside_gap {
            self.check_page(page);
        } else {
            self.note_device(Event::Page(page));
        }
    }
}
