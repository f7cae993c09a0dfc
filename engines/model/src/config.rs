//! What a model is, apart from its weights: every number that reaches the arithmetic.

/// The family that fixes the order of operations in a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// Llama 3.2: grouped-query attention, no biases, rope scaling "llama3".
    Llama,
    /// Qwen 2.5: as Llama, with biases on the query, key and value projections.
    Qwen2,
}

/// Hyperparameters, the same whether they came from a GGUF header or a `config.json`.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    pub architecture: Architecture,
    /// Rows of the embedding table.
    pub vocab_count: usize,
    /// Width of the residual stream ("hidden size").
    pub width: usize,
    pub layer_count: usize,
    /// Query heads.
    pub head_count: usize,
    /// Key and value heads; divides `head_count`.
    pub kv_head_count: usize,
    /// Width of one head; even.
    pub head_width: usize,
    /// Width of the gated feed-forward layer ("intermediate size").
    pub ffn_width: usize,
    /// Longest context in tokens.
    pub context_tokens_max: usize,
    /// Epsilon of the RMS norms.
    pub norm_eps: f32,
    /// Base of the rotary frequencies ("rope theta").
    pub rope_base: f32,
    /// Divisors of the rotary frequencies, `head_width / 2` of them, where the model scales its rope (Llama 3.2); absent: all 1.
    pub rope_factors: Option<Vec<f32>>,
    /// The output projection is the embedding table.
    pub tied: bool,
}
