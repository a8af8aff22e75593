//! The dialog that makes an invitation for a friend.

use client_core::{Intent, Told};
use leptos::prelude::*;
use protocol::invite;

use super::dialog::Dialog;
use super::share_link::ShareLink;
use crate::state::AppState;
use crate::{format, route, texts};

/// Makes a link when it opens, and shows it.
#[component]
pub(crate) fn InviteDialog(open: RwSignal<bool>) -> impl IntoView {
    let state = expect_context::<AppState>();
    Effect::new(move || {
        if open.get() {
            state.send(Intent::Invite);
        }
    });
    view! {
        <Dialog open labelled_by="invite-title">
            <Invitation open/>
        </Dialog>
    }
}

#[component]
fn Invitation(open: RwSignal<bool>) -> impl IntoView {
    let state = expect_context::<AppState>();
    let invitation = Memo::new(move |_| state.people.with(|people| people.invitation.clone()));
    let shown = move || {
        match invitation.get() {
        Told::Got(told) => {
            let own = state.account.get_untracked();
            let token = invite::token_of(&told.uri).map(str::to_owned);
            let link = told.landing_url.or_else(|| Some(route::invitation(&token?, &own?)));
            let until = told.expire.map(format::date_of);
            link.map(|link| {
                view! {
                    <ShareLink link picture=texts::invite_picture()/>
                    <p class="hint" data-testid="invite-terms">
                        {texts::invite_terms(&until.unwrap_or_default())}
                    </p>
                }
                .into_any()
            })
        }
        Told::Failed(trouble) => Some(
            view! {
                <p class="error" role="alert" data-testid="error">{texts::people_trouble(trouble)}</p>
                <button class="quiet outlined" type="button" on:click=move |_| state.send(Intent::Invite)>
                    {texts::try_again()}
                </button>
            }
            .into_any(),
        ),
        Told::Unasked | Told::Asked => {
            Some(view! { <p role="status">{texts::link_coming()}</p> }.into_any())
        }
    }
    };
    view! {
        <div class="dialog-body" data-testid="invite-dialog">
            <h2 id="invite-title">{texts::invite_friend()}</h2>
            <p class="lead">{texts::invite_friend_lead()}</p>
            {shown}
            <div class="dialog-actions">
                <button class="quiet" type="button" data-testid="invite-close" on:click=move |_| open.set(false)>
                    {texts::done()}
                </button>
            </div>
        </div>
    }
}
