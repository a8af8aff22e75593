//! The accounts of one server and all that moves between them.

use std::collections::VecDeque;

use protocol::Now;

use crate::io::{Input, Output};
use crate::limits::ServerConfig;

/// One server's accounts: routes each input, collects outputs, knows the next deadline.
pub struct Core {
    config: ServerConfig,
    outputs: VecDeque<Output>,
}

impl Core {
    /// A server without sessions. `seed` comes from a good random source: ids are drawn from it.
    pub fn new(config: ServerConfig, seed: [u8; 32]) -> Self {
        let _ = seed;
        Self {
            config,
            outputs: VecDeque::new(),
        }
    }

    /// Takes one input.
    pub fn handle(&mut self, input: Input, now: Now) {
        let _ = (input, now, &self.config);
    }

    /// The next thing to do outside; call until it gives `None`.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Tick`] is due, in `mono_ms`.
    pub fn deadline(&self) -> Option<u64> {
        None
    }

    /// How many sessions there are, detached ones too.
    pub fn sessions(&self) -> usize {
        0
    }
}
