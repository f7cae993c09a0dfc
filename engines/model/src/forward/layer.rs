//! One layer over a batch of tokens, in the order of operations that `spec/arithmetic.md` fixes ("A layer").

use super::adapter::{self, AdapterScratch, adapt};
use super::decoder::{Piece, Row};
use super::watch::{Cost, Operation, Step, Watch};
use super::weights::{Projection, Weights};
use crate::config::Config;
use mickai_kernels::activation::silu_gate;
use mickai_kernels::attention::{Chunk, Heads, KeyValues, Seen, attend};
use mickai_kernels::columns::{Columns, turn};
use mickai_kernels::crew::{Crew, each_row};
use mickai_kernels::isa::Isa;
use mickai_kernels::matmul::{Panels, Product, multiply};
use mickai_kernels::memory::Room;
use mickai_kernels::norm::rms_norm;
use mickai_kernels::quantise::{BLOCK, Block, quantise};
use mickai_kernels::residual;
use mickai_kernels::rope::{angles, rotate};

/// With which instructions, by whom, and who watches.
#[derive(Clone, Copy)]
pub(super) struct Means<'a> {
    pub(super) isa: Isa,
    pub(super) crew: &'a dyn Crew,
    pub(super) watch: Option<&'a dyn Watch>,
}

/// Which operation, of which layer, for how many tokens.
#[derive(Clone, Copy)]
pub(super) struct At {
    pub(super) operation: Operation,
    pub(super) layer: Option<usize>,
    pub(super) rows: usize,
}

impl Means<'_> {
    /// Does an operation. Where nobody watches, this is one branch beside it.
    #[inline]
    pub(super) fn step<T>(&self, at: At, cost: Cost, run: impl FnOnce() -> T) -> T {
        let Some(watch) = self.watch else { return run() };
        watch.begins();
        let out = run();
        watch.done(Step { operation: at.operation, layer: at.layer, rows: at.rows, cost });
        out
    }
}

/// Room for the intermediate values of a batch, allocated once: on cache lines, so that sixteen sums are put into one. Every buffer is `[token][…]`.
pub(super) struct Scratch {
    /// The residual stream.
    pub(super) stream: Room<f32>,
    normed: Room<f32>,
    queries: Room<f32>,
    keys: Room<f32>,
    values: Room<f32>,
    mixed: Room<f32>,
    projected: Room<f32>,
    gate: Room<f32>,
    up: Room<f32>,
    /// Activations of whichever projections come next, in tiles: quantised for weight blocks, or as they are.
    blocks: Vec<Block>,
    turned: Room<f32>,
    adapters: AdapterScratch,
    /// What each token sees of the cache.
    seen: Vec<Seen>,
    /// Cosines and sines of each token's position.
    angles: Room<f32>,
}

