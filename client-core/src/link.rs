//! The connection: from wanting one to a bound or resumed stream, and what follows when it is lost.

use protocol::fast::Token;
use protocol::frame::{Open, write_close};
use protocol::sasl2::{Offer, Success};
use protocol::scram::ClientKeys;
use protocol::sm::SmNonza;
use protocol::{
    ArchiveId, BareJid, Element, Frame, FullJid, Handled, IdPrefix, Iq, IqKind, Stanza,
    StreamCondition, StreamError, bind, ns, s11,
};

use crate::ids::Ids;
use crate::login::{Carried, Credentials, Login, Proved, Turn};
use crate::stream::Stream;
use crate::view::Refusal;

/// So long may it take from wanting a connection to a bound stream.
const OPENING_MAX_MS: u64 = 30_000;
/// So long a connection must last before the waiting starts small again (WS-25).
const STEADY_AFTER_MS: u64 = 30_000;
const WAIT_FIRST_MS: u64 = 1_000;
const WAIT_MAX_MS: u64 = 60_000;
/// So long the server's `<close/>` is waited for (WS-16).
const CLOSING_MAX_MS: u64 = 5_000;

/// What the server offers after the login.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Offers {
    pub(crate) s11: bool,
    pub(crate) sm: bool,
    pub(crate) csi: bool,
    pub(crate) roster_ver: bool,
}

/// Where the connection stands.
pub(crate) enum Phase {
    /// None is wanted.
    Idle,
    /// The next try is at this moment.
    Waiting {
        at_ms: u64,
    },
    /// The driver opens a socket.
    Connecting,
    /// `<open/>` was sent; the server's, or the features, are next.
    Opening,
    /// These features came; the engine logs in once what it tells is true.
    Ready(Element),
    LoggingIn(Box<Login>),
    /// Bound with the login; what else is offered comes at once.
    Settling(Box<Bound>),
    /// Logged in; `<open/>` was sent again.
    Reopening,
    /// The engine chooses between resuming and binding.
    Choosing,
    Resuming,
    EnablingS11,
    Binding {
        iq: String,
        prefix: Option<IdPrefix>,
    },
    /// Stanzas flow.
    Up,
    /// Own `<close/>` was sent.
    Closing,
    /// The driver closes the socket.
    Dropping,
}

/// A fresh stream.
pub(crate) struct Bound {
    pub(crate) jid: FullJid,
    pub(crate) prefix: Option<IdPrefix>,
    /// The answer to an inline `<enable/>`, if there was one (BI-09).
    pub(crate) sm: Option<SmNonza>,
}

/// What an opening frame leads to.
pub(crate) enum Step {
    /// Nothing yet.
    Wait,
    /// The server's features are known, and nobody is logged in.
    Ready,
    LoggedIn {
        keys: Option<ClientKeys>,
        salted_password: Option<Vec<u8>>,
        token: Option<Token>,
        /// What was done with the login.
        then: Box<Step>,
    },
    TokenRefused {
        is_expired: bool,
    },
    Refused {
        refusal: Refusal,
        forget_keys: bool,
    },
    /// The server is not the one that knows the keys (AU-06).
    Untrusted(&'static str),
    /// Logged in, and what is offered is known.
    Choose,
    Resumed {
        h: Handled,
        is_restored: bool,
    },
    /// The stream is gone; bind on this connection.
    NotResumed,
    /// The stream is gone; what follows is under way.
    Replaced,
    Bound(Box<Bound>),
    /// The server ends the stream.
    Ended(StreamError),
    /// The connection is of no use.
    Fault(&'static str),
}

/// The connection and the wish for one.
pub(crate) struct Link {
    account: BareJid,
    pub(crate) phase: Phase,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) offers: Offers,
    tries: u32,
    /// When the phase must have passed.
    due_ms: Option<u64>,
    up_since_ms: Option<u64>,
    out: Vec<String>,
}

impl Link {
    pub(crate) fn new(account: BareJid) -> Self {
        Self {
            account,
            phase: Phase::Idle,
            credentials: None,
            offers: Offers::default(),
            tries: 0,
            due_ms: None,
            up_since_ms: None,
            out: Vec::new(),
        }
    }

    /// Frames to send, in order.
    pub(crate) fn take_out(&mut self) -> Vec<String> {
        std::mem::take(&mut self.out)
    }

    pub(crate) fn is_up(&self) -> bool {
        matches!(self.phase, Phase::Up)
    }

