//! Reads a script and plays it line by line.

use std::mem::Discriminant;

use anyhow::{Context as _, Result, bail, ensure};
use protocol::fast::{self, Token};
use protocol::{Element, XmlLimits, ns};
use server_core::{Limits, Output};
use store::memory::FailingSide;

use crate::login;
use crate::pattern::{self, Names};
use crate::world::World;

/// Short names of namespaces: `xmlns='@sm'`.
const SHORT: [(&str, &str); 36] = [
    ("@framing", ns::FRAMING),
    ("@streams", ns::STREAMS),
    ("@serr", ns::STREAM_ERRORS),
    ("@stanzas", ns::STANZAS),
    ("@sasl", ns::SASL),
    ("@sasl2", ns::SASL2),
    ("@fast", ns::FAST),
    ("@bind", ns::BIND),
    ("@bind2", ns::BIND2),
    ("@sm", ns::SM),
    ("@csi", ns::CSI),
    ("@mam", ns::MAM),
    ("@rsm", ns::RSM),
    ("@fwd", ns::FORWARD),
    ("@sid", ns::SID),
    ("@carbons", ns::CARBONS),
    ("@hints", ns::HINTS),
    ("@delay", ns::DELAY),
    ("@mr2", ns::MR2),
    ("@s11", ns::S11),
    ("@roster", ns::ROSTER),
    ("@register", ns::REGISTER),
    ("@preauth", ns::PREAUTH),
    ("@blocking", ns::BLOCKING),
    ("@ping", ns::PING),
    ("@info", ns::DISCO_INFO),
    ("@data", ns::DATA),
    ("@states", ns::CHAT_STATES),
    ("@items", ns::DISCO_ITEMS),
    ("@caps", ns::CAPS),
    ("@pubsub", ns::PUBSUB),
    ("@owner", ns::PUBSUB_OWNER),
    ("@event", ns::PUBSUB_EVENT),
    ("@pubsub-errors", ns::PUBSUB_ERRORS),
    ("@mds", ns::MDS),
    ("@commands", ns::COMMANDS),
];

/// Plays a script.
///
/// # Errors
/// At the first line that does not come true, with its number and what was there instead.
pub fn run(script: &str) -> Result<()> {
    let mut play = Stage::new()?;
    for (index, line) in script.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        play.line(line)
            .with_context(|| format!("line {}: {line}", index + 1))?;
    }
    play.check_nothing_is_left()
}

/// One server and its devices, played line by line; for tests that go through tables.
pub struct Stage {
    world: World,
    names: Names,
}

impl Stage {
    /// A server for `localhost` with the accounts `romeo`, `juliet` and `mercutio`.
    ///
    /// # Errors
    /// Never, as long as these names are valid.
    pub fn new() -> Result<Self> {
        Self::with_limits(Limits::default())
    }

    /// The same with other bounds.
    ///
    /// # Errors
    /// As there.
    pub fn with_limits(limits: Limits) -> Result<Self> {
        Ok(Self {
            world: World::new(limits)?,
            names: Names::new(),
        })
    }

    /// Takes what a device has received, all but `<r/>`.
    ///
    /// # Errors
    /// If there is no such device.
    pub fn take(&mut self, name: &str) -> Result<Vec<Element>> {
        let inbox = std::mem::take(&mut self.world.peer(name)?.inbox);
        let frames = inbox.iter().filter(|text| !is_request(text));
        frames
            .map(|text| Ok(Element::parse(text, XmlLimits::AFTER_LOGIN)?))
            .collect()
    }

    /// Sends a frame as it is, without short names.
    ///
    /// # Errors
    /// If there is no such device.
    pub fn send(&mut self, name: &str, frame: &str) -> Result<()> {
        self.world.send(name, frame)
    }

