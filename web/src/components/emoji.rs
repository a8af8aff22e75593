//! Emojis to pick from: a table in groups, and those that were used last.

use leptos::ev::KeyboardEvent;
use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use web_sys::HtmlElement;

use crate::saying::{self, Picking};
use crate::state::AppState;
use crate::{browser, texts};

/// Those that are offered at once.
pub(crate) const QUICK: [&str; 6] = ["👍", "❤️", "😂", "😮", "😢", "🎉"];
/// The id of the table.
const PICKER: &str = "emoji-picker";

const FACES: &str = "😀 😃 😄 😁 😆 😅 🤣 😂 🙂 🙃 😉 😊 😇 🥰 😍 🤩 😘 😋 😜 🤪 🤔 🤨 😐 🙄 😏 😴 🤤 😷 🤒 🤕 🥳 😎 🤓 😕 😟 😮 😲 🥺 😢 😭 😱 😖 😞 😤 😠 🤬 😈 💀";
const HANDS: &str = "👍 👎 👌 ✌️ 🤞 🤟 🤙 👋 🤚 ✋ 👏 🙌 🙏 🤝 💪 ✍️ 👀 🧠 🤷 🤦 🙋 🙆 🙅 💁";
const HEARTS: &str = "❤️ 🧡 💛 💚 💙 💜 🖤 🤍 💔 💕 💖 💘 💯 💥 💫 🔥";
const NATURE: &str = "🐶 🐱 🐭 🐰 🦊 🐻 🐼 🐨 🦁 🐸 🐔 🐧 🦉 🐴 🦄 🐝 🦋 🐢 🐬 🌹 🌻 🌳 🍀 🍁 ☀️ 🌙 ⭐ 🌈 ☁️ 🌧️ ❄️ 🌍";
const FOOD: &str = "🍎 🍌 🍓 🍒 🍑 🍍 🥑 🍅 🥕 🍞 🧀 🥚 🍕 🍔 🍟 🌮 🍣 🍜 🍰 🍪 🍫 ☕ 🍺 🍷";
const FUN: &str = "⚽ 🏀 🎾 🏆 🎮 🎲 🎯 🎸 🎵 🎤 🎬 🎨 🎁 🎂 🎈 🎉";
const PLACES: &str = "🚗 🚕 🚌 🚲 🚆 ✈️ 🚀 ⛵ 🏠 🏢 🏥 🏫 ⛪ 🗼 🏖️ 🏔️";
const THINGS: &str = "📱 💻 ⌚ 📷 💡 🔑 🔒 📚 ✏️ 📌 📎 📅 💰 💊 🔧 🧹 ✅ ❌ ❓ ❗ ⚠️ ♻️ ⏰ 📣";

fn groups(state: AppState) -> Vec<(&'static str, Vec<String>)> {
    let split = |emojis: &str| emojis.split(' ').map(str::to_owned).collect();
    let all = [
        (texts::emoji_faces(), FACES),
        (texts::emoji_hands(), HANDS),
        (texts::emoji_hearts(), HEARTS),
        (texts::emoji_nature(), NATURE),
        (texts::emoji_food(), FOOD),
        (texts::emoji_fun(), FUN),
        (texts::emoji_places(), PLACES),
        (texts::emoji_things(), THINGS),
    ];
    let recent = saying::recent(state);
    let mut groups = vec![(texts::emoji_recent(), recent)];
    groups.retain(|(_, emojis)| !emojis.is_empty());
    groups.extend(all.map(|(name, emojis)| (name, split(emojis))));
    groups
}

/// All emojis, for the text or for a reaction.
#[component]
pub(crate) fn EmojiPicker() -> impl IntoView {
    let state = expect_context::<AppState>();
    let saying = state.saying;
    let panel = NodeRef::<html::Div>::new();
    Effect::new(move || {
        let Some(panel) = panel.get() else { return };
        if saying.picking.with(Option::is_none) {
            return;
        }
        let _ = panel.show_popover();
        browser::after_layout(move || focus_first(&panel));
    });
    let closed = move |_| {
        let is_open = panel
            .get_untracked()
            .is_some_and(|p| browser::is_popover_open(&p));
        if !is_open {
            saying.picking.set(None);
        }
    };
    let pick = move |emoji: &str| {
        saying::remember(state, emoji);
        let picking = saying.picking.get_untracked();
        browser::hide_popover(PICKER);
        match picking {
            Some(Picking::Line(line)) => saying::toggle(state, &line, emoji),
            Some(Picking::Text) => saying.picked.set(Some(emoji.to_owned())),
            None => {}
        }
    };
    let table = move || {
        saying.picking.with(Option::is_some).then(|| {
            let groups = groups(state).into_iter().map(|(name, emojis)| {
                let each = emojis.into_iter().map(|emoji| {
                    let picked = emoji.clone();
                    view! {
                        <button type="button" tabindex="-1" on:click=move |_| pick(&picked)>{emoji}</button>
                    }
                });
                let each: Vec<_> = each.collect();
                view! {
                    <h3>{name}</h3>
                    <div class="emojis" role="group" aria-label=name>{each}</div>
                }
            });
            groups.collect::<Vec<_>>()
        })
    };
    view! {
        <div
            class="popup picker"
            id=PICKER
            node_ref=panel
            popover="auto"
            role="dialog"
            aria-label=texts::emojis()
            data-testid="emoji-picker"
            on:keydown=walk
            on:toggle=closed
        >
            {table}
        </div>
    }
}

fn focus_first(panel: &HtmlElement) {
    let first = panel.query_selector("button").ok().flatten();
    if let Some(first) = first.and_then(|first| first.dyn_into::<HtmlElement>().ok()) {
        let _ = first.focus();
    }
}

/// How many stand in a row: as many as there is room for.
fn row_of(panel: &HtmlElement) -> usize {
    let buttons = panel
        .query_selector_all(".emojis:last-of-type > button")
        .ok();
    let top = |at: u32| {
        let button = buttons.as_ref()?.get(at)?.dyn_into::<HtmlElement>().ok()?;
        Some(button.offset_top())
    };
    let row = (0..).take_while(|at| top(*at).is_some() && top(*at) == top(0));
    row.count().max(1)
}

/// Moves the focus from emoji to emoji.
fn walk(event: KeyboardEvent) {
    let row = browser::element::<HtmlElement>(PICKER).map_or(1, |panel| row_of(&panel));
    let step = |at: usize, len: usize| match event.key().as_str() {
        "ArrowRight" | "ArrowLeft" => {
            let is_forward = (event.key() == "ArrowRight") != browser::is_rtl();
            Some(if is_forward {
                at + 1
            } else {
                at.saturating_sub(1)
            })
        }
        "ArrowDown" => Some(at + row),
        "ArrowUp" => Some(at.saturating_sub(row)),
        "Home" => Some(0),
        "End" => Some(len),
        _ => None,
    };
    browser::walk_buttons(&event, step);
}
