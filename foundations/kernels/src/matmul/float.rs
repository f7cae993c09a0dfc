//! Float weights: `acc = fma(w_k, x_k, acc)` for k = 0, 1, 2, … from +0.0 (`spec/arithmetic.md`, "Float weights").
//!
//! A panel is `[column][row]` in the bytes of its type.

use super::panels::Panels;
use super::{Job, WORKING_SET, walk};
use crate::columns::TILE;
use crate::element::ElementType;
use crate::isa::{LANES, Lanes, Scalar, on_isa};
use std::ops::Range;

/// A float type, widened exactly.
trait Plain {
    /// Sixteen rows of one column.
    type Lanes;
    fn columns(panel: &[u8]) -> &[Self::Lanes];
    fn bytes(values: &Self::Lanes) -> &[u8];
    fn widen<S: Lanes>(lanes: S, values: &Self::Lanes) -> S::Floats;
}

macro_rules! plain {
    ($name:ident, $size:literal, |$lanes:ident, $values:ident| $widen:expr) => {
        struct $name;
        impl Plain for $name {
            type Lanes = [[u8; $size]; LANES];
            #[inline(always)]
            fn columns(panel: &[u8]) -> &[[[u8; $size]; LANES]] {
                panel.as_chunks().0.as_chunks().0
            }
            #[inline(always)]
            fn bytes(values: &[[u8; $size]; LANES]) -> &[u8] {
                values.as_flattened()
            }
            #[inline(always)]
            fn widen<S: Lanes>($lanes: S, $values: &[[u8; $size]; LANES]) -> S::Floats {
                $widen
            }
        }
    };
}

plain!(F32, 4, |lanes, values| lanes.load(&values.map(f32::from_le_bytes)));
plain!(F16, 2, |lanes, values| lanes.widen_f16(values));
plain!(Bf16, 2, |lanes, values| lanes.widen_bf16(values));

/// Puts a stored row into lane `lane` of its panel.
pub(super) fn pack_row(element: ElementType, row: &[u8], lane: usize, panel: &mut [u8]) {
    fn pack<const SIZE: usize>(row: &[u8], lane: usize, panel: &mut [u8]) {
        let columns: &mut [[[u8; SIZE]; LANES]] = panel.as_chunks_mut().0.as_chunks_mut().0;
        for (value, out) in row.as_chunks().0.iter().zip(columns) {
            out[lane] = *value;
        }
    }
    if element == ElementType::F32 { pack::<4>(row, lane, panel) } else { pack::<2>(row, lane, panel) }
}

/// The values of row `row`, read back from its panel.
pub(super) fn read_row(panels: &Panels<'_>, row: usize, out: &mut [f32]) {
    fn read<W: Plain>(panels: &Panels<'_>, row: usize, out: &mut [f32]) {
        for (value, column) in out.iter_mut().zip(W::columns(panels.numbers(row / LANES))) {
            *value = W::widen(Scalar, column)[row % LANES];
        }
    }
    match panels.element() {
        ElementType::F32 => read::<F32>(panels, row, out),
        ElementType::F16 => read::<F16>(panels, row, out),
        ElementType::Bf16 => read::<Bf16>(panels, row, out),
        _ => unreachable!("weight blocks have their own rule"),
    }
}

/// Panels that one column goes through side by side: a chain of additions alone waits for itself.
const PANELS_ABREAST: usize = 4;

on_isa!(pub(super) fn panels(job: &Job<'_>, panels: Range<usize>) = panels_on);

#[inline(always)]
fn panels_on<S: Lanes>(lanes: S, job: &Job<'_>, panels: Range<usize>) {
    match job.weights.element() {
        ElementType::F32 => walk_panels::<S, F32>(lanes, job, panels),
        ElementType::F16 => walk_panels::<S, F16>(lanes, job, panels),
        ElementType::Bf16 => walk_panels::<S, Bf16>(lanes, job, panels),
        _ => unreachable!("weight blocks have their own rule"),
    }
}

#[inline(always)]
fn walk_panels<S: Lanes, W: Plain>(lanes: S, job: &Job<'_>, panels: Range<usize>) {
    walk!(lanes, W, single, PANELS_ABREAST, tile, [2 if S::WIDE, 1 if true], job, panels, job.weights.columns() * size_of::<f32>(), if S::WIDE { 12 } else { 6 });
}

/// One column, `P` panels.
#[inline(always)]
fn single<S: Lanes, W: Plain, const P: usize>(lanes: S, job: &Job<'_>, panel: usize) {
    let width = job.weights.columns();
    let mut weights: [&[W::Lanes]; P] = [&[]; P];
    for p in 0..P {
        weights[p] = &W::columns(job.weights.numbers(panel + p))[..width];
    }
    let mut sums = [lanes.splat(0.0); P];
    for (k, &x) in job.columns.values[..width].iter().enumerate() {
        for p in 0..P {
            sums[p] = lanes.fma(W::widen(lanes, &weights[p][k]), lanes.splat(x), sums[p]);
        }
    }
    for p in 0..P {
        job.put(lanes, panel + p, 0, sums[p]);
    }
}

/// `C` columns from `column`, `P` panels; returns `C`. An activation, once loaded, meets all of them.
#[inline(always)]
fn tile<S: Lanes, W: Plain, const P: usize, const C: usize>(lanes: S, job: &Job<'_>, panel: usize, column: usize) -> usize {
    let width = job.weights.columns();
    let start = column / TILE * TILE;
    let step = TILE.min(job.columns.count - start);
    let mut weights: [&[W::Lanes]; P] = [&[]; P];
    for p in 0..P {
        weights[p] = &W::columns(job.weights.numbers(panel + p))[..width];
    }
    let values = &job.columns.values[start * width..][..step * width];
    // The first tile has a panel come from memory; the others find it in a cache.
    let first = column == 0;
    let mut sums = [[lanes.splat(0.0); C]; P];
    for (k, values) in (0..width).zip(values.chunks_exact(step)) {
        let Some(x) = values[column - start..].first_chunk::<C>() else { unreachable!("a tile of columns lies within a tile") };
        let mut widened = [lanes.splat(0.0); P];
        for p in 0..P {
            if first {
                lanes.prefetch(W::bytes(&weights[p][k]));
            }
            widened[p] = W::widen(lanes, &weights[p][k]);
        }
        for c in 0..C {
            let x = lanes.splat(x[c]);
            for p in 0..P {
                sums[p][c] = lanes.fma(widened[p], x, sums[p][c]);
            }
        }
    }
    for p in 0..P {
        for c in 0..C {
            job.put(lanes, panel + p, column + c, sums[p][c]);
        }
    }
    C
}
