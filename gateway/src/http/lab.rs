//! What the lab's page asks of the server (SEC-70): there only where the lab is on, and only for pages of
//! this very server on this very machine.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Extension, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use protocol::BareJid;
use serde::{Deserialize, Serialize};
use server_core::archive::{Entry, Filter, PageQuery, Paging, message_of};
use store::Store;
use tracing::warn;

use super::Visitor;
use crate::app::App;
use crate::config::Origin;
use crate::lab::{Lab, Unsaved};

/// How much of each archive the page is shown.
const ENTRIES_MAX: u32 = 250;

/// Where the page asks.
pub(super) fn routes<S: Store>(lab: &Arc<Lab>) -> Router<Arc<App<S>>> {
    Router::new()
        .route("/lab/api/accounts", post(accounts))
        .route("/lab/api/state", post(state::<S>))
        .route("/lab/api/fail", post(fail))
        .route("/lab/api/fill", post(fill))
        .route("/lab/api/restart", post(restart))
        .layer(Extension(Arc::clone(lab)))
        .layer(from_fn(own_pages_only))
}

/// Whether somebody may see anything of the lab.
pub(super) fn is_open_to(visitor: &Visitor) -> bool {
    visitor.is_local() && visitor.origin().is_local()
}

/// A browser names the page that asks; programs that are no browsers have no business here.
async fn own_pages_only(
    Extension(visitor): Extension<Visitor>,
    request: Request,
    next: Next,
) -> Response {
    if !is_open_to(&visitor) {
        return (StatusCode::NOT_FOUND, "not found\n").into_response();
    }
    if origin_of(request.headers()).as_ref() != Some(visitor.origin()) {
        return (StatusCode::FORBIDDEN, "only for the lab's own page\n").into_response();
    }
    next.run(request).await
}

fn origin_of(headers: &HeaderMap) -> Option<Origin> {
    let mut values = headers.get_all(ORIGIN).iter();
    let origin = values.next()?.to_str().ok().and_then(Origin::parse);
    origin.filter(|_| values.next().is_none())
}

#[derive(Serialize)]
struct Account<'a> {
    jid: &'a str,
    /// Absent if somebody else made the account.
    password: Option<&'a str>,
}

async fn accounts(Extension(lab): Extension<Arc<Lab>>) -> Response {
    let accounts = lab.accounts.iter().map(|account| Account {
        jid: account.jid.as_str(),
        password: account.password.as_deref(),
    });
    json(&accounts.collect::<Vec<_>>())
}

#[derive(Serialize)]
struct Told {
    boot: String,
    failing: Vec<BareJid>,
    full: Vec<BareJid>,
    unsaved: Vec<NotSaved>,
    archives: Vec<Log>,
}

#[derive(Serialize)]
struct NotSaved {
    account: BareJid,
    message: String,
    reason: &'static str,
}

#[derive(Serialize)]
struct Log {
    account: BareJid,
    /// Whether the log holds nothing older.
    whole: bool,
    entries: Vec<Line>,
}

/// One entry of one archive.
#[derive(Serialize)]
struct Line {
    pos: u64,
    id: String,
    message: Option<String>,
    own: bool,
    /// Absent of what is no line, such as a receipt or a reaction.
    text: Option<String>,
    stamp: String,
}

async fn state<S: Store>(
    State(app): State<Arc<App<S>>>,
    Extension(lab): Extension<Arc<Lab>>,
) -> Response {
    let mut archives = Vec::new();
    for account in &lab.accounts {
        let query = PageQuery {
            account: account.jid.clone(),
            filter: Filter::default(),
            paging: Paging::Backward,
            max: ENTRIES_MAX,
        };
        let Ok(page) = app.store.page(query).await else {
            return (StatusCode::SERVICE_UNAVAILABLE, "the store failed\n").into_response();
        };
        let entries = page.entries.iter();
        archives.push(Log {
            account: account.jid.clone(),
            whole: page.complete,
            entries: entries.map(|entry| line(entry, &account.jid)).collect(),
        });
    }
    let faults = lab.faults();
    let told = Told {
        boot: lab.boot.clone(),
        failing: faults.failing.into_iter().collect(),
        full: faults.full.into_iter().collect(),
        unsaved: faults.unsaved.into_iter().map(not_saved).collect(),
        archives,
    };
    json(&told)
}

fn not_saved(unsaved: Unsaved) -> NotSaved {
    NotSaved {
        account: unsaved.account,
        message: unsaved.message,
        reason: unsaved.error.reason().name(),
    }
}

/// What refers to another message is folded into that one's line.
const REFERS: [&str; 4] = ["replace", "reactions", "retract", "retracted"];

fn line(entry: &Entry, account: &BareJid) -> Line {
    let message = message_of(&entry.stanza);
    let message = message.as_ref();
    let from = message.and_then(|message| message.header().from.jid());
    let is_line = |text: &String| {
        !text.is_empty()
            && message.is_some_and(|message| {
                let mut children = message.children().iter();
                !children.any(|child| REFERS.contains(&&*child.name))
            })
    };
    Line {
        pos: entry.pos,
        id: entry.id.to_string(),
        message: message.and_then(|message| message.id().map(str::to_owned)),
        own: from.is_some_and(|from| from.to_bare() == *account),
        text: message.and_then(|message| message.body()).filter(is_line),
        stamp: entry.stamp.to_string(),
    }
}

/// Whose archives are meant, and whether the fault begins or ends.
#[derive(Deserialize)]
struct Wanted {
    accounts: Vec<BareJid>,
    on: bool,
}

async fn fail(Extension(lab): Extension<Arc<Lab>>, asked: Bytes) -> Response {
    turn(&asked, |wanted| lab.fail_next(&wanted.accounts, wanted.on))
}

async fn fill(Extension(lab): Extension<Arc<Lab>>, asked: Bytes) -> Response {
    turn(&asked, |wanted| lab.fill(&wanted.accounts, wanted.on))
}

fn turn(asked: &[u8], turn: impl FnOnce(&Wanted)) -> Response {
    match serde_json::from_slice(asked) {
        Ok(wanted) => {
            turn(&wanted);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(_) => (StatusCode::BAD_REQUEST, "not what was expected\n").into_response(),
    }
}

fn json(told: &impl Serialize) -> Response {
    match serde_json::to_vec(told) {
        Ok(text) => {
            let kind = [
                (CONTENT_TYPE, "application/json"),
                (CACHE_CONTROL, "no-store"),
            ];
            (kind, text).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The answer may not arrive: what is asked for is like a kill.
async fn restart(Extension(lab): Extension<Arc<Lab>>) -> Response {
    if cfg!(not(unix)) {
        let told = "this system does not let a program begin anew\n";
        return (StatusCode::NOT_IMPLEMENTED, told).into_response();
    }
    warn!("the lab wants the server to begin anew");
    lab.restart.cancel();
    StatusCode::ACCEPTED.into_response()
}
