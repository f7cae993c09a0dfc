//! Query heads against the keys and values before them, in chunks of 256 positions that are merged in order (`spec/arithmetic.md`, "Attention").
//!
//! ```text
//! s_t = (Σ_d q_d · k_t[d]  by fma in order of d, from +0.0) · (1 / sqrt(w))
//! per chunk:  m = max s_t;  e_t = exp(s_t − m);  l = Σ e_t in 16 lanes t mod 16, then the tree of the norm;  o = Σ_t e_t · v_t by fma, in order of t
//! merge:      M' = max(M, m);  A = exp(M − M');  B = exp(m − M');  L' = fma(l, B, L · A);  O' = fma(o, B, O · A)     the first chunk is taken as it is
//! result:     O · (1 / L)
//! ```
//! Keys lie in panels of 16 positions, `[panel][d][16]`, so that lanes run over positions and a score is one chain; values lie `[position][d]`.
#![allow(clippy::needless_range_loop, reason = "loops over a few registers: an index unrolls, where an iterator might leave a closure that is not compiled for the path")]

use crate::crew::{Crew, Shared, run_parts};
use crate::exponential::exp;
use crate::isa::{Isa, LANES, Lanes, on_isa};
use crate::norm::tree;
use crate::rope::HEAD_WIDTH_MAX;
use std::ops::Range;

/// Positions of one chunk: part of the contract, since every chunk has its own maximum.
pub const CHUNK: usize = 256;

/// Positions of one panel of keys.
pub const PANEL: usize = LANES;

/// Queries that go through a chunk together, so that its keys and values are read once for all of them.
const QUERIES: usize = 4;
/// Tokens of one part: with the heads of a group, enough queries to be worth it and few enough for every hand to have some.
const PART_TOKENS: usize = 4;

/// [`CHUNK`] consecutive positions of one key-value head of width w. What lies beyond the positions in use is read but has no effect.
#[derive(Clone, Copy)]
pub struct Chunk<'a> {
    /// Panels of keys, `CHUNK · w` values.
    pub keys: &'a [f32],
    /// Values, `CHUNK · w`.
    pub values: &'a [f32],
}

/// Keys and values, wherever they lie.
pub trait KeyValues: Sync {
    /// The chunk of positions from `index · CHUNK` of a key-value head in a sequence.
    fn chunk(&self, sequence: usize, kv_head: usize, index: usize) -> Chunk<'_>;
}

/// What one token sees: the first `count` positions, at least 1, of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// As [`KeyValues::chunk`] understands it.
    pub sequence: usize,
    /// Positions.
    pub count: usize,
}

/// The shape of one attention.
#[derive(Clone, Copy, Debug)]
pub struct Heads {
    /// Query heads.
    pub count: usize,
    /// Key-value heads; divides `count`.
    pub kv_count: usize,
    /// w, even.
    pub width: usize,
}

/// Index in a chunk's keys of dimension 0 of a position; dimension d lies `d · PANEL` further.
pub const fn key_index(position: usize, head_width: usize) -> usize {
    position / PANEL * PANEL * head_width + position % PANEL
}

/// For each row, a token: every head of its `queries` attends to the positions that the token sees. Queries and outputs are `[row][head][w]`; rows of one sequence are best
/// beside each other. Panics if a length is not what the shapes say.
pub fn attend(isa: Isa, crew: &dyn Crew, heads: Heads, queries: &[f32], seen: &[Seen], key_values: &dyn KeyValues, out: &mut [f32]) {
    let (group, row_width) = (heads.count / heads.kv_count, heads.count * heads.width);
    assert!(heads.width.is_multiple_of(2) && heads.width <= HEAD_WIDTH_MAX && heads.count.is_multiple_of(heads.kv_count), "heads {heads:?}");
    assert!(queries.len() == seen.len() * row_width && out.len() == queries.len() && seen.iter().all(|seen| seen.count > 0), "rows of queries");
    let work = Work { heads, queries, seen, key_values, out: Shared::new(out) };
    let row_parts = seen.len().div_ceil(PART_TOKENS);
    run_parts(crew, row_parts * heads.kv_count, &|part| {
        let (kv_head, first) = (part % heads.kv_count, part / heads.kv_count * PART_TOKENS);
        let rows = first..seen.len().min(first + PART_TOKENS);
        attend_part(isa, &work, kv_head * group..(kv_head + 1) * group, rows);
    });
}

