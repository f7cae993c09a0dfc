//! A named matrix or vector that lies in bytes somebody else holds: a mapped file, an embedded array.

use mickai_kernels::element::ElementType;
use std::ops::Range;
use std::sync::Arc;

/// Bytes that all tensors of a model share; handed in by the caller, never copied.
pub type Source = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// The order of a matrix's rows in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowOrder {
    /// Row r of the file is row r of the matrix.
    Canonical,
    /// GGUF's `llama` files store query and key rows with the two halves of every head interleaved:
    /// file row `h*w + 2*i + j` is canonical row `h*w + j*w/2 + i`, w the head width.
    RotaryPairs {
        /// Heads in this matrix.
        head_count: usize,
    },
}

/// One tensor. `shape` is row-major: `[rows, columns]`, or `[elements]`.
#[derive(Clone)]
pub struct Tensor {
    /// Canonical (Hugging Face) name, as `model.layers.0.self_attn.q_proj.weight`.
    pub name: String,
    pub shape: Vec<usize>,
    pub element: ElementType,
    pub row_order: RowOrder,
    source: Source,
    range: Range<usize>,
}

impl Tensor {
    /// A view of `range` in `source`; `None` if the range lies outside it or its length is not what shape and type say.
    pub fn new(name: String, shape: Vec<usize>, element: ElementType, row_order: RowOrder, source: Source, range: Range<usize>) -> Option<Self> {
        let elements = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d))?;
        // Blocks lie along a row, so a row must be whole blocks.
        let columns = shape.last().copied()?;
        let bytes = (elements / element.block_elements()).checked_mul(element.block_bytes())?;
        if !columns.is_multiple_of(element.block_elements()) || bytes != range.len() {
            return None;
        }
        (*source).as_ref().get(range.clone())?;
        Some(Self { name, shape, element, row_order, source, range })
    }

    /// Rows as [`Tensor::canonical_row`] counts them: what is no matrix is one.
    pub fn row_count(&self) -> usize {
        if let [rows, _] = *self.shape { rows } else { 1 }
    }

    /// The bytes of a row, counted in canonical order whatever the order in the file; empty past the end.
    pub fn canonical_row(&self, row: usize) -> &[u8] {
        let (bytes, rows) = (self.bytes(), self.row_count().max(1));
        let row_bytes = bytes.len() / rows;
        let stored = match self.row_order {
            // Canonical row h·w + j·w/2 + i lies at h·w + 2·i + j.
            RowOrder::RotaryPairs { head_count } if rows > 1 => {
                let half = (rows / head_count.max(1) / 2).max(1);
                let (head, inside) = (row / (2 * half), row % (2 * half));
                head * 2 * half + 2 * (inside % half) + inside / half
            }
            _ => row,
        };
        bytes.get(stored * row_bytes..(stored + 1) * row_bytes).unwrap_or(&[])
    }

    /// The stored bytes, in file order.
    pub fn bytes(&self) -> &[u8] {
        // The constructor checked the range against the source, which is shared and so cannot shrink.
        &(*self.source).as_ref()[self.range.clone()]
    }
}
