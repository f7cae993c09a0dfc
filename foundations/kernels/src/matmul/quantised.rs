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
use super::{Job, Rule, walk};
use crate::blocks::{Q4_0, Q4_1, Q4K, Q5_0, Q5_1, Q5K, Q6K, Q8_0, Q8K};
use crate::columns::TILE;
use crate::element::ElementType;
use crate::isa::{LANES, Lanes, on_isa};
use crate::quantise::{BLOCK, Block};
use std::marker::PhantomData;
use std::ops::Range;

on_isa!(pub(super) fn panels(job: &Job<'_>, panels: Range<usize>) = panels_on);

#[inline(always)]
fn panels_on<S: Lanes>(lanes: S, job: &Job<'_>, panels: Range<usize>) {
    with_form!(job.weights.element(), walk_panels::<S>(lanes, job, panels))
}

#[inline(always)]
fn walk_panels<S: Lanes, W: Form>(lanes: S, job: &Job<'_>, panels: Range<usize>) {
    walk::<S, Grouped<W>>(lanes, job, panels);
}

/// Weights in groups of 32.
struct Grouped<W>(PhantomData<W>);

impl<W: Form> Rule for Grouped<W> {
    const NARROW: usize = 4;

    fn column_bytes(width: usize) -> usize {
        width / BLOCK * size_of::<Block>()
    }

    #[inline(always)]
    fn tile<S: Lanes, const C: usize, const COLD: bool>(lanes: S, job: &Job<'_>, panel: usize, column: usize) {
        let groups = job.weights.columns() / BLOCK;
        let start = column / TILE * TILE;
        let wide = TILE.min(job.columns.count - start);
        let blocks = &job.columns.blocks[start * groups..][..wide * groups];
        let (integers, scales) = W::panel(&job.weights, panel);
        let mut acc = [lanes.splat(0.0); C];
        for (index, (integers, x)) in integers.iter().zip(blocks.chunks_exact(wide)).enumerate() {
            let Some(x) = x[column - start..].first_chunk::<C>() else { unreachable!("a tile of columns lies within a tile") };
            step::<S, W, C, COLD>(lanes, index % W::Scales::GROUPS, integers, &scales[index / W::Scales::GROUPS], x, &mut acc);
        }
        for c in 0..C {
            job.put(lanes, panel * LANES, column + c, acc[c]);
        }
    }
}

/// Adds one group to the chains of `C` columns.
#[inline(always)]
fn step<S: Lanes, W: Form, const C: usize, const COLD: bool>(lanes: S, group: usize, integers: &GroupOf<W>, scales: &ScalesOf<W>, x: &[Block; C], acc: &mut [S::Floats; C]) {
    let sums = W::Store::sums::<S, C, COLD>(lanes, integers, x, W::Scales::factors(lanes, scales, group));
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
