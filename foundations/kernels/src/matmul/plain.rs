//! Float weights: `acc = fma(w_k, x_k, acc)` for k = 0, 1, 2, … from +0.0 (`spec/arithmetic.md`, "Float weights").

use super::{Columns, Matrix, Rows, Target, tiles};
use crate::element::ElementType;
use crate::half::{bf16_to_f32, f16_to_f32};
use crate::isa::{Fused, on_isa};

/// Columns of weights that are widened and turned at once.
const STEP: usize = 16;

/// A float type of `[u8; N]` elements, widened exactly.
trait Plain {
    type Bytes: Copy;
    fn elements(row: &[u8]) -> &[Self::Bytes];
    fn widen(bytes: Self::Bytes) -> f32;
}

macro_rules! plain {
    ($name:ident, $size:literal, $widen:expr) => {
        struct $name;
        impl Plain for $name {
            type Bytes = [u8; $size];
            #[inline(always)]
            fn elements(row: &[u8]) -> &[[u8; $size]] {
                row.as_chunks().0
            }
            #[inline(always)]
            fn widen(bytes: [u8; $size]) -> f32 {
                $widen(bytes)
            }
        }
    };
}

plain!(F32, 4, f32::from_le_bytes);
plain!(F16, 2, |bytes| f16_to_f32(u16::from_le_bytes(bytes)));
plain!(Bf16, 2, |bytes| bf16_to_f32(u16::from_le_bytes(bytes)));

on_isa!(pub(super) fn rows(weights: &Matrix<'_>, columns: &Columns<'_>, rows: Rows, target: &Target<'_>) = rows_on);

#[inline(always)]
fn rows_on<F: Fused>(weights: &Matrix<'_>, columns: &Columns<'_>, rows: Rows, target: &Target<'_>) {
    match weights.element {
        ElementType::F32 => tiles!(tile, F, F32, 16, 4, weights, columns, rows, target),
        ElementType::F16 => tiles!(tile, F, F16, 16, 4, weights, columns, rows, target),
        ElementType::Bf16 => tiles!(tile, F, Bf16, 16, 4, weights, columns, rows, target),
        ElementType::Q8_0 | ElementType::Q4_0 | ElementType::Q4K | ElementType::Q6K => unreachable!("weight blocks have their own rule"),
    }
}

/// `R` rows by `C` columns. Weights are turned through a small buffer, so that lanes can run over the rows.
#[inline(always)]
fn tile<F: Fused, W: Plain, const R: usize, const C: usize>(weights: &Matrix<'_>, columns: &Columns<'_>, row: usize, column: usize, target: &Target<'_>) {
    let width = weights.columns;
    let w: [&[W::Bytes]; R] = std::array::from_fn(|r| &W::elements(weights.row(row + r))[..width]);
    let x: [&[f32]; C] = std::array::from_fn(|c| &columns.values[(column + c) * width..][..width]);
    let mut sums = [[0f32; R]; C];
    let mut start = 0;
    while start < width {
        let count = STEP.min(width - start);
        let mut turned = [[0f32; R]; STEP];
        for r in 0..R {
            for (i, &bytes) in w[r][start..start + count].iter().enumerate() {
                turned[i][r] = W::widen(bytes);
            }
        }
        for (i, weights) in turned.iter().enumerate().take(count) {
            for c in 0..C {
                let x = x[c][start + i];
                for r in 0..R {
                    sums[c][r] = F::fma(weights[r], x, sums[c][r]);
                }
            }
        }
        start += count;
    }
    target.put(column, row, &sums);
}
