//! The whole device as one state machine.

use protocol::{BareJid, Now};

use crate::history::Restored;
use crate::io::{Input, Output};
use crate::view::View;

/// What a device needs to know before it starts.
#[derive(Clone, Debug)]
pub struct Config {
    /// Whose device.
    pub account: BareJid,
    /// From which ids and delays are drawn; 32 bytes of a good random source.
    pub seed: [u8; 32],
}

/// One device.
pub struct Engine {
    view: View,
}

impl Engine {
    /// Starts from what the device kept; connects only once it is asked to sign in.
    pub fn new(config: Config, restored: Restored, now: Now) -> Self {
        let _ = (config, restored, now);
        Self {
            view: View::default(),
        }
    }

    /// Takes one input.
    pub fn handle(&mut self, input: Input, now: Now) {
        let _ = (input, now);
    }

    /// The next thing to do outside; call until it gives `None`.
    pub fn poll(&mut self) -> Option<Output> {
        None
    }

    /// When [`Input::Tick`] is due, in `mono_ms`.
    pub fn deadline(&self) -> Option<u64> {
        None
    }

    /// What the screen may show.
    pub fn view(&self) -> &View {
        &self.view
    }
}
