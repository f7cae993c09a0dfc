//! What a profile says. Times are nanoseconds since the first operation; the parts of a phase add up to the whole of it.

use super::roofs::Roofs;
use crate::serve::Likely;
use mickai_model::forward::{Cost, Operation, Step};
use mickai_model::tokens::Token;

/// One generation, measured.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The instructions that the kernels used.
    pub isa: &'static str,
    /// Threads that computed.
    pub thread_count: usize,
    /// Layers of the model.
    pub layer_count: usize,
    /// What this machine can do at most.
    pub roofs: Roofs,
    /// Around the model's own time: the prompt made tokens, policy, the two records with their signatures and fsyncs.
    pub recording_ns: u64,
    /// Up to the first token, and the rest.
    pub phases: [Phase; 2],
    /// The tokens that came out.
    pub tokens: Vec<TokenSeen>,
    /// Every operation, where that was wanted.
    pub trace: Option<Trace>,
}

/// A part of the generation: `wall` is operations, between, choosing and watching, to the nanosecond.
#[derive(Clone, Debug)]
pub struct Phase {
    /// `prompt` or `generation`.
    pub name: &'static str,
    /// When it began.
    pub begin_ns: u64,
    /// When it ended.
    pub end_ns: u64,
    /// Tokens that went through the layers.
    pub token_count: usize,
    /// Between operations: what no operation is charged with.
    pub between_ns: u64,
    /// From the last logit to the token: constraint, sampler, text.
    pub choosing_ns: u64,
    /// What measuring took itself, where it can be told apart: entropy and alternatives of each token.
    pub watching_ns: u64,
    /// Every operation of every layer, in the order of the operations, layers ascending.
    pub lines: Vec<Line>,
}

/// An operation, or several together.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// `None` where a layer's are together.
    pub operation: Option<Operation>,
    /// `None` outside the layers, or where all layers are together.
    pub layer: Option<usize>,
    /// Their sum.
    pub figures: Figures,
}

/// Sums over some operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// How often.
    pub count: u64,
    /// From begin to end, as the thread sees it that drives the pass.
    pub time_ns: u64,
    /// Time that threads spent in parts of it, all threads together; `time_ns` times the number of threads, less this, they waited.
    pub busy_ns: u64,
    /// What it moved and multiplied at least.
    pub cost: Cost,
}

impl Figures {
    /// Both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { count: self.count + other.count, time_ns: self.time_ns + other.time_ns, busy_ns: self.busy_ns + other.busy_ns, cost: self.cost.plus(other.cost) }
    }

    /// Bytes that were moved at least.
    pub fn byte_count(&self) -> u64 {
        self.cost.weight_bytes + self.cost.cache_bytes + self.cost.activation_bytes
    }

    /// Multiply-adds.
    pub fn product_count(&self) -> u64 {
        self.cost.integer_products + self.cost.float_products
    }

    /// So much of something in a second of this time.
    pub fn rate(&self, amount: u64) -> f64 {
        if self.time_ns == 0 { 0.0 } else { amount as f64 * 1e9 / self.time_ns as f64 }
    }

    /// The part of the threads' time that they waited, 0 to 1.
    pub fn waiting(&self, thread_count: usize) -> f64 {
        let all = self.time_ns as f64 * thread_count as f64;
        if all > 0.0 { (1.0 - self.busy_ns as f64 / all).max(0.0) } else { 0.0 }
    }
}

impl Phase {
    /// From begin to end.
    pub fn wall_ns(&self) -> u64 {
        self.end_ns - self.begin_ns
    }

    /// All operations together.
    pub fn total(&self) -> Figures {
        self.lines.iter().fold(Figures::default(), |sum, line| sum.plus(line.figures))
    }

    /// All layers together, in the order of the operations.
    pub fn by_operation(&self) -> Vec<Line> {
        let sum = |operation| self.sum(|line| line.operation == Some(operation)).map(|figures| Line { operation: Some(operation), layer: None, figures });
        Operation::ALL.into_iter().filter_map(sum).collect()
    }

    /// All operations of each layer together; what is outside the layers comes last.
    pub fn by_layer(&self, layer_count: usize) -> Vec<Line> {
        let sum = |layer| self.sum(|line| line.layer == layer).map(|figures| Line { operation: None, layer, figures });
        (0..layer_count).map(Some).chain([None]).filter_map(sum).collect()
    }

    /// `None` where none was done.
    fn sum(&self, counts: impl Fn(&Line) -> bool) -> Option<Figures> {
        self.lines.iter().filter(|line| counts(line)).map(|line| line.figures).reduce(Figures::plus)
    }
}

/// A token that came out.
#[derive(Clone, Debug)]
pub struct TokenSeen {
    /// Which.
    pub token: Token,
    /// Its bytes as text; what is no whole character shows as U+FFFD.
    pub text: String,
    /// When work on it began.
    pub begin_ns: u64,
    /// When it was chosen.
    pub end_ns: u64,
    /// How likely it was, and what else was.
    pub likely: Likely,
    /// The alternatives' bytes as text, in the order of `likely.best`.
    pub best_texts: Vec<String>,
}

/// Every operation of a generation.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// In order of time.
    pub spans: Vec<Span>,
    /// When each thread was at which of them.
    pub hands: Vec<HandSpan>,
    /// Operations for which there was no room.
    pub left_out_count: usize,
}

/// One operation.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// What was done.
    pub step: Step,
    /// When it began.
    pub begin_ns: u64,
    /// When it ended.
    pub end_ns: u64,
}

/// From the begin of a thread's first part of an operation to the end of its last.
#[derive(Clone, Copy, Debug)]
pub struct HandSpan {
    /// Which thread; 0 is the one that drives the pass.
    pub hand: usize,
    /// Which operation, as its place in [`Trace::spans`].
    pub span: usize,
    /// When its first part began.
    pub begin_ns: u64,
    /// When its last part ended.
    pub end_ns: u64,
}
