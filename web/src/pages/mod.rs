//! One module per page.

#![allow(
    unreachable_pub,
    reason = "leptos makes the properties of a component public"
)]

mod chat;
mod follow_link;
mod set_up;
mod sign_in;

use leptos::prelude::*;

use crate::components::Mark;
use crate::pages::chat::ChatPage;
use crate::pages::follow_link::{DeviceLinkPage, FollowPage};
use crate::pages::set_up::SetUpPage;
use crate::pages::sign_in::SignInPage;
use crate::state::{AppState, Page};
use crate::{browser, texts};

/// The page that the state names.
#[component]
pub(crate) fn App() -> impl IntoView {
    let state = expect_context::<AppState>();
    move || {
        state.language.track();
        page(state.page.get())
    }
}

fn page(page: Page) -> AnyView {
    match page {
        Page::Loading => view! { <LoadingPage/> }.into_any(),
        Page::SignIn => view! { <SignInPage/> }.into_any(),
        Page::SetUp {
            token,
            invited,
            inviter,
        } => view! { <SetUpPage token invited inviter/> }.into_any(),
        Page::Follow {
            token,
            inviter,
            account,
        } => view! { <FollowPage token inviter account/> }.into_any(),
        Page::DeviceLink { token, account } => view! { <DeviceLinkPage token account/> }.into_any(),
        Page::Chat => view! { <ChatPage/> }.into_any(),
        Page::Trouble(text) => view! { <TroublePage text/> }.into_any(),
    }
}

#[component]
fn LoadingPage() -> impl IntoView {
    view! {
        <main class="gate" aria-busy="true">
            <div class="gate-card">
                <Mark/>
                <p role="status">{texts::loading()}</p>
            </div>
        </main>
    }
}

#[component]
fn TroublePage(text: String) -> impl IntoView {
    let reload = move |_| drop(browser::window().location().reload());
    view! {
        <main class="gate">
            <div class="gate-card">
                <Mark/>
                <h1>{texts::trouble_title()}</h1>
                <p class="error" role="alert" data-testid="error">{text}</p>
                <button class="primary" on:click=reload>{texts::reload()}</button>
            </div>
        </main>
    }
}
