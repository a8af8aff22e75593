//! A journey's browser: profiles, their tabs, and what is kept when a journey fails.

use std::{
    net::SocketAddr,
    panic::{AssertUnwindSafe, resume_unwind},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result};
use futures::FutureExt;
use support::proxy::Proxy;
use thirtyfour::WebDriver;

use crate::{driver::Driver, tab::Tab};

/// Makes a journey with a browser of its own, and tidies up whatever becomes of it.
///
/// When it fails, each tab leaves a picture `target/e2e/NAME-failed-TAB.png` and its console's lines.
///
/// # Errors
/// When the journey does, or no browser can be started. A panic of the journey goes on after tidying up.
pub async fn journey(name: &str, steps: impl AsyncFnOnce(&Browser) -> Result<()>) -> Result<()> {
    let browser = Browser {
        driver: Driver::start()?,
        sessions: Mutex::default(),
        tabs: Mutex::default(),
    };
    let outcome = AssertUnwindSafe(steps(&browser)).catch_unwind().await;
    if !matches!(outcome, Ok(Ok(()))) {
        browser.keep_evidence(name).await;
    }
    browser.quit().await;
    outcome.unwrap_or_else(|panic| resume_unwind(panic))
}

/// What a journey goes through.
pub struct Browser {
    driver: Driver,
    sessions: Mutex<Vec<WebDriver>>,
    tabs: Mutex<Vec<Arc<Tab>>>,
}

/// A browser with storage of its own, as another person or machine has.
pub struct Profile<'a> {
    browser: &'a Browser,
    session: Arc<Session>,
}

/// One browser under remote control; it has one window at a time in its hand, so tabs take turns.
pub(crate) struct Session {
    pub(crate) remote: WebDriver,
    pub(crate) turn: tokio::sync::Mutex<()>,
}

impl Browser {
    /// Starts a browser with empty storage.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn profile(&self) -> Result<Profile<'_>> {
        let remote = self.driver.browser().await?;
        self.sessions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(remote.clone());
        let session = Arc::new(Session {
            remote,
            turn: tokio::sync::Mutex::default(),
        });
        Ok(Profile {
            browser: self,
            session,
        })
    }

    async fn keep_evidence(&self, name: &str) {
        let tabs = self
            .tabs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        for tab in tabs {
            // A tab that was closed, or whose browser has died, has no evidence to give.
            if let Ok(path) = tab
                .screenshot(&format!("{name}-failed-{}", tab.name()))
                .await
            {
                eprintln!("{}: see {}", tab.name(), path.display());
            }
            for line in tab.console().await.unwrap_or_default() {
                eprintln!("{}: {line}", tab.name());
            }
        }
    }

    async fn quit(&self) {
        let sessions =
            std::mem::take(&mut *self.sessions.lock().unwrap_or_else(PoisonError::into_inner));
        for session in sessions {
            // A browser that has died needs no more quitting; the driver ends the others.
            let _ = session.quit().await;
        }
    }
}

impl Profile<'_> {
    /// Opens a tab on `server`, through a proxy of its own and so as an origin of its own.
    ///
    /// # Errors
    /// When the page does not load.
    pub async fn open(&self, name: &str, server: SocketAddr) -> Result<Arc<Tab>> {
        self.open_path(name, server, "/").await
    }

    /// Opens a tab as [`Profile::open`] does, on a path with query and fragment.
    ///
    /// # Errors
    /// When the page does not load.
    pub async fn open_path(&self, name: &str, server: SocketAddr, path: &str) -> Result<Arc<Tab>> {
        let proxy = Arc::new(Proxy::start(server).await?);
        self.open_through(name, proxy, path).await
    }

    /// Opens a tab through the proxy of `other`: the same origin, the same storage.
    ///
    /// # Errors
    /// When the page does not load.
    pub async fn open_beside(&self, name: &str, other: &Tab) -> Result<Arc<Tab>> {
        self.open_through(name, other.shared_proxy(), "/").await
    }

    async fn open_through(&self, name: &str, proxy: Arc<Proxy>, path: &str) -> Result<Arc<Tab>> {
        let turn = self.session.turn.lock().await;
        let remote = &self.session.remote;
        // The window that was last at hand may be closed by now; any other will do.
        let any = remote.windows().await.context("looking for windows")?;
        if let Some(any) = any.into_iter().next() {
            remote
                .switch_to_window(any)
                .await
                .context("turning to a window")?;
        }
        let window = remote.new_window().await.context("opening a window")?;
        drop(turn);
        let tab = self.keep(Tab::new(name, window, proxy, Arc::clone(&self.session)));
        tab.give_focus().await?;
        tab.goto(path).await?;
        Ok(tab)
    }

    /// Duplicates a tab of this profile as a person does; the duplicate starts with a copy of its session storage.
    ///
    /// # Errors
    /// When no window opens.
    pub async fn duplicate(&self, name: &str, tab: &Tab) -> Result<Arc<Tab>> {
        let window = tab.open_copy().await?;
        let session = Arc::clone(&self.session);
        let copy = self.keep(Tab::new(name, window, tab.shared_proxy(), session));
        copy.give_focus().await?;
        Ok(copy)
    }

    fn keep(&self, tab: Tab) -> Arc<Tab> {
        let tab = Arc::new(tab);
        self.browser
            .tabs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::clone(&tab));
        tab
    }
}
