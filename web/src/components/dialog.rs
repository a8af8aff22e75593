//! A modal dialog of the browser's own: it traps the focus, closes by Escape, and gives the focus back.

use leptos::html;
use leptos::prelude::*;

/// A dialog that is shown while `open` is true.
#[component]
pub(crate) fn Dialog(
    open: RwSignal<bool>,
    /// Id of the element that names the dialog.
    labelled_by: &'static str,
    children: ChildrenFn,
) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    Effect::new(move || {
        let Some(dialog) = dialog.get() else {
            return;
        };
        match (open.get(), dialog.open()) {
            (true, false) => drop(dialog.show_modal()),
            (false, true) => dialog.close(),
            (true, true) | (false, false) => {}
        }
    });
    let children = StoredValue::new(children);
    view! {
        <dialog node_ref=dialog aria-labelledby=labelled_by on:close=move |_| open.set(false)>
            {move || open.get().then(|| children.with_value(|children| children()))}
        </dialog>
    }
}
