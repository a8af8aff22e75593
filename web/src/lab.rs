//! The device's side of the lab: a page that frames devices of this origin, and has each of them meet with
//! accidents.
//!
//! A device is in the lab only if the server says that it has one, the page is framed, and its address
//! names a place there (`/?lab=romeo@localhost/1`). What happens to it happens between its socket and its
//! engine, as it would on a network; all other code is that of a device in a tab.

use std::collections::VecDeque;

use client_core::view::{Connection, Line, View};
use client_core::{Input, Intent};
use js_sys::{Array, Object, Reflect};
use protocol::{BareJid, Text};
use wasm_bindgen::prelude::*;
use web_sys::{MessageEvent, Window};

use crate::browser;
use crate::components::mark_name;
use crate::driver::Inbox;

/// Lines that the lab is told of.
const LINES_MAX: usize = 250;

/// Whose device the page is to be in the lab, and in which place; none outside the lab.
pub fn seat() -> Option<(BareJid, String)> {
    let has_lab = browser::meta("balcony-lab").as_deref() == Some("on");
    parent().filter(|_| has_lab)?;
    let search = browser::window().location().search().ok()?;
    let seat = search.strip_prefix("?lab=")?;
    let (account, place) = seat.split_once('/')?;
    Some((BareJid::new(account).ok()?, format!("lab{place}")))
}

/// The page that frames this one.
fn parent() -> Option<Window> {
    let window = browser::window();
    let parent = window.parent().ok().flatten()?;
    (parent != window).then_some(parent)
}

/// What the lab wants of a device.
#[derive(Clone, Debug)]
pub enum Order {
    /// Cut the network, or heal it.
    Cut(bool),
    /// Hold acks back on both ways, and what comes behind the server's; or let go.
    Freeze(bool),
    /// Let every frame of both ways take so many milliseconds more.
    Delay(u64),
    /// Be hidden, or shown.
    Hide(bool),
    /// Write a line in the open conversation.
    Write(String),
    /// Sign in with this password.
    SignIn(String),
    /// Lose everything that the browser keeps, and begin anew.
    Wipe,
}

/// The network of a device in the lab.
#[derive(Debug)]
pub struct Lab {
    page: Window,
    is_cut: bool,
    is_frozen: bool,
    delay_ms: u64,
    /// On their way in, each with the moment when it is due.
    inward: VecDeque<(u64, Text)>,
    /// On their way out.
    outward: VecDeque<(u64, Text)>,
    /// The newest ack that is held back on the way out.
    ack: Option<Text>,
}

impl Lab {
    /// Listens to the lab for the life of the page, and tells it that the device is there.
    pub fn open(inbox: Inbox) -> Option<Self> {
        seat()?;
        let page = parent()?;
        let origin = browser::window().location().origin().ok()?;
        let source = page.clone();
        browser::listen_forever(&browser::window(), "message", move |event| {
            let Ok(event) = event.dyn_into::<MessageEvent>() else {
                return;
            };
            let is_lab = event.source().is_some_and(|from| from == *source.as_ref());
            if is_lab
                && event.origin() == origin
                && let Some(order) = order(&event.data())
            {
                inbox.order(order);
            }
        });
        let lab = Self {
            page,
            is_cut: false,
            is_frozen: false,
            delay_ms: 0,
            inward: VecDeque::new(),
            outward: VecDeque::new(),
            ack: None,
        };
        lab.tell("here", &JsValue::TRUE);
        Some(lab)
    }

    /// Whether there is no network.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// The network is cut or healed.
    pub fn cut(&mut self, is_cut: bool) {
        self.is_cut = is_cut;
    }

    /// Acks are held back from here on, or let go.
    pub fn freeze(&mut self, is_frozen: bool) {
        self.is_frozen = is_frozen;
        if let Some(ack) = self.ack.take_if(|_| !is_frozen) {
            self.outward.push_back((0, ack));
        }
    }

    /// Frames take so much longer from here on.
    pub fn delay(&mut self, ms: u64) {
        self.delay_ms = ms;
    }

    /// The connection is gone, and with it all that was on its way.
    pub fn lose(&mut self) {
        self.inward.clear();
        self.outward.clear();
        self.ack = None;
    }

