//! What lies left and right of a range of records in the tree, for a bundle: from the kept tiles, held against the checkpoint before it is given.

use super::publish::{keep, renew};
use super::tree::Tree;
use crate::error::{Error, Misuse};
use crate::home::Home;
use crate::log::LogReader;
use mickai_proof::checkpoint::Note;
use mickai_proof::digest::TreeHash;
use mickai_proof::merkle::{self, Frontier};
use std::ops::Range;

/// The tree nodes beside a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Around {
    /// The perfect subtrees before it.
    pub left: Frontier,
    /// The largest subtrees after it, from left to right.
    pub right: Vec<TreeHash>,
}

/// The nodes around `range` in the tree of a checkpoint of this home's log. The tiles are brought up to it first (the records that they lack are read); then a few of them are, and the records of
/// the range. With those the nodes lead to the checkpoint's root; where they do not, the tiles were changed, and are made again.
///
/// # Errors
/// [`Misuse::Checkpoint`] for a note of another log or none, or one that does not cover the range; [`Error::Rewritten`] if the log is another than the note's; [`Error::Io`].
pub fn around(home: &Home, reader: &LogReader, note: &str, range: Range<u64>) -> Result<Around, Error> {
    let checkpoint = Note::parse(note.as_bytes()).map_err(|_| Misuse::Checkpoint)?.checkpoint;
    if range.start >= range.end || range.end > checkpoint.size {
        return Err(Misuse::Checkpoint.into());
    }
    let mut have = None;
    for tree in [keep, renew] {
        let found = beside(&tree(home, reader, note)?, range.clone(), checkpoint.size)?;
        let Some(around) = found else { continue };
        let mut covered = around.left.clone();
        for entry in reader.entries(range.clone()) {
            covered.push(merkle::leaf(&entry?.record));
        }
        have = covered.root_with(checkpoint.size, &around.right);
        if have == Some(checkpoint.root) {
            return Ok(around);
        }
    }
    Err(Error::Rewritten { size: checkpoint.size, have: have.unwrap_or(TreeHash([0; TreeHash::LEN])), want: checkpoint.root })
}

fn beside(tree: &Tree, range: Range<u64>, size: u64) -> Result<Option<Around>, Error> {
    let left = tree.frontier(range.start)?;
    let right = merkle::right_ranges(range.end, size).into_iter().map(|range| tree.subtree(range)).collect::<Result<Option<Vec<_>>, _>>()?;
    Ok(left.zip(right).map(|(left, right)| Around { left, right }))
}