    /// Whether the peer has proved who it is, so that larger frames are believed.
    pub(crate) fn is_known(&self) -> bool {
        !matches!(
            self.phase,
            Phase::Opening | Phase::Ready(_) | Phase::LoggingIn(_)
        )
    }

    /// Whether frames that come belong to a connection that still counts.
    pub(crate) fn listens(&self) -> bool {
        !matches!(
            self.phase,
            Phase::Idle | Phase::Waiting { .. } | Phase::Connecting | Phase::Dropping
        )
    }

    pub(crate) fn deadline(&self) -> Option<u64> {
        if let Phase::Waiting { at_ms } = self.phase {
            Some(at_ms)
        } else {
            self.due_ms
        }
    }

    /// A socket is asked for.
    pub(crate) fn connecting(&mut self, now_ms: u64) {
        self.phase = Phase::Connecting;
        self.due_ms = Some(now_ms + OPENING_MAX_MS);
    }

    /// The socket is open.
    pub(crate) fn connected(&mut self) {
        self.open();
        self.phase = Phase::Opening;
    }

    /// The driver was told to close the socket.
    pub(crate) fn dropping(&mut self) {
        self.phase = Phase::Dropping;
        self.due_ms = None;
    }

    /// The socket is gone; waits for the next try if one is wanted. The first comes soon, then full
    /// jitter over a growing time (WS-25).
    pub(crate) fn lost(&mut self, now_ms: u64, ids: &mut Ids) {
        let up_ms = self
            .up_since_ms
            .take()
            .map(|since| now_ms.saturating_sub(since));
        if up_ms.is_some_and(|ms| ms >= STEADY_AFTER_MS) {
            self.tries = 0;
        }
        self.due_ms = None;
        self.phase = if self.credentials.is_some() {
            let growing_ms = WAIT_FIRST_MS << self.tries.min(6);
            let wait_ms = ids.jitter_ms(growing_ms.min(WAIT_MAX_MS));
            self.tries += 1;
            let at_ms = now_ms + wait_ms;
            Phase::Waiting { at_ms }
        } else {
            Phase::Idle
        };
    }

    /// Ends the stream for good.
    pub(crate) fn closing(&mut self, now_ms: u64) {
        self.out.push(write_close());
        self.phase = Phase::Closing;
        self.due_ms = Some(now_ms + CLOSING_MAX_MS);
    }

    /// Asks for the stream that was; `pos` is where this device's history ends (S11-61).
    pub(crate) fn resume(&mut self, stream: &Stream, pos: Option<&ArchiveId>) {
        self.out.push(resumption(stream, pos).to_string());
        self.phase = Phase::Resuming;
    }

    /// Asks for a stream of its own, exact if the server can.
    pub(crate) fn bind(&mut self, ids: &mut Ids) {
        if self.offers.s11 {
            self.out.push(s11::enable().to_string());
            self.phase = Phase::EnablingS11;
        } else {
            self.bind_plainly(None, ids);
        }
    }

    fn bind_plainly(&mut self, prefix: Option<IdPrefix>, ids: &mut Ids) {
        let iq = ids.request();
        self.out
            .push(Iq::set(iq.clone(), bind::request(None)).write());
        self.phase = Phase::Binding { iq, prefix };
    }

    fn open(&mut self) {
        let open = Open {
            to: Some(self.account.domain().to_string()),
            from: Some(self.account.to_string()), // AU-18
            version: Some("1.0".to_owned()),
            ..Open::default()
        };
        self.out.push(open.write());
    }

    /// Takes a frame of the opening.
    pub(crate) fn on_frame(&mut self, frame: Frame, now_ms: u64, ids: &mut Ids) -> Step {
        match frame {
            Frame::Open(_) if matches!(self.phase, Phase::Opening | Phase::Reopening) => Step::Wait,
            Frame::Open(_) => Step::Fault("a stream header in the middle"),
            Frame::Close { .. } => Step::Fault("the server closed the stream"),
            Frame::Nonza(element) => match StreamError::from_element(&element) {
                Some(error) => Step::Ended(error),
                None => self.on_nonza(element, now_ms, ids),
            },
            Frame::Stanza(stanza) if matches!(self.phase, Phase::LoggingIn(_)) => {
                self.on_login(Frame::Stanza(stanza), now_ms, ids)
            }
            Frame::Stanza(stanza) => self.on_answer(&stanza, now_ms),
        }
    }

