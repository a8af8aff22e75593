//! The question before a device is wiped.

use leptos::prelude::*;

use super::dialog::Dialog;
use crate::state::AppState;
use crate::texts;

/// Asks whether to sign out, and says what is lost by it.
#[component]
pub(crate) fn SignOutDialog(open: RwSignal<bool>) -> impl IntoView {
    let state = expect_context::<AppState>();
    let sign_out = move |_| {
        open.set(false);
        if let Some(inbox) = state.inbox() {
            inbox.sign_out();
        }
    };
    let loses = move || {
        let waiting = state.waiting.get();
        (waiting > 0).then(|| view! { <p class="error">{texts::sign_out_loses(waiting)}</p> })
    };
    view! {
        <Dialog open labelled_by="sign-out-title">
            <div class="dialog-body">
                <h2 id="sign-out-title">{texts::SIGN_OUT_TITLE}</h2>
                <p class="lead">{texts::SIGN_OUT_LEAD}</p>
                {loses}
                <div class="dialog-actions">
                    <button class="quiet" type="button" on:click=move |_| open.set(false)>
                        {texts::CANCEL}
                    </button>
                    <button
                        class="danger"
                        type="button"
                        data-testid="sign-out-confirm"
                        on:click=sign_out
                    >
                        {texts::SIGN_OUT}
                    </button>
                </div>
            </div>
        </Dialog>
    }
}
