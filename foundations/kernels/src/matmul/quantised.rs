//! Weight blocks: 32 products are summed exactly as integers, then scaled and added with one rounding (`spec/arithmetic.md`, "Weight blocks").
//!
//! ```text
//! s   = Σ q_i · x_i                          exact; with factors: f_0 · Σ_{i<16} + f_1 · Σ_{i≥16}; |s| < 2²⁴
//! acc = fma(f32(s), scale_w · scale_x, acc)  for the groups of 32 in order, from +0.0
//! acc = fma(−min_w, sum_x, acc)              directly after it, in types with minima
//! ```

use super::forms::{Form, GroupOf, ScalesOf, with_form};
use super::scales::Scales;
use super::stores::Store;
use super::{Job, WORKING_SET, walk};
use crate::blocks::{Q4_0, Q4_1, Q4K, Q5_0, Q5_1, Q5K, Q6K, Q8_0, Q8K};
use crate::columns::TILE;
use crate::element::ElementType;
use crate::isa::{Lanes, on_isa};
use crate::quantise::{BLOCK, Block};
use std::ops::Range;

/// Panels that one column goes through side by side: one, because memory is faster at one stream of integers and one of scales, and their chains are short.
const PANELS_ABREAST: usize = 1;

on_isa!(pub(super) fn panels(job: &Job<'_>, panels: Range<usize>) = panels_on);

#[inline(always)]
fn panels_on<S: Lanes>(lanes: S, job: &Job<'_>, panels: Range<usize>) {
    with_form!(job.weights.element(), walk_panels::<S>(lanes, job, panels))
}

#[inline(always)]
fn walk_panels<S: Lanes, W: Form>(lanes: S, job: &Job<'_>, panels: Range<usize>) {
    walk!(lanes, W, single, PANELS_ABREAST, tile, [1 if true], job, panels, job.weights.columns() / BLOCK * size_of::<Block>(), if S::WIDE { 12 } else { 4 });
}

/// Adds one group to the chains of `C` columns.
#[inline(always)]
fn step<S: Lanes, W: Form, const C: usize>(lanes: S, group: usize, integers: &GroupOf<W>, scales: &ScalesOf<W>, x: &[Block; C], acc: &mut [S::Floats; C]) {
    let sums = W::Store::sums(lanes, integers, x, W::Scales::factors(lanes, scales, group));
    let scale = W::Scales::scale(lanes, scales, group);
    for c in 0..C {
        acc[c] = lanes.fma(sums[c], lanes.mul(scale, lanes.splat(x[c].scale)), acc[c]);
    }
    if let Some(negative_min) = W::Scales::negative_min(lanes, scales, group) {
        for c in 0..C {
            acc[c] = lanes.fma(negative_min, lanes.splat(x[c].sum), acc[c]);
        }
    }
}

/// One column, `P` panels.
#[inline(always)]
fn single<S: Lanes, W: Form, const P: usize>(lanes: S, job: &Job<'_>, panel: usize) {
    let groups = job.weights.columns() / BLOCK;
    let x = job.columns.blocks[..groups].as_chunks::<1>().0;
    let mut integers: [&[GroupOf<W>]; P] = [&[]; P];
    let mut scales: [&[ScalesOf<W>]; P] = [&[]; P];
    for p in 0..P {
        (integers[p], scales[p]) = W::panel(&job.weights, panel + p);
    }
    let mut acc = [[lanes.splat(0.0); 1]; P];
    for (index, x) in x.iter().enumerate() {
        for p in 0..P {
            let (integers, scales) = (&integers[p][index], &scales[p][index / W::Scales::GROUPS]);
            for line in integers.as_ref() {
                lanes.prefetch(line);
            }
            step::<S, W, 1>(lanes, index % W::Scales::GROUPS, integers, scales, x, &mut acc[p]);
        }
    }
    for p in 0..P {
        job.put(lanes, panel + p, 0, acc[p][0]);
    }
}

/// `C` columns from `column`, one panel, since the registers would not hold the sums and chains of two; returns `C`.
#[inline(always)]
fn tile<S: Lanes, W: Form, const P: usize, const C: usize>(lanes: S, job: &Job<'_>, panel: usize, column: usize) -> usize {
    const { assert!(P == 1) };
    let groups = job.weights.columns() / BLOCK;
    let start = column / TILE * TILE;
    let wide = TILE.min(job.columns.count - start);
    let blocks = &job.columns.blocks[start * groups..][..wide * groups];
    let (integers, scales) = W::panel(&job.weights, panel);
    // The first tile has a panel come from memory; the others find it in a cache.
    let first = column == 0;
    let mut acc = [lanes.splat(0.0); C];
    for (index, (integers, x)) in integers.iter().zip(blocks.chunks_exact(wide)).enumerate() {
        let Some(x) = x[column - start..].first_chunk::<C>() else { unreachable!("a tile of columns lies within a tile") };
        if first {
            for line in integers.as_ref() {
                lanes.prefetch(line);
            }
        }
        step::<S, W, C>(lanes, index % W::Scales::GROUPS, integers, &scales[index / W::Scales::GROUPS], x, &mut acc);
    }
    for c in 0..C {
        job.put(lanes, panel, column + c, acc[c]);
    }
    C
}
