//! The real server as a process: started, fed with accounts, killed and started again.

use std::{
    env,
    ffi::OsString,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader},
    process::{Child, Command},
    sync::watch,
    time::{sleep, timeout},
};

/// How long a start, an end, or one command may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the server listens, once it has said so.
type Told = watch::Receiver<Option<SocketAddr>>;

/// What the server prints once it can be reached, followed by its address.
const LISTENING: &str = "listening on http://";

/// A server with a data folder of its own; dropped, it is killed, and after a failed test its log is printed.
#[derive(Debug)]
pub struct TestServer {
    options: Options,
    folder: TempDir,
    addr: SocketAddr,
    log: Log,
    child: Child,
}

/// What a server is started with, beyond address and data folder.
#[derive(Clone, Debug, Default)]
pub struct Options {
    program: Option<PathBuf>,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
}

impl Options {
    /// Takes this program instead of what `BALCONY_BIN` names or a development build leaves.
    #[must_use]
    pub fn program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = Some(program.into());
        self
    }

    /// Adds an argument of `balcony serve`.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Sets an environment variable for the server and for the commands beside it.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Starts a server with an empty data folder.
    ///
    /// # Errors
    /// When there is no program, or it does not say in time that it can be reached; with its log.
    pub async fn start(self) -> Result<TestServer> {
        let folder = TempDir::new().context("making a data folder")?;
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        let log = Log::default();
        let (child, addr) = self.serve(folder.path(), free, &log).await?;
        Ok(TestServer {
            options: self,
            folder,
            addr,
            log,
            child,
        })
    }

    fn command(&self, folder: &Path) -> Result<Command> {
        let mut command = Command::new(self.program.clone().map_or_else(program, Ok)?);
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("BALCONY_") {
                command.env_remove(name);
            }
        }
        command
            .envs(self.environment.iter().cloned())
            .env("BALCONY_DATA", folder)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        Ok(command)
    }

    fn spawn(&self, folder: &Path, addr: SocketAddr, log: &Log) -> Result<(Child, Told)> {
        let mut command = self.command(folder)?;
        command
            .args(["serve", "--listen", &addr.to_string(), "--data"])
            .arg(folder)
            .args(&self.arguments);
        let mut child = command.spawn().context("starting the server")?;
        let (tell, told) = watch::channel(None);
        if let (Some(out), Some(err)) = (child.stdout.take(), child.stderr.take()) {
            tokio::spawn(log.clone().follow(out, tell.clone()));
            tokio::spawn(log.clone().follow(err, tell));
        }
        Ok((child, told))
    }

    async fn serve(
        &self,
        folder: &Path,
        addr: SocketAddr,
        log: &Log,
    ) -> Result<(Child, SocketAddr)> {
        let (child, mut told) = self.spawn(folder, addr, log)?;
        let reached = timeout(PATIENCE, told.wait_for(Option::is_some)).await;
        let addr = match reached {
            Ok(Ok(addr)) => *addr,
            Ok(Err(_)) => bail!(
                "the server ended before it could be reached; its log:\n{}",
                log.text()
            ),
            Err(_) => bail!(
                "the server does not say where it listens; its log:\n{}",
                log.text()
            ),
        };
        Ok((child, addr.context("no address")?))
    }
}

impl TestServer {
    /// Starts a server with nothing but its defaults.
    ///
    /// # Errors
    /// As [`Options::start`].
    pub async fn start() -> Result<Self> {
        Options::default().start().await
    }

    /// Returns the address it listens on; it stays the same over restarts.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns the URL of its WebSocket.
    #[must_use]
    pub fn websocket_url(&self) -> String {
        format!("ws://{}/xmpp-websocket", self.addr)
    }

    /// Returns its data folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns all that it has printed on both outputs.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// Makes an account, by the command that an operator uses beside the running server.
    ///
    /// # Errors
    /// When the command fails; with what it printed.
    pub async fn add_user(&self, jid: &str, password: &str) -> Result<()> {
        self.run(&["user", "add", jid], &format!("{password}\n"))
            .await?;
        Ok(())
    }

