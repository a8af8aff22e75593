//! The question before a device is wiped.

use leptos::prelude::*;

use super::dialog::Dialog;
use crate::driver::Reach;
use crate::state::AppState;
use crate::texts;

/// Asks whether to sign out, and says what is lost by it.
#[component]
pub(crate) fn SignOutDialog(open: RwSignal<bool>) -> impl IntoView {
    let state = expect_context::<AppState>();
    let sign_out = move |reach| {
        open.set(false);
        if let Some(inbox) = state.inbox() {
            inbox.sign_out(reach);
        }
    };
    let is_connected = state.is_connected;
    let loses = move || {
        let waiting = state.waiting.get();
        (waiting > 0).then(|| view! { <p class="error">{texts::sign_out_loses(waiting)}</p> })
    };
    view! {
        <Dialog open labelled_by="sign-out-title">
            <div class="dialog-body">
                <h2 id="sign-out-title">{texts::sign_out_title()}</h2>
                <p class="lead">{texts::sign_out_lead()}</p>
                {loses}
                <div class="dialog-choices">
                    <button
                        class="danger"
                        type="button"
                        data-testid="sign-out-confirm"
                        on:click=move |_| sign_out(Reach::ThisTab)
                    >
                        {texts::sign_out_here()}
                    </button>
                    <button
                        class="danger outlined"
                        type="button"
                        data-testid="sign-out-browser"
                        on:click=move |_| sign_out(Reach::WholeBrowser)
                    >
                        {texts::sign_out_browser()}
                    </button>
                    <button
                        class="danger outlined"
                        type="button"
                        data-testid="sign-out-all-devices"
                        disabled=move || !is_connected.get()
                        aria-describedby="sign-out-all-why"
                        on:click=move |_| sign_out(Reach::AllDevices)
                    >
                        {texts::sign_out_all()}
                    </button>
                    <p id="sign-out-all-why" class="hint">
                        {move || if is_connected.get() {
                            texts::sign_out_all_why()
                        } else {
                            texts::sign_out_all_later()
                        }}
                    </p>
                    <button class="quiet" type="button" on:click=move |_| open.set(false)>
                        {texts::cancel()}
                    </button>
                </div>
            </div>
        </Dialog>
    }
}
