//! For developers: what this device keeps, and how to have it anew.

use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::driver::report;
use crate::history::{Facts, IndexedDb};
use crate::state::AppState;
use crate::{browser, slot, texts};

/// This device's slot, cursor, holes, rows and storage.
#[component]
pub(crate) fn DeviceFacts() -> impl IntoView {
    let state = expect_context::<AppState>();
    move || state.developer.get().then(|| view! { <Known/> })
}

#[component]
fn Known() -> impl IntoView {
    let state = expect_context::<AppState>();
    let known = RwSignal::new(None::<(Facts, browser::Space)>);
    let look = move || {
        let Some(name) = database(state) else { return };
        spawn_local(async move {
            let space = browser::space().await;
            match facts(&name).await {
                Ok(facts) => known.set(Some((facts, space))),
                Err(error) => report(Err(error)),
            }
        });
    };
    look();
    let export = move |_| {
        let Some(name) = database(state) else { return };
        spawn_local(async move {
            match rows(&name).await {
                Ok(rows) => browser::download("balcony-rows.json", &rows),
                Err(error) => report(Err(error)),
            }
        });
    };
    let repair = move |_| {
        if let Some(inbox) = state.inbox() {
            inbox.repair();
        }
    };
    view! {
        <section class="choices" aria-labelledby="settings-device">
            <h2 id="settings-device">{texts::facts()}</h2>
            <dl class="facts" data-testid="facts">{move || known.get().map(|(f, s)| list(state, &f, &s))}</dl>
            <div class="facts-ways">
                <button class="quiet" data-testid="facts-look" on:click=move |_| look()>
                    {texts::facts_look()}
                </button>
                <button class="quiet" data-testid="facts-export" on:click=export>
                    {texts::facts_export()}
                </button>
                <button
                    class="quiet"
                    data-testid="facts-repair"
                    disabled=move || known.with(|k| k.as_ref().is_none_or(|(f, _)| f.outbox > 0))
                    on:click=repair
                >
                    {texts::facts_repair()}
                </button>
            </div>
            <p class="hint">{texts::facts_repair_why()}</p>
        </section>
    }
}

fn list(state: AppState, facts: &Facts, space: &browser::Space) -> AnyView {
    let yes_or_no = |is: bool| if is { texts::yes() } else { texts::no() }.to_owned();
    let id = |id: &Option<String>| id.clone().unwrap_or_else(|| "–".to_owned());
    let (from, to) = facts.places;
    let jid = untrack(|| state.jid.get()).map(|jid| jid.to_string());
    [
        (texts::facts_slot(), database(state).unwrap_or_default()),
        (texts::facts_address(), id(&jid)),
        (texts::facts_cursor(), id(&facts.cursor)),
        (texts::facts_oldest(), id(&facts.oldest)),
        (texts::facts_start(), yes_or_no(facts.reaches_start)),
        (texts::facts_places(), format!("{from} … {to}")),
        (texts::facts_holes(), facts.holes.to_string()),
        (texts::facts_rows(), facts.rows.to_string()),
        (texts::facts_outbox(), facts.outbox.to_string()),
        (
            texts::facts_space(),
            format!("{} / {} MB", space.used_mb, space.quota_mb),
        ),
        (texts::facts_kept(), yes_or_no(space.is_kept)),
    ]
    .map(|(name, value)| {
        view! {
            <div>
                <dt>{name}</dt>
                <dd dir="ltr">{value}</dd>
            </div>
        }
    })
    .into_any()
}

fn database(state: AppState) -> Option<String> {
    let account = state.account.get_untracked()?;
    Some(slot::database_name(&account, &state.slot.get_untracked()))
}

async fn facts(name: &str) -> Result<Facts, crate::error::WebError> {
    let db = IndexedDb::open(name).await?;
    let facts = db.facts().await;
    db.close();
    facts
}

async fn rows(name: &str) -> Result<String, crate::error::WebError> {
    let db = IndexedDb::open(name).await?;
    let rows = db.export().await;
    db.close();
    rows
}
