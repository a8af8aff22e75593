//! One WebSocket to the server, told to the engine as inputs.

use client_core::Input;
use protocol::Text;
use wasm_bindgen::JsCast as _;
use wasm_bindgen::prelude::Closure;
use web_sys::{CloseEvent, MessageEvent, WebSocket};

use crate::driver::Inbox;
use crate::error::WebError;

/// The subprotocol of RFC 7395.
const SUBPROTOCOL: &str = "xmpp";

/// An open or opening socket. Dropping it closes it without a further word.
pub struct Socket {
    socket: WebSocket,
    _on_open: Closure<dyn FnMut()>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_close: Closure<dyn FnMut(CloseEvent)>,
}

impl Socket {
    /// Starts to connect; [`Input::Connected`] or [`Input::Disconnected`] follows.
    ///
    /// # Errors
    /// [`WebError::Browser`] if the address is not acceptable.
    pub fn open(url: &str, inbox: Inbox) -> Result<Self, WebError> {
        let socket =
            WebSocket::new_with_str(url, SUBPROTOCOL).map_err(|error| WebError::thrown(&error))?;
        let on_open = on_open(socket.clone(), inbox.clone());
        let on_message = on_message(inbox.clone());
        let on_close = on_close(inbox);
        socket.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        Ok(Self {
            socket,
            _on_open: on_open,
            _on_message: on_message,
            _on_close: on_close,
        })
    }

    /// Sends a frame. On a socket that is not open nothing happens: its end is an input of its own,
    /// and what counts as sent is for the engine to know.
    pub fn send(&self, frame: &Text) {
        if self.socket.ready_state() == WebSocket::OPEN {
            let _ = self.socket.send_with_str(frame);
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        let _ = self.socket.close();
    }
}

/// WS-01: a server that does not answer with our subprotocol does not speak it.
fn on_open(socket: WebSocket, inbox: Inbox) -> Closure<dyn FnMut()> {
    Closure::new(move || {
        if socket.protocol() == SUBPROTOCOL {
            inbox.push(Input::Connected);
        } else {
            socket.set_onclose(None);
            let _ = socket.close();
            inbox.push(Input::Disconnected(
                "the server does not offer the subprotocol xmpp".to_owned(),
            ));
        }
    })
}

fn on_message(inbox: Inbox) -> Closure<dyn FnMut(MessageEvent)> {
    Closure::new(move |event: MessageEvent| match event.data().as_string() {
        Some(text) => inbox.push(Input::Frame(Text::from(text))),
        // RFC 7395 §3.2 knows no binary frames.
        None => inbox.push(Input::Disconnected("a binary frame".to_owned())),
    })
}

fn on_close(inbox: Inbox) -> Closure<dyn FnMut(CloseEvent)> {
    Closure::new(move |event: CloseEvent| {
        let reason = event.reason();
        inbox.push(Input::Disconnected(format!(
            "closed with {} {reason}",
            event.code()
        )));
    })
}
