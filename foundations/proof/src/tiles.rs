//! A log as static files in the C2SP tlog-tiles layout: which tiles there are, what they are called, and their bytes (spec/exports.md "Tiles").

use crate::digest::TreeHash;
use crate::merkle;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

/// Hashes of a full tile, and entries of a full entry bundle.
pub const TILE_WIDTH: u64 = 256;

/// The path of the newest checkpoint.
pub const CHECKPOINT_PATH: &str = "checkpoint";

/// One file of the layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tile {
    /// Roots of `width` perfect subtrees of 256^level leaves each, 32 bytes each: those from 256 · index on.
    Hashes {
        /// 0: the leaves' hashes.
        level: u8,
        /// Place in its level.
        index: u64,
        /// Hashes, 1 to 256.
        width: u16,
    },
    /// `width` records from 256 · index on, each behind its length (2 bytes, big-endian).
    Entries {
        /// Place.
        index: u64,
        /// Records, 1 to 256.
        width: u16,
    },
}

impl Tile {
    /// Where it lies: `tile/0/x001/234.p/5`.
    pub fn path(self) -> String {
        match self {
            Self::Hashes { level, index, width } => format!("tile/{level}/{}", numbered(index, width)),
            Self::Entries { index, width } => format!("tile/entries/{}", numbered(index, width)),
        }
    }

    /// Are there more hashes or records to come in it?
    pub fn is_partial(self) -> bool {
        let (Self::Hashes { width, .. } | Self::Entries { width, .. }) = self;
        u64::from(width) < TILE_WIDTH
    }
}

/// Three digits a folder, all but the last behind an x; the width of a partial tile after them.
fn numbered(index: u64, width: u16) -> String {
    let mut path = format!("{:03}", index % 1_000);
    let mut rest = index / 1_000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1_000);
        rest /= 1_000;
    }
    if u64::from(width) < TILE_WIDTH { format!("{path}.p/{width}") } else { path }
}

/// All tiles of a log of `size` records, or those that came or grew since it had `since`: what to write, in the order of their paths' levels. The entry bundles come first.
pub fn tiles(since: u64, size: u64) -> Vec<Tile> {
    let mut found: Vec<Tile> = widths(since, size).map(|(index, width)| Tile::Entries { index, width }).collect();
    let (mut level, mut have, mut want) = (0, since, size);
    while want > 0 {
        found.extend(widths(have, want).map(|(index, width)| Tile::Hashes { level, index, width }));
        (level, have, want) = (level + 1, have / TILE_WIDTH, want / TILE_WIDTH);
    }
    found
}

/// The tiles that hold the items `have..want`, by index and width.
fn widths(have: u64, want: u64) -> impl Iterator<Item = (u64, u16)> {
    let indexes: Range<u64> = if have < want { have / TILE_WIDTH..want.div_ceil(TILE_WIDTH) } else { 0..0 };
    indexes.map(move |index| (index, u16::try_from((want - index * TILE_WIDTH).min(TILE_WIDTH)).unwrap_or(0)))
}

/// Appends one entry of an entry bundle. `None` for a record longer than 65,535 bytes, which no log has.
pub fn write_entry(out: &mut Vec<u8>, record: &[u8]) -> Option<()> {
    out.extend(u16::try_from(record.len()).ok()?.to_be_bytes());
    out.extend(record);
    Some(())
}

/// Builds every tile of a log from its records, one after the other; it holds one unfinished tile a level.
#[derive(Default)]
pub struct Tiler {
    size: u64,
    entries: Vec<u8>,
    levels: Vec<Vec<TreeHash>>,
}

impl Tiler {
    /// Takes the next record; gives the files that it fills. `None` as [`write_entry`].
    pub fn push(&mut self, record: &[u8]) -> Option<Vec<(Tile, Vec<u8>)>> {
        write_entry(&mut self.entries, record)?;
        self.size += 1;
        let mut full = Vec::new();
        if self.size.is_multiple_of(TILE_WIDTH) {
            full.push((Tile::Entries { index: self.size / TILE_WIDTH - 1, width: 256 }, core::mem::take(&mut self.entries)));
        }
        let (mut hash, mut count) = (merkle::leaf(record), self.size);
        for level in 0.. {
            if self.levels.len() == usize::from(level) {
                self.levels.push(Vec::with_capacity(256));
            }
            let Some(hashes) = self.levels.get_mut(usize::from(level)) else { break };
            hashes.push(hash);
            if !count.is_multiple_of(TILE_WIDTH) {
                break;
            }
            count /= TILE_WIDTH;
            full.push((Tile::Hashes { level, index: count - 1, width: 256 }, concat(hashes)));
            let Some(root) = merkle::root_of(hashes) else { break };
            hash = root;
            hashes.clear();
        }
        Some(full)
    }

    /// The root of the tree of the records so far; `None` of none.
    pub fn root(&self) -> Option<TreeHash> {
        // The perfect subtrees that cover all leaves, largest first: those of the highest level first, and of each level one for each one-bit of its number of hashes.
        let mut covering = Vec::new();
        for hashes in self.levels.iter().rev() {
            let mut rest = hashes.as_slice();
            while let Some(highest) = rest.len().checked_ilog2() {
                let (subtree, after) = rest.split_at_checked(1 << highest)?;
                covering.extend(merkle::root_of(subtree));
                rest = after;
            }
        }
        covering.into_iter().rev().reduce(|right, left| merkle::node(&left, &right))
    }

