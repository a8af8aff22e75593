//! The account's devices: who is signed in, what it is called, and the way to sign it out.

use client_core::{Intent, Told};
use leptos::ev::{KeyboardEvent, SubmitEvent};
use leptos::html;
use leptos::prelude::*;
use protocol::devices::Device;

use super::dialog::Dialog;
use super::icon::Icon;
use crate::state::AppState;
use crate::{browser, format, route, texts};

/// The list, in place of a conversation.
#[component]
pub(crate) fn DevicesPane(linking: RwSignal<bool>) -> impl IntoView {
    let state = expect_context::<AppState>();
    let naming = RwSignal::new(None::<Device>);
    let leaving = RwSignal::new(Vec::<Device>::new());
    let leave = move |event: KeyboardEvent| {
        if event.key() == "Escape" {
            route::go(&state.back.get_untracked());
            browser::focus("menu-open");
        }
    };
    let title = NodeRef::<html::H1>::new();
    Effect::new(move || {
        if let Some(title) = title.get() {
            let _ = title.focus();
        }
    });
    // Who is there changes while nobody looks: the list is asked for whenever there is a connection anew.
    Effect::new(move || {
        if state.is_connected.get() {
            state.send(Intent::ListDevices);
        }
    });
    let devices = Memo::new(move |_| state.people.with(|people| people.devices.clone()));
    let list = move || {
        match devices.get() {
        Told::Got(devices) => {
            let others: Vec<_> = devices.iter().filter(|d| !d.is_this).cloned().collect();
            let all = (others.len() > 1).then(|| {
                view! {
                    <button
                        class="danger outlined"
                        type="button"
                        data-testid="devices-sign-out-others"
                        on:click=move |_| leaving.set(others.clone())
                    >
                        {texts::sign_out_others()}
                    </button>
                }
            });
            let rows = in_order(devices)
                .into_iter()
                .map(|device| view! { <Row device naming leaving/> });
            view! { <ul class="devices">{rows.collect_view()}</ul> {all} }.into_any()
        }
        Told::Failed(trouble) => view! {
            <p class="error" role="alert" data-testid="error">{texts::people_trouble(trouble)}</p>
            <button class="quiet outlined" type="button" on:click=move |_| state.send(Intent::ListDevices)>
                {texts::try_again()}
            </button>
        }
        .into_any(),
        Told::Unasked | Told::Asked => {
            view! { <p role="status">{texts::devices_coming()}</p> }.into_any()
        }
    }
    };
    let trouble = move || {
        let trouble = state.people.with(|people| people.trouble);
        trouble.map(|trouble| view! { <p class="error">{texts::people_trouble(trouble)}</p> })
    };
    view! {
        <div class="pane" data-testid="devices" on:keydown=leave>
            <header class="chat-header">
                <a
                    class="icon-button"
                    data-testid="devices-back"
                    href=move || state.back.get()
                    aria-label=texts::go_back()
                >
                    {Icon::Back}
                </a>
                <h1 id="devices-title" node_ref=title tabindex="-1">{texts::devices()}</h1>
            </header>
            <div class="pane-scroll">
                <section class="choices">
                    <p class="hint">{texts::devices_lead()}</p>
                    <button
                        class="primary"
                        type="button"
                        data-testid="devices-add"
                        on:click=move |_| linking.set(true)
                    >
                        {Icon::Plus}
                        {texts::add_device()}
                    </button>
                </section>
                <section class="choices">
                    {list}
                    <div role="alert">{trouble}</div>
                </section>
            </div>
            <NameDialog naming/>
            <LeaveDialog leaving/>
        </div>
    }
}

/// This one first, then those that are there, then the others, the latest first.
fn in_order(mut devices: Vec<Device>) -> Vec<Device> {
    devices.sort_by_key(|device| {
        let last = device.last.map_or(i64::MIN, |stamp| stamp.0);
        (!device.is_this, !device.is_online, last.saturating_neg())
    });
    devices
}

fn name_of(device: &Device) -> String {
    let name = device.name.clone();
    name.unwrap_or_else(|| texts::device_unnamed().to_owned())
}

