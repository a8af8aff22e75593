//! Every text that a person reads, in plain words.

#![allow(
    missing_docs,
    reason = "the texts say themselves what they are; names follow where they stand"
)]

use client_core::view::Refusal;

pub const APP: &str = "Balcony";
pub const SKIP: &str = "Skip to the conversation";
pub const LOADING: &str = "Opening your conversations";

pub const SIGN_IN_TITLE: &str = "Welcome back";
pub const SIGN_IN_LEAD: &str = "Sign in to go on where you left off.";
pub const SIGN_IN: &str = "Sign in";
pub const SIGNING_IN: &str = "Signing in…";
pub const NAME: &str = "Name";
pub const PASSWORD: &str = "Password";
pub const SHOW_PASSWORD: &str = "Show";
pub const HIDE_PASSWORD: &str = "Hide";
pub const SHOW_PASSWORD_LABEL: &str = "Show password";
pub const NO_ACCOUNT: &str =
    "No account yet? Open the link you were given by whoever invited you or runs this server.";

pub const SET_UP_TITLE: &str = "Set up Balcony";
pub const SET_UP_LEAD: &str = "Choose the name and password of the first account here.";
pub const INVITE_TITLE: &str = "You are invited";
pub const INVITE_LEAD: &str = "Choose a name and a password, and start to chat.";
pub const CREATE: &str = "Create account";
pub const CREATING: &str = "Creating your account…";
pub const HAVE_ACCOUNT: &str = "I have an account already";
pub const PASSWORD_HINT: &str = "A few words that only you know are better than a short riddle.";

pub const NAME_UNUSABLE: &str =
    "This name cannot be used. Take letters, digits, dots or dashes, without spaces.";
pub const PASSWORD_MISSING: &str = "Please enter a password.";

pub const CHATS: &str = "Chats";
pub const CHATS_LABEL: &str = "Conversations";
pub const NEW_CHAT: &str = "New chat";
pub const ADD_TITLE: &str = "Start a new chat";
pub const ADD_LEAD: &str = "Enter the name of the person you want to talk to. They will be asked.";
pub const ADD_PLACEHOLDER: &str = "juliet";
pub const ADD_LABEL: &str = "Name";
pub const ADD: &str = "Add";
pub const CANCEL: &str = "Cancel";
pub const CLOSE: &str = "Close";
pub const ADD_SELF: &str = "That is your own name.";

pub const REQUESTS: &str = "Wants to chat with you";
pub const ACCEPT: &str = "Accept";
pub const REFUSE: &str = "Refuse";

pub const LIST_UNKNOWN: &str = "Your conversations appear once this device is connected.";
pub const NO_CHATS_TITLE: &str = "It is quiet here";
pub const NO_CHATS: &str = "Add somebody you know, and your conversation appears here.";
pub const NO_CHAT_OPEN_TITLE: &str = "Pick a conversation";
pub const NO_CHAT_OPEN: &str = "Choose one from the list, or start a new one.";
pub const NO_LINES_TITLE: &str = "No messages yet";
pub const NO_LINES: &str = "Say hello: whatever is written here stays here, on all your devices.";
pub const SAY_HELLO: &str = "Write a message";
pub const ASKED: &str = "Asked to chat, no answer yet";
pub const ONLINE: &str = "Online";
pub const DRAFT: &str = "Draft:";
pub const OWN_PREFIX: &str = "You:";
pub const BACK: &str = "Back to the list";

pub const MESSAGES: &str = "Messages";
pub const NEW_MESSAGES_LOG: &str = "New messages";
pub const OLDER: &str = "Load older messages";
pub const LOADING_OLDER: &str = "Loading older messages…";
pub const OLDER_LATER: &str = "Older messages come once this device is connected.";
pub const START: &str = "This is the beginning of what is kept";
pub const GAP: &str = "Messages may be missing here";
pub const GAP_WHY: &str = "The server does not have them any more.";
pub const FILLING: &str = "Fetching the messages that are missing here…";
pub const FILLING_LATER: &str =
    "Messages are missing here. They come once this device is connected.";
pub const UNREAD_FROM_HERE: &str = "New messages";
pub const LATEST: &str = "Jump to the latest message";
pub const TODAY: &str = "Today";
pub const YESTERDAY: &str = "Yesterday";

pub const WAITING: &str = "Waiting";
pub const WAITING_WHY: &str = "Not sent yet; it goes out by itself.";
pub const ARCHIVED: &str = "Sent";
pub const ARCHIVED_WHY: &str = "Saved on the server. Nothing tells yet that it has arrived.";
pub const RECEIVED: &str = "Received";
pub const RECEIVED_WHY: &str = "It reached the other person's device.";
pub const READ: &str = "Read";
pub const READ_WHY: &str = "It was shown to the other person.";
pub const NOT_SAVED: &str = "Delivered, not saved";
pub const NOT_SAVED_WHY: &str = "It was delivered, but saving it failed on the server.";
pub const NOT_KEPT: &str = "Not stored";
pub const NOT_KEPT_WHY: &str = "It was delivered, but the server does not store it.";
pub const FAILED: &str = "Not sent";
pub const FAILED_WHY: &str = "It could not be delivered.";
pub const COPY: &str = "Copy";
pub const COPIED: &str = "Copied";
pub const RETRY: &str = "Retry";
pub const DISCARD: &str = "Discard";

