//! A server in this process, and peers that speak to it byte by byte.

#![allow(dead_code, reason = "each test file uses some of it")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "test code, though not inside a test function"
)]
#![allow(unreachable_pub, reason = "a module shared by test programs")]

use std::net::SocketAddr;
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use gateway::{Config, Gateway};
use protocol::fast::{self, Token};
use protocol::sasl2::{self, Authenticate};
use protocol::scram::{ClientExchange, ScramHash, Secret, StoredKeys};
use protocol::{BareJid, Frame, Text, XmlLimits, sasl};
use server_core::records::Change;
use store::{Accounts as _, Memory};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

/// How long anything may take that is awaited.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Settings for a server on a free port.
pub fn config() -> Config {
    Config {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        ..Config::default()
    }
}

/// A server on a store in memory, and the store.
pub struct Server {
    pub gateway: Gateway,
    pub store: Memory,
}

impl Server {
    pub async fn start(config: Config) -> Self {
        let clock = store::system_clock();
        let store = Memory::new([7; 32], store::Limits::default(), move || clock());
        let gateway = Gateway::start_on(config, store.clone()).await.unwrap();
        Self { gateway, store }
    }

    pub fn address(&self) -> SocketAddr {
        self.gateway.address()
    }

    /// Makes an account whose password is its name.
    pub async fn add(&self, name: &str) -> BareJid {
        let account = BareJid::new(&format!("{name}@localhost")).unwrap();
        let salt = b"0123456789abcdef".to_vec();
        let keys = vec![StoredKeys::of_password(
            ScramHash::Sha256,
            name,
            salt,
            4_096,
        )];
        let register = Change::Register {
            account: account.clone(),
            keys,
            token: None,
        };
        self.store.change(register).await.unwrap();
        account
    }
}

/// A server with a folder and a database.
pub async fn on_disk(config: Config) -> (TempDir, Gateway) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let gateway = Gateway::start(Config { data, ..config }).await.unwrap();
    (folder, gateway)
}

/// An answer over HTTP.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: Vec<u8>,
}

impl Answer {
    /// A header of the answer; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().skip(1);
        let mut pairs = lines.filter_map(|line| line.split_once(": "));
        let found = pairs.find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends bytes and reads until the server closes.
pub async fn exchange(address: SocketAddr, request: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may close before it has read everything.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut bytes = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
    let _ = read.expect("the server does not close");
    parse(&bytes)
}

pub fn parse(bytes: &[u8]) -> Answer {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.expect("no whole header");
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let body = bytes[end + 4..].to_vec();
    Answer { status, head, body }
}

/// Sends a request with these further header lines.
pub async fn ask(address: SocketAddr, method: &str, path: &str, headers: &[&str]) -> Answer {
    let mut request = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
    let names_host = headers.iter().any(|header| header.starts_with("Host:"));
    if !names_host {
        request.push_str(&format!("Host: {address}\r\n"));
    }
    for header in headers {
        request.push_str(header);
        request.push_str("\r\n");
    }
    exchange(address, &(request + "\r\n")).await
}

pub async fn get(address: SocketAddr, path: &str) -> Answer {
    ask(address, "GET", path, &[]).await
}

/// The header lines of a well-formed upgrade, without subprotocol.
pub const UPGRADE: [&str; 4] = [
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

/// Asks for an upgrade and gives the status; does not wait for more.
pub async fn try_upgrade(address: SocketAddr, headers: &[&str]) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut request = "GET /xmpp-websocket HTTP/1.1\r\n".to_owned();
    if !headers.iter().any(|header| header.starts_with("Host:")) {
        request.push_str(&format!("Host: {address}\r\n"));
    }
    for header in UPGRADE.iter().chain(headers) {
        request.push_str(&format!("{header}\r\n"));
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|four| four == b"\r\n\r\n") {
        let read = timeout(PATIENCE, stream.read_buf(&mut bytes)).await;
        assert!(read.unwrap().unwrap() > 0, "closed without an answer");
    }
    parse(&bytes)
}

/// An upgraded connection, for peers that speak no proper WebSocket.
pub async fn raw_socket(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let upgrade = UPGRADE.join("\r\n");
    let request = format!(
        "GET /xmpp-websocket HTTP/1.1\r\nHost: {address}\r\n{upgrade}\r\n\
         Sec-WebSocket-Protocol: xmpp\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101"));
    stream
}

