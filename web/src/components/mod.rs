//! The parts that pages are made of. They read the state and send intents, nothing else.

#![allow(
    unreachable_pub,
    reason = "leptos makes the properties of a component public"
)]

mod add_contact;
mod announcer;
mod avatar;
mod cells;
mod chat_header;
mod chat_list;
mod composer;
mod contact;
mod device_facts;
mod devices;
mod dialog;
mod emoji;
mod empty;
mod extents;
mod fields;
mod frame;
mod icon;
mod inspector;
mod invite;
mod jump;
mod landing;
mod line;
mod line_menu;
mod link_device;
mod list;
mod part;
mod profile;
mod quote;
mod reactions;
mod requests;
mod rich;
mod saying_bar;
mod scroll;
mod settings_pane;
mod share_link;
pub(crate) mod shortcuts;
mod side_header;
mod sign_out;
mod status;
mod switcher;
mod timeline;
mod walking;

pub(crate) use add_contact::AddContact;
pub(crate) use announcer::Announcer;
pub(crate) use chat_header::ChatHeader;
pub(crate) use chat_list::ChatList;
pub(crate) use composer::Composer;
pub(crate) use contact::BlockedNote;
pub(crate) use devices::DevicesPane;
pub(crate) use emoji::EmojiPicker;
pub(crate) use empty::NoChatOpen;
pub(crate) use fields::{ErrorLine, NameField, PasswordField, address};
pub(crate) use icon::Mark;
pub(crate) use inspector::Inspector;
pub(crate) use invite::InviteDialog;
pub(crate) use line::{is_gap, mark_name};
pub(crate) use line_menu::{DeleteDialog, EarlierDialog, LineMenu};
pub(crate) use link_device::LinkDeviceDialog;
pub(crate) use requests::Requests;
pub(crate) use settings_pane::SettingsPane;
pub(crate) use shortcuts::ShortcutsDialog;
pub(crate) use side_header::SideHeader;
pub(crate) use sign_out::SignOutDialog;
pub(crate) use status::StatusStrip;
pub(crate) use switcher::Switcher;
pub(crate) use timeline::Timeline;

/// Value of `aria-hidden`, by a name: leptos turns elements with nothing but literals into markup
/// text, which the page's Trusted Types policy refuses.
pub(crate) const HIDDEN: &str = "true";
