//! The thin strip that says how the link to the server stands.

use client_core::{Connection, Input};
use gloo_timers::callback::{Interval, Timeout};
use leptos::prelude::*;

use super::HIDDEN;
use crate::state::AppState;
use crate::{browser, texts};

/// A change for the worse is worth a word only if it lasts.
const GRACE_MS: u32 = 2_000;

/// How the link stands, and which device this is.
#[component]
pub(crate) fn StatusStrip() -> impl IntoView {
    let state = expect_context::<AppState>();
    let shown = patient(state.connection);
    let clock = seconds();
    let words = move || {
        let waiting = state.waiting.get();
        match shown.get() {
            Connection::Idle => texts::IDLE.to_owned(),
            Connection::Offline { .. } => texts::offline(waiting),
            Connection::Connecting => texts::CONNECTING.to_owned(),
            Connection::CatchingUp { fetched } => texts::catching_up(fetched),
            Connection::Live if waiting > 0 => texts::waiting(waiting),
            Connection::Live => texts::LIVE.to_owned(),
            Connection::Broken => texts::BROKEN.to_owned(),
        }
    };
    // Beside the live region: a count-down would be read out every second.
    let beside = move || match shown.get() {
        Connection::Offline { retry_at_ms } => {
            clock.track();
            let left_ms = retry_at_ms.saturating_sub(browser::now().mono_ms);
            let in_words = (left_ms > 0).then(|| texts::retry_in(left_ms.div_ceil(1_000)));
            view! {
                <span class="strip-detail">{in_words}</span>
                <button class="strip-button" on:click=move |_| state.push(Input::Online)>
                    {texts::TRY_NOW}
                </button>
            }
            .into_any()
        }
        Connection::Broken => view! {
            <button class="strip-button" on:click=|_| drop(browser::window().location().reload())>
                {texts::RELOAD}
            </button>
        }
        .into_any(),
        Connection::Idle
        | Connection::Connecting
        | Connection::CatchingUp { .. }
        | Connection::Live => ().into_any(),
    };
    view! {
        <div class="strip" data-shown=move || name(shown.get())>
            <span class="strip-dot" aria-hidden=HIDDEN></span>
            <span
                role="status"
                data-testid="status"
                data-state=move || name(state.connection.get())
            >
                {words}
            </span>
            {beside}
            <span class="strip-device" title=move || texts::device(&state.slot.get())>
                <span>{move || texts::device_short(&state.slot.get())}</span>
                <span class="unseen" data-testid="device-slot">{state.slot}</span>
            </span>
        </div>
    }
}

fn name(connection: Connection) -> &'static str {
    match connection {
        Connection::Idle => "idle",
        Connection::Offline { .. } => "offline",
        Connection::Connecting => "connecting",
        Connection::CatchingUp { .. } => "catching-up",
        Connection::Live => "live",
        Connection::Broken => "broken",
    }
}

/// Follows a connection at once for the better, and after the grace for the worse.
fn patient(connection: RwSignal<Connection>) -> RwSignal<Connection> {
    let shown = RwSignal::new(connection.get_untracked());
    let pending = StoredValue::new_local(None::<Timeout>);
    Effect::new(move || {
        let latest = connection.get();
        let was_good = matches!(shown.get_untracked(), Connection::Live);
        let is_bad = !matches!(latest, Connection::Live | Connection::Broken);
        if was_good && is_bad {
            if pending.with_value(Option::is_none) {
                let later = Timeout::new(GRACE_MS, move || {
                    pending.set_value(None);
                    shown.set(connection.get_untracked());
                });
                pending.set_value(Some(later));
            }
        } else {
            pending.set_value(None);
            shown.set(latest);
        }
    });
    shown
}

/// A signal that changes every second.
fn seconds() -> RwSignal<()> {
    let clock = RwSignal::new(());
    // Kept by the owner, so it ends with the strip.
    StoredValue::new_local(Interval::new(1_000, move || clock.notify()));
    clock
}
