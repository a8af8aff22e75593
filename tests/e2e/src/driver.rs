//! The process that drives browsers for us: ChromeDriver, on a port of its own choice.

use std::{
    env,
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use thirtyfour::{
    ChromeCapabilities, ChromiumLikeCapabilities, DesiredCapabilities, LoggingPrefsLogLevel,
    WebDriver,
};

/// What Chromium is told: no window, no sandbox (tests run as root, too), nothing but our pages, and timers that run
/// in windows that lie behind others as they do in front.
const FLAGS: [&str; 13] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-renderer-backgrounding",
    "--disable-sync",
    "--window-size=1280,800",
];

/// How long the driver may take to end its browsers.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running ChromeDriver; dropped, it ends with all its browsers.
pub(crate) struct Driver {
    child: Child,
    port: u16,
}

impl Driver {
    /// Starts the driver that `CHROMEDRIVER` names, or the one on the path.
    ///
    /// # Errors
    /// When there is none, or it does not say its port.
    pub(crate) fn start() -> Result<Self> {
        let program = env::var_os("CHROMEDRIVER").unwrap_or_else(|| "chromedriver".into());
        let mut child = Command::new(program)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("starting chromedriver")?;
        let output = child.stdout.take().context("reading from chromedriver")?;
        let mut lines = BufReader::new(output).lines();
        let port = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| port_in(&line));
        // It goes on talking, and must not find its output closed.
        thread::spawn(move || lines.for_each(drop));
        let Some(port) = port else {
            child.kill()?;
            child.wait()?;
            bail!("chromedriver does not say its port");
        };
        Ok(Self { child, port })
    }

    /// Starts a browser with storage of its own.
    ///
    /// # Errors
    /// When there is no browser to start.
    pub(crate) async fn browser(&self) -> Result<WebDriver> {
        // ChromeDriver knows Chromium by the name of its sister only.
        let mut wanted: ChromeCapabilities = DesiredCapabilities::chrome();
        for flag in FLAGS {
            wanted.add_arg(flag)?;
        }
        wanted.set_browser_log_level(LoggingPrefsLogLevel::All)?;
        let url = format!("http://{}:{}", Ipv4Addr::LOCALHOST, self.port);
        WebDriver::new(url, wanted)
            .await
            .context("starting a browser")
    }

    /// Lets the driver end its browsers and itself.
    fn shut_down(&self) -> std::io::Result<()> {
        let mut peer = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        peer.set_read_timeout(Some(PATIENCE))?;
        peer.write_all(b"GET /shutdown HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        peer.read_to_end(&mut answer)?;
        Ok(())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Whatever is left after a polite request is killed, and then is as dead as can be.
        let _ = self.shut_down();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn port_in(line: &str) -> Option<u16> {
    let (_, after) = line.split_once("started successfully on port ")?;
    after.trim_end_matches('.').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read_from_the_greeting() {
        assert_eq!(
            port_in("ChromeDriver was started successfully on port 43043."),
            Some(43043)
        );
        assert_eq!(port_in("Only local connections are allowed."), None);
    }
}
