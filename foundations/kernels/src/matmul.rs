//! Rows of weights times columns of activations; every output is one chain of fused multiply-adds over the columns in order.
//!
//! Lanes, tiles, threads and batch run over outputs, so none of them reaches a result. Weights are first repacked into [`Panels`] of sixteen or 32 rows, which a path reads once for a
//! whole tile of columns. [`float`] holds the rule for float weights, [`quantised`] the one for weight blocks, and [`forms`], [`stores`] and [`scales`] how each type lies in a panel.
#![allow(clippy::needless_range_loop, reason = "loops over a few registers: an index unrolls, where an iterator might leave a closure that is not compiled for the path")]

mod float;
mod forms;
mod panels;
mod quantised;
mod scales;
mod stores;

pub use panels::{LAYOUT, Matrix, Panels, RowMap, pack};

use crate::columns::{Columns, TILE};
use crate::crew::{Crew, Shared, run_parts};
use crate::isa::{Isa, LANES, Lanes};
use crate::quantise::BLOCK;
use std::ops::Range;

/// Parts that a product is cut into at most: enough for a crew to share them evenly, few enough that taking them costs nothing.
const PARTS_MAX: usize = 32;
/// Rows of one part at least, so that a part is worth the handing over.
const PART_ROWS_MIN: usize = 64;
/// Bytes of activations that are gone through with each panel before the next: what stays in a cache of the second level.
const WORKING_SET: usize = 512 << 10;

/// One product among several of the same columns.
pub struct Product<'a> {
    /// The matrix.
    pub weights: Panels<'a>,
    /// Added after the sum, one value a row.
    pub bias: Option<&'a [f32]>,
    /// `columns.count` outputs of one value a row.
    pub out: &'a mut [f32],
}

/// `out[c·rows + r] = Σ_k weights[r][k] · columns[c][k] (+ bias[r])` for each product, in the order and with the roundings of the spec.
/// Panics if a length is not what the shapes say.
pub fn multiply<const N: usize>(isa: Isa, crew: &dyn Crew, columns: &Columns<'_>, products: [Product<'_>; N]) {
    let mut part_count = 0;
    let jobs = products.map(|product| {
        let job = Job::new(columns, product, part_count);
        part_count = job.parts.end;
        job
    });
    run_parts(crew, part_count, &|part| {
        let Some(job) = jobs.iter().find(|job| job.parts.contains(&part)) else { unreachable!("the jobs' parts follow each other") };
        let first = (part - job.parts.start) * job.part_panels;
        let panels = first..job.weights.panel_count().min(first + job.part_panels);
        if job.weights.element().is_quantised() {
            quantised::panels(isa, job, panels);
        } else {
            float::panels(isa, job, panels);
        }
    });
}

/// A product, cut into parts.
struct Job<'a> {
    weights: Panels<'a>,
    columns: Columns<'a>,
    bias: Option<&'a [f32]>,
    out: Shared<'a, f32>,
    parts: Range<usize>,
    part_panels: usize,
}

impl<'a> Job<'a> {
    fn new(columns: &Columns<'a>, product: Product<'a>, first_part: usize) -> Self {
        let weights = product.weights;
        assert_eq!(product.out.len(), weights.rows() * columns.count, "outputs");
        assert!(product.bias.is_none_or(|bias| bias.len() == weights.rows()), "bias of {} rows", weights.rows());
        let held = if weights.element().is_quantised() { columns.blocks.len() * BLOCK } else { columns.values.len() };
        assert_eq!(held, weights.columns() * columns.count, "activations");
        let part_panels = weights.panel_count().div_ceil(PARTS_MAX).max(PART_ROWS_MIN / weights.panel_rows());
        let parts = first_part..first_part + weights.panel_count().div_ceil(part_panels);
        Self { weights, columns: *columns, bias: product.bias, out: Shared::new(product.out), parts, part_panels }
    }

    /// Puts the sixteen finished sums of a column and the rows from `row` on.
    #[inline(always)]
    #[allow(unsafe_code)]
    fn put<S: Lanes>(&self, lanes: S, row: usize, column: usize, sums: S::Floats) {
        let rows = self.weights.rows();
        let count = LANES.min(rows - row);
        // SAFETY: parts hold disjoint panels, so no other part reaches these rows, and this one lets go of them here.
        let out = unsafe { self.out.slice(column * rows + row, count) };
        if let Some(out) = out.first_chunk_mut() {
            let sums = match self.bias.and_then(|bias| bias[row..].first_chunk()) {
                Some(bias) => lanes.add(sums, lanes.load(bias)),
                None => sums,
            };
            return lanes.store(sums, out);
        }
        let mut values = [0.0; LANES];
        lanes.store(sums, &mut values);
        for (index, (out, value)) in out.iter_mut().zip(values).enumerate() {
            *out = self.bias.map_or(value, |bias| value + bias[row + index]);
        }
    }
}

/// How the products of one type of weights are computed.
trait Rule {
    /// Columns whose sums the registers hold where there are sixteen of them: 6 or 4. Of the larger ones there are 32, for 12 columns.
    const NARROW: usize;

    /// Bytes of one column of activations.
    fn column_bytes(width: usize) -> usize;
    /// `C` columns from `column` and one panel. `COLD`: the panel comes from memory, as it does for the first columns; later tiles find it in a cache.
    fn tile<S: Lanes, const C: usize, const COLD: bool>(lanes: S, job: &Job<'_>, panel: usize, column: usize);
}

/// Walks `panels` and tiles of columns.
#[inline(always)]
fn walk<S: Lanes, R: Rule>(lanes: S, job: &Job<'_>, panels: Range<usize>) {
    let count = job.columns.count;
    let widest = if S::WIDE { 12 } else { R::NARROW };
    let span = (WORKING_SET / R::column_bytes(job.weights.columns()) / TILE).max(1) * TILE;
    for from in (0..count).step_by(span) {
        let to = count.min(from + span);
        for panel in panels.clone() {
            let mut column = from;
            while column < to {
                // A tile never reaches across the border of two tiles of the activations.
                let left = (to - column).min(TILE - column % TILE);
                column += match left {
                    12.. if widest >= 12 => tile::<S, R, 12>(lanes, job, panel, column),
                    8.. if widest >= 8 => tile::<S, R, 8>(lanes, job, panel, column),
                    // Twice four go faster than six and two.
                    8..=9 if widest == 6 => tile::<S, R, 4>(lanes, job, panel, column),
                    6.. if widest >= 6 => tile::<S, R, 6>(lanes, job, panel, column),
                    4.. => tile::<S, R, 4>(lanes, job, panel, column),
                    2.. => tile::<S, R, 2>(lanes, job, panel, column),
                    _ => tile::<S, R, 1>(lanes, job, panel, column),
                };
            }
        }
    }
}

/// `C` columns from `column`; returns `C`.
#[inline(always)]
fn tile<S: Lanes, R: Rule, const C: usize>(lanes: S, job: &Job<'_>, panel: usize, column: usize) -> usize {
    if column == 0 {
        R::tile::<S, C, true>(lanes, job, panel, column);
    } else {
        R::tile::<S, C, false>(lanes, job, panel, column);
    }
    C
}

#[cfg(test)]
mod tests;
