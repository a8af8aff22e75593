//! Login in one exchange, as a server with SASL2, Bind 2 and FAST does it.

use std::collections::VecDeque;

use protocol::bind2;
use protocol::fast::{self, Token, TokenKeys};
use protocol::sasl::SaslFailure;
use protocol::sasl2::{self, Authenticate, Success};
use protocol::scram::{ClientFirst, ServerExchange};
use protocol::{Element, Handled, IdPrefix, Jid, XmlLimits, ns, s11, sasl};

use super::{Server, Session, account};
use protocol::sm::SmNonza;

/// What the server knows of the device's tokens.
#[derive(Default)]
pub(crate) struct Tokens {
    /// The one that was used last.
    pub(crate) current: Option<String>,
    /// The one that was given last and not used yet.
    pub(crate) next: Option<String>,
    /// What another device gave this one.
    pub(crate) link: Option<String>,
    /// How many were refused.
    pub(crate) refused: u32,
    /// Whether they are too old.
    pub(crate) are_expired: bool,
    /// Whether the answer to the next one is wrong.
    pub(crate) lies: bool,
    given: u32,
}

const MECHANISMS: [&str; 2] = ["SCRAM-SHA-1", "SCRAM-SHA-256"];

impl Server {
    pub(super) fn inline_feature(&self) -> Element {
        let mut vars = vec![ns::CSI];
        vars.extend(self.has_sm.then_some(ns::SM));
        vars.extend(self.has_s11.then_some(ns::S11));
        let inline = [
            protocol::sm::feature(),
            bind2::feature(&vars),
            fast::feature(),
        ];
        sasl2::feature(&MECHANISMS, inline)
    }

    pub(super) fn on_sasl2(&mut self, element: &Element) {
        if element.name() == "response" {
            let (exchange, _) = self.conn.as_mut().unwrap().exchange.take().unwrap();
            match exchange.finish(&sasl::data_of(element).unwrap()) {
                Ok(signature) => self.succeed(signature.into_bytes(), true),
                Err(_) => self.say(sasl2::write_failure(SaslFailure::NotAuthorized)),
            }
            return;
        }
        let authenticate = Authenticate::from_element(element).unwrap();
        let first = authenticate.initial_response.clone().unwrap();
        assert!(authenticate.agent.is_some(), "a device has a name");
        let mechanism = authenticate.mechanism.clone();
        self.conn.as_mut().unwrap().asked = Some(authenticate);
        if mechanism == fast::MECHANISM {
            return self.on_token(&first);
        }
        let first = ClientFirst::parse(&String::from_utf8(first).unwrap()).unwrap();
        let keys = self.keys.clone();
        let nonce = "servernonceservernonce";
        let (exchange, challenge) = ServerExchange::new(first, keys, nonce, &MECHANISMS);
        self.conn.as_mut().unwrap().exchange = Some((exchange, String::new()));
        self.say(sasl2::write("challenge", &challenge));
    }

    fn on_token(&mut self, first: &[u8]) {
        let (_, proof) = fast::parse_initial(first).unwrap();
        let tokens = &mut self.device_tokens;
        let fits = |secret: &&String| TokenKeys::of_secret(secret).accepts(proof);
        let current = tokens.current.as_ref().filter(fits).cloned();
        let next = tokens.next.as_ref().filter(fits).cloned();
        let link = tokens.link.take_if(|secret| fits(&&*secret));
        if let Some(secret) = link {
            let answer = TokenKeys::of_secret(&secret).answer.to_vec();
            return self.succeed(answer, true);
        }
        let failure = if tokens.are_expired {
            Some(SaslFailure::CredentialsExpired)
        } else if current.is_none() && next.is_none() {
            Some(SaslFailure::NotAuthorized)
        } else {
            None
        };
        if let Some(failure) = failure {
            tokens.refused += 1;
            return self.say(sasl2::write_failure(failure));
        }
        if next.is_some() {
            tokens.current = tokens.next.take();
        }
        let secret = next.or(current).unwrap();
        let mut answer = TokenKeys::of_secret(&secret).answer.to_vec();
        answer[0] ^= u8::from(tokens.lies);
        self.succeed(answer, false);
    }

    /// Every login brings another token: the worst that can happen to a device that may die.
    fn succeed(&mut self, data: Vec<u8>, needs_token: bool) {
        let asked = self.conn.as_mut().unwrap().asked.take().unwrap();
        self.conn.as_mut().unwrap().is_authenticated = true;
        let tokens = &mut self.device_tokens;
        assert_eq!(asked.request_token.is_some(), needs_token);
        tokens.given += 1;
        let secret = format!("token-{}", tokens.given);
        tokens.next = Some(secret.clone());
        tokens.are_expired = false;
        let expiry = None;
        let token = Token { secret, expiry }.to_element();
        let mut success = Success {
            additional_data: Some(data),
            ..Success::default()
        };
        let at = self.to_device.len();
        if let Some(resume) = &asked.resume {
            let Some(SmNonza::Resume { previd, h, pos }) = SmNonza::from_element(resume) else {
                panic!("no resume")
            };
            self.on_resume(previd.as_deref(), h.unwrap(), pos.as_ref());
            let result = self.to_device.remove(at).unwrap();
            let result = Element::parse(&result, XmlLimits::AFTER_LOGIN).unwrap();
            let is_resumed = result.name() == "resumed";
            success.inline.push(result);
            if is_resumed {
                let index = self.conn.as_ref().unwrap().session.unwrap();
                let jid = self.sessions[index].jid.clone();
                success.identifier = Some(Jid::from(jid));
                success.inline.push(token);
                return self.to_device.insert(at, success.write().into());
            }
        }
        self.bind_inline(asked.bind.unwrap(), &mut success);
        success.inline.push(token);
        self.say(success.write());
        let features = [
            protocol::csi::feature(),
            Element::new("ver", ns::ROSTER_VER),
        ];
        self.say(protocol::frame::write_features(&features));
    }

    fn bind_inline(&mut self, request: bind2::BindRequest, success: &mut Success) {
        self.made += 1;
        assert_eq!(request.tag.as_deref(), Some("Balcony"));
        let prefix = request.s11.then(|| IdPrefix::from_bits([self.made; 16]));
        let resource = format!("Balcony/r{}", self.made);
        let jid = account().with_resource_str(&resource).unwrap();
        let id = format!("sm-{}", self.made);
        let sm = request.sm.map(|_| SmNonza::Enabled {
            id: Some(id.clone()),
            max_s: Some(600),
        });
        self.sessions.clear();
        self.sessions.push(Session {
            id,
            prefix: prefix.clone(),
            jid: jid.clone(),
            counts: sm.is_some(),
            handled: 0,
            handled_on_disk: 0,
            unacked: VecDeque::new(),
            acked: Handled::default().0,
            memory_lost: false,
        });
        let conn = self.conn.as_mut().unwrap();
        conn.session = Some(0);
        conn.is_bound = true;
        conn.prefix = prefix.clone();
        success.identifier = Some(Jid::from(jid));
        let sm = sm.map(|sm| sm.to_element());
        let results = sm.into_iter().chain(prefix.as_ref().map(s11::enabled));
        let bound = bind2::bound(Some(bind2::metadata(None)), results);
        success.inline.push(bound);
    }
}