pub const COMPOSER_PLACEHOLDER: &str = "Message";
pub const SEND: &str = "Send";

pub const CONNECTING: &str = "Connecting…";
pub const CATCHING_UP: &str = "Catching up…";
pub const LIVE: &str = "Up to date";
pub const IDLE: &str = "Not connected";
pub const TRY_NOW: &str = "Try now";
pub const BROKEN: &str = "This device cannot save anything more. Reload the page to go on.";
pub const RELOAD: &str = "Reload";

pub const MENU: &str = "Menu";
pub const SIGN_OUT: &str = "Sign out";
pub const SIGN_OUT_TITLE: &str = "Sign out?";
pub const SIGN_OUT_LEAD: &str = "What is kept in this browser is removed; your messages stay on the server. Each tab is a device of its own: sign out of this one, or of all of them.";
pub const SIGN_OUT_HERE: &str = "Sign out in this tab";
pub const SIGN_OUT_BROWSER: &str = "Sign out in the whole browser";
pub const SIGN_OUT_ALL: &str = "Sign out everywhere";
pub const SIGN_OUT_ALL_WHY: &str =
    "Everywhere: on all your devices, in this browser and in any other.";
pub const SIGN_OUT_ALL_LATER: &str = "Everywhere needs a connection to the server.";
pub const THEME: &str = "Appearance";
pub const THEME_SYSTEM: &str = "Like the system";
pub const THEME_LIGHT: &str = "Light";
pub const THEME_DARK: &str = "Dark";
pub const SHARE_READING: &str = "Tell others what I received and read";
pub const DEVELOPER: &str = "Developer mode";

pub const TROUBLE_TITLE: &str = "This page cannot start";
pub const NO_FREE_SLOT: &str =
    "Balcony is open in too many tabs of this browser. Close one of them, then reload.";

/// How many messages wait while there is no connection.
pub fn offline(waiting: usize) -> String {
    match waiting {
        0 => "Offline".to_owned(),
        1 => "Offline (1 message waiting)".to_owned(),
        n => format!("Offline ({n} messages waiting)"),
    }
}

/// When the next try is.
pub fn retry_in(seconds: u64) -> String {
    format!("next try in {seconds} s")
}

/// How far a catch-up is.
pub fn so_far(fetched: u32, total: Option<u32>) -> String {
    match (fetched, total) {
        (fetched, Some(total)) => format!("{fetched} of {total} messages"),
        (0, None) => String::new(),
        (1, None) => "1 message so far".to_owned(),
        (n, None) => format!("{n} messages so far"),
    }
}

/// How far the filling of a gap is.
pub fn found(filled: u32) -> String {
    match filled {
        0 => String::new(),
        1 => "1 found so far".to_owned(),
        n => format!("{n} found so far"),
    }
}

/// What goes on beside the state, once connected.
pub fn waiting(waiting: usize) -> String {
    match waiting {
        1 => "1 message waiting".to_owned(),
        n => format!("{n} messages waiting"),
    }
}

/// Which device of this browser the tab is.
pub fn device(slot: &str) -> String {
    format!("Device {slot} of this browser")
}

/// Which device, in a word.
pub fn device_short(slot: &str) -> String {
    format!("Device {slot}")
}

/// Unread messages, for those who do not see the badge.
pub fn unread(count: u32) -> String {
    match count {
        1 => "1 unread message".to_owned(),
        n => format!("{n} unread messages"),
    }
}

/// The latest button when lines came meanwhile.
pub fn latest(new: u32) -> String {
    match new {
        0 => LATEST.to_owned(),
        1 => "Jump to the latest message, 1 new".to_owned(),
        n => format!("Jump to the latest message, {n} new"),
    }
}

/// Who wrote a line, for those who do not see the sides.
pub fn said_by(own: bool, name: &str) -> String {
    if own {
        "You".to_owned()
    } else {
        name.to_owned()
    }
}

/// What became of an own line, before the line itself.
pub fn own_line(word: &str) -> String {
    format!("You ({word}):")
}

/// The question to somebody who asks to chat.
pub fn request_actions(action: &str, name: &str) -> String {
    format!("{action} {name}")
}

/// What is lost by signing out with lines on their way; of other tabs that is not known here.
pub fn sign_out_loses(waiting: usize) -> String {
    match waiting {
        1 => "1 message of this tab was not sent yet and will be lost.".to_owned(),
        n => format!("{n} messages of this tab were not sent yet and will be lost."),
    }
}

/// Who is signed in.
pub fn signed_in_as(name: &str) -> String {
    format!("Signed in as {name}")
}

/// Why a sign-in or registration was refused.
pub fn refused(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::WrongPassword => "Name and password do not fit together.",
        Refusal::SignInAgain => "You were signed out. Sign in again.",
        Refusal::NameTaken => "Somebody has this name already. Try another one.",
        Refusal::NotAcceptable => "This name or password cannot be used. Try another one.",
        Refusal::LinkInvalid => "This link was used before, or has expired. Ask for a new one.",
        Refusal::Untrusted => {
            "This may not be the server that it says it is: it could not prove it."
        }
        Refusal::Other => "The server said no. Try again later.",
    }
}
