//! What can be done about the other person: to name, block, unblock, add and remove them.

use client_core::{ChatSummary, Intent};
use leptos::ev::SubmitEvent;
use leptos::html;
use leptos::prelude::*;
use protocol::BareJid;

use super::avatar::Avatar;
use super::dialog::{Confirm, Dialog};
use super::icon::Icon;
use crate::state::AppState;
use crate::texts;

/// The menu in the head of a conversation, and the dialogs that it opens.
#[component]
pub(crate) fn ContactMenu(
    peer: BareJid,
    name: Memo<String>,
    chat: Memo<Option<ChatSummary>>,
) -> impl IntoView {
    let state = expect_context::<AppState>();
    let (informing, blocking, removing) = (
        RwSignal::new(false),
        RwSignal::new(false),
        RwSignal::new(false),
    );
    let is = move |what: fn(&ChatSummary) -> bool| {
        Signal::derive(move || chat.with(|chat| chat.as_ref().is_some_and(what)))
    };
    let (is_blocked, is_contact) = (is(|chat| chat.blocked), is(|chat| chat.is_contact));
    let peer = StoredValue::new(peer);
    let send = move |intent: fn(BareJid) -> Intent| state.send(intent(peer.get_value()));
    let block = move || match is_blocked.get() {
        true => view! {
            <Entry name="unblock" icon=Icon::Blocked act=move |()| send(Intent::Unblock)>
                {texts::unblock()}
            </Entry>
        },
        false => view! {
            <Entry name="block" icon=Icon::Blocked act=move |()| blocking.set(true)>
                {texts::block()}
            </Entry>
        },
    };
    let keep = move || match is_contact.get() {
        true => view! {
            <Entry name="remove-contact" icon=Icon::Bin act=move |()| removing.set(true)>
                {texts::remove_contact()}
            </Entry>
        },
        false => view! {
            <Entry name="add-this" icon=Icon::Plus act=move |()| send(Intent::AddContact)>
                {texts::add_contact()}
            </Entry>
        },
    };
    view! {
        <button
            class="icon-button"
            popovertarget="contact-menu"
            aria-label=texts::more()
            data-testid="contact-menu-open"
        >
            {Icon::More}
        </button>
        <div class="menu at-end" id="contact-menu" popover="auto">
            <Entry name="contact-info" icon=Icon::Person act=move |()| informing.set(true)>
                {texts::contact_info()}
            </Entry>
            {block}
            {keep}
        </div>
        <Dialog open=informing labelled_by="contact-info-title">
            <ContactInfo open=informing peer=peer.get_value() chat/>
        </Dialog>
        <Confirm
            open=blocking
            name="block-confirm"
            title=Signal::derive(move || texts::block_title(&name.get()))
            lead=texts::block_lead()
            action=texts::block()
            confirm=move |()| send(Intent::Block)
        />
        <Confirm
            open=removing
            name="remove-confirm"
            title=Signal::derive(move || texts::remove_title(&name.get()))
            lead=texts::remove_lead()
            action=texts::remove_contact()
            confirm=move |()| send(Intent::RemoveContact)
        />
    }
}

/// One thing to do; the menu closes over it.
#[component]
fn Entry(
    name: &'static str,
    icon: Icon,
    #[prop(into)] act: Callback<()>,
    children: Children,
) -> impl IntoView {
    view! {
        <button
            class="quiet"
            popovertarget="contact-menu"
            popovertargetaction="hide"
            data-testid=name
            on:click=move |_| act.run(())
        >
            {icon}
            {children()}
        </button>
    }
}

/// Who this is, and what the person calls them.
#[component]
fn ContactInfo(
    open: RwSignal<bool>,
    peer: BareJid,
    chat: Memo<Option<ChatSummary>>,
) -> impl IntoView {
    let state = expect_context::<AppState>();
    let field = NodeRef::<html::Input>::new();
    let summary = chat.get_untracked();
    let name = state.name_of(Some(&peer));
    let is_contact = summary.as_ref().is_some_and(|chat| chat.is_contact);
    let sees = summary.map_or((false, false), |chat| {
        (chat.subscription.has_to(), chat.subscription.has_from())
    });
    let relation = match (is_contact, sees) {
        (false, _) => texts::relation_none(),
        (true, (true, true)) => texts::relation_both(),
        (true, (true, false)) => texts::relation_to(),
        (true, (false, true)) => texts::relation_from(),
        (true, (false, false)) => texts::asked(),
    };
    let address = peer.to_string();
    let renamed = peer.clone();
    let save = move |event: SubmitEvent| {
        event.prevent_default();
        let name = field.get_untracked().map(|field| field.value());
        let name = name.map(|name| name.trim().to_owned());
        state.send(Intent::RenameContact {
            jid: renamed.clone(),
            name: name.filter(|name| !name.is_empty()),
        });
        open.set(false);
    };
    let rename = is_contact.then(|| {
        view! {
            <label class="field">
                <span class="field-label">{texts::contact_name()}</span>
                <span class="field-box">
                    <input
                        node_ref=field
                        type="text"
                        data-testid="contact-name"
                        value=name.clone()
                        maxlength="100"
                        autocomplete="off"
                        dir="auto"
                    />
                </span>
            </label>
            <p class="hint">{texts::contact_name_why()}</p>
        }
    });
    let act = is_contact.then(|| {
        view! {
            <button class="primary" type="submit" data-testid="contact-save">{texts::save()}</button>
        }
    });
    view! {
        <form class="dialog-body" on:submit=save data-testid="contact-dialog">
            <div class="contact-who">
                <Avatar peer name=name.clone()/>
                <div>
                    <h2 id="contact-info-title" dir="auto">{name}</h2>
                    <p class="hint" dir="ltr">{address}</p>
                </div>
            </div>
            <p>{relation}</p>
            {rename}
            <div class="dialog-actions">
                <button class="quiet" type="button" on:click=move |_| open.set(false)>
                    {texts::close()}
                </button>
                {act}
            </div>
        </form>
    }
}

/// In place of the composer where nothing can be written: why, and the way out.
#[component]
pub(crate) fn BlockedNote(peer: BareJid) -> impl IntoView {
    let state = expect_context::<AppState>();
    let name = state.name_of(Some(&peer));
    view! {
        <div class="blocked-note" data-testid="blocked-note">
            <p>{texts::blocked_why(&name)}</p>
            <button
                class="quiet outlined"
                data-testid="unblock-here"
                on:click=move |_| state.send(Intent::Unblock(peer.clone()))
            >
                {texts::unblock()}
            </button>
        </div>
    }
}
