//! Small doors to the browser: clocks, chance, storage areas, the address bar.

use std::cell::Cell;

use js_sys::{Promise, Reflect};
use protocol::Now;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, Document, Event, EventTarget, HtmlDocument, HtmlElement, HtmlTextAreaElement,
    KeyboardEvent, Storage, Url, Window,
};

/// The page's window.
///
/// # Panics
/// Outside a page, where nothing of this crate is of use.
#[expect(clippy::expect_used, reason = "the crate runs only in pages")]
pub fn window() -> Window {
    web_sys::window().expect("a page has a window")
}

/// The page's document.
///
/// # Panics
/// Outside a page.
#[expect(clippy::expect_used, reason = "the crate runs only in pages")]
pub fn document() -> Document {
    window().document().expect("a window has a document")
}

/// This moment on both clocks.
pub fn now() -> Now {
    let mono = window().performance().map_or(0.0, |p| p.now());
    Now {
        mono_ms: mono as u64,
        wall_ms: js_sys::Date::now() as i64,
    }
}

/// Bytes of the browser's random source; all zero only if it has none.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if let Ok(crypto) = window().crypto() {
        let _ = crypto.get_random_values_with_u8_array(&mut bytes);
    }
    bytes
}

/// Storage of this tab, which reloads keep and duplicated tabs copy.
pub fn tab_storage() -> Option<Storage> {
    window().session_storage().ok().flatten()
}

/// Storage of the browser profile, shared by all tabs.
pub fn profile_storage() -> Option<Storage> {
    window().local_storage().ok().flatten()
}

/// Under which key the profile's storage changed; none if all of it did.
pub fn changed_key(event: &Event) -> Option<String> {
    Reflect::get(event, &"key".into()).ok()?.as_string()
}

/// Forgets all that the profile's storage keeps under keys that begin so.
pub fn forget_under(prefix: &str) {
    let Some(storage) = profile_storage() else {
        return;
    };
    let keys: Vec<_> = (0..storage.length().unwrap_or(0))
        .filter_map(|index| storage.key(index).ok().flatten())
        .filter(|key| key.starts_with(prefix))
        .collect();
    for key in keys {
        let _ = storage.remove_item(&key);
    }
}

/// What the page says of itself under a name.
pub fn meta(name: &str) -> Option<String> {
    let found = document().query_selector(&format!("meta[name='{name}']"));
    found.ok().flatten()?.get_attribute("content")
}

/// The server's domain, as the gateway wrote it into the page.
pub fn domain() -> String {
    meta("balcony-domain")
        .filter(|domain| !domain.is_empty() && !domain.contains("{{"))
        .unwrap_or_else(|| "localhost".to_owned())
}

/// Where the server's WebSocket is.
pub fn socket_url() -> String {
    let location = window().location();
    let scheme = match location.protocol().as_deref() {
        Ok("https:") => "wss",
        _ => "ws",
    };
    let host = location.host().unwrap_or_default();
    format!("{scheme}://{host}/xmpp-websocket")
}

/// The address of this page, without what stands after `#`.
pub fn page_url() -> String {
    let location = window().location();
    let origin = location.origin().unwrap_or_default();
    let path = location.pathname().unwrap_or_default();
    format!("{origin}{path}")
}

/// What the account's owner may know this device by: browser and system, as far as the browser says.
pub fn device_name() -> String {
    let agent = window().navigator().user_agent().unwrap_or_default();
    let first = |known: &[(&str, &'static str)]| {
        let found = known.iter().find(|(mark, _)| agent.contains(mark));
        found.map(|(_, name)| *name)
    };
    // Each says that it is those behind it, too.
    let browser = first(&[
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ]);
    let system = first(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "Mac"),
        ("CrOS", "Chromebook"),
        ("Linux", "Linux"),
    ]);
    let parts: Vec<_> = browser.into_iter().chain(system).collect();
    parts.join(", ")
}

/// The part of the address after `#`, without it.
pub fn fragment() -> String {
    let hash = window().location().hash().unwrap_or_default();
    hash.strip_prefix('#').unwrap_or(&hash).to_owned()
}

