//! One query head against the keys and values before it, in chunks of 256 positions that are merged in order (`spec/arithmetic.md`, "Attention").
//!
//! ```text
//! s_t = (Σ_d q_d · k_t[d]  by fma in order of d, from +0.0) · (1 / sqrt(w))
//! per chunk:  m = max s_t;  e_t = exp(s_t − m);  l = Σ e_t in 16 lanes t mod 16, then the tree of the norm;  o = Σ_t e_t · v_t by fma, in order of t
//! merge:      M' = max(M, m);  A = exp(M − M');  B = exp(m − M');  L' = fma(l, B, L · A);  O' = fma(o, B, O · A)     the first chunk is taken as it is
//! result:     O · (1 / L)
//! ```
//! Keys lie in panels of 16 positions, `[panel][d][16]`, so that lanes run over positions and a score is one chain; values lie `[position][d]`.

use crate::exponential::exp;
use crate::isa::{Fused, on_isa};
use crate::norm::{LANES, tree};
use crate::rope::HEAD_WIDTH_MAX;

/// Positions of one chunk: part of the contract, since every chunk has its own maximum.
pub const CHUNK: usize = 256;

/// Positions of one panel of keys.
pub const PANEL: usize = 16;

/// Up to [`CHUNK`] consecutive positions of one key-value head of width w.
#[derive(Clone, Copy)]
pub struct Chunk<'a> {
    /// Panels of keys, `CHUNK · w` values; what lies beyond `count` is read but has no effect.
    pub keys: &'a [f32],
    /// Values, `CHUNK · w`.
    pub values: &'a [f32],
    /// Positions in use, at least 1.
    pub count: usize,
}

/// The chunks of one key-value head, wherever they lie.
pub trait Chunks {
    /// Chunk `index`: positions from `index · CHUNK`.
    fn chunk(&self, index: usize) -> Chunk<'_>;
}

/// Index in a chunk's keys of dimension 0 of a position; dimension d lies `d · PANEL` further.
pub const fn key_index(position: usize, head_width: usize) -> usize {
    position / PANEL * PANEL * head_width + position % PANEL
}

on_isa!(
    /// Attends from `query` (w values) to chunk 0 … `chunk_count − 1` of `chunks`, all full but the last, and writes w values to `out`.
    pub fn attend(query: &[f32], chunk_count: usize, chunks: &dyn Chunks, out: &mut [f32]) = attend_on
);

#[inline(always)]
fn attend_on<F: Fused>(query: &[f32], chunk_count: usize, chunks: &dyn Chunks, out: &mut [f32]) {
    let width = query.len();
    assert!(width == out.len() && width.is_multiple_of(2) && width <= HEAD_WIDTH_MAX, "head of {width}");
    let mut scores = [0f32; CHUNK];
    let mut partial = [0f32; HEAD_WIDTH_MAX];
    let partial = &mut partial[..width];
    let (mut largest, mut total) = (0f32, 0f32);
    for index in 0..chunk_count {
        let chunk = chunks.chunk(index);
        assert!((1..=CHUNK).contains(&chunk.count) && chunk.keys.len() == CHUNK * width && chunk.values.len() == CHUNK * width, "shape of a chunk");
        score::<F>(query, &chunk, &mut scores);
        let (m, l) = weigh::<F>(&mut scores[..chunk.count]);
        mix::<F>(&scores[..chunk.count], chunk.values, if index == 0 { &mut *out } else { &mut *partial });
        if index == 0 {
            (largest, total) = (m, l);
            continue;
        }
        let top = if m > largest { m } else { largest };
        let (a, b) = (exp::<F>(largest - top), exp::<F>(m - top));
        total = F::fma(l, b, total * a);
        for (out, &partial) in out.iter_mut().zip(&*partial) {
            *out = F::fma(partial, b, *out * a);
        }
        largest = top;
    }
    let inverse = 1.0 / total;
    out.iter_mut().for_each(|out| *out *= inverse);
}

/// Scores of whole panels, four at a time where there are as many.
#[inline(always)]
fn score<F: Fused>(query: &[f32], chunk: &Chunk<'_>, scores: &mut [f32; CHUNK]) {
    let panels = chunk.count.div_ceil(PANEL);
    let mut panel = 0;
    while panel < panels {
        if panels - panel >= 4 {
            score_panels::<F, 4>(query, chunk.keys, panel, scores);
            panel += 4;
        } else {
            score_panels::<F, 1>(query, chunk.keys, panel, scores);
            panel += 1;
        }
    }
}

#[inline(always)]
fn score_panels<F: Fused, const P: usize>(query: &[f32], keys: &[f32], panel: usize, scores: &mut [f32; CHUNK]) {
    let width = query.len();
    let panels: [&[[f32; PANEL]]; P] = std::array::from_fn(|p| &keys[(panel + p) * PANEL * width..].as_chunks().0[..width]);
    let mut sums = [[0f32; PANEL]; P];
    for (d, &q) in query.iter().enumerate() {
        for p in 0..P {
            for l in 0..PANEL {
                sums[p][l] = F::fma(q, panels[p][d][l], sums[p][l]);
            }
        }
    }
    let scale = 1.0 / (width as f32).sqrt();
    for p in 0..P {
        for l in 0..PANEL {
            scores[(panel + p) * PANEL + l] = sums[p][l] * scale;
        }
    }
}

