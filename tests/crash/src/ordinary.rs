//! An ordinary client with carbons: it resumes nothing and sends nothing twice, so it only knows of what was acked.

use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use protocol::{BareJid, Element, Frame, Handled, Stanza, StanzaKind, ns, presence, sm::SmNonza};
use rand::Rng as _;
use rand_chacha::ChaCha12Rng;
use support::{plain::Plain, proxy::Proxy};
use tokio::{sync::watch, time::sleep};

use crate::{
    plan::{Plan, millis},
    world::PASSWORD,
};

/// A line that it tried to send, once.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) message_id: String,
    pub(crate) body: String,
    pub(crate) is_acked: bool,
}

/// An account's ordinary client.
pub(crate) struct Ordinary {
    pub(crate) name: String,
    pub(crate) account: BareJid,
    pub(crate) peer: BareJid,
    pub(crate) proxy: Proxy,
    said: Mutex<Vec<Said>>,
}

/// A bound stream, and how many stanzas were sent on it.
struct Stream {
    plain: Plain,
    sent: u32,
}

impl Ordinary {
    pub(crate) fn new(account: BareJid, peer: BareJid, proxy: Proxy) -> Self {
        Self {
            name: format!("{account}/ordinary"),
            account,
            peer,
            proxy,
            said: Mutex::default(),
        }
    }

    /// Returns all lines in the order in which they were sent.
    pub(crate) fn said(&self) -> MutexGuard<'_, Vec<Said>> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends lines for as long as the others talk, each on whatever connection there is then.
    pub(crate) async fn talk(
        &self,
        seed: u64,
        plan: &Plan,
        mut rng: ChaCha12Rng,
        is_over: &watch::Sender<bool>,
    ) -> Result<()> {
        let mut stream = None;
        for number in 0..plan.lines {
            if *is_over.borrow() {
                return Ok(());
            }
            let open = match stream.take() {
                Some(open) => Ok(open),
                None => Stream::open(&self.proxy, &self.account).await,
            };
            let Ok(mut open) = open else {
                sleep(millis(&mut rng, 20..200)).await;
                continue;
            };
            let message_id = format!(
                "{:032x}",
                u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64())
            );
            let body = format!("{seed}/{}/{number}", self.name);
            let at = {
                let mut said = self.said();
                said.push(Said {
                    message_id: message_id.clone(),
                    body: body.clone(),
                    is_acked: false,
                });
                said.len() - 1
            };
            // A connection that breaks here leaves a line of which nobody knows; the next one goes on a new one.
            if open.send(&self.peer, &message_id, &body).await.is_ok() {
                if let Some(said) = self.said().get_mut(at) {
                    said.is_acked = true;
                }
                stream = Some(open);
            }
            sleep(millis(&mut rng, 0..plan.pause_ms * 2)).await;
        }
        Ok(())
    }
}

impl Stream {
    async fn open(proxy: &Proxy, account: &BareJid) -> Result<Self> {
        let mut plain = Plain::log_in(proxy.addr(), account, PASSWORD).await?;
        plain.ask(None, Element::new("enable", ns::CARBONS)).await?;
        let enable = SmNonza::Enable {
            resume: false,
            max_s: None,
        };
        plain.say(enable.write()).await?;
        let available = presence::Presence::bare(protocol::PresenceType::Available);
        plain.say(available.write()).await?;
        Ok(Self { plain, sent: 1 })
    }

    /// Sends a line and waits for its ack.
    async fn send(&mut self, to: &BareJid, message_id: &str, body: &str) -> Result<()> {
        let message = Stanza::new(StanzaKind::Message)
            .to(to.clone())
            .typed("chat")
            .id(message_id)
            .child(&Element::new("body", ns::CLIENT).text(body));
        self.plain.say(message.write()).await?;
        self.plain.say(SmNonza::Request.write()).await?;
        self.sent += 1;
        loop {
            let nonza = match self.plain.hear().await? {
                Frame::Nonza(element) => SmNonza::from_element(&element),
                Frame::Close { .. } => anyhow::bail!("closed by the server"),
                Frame::Open(_) | Frame::Stanza(_) => None,
            };
            if let Some(SmNonza::Ack(h)) = nonza
                && h.context("an ack without h")? == Handled(self.sent)
            {
                return Ok(());
            }
        }
    }
}
