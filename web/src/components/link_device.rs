//! The dialog that lets one more device sign in.

use client_core::{Intent, Told};
use gloo_timers::callback::Interval;
use leptos::prelude::*;
use protocol::devices::DeviceLink;
use protocol::time::Stamp;

use super::dialog::Dialog;
use super::share_link::ShareLink;
use crate::state::AppState;
use crate::{browser, route, texts};

/// Makes a link when it opens, and shows it with the time that is left.
#[component]
pub(crate) fn LinkDeviceDialog(open: RwSignal<bool>) -> impl IntoView {
    let state = expect_context::<AppState>();
    Effect::new(move || {
        if open.get() {
            state.send(Intent::LinkDevice);
        }
    });
    view! {
        <Dialog open labelled_by="link-title">
            <Link open/>
        </Dialog>
    }
}

#[component]
fn Link(open: RwSignal<bool>) -> impl IntoView {
    let state = expect_context::<AppState>();
    let link = Memo::new(move |_| state.people.with(|people| people.link.clone()));
    let again = move || {
        view! {
            <button
                class="primary"
                type="button"
                data-testid="link-again"
                on:click=move |_| state.send(Intent::LinkDevice)
            >
                {texts::link_again()}
            </button>
        }
    };
    let left = seconds_left(link);
    let is_over = Memo::new(move |_| left.get() == Some(0));
    let shown = move || match link.get() {
        Told::Got(_) if is_over.get() => view! {
            <p role="status" data-testid="link-over">{texts::link_over()}</p>
            {again()}
        }
        .into_any(),
        Told::Got(DeviceLink { token, url, .. }) => {
            let own = state.account.get_untracked();
            let link = url.or_else(|| Some(route::device_link(&token, &own?)));
            view! {
                <ShareLink link=link.unwrap_or_default() picture=texts::link_device_picture()/>
                <p class="hint" data-testid="link-left">
                    {move || left.get().map(|left| texts::link_device_terms(&clock(left)))}
                </p>
            }
            .into_any()
        }
        Told::Failed(trouble) => view! {
            <p class="error" role="alert" data-testid="error">{texts::people_trouble(trouble)}</p>
            {again()}
        }
        .into_any(),
        Told::Unasked | Told::Asked => {
            view! { <p role="status">{texts::link_coming()}</p> }.into_any()
        }
    };
    view! {
        <div class="dialog-body" data-testid="link-dialog">
            <h2 id="link-title">{texts::add_device()}</h2>
            <p class="lead">{texts::add_device_lead()}</p>
            {shown}
            <div class="dialog-actions">
                <button class="quiet" type="button" data-testid="link-close" on:click=move |_| open.set(false)>
                    {texts::done()}
                </button>
            </div>
        </div>
    }
}

/// For how many seconds the link still works, counted down.
fn seconds_left(link: Memo<Told<DeviceLink>>) -> ReadSignal<Option<u32>> {
    let (left, set_left) = signal(None);
    let count = move || {
        let expires = link.with_untracked(|link| match link {
            Told::Got(link) => link.expires,
            Told::Unasked | Told::Asked | Told::Failed(_) => None,
        });
        let now_ms = browser::now().wall_ms;
        let seconds = |Stamp(end_ms)| u32::try_from((end_ms - now_ms).max(0) / 1_000).ok();
        set_left.try_set(expires.and_then(seconds));
    };
    Effect::new(move || {
        link.track();
        count();
    });
    let ticks = StoredValue::new_local(Some(Interval::new(1_000, count)));
    on_cleanup(move || {
        ticks.try_update_value(|ticks| *ticks = None);
    });
    left
}

/// Minutes and seconds.
fn clock(seconds: u32) -> String {
    format!("{}:{:02}", seconds / 60, seconds % 60)
}
