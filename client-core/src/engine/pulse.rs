//! Whether the link is alive, who owes whom an ack, and what the server may hold back (SM-12, WS-23, CS-08).

use protocol::Text;
use protocol::csi;
use protocol::mutant;
use protocol::sm::SmNonza;

use super::Engine;
use crate::io::Output;
use crate::link::Phase;
use crate::stream::Counting;

/// Silence after which the link is checked.
const SILENCE_MAX_MS: u64 = 20_000;
/// So long an answer may take.
const ANSWER_MAX_MS: u64 = 10_000;
/// So long it may take after waking up, going online or coming to the front.
const ANSWER_AWAKE_MAX_MS: u64 = 4_000;
/// So many stanzas go without asking for or giving an ack.
const STANZAS_MAX: u32 = 5;
/// So long after the last sent stanza an ack is asked for.
const REQUEST_AFTER_MS: u64 = 250;
/// So long an ack is owed.
const ACK_AFTER_MS: u64 = 1_000;
/// So long after being hidden the device is inactive.
const INACTIVE_AFTER_MS: u64 = 10_000;

/// The timers of a stream that is up.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    heard_ms: u64,
    /// An answer is due at this moment.
    answer_by_ms: Option<u64>,
    request_at_ms: Option<u64>,
    since_request: u32,
    ack_at_ms: Option<u64>,
    /// The server asked, and was told less than what had come.
    owes_ack: bool,
    hide_at_ms: Option<u64>,
    /// Whether the server was told that nobody looks.
    is_inactive: bool,
}

impl Pulse {
    /// A stream begins or is resumed; the server takes it as active (CS-01).
    pub(super) fn begin(&mut self, now_ms: u64, is_visible: bool) {
        *self = Self {
            heard_ms: now_ms,
            hide_at_ms: (!is_visible).then_some(now_ms + INACTIVE_AFTER_MS),
            ..Self::default()
        };
    }

    /// Any frame proves that the link is alive (WS-24).
    pub(super) fn heard(&mut self, now_ms: u64) {
        self.heard_ms = now_ms;
        self.answer_by_ms = None;
    }

    /// A stanza was sent.
    pub(super) fn sent(&mut self, now_ms: u64) {
        self.since_request += 1;
        self.request_at_ms = Some(now_ms + REQUEST_AFTER_MS);
    }

    /// A stanza came.
    pub(super) fn received(&mut self, now_ms: u64) {
        self.ack_at_ms.get_or_insert(now_ms + ACK_AFTER_MS);
    }

    pub(super) fn deadline(&self) -> Option<u64> {
        let silence = self.answer_by_ms.or(Some(self.heard_ms + SILENCE_MAX_MS));
        let timers = [silence, self.request_at_ms, self.ack_at_ms, self.hide_at_ms];
        timers.into_iter().flatten().min()
    }
}

impl Engine {
    pub(super) fn on_tick(&mut self) {
        let is_due = self.link.deadline();
        let is_due = is_due.is_some_and(|at| at <= self.now.mono_ms);
        if self.link.is_up() {
            self.on_pulse();
        } else if is_due && matches!(self.link.phase, Phase::Waiting { .. }) {
            self.connect();
        } else if is_due {
            tracing::info!("the server takes too long");
            self.drop_link();
        }
    }

    fn on_pulse(&mut self) {
        let now_ms = self.now.mono_ms;
        let is_due = |at: Option<u64>| at.is_some_and(|at| at <= now_ms);
        if is_due(self.pulse.answer_by_ms) || self.catch_up.is_overdue(now_ms) {
            tracing::info!("no answer");
            return self.drop_link();
        }
        if is_due(Some(self.pulse.heard_ms + SILENCE_MAX_MS)) && self.pulse.answer_by_ms.is_none() {
            // A timer that comes this late means that the machine slept.
            let late_ms = now_ms.saturating_sub(self.pulse.heard_ms + SILENCE_MAX_MS);
            let slept = late_ms > ANSWER_MAX_MS;
            self.probe(if slept {
                ANSWER_AWAKE_MAX_MS
            } else {
                ANSWER_MAX_MS
            });
        }
        if is_due(self.pulse.request_at_ms) {
            self.request_ack();
        }
        if is_due(self.pulse.hide_at_ms) {
            self.pulse.hide_at_ms = None;
            self.set_active(false);
        }
        self.recheck();
    }

