//! A modal dialog of the browser's own: it traps the focus, closes by Escape, and gives the focus back.

use leptos::html;
use leptos::prelude::*;

use crate::texts;

/// Asks whether something is really wanted.
#[component]
pub(crate) fn Confirm(
    open: RwSignal<bool>,
    /// Id of its title, and test id of its way to go on.
    name: &'static str,
    #[prop(into)] title: Signal<String>,
    lead: &'static str,
    /// What the button says that goes on.
    action: &'static str,
    #[prop(into)] confirm: Callback<()>,
) -> impl IntoView {
    view! {
        <Dialog open labelled_by=name>
            <div class="dialog-body">
                <h2 id=name>{title}</h2>
                <p class="lead">{lead}</p>
                <div class="dialog-actions">
                    <button class="quiet" type="button" on:click=move |_| open.set(false)>
                        {texts::cancel()}
                    </button>
                    <button
                        class="danger"
                        type="button"
                        data-testid=name
                        on:click=move |_| {
                            open.set(false);
                            confirm.run(());
                        }
                    >
                        {action}
                    </button>
                </div>
            </div>
        </Dialog>
    }
}

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
