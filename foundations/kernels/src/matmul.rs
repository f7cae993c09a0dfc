//! Rows of weights times columns of activations; every output is one chain of fused multiply-adds over the columns in order.
//!
//! Lanes, tiles, threads and batch run over outputs, so none of them reaches a result. Weights are read where they lie, in the layout of the
//! model file. [`plain`] holds the rule for float weights, [`quantised`] the one for weight blocks.

mod plain;
mod quantised;

use crate::crew::{Crew, Shared, run_parts};
use crate::element::ElementType;
use crate::isa::Isa;
use crate::quantise::Block;
use std::ops::Range;

/// Parts that a product is cut into at most: enough for any crew to share them evenly.
const PARTS_MAX: usize = 64;
/// Rows of one part at least, and the step of its size: a whole number of tiles.
const PART_ROWS: usize = 16;

/// Where the output of a stored row belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowMap {
    /// Stored row r is output r.
    Same,
    /// The two halves of every head are stored interleaved: row `h·w + 2·i + j` is output `h·w + j·w/2 + i`.
    RotaryPairs {
        /// Rows of one head, w; even.
        head_width: usize,
    },
}

impl RowMap {
    /// The output of stored row `row`.
    #[inline(always)]
    pub fn output(self, row: usize) -> usize {
        match self {
            Self::Same => row,
            Self::RotaryPairs { head_width: width } => row / width * width + row % 2 * (width / 2) + row % width / 2,
        }
    }
}

/// A weight matrix in the bytes of its file: `rows` rows of `columns` elements.
#[derive(Clone, Copy)]
pub struct Matrix<'a> {
    bytes: &'a [u8],
    element: ElementType,
    rows: usize,
    columns: usize,
    map: RowMap,
}

impl<'a> Matrix<'a> {
    /// `None` if a row is no whole number of weight blocks, the bytes are not exactly those of the shape, or heads do not divide the rows.
    pub fn new(bytes: &'a [u8], element: ElementType, rows: usize, columns: usize, map: RowMap) -> Option<Self> {
        let whole = rows > 0 && columns > 0 && columns.is_multiple_of(element.block_elements());
        let row_bytes = columns / element.block_elements() * element.block_bytes();
        let heads = match map {
            RowMap::Same => true,
            RowMap::RotaryPairs { head_width } => head_width > 0 && head_width % 2 == 0 && rows.is_multiple_of(head_width),
        };
        (whole && heads && rows.checked_mul(row_bytes)? == bytes.len()).then_some(Self { bytes, element, rows, columns, map })
    }

    /// The bytes of one stored row.
    #[inline(always)]
    pub fn row(&self, row: usize) -> &'a [u8] {
        let row_bytes = self.bytes.len() / self.rows;
        &self.bytes[row * row_bytes..][..row_bytes]
    }

    /// The stored type.
    pub fn element(&self) -> ElementType {
        self.element
    }
}

/// Columns of activations, in both forms. A form that no matrix of the call needs may be empty.
#[derive(Clone, Copy)]
pub struct Columns<'a> {
    /// Column after column, `width` values each.
    pub values: &'a [f32],
    /// Column after column, `width / 32` blocks each.
    pub blocks: &'a [Block],
    /// Columns.
    pub count: usize,
}

/// `out[c·rows + map(r)] = Σ_k weights[r][k] · columns[c][k] (+ bias[map(r)])`, in the order and with the roundings of the spec.
/// `out` holds `columns.count` outputs of `weights.rows` values. Panics if a length is not what the shape says.
pub fn matmul(isa: Isa, crew: &dyn Crew, weights: &Matrix<'_>, columns: &Columns<'_>, bias: Option<&[f32]>, out: &mut [f32]) {
    assert_eq!(out.len(), weights.rows * columns.count, "outputs");
    assert!(bias.is_none_or(|bias| bias.len() == weights.rows), "bias of {} rows", weights.rows);
    let quantised = weights.element.block_elements() > 1;
    let held = if quantised { columns.blocks.len() * 32 } else { columns.values.len() };
    assert_eq!(held, weights.columns * columns.count, "activations");
    let part_rows = weights.rows.div_ceil(PARTS_MAX).next_multiple_of(PART_ROWS);
    let target = Target { out: Shared::new(out), rows: weights.rows, map: weights.map, bias };
    run_parts(crew, weights.rows.div_ceil(part_rows), &|part| {
        let rows = part * part_rows..weights.rows.min((part + 1) * part_rows);
        if quantised {
            quantised::rows(isa, weights, columns, rows, &target);
        } else {
            plain::rows(isa, weights, columns, rows, &target);
        }
    });
}

/// Where parts put their outputs.
struct Target<'a> {
    out: Shared<'a, f32>,
    rows: usize,
    map: RowMap,
    bias: Option<&'a [f32]>,
}

impl Target<'_> {
    /// Puts the finished sums of the stored rows from `row` and the columns from `column`.
    #[inline(always)]
    #[allow(unsafe_code)]
    fn put<const R: usize, const C: usize>(&self, column: usize, row: usize, sums: &[[f32; R]; C]) {
        for (c, sums) in sums.iter().enumerate() {
            for (r, &sum) in sums.iter().enumerate() {
                let output = self.map.output(row + r);
                let value = self.bias.map_or(sum, |bias| sum + bias[output]);
                // SAFETY: parts hold disjoint rows, and `RowMap::output` is one-to-one, so no other part writes this element.
                unsafe { self.out.set((column + c) * self.rows + output, value) };
            }
        }
    }
}

/// Walks `rows` in tiles of `R` and then of 1, and the columns of each in tiles of `C` and then of 1, calling the one that fits.
macro_rules! tiles {
    ($tile:ident, $fused:ident, $weight:ident, $r:literal, $c:literal, $weights:expr, $columns:expr, $rows:expr, $target:expr) => {{
        let (mut row, end) = ($rows.start, $rows.end);
        while row < end {
            let wide = end - row >= $r;
            let mut column = 0;
            while column < $columns.count {
                let many = $columns.count - column >= $c;
                match (wide, many) {
                    (true, true) => $tile::<$fused, $weight, $r, $c>($weights, $columns, row, column, $target),
                    (true, false) => $tile::<$fused, $weight, $r, 1>($weights, $columns, row, column, $target),
                    (false, true) => $tile::<$fused, $weight, 1, $c>($weights, $columns, row, column, $target),
                    (false, false) => $tile::<$fused, $weight, 1, 1>($weights, $columns, row, column, $target),
                }
                column += if many { $c } else { 1 };
            }
            row += if wide { $r } else { 1 };
        }
    }};
}
use tiles;

type Rows = Range<usize>;

#[cfg(test)]
mod tests;
