//! Low-rank adapters (LoRA): what a fine-tuning adds to projections, for the sequences that ask for it (`spec/arithmetic.md`, "Adapters").
//!
//! ```text
//! u = A · x          by the rule of float weights, r outputs
//! d = B · u          by the same
//! y = y + scale · d  two roundings, after the bias
//! ```

use super::decoder::{Piece, Row};
use super::layer::{At, Means, panels_cost};
use super::watch::{Cost, Operation};
use crate::config::Config;
use crate::digest::{self, AdapterDigest};
use crate::error::{Malformed, Misuse, Result, Unsupported};
use crate::limits;
use crate::tensor::{RowOrder, Tensor};
use mickai_kernels::columns::{Columns, turn};
use mickai_kernels::crew::Serial;
use mickai_kernels::matmul::{Matrix, Panels, Product, RowMap, multiply, pack};
use mickai_kernels::memory::Room;
use mickai_kernels::residual;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// The projections of a layer, in the order of `Layer`.
pub(super) const QUERY: usize = 0;
pub(super) const KEY: usize = 1;
pub(super) const VALUE: usize = 2;
pub(super) const OUTPUT: usize = 3;
pub(super) const GATE: usize = 4;
pub(super) const UP: usize = 5;
pub(super) const DOWN: usize = 6;

/// Their canonical names.
const NAMES: [&str; 7] = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"];

/// An adapter for models of one shape. Its matrices are repacked when the first sequence with it begins.
pub struct Adapter {
    digest: AdapterDigest,
    scale: f32,
    rank: usize,
    layers: Vec<[Option<Delta>; 7]>,
    /// Room that all repacked matrices take.
    packed_bytes: usize,
    packed: OnceLock<Room<u8>>,
}

/// The two matrices of one projection.
struct Delta {
    down: Factor,
    up: Factor,
}

/// A matrix that was checked when it was bound.
struct Factor {
    tensor: Tensor,
    map: RowMap,
    panels: Range<usize>,
}

/// The tensors of one adapter, by the canonical name of the projection (`model.layers.0.self_attn.q_proj`): A, `[r, inputs]`, and B, `[outputs, r]`.
pub(crate) type Factors = BTreeMap<String, (Tensor, Tensor)>;

impl Adapter {
    /// Checks that every tensor belongs to a projection of the model and has its shape.
    ///
    /// Errors: a wrong shape, a layer or projection that the model lacks, a rank beyond [`limits::ADAPTER_RANK_MAX`], an element type that is not a float, a scale that is not a positive number.
    pub(crate) fn bind(config: &Config, scale: f32, rank: usize, factors: &Factors) -> Result<Self> {
        if !(scale.is_finite() && scale > 0.0) {
            return Err(Malformed::Hyperparameters { key: "adapter scale" }.into());
        }
        if rank == 0 || rank as u64 > limits::ADAPTER_RANK_MAX {
            return Err(Malformed::Hyperparameters { key: "adapter rank" }.into());
        }
        if factors.is_empty() {
            return Err(Malformed::TensorMissing { name: "lora A".into() }.into());
        }
        let mut layers: Vec<[Option<Delta>; 7]> = (0..config.layer_count).map(|_| Default::default()).collect();
        let mut packed_bytes = 0;
        for (name, (down, up)) in factors {
            let place = name.strip_prefix("model.layers.").and_then(|rest| rest.split_once('.'));
            // A layer written as `03` would name the same projection twice.
            let number = |layer: &str| layer.parse::<usize>().ok().filter(|number| number.to_string() == layer);
            let place = place.and_then(|(layer, part)| Some((number(layer)?, NAMES.iter().position(|name| *name == part)?)));
            let (layer, part) = place.ok_or_else(|| Unsupported::Tensor { name: down.name.as_str().into() })?;
            let slot = layers.get_mut(layer).and_then(|layer| layer.get_mut(part));
            let slot = slot.ok_or_else(|| Misuse::AdapterLayer { name: down.name.as_str().into(), layer_count: config.layer_count })?;
            let (inputs, outputs) = sizes(config, part);
            let down = factor(config, down, [rank, inputs], &mut packed_bytes)?;
            let up = factor(config, up, [outputs, rank], &mut packed_bytes)?;
            *slot = Some(Delta { down, up });
        }
        Ok(Self { digest: digest::adapter(scale, rank, factors), scale, rank, layers, packed_bytes, packed: OnceLock::new() })
    }

    /// Repacks all matrices, unless that was done before.
    pub fn prepare(&self) {
        self.packed.get_or_init(|| {
            let mut room = Room::new(self.packed_bytes);
            for factor in self.factors() {
                pack(&Serial, &factor.matrix(), &mut room[factor.panels.clone()]);
            }
            room
        });
    }

    /// Names it by its content.
    pub fn digest(&self) -> AdapterDigest {
        self.digest
    }

    /// Bytes of the repacked matrices.
    pub fn packed_bytes(&self) -> usize {
        self.packed_bytes
    }

    /// Numbers between its two matrices.
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// What its products are multiplied by.
    pub fn scale(&self) -> f32 {
        self.scale
    }

    /// The projections that it changes, by their canonical names, each with the number of layers where it does.
    pub fn projections(&self) -> impl Iterator<Item = (&'static str, usize)> {
        let count = |part: usize| self.layers.iter().filter(|layer| layer.get(part).is_some_and(Option::is_some)).count();
        NAMES.into_iter().enumerate().map(move |(part, name)| (name, count(part))).filter(|(_, count)| *count > 0)
    }

    /// Numbers in all its matrices.
    pub fn parameter_count(&self) -> u64 {
        self.factors().map(|factor| factor.tensor.shape.iter().map(|&d| d as u64).product::<u64>()).sum()
    }

