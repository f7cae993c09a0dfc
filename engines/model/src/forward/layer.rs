//! One layer over a batch of tokens, in the order of operations that `spec/arithmetic.md` fixes ("A layer").

use super::cache::Cache;
use super::weights::{Layer, Projection};
use crate::config::Config;
use mickai_kernels::activation::silu_gate;
use mickai_kernels::attention::attend;
use mickai_kernels::crew::{Crew, each_row};
use mickai_kernels::isa::Isa;
use mickai_kernels::matmul::{Columns, matmul};
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
    /// Quantised activations of whichever projection comes next.
    blocks: Vec<Block>,
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
            angles: room(config.head_width),
        }
    }

    /// Prepares the rotations of `count` positions from `position`.
    pub(super) fn turn_to(&mut self, position: usize, count: usize, frequencies: &[f32]) {
        for (token, angle) in self.angles.chunks_exact_mut(2 * frequencies.len()).take(count).enumerate() {
            angles(position + token, frequencies, angle);
        }
    }

    /// Bytes of all buffers.
    pub(super) fn byte_count(&self) -> usize {
        let floats = [&self.stream, &self.normed, &self.queries, &self.keys, &self.values, &self.mixed, &self.projected, &self.gate, &self.up, &self.angles];
        floats.iter().map(|buffer| size_of_val(buffer.as_slice())).sum::<usize>() + size_of_val(self.blocks.as_slice())
    }
}

/// Takes the stream of `count` tokens, the first at `position`, through one layer.
pub(super) fn forward(means: Means<'_>, config: &Config, (index, layer): (usize, &Layer), cache: &mut Cache, scratch: &mut Scratch, position: usize, count: usize) {
    let (width, head_width, ffn) = (config.width, config.head_width, config.ffn_width);
    let (queries, kv) = (config.head_count * head_width, config.kv_head_count * head_width);
    let Means { isa, crew } = means;
    let s = scratch;
    let stream = &mut s.stream[..count * width];

    rms_norm(isa, crew, stream, &layer.attention_norm, config.norm_eps, &mut s.normed[..count * width]);
    let normed = prepare(means, &s.normed[..count * width], &mut s.blocks, &[&layer.query, &layer.key, &layer.value], count);
    project(means, &layer.query, &normed, &mut s.queries[..count * queries]);
    project(means, &layer.key, &normed, &mut s.keys[..count * kv]);
    project(means, &layer.value, &normed, &mut s.values[..count * kv]);

    let turns = |row: usize, heads: usize| &s.angles[row / heads * head_width..][..head_width];
    each_row(crew, &mut s.queries[..count * queries], head_width, |row, head| rotate(isa, head, turns(row, config.head_count)));
    each_row(crew, &mut s.keys[..count * kv], head_width, |row, head| rotate(isa, head, turns(row, config.kv_head_count)));
    for token in 0..count {
        cache.put(index, position + token, &s.keys[token * kv..][..kv], &s.values[token * kv..][..kv]);
    }
    let group = config.head_count / config.kv_head_count;
    let (cache, all_queries) = (&*cache, &s.queries);
    each_row(crew, &mut s.mixed[..count * queries], head_width, |row, out| {
        let (token, head) = (row / config.head_count, row % config.head_count);
        let seen = cache.head(index, head / group, position + token + 1);
        attend(isa, &all_queries[row * head_width..][..head_width], seen.chunk_count(), &seen, out);
    });
    let mixed = prepare(means, &s.mixed[..count * queries], &mut s.blocks, &[&layer.output], count);
    project(means, &layer.output, &mixed, &mut s.projected[..count * width]);
    residual::add(crew, stream, &s.projected[..count * width], width);

    rms_norm(isa, crew, stream, &layer.ffn_norm, config.norm_eps, &mut s.normed[..count * width]);
    let normed = prepare(means, &s.normed[..count * width], &mut s.blocks, &[&layer.gate, &layer.up], count);
    project(means, &layer.gate, &normed, &mut s.gate[..count * ffn]);
    project(means, &layer.up, &normed, &mut s.up[..count * ffn]);
    silu_gate(isa, crew, &mut s.gate[..count * ffn], &s.up[..count * ffn], ffn);
    let gated = prepare(means, &s.gate[..count * ffn], &mut s.blocks, &[&layer.down], count);
    project(means, &layer.down, &gated, &mut s.projected[..count * width]);
    residual::add(crew, stream, &s.projected[..count * width], width);
}

/// The logits of token `token` of the batch, one per row of the vocabulary.
pub(super) fn logits(means: Means<'_>, config: &Config, norm: &[f32], head: &Projection, scratch: &mut Scratch, token: usize, out: &mut [f32]) {
    let width = config.width;
    let stream = &scratch.stream[token * width..][..width];
    rms_norm(means.isa, means.crew, stream, norm, config.norm_eps, &mut scratch.normed[..width]);
    let normed = prepare(means, &scratch.normed[..width], &mut scratch.blocks, &[head], 1);
    project(means, head, &normed, out);
}

/// Activations in the forms that the projections need: quantised once for all of them, or not at all.
fn prepare<'a>(means: Means<'_>, values: &'a [f32], blocks: &'a mut [Block], projections: &[&Projection], count: usize) -> Columns<'a> {
    if !projections.iter().any(|projection| projection.quantised()) {
        return Columns { values, blocks: &[], count };
    }
    let blocks = &mut blocks[..values.len() / BLOCK];
    quantise(means.isa, means.crew, values, values.len() / count, blocks);
    Columns { values, blocks, count }
}

fn project(means: Means<'_>, projection: &Projection, columns: &Columns<'_>, out: &mut [f32]) {
    matmul(means.isa, means.crew, &projection.matrix(), columns, projection.bias.as_deref(), out);
}
