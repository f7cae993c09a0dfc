//! Columns of activations in tiles of twelve, as the products read them: `[tile][step][column of the tile]`.
//!
//! A *step* is a group of 32 quantised activations for weight blocks, and one value for float weights. The last tile is as narrow as what is left, so a single column is
//! what it was. The order of the columns reaches no sum.

use crate::crew::{Crew, Shared, run_parts};
use crate::quantise::Block;

/// Columns of one tile.
pub const TILE: usize = 12;

/// Columns of activations, in tiles and in both forms. A form that no matrix of the call needs may be empty.
#[derive(Clone, Copy)]
pub struct Columns<'a> {
    /// One value a step.
    pub values: &'a [f32],
    /// 32 quantised values a step.
    pub blocks: &'a [Block],
    /// Columns.
    pub count: usize,
}

/// Where the steps of one column lie in the tiles of `count` columns of `step_count` steps: the first, and how far the next is.
pub(crate) fn place(count: usize, step_count: usize, column: usize) -> (usize, usize) {
    let start = column / TILE * TILE;
    (start * step_count + column - start, TILE.min(count - start))
}

/// Puts rows of `width` values of `x`, one a column, into tiles.
pub fn turn(crew: &dyn Crew, x: &[f32], width: usize, out: &mut [f32]) {
    assert!(width > 0 && x.len().is_multiple_of(width) && out.len() == x.len(), "{} values, room for {}", x.len(), out.len());
    let count = x.len() / width;
    let out = Shared::new(out);
    run_parts(crew, count, &|column| {
        let (start, step) = place(count, width, column);
        for (index, &value) in x[column * width..][..width].iter().enumerate() {
            // SAFETY: `place` gives every column elements of its own, and `run_parts` every column one part.
            #[allow(unsafe_code)]
            unsafe {
                out.set(start + index * step, value);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crew::Serial;

    #[test]
    fn every_value_has_one_place() {
        for count in [1, 2, 11, 12, 13, 25] {
            let x: Vec<f32> = (0..count * 3).map(|i| i as f32).collect();
            let mut out = vec![-1.0; x.len()];
            turn(&Serial, &x, 3, &mut out);
            for (tile, values) in out.chunks(TILE * 3).enumerate() {
                let wide = values.len() / 3;
                for (step, row) in values.chunks(wide).enumerate() {
                    row.iter().enumerate().for_each(|(c, &value)| assert_eq!(value, x[(tile * TILE + c) * 3 + step]));
                }
            }
        }
    }
}