impl Scratch {
    pub(super) fn new(config: &Config, batch_tokens: usize) -> Self {
        let room = |width: usize| Room::new(batch_tokens * width);
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

    /// Bytes of the buffers that [`Scratch::new`] makes; the greatest number where they are more than that.
    pub(super) fn byte_count_of(config: &Config, batch_tokens: usize) -> u64 {
        let times = |a: usize, b: usize| (a as u64).saturating_mul(b as u64);
        let (width, ffn) = (config.width as u64, config.ffn_width as u64);
        let (queries, keys) = (times(config.head_count, config.head_width), times(config.kv_head_count, config.head_width));
        let widest = width.max(queries).max(ffn);
        // In the order of the buffers: three of the stream's width, two of the queries', two of the keys', two of the feed-forward layer's, one of the widest, and the angles.
        let counts = [width, width, width, queries, queries, keys, keys, ffn, ffn, widest, config.head_width as u64];
        let floats = counts.iter().fold(0u64, |sum, count| sum.saturating_add(*count)).saturating_mul(size_of::<f32>() as u64);
        let blocks = (widest / BLOCK as u64).saturating_mul(size_of::<Block>() as u64);
        floats.saturating_add(blocks).saturating_mul(batch_tokens as u64)
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
        floats.iter().map(|buffer| size_of_val(&buffer[..])).sum::<usize>() + size_of_val(self.blocks.as_slice()) + self.adapters.byte_count()
    }
}

/// Takes the streams of `rows`, tokens of `pieces`, through layer `index`.
pub(super) fn forward(means: Means<'_>, weights: &Weights, index: usize, pieces: &mut [Piece<'_>], s: &mut Scratch, rows: &[Row]) {
    let (config, layer, count) = (weights.config(), &weights.layers[index], rows.len());
    let (width, ffn) = (config.width, config.ffn_width);
    let (queries, kv) = (config.head_count * config.head_width, config.kv_head_count * config.head_width);
    let Means { isa, crew, .. } = means;
    let at = |operation| At { operation, layer: Some(index), rows: count };

    norm(means, at(Operation::AttentionNorm), config, &layer.attention_norm, &s.stream[..count * width], &mut s.normed[..count * width]);
    let normed = prepare(means, at(Operation::Prepare), &s.normed[..count * width], (&mut s.blocks, &mut s.turned), &[&layer.query, &layer.key, &layer.value]);
    let products = [
        product(weights, &layer.query, &mut s.queries[..count * queries]),
        product(weights, &layer.key, &mut s.keys[..count * kv]),
        product(weights, &layer.value, &mut s.values[..count * kv]),
    ];
    project(means, at(Operation::Project), &normed, products);
    adapt(means, (index, adapter::QUERY), pieces, rows, &mut s.adapters, &s.normed[..count * width], &mut s.queries[..count * queries]);
    adapt(means, (index, adapter::KEY), pieces, rows, &mut s.adapters, &s.normed[..count * width], &mut s.keys[..count * kv]);
    adapt(means, (index, adapter::VALUE), pieces, rows, &mut s.adapters, &s.normed[..count * width], &mut s.values[..count * kv]);
    mix(means, config, index, pieces, s, rows);
    let mixed = prepare(means, at(Operation::Prepare), &s.mixed[..count * queries], (&mut s.blocks, &mut s.turned), &[&layer.output]);
    project(means, at(Operation::Output), &mixed, [product(weights, &layer.output, &mut s.projected[..count * width])]);
    adapt(means, (index, adapter::OUTPUT), pieces, rows, &mut s.adapters, &s.mixed[..count * queries], &mut s.projected[..count * width]);
    add(means, at(Operation::Add), &mut s.stream[..count * width], &s.projected[..count * width], width);

    norm(means, at(Operation::FfnNorm), config, &layer.ffn_norm, &s.stream[..count * width], &mut s.normed[..count * width]);
    let normed = prepare(means, at(Operation::Prepare), &s.normed[..count * width], (&mut s.blocks, &mut s.turned), &[&layer.gate, &layer.up]);
    let products = [product(weights, &layer.gate, &mut s.gate[..count * ffn]), product(weights, &layer.up, &mut s.up[..count * ffn])];
    project(means, at(Operation::Widen), &normed, products);
    adapt(means, (index, adapter::GATE), pieces, rows, &mut s.adapters, &s.normed[..count * width], &mut s.gate[..count * ffn]);
    adapt(means, (index, adapter::UP), pieces, rows, &mut s.adapters, &s.normed[..count * width], &mut s.up[..count * ffn]);
    means.step(at(Operation::Gate), Cost::values(3 * count * ffn), || silu_gate(isa, crew, &mut s.gate[..count * ffn], &s.up[..count * ffn], ffn));
    let gated = prepare(means, at(Operation::Prepare), &s.gate[..count * ffn], (&mut s.blocks, &mut s.turned), &[&layer.down]);
    project(means, at(Operation::Down), &gated, [product(weights, &layer.down, &mut s.projected[..count * width])]);
    adapt(means, (index, adapter::DOWN), pieces, rows, &mut s.adapters, &s.gate[..count * ffn], &mut s.projected[..count * width]);
    add(means, at(Operation::Add), &mut s.stream[..count * width], &s.projected[..count * width], width);
}

