//! Tiles: the log's tree as static files in the layout of C2SP tlog-tiles, for any file server, and for proofs that read a few of them instead of the log.
//!
//! ```text
//! checkpoint            the note that the tiles below are complete for; written last
//! tile/0/000            the hashes of leaves 0 to 255, 32 bytes each
//! tile/0/x001/234       … of leaves 315,904 to 316,159: numbers in groups of three digits
//! tile/1/000            the roots of the first 256 tiles of level 0; and so on upwards
//! tile/0/003.p/17       the first 17 hashes of a tile that is not full yet
//! tile/entries/000      records 0 to 255, each after its length (2 bytes, big-endian)
//! ```
//!
//! A partial tile is removed at once when the full one is there. Tiles are made from the segments and can be made again: whoever changes one gains nothing, because what is computed from tiles
//! is compared with a checkpoint or leads to its root.

mod path;

mod publish;

mod tree;

mod around;

pub use around::{around, paths};
pub use publish::{Published, keep, publish, renew};
pub use tree::Tree;

#[cfg(test)]
mod tests;