/// One WebSocket to a server.
pub struct Peer {
    pub ws: WebSocketStream<TcpStream>,
}

impl Peer {
    pub async fn connect(address: SocketAddr) -> Self {
        let url = format!("ws://{address}/xmpp-websocket");
        let mut request = url.into_client_request().unwrap();
        let protocol = "xmpp".parse().unwrap();
        request
            .headers_mut()
            .insert("sec-websocket-protocol", protocol);
        let stream = TcpStream::connect(address).await.unwrap();
        let (ws, _) = client_async(request, stream).await.unwrap();
        Self { ws }
    }

    pub async fn say(&mut self, text: impl Into<String>) {
        let text: String = text.into();
        self.ws.send(Message::text(text)).await.unwrap();
    }

    /// The next text frame.
    pub async fn hear(&mut self) -> String {
        loop {
            match self.next().await {
                Some(Ok(Message::Text(text))) => return text.as_str().to_owned(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("a text frame was awaited, not {other:?}"),
            }
        }
    }

    /// The next text frame that has this in it.
    pub async fn hear_of(&mut self, part: &str) -> String {
        loop {
            let text = self.hear().await;
            if text.contains(part) {
                return text;
            }
        }
    }

    pub async fn next(&mut self) -> Option<Result<Message, Error>> {
        let next = timeout(PATIENCE, self.ws.next()).await;
        next.expect("the server says nothing")
    }

    /// All text frames up to the close frame, and its code.
    pub async fn rest(&mut self) -> (Vec<String>, Option<CloseCode>) {
        let mut texts = Vec::new();
        loop {
            match self.next().await {
                Some(Ok(Message::Text(text))) => texts.push(text.as_str().to_owned()),
                Some(Ok(Message::Close(frame))) => return (texts, frame.map(|f| f.code)),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return (texts, None),
            }
        }
    }

    pub async fn open(&mut self) {
        self.say(
            "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='localhost' version='1.0'/>",
        )
        .await;
        assert!(self.hear().await.starts_with("<open"));
        assert!(self.hear().await.contains("features"));
    }

    /// Logs in by SCRAM; `Err` has the server's refusal.
    pub async fn log_in(&mut self, name: &str, password: &str) -> Result<(), String> {
        let hash = ScramHash::Sha256;
        let (scram, first) = ClientExchange::new(hash, name, "a-nonce-that-no-one-guesses-ever");
        let auth = sasl::write("auth", Some(hash.mechanism()), &first);
        self.say(auth).await;
        let challenge = data_of(self.hear().await)?;
        let offered = [ScramHash::Sha256, ScramHash::Sha1].map(ScramHash::mechanism);
        let secret = Secret::Password(password.to_owned());
        let last = scram.answer(&challenge, &secret, &offered);
        let last = last.map_err(|error| error.to_string())?;
        self.say(sasl::write("response", None, &last.message)).await;
        assert_eq!(data_of(self.hear().await)?, last.expected);
        self.open().await;
        Ok(())
    }

    pub async fn bind(&mut self, resource: &str) -> String {
        self.say(format!(
            "<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
             <resource>{resource}</resource></bind></iq>"
        ))
        .await;
        self.hear_of("id='b'").await
    }

    /// Sends presence and waits until the server has taken it.
    pub async fn become_available(&mut self) {
        self.say("<presence xmlns='jabber:client'/>").await;
        self.say(
            "<iq xmlns='jabber:client' type='get' id='ping'><ping xmlns='urn:xmpp:ping'/></iq>",
        )
        .await;
        self.hear_of("id='ping'").await;
    }

    /// A session of an account that [`Server::add`] made.
    pub async fn session(address: SocketAddr, name: &str) -> Self {
        let mut peer = Self::connect(address).await;
        peer.open().await;
        peer.log_in(name, name).await.unwrap();
        peer.bind("balcony").await;
        peer
    }
}

fn data_of(text: String) -> Result<String, String> {
    let frame = Frame::parse(&Text::from(text.as_str()), XmlLimits::AFTER_LOGIN);
    match frame {
        Ok(Frame::Nonza(element)) if element.name() != "failure" => {
            sasl::data_of(&element).map_err(|_| text)
        }
        _ => Err(text),
    }
}

impl Peer {
    /// By token, with all that follows behind the proof; gives the server's answer.
    pub async fn log_in_by_token(&mut self, name: &str, token: &str, asked: &str) -> String {
        let secret = token.to_owned();
        let token = Token {
            secret,
            expiry: None,
        };
        let authenticate = Authenticate {
            mechanism: fast::MECHANISM.to_owned(),
            initial_response: Some(token.initial_response(name)),
            ..Authenticate::default()
        };
        let frame = authenticate.write("");
        self.say(frame.replace("</authenticate>", &format!("{asked}</authenticate>")))
            .await;
        self.hear().await
    }

