//! Weight blocks: 32 products are summed exactly as integers, then scaled and added with one rounding (`spec/arithmetic.md`, "Weight blocks").
//!
//! ```text
//! s   = Σ q_i · x_i                          exact; with factors: f_0 · Σ_{i<16} + f_1 · Σ_{i≥16}; |s| < 2²⁴
//! acc = fma(f32(s), scale_w · scale_x, acc)  for the groups of 32 in order, from +0.0
//! acc = fma(−min_w, sum_x, acc)              directly after it, in types with minima
//! ```

use super::{Columns, Matrix, Rows, Target, tiles};
use crate::blocks::{Q4_0, Q4K, Q6K, Q8_0, Quantised};
use crate::element::ElementType;
use crate::isa::{Fused, on_isa};
use crate::quantise::{BLOCK, Block};

on_isa!(pub(super) fn rows(weights: &Matrix<'_>, columns: &Columns<'_>, rows: Rows, target: &Target<'_>) = rows_on);

#[inline(always)]
fn rows_on<F: Fused>(weights: &Matrix<'_>, columns: &Columns<'_>, rows: Rows, target: &Target<'_>) {
    match weights.element {
        ElementType::Q8_0 => tiles!(tile, F, Q8_0, 4, 4, weights, columns, rows, target),
        ElementType::Q4_0 => tiles!(tile, F, Q4_0, 4, 4, weights, columns, rows, target),
        ElementType::Q4K => tiles!(tile, F, Q4K, 4, 4, weights, columns, rows, target),
        ElementType::Q6K => tiles!(tile, F, Q6K, 4, 4, weights, columns, rows, target),
        ElementType::F32 | ElementType::F16 | ElementType::Bf16 => unreachable!("float weights have their own rule"),
    }
}

/// `R` rows by `C` columns; a group of weights is unfolded once for all columns.
#[inline(always)]
fn tile<F: Fused, W: Quantised, const R: usize, const C: usize>(weights: &Matrix<'_>, columns: &Columns<'_>, row: usize, column: usize, target: &Target<'_>) {
    let groups = weights.columns / BLOCK;
    let w: [&[W::Block]; R] = std::array::from_fn(|r| &W::blocks(weights.row(row + r))[..groups / W::GROUPS]);
    let x: [&[Block]; C] = std::array::from_fn(|c| &columns.blocks[(column + c) * groups..][..groups]);
    let mut sums = [[0f32; R]; C];
    for index in 0..groups / W::GROUPS {
        for group in 0..W::GROUPS {
            for r in 0..R {
                let unfolded = W::unfold(&w[r][index], group);
                for c in 0..C {
                    let x = &x[c][index * W::GROUPS + group];
                    let low = dot(&unfolded.q, &x.q, 0);
                    let high = dot(&unfolded.q, &x.q, 16);
                    let sum = if W::HAS_FACTORS {
                        let [f0, f1] = unfolded.factors.map(i32::from);
                        f0.wrapping_mul(low).wrapping_add(f1.wrapping_mul(high))
                    } else {
                        low.wrapping_add(high)
                    };
                    sums[c][r] = F::fma(sum as f32, unfolded.scale * x.scale, sums[c][r]);
                    if W::HAS_MIN {
                        sums[c][r] = F::fma(-unfolded.min, x.sum, sums[c][r]);
                    }
                }
            }
        }
    }
    target.put(column, row, &sums);
}

/// Sixteen products from `start`. Nothing here can wrap: the sum is below 2¹⁸; the wrapping forms only keep the checks of a debug build out.
#[inline(always)]
fn dot(w: &[i8; BLOCK], x: &[i8; BLOCK], start: usize) -> i32 {
    let mut sum = 0i32;
    for i in start..start + 16 {
        sum = sum.wrapping_add(i32::from(w[i]).wrapping_mul(i32::from(x[i])));
    }
    sum
}
