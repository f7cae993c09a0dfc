//! A model's tensors, found by name, checked against the hyperparameters, and repacked before the first product.

use crate::config::{Architecture, Config};
use crate::error::{Malformed, Result, Unsupported};
use crate::tensor::{RowOrder, Tensor};
use crate::tokens::Token;
use mickai_kernels::crew::Crew;
use mickai_kernels::dequantise::dequantise;
use mickai_kernels::matmul::{Matrix, Panels, RowMap, pack};
use mickai_kernels::memory::Room;
use mickai_kernels::rope::{HEAD_WIDTH_MAX, POSITION_LIMIT, frequencies};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::OnceLock;

/// The weights of one model. Norms and biases, a thousandth of it, are widened to f32 at once; matrices are repacked for the kernels when the first session begins, into as many
/// bytes again as the file has. After that the file's own bytes serve an embedding table that is not the output projection too, and nothing else.
pub struct Weights {
    pub(super) config: Config,
    pub(super) embedding: Projection,
    pub(super) layers: Vec<Layer>,
    pub(super) norm: Vec<f32>,
    /// `None` where the embedding table is the output projection too.
    pub(super) head: Option<Projection>,
    /// Radians per position of the rotary pairs.
    pub(super) frequencies: Vec<f32>,
    /// Room that all repacked matrices take.
    packed_bytes: usize,
    packed: OnceLock<Room<u8>>,
}

/// The weights of one layer.
pub(super) struct Layer {
    pub(super) attention_norm: Vec<f32>,
    pub(super) query: Projection,
    pub(super) key: Projection,
    pub(super) value: Projection,
    pub(super) output: Projection,
    pub(super) ffn_norm: Vec<f32>,
    pub(super) gate: Projection,
    pub(super) up: Projection,
    pub(super) down: Projection,
}

impl Layer {
    fn projections(&self) -> [&Projection; 7] {
        [&self.query, &self.key, &self.value, &self.output, &self.gate, &self.up, &self.down]
    }
}

/// A matrix that was checked when it was bound, and its bias in canonical order.
pub(super) struct Projection {
    tensor: Tensor,
    rows: usize,
    columns: usize,
    map: RowMap,
    /// Where it lies when it is repacked; empty for a table that is only read.
    panels: Range<usize>,
    pub(super) bias: Option<Vec<f32>>,
}

impl Weights {
    /// Finds every tensor that the architecture needs, by canonical name, and checks its shape.
    ///
    /// # Errors
    /// A missing tensor, a wrong shape, hyperparameters that contradict each other or exceed what the kernels take, and a tensor that the
    /// architecture does not know: leaving it out would compute another model.
    pub fn bind(config: &Config, tensors: &BTreeMap<String, Tensor>) -> Result<Self> {
        check(config)?;
        let mut binder = Binder { config, tensors, taken: BTreeSet::new(), packed_bytes: 0 };
        let (width, vocab) = (config.width, config.vocab_count);
        let embedding = binder.matrix("model.embed_tokens", vocab, width, Use { bias: false, product: config.tied })?;
        let layers = (0..config.layer_count).map(|index| binder.layer(index)).collect::<Result<_>>()?;
        let norm = binder.vector("model.norm.weight", width)?;
        let head = if config.tied { None } else { Some(binder.matrix("lm_head", vocab, width, Use::PRODUCT)?) };
        let packed_bytes = binder.packed_bytes;
        binder.finish()?;
        let frequencies = frequencies(config.rope_base, config.head_width, config.rope_factors.as_deref());
        if frequencies.iter().any(|f| !(0.0..=1.0).contains(f)) {
            return Err(Malformed::Hyperparameters { key: "rope factors" }.into());
        }
        Ok(Self { config: config.clone(), embedding, layers, norm, head, frequencies, packed_bytes, packed: OnceLock::new() })
    }

    /// Repacks all matrices, unless that was done before; gives their bytes, whose form is [`mickai_kernels::matmul::LAYOUT`].
    pub fn prepare(&self, crew: &dyn Crew) -> &[u8] {
        self.packed.get_or_init(|| {
            let mut room = Room::new(self.packed_bytes);
            for projection in self.packed_projections() {
                pack(crew, &projection.matrix(), &mut room[projection.panels.clone()]);
            }
            room
        })
    }