#[component]
fn Row(
    device: Device,
    naming: RwSignal<Option<Device>>,
    leaving: RwSignal<Vec<Device>>,
) -> impl IntoView {
    let name = name_of(&device);
    let when = match (device.is_this, device.is_online, device.last) {
        (true, ..) => texts::device_this().to_owned(),
        (false, true, _) => texts::device_online().to_owned(),
        (false, false, Some(last)) => texts::device_last(&format::brief(last)),
        (false, false, None) => texts::device_offline().to_owned(),
    };
    let since = device.first.map(|first| {
        view! { <span class="hint">{texts::device_since(&format::date_of(first))}</span> }
    });
    let (to_name, to_leave) = (device.clone(), device.clone());
    // What has only a session has no name to keep.
    let has_name = device.first.is_some();
    let rename = has_name.then(|| {
        view! {
            <button
                class="quiet outlined"
                type="button"
                data-testid="device-rename"
                aria-label=texts::rename_device(&name)
                on:click=move |_| naming.set(Some(to_name.clone()))
            >
                {texts::rename()}
            </button>
        }
    });
    let sign_out = (!device.is_this).then(|| {
        view! {
            <button
                class="danger outlined"
                type="button"
                data-testid="device-sign-out"
                aria-label=texts::sign_out_device(&name)
                on:click=move |_| leaving.set(vec![to_leave.clone()])
            >
                {texts::sign_out()}
            </button>
        }
    });
    view! {
        <li class="device" data-testid="device" class:here=device.is_this>
            <span class="device-words">
                <strong dir="auto" data-testid="device-name">{name.clone()}</strong>
                <span class="device-when" class:connected=device.is_online>{when}</span>
                {since}
            </span>
            <span class="device-ways">{rename}{sign_out}</span>
        </li>
    }
}

/// Asks what a device is to be called.
#[component]
fn NameDialog(naming: RwSignal<Option<Device>>) -> impl IntoView {
    let open = linked(naming, Option::is_some, || None);
    view! {
        <Dialog open labelled_by="name-title">
            <NameForm naming/>
        </Dialog>
    }
}

#[component]
fn NameForm(naming: RwSignal<Option<Device>>) -> impl IntoView {
    let state = expect_context::<AppState>();
    let input = NodeRef::<html::Input>::new();
    let device = naming.get_untracked();
    let name = device.as_ref().map(name_of).unwrap_or_default();
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let name = input.get_untracked().map(|i| i.value()).unwrap_or_default();
        if let (Some(device), false) = (&device, name.trim().is_empty()) {
            let id = device.id.clone();
            state.send(Intent::NameDevice { id, name });
        }
        naming.set(None);
    };
    Effect::new(move || {
        if let Some(input) = input.get() {
            let _ = input.focus();
            input.select();
        }
    });
    view! {
        <form class="dialog-body" on:submit=submit>
            <h2 id="name-title">{texts::rename_title()}</h2>
            <label class="field">
                <span class="field-label">{texts::name()}</span>
                <span class="field-box">
                    <input
                        node_ref=input
                        type="text"
                        maxlength="40"
                        dir="auto"
                        data-testid="device-name-input"
                        prop:value=name
                    />
                </span>
            </label>
            <div class="dialog-actions">
                <button class="quiet" type="button" on:click=move |_| naming.set(None)>
                    {texts::cancel()}
                </button>
                <button class="primary" type="submit" data-testid="device-name-submit">
                    {texts::rename()}
                </button>
            </div>
        </form>
    }
}

/// Asks before devices are signed out.
#[component]
fn LeaveDialog(leaving: RwSignal<Vec<Device>>) -> impl IntoView {
    let state = expect_context::<AppState>();
    let open = linked(leaving, |devices| !devices.is_empty(), Vec::new);
    let lead = move || {
        leaving.with(|devices| match devices.as_slice() {
            [one] => texts::sign_out_device_lead(&name_of(one)),
            more => texts::sign_out_devices_lead(more.len()),
        })
    };
    let sign_out = move |_| {
        for device in leaving.get_untracked() {
            state.send(Intent::SignOutDevice { id: device.id });
        }
        leaving.set(Vec::new());
        // What it was asked about is gone, and the button with it.
        browser::after_layout(|| browser::focus("devices-title"));
    };
    view! {
        <Dialog open labelled_by="leave-title">
            <div class="dialog-body">
                <h2 id="leave-title">{texts::sign_out_devices_title()}</h2>
                <p class="lead">{lead}</p>
                <p class="hint">{texts::sign_out_devices_hint()}</p>
                <div class="dialog-actions">
                    <button class="quiet" type="button" on:click=move |_| leaving.set(Vec::new())>
                        {texts::cancel()}
                    </button>
                    <button
                        class="danger"
                        type="button"
                        data-testid="device-sign-out-confirm"
                        on:click=sign_out
                    >
                        {texts::sign_out()}
                    </button>
                </div>
            </div>
        </Dialog>
    }
}

/// Whether a dialog is open that asks about something; closing it forgets what.
fn linked<T: Send + Sync + 'static>(
    what: RwSignal<T>,
    is_some: fn(&T) -> bool,
    none: fn() -> T,
) -> RwSignal<bool> {
    let open = RwSignal::new(false);
    Effect::new(move || open.set(what.with(is_some)));
    Effect::new(move || {
        if !open.get() && what.with_untracked(is_some) {
            what.set(none());
        }
    });
    open
}