struct Work<'a> {
    heads: Heads,
    queries: &'a [f32],
    seen: &'a [Seen],
    key_values: &'a dyn KeyValues,
    out: Shared<'a, f32>,
}

impl Work<'_> {
    /// Where a query and its answer begin.
    #[inline(always)]
    fn place(&self, query: &Query) -> usize {
        (query.row * self.heads.count + query.head) * self.heads.width
    }
}

/// One query: its token's row and its head.
#[derive(Clone, Copy, Default)]
struct Query {
    row: usize,
    head: usize,
}

on_isa!(fn attend_part(work: &Work<'_>, heads: Range<usize>, rows: Range<usize>) = part_on);

/// The queries of some rows and of the heads that share a key-value head, up to four of one sequence at a time.
#[inline(always)]
fn part_on<S: Lanes>(lanes: S, work: &Work<'_>, heads: Range<usize>, rows: Range<usize>) {
    let (mut queries, mut count) = ([Query::default(); QUERIES], 0);
    for row in rows {
        if count > 0 && work.seen[queries[0].row].sequence != work.seen[row].sequence {
            few(lanes, work, &queries[..count]);
            count = 0;
        }
        for head in heads.start..heads.end {
            queries[count] = Query { row, head };
            count += 1;
            if count == QUERIES {
                tile(lanes, work, &queries);
                count = 0;
            }
        }
    }
    few(lanes, work, &queries[..count]);
}

/// Fewer queries than a tile takes.
#[inline(always)]
fn few<S: Lanes>(lanes: S, work: &Work<'_>, queries: &[Query]) {
    let (pairs, rest) = queries.as_chunks::<2>();
    for pair in pairs {
        tile(lanes, work, pair);
    }
    for query in rest {
        tile(lanes, work, &[*query]);
    }
}

/// `Q` queries through all chunks that the longest of them sees.
#[inline(always)]
fn tile<S: Lanes, const Q: usize>(lanes: S, work: &Work<'_>, queries: &[Query; Q]) {
    let (width, kv_head) = (work.heads.width, queries[0].head / (work.heads.count / work.heads.kv_count));
    let sequence = work.seen[queries[0].row].sequence;
    let (mut vectors, mut longest): ([&[f32]; Q], usize) = ([&[]; Q], 0);
    for q in 0..Q {
        vectors[q] = &work.queries[work.place(&queries[q])..][..width];
        longest = longest.max(work.seen[queries[q].row].count);
    }
    let mut scores = [[0f32; CHUNK]; Q];
    let mut partial = [[0f32; HEAD_WIDTH_MAX]; Q];
    let mut merged = [[0f32; HEAD_WIDTH_MAX]; Q];
    let mut state = [(0f32, 0f32); Q];
    for index in 0..longest.div_ceil(CHUNK) {
        let chunk = work.key_values.chunk(sequence, kv_head, index);
        assert!(chunk.keys.len() == CHUNK * width && chunk.values.len() == CHUNK * width, "shape of a chunk");
        let mut counts = [0; Q];
        for q in 0..Q {
            counts[q] = work.seen[queries[q].row].count.saturating_sub(index * CHUNK).min(CHUNK);
        }
        score(lanes, &vectors, &chunk, counts.iter().fold(0, |a, &b| a.max(b)), &mut scores);
        let mut weighed = [(0f32, 0f32); Q];
        for q in 0..Q {
            if counts[q] > 0 {
                weighed[q] = weigh(lanes, &mut scores[q][..counts[q]]);
            }
        }
        mix(lanes, &scores, &counts, chunk.values, width, &mut partial);
        for q in 0..Q {
            if counts[q] > 0 {
                merge(lanes, index, &mut state[q], weighed[q], &mut merged[q][..width], &partial[q][..width]);
            }
        }
    }
    for q in 0..Q {
        // SAFETY: parts hold disjoint rows and heads, and a part's queries differ.
        #[allow(unsafe_code)]
        let out = unsafe { work.out.slice(work.place(&queries[q]), width) };
        let inverse = 1.0 / state[q].1;
        out.iter_mut().zip(&merged[q]).for_each(|(out, &o)| *out = o * inverse);
    }
}

/// Takes a chunk's result into what the chunks before gave.
#[inline(always)]
fn merge<S: Lanes>(lanes: S, index: usize, (largest, total): &mut (f32, f32), (m, l): (f32, f32), out: &mut [f32], partial: &[f32]) {
    if index == 0 {
        (*largest, *total) = (m, l);
        return out.copy_from_slice(partial);
    }
    let top = if m > *largest { m } else { *largest };
    let (a, b) = (exp(lanes, *largest - top), exp(lanes, m - top));
    *total = lanes.fused(l, b, *total * a);
    for (out, &partial) in out.iter_mut().zip(partial) {
        *out = lanes.fused(partial, b, *out * a);
    }
    *largest = top;
}

/// Scores of whole panels, several at a time where there are as many.
#[inline(always)]
fn score<S: Lanes, const Q: usize>(lanes: S, queries: &[&[f32]; Q], chunk: &Chunk<'_>, count: usize, scores: &mut [[f32; CHUNK]; Q]) {
    let panels = count.div_ceil(PANEL);
    let mut panel = 0;
    while panel < panels {
        let left = panels - panel;
        panel += match left {
            4.. if Q == 1 => score_panels::<S, Q, 4>(lanes, queries, chunk.keys, panel, scores),
            2.. if S::WIDE => score_panels::<S, Q, 2>(lanes, queries, chunk.keys, panel, scores),
            _ => score_panels::<S, Q, 1>(lanes, queries, chunk.keys, panel, scores),
        };
    }
}

/// Scores of `P` panels from `panel`; returns `P`.
#[inline(always)]
fn score_panels<S: Lanes, const Q: usize, const P: usize>(lanes: S, queries: &[&[f32]; Q], keys: &[f32], panel: usize, scores: &mut [[f32; CHUNK]; Q]) -> usize {
    let width = queries[0].len();
    let mut panels: [&[[f32; PANEL]]; P] = [&[]; P];
    for p in 0..P {
        panels[p] = &keys[(panel + p) * PANEL * width..].as_chunks().0[..width];
    }
    let mut sums = [[lanes.splat(0.0); Q]; P];
    for d in 0..width {
        for p in 0..P {
            let key = lanes.load(&panels[p][d]);
            for q in 0..Q {
                sums[p][q] = lanes.fma(lanes.splat(queries[q][d]), key, sums[p][q]);
            }
        }
    }
    let scale = lanes.splat(1.0 / (width as f32).sqrt());
    for p in 0..P {
        for q in 0..Q {
            lanes.store(lanes.mul(sums[p][q], scale), &mut scores[q].as_chunks_mut().0[panel + p]);
        }
    }
    P
}

/// Turns scores into weights; returns their maximum and the sum of the weights.
#[inline(always)]
fn weigh<S: Lanes>(lanes: S, scores: &mut [f32]) -> (f32, f32) {
    let mut largest = [f32::NEG_INFINITY; LANES];
    let (whole, rest) = scores.as_chunks::<LANES>();
    for scores in whole {
        for l in 0..LANES {
            largest[l] = if scores[l] > largest[l] { scores[l] } else { largest[l] };
        }
    }
    for (largest, &score) in largest.iter_mut().zip(rest) {
        *largest = if score > *largest { score } else { *largest };
    }
    let largest = largest.into_iter().fold(f32::NEG_INFINITY, |a, b| if b > a { b } else { a });
    let mut sums = [0f32; LANES];
    let (whole, rest) = scores.as_chunks_mut::<LANES>();
    for scores in whole {
        for l in 0..LANES {
            scores[l] = exp(lanes, scores[l] - largest);
            sums[l] += scores[l];
        }
    }
    for (sum, score) in sums.iter_mut().zip(rest) {
        *score = exp(lanes, *score - largest);
        *sum += *score;
    }
    (largest, tree(sums))
}

/// `out[q][d] = Σ_t weights[q][t] · values[t][d]` over the first `counts[q]` positions, lanes over d.
#[inline(always)]
fn mix<S: Lanes, const Q: usize>(lanes: S, weights: &[[f32; CHUNK]; Q], counts: &[usize; Q], values: &[f32], width: usize, out: &mut [[f32; HEAD_WIDTH_MAX]; Q]) {
    let mut from = 0;
    while from < width {
        from += match width - from {
            64.. if S::WIDE => mix_lanes::<S, Q, 4>(lanes, weights, counts, values, width, from, out),
            16.. => mix_lanes::<S, Q, 1>(lanes, weights, counts, values, width, from, out),
            _ => mix_one(lanes, weights, counts, values, width, from, out),
        };
    }
}

/// `16 · N` dimensions from `from`; returns how many.
#[inline(always)]
fn mix_lanes<S: Lanes, const Q: usize, const N: usize>(
    lanes: S,
    weights: &[[f32; CHUNK]; Q],
    counts: &[usize; Q],
    values: &[f32],
    width: usize,
    from: usize,
    out: &mut [[f32; HEAD_WIDTH_MAX]; Q],
) -> usize {
    let mut sums = [[lanes.splat(0.0); N]; Q];
    let common = counts.iter().fold(CHUNK, |a, &b| a.min(b));
    for (t, values) in values.chunks_exact(width).enumerate().take(common) {
        let values = &values[from..][..N * LANES].as_chunks::<LANES>().0[..N];
        for n in 0..N {
            let value = lanes.load(&values[n]);
            for q in 0..Q {
                sums[q][n] = lanes.fma(lanes.splat(weights[q][t]), value, sums[q][n]);
            }
        }
    }
    for q in 0..Q {
        for t in common..counts[q] {
            let values = &values[t * width + from..][..N * LANES].as_chunks::<LANES>().0[..N];
            for n in 0..N {
                sums[q][n] = lanes.fma(lanes.splat(weights[q][t]), lanes.load(&values[n]), sums[q][n]);
            }
        }
        for n in 0..N {
            lanes.store(sums[q][n], &mut out[q][from..].as_chunks_mut().0[n]);
        }
    }
    N * LANES
}

/// One dimension, in heads whose width is no multiple of sixteen; returns 1.
#[inline(always)]
fn mix_one<S: Lanes, const Q: usize>(
    lanes: S,
    weights: &[[f32; CHUNK]; Q],
    counts: &[usize; Q],
    values: &[f32],
    width: usize,
    from: usize,
    out: &mut [[f32; HEAD_WIDTH_MAX]; Q],
) -> usize {
    for q in 0..Q {
        let mut sum = 0.0;
        for t in 0..counts[q] {
            sum = lanes.fused(weights[q][t], values[t * width + from], sum);
        }
        out[q][from] = sum;
    }
    1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crew::Serial;
    use crate::isa::Scalar;
    use crate::testing::check_hash;

    /// The formula of the spec over plain matrices `[position][d]`.
    fn reference(query: &[f32], keys: &[f32], values: &[f32]) -> Vec<f32> {
        let w = query.len();
        let max = |a: f32, b: f32| if b > a { b } else { a };
        let mut merged: Option<(f32, f32, Vec<f32>)> = None;
        for (keys, values) in keys.chunks(CHUNK * w).zip(values.chunks(CHUNK * w)) {
            let dot = |key: &[f32]| query.iter().zip(key).fold(0f32, |sum, (q, k)| q.mul_add(*k, sum));
            let scores: Vec<f32> = keys.chunks(w).map(|key| dot(key) * (1.0 / (w as f32).sqrt())).collect();
            let m = scores.iter().copied().reduce(max).unwrap();
            let e: Vec<f32> = scores.iter().map(|s| exp(Scalar, s - m)).collect();
            let l = tree(std::array::from_fn(|lane| e.iter().skip(lane).step_by(16).fold(0.0, |sum, e| sum + e)));
            let o: Vec<f32> = (0..w).map(|d| e.iter().enumerate().fold(0f32, |sum, (t, e)| e.mul_add(values[t * w + d], sum))).collect();
            merged = Some(match merged {
                None => (m, l, o),
                Some((big_m, big_l, big_o)) => {
                    let top = max(big_m, m);
                    let (a, b) = (exp(Scalar, big_m - top), exp(Scalar, m - top));
                    (top, l.mul_add(b, big_l * a), o.iter().zip(&big_o).map(|(o, big)| o.mul_add(b, big * a)).collect())
                }
            });
        }
        let (_, total, out) = merged.unwrap();
        out.iter().map(|o| o * (1.0 / total)).collect()
    }

    /// The answer to the query at the last position, among queries at others: `neighbours` rows before it, as far as there are positions.
    fn run(isa: Isa, query: &[f32], keys: &[f32], values: &[f32], neighbours: usize) -> Vec<f32> {
        let (w, count) = (query.len(), keys.len() / query.len());
        let chunk_count = count.div_ceil(CHUNK);
        // Unused room is filled with what would show.
        let mut panels = vec![f32::NAN; chunk_count * CHUNK * w];
        let mut padded = vec![f32::NAN; chunk_count * CHUNK * w];
        padded[..values.len()].copy_from_slice(values);
        for (position, key) in keys.chunks(w).enumerate() {
            let start = position / CHUNK * CHUNK * w + key_index(position % CHUNK, w);
            key.iter().enumerate().for_each(|(d, &k)| panels[start + d * PANEL] = k);
        }
        let seen: Vec<Seen> = (count - neighbours.min(count - 1)..=count).map(|count| Seen { sequence: 0, count }).collect();
        let mut out = vec![0.0; w * seen.len()];
        let heads = Heads { count: 1, kv_count: 1, width: w };
        attend(isa, &Serial, heads, &query.repeat(seen.len()), &seen, &Flat { keys: &panels, values: &padded, width: w }, &mut out);
        out[w * (seen.len() - 1)..].to_vec()
    }

    struct Flat<'a> {
        keys: &'a [f32],
        values: &'a [f32],
        width: usize,
    }

    impl KeyValues for Flat<'_> {
        fn chunk(&self, _: usize, _: usize, index: usize) -> Chunk<'_> {
            let range = index * CHUNK * self.width..(index + 1) * CHUNK * self.width;
            Chunk { keys: &self.keys[range.clone()], values: &self.values[range] }
        }
    }

    #[test]
    fn hash_of_attend() {
        check_hash("attention", |random, isa, check| {
            let w = 2 * (1 + random.below(20));
            let count = if random.below(50) == 0 { 1 + random.below(700) } else { 1 + random.below(40) };
            let (query, keys, values) = (random.values(w), random.values(count * w), random.values(count * w));
            (run(isa, &query, &keys, &values, count % 6), check.then(|| reference(&query, &keys, &values)))
        });
    }

    /// Equal scores must give the mean, whatever the chunking.
    #[test]
    fn equal_scores_give_the_mean() {
        let values: Vec<f32> = (0..600).flat_map(|t| [t as f32, 1.0]).collect();
        let out = run(Isa::best(), &[1.0, 1.0], &vec![0.25; 1200], &values, 0);
        assert!((out[0] - 299.5).abs() < 1e-3 && (out[1] - 1.0).abs() < 1e-6, "{out:?}");
    }
}
