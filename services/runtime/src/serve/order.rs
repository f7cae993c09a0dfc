//! What is ordered, who waits for it, and what is heard of it.

use super::likely::Likely;
use crate::error::Result;
use crate::generation::{Answered, Asked};
use crate::models::Loaded;
use mickai_model::generate::Flow;
use mickai_model::tokens::Token;
use mickai_store::Appended;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whoever shares a turn in the queue: one key, or where there are none one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Caller(pub u64);

/// One generation that somebody waits for.
pub struct Order {
    /// The model, opened by [`super::Desk::model`].
    pub model: Arc<Loaded>,
    /// What is asked of it.
    pub asked: Asked,
    /// How many alternatives are told of for each token; `None` for no probabilities at all.
    pub likely_count: Option<usize>,
    /// An over-long prompt loses its oldest parts instead of being refused.
    pub shortens: bool,
    /// Who waits.
    pub caller: Caller,
    /// Set when nobody waits any more.
    pub gone: Gone,
}

/// Whether anybody still waits; clones are the same flag.
#[derive(Clone, Debug, Default)]
pub struct Gone(Arc<AtomicBool>);

impl Gone {
    /// Nobody waits any more.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Does nobody wait?
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A generation that is about to run: its intent is durable.
#[derive(Clone, Copy, Debug)]
pub struct Begun {
    /// The record before it.
    pub intent: Appended,
    /// Tokens of its prompt.
    pub prompt_token_count: usize,
}

/// One token that came out.
#[derive(Clone, Copy, Debug)]
pub struct Heard<'a> {
    /// Which; `None` for text that was only held back.
    pub token: Option<Token>,
    /// What can be shown now: often nothing, sometimes of several tokens.
    pub text: &'a str,
    /// How likely it was, and what else was, where that was ordered.
    pub likely: Option<&'a Likely>,
}

/// Hears of one order, on the thread of the worker, and of its end on one that records; it must not wait for anything.
pub trait Listener: Send {
    /// The intent is durable.
    fn begun(&mut self, begun: Begun);

    /// A token came out.
    fn heard(&mut self, heard: Heard<'_>) -> Flow;

    /// The outcome is durable, or there is none to come; where it says `failed`, as [`crate::Error::Failed`]. Not called where the program failed in between.
    fn ended(self: Box<Self>, ended: Result<Answered>);
}