    /// Runs `balcony` with these arguments on the same data, hands it `input`, and returns what it printed.
    ///
    /// # Errors
    /// When it fails; with what it printed.
    pub async fn run(&self, arguments: &[&str], input: &str) -> Result<String> {
        let mut command = self.options.command(self.folder.path())?;
        let mut child = command
            .args(arguments)
            .stdin(Stdio::piped())
            .spawn()
            .context("starting a command")?;
        if let Some(mut stdin) = child.stdin.take() {
            // A command that does not want its input may close it.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
        let name = arguments.join(" ");
        let output = timeout(PATIENCE, child.wait_with_output())
            .await
            .with_context(|| format!("balcony {name} does not end"))??;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        ensure!(
            output.status.success(),
            "balcony {name}: {}\n{printed}{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(printed)
    }

    /// Ends the server as a power cut would: at once, without a chance to tidy up.
    ///
    /// # Errors
    /// When it is not running any more.
    pub async fn kill9(&mut self) -> Result<()> {
        ensure!(
            self.child.try_wait()?.is_none(),
            "the server had ended by itself:\n{}",
            self.log()
        );
        self.child.kill().await.context("killing the server")
    }

    /// Starts the server again on the same data and address, and kills it after this time: most likely while it still
    /// finds its feet.
    ///
    /// # Errors
    /// When it cannot be started, or had ended by itself.
    pub async fn start_and_kill9(&mut self, after: Duration) -> Result<()> {
        ensure!(
            self.child.try_wait()?.is_some(),
            "the server is still running"
        );
        let (child, _told) = self
            .options
            .spawn(self.folder.path(), self.addr, &self.log)?;
        self.child = child;
        sleep(after).await;
        self.kill9().await
    }

    /// Stops the server where it stands, as a machine that is put to sleep.
    ///
    /// # Errors
    /// When it is not running.
    pub fn freeze(&self) -> Result<()> {
        self.signal(Stop::Freeze)
    }

    /// Lets a frozen server go on.
    ///
    /// # Errors
    /// When it is not running.
    pub fn thaw(&self) -> Result<()> {
        self.signal(Stop::Thaw)
    }

    fn signal(&self, which: Stop) -> Result<()> {
        send(self.child.id().context("the server is not running")?, which)
    }

    /// Leaves the data folder where it is when the server is dropped, and returns it.
    pub fn keep_folder(&mut self) -> &Path {
        self.folder.disable_cleanup(true);
        self.folder.path()
    }

    /// Asks the server to end, and returns how it did.
    ///
    /// # Errors
    /// When it does not end in time.
    pub async fn terminate(&mut self) -> Result<ExitStatus> {
        if let Some(id) = self.child.id() {
            send(id, Stop::End)?;
        }
        timeout(PATIENCE, self.child.wait())
            .await
            .with_context(|| format!("the server does not end:\n{}", self.log()))?
            .context("waiting for the server")
    }

    /// Starts the server again on the same data and address; one that still runs is killed first.
    ///
    /// # Errors
    /// As [`Options::start`].
    pub async fn restart(&mut self) -> Result<()> {
        if self.child.try_wait()?.is_none() {
            self.child.kill().await?;
        }
        (self.child, self.addr) = self
            .options
            .serve(self.folder.path(), self.addr, &self.log)
            .await?;
        Ok(())
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("log of the server at {}:\n{}", self.addr, self.log());
        }
    }
}

/// Everything that a server has printed.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<String>>);

impl Log {
    fn text(&self) -> String {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    async fn follow(self, output: impl AsyncRead + Unpin, tell: watch::Sender<Option<SocketAddr>>) {
        let mut lines = BufReader::new(output).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if let Some(addr) = address_in(&line) {
                tell.send_replace(Some(addr));
            }
            let mut text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            text.push_str(&line);
            text.push('\n');
        }
    }
}

fn address_in(line: &str) -> Option<SocketAddr> {
    let (_, after) = line.split_once(LISTENING)?;
    after.split([' ', '/']).next()?.parse().ok()
}

/// Returns the program to test: what `BALCONY_BIN` names, or what a development build leaves.
fn program() -> Result<PathBuf> {
    if let Some(named) = env::var_os("BALCONY_BIN") {
        return Ok(named.into());
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root.join("target"), |named| root.join(named));
    let program = target.join("debug/balcony");
    ensure!(
        program.exists(),
        "no server to test; build it by `cargo build -p gateway`"
    );
    Ok(program)
}

/// What a process is told.
#[derive(Clone, Copy, Debug)]
enum Stop {
    End,
    Freeze,
    Thaw,
}

#[cfg(unix)]
fn send(id: u32, which: Stop) -> Result<()> {
    use rustix::process::{Pid, Signal, kill_process};

    let pid = i32::try_from(id)
        .ok()
        .and_then(Pid::from_raw)
        .context("no process id")?;
    let signal = match which {
        Stop::End => Signal::TERM,
        Stop::Freeze => Signal::STOP,
        Stop::Thaw => Signal::CONT,
    };
    kill_process(pid, signal).with_context(|| format!("telling the server to {which:?}"))
}

#[cfg(not(unix))]
fn send(_: u32, which: Stop) -> Result<()> {
    bail!("this system cannot tell a process to {which:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_read_from_the_line_that_people_read() {
        let addr = |line| address_in(line).map(|addr| addr.to_string());
        assert_eq!(
            addr("listening on http://127.0.0.1:5280"),
            Some("127.0.0.1:5280".into())
        );
        assert_eq!(
            addr("Balcony is listening on http://127.0.0.1:1/ now"),
            Some("127.0.0.1:1".into())
        );
        assert_eq!(addr("listening on nothing"), None);
    }

    /// A program that speaks like the server.
    #[cfg(unix)]
    const PRETENDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/pretender.sh");

    #[cfg(unix)]
    #[tokio::test]
    async fn a_server_is_started_killed_started_again_and_ended() {
        let options = Options::default().program(PRETENDER).env("FAIL", "0");
        let mut server = options.arg("--demo").start().await.unwrap();
        assert_eq!(server.addr().port(), 4711);
        server.add_user("romeo@localhost", "rose").await.unwrap();
        let users = std::fs::read_to_string(server.folder().join("users")).unwrap();
        assert_eq!(users, "romeo@localhost rose\n");
        server.kill9().await.unwrap();
        assert!(server.kill9().await.is_err());
        server
            .start_and_kill9(Duration::from_millis(20))
            .await
            .unwrap();
        server.restart().await.unwrap();
        assert_eq!(server.addr().port(), 4711);
        assert!(server.start_and_kill9(Duration::ZERO).await.is_err());
        server.freeze().unwrap();
        server.thaw().unwrap();
        assert!(server.terminate().await.unwrap().success());
        assert!(server.folder().join("users").exists());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_failure_comes_with_what_was_printed() {
        let options = Options::default().program(PRETENDER).env("FAIL", "3");
        let server = options.start().await.unwrap();
        let failure = server
            .add_user("romeo@localhost", "rose")
            .await
            .unwrap_err();
        assert!(failure.to_string().contains("exit status: 3"), "{failure}");
        let ended = Options::default()
            .program("/bin/false")
            .start()
            .await
            .unwrap_err();
        assert!(ended.to_string().contains("ended before"), "{ended}");
    }
}
