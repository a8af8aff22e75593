//! Pictures: drawn as paths, always beside a text.

use leptos::prelude::*;

use super::HIDDEN;

/// The pictures there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Icon {
    /// An arrow to the left.
    Back,
    /// A plus sign.
    Plus,
    /// Three lines.
    Menu,
    /// A paper plane.
    Send,
    /// A clock.
    Clock,
    /// One tick.
    Tick,
    /// Two ticks.
    Ticks,
    /// A triangle with an exclamation mark.
    Warning,
    /// A circle with an exclamation mark.
    Failed,
    /// An arrow down.
    Down,
    /// To what is above.
    Up,
    /// Three dots, one above the other.
    More,
    /// A circle with a line across it.
    Blocked,
    /// A person.
    Person,
    /// A bin.
    Bin,
    /// Torn paper.
    Gap,
    /// Two sliders.
    Settings,
    /// A screen and a phone.
    Devices,
    /// A door with an arrow out of it.
    Leave,
    /// An arrow back to where something came from.
    Reply,
    /// A pencil.
    Edit,
    /// Two sheets.
    Copy,
    /// Three dots.
    Dots,
    /// A cross.
    Close,
    /// A smiling face.
    Smile,
}

impl Icon {
    fn path(self) -> &'static str {
        match self {
            Self::Back => "M15 5l-7 7 7 7",
            Self::Plus => "M12 5v14M5 12h14",
            Self::Menu => "M4 7h16M4 12h16M4 17h16",
            Self::Send => "M4.5 4.5l16 7.5-16 7.5 2.5-7.5zM7 12h7",
            Self::Clock => "M12 4a8 8 0 100 16 8 8 0 000-16zM12 8v4.3l2.8 1.7",
            Self::Tick => "M5 12.8l4.4 4.4L19 7.4",
            Self::Ticks => "M2 12.8l4.4 4.4L16 7.4M11.5 17.2L21.5 7.4",
            Self::Warning => "M12 4.5L2.8 19.5h18.4zM12 10v4.5M12 17v.2",
            Self::Failed => "M12 3.5a8.5 8.5 0 100 17 8.5 8.5 0 000-17zM12 8v5M12 15.8v.2",
            Self::Down => "M6 9.5l6 6 6-6",
            Self::Up => "M6 14.5l6-6 6 6",
            Self::More => "M12 5.5v.1M12 12v.1M12 18.5v.1",
            Self::Blocked => "M12 3.5a8.5 8.5 0 100 17 8.5 8.5 0 000-17zM6 6l12 12",
            Self::Person => "M12 4a4 4 0 100 8 4 4 0 000-8zM4.5 20a7.5 7.5 0 0115 0",
            Self::Bin => "M4.5 7h15M9.5 7V4.5h5V7M6.5 7l1 13h9l1-13M10 11v5.5M14 11v5.5",
            Self::Gap => "M3 12h3l2-3 3 6 3-6 2 3h5",
            Self::Settings => {
                "M4 8h9M19 8h1M4 16h1M11 16h9M16 5.5a2.5 2.5 0 100 5 2.5 2.5 0 000-5zM8 13.5a2.5 2.5 0 100 5 2.5 2.5 0 000-5z"
            }
            Self::Devices => {
                "M13 18.5H5.5A1.5 1.5 0 014 17V6.5A1.5 1.5 0 015.5 5H18M8 21h4M15 9h5v11.5h-5z"
            }
            Self::Leave => {
                "M10 4.5H6a1.5 1.5 0 00-1.5 1.5v12A1.5 1.5 0 006 19.5h4M15 8l4 4-4 4M9.5 12H19"
            }
            Self::Reply => "M9 6l-5 5 5 5M4 11h9a6 6 0 016 6v1",
            Self::Edit => "M5 19l1-4L15.5 5.5l3 3L9 18zM13.5 7.5l3 3",
            Self::Copy => "M9 9h10v11H9zM15 9V4H5v11h4",
            Self::Dots => "M12 6v.1M12 12v.1M12 18v.1",
            Self::Close => "M6 6l12 12M18 6L6 18",
            Self::Smile => {
                "M12 3.5a8.5 8.5 0 100 17 8.5 8.5 0 000-17zM8.2 14a4.4 4.4 0 007.6 0M9 9.5v.2M15 9.5v.2"
            }
        }
    }
}

impl Icon {
    /// Whether it points where the text runs, so that it turns with it.
    fn turns(self) -> bool {
        matches!(self, Self::Back | Self::Send | Self::Leave)
    }
}

impl IntoRender for Icon {
    type Output = AnyView;

    fn into_render(self) -> AnyView {
        view! {
            <svg class="icon" class:turns=self.turns() viewBox="0 0 24 24" aria-hidden=HIDDEN>
                <path d=self.path()></path>
            </svg>
        }
        .into_any()
    }
}

/// The application's mark: a balcony's arch and rail.
#[component]
pub(crate) fn Mark() -> impl IntoView {
    let (arch, rail) = (
        "M14 30V20a10 10 0 0120 0v10",
        "M8 30h32M11 30v9M18 30v9M24 30v9M30 30v9M37 30v9M8 39h32",
    );
    view! {
        <svg class="mark" viewBox="0 0 48 48" aria-hidden=HIDDEN>
            <path d=arch></path>
            <path d=rail></path>
        </svg>
    }
}