/// Changes the part after `#` without a new entry in the history, and without an event.
pub fn replace_fragment(fragment: &str) {
    let target = if fragment.is_empty() {
        let location = window().location();
        let path = location.pathname().unwrap_or_default();
        path + &location.search().unwrap_or_default()
    } else {
        format!("#{fragment}")
    };
    if let Ok(history) = window().history() {
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&target));
    }
}

/// Whether the page is shown.
pub fn is_visible() -> bool {
    document().visibility_state() == web_sys::VisibilityState::Visible
}

/// Whether a person looks at the page: it is shown, and what is typed goes to it.
pub fn is_looked_at() -> bool {
    is_visible() && document().has_focus().unwrap_or(false)
}

/// Does something once what changed is laid out.
pub fn after_layout(act: impl FnOnce() + 'static) {
    let act = Closure::once_into_js(act);
    let _ = window().request_animation_frame(act.unchecked_ref());
}

/// Whether the browser has something under `navigator`; some things exist only in secure contexts.
pub fn navigator_has(name: &str) -> bool {
    Reflect::get(&window().navigator(), &name.into()).is_ok_and(|value| value.is_truthy())
}

/// The element with an id, as the type it has.
pub fn element<T: wasm_bindgen::JsCast>(id: &str) -> Option<T> {
    document().get_element_by_id(id)?.dyn_into().ok()
}

/// Moves the focus to the element with an id.
pub fn focus(id: &str) {
    if let Some(element) = element::<HtmlElement>(id) {
        let _ = element.focus();
    }
}

/// The element of the line with a key, if it is drawn.
pub fn line(key: &str) -> Option<HtmlElement> {
    let lines = document().query_selector_all("li.line").ok()?;
    let lines = (0..lines.length()).filter_map(|at| lines.get(at)?.dyn_into::<HtmlElement>().ok());
    let mut lines = lines.filter(|line| line.get_attribute("data-key").as_deref() == Some(key));
    lines.next()
}

/// Whether some text of the page is selected.
pub fn has_selection() -> bool {
    let selection = window().get_selection().ok().flatten();
    selection.is_some_and(|selection| !selection.is_collapsed())
}

/// Whether a popover is shown.
pub fn is_popover_open(element: &HtmlElement) -> bool {
    element.matches(":popover-open").unwrap_or(false)
}

/// Hides the popover with an id; the browser gives the focus back to where it was before.
pub fn hide_popover(id: &str) {
    if let Some(element) = element::<HtmlElement>(id).filter(is_popover_open) {
        let _ = element.hide_popover();
    }
}

/// Whether the page is written from right to left.
pub fn is_rtl() -> bool {
    let root = document().document_element();
    root.is_some_and(|root| root.get_attribute("dir").as_deref() == Some("rtl"))
}

/// Moves the focus among the buttons in the element that listens: `step` gives from which to which,
/// also beyond the last one, for a key that it knows.
pub fn walk_buttons(event: &KeyboardEvent, step: impl FnOnce(usize, usize) -> Option<usize>) {
    let place = event.current_target();
    let place = place.and_then(|place| place.dyn_into::<HtmlElement>().ok());
    let buttons = place.and_then(|place| place.query_selector_all("button").ok());
    let Some(buttons) = buttons else { return };
    let active = document().active_element();
    let len = buttons.length();
    let is_active = |at: &u32| {
        let button = buttons.get(*at);
        button.is_some_and(|button| active.as_deref() == Some(&button))
    };
    let at = (0..len).find(is_active).unwrap_or(0);
    let Some(to) = step(at as usize, len as usize) else {
        return;
    };
    event.prevent_default();
    event.stop_propagation();
    let to = u32::try_from(to).unwrap_or(len).min(len.saturating_sub(1));
    let button = buttons
        .get(to)
        .and_then(|b| b.dyn_into::<HtmlElement>().ok());
    if let Some(button) = button {
        let _ = button.focus();
    }
}

/// Puts an element at a place of the window, in pixels from the left and from the top.
pub fn move_to(element: &HtmlElement, left: f64, top: f64) {
    let style = element.style();
    let _ = style.set_property("left", &format!("{left}px"));
    let _ = style.set_property("top", &format!("{top}px"));
}

