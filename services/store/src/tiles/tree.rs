//! The tree as its tiles tell it: roots, subtrees and proofs, each from as many tiles as the tree is high.

use super::path::{self, HEIGHT, Kind, WIDTH};
use crate::error::Error;
use mickai_proof::digest::TreeHash;
use mickai_proof::merkle::{self, Frontier};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

const HASH_LEN: usize = 32;
/// Tiles that are remembered while one proof is made: a path uses one of each level, a range two.
const REMEMBERED_MAX: usize = 64;

/// Tiles in a folder. Nothing that it gives is trusted until it leads to a root that is: compare [`Tree::root`] with a checkpoint first. `None` from a method: the tiles do not reach so far.
#[derive(Debug)]
pub struct Tree {
    folder: PathBuf,
    remembered: RefCell<BTreeMap<(u32, u64), Vec<TreeHash>>>,
}

impl Tree {
    /// Looks at the tiles of a folder; there may be none.
    pub fn open(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), remembered: RefCell::default() }
    }

    /// The root of the first `size` leaves.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn root(&self, size: u64) -> Result<Option<TreeHash>, Error> {
        if size == 0 { Ok(None) } else { self.subtree(0..size) }
    }

    /// The perfect subtrees that cover the first `size` leaves: what a bundle carries left of its range.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn frontier(&self, size: u64) -> Result<Option<Frontier>, Error> {
        let (mut nodes, mut start) = (Vec::new(), 0);
        for level in (0..u64::BITS).rev().filter(|level| size >> level & 1 == 1) {
            let Some(node) = self.node(level, start >> level)? else { return Ok(None) };
            nodes.push(node);
            start += 1 << level;
        }
        Ok(Frontier::from_nodes(size, nodes))
    }

    /// The root of a subtree that RFC 6962 forms: its start is a multiple of the power of two that covers it.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn subtree(&self, range: Range<u64>) -> Result<Option<TreeHash>, Error> {
        let Some(size) = range.end.checked_sub(range.start).filter(|size| *size > 0) else { return Ok(None) };
        if size.is_power_of_two() && range.start.is_multiple_of(size) {
            return self.node(size.trailing_zeros(), range.start >> size.trailing_zeros());
        }
        let split = range.start + split_point(size);
        let (left, right) = (self.subtree(range.start..split)?, self.subtree(split..range.end)?);
        Ok(left.zip(right).map(|(left, right)| merkle::node(&left, &right)))
    }

    /// The audit path of leaf `index` in the tree of `size` leaves, from the leaf upwards (RFC 6962 §2.1.1).
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn inclusion(&self, index: u64, size: u64) -> Result<Option<Vec<TreeHash>>, Error> {
        if index >= size {
            return Ok(None);
        }
        merkle::path_ranges(index, size).into_iter().map(|range| self.subtree(range)).collect()
    }

    /// That the tree of `old` leaves is a beginning of the tree of `size` leaves (RFC 6962 §2.1.2).
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn consistency(&self, old: u64, size: u64) -> Result<Option<Vec<TreeHash>>, Error> {
        if old == 0 || old > size {
            return Ok(None);
        }
        let (mut proof, mut range, mut is_whole) = (Vec::new(), 0..size, true);
        while range.end > old {
            let split = range.start + split_point(range.end - range.start);
            if old <= split {
                proof.push(split..range.end);
                range.end = split;
            } else {
                proof.push(range.start..split);
                (range.start, is_whole) = (split, false);
            }
        }
        // The old root itself is known to whoever asks.
        if !is_whole {
            proof.push(range);
        }
        // Found from the root downwards; a proof goes from the leaf upwards.
        proof.into_iter().rev().map(|range| self.subtree(range)).collect()
    }

    /// The root of the `index`-th perfect subtree of 2^level leaves.
    fn node(&self, level: u32, index: u64) -> Result<Option<TreeHash>, Error> {
        let (tile_level, above) = (level / HEIGHT, level % HEIGHT);
        let first = index << above;
        let (number, start) = (first / WIDTH, (first % WIDTH) as usize);
        let count = 1 << above;
        let hashes = self.hashes(tile_level, number, start + count)?;
        Ok(hashes.get(start..start + count).and_then(merkle::root_of))
    }

    /// The first hashes of a tile, at least `count` of them if there are so many.
    pub(super) fn hashes(&self, level: u32, number: u64, count: usize) -> Result<Vec<TreeHash>, Error> {
        if let Some(hashes) = self.remembered.borrow().get(&(level, number)).filter(|hashes| hashes.len() >= count) {
            return Ok(hashes.clone());
        }
        let kind = Kind::Hashes(level);
        let hashes = match read(&path::full(&self.folder, kind, number), WIDTH as usize)? {
            Some(hashes) => hashes,
            None => self.widest_partial(kind, number)?,
        };
        let mut remembered = self.remembered.borrow_mut();
        if remembered.len() >= REMEMBERED_MAX {
            remembered.clear();
        }
        remembered.insert((level, number), hashes.clone());
        Ok(hashes)
    }

    fn widest_partial(&self, kind: Kind, number: u64) -> Result<Vec<TreeHash>, Error> {
        let folder = path::partials(&self.folder, kind, number);
        let widths = match std::fs::read_dir(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(Error::io("read", &folder))?,
        };
        let width = widths.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u64>().ok()).filter(|width| *width < WIDTH).max();
        let Some(width) = width else { return Ok(Vec::new()) };
        Ok(read(&path::partial(&self.folder, kind, number, width), width as usize)?.unwrap_or_default())
    }
}

/// A tile of so many hashes; one of another length is none.
fn read(path: &Path, count: usize) -> Result<Option<Vec<TreeHash>>, Error> {
    match crate::disk::read_file(path, WIDTH * HASH_LEN as u64) {
        Ok(Some(bytes)) if bytes.len() == count * HASH_LEN => Ok(bytes.chunks_exact(HASH_LEN).map(TreeHash::from_slice).collect()),
        Ok(_) | Err(Error::TooLarge(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The largest power of two below `size`, for `size` > 1.
fn split_point(size: u64) -> u64 {
    1 << (u64::BITS - 1 - (size - 1).leading_zeros())
}
