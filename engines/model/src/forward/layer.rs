//! One layer over a batch of tokens, in the order of operations that `spec/arithmetic.md` fixes ("A layer").

use super::adapter::{self, AdapterScratch, adapt};
use super::decoder::{Piece, Row};
use super::weights::{Projection, Weights};
use crate::config::Config;
use mickai_kernels::activation::silu_gate;
use mickai_kernels::attention::{Chunk, Heads, KeyValues, Seen, attend};
use mickai_kernels::columns::{Columns, turn};
use mickai_kernels::crew::{Crew, each_row};
use mickai_kernels::isa::Isa;
use mickai_kernels::matmul::{Product, multiply};
use mickai_kernels::norm::rms_norm;
use mickai_kernels::quantise::{BLOCK, Block, quantise};
use mickai_kernels::residual;
use mickai_kernels::rope::{angles, rotate};

/// With which instructions, and by whom.
#[derive(Clone, Copy)]
pub(super) struct Means<'a> {
    pub(super) isa: Isa,
    pub(super) crew: &'a dyn Crew,
}

/// Room for the intermediate values of a batch, allocated once. Every buffer is `[token][…]`.
pub(super) struct Scratch {
    /// The residual stream.
    pub(super) stream: Vec<f32>,
    normed: Vec<f32>,
    queries: Vec<f32>,
    keys: Vec<f32>,
    values: Vec<f32>,
    mixed: Vec<f32>,
    projected: Vec<f32>,
    gate: Vec<f32>,
    up: Vec<f32>,
    /// Activations of whichever projections come next, in tiles: quantised for weight blocks, or as they are.
    blocks: Vec<Block>,
    turned: Vec<f32>,
    adapters: AdapterScratch,
    /// What each token sees of the cache.
    seen: Vec<Seen>,
    /// Cosines and sines of each token's position.
    angles: Vec<f32>,
}

impl Scratch {
    pub(super) fn new(config: &Config, batch_tokens: usize) -> Self {
        let room = |width: usize| vec![0.0; batch_tokens * width];
        let (queries, keys) = (config.head_count * config.head_width, config.kv_head_count * config.head_width);
        let widest = config.width.max(queries).max(config.ffn_width);
        Self {
            stream: room(config.width),
            normed: room(config.width),
            queries: room(queries),
            keys: room(keys),
            values: room(keys),
            mixed: room(queries),
            projected: room(config.width),
            gate: room(config.ffn_width),
            up: room(config.ffn_width),
            blocks: vec![Block::ZERO; batch_tokens * (widest / BLOCK)],
            turned: room(widest),
            adapters: AdapterScratch::default(),
            seen: Vec::with_capacity(batch_tokens),
            angles: room(config.head_width),
        }
    }

    /// Prepares the rotations and the sight of rows.
    pub(super) fn turn_to(&mut self, rows: &[Row], frequencies: &[f32]) {
        for (row, angle) in rows.iter().zip(self.angles.chunks_exact_mut(2 * frequencies.len())) {
            angles(row.position, frequencies, angle);
        }
        self.seen.clear();
        self.seen.extend(rows.iter().map(|row| Seen { sequence: row.piece, count: row.position + 1 }));
    }

    /// Bytes of all buffers.
    pub(super) fn byte_count(&self) -> usize {
        let floats = [&self.stream, &self.normed, &self.queries, &self.keys, &self.values, &self.mixed, &self.projected, &self.gate, &self.up, &self.turned, &self.angles];
        floats.iter().map(|buffer| size_of_val(buffer.as_slice())).sum::<usize>() + size_of_val(self.blocks.as_slice()) + self.adapters.byte_count()
    }
}

