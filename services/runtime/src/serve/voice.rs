//! What is told of one generation to who waits for it.

use super::likely::likelihood;
use super::order::{Begun, Gone, Heard, Listener};
use crate::error::Result;
use crate::generation::Answered;
use mickai_model::generate::{Flow, Progress};

/// A listener, with what they want to hear.
pub(super) struct Voice {
    listener: Box<dyn Listener>,
    gone: Gone,
    likely_count: Option<usize>,
}

impl Voice {
    pub fn new(listener: Box<dyn Listener>, gone: Gone, likely_count: Option<usize>) -> Self {
        Self { listener, gone, likely_count }
    }

    /// Nobody waits any more.
    pub fn is_gone(&self) -> bool {
        self.gone.is_set()
    }

    pub fn begun(&mut self, begun: Begun) {
        self.listener.begun(begun);
    }

    /// Tells what came out, and whether more is wanted.
    pub fn hear(&mut self, progress: Progress<'_>) -> Flow {
        let flow = match progress {
            Progress::Prompt { .. } => Flow::Continue,
            Progress::Token { token, text, logits } => {
                let likely = self.likely_count.map(|count| likelihood(logits, token, count));
                self.listener.heard(Heard { token: Some(token), text, likely: likely.as_ref() })
            }
            Progress::Rest { text } => self.listener.heard(Heard { token: None, text, likely: None }),
        };
        if self.is_gone() { Flow::Stop } else { flow }
    }

    pub fn ended(self, ended: Result<Answered>) {
        self.listener.ended(ended);
    }
}
