//! Drives `Opening`: from the first frame to a known account, or to the end.

use std::time::Duration;

use futures::SinkExt as _;
use protocol::stream_error::{StreamCondition, StreamError};
use protocol::time::Stamp;
use protocol::{BareJid, Now, Text};
use server_core::tokens::DeviceId;
use server_core::{Identity, Inline, Input, Opening, OpeningInput, OpeningOutput};
use store::Store;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tracing::{debug, error, warn};

use super::hear::{Heard, hear};
use super::{Ending, Link, Pace, Socket};
use crate::random;
use crate::shard::Call;

/// An `Opening` and what happens around it.
struct Driver<'a, S> {
    link: &'a Link<S>,
    opening: Opening,
    /// Time that the server itself made this connection wait (LIM-15); its login clock stands still
    /// meanwhile, so that whoever waits can still log in.
    delayed: Duration,
}

/// Who logged in, and what the login asked for inline.
pub(super) type LoggedIn = (Identity, Option<Box<Inline>>);

/// Runs until somebody is logged in, or says how the connection is to end.
pub(super) async fn run<S: Store>(
    link: &Link<S>,
    socket: &mut Socket,
    pace: &mut Pace,
) -> Result<LoggedIn, Ending> {
    let seed = random::bytes::<32>().map_err(|cause| {
        error!(error = %cause, "connection refused");
        Ending::Away
    })?;
    let app = &link.app;
    let mut driver = Driver {
        link,
        opening: Opening::new(app.server.clone(), seed, app.clock.now()),
        delayed: Duration::ZERO,
    };
    let mut ending = Ending::Normal;
    loop {
        if let Some(logged_in) = driver.perform(socket, ending).await? {
            return Ok(logged_in);
        }
        let deadline = app.clock.instant(driver.opening.deadline()) + driver.delayed;
        let input = tokio::select! {
            heard = hear(link, pace, socket) => match heard {
                Heard::Text(text) => OpeningInput::Frame(text),
                Heard::Binary => OpeningInput::Refused(binary_frame()),
                Heard::TooLong => {
                    ending = Ending::TooLong;
                    OpeningInput::Refused(long_frame())
                }
                Heard::Gone | Heard::Silent => return Err(Ending::Gone),
                Heard::Broken(code) => return Err(Ending::Broken(code)),
            },
            () = tokio::time::sleep_until(deadline) => OpeningInput::Tick,
            () = app.stopping.cancelled() => OpeningInput::Refused(shutdown()),
        };
        driver.feed(input);
    }
}

/// WS-04.
pub(super) fn binary_frame() -> StreamError {
    StreamError::new(StreamCondition::UnsupportedEncoding).because("text frames only")
}

/// WS-26.
pub(super) fn long_frame() -> StreamError {
    StreamError::new(StreamCondition::PolicyViolation).because("frame too long")
}

/// WS-30.
fn shutdown() -> StreamError {
    StreamError::new(StreamCondition::SystemShutdown)
}

impl<S: Store> Driver<'_, S> {
    fn now(&self) -> Now {
        let now = self.link.app.clock.now();
        let delayed = u64::try_from(self.delayed.as_millis()).unwrap_or(u64::MAX);
        Now {
            mono_ms: now.mono_ms.saturating_sub(delayed),
            ..now
        }
    }

    fn feed(&mut self, input: OpeningInput) {
        let now = self.now();
        self.opening.handle(input, now);
    }

    /// Carries out what is to be done, and gives the account once there is one.
    async fn perform(
        &mut self,
        socket: &mut Socket,
        ending: Ending,
    ) -> Result<Option<LoggedIn>, Ending> {
        let app = &self.link.app;
        while let Some(output) = self.opening.poll() {
            match output {
                OpeningOutput::Send(text) => self.send(socket, text).await?,
                OpeningOutput::Lookup(account) => self.look_up(&account).await,
                OpeningOutput::LookupTokens { account, device } => {
                    self.look_up_tokens(&account, device).await;
                }
                OpeningOutput::CheckInvite(token) => {
                    let stamp = Stamp(app.clock.now().wall_ms);
                    let invite = app.store.check_invite(token, stamp).await;
                    let invite = invite.unwrap_or_else(|cause| {
                        error!(error = %cause, "invitation not read");
                        None
                    });
                    self.feed(OpeningInput::Invite(invite));
                }
                OpeningOutput::Hash(password) => {
                    let keys = app.hasher.hash(password).await.ok_or(Ending::Away)?;
                    self.feed(OpeningInput::Hashed(keys));
                }
                OpeningOutput::Change(change) => {
                    let result = app.store.change(*change).await;
                    self.feed(OpeningInput::Changed(result));
                }
                OpeningOutput::Joined { account, inviter } => {
                    let joined = Input::Joined { account, inviter };
                    let told = app.shard.send(Call::Input(joined)).await;
                    told.map_err(|_| Ending::Away)?;
                }
                OpeningOutput::LoginFailed(account) => self.login_failed(&account),
                OpeningOutput::Authenticated { identity, inline } => {
                    return Ok(Some((identity, inline)));
                }
                OpeningOutput::Close => return Err(ending),
            }
        }
        Ok(None)
    }

    async fn look_up(&mut self, account: &BareJid) {
        let app = &self.link.app;
        let now_ms = app.clock.now().mono_ms;
        let wait = match app.is_bounded(self.link.ip) {
            true => app.guesses.reserve(self.link.ip, account, now_ms),
            false => Some(Duration::ZERO),
        };
        let Some(wait) = wait else {
            debug!("too many logins of one address wait already");
            return self.feed(OpeningInput::Credentials(Err(())));
        };
        self.slow_down(wait).await;
        let found = self.link.app.store.credentials(account).await;
        let found = found.map_err(|cause| error!(error = %cause, "credentials not read"));
        self.feed(OpeningInput::Credentials(found));
    }

    async fn look_up_tokens(&mut self, account: &BareJid, device: DeviceId) {
        let app = &self.link.app;
        if app.is_bounded(self.link.ip) {
            let now_ms = app.clock.now().mono_ms;
            let wait = app.guesses.delay(self.link.ip, account, now_ms);
            self.slow_down(wait).await;
        }
        let found = self.link.app.store.tokens(account, device).await;
        let found = found.map_err(|cause| error!(error = %cause, "tokens not read"));
        self.feed(OpeningInput::Tokens(found));
    }

    /// LIM-15.
    async fn slow_down(&mut self, wait: Duration) {
        let from = Instant::now();
        tokio::select! {
            () = sleep(wait) => {}
            () = self.link.app.stopping.cancelled() => {}
        }
        self.delayed += from.elapsed();
    }

    fn login_failed(&self, account: &BareJid) {
        let app = &self.link.app;
        app.metrics.logins_failed.inc();
        debug!(%account, "login failed");
        if app.is_bounded(self.link.ip) {
            let now_ms = app.clock.now().mono_ms;
            app.guesses.failed(self.link.ip, account, now_ms);
            if !app.guesses.delay(self.link.ip, account, now_ms).is_zero() {
                warn!("many failed logins from one address; the next ones are delayed");
            }
        }
    }

    async fn send(&self, socket: &mut Socket, text: Text) -> Result<(), Ending> {
        let app = &self.link.app;
        app.metrics.frames_out.inc();
        app.metrics.bytes_out.inc_by(text.len() as u64);
        let blocked = Duration::from_millis(app.limits().blocked_ms);
        let frame = Message::text(&*text);
        match timeout(blocked, socket.send(frame)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Ending::Gone),
        }
    }
}
