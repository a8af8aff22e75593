//! From an opened stream to a bound session, the ordinary way.

use std::collections::VecDeque;

use protocol::scram::{ClientFirst, ServerExchange};
use protocol::{Element, Iq, bind, ns, s11, sasl};

use super::{Server, Session, account};

impl Server {
    pub(super) fn on_open(&mut self) {
        self.say("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='capulet.example' id='x' version='1.0'/>");
        let is_authenticated = self.conn.as_ref().unwrap().is_authenticated;
        let features = if is_authenticated {
            let mut features = vec![
                bind::feature(),
                protocol::csi::feature(),
                Element::new("ver", ns::ROSTER_VER),
            ];
            if self.has_sm {
                features.push(protocol::sm::feature());
            }
            if self.has_s11 {
                features.push(s11::feature());
            }
            features
        } else {
            let mut names = vec!["SCRAM-SHA-1", "SCRAM-SHA-256"];
            if self.tampers_mechanisms {
                names.remove(0);
            }
            let inline = self.has_inline.then(|| self.inline_feature());
            [sasl::mechanisms(&names)]
                .into_iter()
                .chain(inline)
                .collect()
        };
        self.say(protocol::frame::write_features(&features));
    }

    pub(super) fn on_sasl(&mut self, element: &Element) {
        let data = sasl::data_of(element).unwrap();
        if element.name() == "auth" {
            let first = ClientFirst::parse(&data).unwrap();
            assert_eq!(first.username, "juliet");
            let names = ["SCRAM-SHA-1", "SCRAM-SHA-256"];
            let (exchange, challenge) =
                ServerExchange::new(first, self.keys.clone(), "servernonceservernonce", &names);
            self.conn.as_mut().unwrap().exchange = Some((exchange, String::new()));
            self.say(sasl::write("challenge", None, &challenge));
            return;
        }
        let (exchange, _) = self.conn.as_mut().unwrap().exchange.take().unwrap();
        match exchange.finish(&data) {
            Ok(signature) => {
                self.conn.as_mut().unwrap().is_authenticated = true;
                let signature = if self.tampers_signature {
                    "v=AAAA".to_owned()
                } else {
                    signature
                };
                self.say(sasl::write("success", None, &signature));
            }
            Err(_) => self.say(sasl::SaslFailure::NotAuthorized.write()),
        }
    }

    pub(super) fn on_bind(&mut self, iq: &Iq) {
        self.made += 1;
        let resource = format!("r{}", self.made);
        let jid = account().with_resource_str(&resource).unwrap();
        let conn = self.conn.as_mut().unwrap();
        // The device is known by its keys only: whatever it had before is over.
        self.sessions.clear();
        self.sessions.push(Session {
            id: format!("sm-{}", self.made),
            prefix: conn.prefix.clone(),
            jid: jid.clone(),
            counts: false,
            handled: 0,
            handled_on_disk: 0,
            unacked: VecDeque::new(),
            acked: 0,
            memory_lost: false,
        });
        conn.session = Some(0);
        conn.is_bound = true;
        self.say(iq.result(Some(bind::bound(&jid))).write());
    }
}