    fn on_answer(&mut self, stanza: &Stanza, now_ms: u64) -> Step {
        let Phase::Binding { iq, prefix } = &self.phase else {
            return Step::Wait;
        };
        let answer = Iq::of_stanza(stanza).filter(|answer| answer.id == *iq);
        let step = answer.map_or(Step::Wait, |answer| on_bound(&answer, prefix.clone()));
        if matches!(step, Step::Bound(_)) {
            self.up(now_ms);
        }
        step
    }

    fn on_nonza(&mut self, element: Element, now_ms: u64, ids: &mut Ids) -> Step {
        let is_features = element.is("features", ns::STREAMS);
        if is_features && matches!(self.phase, Phase::Opening) {
            self.phase = Phase::Ready(element);
            Step::Ready
        } else if matches!(self.phase, Phase::LoggingIn(_)) {
            self.on_login(Frame::Nonza(element), now_ms, ids)
        } else if is_features && matches!(self.phase, Phase::Reopening) {
            self.offers = offers_of(&element);
            self.phase = Phase::Choosing;
            Step::Choose
        } else if is_features && matches!(self.phase, Phase::Settling(_)) {
            self.settle(&element, now_ms)
        } else if matches!(self.phase, Phase::Resuming) {
            self.on_resume(&element, now_ms)
        } else {
            if element.ns() == ns::S11 && matches!(self.phase, Phase::EnablingS11) {
                let prefix = s11::prefix_of(&element);
                self.bind_plainly(prefix, ids);
            }
            Step::Wait
        }
    }

    /// Logs in, after the features came.
    pub(crate) fn log_in(&mut self, carried: Carried, now_ms: u64, ids: &mut Ids) -> Step {
        let (Phase::Ready(features), Some(credentials)) = (&self.phase, &self.credentials) else {
            return Step::Fault("nobody is signed in");
        };
        let (login, turn) = Login::start(&self.account, features, carried, credentials, ids);
        self.offers = login.offer().map(offers_inline).unwrap_or_default();
        self.phase = Phase::LoggingIn(Box::new(login));
        self.take_turn(turn, now_ms)
    }

    /// Tries without the token, which was refused.
    pub(crate) fn log_in_without_token(&mut self, now_ms: u64, ids: &mut Ids) -> Step {
        let (Phase::LoggingIn(login), Some(credentials)) = (&mut self.phase, &self.credentials)
        else {
            return Step::Fault("nobody is signed in");
        };
        let turn = login.go_on_without_token(credentials, ids);
        self.take_turn(turn, now_ms)
    }

    fn on_login(&mut self, frame: Frame, now_ms: u64, ids: &mut Ids) -> Step {
        let (Phase::LoggingIn(login), Some(credentials)) = (&mut self.phase, &mut self.credentials)
        else {
            return Step::Fault("nobody is signed in");
        };
        let turn = login.on_frame(frame, credentials, ids);
        self.take_turn(turn, now_ms)
    }

    fn take_turn(&mut self, turn: Turn, now_ms: u64) -> Step {
        match turn {
            Turn::Send(frame) => {
                self.out.push(frame);
                Step::Wait
            }
            Turn::Ignore => Step::Wait,
            Turn::Success(proved) => self.on_proved(*proved, now_ms),
            Turn::TokenRefused { is_expired } => Step::TokenRefused { is_expired },
            Turn::Refused {
                refusal,
                forget_keys,
            } => Step::Refused {
                refusal,
                forget_keys,
            },
            Turn::Untrusted(why) => Step::Untrusted(why),
            Turn::Later(why) => Step::Fault(why),
        }
    }

    fn on_proved(&mut self, proved: Proved, now_ms: u64) -> Step {
        let token = proved.inline.as_ref();
        let token = token.and_then(|success| success.find("token", ns::FAST));
        let token = token.and_then(Token::from_element);
        let then = match &proved.inline {
            Some(success) => self.on_inline(success, now_ms),
            None => {
                self.open(); // WS-12
                self.phase = Phase::Reopening;
                Step::Wait
            }
        };
        Step::LoggedIn {
            keys: proved.keys,
            salted_password: proved.salted_password,
            token,
            then: Box::new(then),
        }
    }