    /// What a script calls `{name}`.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.names.get(name).map(String::as_str)
    }

    /// What the store was asked and told to do since the last time, kind by kind and in order.
    pub fn take_store_work(&mut self) -> Vec<Discriminant<Output>> {
        std::mem::take(&mut self.world.store_work)
    }

    /// The archive of an account.
    #[must_use]
    pub fn memory(&self) -> &store::Memory {
        &self.world.store
    }

    /// Plays one line.
    ///
    /// # Errors
    /// If it does not come true.
    pub fn line(&mut self, line: &str) -> Result<()> {
        check_short_names(line)?;
        let (subject, rest) = line
            .split_once(' ')
            .context("a line has at least two words")?;
        match subject {
            "store" => self.store(rest),
            "archive" => self.archive(rest),
            "server" if rest == "shuts down" => {
                self.world.shut_down();
                Ok(())
            }
            "server" if rest == "restarts" => self.world.restart(),
            _ if rest.ends_with(" seconds pass") || rest == "seconds pass" => {
                self.world.pass((subject.parse::<f64>()? * 1_000.0) as u64)
            }
            _ => self.peer(subject, rest.trim()),
        }
    }

    fn store(&mut self, what: &str) -> Result<()> {
        match what {
            "stops" => self.world.stop_store(),
            "goes on" => self.world.restart_store(),
            "stops reading" => self.world.stop_reading(),
            "reads again" => self.world.read_again(),
            "holds keys back" => self.world.hold_keys(),
            "tells keys again" => self.world.tell_keys(),
            "gives romeo another password" => self.world.change_password("romeo")?,
            "registers juliet" => self.world.register("juliet")?,
            "fails the next read" => self.world.store.fail_reads(1),
            "stops reading entries" => self.world.stop_walking(),
            "reads entries again" => self.world.walk_again(),
            "stops changing" => self.world.stop_changing(),
            "changes again" => self.world.change_again(),
            "has 1 change to make" => {
                let found = self.world.changes();
                ensure!(found == 1, "it has {found}");
            }
            "cannot hash the next password" => self.world.fail_hash(),
            "stops answering" => self.world.stop_answering(),
            "answers again" => self.world.answer_again(),
            "keeps ends to itself" => self.world.keep_ends(),
            "tells ends again" => self.world.tell_ends(),
            "keeps pages to itself" => self.world.keep_pages(),
            "tells pages again" => self.world.tell_pages(),
            "fails the next change" => self.world.store.fail_changes(1),
            "fails the next append" => self.world.fail_appends(1, FailingSide::Whole),
            "fails the sender's side of the next append" => {
                self.world.fail_appends(1, FailingSide::Sender)
            }
            "fails the recipient's side of the next append" => {
                self.world.fail_appends(1, FailingSide::Recipient);
            }
            _ => bail!("unknown: store {what}"),
        }
        Ok(())
    }

    /// `archive of romeo holds 3 entries`, `archive of romeo keeps 2 entries`
    fn archive(&self, what: &str) -> Result<()> {
        let words: Vec<_> = what.split_whitespace().collect();
        let ["of", account, verb, count, "entries" | "entry"] = words.as_slice() else {
            bail!("unknown: archive {what}");
        };
        let count = count.parse::<u64>()?;
        match *verb {
            "holds" => {
                let found = self.world.entries(account)?;
                ensure!(found == count, "it holds {found}");
                Ok(())
            }
            "keeps" => self.world.keep(account, count),
            _ => bail!("unknown: archive {what}"),
        }
    }

    /// `juliet/hall sends 300 lines to romeo`
    fn send_lines(&mut self, name: &str, what: &str) -> Result<()> {
        let (count, to) = what.split_once(" lines to ").context("how many to whom")?;
        for n in 1..=count.parse::<u32>()? {
            let frame =
                format!("<message to='{to}@…' type='chat' id='line{n}'><body>{n}</body></message>");
            let frame = self.expand(&frame);
            self.world.send(name, &frame)?;
        }
        Ok(())
    }

    fn peer(&mut self, name: &str, what: &str) -> Result<()> {
        let (verb, rest) = what.split_once(' ').unwrap_or((what, ""));
        let rest = rest.trim();
        match (verb, rest) {
            ("connects", "") => self.connect(name, "s11"),
            ("connects", mode) => self.connect(name, mode.trim_start_matches("as ")),
            ("knocks", "") => {
                self.world.knock(name);
                Ok(())
            }
            ("authenticates", asked) => self.authenticate(name, asked),
            ("begins", how) => self.begin_login(name, how),
            ("loses", "its connection") => self.world.lose(name),
            ("comes", "back") => self.world.attach(name),
            ("sends", lines) if lines.contains(" lines to ") => self.send_lines(name, lines),
            ("sends", frame) => {
                let frame = self.expand(frame);
                self.world.send(name, &frame)
            }
            ("receives", "nothing") => self.receives_nothing(name),
            ("receives", pattern) => self.receives(name, pattern),
            ("skips", "what waits") => {
                self.world.peer(name)?.inbox.clear();
                Ok(())
            }
            ("is", "closed") => {
                self.receives_nothing(name)?;
                ensure!(self.world.peer(name)?.is_closed, "it is open");
                Ok(())
            }
            ("is", "open") => {
                ensure!(!self.world.peer(name)?.is_closed, "it is closed");
                Ok(())
            }
            ("has", credits) => {
                let found = self.world.peer(name)?.credits;
                let wanted: usize = credits.trim_end_matches(" credits").parse()?;
                ensure!(found == wanted, "it has {found} credits");
                Ok(())
            }
            _ => bail!("unknown: {what}"),
        }
    }

    /// A device binds its resource in a mode: `raw`, `plain`, `sm` (plain with stream management),
    /// `carbons`, `mr2` or `s11`; the last three with stream management. All but `raw` and `s11` send
    /// initial presence.
    fn connect(&mut self, name: &str, mode: &str) -> Result<()> {
        self.world.attach(name)?;
        let resource = name
            .split('/')
            .nth(1)
            .context("a device is written account/resource")?;
        if mode == "raw" {
            return Ok(());
        }
        if let "s11" | "mr2" = mode {
            self.play(name, &format!("sends <enable xmlns='@{mode}'/>"))?;
        }
        match mode {
            "s11" => self.play(
                name,
                &format!("receives <enabled xmlns='@s11' prefix='{{{name}.prefix}}'/>"),
            )?,
            "mr2" => self.play(name, "receives <enabled xmlns='@mr2'/>")?,
            _ => {}
        }
        let bind = format!("<bind xmlns='@bind'><resource>{resource}</resource></bind>");
        self.play(name, &format!("sends <iq type='set' id='bind'>{bind}</iq>"))?;
        self.play(name, "receives <iq type='result' id='bind'/>")?;
        if mode != "plain" {
            self.names.remove(&format!("{name}.sm"));
            self.play(name, "sends <enable xmlns='@sm' resume='true'/>")?;
            self.play(
                name,
                &format!("receives <enabled xmlns='@sm' resume='true' id='{{{name}.sm}}'/>"),
            )?;
        }
        if mode == "carbons" {
            self.play(
                name,
                "sends <iq type='set' id='carbons'><enable xmlns='@carbons'/></iq>",
            )?;
            self.play(name, "receives <iq type='result' id='carbons'/>")?;
        }
        if mode != "s11" {
            self.play(name, "sends <presence/>")?;
        }
        // A reconnecting device gets a fresh prefix: the name stands for the newest one.
        Ok(())
    }

    /// A login in one exchange on a connection of its own: `with <bind …/>…` by password, `by {token}
    /// with …` by a token. What the server says from then on waits to be received.
    fn authenticate(&mut self, name: &str, how: &str) -> Result<()> {
        let (how, asked) = how.split_once("with ").unwrap_or((how, ""));
        let asked = self.expand(asked);
        match how.trim().strip_prefix("by ") {
            Some(token) => {
                let username = self.greet(name)?;
                let secret = self.expand(token);
                let expiry = None;
                let first = Token { secret, expiry }.initial_response(&username);
                let frame = login::authenticate(fast::MECHANISM, &first, &asked);
                self.world.send(name, &frame)
            }
            None => {
                let response = self.challenge(name, Some(&asked))?;
                self.world.send(name, &response)
            }
        }
    }

    /// `begins to authenticate with <bind …/>…`, or `begins to log in` as RFC 6120 has it: up to the
    /// challenge. `{romeo/phone.response}` is what proves the password.
    fn begin_login(&mut self, name: &str, how: &str) -> Result<()> {
        let asked = match how.split_once("with ") {
            Some((_, asked)) => Some(self.expand(asked)),
            None if how == "to log in" => None,
            None => bail!("unknown: begins {how}"),
        };
        let response = self.challenge(name, asked.as_deref())?;
        self.names.insert(format!("{name}.response"), response);
        Ok(())
    }

    /// Begins a login by password; gives the answer to the challenge.
    fn challenge(&mut self, name: &str, asked: Option<&str>) -> Result<String> {
        let username = self.greet(name)?;
        let (exchange, frame) = login::Scram::start(&username, asked);
        self.world.send(name, &frame)?;
        let inbox = &mut self.world.peer(name)?.inbox;
        let Some(challenge) = inbox.pop_front() else {
            bail!("no challenge came")
        };
        exchange.answer(&username, &challenge)
    }

    /// Opens a connection; gives the name of its account.
    fn greet(&mut self, name: &str) -> Result<String> {
        self.world.knock(name);
        let open = "<open xmlns='@framing' to='localhost' version='1.0'/>";
        self.world.send(name, &self.expand(open))?;
        self.world.peer(name)?.inbox.clear();
        Ok(name.split('/').next().unwrap_or_default().to_owned())
    }

    fn play(&mut self, name: &str, what: &str) -> Result<()> {
        if what.contains(".prefix}") {
            self.names.remove(&format!("{name}.prefix"));
        }
        self.peer(name, what).with_context(|| what.to_owned())
    }

    fn receives(&mut self, name: &str, pattern: &str) -> Result<()> {
        let expanded = self.expand_namespaces(pattern);
        let wanted = Element::parse(&expanded, XmlLimits::AFTER_LOGIN).context("the pattern")?;
        let peer = self.world.peer(name)?;
        while !is_request(&expanded) && peer.inbox.front().is_some_and(|text| is_request(text)) {
            peer.inbox.pop_front();
        }
        let Some(text) = peer.inbox.pop_front() else {
            bail!("nothing came")
        };
        let frame = Element::parse(&text, XmlLimits::AFTER_LOGIN)?;
        let mut names = self.names.clone();
        if pattern::matches(&wanted, &frame, &mut names) {
            self.names = names;
            return Ok(());
        }
        bail!("instead came {text}\nknown names: {names:#?}")
    }

    fn receives_nothing(&mut self, name: &str) -> Result<()> {
        let inbox = &mut self.world.peer(name)?.inbox;
        inbox.retain(|text| !is_request(text));
        match inbox.front() {
            Some(text) => bail!("but came {text}"),
            None => Ok(()),
        }
    }

    /// A script says everything that is received, but for `<r/>` and what it skips.
    fn check_nothing_is_left(&mut self) -> Result<()> {
        let names: Vec<_> = self.world.peers.keys().cloned().collect();
        for name in names {
            self.receives_nothing(&name)
                .with_context(|| format!("at the end, {name}"))?;
        }
        Ok(())
    }

    fn expand(&self, frame: &str) -> String {
        pattern::with_names(&self.expand_namespaces(frame), &self.names)
    }

    fn expand_namespaces(&self, text: &str) -> String {
        let mut text = with_letters(text.replace("@…", "@localhost"));
        for (short, long) in SHORT {
            text = text.replace(&format!("'{short}'"), &format!("'{long}'"));
        }
        let names_stanza = ["<message", "<presence", "<iq"]
            .iter()
            .find(|tag| text.starts_with(**tag));
        match names_stanza {
            Some(tag)
                if !text
                    .split('>')
                    .next()
                    .unwrap_or_default()
                    .contains("xmlns=") =>
            {
                text.replacen(tag, &format!("{tag} xmlns='jabber:client'"), 1)
            }
            _ => text,
        }
    }
}

/// A short name that stands for nothing would be a namespace of its own, and nobody would notice.
fn check_short_names(line: &str) -> Result<()> {
    for rest in line.split("xmlns='@").skip(1) {
        let name = rest.split('\'').next().unwrap_or_default();
        let is_known = SHORT
            .iter()
            .any(|(short, _)| short.strip_prefix('@') == Some(name));
        ensure!(is_known, "no namespace is called @{name}");
    }
    Ok(())
}

fn is_request(text: &str) -> bool {
    text.contains(ns::SM) && text.starts_with("<r ")
}

/// Puts so many letters in the place of `{66000 letters}`.
fn with_letters(text: String) -> String {
    let Some((before, rest)) = text.split_once(" letters}") else {
        return text;
    };
    let count = before
        .rsplit_once('{')
        .map(|(head, count)| (head, count.parse()));
    match count {
        Some((head, Ok(count))) => [head, &"x".repeat(count), rest].concat(),
        _ => text,
    }
}