    /// Takes what [`Weights::prepare`] made of the same model at another time, which the caller has to know; `false` if it is not as long, or there is some already.
    pub fn prepare_with(&self, packed: Room<u8>) -> bool {
        packed.len() == self.packed_bytes && self.packed.set(packed).is_ok()
    }

    /// Names of the tensors whose own bytes nothing reads once they are repacked.
    pub(crate) fn packed_names(&self) -> BTreeSet<&str> {
        self.packed_projections().map(|projection| projection.tensor.name.as_str()).collect()
    }

    fn packed_projections(&self) -> impl Iterator<Item = &Projection> {
        let layers = self.layers.iter().flat_map(Layer::projections);
        layers.chain([&self.embedding]).chain(&self.head).filter(|projection| !projection.panels.is_empty())
    }

    /// A repacked matrix. [`Weights::prepare`] has been called.
    pub(super) fn panels(&self, projection: &Projection) -> Panels<'_> {
        let Some(room) = self.packed.get() else { unreachable!("a session prepares the weights before anything else") };
        Panels::new(&projection.matrix(), &room[projection.panels.clone()])
    }

    /// The vector of a token. [`Weights::prepare`] has been called.
    pub(super) fn read_embedding(&self, token: Token, out: &mut [f32]) {
        let embedding = &self.embedding;
        if embedding.panels.is_empty() {
            dequantise(embedding.tensor.element, embedding.matrix().row(token.index()), out);
        } else {
            self.panels(embedding).read_row(token.index(), out);
        }
    }

    /// The repacked matrices; empty before the first session.
    pub fn packed(&self) -> &[u8] {
        self.packed.get().map_or(&[], |room| room)
    }

    /// Bytes of the repacked matrices.
    pub fn packed_bytes(&self) -> usize {
        self.packed_bytes
    }

    /// The hyperparameters that these weights were bound with.
    pub fn config(&self) -> &Config {
        &self.config
    }
}

/// Hyperparameters that the kernels can take and that agree with each other.
fn check(config: &Config) -> Result<()> {
    let wrong = |key| Err(Malformed::Hyperparameters { key }.into());
    let beyond = |key: &str, value: usize| Err(Unsupported::Setting { key: key.into(), value: value.to_string().into() }.into());
    let counts = [
        (config.vocab_count, "vocabulary size"),
        (config.width, "width"),
        (config.layer_count, "layer count"),
        (config.head_count, "head count"),
        (config.kv_head_count, "key-value head count"),
        (config.head_width, "head width"),
        (config.ffn_width, "feed-forward width"),
        (config.context_tokens_max, "context length"),
    ];
    if let Some((_, key)) = counts.into_iter().find(|(count, _)| *count == 0) {
        return wrong(key);
    }
    if !config.head_count.is_multiple_of(config.kv_head_count) {
        return wrong("key-value head count");
    }
    if config.head_width % 2 == 1 || config.head_width > HEAD_WIDTH_MAX {
        return beyond("head width", config.head_width);
    }
    if config.context_tokens_max > POSITION_LIMIT {
        return beyond("context length", config.context_tokens_max);
    }
    if !(config.norm_eps.is_finite() && config.norm_eps > 0.0) {
        return wrong("norm epsilon");
    }
    if !(config.rope_base.is_finite() && config.rope_base >= 1.0) {
        return wrong("rope base");
    }
    match &config.rope_factors {
        Some(factors) if factors.len() != config.head_width / 2 => wrong("rope factors"),
        _ => Ok(()),
    }
}

/// Takes tensors by name and remembers which, so that one too many is seen.
struct Binder<'a> {
    config: &'a Config,
    tensors: &'a BTreeMap<String, Tensor>,
    taken: BTreeSet<&'a str>,
    packed_bytes: usize,
}

/// What a matrix is for.
#[derive(Clone, Copy)]
struct Use {
    bias: bool,
    /// It meets activations, so it is repacked.
    product: bool,
}

impl Use {
    const PRODUCT: Self = Self { bias: false, product: true };
}