/// Rotates queries and keys, keeps keys and values, and attends.
fn mix(means: Means<'_>, config: &Config, index: usize, pieces: &mut [Piece<'_>], s: &mut Scratch, rows: &[Row]) {
    let Means { isa, crew, .. } = means;
    let (width, count) = (config.head_width, rows.len());
    let (queries, kv) = (config.head_count * width, config.kv_head_count * width);
    let angles = &s.angles;
    let at = |operation| At { operation, layer: Some(index), rows: count };
    let turn_heads = |token: usize, heads: &mut [f32]| heads.chunks_exact_mut(width).for_each(|head| rotate(isa, head, &angles[token * width..][..width]));
    means.step(at(Operation::Rotate), Cost::values(2 * count * (queries + kv)), || {
        each_row(crew, &mut s.queries[..count * queries], queries, turn_heads);
        each_row(crew, &mut s.keys[..count * kv], kv, turn_heads);
    });
    means.step(at(Operation::Keep), Cost { cache_bytes: 8 * (count * kv) as u64, ..Cost::values(2 * count * kv) }, || {
        for ((row, keys), values) in rows.iter().zip(s.keys.chunks_exact(kv)).zip(s.values.chunks_exact(kv)) {
            pieces[row.piece].sequence.put(index, row.position, keys, values);
        }
    });
    let heads = Heads { count: config.head_count, kv_count: config.kv_head_count, width };
    let cost = means.watch.map_or(Cost::default(), |_| attention_cost(heads, &s.seen));
    let pages = LayerPages { pieces, layer: index };
    means.step(at(Operation::Attend), cost, || attend(isa, crew, heads, &s.queries[..count * queries], &s.seen, &pages, &mut s.mixed[..count * queries]));
}

/// Scores and mixing, over the keys and values that the tokens see.
fn attention_cost(heads: Heads, seen: &[Seen]) -> Cost {
    let all: usize = seen.iter().map(|seen| seen.count).sum();
    // Tokens of one sequence see the same positions, the last one all of them.
    let lasts = seen.iter().enumerate().filter(|(at, this)| seen.get(at + 1).is_none_or(|next| next.sequence != this.sequence));
    let distinct: usize = lasts.map(|(_, seen)| seen.count).sum();
    Cost {
        cache_bytes: 8 * (distinct * heads.kv_count * heads.width) as u64,
        float_products: 2 * (all * heads.count * heads.width) as u64,
        ..Cost::values(2 * seen.len() * heads.count * heads.width)
    }
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
    let at = |operation| At { operation, layer: None, rows: states.len() / weights.config().width };
    let states = prepare(means, at(Operation::Prepare), states, (&mut scratch.blocks, &mut scratch.turned), &[head]);
    project(means, at(Operation::Head), &states, [product(weights, head, out)]);
}

pub(super) fn norm(means: Means<'_>, at: At, config: &Config, weight: &[f32], x: &[f32], out: &mut [f32]) {
    means.step(at, Cost::values(x.len() + out.len() + weight.len()), || rms_norm(means.isa, means.crew, x, weight, config.norm_eps, out));
}

fn add(means: Means<'_>, at: At, stream: &mut [f32], projected: &[f32], width: usize) {
    means.step(at, Cost::values(3 * projected.len()), || residual::add(means.crew, stream, projected, width));
}

