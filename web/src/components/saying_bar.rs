//! Above the text field: what is answered or corrected, and the way out of that.

use leptos::prelude::*;

use super::icon::Icon;
use crate::saying::About;
use crate::state::AppState;
use crate::texts;

/// What the next text is, if it is not just a new line.
#[component]
pub(crate) fn SayingBar(
    /// What the other person is called.
    name: Memo<String>,
    /// Leaves it.
    cancel: Callback<()>,
) -> impl IntoView {
    let saying = expect_context::<AppState>().saying;
    move || {
        let about = saying.about.get()?;
        let (icon, what, line) = match about {
            About::Reply(line) if line.own => {
                (Icon::Reply, texts::replying_to_you().to_owned(), line)
            }
            About::Reply(line) => (Icon::Reply, texts::replying_to(&name.get()), line),
            About::Edit(line) => (Icon::Edit, texts::editing().to_owned(), line),
        };
        Some(view! {
            <div class="saying-bar" data-testid="saying-bar">
                {icon}
                <div>
                    <b>{what}</b>
                    <p dir="auto">{line.text.clone()}</p>
                </div>
                <button
                    type="button"
                    class="icon-button"
                    aria-label=texts::cancel()
                    data-testid="saying-cancel"
                    on:click=move |_| cancel.run(())
                >
                    {Icon::Close}
                </button>
            </div>
        })
    }
}
