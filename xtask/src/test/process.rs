//! A child process with all its descendants: followed line by line, ended at a deadline.

use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

/// How often the deadline is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// How long descendants may take to end by themselves, and how long a line may still be on its way.
const GRACE: Duration = Duration::from_secs(2);

/// The process group that runs, for whoever interrupts this program.
static RUNNING: Mutex<Option<u32>> = Mutex::new(None);

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// By itself, content.
    Success,
    /// By itself, with an error.
    Failure,
    /// By us, because time was up.
    Deadline,
}

/// Lets an interrupt of this program end what it runs, too: process groups of their own do not get the terminal's.
///
/// # Errors
/// When the signals cannot be caught.
pub(super) fn end_children_with_us() -> Result<()> {
    ctrlc::set_handler(|| {
        let running = *RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(group) = running {
            group::end(group);
        }
        std::process::exit(130);
    })
    .context("catching interrupts")
}

enum Line {
    Out(String),
    Err(String),
}

/// A running process whose output is passed on.
pub(super) struct Watched {
    child: Child,
    lines: Receiver<Line>,
}

impl Watched {
    /// Starts `command` in a process group of its own.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn spawn(mut command: Command) -> Result<Self> {
        group::own(&mut command);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", command.get_program().display()))?;
        *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) = Some(child.id());
        let (sender, lines) = channel();
        pass_on(child.stdout.take(), sender.clone(), Line::Out);
        pass_on(child.stderr.take(), sender, Line::Err);
        Ok(Self { child, lines })
    }

    /// Prints each line and hands it to `read`, until the process ends or time is up; nothing of it stays running.
    ///
    /// # Errors
    /// When the system cannot say how the process ended.
    pub(super) fn follow(mut self, deadline: Instant, mut read: impl FnMut(&str)) -> Result<End> {
        let status = self.until(deadline, &mut read)?;
        group::end(self.child.id());
        *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) = None;
        // Whoever left the group may hold the pipe open for ever, so a pause is the end.
        let last = Instant::now() + GRACE;
        while Instant::now() < last
            && let Ok(line) = self.lines.recv_timeout(GRACE / 4)
        {
            show(&line, &mut read);
        }
        Ok(match status {
            Some(status) if status.success() => End::Success,
            Some(_) => End::Failure,
            None => {
                self.child.wait()?;
                End::Deadline
            }
        })
    }

    fn until(
        &mut self,
        deadline: Instant,
        read: &mut impl FnMut(&str),
    ) -> Result<Option<ExitStatus>> {
        loop {
            match self.lines.recv_timeout(LOOK) {
                Ok(line) => show(&line, read),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => thread::sleep(LOOK),
            }
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
        }
    }
}

fn pass_on(from: Option<impl Read + Send + 'static>, to: Sender<Line>, which: fn(String) -> Line) {
    let Some(from) = from else { return };
    thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while from.read_until(b'\n', &mut line).is_ok_and(|len| len > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            if to.send(which(text)).is_err() {
                return;
            }
            line.clear();
        }
    });
}

fn show(line: &Line, read: &mut impl FnMut(&str)) {
    match line {
        Line::Out(text) => {
            println!("{text}");
            read(text);
        }
        Line::Err(text) => eprintln!("{text}"),
    }
}

#[cfg(unix)]
mod group {
    use std::{os::unix::process::CommandExt, process::Command, thread, time::Instant};

    use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

    use super::{GRACE, LOOK};

    pub(super) fn own(command: &mut Command) {
        command.process_group(0);
    }

    /// Asks the group to end, and after a grace period does not ask any more.
    pub(super) fn end(leader: u32) {
        let Some(group) = i32::try_from(leader).ok().and_then(Pid::from_raw) else {
            return;
        };
        let last = Instant::now() + GRACE;
        // An error means that nobody is left.
        if kill_process_group(group, Signal::TERM).is_err() {
            return;
        }
        while Instant::now() < last {
            if test_kill_process_group(group).is_err() {
                return;
            }
            thread::sleep(LOOK);
        }
        let _ = kill_process_group(group, Signal::KILL);
    }
}

#[cfg(not(unix))]
mod group {
    use std::process::Command;

    pub(super) fn own(_: &mut Command) {}

    pub(super) fn end(_: u32) {}
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, max: Duration) -> (End, Vec<String>) {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        let mut lines = Vec::new();
        let end = Watched::spawn(command)
            .unwrap()
            .follow(Instant::now() + max, |line| lines.push(line.to_owned()))
            .unwrap();
        (end, lines)
    }

    #[test]
    fn output_is_passed_on_and_the_end_told() {
        let long = Duration::from_secs(60);
        assert_eq!(
            shell("echo one; echo two", long),
            (End::Success, vec!["one".into(), "two".into()])
        );
        assert_eq!(
            shell("echo one; exit 3", long),
            (End::Failure, vec!["one".into()])
        );
    }

    #[test]
    fn what_hangs_is_ended_with_all_its_children() {
        let start = Instant::now();
        let (end, lines) = shell("sleep 600 & echo $!; wait", Duration::from_millis(300));
        assert_eq!(end, End::Deadline);
        assert!(start.elapsed() < Duration::from_secs(60));
        let child = rustix::process::Pid::from_raw(lines[0].parse().unwrap()).unwrap();
        while rustix::process::test_kill_process(child).is_ok() {
            assert!(start.elapsed() < Duration::from_secs(60), "still running");
            thread::sleep(LOOK);
        }
    }

    #[test]
    fn a_child_left_behind_does_not_keep_us_waiting() {
        let start = Instant::now();
        assert_eq!(
            shell("sleep 600 & exit 0", Duration::from_secs(300)).0,
            End::Success
        );
        assert!(start.elapsed() < Duration::from_secs(60));
    }
}