/// Turns scores into weights; returns their maximum and the sum of the weights.
#[inline(always)]
fn weigh<F: Fused>(scores: &mut [f32]) -> (f32, f32) {
    let mut largest = scores[0];
    for &score in &scores[1..] {
        largest = if score > largest { score } else { largest };
    }
    let mut lanes = [0f32; LANES];
    let (whole, rest) = scores.as_chunks_mut::<LANES>();
    for scores in whole {
        for l in 0..LANES {
            scores[l] = exp::<F>(scores[l] - largest);
            lanes[l] += scores[l];
        }
    }
    for (lane, score) in lanes.iter_mut().zip(rest) {
        *score = exp::<F>(*score - largest);
        *lane += *score;
    }
    (largest, tree(lanes))
}

/// `out[d] = Σ_t weights[t] · values[t][d]`, lanes over d.
#[inline(always)]
fn mix<F: Fused>(weights: &[f32], values: &[f32], out: &mut [f32]) {
    let width = out.len();
    let mut from = 0;
    while from < width {
        if width - from >= 32 {
            mix_lanes::<F, 32>(weights, values, width, from, out);
            from += 32;
        } else {
            mix_lanes::<F, 2>(weights, values, width, from, out);
            from += 2;
        }
    }
}

#[inline(always)]
fn mix_lanes<F: Fused, const N: usize>(weights: &[f32], values: &[f32], width: usize, from: usize, out: &mut [f32]) {
    let mut sums = [0f32; N];
    for (&weight, values) in weights.iter().zip(values.chunks_exact(width)) {
        let values = &values[from..from + N];
        for l in 0..N {
            sums[l] = F::fma(weight, values[l], sums[l]);
        }
    }
    out[from..from + N].copy_from_slice(&sums);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::{Isa, Soft};
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
            let e: Vec<f32> = scores.iter().map(|s| exp::<Soft>(s - m)).collect();
            let l = tree(std::array::from_fn(|lane| e.iter().skip(lane).step_by(16).fold(0.0, |sum, e| sum + e)));
            let o: Vec<f32> = (0..w).map(|d| e.iter().enumerate().fold(0f32, |sum, (t, e)| e.mul_add(values[t * w + d], sum))).collect();
            merged = Some(match merged {
                None => (m, l, o),
                Some((big_m, big_l, big_o)) => {
                    let top = max(big_m, m);
                    let (a, b) = (exp::<Soft>(big_m - top), exp::<Soft>(m - top));
                    (top, l.mul_add(b, big_l * a), o.iter().zip(&big_o).map(|(o, big)| o.mul_add(b, big * a)).collect())
                }
            });
        }
        let (_, total, out) = merged.unwrap();
        out.iter().map(|o| o * (1.0 / total)).collect()
    }

    fn run(isa: Isa, query: &[f32], keys: &[f32], values: &[f32]) -> Vec<f32> {
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
        let mut out = vec![0.0; w];
        attend(isa, query, chunk_count, &Flat { keys: &panels, values: &padded, width: w, count }, &mut out);
        out
    }

    struct Flat<'a> {
        keys: &'a [f32],
        values: &'a [f32],
        width: usize,
        count: usize,
    }

    impl Chunks for Flat<'_> {
        fn chunk(&self, index: usize) -> Chunk<'_> {
            let range = index * CHUNK * self.width..(index + 1) * CHUNK * self.width;
            Chunk { keys: &self.keys[range.clone()], values: &self.values[range], count: CHUNK.min(self.count - index * CHUNK) }
        }
    }

    #[test]
    fn hash_of_attend() {
        check_hash("078267eea7d89030c3a87a7e5634787e3828db1196c6aee68813f308ff709c4c", |random, isa, check| {
            let w = 2 * (1 + random.below(20));
            let count = if random.below(50) == 0 { 1 + random.below(700) } else { 1 + random.below(40) };
            let (query, keys, values) = (random.values(w), random.values(count * w), random.values(count * w));
            (run(isa, &query, &keys, &values), check.then(|| reference(&query, &keys, &values)))
        });
    }

    /// Equal scores must give the mean, whatever the chunking.
    #[test]
    fn equal_scores_give_the_mean() {
        let values: Vec<f32> = (0..600).flat_map(|t| [t as f32, 1.0]).collect();
        let out = run(Isa::best(), &[1.0, 1.0], &vec![0.25; 1200], &values);
        assert!((out[0] - 299.5).abs() < 1e-3 && (out[1] - 1.0).abs() < 1e-6, "{out:?}");
    }
}
