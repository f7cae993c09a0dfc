//! Float weights: `acc = fma(w_k, x_k, acc)` for k = 0, 1, 2, … from +0.0 (`spec/arithmetic.md`, "Float weights").
//!
//! A panel is `[column][half][row of the half]` in the bytes of its type: of 16-bit types a column is one line of memory.

use super::panels::Panels;
use super::{Job, Rule, walk};
use crate::columns::TILE;
use crate::element::ElementType;
use crate::isa::{LANES, Lanes, Scalar, on_isa};
use std::marker::PhantomData;
use std::ops::Range;

/// Rows of a panel.
pub(super) const ROWS: usize = 2 * LANES;

/// A float type, widened exactly.
trait Plain {
    /// Sixteen rows of one column.
    type Lanes;
    fn columns(panel: &[u8]) -> &[[Self::Lanes; 2]];
    fn lines(column: &[Self::Lanes; 2]) -> &[[u8; 64]];
    fn widen<S: Lanes>(lanes: S, values: &Self::Lanes) -> S::Floats;
}

macro_rules! plain {
    ($name:ident, $size:literal, |$lanes:ident, $values:ident| $widen:expr) => {
        struct $name;
        impl Plain for $name {
            type Lanes = [[u8; $size]; LANES];
            #[inline(always)]
            fn columns(panel: &[u8]) -> &[[Self::Lanes; 2]] {
                panel.as_chunks().0.as_chunks().0.as_chunks().0
            }
            #[inline(always)]
            fn lines(column: &[Self::Lanes; 2]) -> &[[u8; 64]] {
                column.as_flattened().as_flattened().as_chunks().0
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
        let columns: &mut [[[u8; SIZE]; ROWS]] = panel.as_chunks_mut().0.as_chunks_mut().0;
        for (value, out) in row.as_chunks().0.iter().zip(columns) {
            out[lane] = *value;
        }
    }
    if element == ElementType::F32 { pack::<4>(row, lane, panel) } else { pack::<2>(row, lane, panel) }
}

/// The values of row `row`, read back from its panel.
pub(super) fn read_row(panels: &Panels<'_>, row: usize, out: &mut [f32]) {
    fn read<W: Plain>(panels: &Panels<'_>, row: usize, out: &mut [f32]) {
        for (value, column) in out.iter_mut().zip(W::columns(panels.numbers(row / ROWS))) {
            *value = W::widen(Scalar, &column[row % ROWS / LANES])[row % LANES];
        }
    }
    match panels.element() {
        ElementType::F32 => read::<F32>(panels, row, out),
        ElementType::F16 => read::<F16>(panels, row, out),
        ElementType::Bf16 => read::<Bf16>(panels, row, out),
        _ => unreachable!("weight blocks have their own rule"),
    }
}

on_isa!(pub(super) fn panels(job: &Job<'_>, panels: Range<usize>) = panels_on);

#[inline(always)]
fn panels_on<S: Lanes>(lanes: S, job: &Job<'_>, panels: Range<usize>) {
    match job.weights.element() {
        ElementType::F32 => walk::<S, OneByOne<F32>>(lanes, job, panels),
        ElementType::F16 => walk::<S, OneByOne<F16>>(lanes, job, panels),
        ElementType::Bf16 => walk::<S, OneByOne<Bf16>>(lanes, job, panels),
        _ => unreachable!("weight blocks have their own rule"),
    }
}

/// Weights one by one.
struct OneByOne<W>(PhantomData<W>);

impl<W: Plain> Rule for OneByOne<W> {
    const NARROW: usize = 6;

    fn column_bytes(width: usize) -> usize {
        width * size_of::<f32>()
    }

    #[inline(always)]
    fn tile<S: Lanes, const C: usize, const COLD: bool>(lanes: S, job: &Job<'_>, panel: usize, column: usize) {
        let is_half_empty = panel * ROWS + LANES >= job.weights.rows();
        if is_half_empty {
            halves::<S, W, 0, 1, C, COLD>(lanes, job, panel, column);
        } else if S::WIDE || C <= 2 {
            // An activation, once loaded, meets both halves where their sums fit the registers.
            halves::<S, W, 0, 2, C, COLD>(lanes, job, panel, column);
        } else {
            halves::<S, W, 0, 1, C, COLD>(lanes, job, panel, column);
            halves::<S, W, 1, 2, C, false>(lanes, job, panel, column);
        }
    }
}

/// The halves `FROM` to `TO` of a panel.
#[inline(always)]
fn halves<S: Lanes, W: Plain, const FROM: usize, const TO: usize, const C: usize, const COLD: bool>(lanes: S, job: &Job<'_>, panel: usize, column: usize) {
    let width = job.weights.columns();
    let start = column / TILE * TILE;
    let wide = TILE.min(job.columns.count - start);
    let values = &job.columns.values[start * width..][..wide * width];
    let mut sums = [[lanes.splat(0.0); C]; 2];
    for (weights, values) in W::columns(job.weights.numbers(panel)).iter().zip(values.chunks_exact(wide)) {
        let Some(x) = values[column - start..].first_chunk::<C>() else { unreachable!("a tile of columns lies within a tile") };
        let mut widened = [lanes.splat(0.0); 2];
        for half in FROM..TO {
            widened[half] = W::widen(lanes, &weights[half]);
        }
        for c in 0..C {
            let x = lanes.splat(x[c]);
            for half in FROM..TO {
                sums[half][c] = lanes.fma(widened[half], x, sums[half][c]);
            }
        }
        if COLD {
            for line in W::lines(weights) {
                lanes.prefetch(line);
            }
        }
    }
    for half in FROM..TO {
        for c in 0..C {
            job.put(lanes, panel * ROWS + half * LANES, column + c, sums[half][c]);
        }
    }
}
