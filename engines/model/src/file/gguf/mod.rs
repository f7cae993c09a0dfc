//! GGUF, versions 2 and 3: a header of typed key-value pairs and tensor places, then the tensors' bytes.

mod cursor;
mod header;
mod open;

pub(crate) use cursor::Cursor;
pub(crate) use header::Header;
pub use open::open_gguf;
pub(crate) use open::{canonical_name, row_order, tensor};
