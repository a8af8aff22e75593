//! An ordinary client: it knows nothing of this server's own elements, and keeps nothing.

use std::{collections::VecDeque, net::SocketAddr, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use futures::{SinkExt as _, StreamExt as _};
use protocol::{
    BareJid, Element, Frame, FullJid, Iq, IqKind, Stanza, Text, XmlLimits, bind, frame::Open, mam,
    rsm::PageRequest, sasl, scram,
};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest as _},
};

/// How long any answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Entries that are asked for at once.
const PAGE: u32 = 250;

/// A bound stream of an ordinary client.
#[derive(Debug)]
pub struct Plain {
    ws: WebSocketStream<TcpStream>,
    jid: FullJid,
    requests: u64,
    /// Stanzas that came while something else was awaited.
    waiting: VecDeque<Frame>,
}

impl Plain {
    /// Connects, logs in and binds.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses, or an answer takes too long.
    pub async fn log_in(addr: SocketAddr, account: &BareJid, password: &str) -> Result<Self> {
        let whole = Self::try_log_in(addr, account, password);
        timeout(PATIENCE, whole)
            .await
            .with_context(|| format!("the login of {account} takes too long"))?
    }

    async fn try_log_in(addr: SocketAddr, account: &BareJid, password: &str) -> Result<Self> {
        let mut request = format!("ws://{addr}/xmpp-websocket").into_client_request()?;
        let protocol = "xmpp".parse()?;
        request
            .headers_mut()
            .insert("sec-websocket-protocol", protocol);
        let stream = TcpStream::connect(addr).await.context("connecting")?;
        let (ws, _) = client_async(request, stream).await.context("upgrading")?;
        let jid = FullJid::new(&format!("{account}/unbound"))?;
        let mut plain = Self {
            ws,
            jid,
            requests: 0,
            waiting: VecDeque::new(),
        };
        plain.open(account).await?;
        plain.authenticate(account, password).await?;
        plain.open(account).await?;
        let bound = plain.ask(None, bind::request(None)).await?;
        let bound = bound.as_ref().and_then(bind::jid_of);
        plain.jid = bound.context("not bound")?;
        Ok(plain)
    }

