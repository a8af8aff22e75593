//! The thin strip that says how the link to the server stands.

use client_core::{Connection, Input};
use gloo_timers::callback::{Interval, Timeout};
use leptos::prelude::*;

use super::HIDDEN;
use crate::state::AppState;
use crate::{browser, texts};

/// A change for the worse is worth a word only if it lasts.
const GRACE_MS: u32 = 2_000;
/// What needs no word.
const ALL_WELL: (Connection, usize) = (Connection::Live, 0);

/// How the link stands, and which device this is.
#[component]
pub(crate) fn StatusStrip() -> impl IntoView {
    let state = expect_context::<AppState>();
    let shown = patient(state);
    let clock = seconds();
    let words = move || match shown.get() {
        (Connection::Idle, _) => texts::idle().to_owned(),
        (Connection::Offline { .. }, waiting) => texts::offline(waiting),
        (Connection::Connecting, _) => texts::connecting().to_owned(),
        (Connection::CatchingUp { .. }, _) => texts::catching_up().to_owned(),
        (Connection::Live, 0) => texts::live().to_owned(),
        (Connection::Live, waiting) => texts::waiting(waiting),
        (Connection::Broken, _) => texts::broken().to_owned(),
    };
    // Beside the live region: what counts would be read out again and again.
    let beside = move || match shown.get().0 {
        Connection::Offline { retry_at_ms } => {
            clock.track();
            let left_ms = retry_at_ms.saturating_sub(browser::now().mono_ms);
            let in_words = (left_ms > 0).then(|| texts::retry_in(left_ms.div_ceil(1_000)));
            view! {
                <span class="strip-detail">{in_words}</span>
                <button class="strip-button" on:click=move |_| state.push(Input::Online)>
                    {texts::try_now()}
                </button>
            }
            .into_any()
        }
        Connection::Broken => view! {
            <button class="strip-button" on:click=|_| drop(browser::window().location().reload())>
                {texts::reload()}
            </button>
        }
        .into_any(),
        Connection::CatchingUp { fetched, total } => view! {
            <progress
                class="strip-progress"
                data-testid="progress"
                aria-label=texts::catching_up()
                max=total
                value=total.map(|total| fetched.min(total))
            ></progress>
            <span class="strip-detail" data-testid="so-far">{texts::progress(fetched, total)}</span>
        }
        .into_any(),
        Connection::Idle | Connection::Connecting | Connection::Live => ().into_any(),
    };
    let inspect = move || {
        state.developer.get().then(|| {
            view! {
                <button
                    class="strip-button"
                    data-testid="inspector-open"
                    aria-expanded=move || state.wire.is_open.get().to_string()
                    on:click=move |_| state.wire.is_open.update(|is_open| *is_open = !*is_open)
                >
                    {texts::inspector()}
                </button>
            }
        })
    };
    view! {
        <header class="strip" data-shown=move || name(shown.get().0)>
            <span class="strip-dot" aria-hidden=HIDDEN></span>
            <span
                role="status"
                data-testid="status"
                data-state=move || name(state.connection.get())
            >
                {words}
            </span>
            {beside}
            {inspect}
            <span class="strip-device" title=move || texts::device(&state.slot.get())>
                <span>{move || texts::device_short(&state.slot.get())}</span>
                <span class="unseen" data-testid="device-slot">{state.slot}</span>
            </span>
        </header>
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

/// Follows link and waiting lines at once for the better, and after the grace for the worse.
fn patient(state: AppState) -> RwSignal<(Connection, usize)> {
    let now = move || (state.connection.get(), state.waiting.get());
    let shown = RwSignal::new(untrack(now));
    let pending = StoredValue::new_local(None::<Timeout>);
    Effect::new(move || {
        let latest = now();
        let was_good = shown.get_untracked() == ALL_WELL;
        if was_good && latest != ALL_WELL && latest.0 != Connection::Broken {
            if pending.with_value(Option::is_none) {
                let later = Timeout::new(GRACE_MS, move || {
                    pending.set_value(None);
                    shown.set(untrack(now));
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