    /// Something happens to the device: comes back unless it is held back.
    pub fn admit(&mut self, input: Input, now_ms: u64) -> Option<Input> {
        if matches!(input, Input::Disconnected(_)) {
            self.lose();
        }
        if let Input::Intent(Intent::Send { body, .. }) = &input {
            self.tell("wrote", &body.as_str().into());
        }
        let Input::Frame(frame) = input else {
            return Some(input);
        };
        let is_free = self.delay_ms == 0 && self.inward.is_empty();
        if is_free && !self.holds(&frame) {
            return Some(Input::Frame(frame));
        }
        self.inward.push_back((now_ms + self.delay_ms, frame));
        None
    }

    /// The device sends a frame: comes back unless it is held back.
    pub fn send(&mut self, frame: Text, now_ms: u64) -> Option<Text> {
        if self.holds(&frame) {
            self.ack = Some(frame);
            return None;
        }
        if self.delay_ms == 0 && self.outward.is_empty() {
            return Some(frame);
        }
        self.outward.push_back((now_ms + self.delay_ms, frame));
        None
    }

    /// The next frame that is to come in.
    pub fn next_in(&mut self, now_ms: u64) -> Option<Text> {
        let due_ms = self.due_in()?;
        let (_, frame) = self.inward.pop_front_if(|_| due_ms <= now_ms)?;
        Some(frame)
    }

    /// The next frame that is to go out.
    pub fn next_out(&mut self, now_ms: u64) -> Option<Text> {
        let (_, frame) = self.outward.pop_front_if(|(due_ms, _)| *due_ms <= now_ms)?;
        Some(frame)
    }

    /// When the next frame is due.
    pub fn deadline(&self) -> Option<u64> {
        let due_out = self.outward.front().map(|(due_ms, _)| *due_ms);
        self.due_in().into_iter().chain(due_out).min()
    }

    /// When the next frame comes in; an ack that is held back does not, nor does what is behind it.
    fn due_in(&self) -> Option<u64> {
        let (due_ms, frame) = self.inward.front()?;
        (!self.holds(frame)).then_some(*due_ms)
    }

    fn holds(&self, frame: &str) -> bool {
        self.is_frozen && frame.starts_with("<a ")
    }

    /// Tells the lab what the device shows.
    pub fn report(&self, view: &View) {
        let lines = view.timeline.as_ref().map(|timeline| &timeline.lines[..]);
        let lines = lines.unwrap_or_default();
        let newest = lines.get(lines.len().saturating_sub(LINES_MAX)..);
        let lines: Array = newest
            .unwrap_or_default()
            .iter()
            .map(|line| told(line))
            .collect();
        let state = match view.connection {
            Connection::Idle => "idle",
            Connection::Offline { .. } => "offline",
            Connection::Connecting => "connecting",
            Connection::CatchingUp { .. } => "catching up",
            Connection::Live => "live",
            Connection::Broken => "broken",
        };
        let shown = Array::of2(&state.into(), &lines);
        self.tell("shows", &shown);
    }

    fn tell(&self, what: &str, value: &JsValue) {
        let told = Object::new();
        let origin = browser::window().location().origin();
        if let Ok(origin) = origin
            && Reflect::set(&told, &what.into(), value).is_ok()
        {
            // A lab that is gone needs no word.
            let _ = self.page.post_message(&told, &origin);
        }
    }
}

fn told(line: &Line) -> Array {
    Array::of5(
        &line.key.as_str().into(),
        &line.id.as_ref().map_or("", |id| id.as_str()).into(),
        &mark_name(&line.mark).into(),
        &line.own.into(),
        &line.text.as_str().into(),
    )
}

/// Reads what the lab wants: `[what, value]`.
fn order(data: &JsValue) -> Option<Order> {
    let data = data.dyn_ref::<Array>()?;
    let value = data.get(1);
    let text = || value.as_string();
    match data.get(0).as_string()?.as_str() {
        "cut" => Some(Order::Cut(value.is_truthy())),
        "freeze" => Some(Order::Freeze(value.is_truthy())),
        "delay" => Some(Order::Delay(value.as_f64()? as u64)),
        "hide" => Some(Order::Hide(value.is_truthy())),
        "write" => text().map(Order::Write),
        "sign-in" => text().map(Order::SignIn),
        "wipe" => Some(Order::Wipe),
        _ => None,
    }
}