    /// Begins a login by password and gives it up; gives what the server asks.
    pub async fn challenge(&mut self, name: &str) -> String {
        let hash = ScramHash::Sha256;
        let (_, first) = ClientExchange::new(hash, name, "a-nonce-that-no-one-guesses-ever");
        let authenticate = Authenticate {
            mechanism: hash.mechanism().to_owned(),
            initial_response: Some(first.into_bytes()),
            ..Authenticate::default()
        };
        self.say(authenticate.write("")).await;
        let challenge = data_of(self.hear().await).unwrap();
        self.say("<abort xmlns='urn:xmpp:sasl:2'/>").await;
        assert!(self.hear().await.contains("<aborted"));
        challenge
    }

    /// By password, in two exchanges; gives the server's answer.
    pub async fn log_in_inline(&mut self, name: &str, password: &str, asked: &str) -> String {
        let hash = ScramHash::Sha256;
        let (scram, first) = ClientExchange::new(hash, name, "a-nonce-that-no-one-guesses-ever");
        let authenticate = Authenticate {
            mechanism: hash.mechanism().to_owned(),
            initial_response: Some(first.into_bytes()),
            ..Authenticate::default()
        };
        let frame = authenticate.write("");
        self.say(frame.replace("</authenticate>", &format!("{asked}</authenticate>")))
            .await;
        let challenge = match data_of(self.hear().await) {
            Ok(challenge) => challenge,
            Err(refused) => return refused,
        };
        let offered = [ScramHash::Sha256, ScramHash::Sha1].map(ScramHash::mechanism);
        let secret = Secret::Password(password.to_owned());
        let last = scram.answer(&challenge, &secret, &offered).unwrap();
        self.say(sasl2::write("response", &last.message)).await;
        self.hear().await
    }
}

/// Makes an account or gives it another password, as a program beside the server does.
pub async fn set_password(store: &store::Sqlite, name: &str, password: &str) {
    let account = BareJid::new(&format!("{name}@localhost")).unwrap();
    let hash = ScramHash::Sha256;
    let salt = b"0123456789abcdef".to_vec();
    let keys = vec![StoredKeys::of_password(hash, password, salt, 4_096)];
    let exists = store.credentials(&account).await.unwrap().is_some();
    let change = if exists {
        Change::SetKeys { account, keys }
    } else {
        let token = None;
        Change::Register {
            account,
            keys,
            token,
        }
    };
    store.change(change).await.unwrap();
}
