//! Where tiles lie in a folder; their names are those of `mickai_proof::tiles`.

use mickai_proof::tiles::Tile;
use std::path::{Path, PathBuf};

/// Hashes of a full tile, and records of a full bundle of entries.
pub(super) const WIDTH: u64 = mickai_proof::tiles::TILE_WIDTH;
/// Tree levels in one tile.
pub(super) const HEIGHT: u32 = WIDTH.ilog2();

/// What a tile holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Hashes of subtrees of 256^level leaves.
    Hashes(u32),
    /// Records.
    Entries,
}

/// The path of a full tile.
pub(super) fn full(folder: &Path, kind: Kind, number: u64) -> PathBuf {
    partial(folder, kind, number, WIDTH)
}

/// The folder of the partial tiles of a number.
pub(super) fn partials(folder: &Path, kind: Kind, number: u64) -> PathBuf {
    let mut name = full(folder, kind, number).into_os_string();
    name.push(".p");
    name.into()
}

/// The path of a tile with `width` hashes or records.
pub(super) fn partial(folder: &Path, kind: Kind, number: u64, width: u64) -> PathBuf {
    // A tile has at most 256, and a tree of 2^64 leaves eight levels of tiles.
    let width = width as u16;
    let tile = match kind {
        Kind::Hashes(level) => Tile::Hashes { level: level as u8, index: number, width },
        Kind::Entries => Tile::Entries { index: number, width },
    };
    folder.join(tile.path())
}