    /// Gives the partial tiles that remain.
    pub fn finish(self) -> Vec<(Tile, Vec<u8>)> {
        let width = |count: u64| u16::try_from(count % TILE_WIDTH).unwrap_or(0);
        let mut partial = Vec::new();
        if !self.entries.is_empty() {
            partial.push((Tile::Entries { index: self.size / TILE_WIDTH, width: width(self.size) }, self.entries));
        }
        let mut count = self.size;
        for (level, hashes) in (0..).zip(&self.levels) {
            if !hashes.is_empty() {
                partial.push((Tile::Hashes { level, index: count / TILE_WIDTH, width: width(count) }, concat(hashes)));
            }
            count /= TILE_WIDTH;
        }
        partial
    }
}

fn concat(hashes: &[TreeHash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;

    #[test]
    fn paths_are_those_of_the_specification() {
        for (tile, path) in [
            (Tile::Hashes { level: 0, index: 0, width: 256 }, "tile/0/000"),
            (Tile::Hashes { level: 0, index: 0, width: 1 }, "tile/0/000.p/1"),
            (Tile::Hashes { level: 3, index: 1_234_067, width: 256 }, "tile/3/x001/x234/067"),
            (Tile::Hashes { level: 0, index: 1_000, width: 255 }, "tile/0/x001/000.p/255"),
            (Tile::Entries { index: 999, width: 256 }, "tile/entries/999"),
            (Tile::Entries { index: 273, width: 112 }, "tile/entries/273.p/112"),
        ] {
            assert_eq!(tile.path(), path);
            assert_eq!(tile.is_partial(), path.contains(".p/"));
        }
    }

    /// The example of the specification: a log of 70,000 entries.
    #[test]
    fn a_log_of_70000_has_the_tiles_of_the_specification() {
        let tiles = tiles(0, 70_000);
        let of = |wanted: u8| tiles.iter().filter(|tile| matches!(tile, Tile::Hashes { level, .. } if *level == wanted)).map(|tile| tile.path()).collect::<Vec<_>>();
        assert_eq!((of(0).len(), of(0).last().map(String::as_str)), (274, Some("tile/0/273.p/112")));
        assert_eq!(of(1), ["tile/1/000", "tile/1/001.p/17"]);
        assert_eq!(of(2), ["tile/2/000.p/1"]);
        assert!(of(3).is_empty());
        assert_eq!(tiles.len(), 274 + 274 + 2 + 1);
    }

    fn record(index: u64) -> Vec<u8> {
        [&index.to_be_bytes()[..], &b"r".repeat(usize::try_from(index % 5).unwrap())].concat()
    }

    fn all(size: u64) -> BTreeMap<Tile, Vec<u8>> {
        let mut tiler = Tiler::default();
        let mut files: Vec<_> = (0..size).flat_map(|index| tiler.push(&record(index)).unwrap()).collect();
        assert_eq!(tiler.root(), merkle::root_of(&(0..size).map(|index| merkle::leaf(&record(index))).collect::<Vec<_>>()));
        files.extend(tiler.finish());
        let count = files.len();
        let files: BTreeMap<_, _> = files.into_iter().collect();
        assert_eq!(files.len(), count, "no tile twice");
        files
    }

    #[test]
    fn the_tiler_makes_exactly_the_tiles_that_there_are_and_they_hold_what_they_should() {
        let leaves: Vec<_> = (0..66_100).map(|index| merkle::leaf(&record(index))).collect();
        for size in [1, 2, 255, 256, 257, 512, 513, 65_535, 65_536, 65_537, 66_100] {
            let files = all(size);
            let mut wanted = tiles(0, size);
            wanted.sort();
            assert_eq!(files.keys().copied().collect::<Vec<_>>(), wanted, "{size}");
            for (tile, bytes) in &files {
                let Tile::Hashes { level, index, width } = *tile else { continue };
                let span = TILE_WIDTH.pow(u32::from(level));
                let start = index * TILE_WIDTH * span;
                let first = merkle::root_of(&leaves[start as usize..(start + span) as usize]).unwrap();
                assert_eq!((bytes.len(), &bytes[..32]), (32 * usize::from(width), &first.0[..]), "{tile:?}");
            }
        }
    }

    #[test]
    fn what_grew_is_what_is_written_again() {
        for (since, size) in [(0, 300), (255, 256), (256, 257), (300, 300), (511, 513), (65_535, 65_536), (1, 70_000)] {
            let (before, after) = (tiles(0, since), tiles(0, size));
            let grown: Vec<_> = after.iter().filter(|tile| !before.contains(tile)).copied().collect();
            assert_eq!(tiles(since, size), grown, "{since} to {size}");
        }
    }

    #[test]
    fn an_entry_is_its_length_and_its_bytes() {
        let mut out = Vec::new();
        assert_eq!(write_entry(&mut out, b"abc"), Some(()));
        assert_eq!(out, b"\x00\x03abc");
        assert_eq!(write_entry(&mut out, &[0; 65_536]), None);
    }
}