    /// The network is there again, or somebody looks: the link must prove itself, or be made, at once.
    pub(super) fn check_link(&mut self) {
        if self.link.is_up() {
            self.probe(ANSWER_AWAKE_MAX_MS);
        } else if matches!(self.link.phase, Phase::Waiting { .. }) {
            self.connect();
        }
    }

    pub(super) fn on_visible(&mut self, is_visible: bool) {
        self.is_visible = is_visible;
        if is_visible {
            self.pulse.hide_at_ms = None;
            if self.link.is_up() {
                self.set_active(true);
            }
            self.check_link();
        } else {
            self.look_away();
            self.pulse.hide_at_ms = Some(self.now.mono_ms + INACTIVE_AFTER_MS);
        }
    }

    /// Whether the server was told that nobody looks.
    pub(super) fn is_inactive(&self) -> bool {
        self.pulse.is_inactive
    }

    /// Tells the server whether somebody looks, if that changes.
    pub(super) fn set_active(&mut self, is_active: bool) {
        if self.link.offers.csi && self.pulse.is_inactive == is_active {
            self.pulse.is_inactive = !is_active;
            let state = csi::state(is_active).to_string();
            self.out.push_back(Output::Transmit(state.into()));
        }
        if is_active && !self.is_visible {
            // It was for a message only.
            self.pulse.hide_at_ms = Some(self.now.mono_ms + INACTIVE_AFTER_MS);
        }
    }

    /// Asks for any answer within a time.
    fn probe(&mut self, max_ms: u64) {
        let by_ms = self.now.mono_ms + max_ms;
        let is_counting = self
            .stream
            .as_ref()
            .is_some_and(|s| s.counting == Counting::On);
        if is_counting {
            self.send_nonza(&SmNonza::Request);
        } else {
            self.ping();
        }
        let answer_by = self.pulse.answer_by_ms.get_or_insert(by_ms);
        *answer_by = by_ms.min(*answer_by);
    }

    /// Asks for an ack of what was sent.
    fn request_ack(&mut self) {
        self.pulse.request_at_ms = None;
        self.pulse.since_request = 0;
        let stream = self.stream.as_ref();
        let waits = stream.is_some_and(|s| s.waiting_len() > 0 && s.counting == Counting::On);
        if waits {
            self.probe(ANSWER_MAX_MS);
        }
    }

    /// `<r/>` is answered at once with what is durable; the rest follows unasked (SM-07).
    pub(super) fn on_ack_request(&mut self) {
        let Some(stream) = &self.stream else { return };
        self.pulse.owes_ack = stream.committed != stream.received;
        self.send_ack();
    }

    /// Gives and asks for acks that are due.
    pub(super) fn acknowledge(&mut self) {
        if !self.link.is_up() {
            return;
        }
        if self.pulse.since_request >= STANZAS_MAX {
            self.request_ack();
        }
        let Some(stream) = self.stream.as_ref().filter(|s| s.counting == Counting::On) else {
            return;
        };
        let untold = stream.committed.since(stream.told);
        let undurable = stream.received.since(stream.committed);
        let is_due = self
            .pulse
            .ack_at_ms
            .is_some_and(|at| at <= self.now.mono_ms);
        if untold >= STANZAS_MAX || untold > 0 && (is_due || self.pulse.owes_ack) {
            self.send_ack();
        }
        // What changes nothing durable is counted all the same: `h` must never fall over a restart.
        // While a page comes, its own commit is near.
        let is_much = undurable >= STANZAS_MAX && !self.catch_up.is_open();
        let must_count = is_much || is_due || self.pulse.owes_ack;
        if undurable > 0 && must_count && !self.is_writing() {
            self.must_write = true;
        }
        if is_due {
            let later = self.now.mono_ms + ACK_AFTER_MS;
            self.pulse.ack_at_ms = (undurable > 0).then_some(later);
        }
    }

    pub(super) fn send_ack(&mut self) {
        let Some(stream) = &mut self.stream else {
            return;
        };
        if mutant("ack-before-durable") {
            stream.committed = stream.received;
        }
        stream.told = stream.committed;
        if stream.committed == stream.received {
            self.pulse.owes_ack = false;
        }
        let ack = SmNonza::Ack(Some(stream.committed));
        self.send_nonza(&ack);
    }

    pub(super) fn send_nonza(&mut self, nonza: &SmNonza) {
        let text = Text::from(nonza.write());
        self.out.push_back(Output::Transmit(text));
    }
}