impl<'a> Binder<'a> {
    fn layer(&mut self, index: usize) -> Result<Layer> {
        let config = self.config;
        let (width, ffn) = (config.width, config.ffn_width);
        let size = |heads: usize| heads.checked_mul(config.head_width).ok_or(Malformed::Hyperparameters { key: "head count" });
        let (queries, keys) = (size(config.head_count)?, size(config.kv_head_count)?);
        let biased = Use { bias: config.architecture == Architecture::Qwen2, product: true };
        let name = |part: &str| format!("model.layers.{index}.{part}");
        Ok(Layer {
            attention_norm: self.vector(&name("input_layernorm.weight"), width)?,
            query: self.matrix(&name("self_attn.q_proj"), queries, width, biased)?,
            key: self.matrix(&name("self_attn.k_proj"), keys, width, biased)?,
            value: self.matrix(&name("self_attn.v_proj"), keys, width, biased)?,
            output: self.matrix(&name("self_attn.o_proj"), width, queries, Use::PRODUCT)?,
            ffn_norm: self.vector(&name("post_attention_layernorm.weight"), width)?,
            gate: self.matrix(&name("mlp.gate_proj"), ffn, width, Use::PRODUCT)?,
            up: self.matrix(&name("mlp.up_proj"), ffn, width, Use::PRODUCT)?,
            down: self.matrix(&name("mlp.down_proj"), width, ffn, Use::PRODUCT)?,
        })
    }

    fn take(&mut self, name: &str, shape: &[usize]) -> Result<&'a Tensor> {
        let (key, tensor) = self.tensors.get_key_value(name).ok_or_else(|| Malformed::TensorMissing { name: name.into() })?;
        if tensor.shape != shape {
            return Err(Malformed::TensorShape { name: name.into(), expected: shape.to_vec(), found: tensor.shape.clone() }.into());
        }
        self.taken.insert(key);
        Ok(tensor)
    }

    fn map(&self, tensor: &Tensor, rows: usize) -> Result<RowMap> {
        match tensor.row_order {
            RowOrder::Canonical => Ok(RowMap::Same),
            RowOrder::RotaryPairs { head_count } if head_count.checked_mul(self.config.head_width) == Some(rows) => Ok(RowMap::RotaryPairs { head_width: self.config.head_width }),
            RowOrder::RotaryPairs { .. } => Err(Malformed::Hyperparameters { key: "head count" }.into()),
        }
    }

    /// A vector of f32, in canonical order whatever the order and type in the file.
    fn vector(&mut self, name: &str, len: usize) -> Result<Vec<f32>> {
        let tensor = self.take(name, &[len])?;
        let map = self.map(tensor, len)?;
        let mut stored = vec![0.0; len];
        dequantise(tensor.element, tensor.bytes(), &mut stored);
        let mut out = vec![0.0; len];
        for (row, value) in stored.into_iter().enumerate() {
            out[map.output(row)] = value;
        }
        Ok(out)
    }

    /// A projection by its name without ".weight" and ".bias".
    fn matrix(&mut self, name: &str, rows: usize, columns: usize, intended: Use) -> Result<Projection> {
        let weight = format!("{name}.weight");
        let tensor = self.take(&weight, &[rows, columns])?.clone();
        let map = self.map(&tensor, rows)?;
        let bias = if intended.bias { Some(self.vector(&format!("{name}.bias"), rows)?) } else { None };
        let Some(matrix) = Matrix::new(tensor.bytes(), tensor.element, rows, columns, map) else {
            // The one way left: rows that end inside a weight block.
            return Err(Unsupported::ElementType { name: weight.into(), element: tensor.element.name().into() }.into());
        };
        let start = self.packed_bytes;
        if intended.product {
            let end = matrix.panel_bytes().and_then(|bytes| start.checked_add(bytes));
            self.packed_bytes = end.ok_or(Malformed::Hyperparameters { key: "width" })?;
        }
        Ok(Projection { tensor, rows, columns, map, panels: start..self.packed_bytes, bias })
    }

    /// Refuses tensors that nothing asked for.
    fn finish(self) -> Result<()> {
        match self.tensors.keys().find(|name| !self.taken.contains(name.as_str())) {
            Some(name) => Err(Unsupported::Tensor { name: name.as_str().into() }.into()),
            None => Ok(()),
        }
    }
}

impl Projection {
    /// The matrix in the bytes of the file.
    pub(super) fn matrix(&self) -> Matrix<'_> {
        let Some(matrix) = Matrix::new(self.tensor.bytes(), self.tensor.element, self.rows, self.columns, self.map) else {
            unreachable!("a bound matrix was checked, and its bytes cannot change their length");
        };
        matrix
    }

    /// Whether its activations must be quantised.
    pub(super) fn quantised(&self) -> bool {
        self.tensor.element.is_quantised()
    }

    /// Bytes of one row in the file.
    pub(super) fn row_bytes(&self) -> usize {
        self.tensor.bytes().len() / self.rows
    }
}
