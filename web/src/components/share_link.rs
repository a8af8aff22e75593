//! A link to be handed on: as a picture, as text, and by what the device shares things with.

use gloo_timers::callback::Timeout;
use js_sys::{Function, Object, Reflect};
use leptos::prelude::*;
use wasm_bindgen::JsCast as _;

use crate::{browser, qr, texts};

/// For how long it is said that the link was copied.
const COPIED_MS: u32 = 4_000;

/// Shows a link with all ways to hand it on.
#[component]
pub(crate) fn ShareLink(
    link: String,
    /// What the picture is, for those who do not see it.
    picture: &'static str,
) -> impl IntoView {
    let copied = RwSignal::new(false);
    let to_copy = link.clone();
    let copy = move |_| {
        browser::copy(&to_copy);
        copied.set(true);
        Timeout::new(COPIED_MS, move || {
            copied.try_set(false);
        })
        .forget();
    };
    let to_share = link.clone();
    let share = browser::navigator_has("share").then(|| {
        view! {
            <button class="quiet outlined" type="button" data-testid="link-share" on:click=move |_| share(&to_share)>
                {texts::link_share()}
            </button>
        }
    });
    let code = qr::draw(&link).map(|code| {
        let view_box = format!("0 0 {0} {0}", code.size);
        view! {
            <svg class="qr" viewBox=view_box role="img" aria-label=picture data-testid="link-qr">
                <path d=code.path></path>
            </svg>
        }
    });
    view! {
        <div class="share-link">
            {code}
            <label class="field">
                <span class="field-label">{texts::link()}</span>
                <span class="field-box">
                    <input
                        type="text"
                        readonly
                        dir="ltr"
                        data-testid="link-text"
                        prop:value=link
                        on:focus:target=|event| event.target().select()
                    />
                </span>
            </label>
            <div class="share-ways">
                <button class="primary" type="button" data-testid="link-copy" on:click=copy>
                    {move || if copied.get() { texts::link_copied() } else { texts::link_copy() }}
                </button>
                {share}
            </div>
            <p class="unseen" role="status">
                {move || copied.get().then(texts::link_copied)}
            </p>
        </div>
    }
}

/// Hands the link to whatever the device shares things with; whether somebody took it, it alone knows.
fn share(link: &str) {
    let navigator = browser::window().navigator();
    let what = Object::new();
    let _ = Reflect::set(&what, &"url".into(), &link.into());
    let way = Reflect::get(&navigator, &"share".into());
    if let Some(way) = way.ok().and_then(|way| way.dyn_into::<Function>().ok())
        && let Ok(shared) = way.call1(&navigator, &what)
        && let Ok(shared) = shared.dyn_into::<js_sys::Promise>()
    {
        wasm_bindgen_futures::spawn_local(async move {
            let _ = wasm_bindgen_futures::JsFuture::from(shared).await;
        });
    }
}