    /// Returns the bound address.
    #[must_use]
    pub fn jid(&self) -> &FullJid {
        &self.jid
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn say(&mut self, frame: impl Into<String>) -> Result<()> {
        let frame: String = frame.into();
        Ok(self.ws.send(Message::text(frame)).await?)
    }

    /// Returns the next frame.
    ///
    /// # Errors
    /// When the connection is gone, or nothing comes for long.
    pub async fn hear(&mut self) -> Result<Frame> {
        match self.waiting.pop_front() {
            Some(frame) => Ok(frame),
            None => self.read().await,
        }
    }

    /// Sends a request to the account, or to `to`, and returns the payload of its answer.
    ///
    /// # Errors
    /// When it is refused, or the connection is gone.
    pub async fn ask(&mut self, to: Option<&BareJid>, payload: Element) -> Result<Option<Element>> {
        let (answer, others) = self.collect(to, payload).await?;
        self.waiting.extend(others);
        Ok(answer)
    }

    /// Reads the whole archive of the account, or what lies behind the entry `after`, oldest first.
    ///
    /// # Errors
    /// When the archive refuses, or answers with something else.
    pub async fn archive(&mut self, after: Option<&str>) -> Result<Vec<mam::Found>> {
        let mut all = Vec::new();
        let mut after = after.map(str::to_owned);
        loop {
            let queryid = format!("page-{}", self.requests);
            let query = mam::Query {
                queryid: Some(queryid.clone()),
                page: PageRequest {
                    max: Some(PAGE),
                    after: after.clone(),
                    before: None,
                },
                ..mam::Query::default()
            };
            let (answer, others) = self.collect(None, query.to_element()).await?;
            let mut page = Vec::new();
            for frame in others {
                match found(&frame).filter(|found| found.queryid.as_ref() == Some(&queryid)) {
                    Some(found) => page.push(found),
                    None => self.waiting.push_back(frame),
                }
            }
            let fin = answer.as_ref().and_then(mam::Fin::from_element);
            let fin = fin.context("the archive answers with something else")?;
            after = page.last().map(|found| found.id.to_string()).or(after);
            ensure!(
                fin.complete || !page.is_empty(),
                "an empty page that is not the last"
            );
            all.extend(page);
            if fin.complete {
                return Ok(all);
            }
        }
    }

    /// Sends a request; returns its answer and what came before it.
    async fn collect(
        &mut self,
        to: Option<&BareJid>,
        payload: Element,
    ) -> Result<(Option<Element>, Vec<Frame>)> {
        self.requests += 1;
        let id = format!("ask-{}", self.requests);
        let iq = Iq::set(id.clone(), payload);
        let iq = match to {
            Some(to) => iq.to(to.clone()),
            None => iq,
        };
        self.say(iq.write()).await?;
        let mut others = Vec::new();
        loop {
            let frame = self.read().await?;
            let answer = match &frame {
                Frame::Stanza(stanza) => Iq::of_stanza(stanza).filter(|iq| iq.id == id),
                Frame::Open(_) | Frame::Close { .. } | Frame::Nonza(_) => None,
            };
            match answer.map(|iq| iq.kind) {
                Some(IqKind::Result(payload)) => return Ok((payload, others)),
                Some(IqKind::Error(error)) => bail!("refused: {:?}", error.condition),
                Some(IqKind::Get(_) | IqKind::Set(_)) | None => others.push(frame),
            }
        }
    }

    async fn open(&mut self, account: &BareJid) -> Result<()> {
        let open = Open {
            to: Some(account.domain().to_string()),
            version: Some("1.0".to_owned()),
            ..Open::default()
        };
        self.say(open.write()).await?;
        ensure!(
            matches!(self.read().await?, Frame::Open(_)),
            "no stream header"
        );
        self.nonza("features").await?;
        Ok(())
    }

    async fn authenticate(&mut self, account: &BareJid, password: &str) -> Result<()> {
        let hash = scram::ScramHash::Sha256;
        let name = account.node().context("an account without a name")?;
        let nonce = format!("{:p}{:?}", self, std::time::Instant::now());
        let nonce: String = nonce.chars().filter(char::is_ascii_alphanumeric).collect();
        let (exchange, first) = scram::ClientExchange::new(hash, name.as_str(), &nonce);
        self.say(sasl::write("auth", Some(hash.mechanism()), &first))
            .await?;
        let challenge = self.nonza("challenge").await?;
        let challenge = sasl::data_of(&challenge).ok().context("a bad challenge")?;
        let secret = scram::Secret::Password(password.to_owned());
        let offered = [hash, scram::ScramHash::Sha1].map(scram::ScramHash::mechanism);
        let last = exchange.answer(&challenge, &secret, &offered)?;
        self.say(sasl::write("response", None, &last.message))
            .await?;
        self.nonza("success").await?;
        Ok(())
    }

    async fn nonza(&mut self, name: &str) -> Result<Element> {
        match self.read().await? {
            Frame::Nonza(element) if element.name() == name => Ok(element),
            other @ (Frame::Open(_) | Frame::Close { .. } | Frame::Stanza(_) | Frame::Nonza(_)) => {
                bail!("{name} was awaited, not {other:?}")
            }
        }
    }

    async fn read(&mut self) -> Result<Frame> {
        loop {
            let next = timeout(PATIENCE, self.ws.next()).await;
            match next.context("the server says nothing")? {
                Some(Ok(Message::Text(text))) => {
                    let text = Text::from(text.as_str());
                    return Ok(Frame::parse(&text, XmlLimits::RELAYED)?);
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Binary(_) | Message::Close(_))) | None => {
                    bail!("the connection is closed")
                }
                Some(Err(error)) => return Err(error.into()),
            }
        }
    }
}

fn found(frame: &Frame) -> Option<mam::Found> {
    let stanza: &Stanza = match frame {
        Frame::Stanza(stanza) => stanza,
        Frame::Open(_) | Frame::Close { .. } | Frame::Nonza(_) => return None,
    };
    mam::Found::of_stanza(stanza)
}