    /// What the server did with the login.
    fn on_inline(&mut self, success: &Success, now_ms: u64) -> Step {
        if let Some(resumed) = success.find("resumed", ns::SM) {
            return self.on_resume(resumed, now_ms);
        }
        let jid = success.identifier.clone();
        let jid = jid.and_then(|jid| jid.try_into_full().ok());
        match (success.find("bound", ns::BIND2), jid) {
            (Some(bound), Some(jid)) => {
                let sm = bound.children().find_map(SmNonza::from_element);
                let prefix = bound.children().find_map(s11::prefix_of);
                let bound = Bound { jid, prefix, sm };
                self.phase = Phase::Settling(Box::new(bound));
            }
            (Some(_), None) => return Step::Fault("the server does not say what it bound"),
            (None, _) => self.phase = Phase::Reopening,
        }
        match success.find("failed", ns::SM) {
            Some(_) => Step::Replaced,
            None => Step::Wait,
        }
    }

    /// The features of a stream that was bound with its login.
    fn settle(&mut self, features: &Element, now_ms: u64) -> Step {
        let Phase::Settling(bound) = std::mem::replace(&mut self.phase, Phase::Up) else {
            return Step::Wait;
        };
        let offers = offers_of(features);
        self.offers = Offers {
            s11: self.offers.s11,
            sm: self.offers.sm,
            ..offers
        };
        self.up(now_ms);
        Step::Bound(bound)
    }

    fn on_resume(&mut self, element: &Element, now_ms: u64) -> Step {
        match SmNonza::from_element(element) {
            Some(SmNonza::Resumed { h, is_restored, .. }) => {
                self.up(now_ms);
                Step::Resumed { h, is_restored }
            }
            Some(SmNonza::Failed { .. }) => Step::NotResumed,
            Some(_) | None => Step::Wait,
        }
    }

    fn up(&mut self, now_ms: u64) {
        self.phase = Phase::Up;
        self.due_ms = None;
        self.up_since_ms = Some(now_ms);
    }
}

fn on_bound(answer: &Iq, prefix: Option<IdPrefix>) -> Step {
    let jid = match &answer.kind {
        IqKind::Result(Some(bound)) => bind::jid_of(bound),
        IqKind::Result(None) | IqKind::Error(_) | IqKind::Get(_) | IqKind::Set(_) => None,
    };
    match jid {
        Some(jid) => Step::Bound(Box::new(Bound {
            jid,
            prefix,
            sm: None,
        })),
        None => Step::Fault("the server did not bind"),
    }
}

/// The question for a stream that was.
pub(crate) fn resumption(stream: &Stream, pos: Option<&ArchiveId>) -> Element {
    let resume = SmNonza::Resume {
        previd: stream.id.clone(),
        h: Some(stream.committed),
        pos: pos.filter(|_| stream.prefix.is_some()).cloned(),
    };
    resume.to_element()
}

/// What will be there after a login in one exchange; a resumed stream is not told again.
fn offers_inline(offer: &Offer) -> Offers {
    let has = |ns: &str| offer.bind.iter().flatten().any(|var| var == ns);
    Offers {
        s11: has(ns::S11),
        sm: offer.sm && has(ns::SM),
        csi: has(ns::CSI),
        roster_ver: false,
    }
}

fn offers_of(features: &Element) -> Offers {
    let has = |name, namespace| features.find(name, namespace).is_some();
    Offers {
        s11: has("s11", ns::S11),
        sm: has("sm", ns::SM),
        csi: has("csi", ns::CSI),
        roster_ver: has("ver", ns::ROSTER_VER),
    }
}

/// What a stream error means for what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The server does not want this device: no more tries (WS-25).
    Stop(Refusal),
    /// Try again; the stream may still be there.
    Retry,
    /// Try again with a stream of its own: something about this one was wrong.
    RetryAnew,
}

/// Judges a stream error.
pub(crate) fn verdict(error: &StreamError) -> Verdict {
    use StreamCondition as C;
    match error.condition {
        C::Conflict => Verdict::Stop(Refusal::Other),
        // The account was signed out from elsewhere, or its password is another one.
        C::NotAuthorized => Verdict::Stop(Refusal::SignInAgain),
        C::SystemShutdown
        | C::ConnectionTimeout
        | C::InternalServerError
        | C::ResourceConstraint
        | C::Reset => Verdict::Retry,
        C::BadFormat
        | C::HostUnknown
        | C::ImproperAddressing
        | C::InvalidFrom
        | C::InvalidNamespace
        | C::NotWellFormed
        | C::PolicyViolation
        | C::RestrictedXml
        | C::UndefinedCondition
        | C::UnsupportedEncoding
        | C::UnsupportedStanzaType
        | C::UnsupportedVersion => Verdict::RetryAnew,
    }
}
