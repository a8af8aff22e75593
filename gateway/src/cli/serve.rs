//! `balcony serve`.

use std::net::SocketAddr;

use tokio::signal;

use super::{CliError, say};
use crate::accept::raise_descriptors;
use crate::config::Config;
use crate::gateway::Gateway;

/// Runs the server until it is told to stop.
pub(super) async fn run(config: Config) -> Result<(), CliError> {
    raise_descriptors();
    // Heard from here on, so that a signal during the start is not lost.
    let stop = stop_signal().map_err(|cause| CliError::failed(&cause))?;
    let mut gateway = Gateway::start(config).await?;
    say::line(format_args!("listening on http://{}", gateway.address()));
    if let Some(link) = gateway.setup_link() {
        say::line(format_args!("set up your first account: {link}"));
    }
    for account in gateway.demo_accounts() {
        let (jid, password) = (&account.jid, account.password.as_deref());
        match password {
            Some(password) => {
                say::line(format_args!("demo account: {jid} password: {password}"));
            }
            None => say::line(format_args!(
                "demo account: {jid} (its password was changed)"
            )),
        }
    }
    if let Some(lab) = gateway.lab_link() {
        say::line(format_args!("lab: {lab}"));
    }
    let restart = gateway.restart_wanted();
    let has_failed = tokio::select! {
        () = stop => false,
        () = gateway.failed() => true,
        () = restart => return Err(begin_anew(gateway.address())),
    };
    gateway.stop().await;
    if has_failed {
        return Err(CliError::Failed(
            "the server failed; see the log".to_owned(),
        ));
    }
    Ok(())
}

/// Puts a new run of this very program, on the same address, in the place of this one. Whatever is under
/// way ends as by a kill: threads, connections, and what was not yet written.
#[cfg(unix)]
fn begin_anew(address: SocketAddr) -> CliError {
    use std::ffi::OsString;
    use std::os::unix::process::CommandExt as _;
    use std::process::Command;

    let program = std::env::current_exe();
    let mut arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let listen = [OsString::from("--listen"), address.to_string().into()];
    // The last one counts.
    if !arguments.ends_with(&listen) {
        arguments.extend(listen);
    }
    let cause = match program {
        Ok(program) => Command::new(program).args(arguments).exec(),
        Err(cause) => cause,
    };
    CliError::Failed(format!("cannot begin anew: {cause}"))
}

#[cfg(not(unix))]
fn begin_anew(_: SocketAddr) -> CliError {
    CliError::Failed("this system does not let a program begin anew".to_owned())
}

#[cfg(unix)]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        if signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    })
}