    fn factors(&self) -> impl Iterator<Item = &Factor> {
        self.layers.iter().flatten().flatten().flat_map(|delta| [&delta.down, &delta.up])
    }

    /// Whether it was made for models of this shape.
    pub(super) fn fits(&self, config: &Config) -> bool {
        let right = |part: usize, delta: &Delta| (delta.down.tensor.shape[1], delta.up.tensor.shape[0]) == sizes(config, part);
        self.layers.len() == config.layer_count
            && self.layers.iter().all(|layer| layer.iter().enumerate().all(|(part, delta)| delta.as_ref().is_none_or(|delta| right(part, delta))))
    }

    fn panels(&self, factor: &Factor) -> Panels<'_> {
        let Some(room) = self.packed.get() else { unreachable!("a sequence prepares its adapter before anything else") };
        Panels::new(&factor.matrix(), &room[factor.panels.clone()])
    }
}

impl Factor {
    fn matrix(&self) -> Matrix<'_> {
        let [rows, columns] = self.tensor.shape[..] else { unreachable!("its shape was checked when it was bound") };
        let Some(matrix) = Matrix::new(self.tensor.bytes(), self.tensor.element, rows, columns, self.map) else { unreachable!("it was made once before") };
        matrix
    }
}

/// Inputs and outputs of a projection.
fn sizes(config: &Config, part: usize) -> (usize, usize) {
    let (queries, keys) = (config.head_count * config.head_width, config.kv_head_count * config.head_width);
    match part {
        QUERY => (config.width, queries),
        KEY | VALUE => (config.width, keys),
        OUTPUT => (queries, config.width),
        GATE | UP => (config.width, config.ffn_width),
        _ => (config.ffn_width, config.width),
    }
}

fn factor(config: &Config, tensor: &Tensor, shape: [usize; 2], packed_bytes: &mut usize) -> Result<Factor> {
    if tensor.shape != shape {
        return Err(Malformed::TensorShape { name: tensor.name.as_str().into(), expected: shape.to_vec(), found: tensor.shape.clone() }.into());
    }
    let refused = || Unsupported::ElementType { name: tensor.name.as_str().into(), element: tensor.element.name().into() };
    let map = match tensor.row_order {
        RowOrder::Canonical => RowMap::Same,
        RowOrder::RotaryPairs { .. } => RowMap::RotaryPairs { head_width: config.head_width },
    };
    let matrix = Matrix::new(tensor.bytes(), tensor.element, shape[0], shape[1], map).filter(|_| !tensor.element.is_quantised()).ok_or_else(refused)?;
    let start = *packed_bytes;
    let end = matrix.panel_bytes().and_then(|bytes| start.checked_add(bytes));
    *packed_bytes = end.ok_or(Malformed::Hyperparameters { key: "width" })?;
    Ok(Factor { tensor: tensor.clone(), map, panels: start..*packed_bytes })
}

/// Room for what passes through the narrow middle of adapters; grows with the first use.
#[derive(Default)]
pub(super) struct AdapterScratch {
    turned: Vec<f32>,
    narrow: Vec<f32>,
    delta: Vec<f32>,
}

impl AdapterScratch {
    pub(super) fn byte_count(&self) -> usize {
        [&self.turned, &self.narrow, &self.delta].iter().map(|buffer| size_of_val(buffer.as_slice())).sum()
    }
}

/// Adds to `out`, the products of one projection, what the adapters of the rows' sequences add. `inputs` are the activations, `[row][…]`.
pub(super) fn adapt(means: Means<'_>, (layer, part): (usize, usize), pieces: &[Piece<'_>], rows: &[Row], s: &mut AdapterScratch, inputs: &[f32], out: &mut [f32]) {
    if pieces.iter().all(|piece| piece.sequence.adapter().is_none()) {
        return;
    }
    let (input_width, output_width) = (inputs.len() / rows.len(), out.len() / rows.len());
    let adapter_of = |row: &Row| pieces[row.piece].sequence.adapter();
    let mut start = 0;
    for run in rows.chunk_by(|a, b| adapter_of(a).map(Arc::as_ptr) == adapter_of(b).map(Arc::as_ptr)) {
        let range = start..start + run.len();
        start = range.end;
        let Some(adapter) = adapter_of(&run[0]) else { continue };
        let Some(delta) = &adapter.layers[layer][part] else { continue };
        let inputs = &inputs[range.start * input_width..range.end * input_width];
        let (down, up) = (adapter.panels(&delta.down), adapter.panels(&delta.up));
        let values = Cost::values(inputs.len() + 2 * run.len() * (adapter.rank + output_width));
        let cost = panels_cost(&down, run.len()).plus(panels_cost(&up, run.len())).plus(values);
        means.step(At { operation: Operation::Adapt, layer: Some(layer), rows: run.len() }, cost, || {
            s.narrow.resize(run.len() * adapter.rank, 0.0);
            product(means, down, inputs, run.len(), &mut s.turned, &mut s.narrow);
            s.delta.resize(run.len() * output_width, 0.0);
            product(means, up, &s.narrow, run.len(), &mut s.turned, &mut s.delta);
            residual::add_scaled(means.crew, &mut out[range.start * output_width..range.end * output_width], &s.delta, adapter.scale, output_width);
        });
    }
}

/// A product of float weights with as many columns.
fn product(means: Means<'_>, weights: Panels<'_>, inputs: &[f32], count: usize, turned: &mut Vec<f32>, out: &mut [f32]) {
    let mut columns = Columns { values: inputs, blocks: &[], count };
    if count > 1 {
        turned.resize(inputs.len(), 0.0);
        turn(means.crew, inputs, inputs.len() / count, turned);
        columns.values = turned;
    }
    multiply(means.isa, means.crew, &columns, [Product { weights, bias: None, out }]);
}