/// Puts a text where the cursor of a field is, and the cursor behind it.
pub fn insert(field: &HtmlTextAreaElement, text: &str) {
    let end = |at: Result<Option<u32>, JsValue>| at.ok().flatten();
    let start = end(field.selection_start()).unwrap_or(0);
    let stop = end(field.selection_end()).unwrap_or(start);
    let _ = field.set_range_text_with_start_and_end_and_mode(text, start, stop, "end");
}

/// Puts a text where it can be pasted from.
pub fn copy(text: &str) {
    if navigator_has("clipboard") {
        // Whether the browser allows it, it alone knows; a person sees what is pasted.
        let _ = window().navigator().clipboard().write_text(text);
        return;
    }
    // Pages that came without encryption have but the old way: what is selected in a field.
    let document = document();
    let Some((field, body)) = document
        .create_element("textarea")
        .ok()
        .zip(document.body())
    else {
        return;
    };
    let focused = document.active_element();
    let _ = body.append_child(&field);
    if let (Some(field), Some(page)) = (
        field.dyn_ref::<HtmlTextAreaElement>(),
        document.dyn_ref::<HtmlDocument>(),
    ) {
        field.set_value(text);
        field.select();
        let _ = page.exec_command("copy");
    }
    field.remove();
    if let Some(focused) = focused.and_then(|focused| focused.dyn_into::<HtmlElement>().ok()) {
        let _ = focused.focus();
    }
}

/// Saves a text as a file of the person's.
pub fn download(name: &str, text: &str) {
    let parts = js_sys::Array::of1(&text.into());
    let Ok(blob) = Blob::new_with_str_sequence(&parts) else {
        return;
    };
    let Ok(url) = Url::create_object_url_with_blob(&blob) else {
        return;
    };
    let link = document().create_element("a").ok();
    if let Some(link) = link.and_then(|link| link.dyn_into::<HtmlElement>().ok()) {
        let _ = link.set_attribute("href", &url);
        let _ = link.set_attribute("download", name);
        link.click();
    }
    let _ = Url::revoke_object_url(&url);
}

/// Listens to an event for the life of the page.
pub fn listen_forever(target: &EventTarget, name: &str, heard: impl FnMut(Event) + 'static) {
    let closure = Closure::<dyn FnMut(Event)>::new(heard);
    let _ = target.add_event_listener_with_callback(name, closure.as_ref().unchecked_ref());
    closure.forget();
}

/// Asks the browser once per page not to clear what this page keeps when space gets scarce.
pub fn keep_storage() {
    thread_local! {
        static ASKED: Cell<bool> = const { Cell::new(false) };
    }
    if !ASKED.replace(true) && navigator_has("storage") {
        // Its answer changes nothing that can be done about it.
        let _ = window().navigator().storage().persist();
    }
}

/// What the browser lets this page keep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Space {
    /// How much is kept, in megabytes.
    pub used_mb: u64,
    /// How much there may be.
    pub quota_mb: u64,
    /// Whether the browser clears it only if a person says so.
    pub is_kept: bool,
}

/// Asks how much space there is; nothing where the browser does not say.
pub async fn space() -> Space {
    if !navigator_has("storage") {
        return Space::default();
    }
    let storage = window().navigator().storage();
    let settled =
        async |promise: Result<Promise, JsValue>| JsFuture::from(promise.ok()?).await.ok();
    let estimate = settled(storage.estimate()).await.unwrap_or_default();
    let megabytes = |name: &str| {
        let bytes = Reflect::get(&estimate, &name.into()).ok();
        (bytes.and_then(|bytes| bytes.as_f64()).unwrap_or(0.0) / 1e6) as u64
    };
    let kept = settled(storage.persisted()).await;
    Space {
        used_mb: megabytes("usage"),
        quota_mb: megabytes("quota"),
        is_kept: kept.is_some_and(|kept| kept.is_truthy()),
    }
}

/// Whether a media query holds.
pub fn matches_media(query: &str) -> bool {
    window()
        .match_media(query)
        .ok()
        .flatten()
        .is_some_and(|list| list.matches())
}
