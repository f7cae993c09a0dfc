//! Rows of weights times columns of activations; every output is one chain of fused multiply-adds over the columns in order.
//!
//! Lanes, tiles, threads and batch run over outputs, so none of them reaches a result. Weights are first repacked into [`Panels`] of sixteen rows, which a path reads once for a
//! whole tile of columns. [`float`] holds the rule for float weights, [`quantised`] the one for weight blocks, and [`forms`], [`stores`] and [`scales`] how each type lies in a panel.
#![allow(clippy::needless_range_loop, reason = "loops over a few registers: an index unrolls, where an iterator might leave a closure that is not compiled for the path")]

mod float;
mod forms;
mod panels;
mod quantised;
mod scales;
mod stores;

pub use panels::{LAYOUT, Matrix, Panels, RowMap, pack};

use crate::columns::Columns;
use crate::crew::{Crew, Shared, run_parts};
use crate::isa::{Isa, LANES, Lanes};
use crate::quantise::BLOCK;
use std::ops::Range;

/// Parts that a product is cut into at most: enough for a crew to share them evenly, few enough that taking them costs nothing.
const PARTS_MAX: usize = 32;
/// Panels of one part at least, so that a part is worth the handing over.
const PART_PANELS_MIN: usize = 4;
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
        let part_panels = weights.panel_count().div_ceil(PARTS_MAX).max(PART_PANELS_MIN);
        let parts = first_part..first_part + weights.panel_count().div_ceil(part_panels);
        Self { weights, columns: *columns, bias: product.bias, out: Shared::new(product.out), parts, part_panels }
    }

    /// Puts the sixteen finished sums of a panel and a column.
    #[inline(always)]
    #[allow(unsafe_code)]
    fn put<S: Lanes>(&self, lanes: S, panel: usize, column: usize, sums: S::Floats) {
        let (row, rows) = (panel * LANES, self.weights.rows());
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

/// Walks `panels` and tiles of columns, calling `$one` for one column of `$abreast` panels and `$tile` for some columns of as many panels as one of `$side` says: those that are left go to the next.
/// `$column_bytes` are those of one column of activations, `$widest` the columns that the path's registers hold: 12, 6 or 4.
macro_rules! walk {
    ($lanes:expr, $form:ty, $one:ident, $abreast:expr, $tile:ident, [$($side:literal if $when:expr),+], $job:expr, $panels:expr, $column_bytes:expr, $widest:expr) => {{
        let (lanes, job, panels): (_, &Job<'_>, Range<usize>) = ($lanes, $job, $panels);
        let count = job.columns.count;
        let mut panel = panels.start;
        if count == 1 {
            while panel + $abreast <= panels.end {
                $one::<_, $form, { $abreast }>(lanes, job, panel);
                panel += $abreast;
            }
            while panel < panels.end {
                $one::<_, $form, 1>(lanes, job, panel);
                panel += 1;
            }
            return;
        }
        let span = (WORKING_SET / $column_bytes / TILE).max(1) * TILE;
        for from in (0..count).step_by(span) {
            let to = count.min(from + span);
            panel = panels.start;
            $(while $when && panels.end - panel >= $side {
                let mut column = from;
                while column < to {
                    // A tile never reaches across the border of two tiles of the activations.
                    let left = (to - column).min(TILE - column % TILE);
                    column += match left {
                        12.. if $widest >= 12 => $tile::<_, $form, $side, 12>(lanes, job, panel, column),
                        8.. if $widest >= 8 => $tile::<_, $form, $side, 8>(lanes, job, panel, column),
                        // Twice four go faster than six and two.
                        8..=9 if $widest == 6 => $tile::<_, $form, $side, 4>(lanes, job, panel, column),
                        6.. if $widest >= 6 => $tile::<_, $form, $side, 6>(lanes, job, panel, column),
                        4.. if $widest >= 4 => $tile::<_, $form, $side, 4>(lanes, job, panel, column),
                        2.. => $tile::<_, $form, $side, 2>(lanes, job, panel, column),
                        _ => $tile::<_, $form, $side, 1>(lanes, job, panel, column),
                    };
                }
                panel += $side;
            })+
        }
    }};
}
use walk;

#[cfg(test)]
mod tests;
