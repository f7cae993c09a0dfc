//! Weights repacked for the products: panels of sixteen rows, or of twice sixteen in float types, so that a lane is a row.
//!
//! First come all panels' numbers, `[panel][group or column][…][row]` with whatever the type needs between (`forms.rs`, `float.rs`), then all panels' scales, `[panel][block][…][row]`,
//! then zeros up to a whole cache line: one column reads both as two streams without a gap, which is what memory is fastest at. Missing rows of the last panel are zeros. Rows are
//! in the order of the outputs, whatever their order in the file.

use super::{float, forms};
use crate::crew::{Crew, each_row};
use crate::element::ElementType;
use crate::isa::LANES;
use crate::memory::LINE;
use std::ops::Range;

/// Which bytes [`pack`] makes of a matrix, and what is read from them and no longer from the stored ones: one more whenever either changes, so that panels which an older program kept are not taken
/// for ours. Since 2, rows of a table that is multiplied too are read from its panels; since 3, float panels have 32 rows.
pub const LAYOUT: u64 = 3;

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
    pub fn output(self, row: usize) -> usize {
        match self {
            Self::Same => row,
            Self::RotaryPairs { head_width: width } => row / width * width + row % 2 * (width / 2) + row % width / 2,
        }
    }

    /// The stored row of output `output`.
    fn stored(self, output: usize) -> usize {
        match self {
            Self::Same => output,
            Self::RotaryPairs { head_width: width } => output / width * width + output % (width / 2) * 2 + output % width / (width / 2),
        }
    }
}

/// A weight matrix in the bytes of its file: `rows` rows of `columns` elements.
#[derive(Clone, Copy)]
pub struct Matrix<'a> {
    bytes: &'a [u8],
    pub(super) element: ElementType,
    rows: usize,
    pub(super) columns: usize,
    map: RowMap,
}

impl<'a> Matrix<'a> {
    /// `None` if a row is no whole number of weight blocks, the bytes are not exactly those of the shape, or heads do not divide the rows.
    pub fn new(bytes: &'a [u8], element: ElementType, rows: usize, columns: usize, map: RowMap) -> Option<Self> {
        let whole = rows > 0 && columns > 0 && columns.is_multiple_of(element.block_elements());
        let row_bytes = (columns / element.block_elements()).checked_mul(element.block_bytes())?;
        let heads = match map {
            RowMap::Same => true,
            RowMap::RotaryPairs { head_width } => head_width > 0 && head_width % 2 == 0 && rows.is_multiple_of(head_width),
        };
        (whole && heads && rows.checked_mul(row_bytes)? == bytes.len()).then_some(Self { bytes, element, rows, columns, map })
    }

    /// The bytes of one stored row.
    pub fn row(&self, row: usize) -> &'a [u8] {
        let row_bytes = self.bytes.len() / self.rows;
        &self.bytes[row * row_bytes..][..row_bytes]
    }

    /// Bytes that its panels take; `None` if that is more than can be addressed.
    pub fn panel_bytes(&self) -> Option<usize> {
        let (numbers, scales) = panel_bytes(self.element, self.columns)?;
        numbers.checked_add(scales)?.checked_mul(self.panel_count())?.checked_next_multiple_of(LINE)
    }

    fn panel_count(&self) -> usize {
        self.rows.div_ceil(panel_rows(self.element))
    }
}

/// Rows of a panel.
fn panel_rows(element: ElementType) -> usize {
    if element.is_quantised() { LANES } else { float::ROWS }
}

/// Bytes of one panel's numbers, and of its scales.
fn panel_bytes(element: ElementType, columns: usize) -> Option<(usize, usize)> {
    if element.is_quantised() { forms::panel_bytes(element, columns) } else { Some((columns.checked_mul(float::ROWS * element.block_bytes())?, 0)) }
}

/// A weight matrix in panels.
#[derive(Clone, Copy)]
pub struct Panels<'a> {
    numbers: &'a [u8],
    scales: &'a [u8],
    element: ElementType,
    rows: usize,
    columns: usize,
}

impl<'a> Panels<'a> {
    /// The panels that [`pack`] made of `matrix`. Panics if the bytes are not as many as [`Matrix::panel_bytes`] says.
    pub fn new(matrix: &Matrix<'_>, bytes: &'a [u8]) -> Self {
        assert_eq!(Some(bytes.len()), matrix.panel_bytes(), "bytes of panels");
        let (numbers, scales) = bytes.split_at(numbers_end(matrix));
        Self { numbers, scales, element: matrix.element, rows: matrix.rows, columns: matrix.columns }
    }