/// Takes the streams of `rows`, tokens of `pieces`, through layer `index`.
pub(super) fn forward(means: Means<'_>, weights: &Weights, index: usize, pieces: &mut [Piece<'_>], s: &mut Scratch, rows: &[Row]) {
    let (config, layer, count) = (weights.config(), &weights.layers[index], rows.len());
    let (width, ffn) = (config.width, config.ffn_width);
    let (queries, kv) = (config.head_count * config.head_width, config.kv_head_count * config.head_width);
    let Means { isa, crew } = means;

    rms_norm(isa, crew, &s.stream[..count * width], &layer.attention_norm, config.norm_eps, &mut s.normed[..count * width]);
    let normed = prepare(means, &s.normed[..count * width], (&mut s.blocks, &mut s.turned), &[&layer.query, &layer.key, &layer.value], count);
    let products = [
        product(weights, &layer.query, &mut s.queries[..count * queries]),
        product(weights, &layer.key, &mut s.keys[..count * kv]),
        product(weights, &layer.value, &mut s.values[..count * kv]),
    ];
    multiply(isa, crew, &normed, products);
    adapt(means, (index, adapter::QUERY), pieces, rows, &mut s.adapters, &s.normed[..count * width], &mut s.queries[..count * queries]);
    adapt(means, (index, adapter::KEY), pieces, rows, &mut s.adapters, &s.normed[..count * width], &mut s.keys[..count * kv]);
    adapt(means, (index, adapter::VALUE), pieces, rows, &mut s.adapters, &s.normed[..count * width], &mut s.values[..count * kv]);
    mix(means, config, index, pieces, s, rows);
    let mixed = prepare(means, &s.mixed[..count * queries], (&mut s.blocks, &mut s.turned), &[&layer.output], count);
    multiply(isa, crew, &mixed, [product(weights, &layer.output, &mut s.projected[..count * width])]);
    adapt(means, (index, adapter::OUTPUT), pieces, rows, &mut s.adapters, &s.mixed[..count * queries], &mut s.projected[..count * width]);
    residual::add(crew, &mut s.stream[..count * width], &s.projected[..count * width], width);

    rms_norm(isa, crew, &s.stream[..count * width], &layer.ffn_norm, config.norm_eps, &mut s.normed[..count * width]);
    let normed = prepare(means, &s.normed[..count * width], (&mut s.blocks, &mut s.turned), &[&layer.gate, &layer.up], count);
    let products = [product(weights, &layer.gate, &mut s.gate[..count * ffn]), product(weights, &layer.up, &mut s.up[..count * ffn])];
    multiply(isa, crew, &normed, products);
    adapt(means, (index, adapter::GATE), pieces, rows, &mut s.adapters, &s.normed[..count * width], &mut s.gate[..count * ffn]);
    adapt(means, (index, adapter::UP), pieces, rows, &mut s.adapters, &s.normed[..count * width], &mut s.up[..count * ffn]);
    silu_gate(isa, crew, &mut s.gate[..count * ffn], &s.up[..count * ffn], ffn);
    let gated = prepare(means, &s.gate[..count * ffn], (&mut s.blocks, &mut s.turned), &[&layer.down], count);
    multiply(isa, crew, &gated, [product(weights, &layer.down, &mut s.projected[..count * width])]);
    adapt(means, (index, adapter::DOWN), pieces, rows, &mut s.adapters, &s.gate[..count * ffn], &mut s.projected[..count * width]);
    residual::add(crew, &mut s.stream[..count * width], &s.projected[..count * width], width);
}

/// Rotates queries and keys, keeps keys and values, and attends.
fn mix(means: Means<'_>, config: &Config, index: usize, pieces: &mut [Piece<'_>], s: &mut Scratch, rows: &[Row]) {
    let Means { isa, crew } = means;
    let (width, count) = (config.head_width, rows.len());
    let (queries, kv) = (config.head_count * width, config.kv_head_count * width);
    let angles = &s.angles;
    let turn_heads = |token: usize, heads: &mut [f32]| heads.chunks_exact_mut(width).for_each(|head| rotate(isa, head, &angles[token * width..][..width]));
    each_row(crew, &mut s.queries[..count * queries], queries, turn_heads);
    each_row(crew, &mut s.keys[..count * kv], kv, turn_heads);
    for ((row, keys), values) in rows.iter().zip(s.keys.chunks_exact(kv)).zip(s.values.chunks_exact(kv)) {
        pieces[row.piece].sequence.put(index, row.position, keys, values);
    }
    let heads = Heads { count: config.head_count, kv_count: config.kv_head_count, width };
    attend(isa, crew, heads, &s.queries[..count * queries], &s.seen, &LayerPages { pieces, layer: index }, &mut s.mixed[..count * queries]);
}

/// The keys and values of one layer, a sequence being that of a piece.
struct LayerPages<'a> {
    pieces: &'a [Piece<'a>],
    layer: usize,
}

impl KeyValues for LayerPages<'_> {
    fn chunk(&self, sequence: usize, kv_head: usize, index: usize) -> Chunk<'_> {
        self.pieces[sequence].sequence.chunk(self.layer, kv_head, index)
    }
}

/// The logits of final states, one per row of the vocabulary each.
pub(super) fn logits(means: Means<'_>, weights: &Weights, scratch: &mut Scratch, states: &[f32], out: &mut [f32]) {
    let head = weights.head.as_ref().unwrap_or(&weights.embedding);
    let states = prepare(means, states, (&mut scratch.blocks, &mut scratch.turned), &[head], states.len() / weights.config().width);
    multiply(means.isa, means.crew, &states, [product(weights, head, out)]);
}

/// Activations in the forms that the projections need: each is made once for all of them, or not at all.
fn prepare<'a>(means: Means<'_>, values: &'a [f32], (blocks, turned): (&'a mut [Block], &'a mut [f32]), projections: &[&Projection], count: usize) -> Columns<'a> {
    let mut columns = Columns { values: &[], blocks: &[], count };
    let width = values.len() / count;
    if projections.iter().any(|projection| projection.quantised()) {
        let blocks = &mut blocks[..values.len() / BLOCK];
        quantise(means.isa, means.crew, values, width, blocks);
        columns.blocks = blocks;
    }
    if projections.iter().any(|projection| !projection.quantised()) {
        columns.values = values;
        if count > 1 {
            let turned = &mut turned[..values.len()];
            turn(means.crew, values, width, turned);
            columns.values = turned;
        }
    }
    columns
}

fn product<'a>(weights: &'a Weights, projection: &'a Projection, out: &'a mut [f32]) -> Product<'a> {
    Product { weights: weights.panels(projection), bias: projection.bias.as_deref(), out }
}
