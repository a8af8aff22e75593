//! Fields of the pages before the first conversation.

use leptos::prelude::*;
use protocol::BareJid;

use crate::state::AppState;
use crate::{browser, texts, typed};

/// The address that a typed name means: this server's, unless another one is named.
pub(crate) fn address(name: &str) -> Option<BareJid> {
    let name = name.trim();
    if name.is_empty() || name.contains(char::is_whitespace) {
        return None;
    }
    let name = typed::name(name);
    if name.contains('@') {
        BareJid::new(&name).ok().filter(|jid| jid.node().is_some())
    } else {
        BareJid::new(&format!("{name}@{}", browser::domain())).ok()
    }
}

/// A field for a name, with the server's domain beside it.
#[component]
pub(crate) fn NameField(
    name: RwSignal<String>,
    testid: &'static str,
    autocomplete: &'static str,
) -> impl IntoView {
    let domain = move || {
        let typed = name.with(|n| n.contains('@'));
        (!typed).then(|| view! { <span class="affix">{format!("@{}", browser::domain())}</span> })
    };
    view! {
        <label class="field">
            <span class="field-label">{texts::name()}</span>
            <span class="field-box">
                <input
                    type="text"
                    name="username"
                    data-testid=testid
                    autocomplete=autocomplete
                    autocapitalize="none"
                    spellcheck="false"
                    dir="ltr"
                    autofocus
                    prop:value=name
                    on:input:target=move |event| name.set(event.target().value())
                />
                {domain}
            </span>
        </label>
    }
}

/// A field for a password that can be shown instead of typed twice.
#[component]
pub(crate) fn PasswordField(
    password: RwSignal<String>,
    testid: &'static str,
    autocomplete: &'static str,
) -> impl IntoView {
    let shown = RwSignal::new(false);
    view! {
        <div class="field">
            <label class="field-label" for=testid>{texts::password()}</label>
            <span class="field-box">
                <input
                    id=testid
                    type=move || if shown.get() { "text" } else { "password" }
                    name="password"
                    data-testid=testid
                    autocomplete=autocomplete
                    autocapitalize="none"
                    spellcheck="false"
                    dir="ltr"
                    prop:value=password
                    on:input:target=move |event| password.set(event.target().value())
                />
                <button
                    class="affix-button"
                    type="button"
                    aria-pressed=move || shown.get().to_string()
                    aria-label=texts::show_password_label()
                    on:click=move |_| shown.update(|s| *s = !*s)
                >
                    {move || if shown.get() { texts::hide_password() } else { texts::show_password() }}
                </button>
            </span>
        </div>
    }
}

/// What is wrong, if something is.
#[component]
pub(crate) fn ErrorLine() -> impl IntoView {
    let state = expect_context::<AppState>();
    view! {
        <div role="alert" class="error-slot">
            {move || state.trouble.get().map(|text| {
                view! { <p class="error" data-testid="error">{text}</p> }
            })}
        </div>
    }
}
