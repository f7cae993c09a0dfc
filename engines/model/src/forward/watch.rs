//! Tells somebody outside which operation of the forward pass begins and ends, and what it costs by its shape. It reads no clock, and tells nobody unless asked to.

/// Who is told, on the thread that drives the pass. Nothing that it does reaches a result.
pub trait Watch: Send + Sync {
    /// An operation begins.
    fn begins(&self);

    /// It is done.
    fn done(&self, step: Step);
}

/// One operation on one batch of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub operation: Operation,
    /// `None` where it is done once, before or after the layers.
    pub layer: Option<usize>,
    /// Tokens that it was done for.
    pub rows: usize,
    pub cost: Cost,
}

/// What an operation has to move and multiply at least: everything that it needs once, whatever is kept in caches and whatever is read again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Weights as they lie repacked; of the embedding table the rows that are read.
    pub weight_bytes: u64,
    /// Keys and values, read or written.
    pub cache_bytes: u64,
    /// Values between the operations, read or written.
    pub activation_bytes: u64,
    /// Multiply-adds of 8-bit integers.
    pub integer_products: u64,
    /// Multiply-adds of f32 in products of matrices and in attention.
    pub float_products: u64,
}

/// The operations of a pass, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// Rows of the embedding table.
    Embed,
    /// Cosines and sines of positions.
    Angles,
    AttentionNorm,
    /// Activations brought into the form that the next product reads: quantised, or turned into tiles.
    Prepare,
    /// Queries, keys and values.
    Project,
    /// What adapters add to projections.
    Adapt,
    /// Positions into queries and keys.
    Rotate,
    /// Keys and values into the cache.
    Keep,
    Attend,
    /// What attention mixed, back into the stream's width.
    Output,
    /// A sublayer's result added to the stream.
    Add,
    FfnNorm,
    /// Gate and up.
    Widen,
    /// SiLU of the gate times up.
    Gate,
    Down,
    FinalNorm,
    /// Logits.
    Head,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::Embed,
        Self::Angles,
        Self::AttentionNorm,
        Self::Prepare,
        Self::Project,
        Self::Adapt,
        Self::Rotate,
        Self::Keep,
        Self::Attend,
        Self::Output,
        Self::Add,
        Self::FfnNorm,
        Self::Widen,
        Self::Gate,
        Self::Down,
        Self::FinalNorm,
        Self::Head,
    ];

    /// The name on screen, in JSON and in traces.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Embed => "embed",
            Self::Angles => "angles",
            Self::AttentionNorm => "attention norm",
            Self::Prepare => "prepare",
            Self::Project => "query key value",
            Self::Adapt => "adapt",
            Self::Rotate => "rotate",
            Self::Keep => "keep",
            Self::Attend => "attend",
            Self::Output => "output",
            Self::Add => "add",
            Self::FfnNorm => "ffn norm",
            Self::Widen => "gate up",
            Self::Gate => "silu",
            Self::Down => "down",
            Self::FinalNorm => "final norm",
            Self::Head => "head",
        }
    }
}

impl Cost {
    /// Values of 4 bytes that are read or written once.
    pub(super) fn values(count: usize) -> Self {
        Self { activation_bytes: 4 * count as u64, ..Self::default() }
    }

    /// Both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            weight_bytes: self.weight_bytes + other.weight_bytes,
            cache_bytes: self.cache_bytes + other.cache_bytes,
            activation_bytes: self.activation_bytes + other.activation_bytes,
            integer_products: self.integer_products + other.integer_products,
            float_products: self.float_products + other.float_products,
        }
    }
}