/// Products of the same columns.
fn project<const N: usize>(means: Means<'_>, at: At, columns: &Columns<'_>, products: [Product<'_>; N]) {
    let read = size_of_val(columns.values) + size_of_val(columns.blocks);
    let cost = products.iter().map(|product| product_cost(product, columns.count)).fold(Cost { activation_bytes: read as u64, ..Cost::default() }, Cost::plus);
    means.step(at, cost, || multiply(means.isa, means.crew, columns, products));
}

/// What one product adds to reading its columns.
fn product_cost(product: &Product<'_>, count: usize) -> Cost {
    panels_cost(&product.weights, count).plus(Cost::values(product.out.len() + product.bias.map_or(0, <[f32]>::len)))
}

/// Reading weights, and multiplying them with so many columns.
pub(super) fn panels_cost(weights: &Panels<'_>, count: usize) -> Cost {
    let products = (weights.rows() * weights.columns() * count) as u64;
    let (integer_products, float_products) = if weights.element().is_quantised() { (products, 0) } else { (0, products) };
    Cost { weight_bytes: weights.byte_count() as u64, integer_products, float_products, ..Cost::default() }
}

/// Activations in the forms that the projections need: each is made once for all of them, or not at all.
fn prepare<'a>(means: Means<'_>, at: At, values: &'a [f32], (blocks, turned): (&'a mut [Block], &'a mut [f32]), projections: &[&Projection]) -> Columns<'a> {
    let (count, width) = (at.rows, values.len() / at.rows);
    let needs_blocks = projections.iter().any(|projection| projection.quantised());
    let needs_values = projections.iter().any(|projection| !projection.quantised());
    let blocks = if needs_blocks { &mut blocks[..values.len() / BLOCK] } else { &mut [] };
    // One column is in tiles as it is.
    let turned = if needs_values && count > 1 { &mut turned[..values.len()] } else { &mut [] };
    let moved = size_of_val(values) + size_of_val(blocks) + size_of_val(turned);
    means.step(at, Cost { activation_bytes: moved as u64, ..Cost::default() }, || {
        if !blocks.is_empty() {
            quantise(means.isa, means.crew, values, width, blocks);
        }
        if !turned.is_empty() {
            turn(means.crew, values, width, turned);
        }
    });
    let values = if !turned.is_empty() {
        turned
    } else if needs_values {
        values
    } else {
        &[]
    };
    Columns { values, blocks, count }
}

fn product<'a>(weights: &'a Weights, projection: &'a Projection, out: &'a mut [f32]) -> Product<'a> {
    Product { weights: weights.panels(projection), bias: projection.bias.as_deref(), out }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Architecture;
    use crate::file::ranges::check_config;
    use crate::forward::page_bytes;
    use crate::{error, limits};

    /// Shapes of a published model: width, heads, heads of keys and values, width of a head, of the feed-forward layer.
    fn config([width, head_count, kv_head_count, head_width, ffn_width]: [usize; 5]) -> Config {
        Config {
            architecture: Architecture::Llama,
            vocab_count: 512,
            width,
            layer_count: 1,
            head_count,
            kv_head_count,
            head_width,
            ffn_width,
            context_tokens_max: 128,
            norm_eps: 1e-5,
            rope_base: 10_000.0,
            rope_factors: None,
            tied: true,
        }
    }

    #[test]
    fn the_bytes_are_those_of_the_buffers() {
        for shape in [[64, 4, 2, 16, 160], [256, 4, 4, 64, 96], [32, 4, 1, 16, 32]] {
            let config = config(shape);
            assert_eq!(Scratch::byte_count_of(&config, 7), Scratch::new(&config, 7).byte_count() as u64);
        }
    }

    #[test]
    fn no_model_asks_for_more_than_the_limit() {
        // Llama 3.1 405B.
        let large = config([16_384, 128, 8, 128, 53_248]);
        assert_eq!(check_config(&large), Ok(()));
        assert_eq!(Scratch::byte_count_of(&large, 256), 273_547_264);
        let crafted = config([2, 1, 1, 2, 1 << 24]);
        let said = check_config(&crafted).unwrap_err();
        let count = Scratch::byte_count_of(&crafted, 256);
        assert_eq!(said, error::Malformed::TooMany { what: error::Part::ScratchBytes, count, max: limits::SCRATCH_BYTES_MAX }.into());
        let endless = config([usize::MAX; 5]);
        assert_eq!((Scratch::byte_count_of(&endless, 256), page_bytes(&endless)), (u64::MAX, u64::MAX));
        assert_eq!(page_bytes(&Config { layer_count: 126, ..large }), 264_241_152);
        let deep = Config { layer_count: 4_096, ..config([2, 512, 512, 64, 2]) };
        let (what, count, max) = (error::Part::PageBytes, 4_096 * 512 * 64 * 2 * 256 * 4, limits::PAGE_BYTES_MAX);
        assert_eq!(check_config(&deep), Err(error::Malformed::TooMany { what, count, max }.into()));
    }
}