    /// Rows: outputs of one column.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns: values of one column of activations.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The stored type.
    pub fn element(&self) -> ElementType {
        self.element
    }

    /// The values of row `row`, in the order of the outputs: bit for bit those that [`dequantise`](crate::dequantise::dequantise) gives for the stored row, but for the bits of a NaN. Panics unless `out` is as long as a row.
    pub fn read_row(&self, row: usize, out: &mut [f32]) {
        assert!(row < self.rows && out.len() == self.columns, "row {row} of {}, {} of {} values", self.rows, out.len(), self.columns);
        if self.element.is_quantised() { forms::read_row(self, row, out) } else { float::read_row(self, row, out) }
    }

    /// Bytes of the panels.
    pub fn byte_count(&self) -> usize {
        self.numbers.len() + self.scales.len()
    }

    pub(super) fn panel_rows(&self) -> usize {
        panel_rows(self.element)
    }

    pub(super) fn panel_count(&self) -> usize {
        self.rows.div_ceil(self.panel_rows())
    }

    /// The numbers of a panel.
    #[inline(always)]
    pub(super) fn numbers(&self, index: usize) -> &'a [u8] {
        &self.numbers[part(self.numbers.len(), self.panel_count(), index)]
    }

    /// The scales of a panel, and at the end of the last one zeros.
    #[inline(always)]
    pub(super) fn scales(&self, index: usize, panel_bytes: usize) -> &'a [u8] {
        &self.scales[index * panel_bytes..][..panel_bytes]
    }
}

/// Where the scales begin.
fn numbers_end(matrix: &Matrix<'_>) -> usize {
    panel_bytes(matrix.element, matrix.columns).map_or(0, |(numbers, _)| numbers * matrix.panel_count())
}

/// Part `index` of `count` equal parts.
#[inline(always)]
fn part(len: usize, count: usize, index: usize) -> Range<usize> {
    let part = len / count;
    index * part..(index + 1) * part
}

/// Repacks a matrix into `out`, which must hold zeros and be as long as [`Matrix::panel_bytes`] says.
pub fn pack(crew: &dyn Crew, matrix: &Matrix<'_>, out: &mut [u8]) {
    assert_eq!(Some(out.len()), matrix.panel_bytes(), "bytes of panels");
    let Some((number_bytes, scale_bytes)) = panel_bytes(matrix.element, matrix.columns) else { unreachable!("the assertion has computed it") };
    let (numbers, scales) = out.split_at_mut(numbers_end(matrix));
    let rows = panel_rows(matrix.element);
    let each_lane = |panel: usize, put: &mut dyn FnMut(&[u8], usize)| {
        let outputs = panel * rows..matrix.rows.min((panel + 1) * rows);
        outputs.enumerate().for_each(|(lane, output)| put(matrix.row(matrix.map.stored(output)), lane));
    };
    if !matrix.element.is_quantised() {
        return each_row(crew, numbers, number_bytes, |panel, out| each_lane(panel, &mut |row, lane| float::pack_row(matrix.element, row, lane, out)));
    }
    each_row(crew, numbers, number_bytes, |panel, out| each_lane(panel, &mut |row, lane| forms::pack_numbers(matrix.element, row, lane, out)));
    let scales = &mut scales[..scale_bytes * matrix.panel_count()];
    each_row(crew, scales, scale_bytes, |panel, out| each_lane(panel, &mut |row, lane| forms::pack_scales(matrix.element, row, lane, out)));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of panels of every type. Where this hash changes, [`LAYOUT`] does too.
    #[test]
    fn a_layout_is_the_bytes_that_it_makes() {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for element in ElementType::ALL {
            let (rows, columns) = (40, 512);
            let len = rows * columns / element.block_elements() * element.block_bytes();
            let bytes: Vec<u8> = (0..len as u32).map(|i| (i.wrapping_mul(0x9e37_79b9) >> 24) as u8).collect();
            for map in [RowMap::Same, RowMap::RotaryPairs { head_width: 8 }] {
                let matrix = Matrix::new(&bytes, element, rows, columns, map).unwrap();
                let mut out = vec![0; matrix.panel_bytes().unwrap()];
                pack(&crate::crew::Serial, &matrix, &mut out);
                // FNV-1a.
                hash = out.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3));
            }
        }
        assert_eq!((LAYOUT, format!("{hash:016x}").as_str()), (3, "6aa22a6a7f3bc1c7"));
    }

    #[test]
    fn rows_go_and_come_back() {
        for (map, rows) in [(RowMap::Same, 7), (RowMap::RotaryPairs { head_width: 6 }, 18)] {
            (0..rows).for_each(|row| assert_eq!(map.stored(map.output(row)), row));
        }
    }
}
