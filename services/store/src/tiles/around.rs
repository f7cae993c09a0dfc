//! What an export takes from the rest of the log: from the kept tiles, held against the checkpoint before it is given.

use super::publish::{keep, renew};
use super::tree::Tree;
use crate::error::{Error, Misuse};
use crate::home::Home;
use crate::log::{Entry, KeyAccount, LogReader};
use mickai_proof::bundle::{Around, EventProof};
use mickai_proof::checkpoint::{Checkpoint, Note};
use mickai_proof::digest::TreeHash;
use mickai_proof::merkle;
use std::ops::Range;

/// Nodes left and right of a range.
type Beside = (Vec<TreeHash>, Vec<TreeHash>);

/// What a bundle of `range` carries besides its records, in the tree of a checkpoint of this home's log: the nodes beside it, the keys, and the key events outside of it with their paths. The tiles
/// are brought up to the checkpoint first (the records that they lack are read); then a few of them are, the records of the range, and the key events. With those the nodes and paths lead to the
/// checkpoint's root; where they do not, the tiles were changed, and are made again.
///
/// # Errors
/// [`Misuse::Checkpoint`] for a note of another log or none, or one that does not cover the range; [`Error::Rewritten`] if the log is another than the note's; [`Error::Io`].
pub fn around(home: &Home, reader: &LogReader, account: &KeyAccount, note: &str, range: Range<u64>) -> Result<Around, Error> {
    held(home, reader, note, &range, |tree, checkpoint| {
        let Some((left, right)) = beside(tree, reader, &range, checkpoint)? else { return Ok(None) };
        let events = account.events().iter().copied().filter(|index| *index < checkpoint.size);
        let has_changes = events.clone().count() > 1;
        let mut proofs = Vec::new();
        for index in events.filter(|index| has_changes && !range.contains(index)) {
            let Some((Entry { record, signature, .. }, path)) = proven(tree, reader, index, checkpoint)? else { return Ok(None) };
            proofs.push(EventProof { index, record, signature, path });
        }
        Ok(Some(Around { left, right, keys: account.keys_within(checkpoint.size).cloned().collect(), events: proofs }))
    })
}

/// The records of a range, each with its audit path in the tree of a checkpoint of this home's log; as [`around`].
///
/// # Errors
/// As [`around`].
pub fn paths(home: &Home, reader: &LogReader, note: &str, range: Range<u64>) -> Result<Vec<(Entry, Vec<TreeHash>)>, Error> {
    held(home, reader, note, &range, |tree, checkpoint| range.clone().map(|index| proven(tree, reader, index, checkpoint)).collect())
}

/// What `find` finds in the kept tiles; if they lack it, or it does not lead to the root, what it finds in new ones.
fn held<T>(home: &Home, reader: &LogReader, note: &str, range: &Range<u64>, find: impl Fn(&Tree, &Checkpoint) -> Result<Option<T>, Error>) -> Result<T, Error> {
    let checkpoint = Note::parse(note.as_bytes()).map_err(|_| Misuse::Checkpoint)?.checkpoint;
    if range.start >= range.end || range.end > checkpoint.size {
        return Err(Misuse::Checkpoint.into());
    }
    let mut have = None;
    for tree in [keep, renew] {
        let tree = tree(home, reader, note)?;
        match find(&tree, &checkpoint)? {
            Some(found) => return Ok(found),
            None => have = tree.root(checkpoint.size)?,
        }
    }
    Err(Error::Rewritten { size: checkpoint.size, have: have.unwrap_or(TreeHash([0; TreeHash::LEN])), want: checkpoint.root })
}

/// The nodes left and right of a range that lead, with its records, to the root.
fn beside(tree: &Tree, reader: &LogReader, range: &Range<u64>, checkpoint: &Checkpoint) -> Result<Option<Beside>, Error> {
    let size = checkpoint.size;
    let right = merkle::right_ranges(range.end, size).into_iter().map(|range| tree.subtree(range)).collect::<Result<Option<Vec<_>>, _>>()?;
    let Some((left, right)) = tree.frontier(range.start)?.zip(right) else { return Ok(None) };
    let mut covered = left.clone();
    for entry in reader.entries(range.clone()) {
        covered.push(merkle::leaf(&entry?.record));
    }
    let leads = covered.root_with(size, &right) == Some(checkpoint.root);
    Ok(leads.then(|| (left.nodes().to_vec(), right)))
}

/// A record and the path by which it leads to the root.
fn proven(tree: &Tree, reader: &LogReader, index: u64, checkpoint: &Checkpoint) -> Result<Option<(Entry, Vec<TreeHash>)>, Error> {
    let Some((entry, path)) = reader.entry(index)?.zip(tree.inclusion(index, checkpoint.size)?) else { return Ok(None) };
    let leads = merkle::root_from_path(index, checkpoint.size, merkle::leaf(&entry.record), &path) == Some(checkpoint.root);
    Ok(leads.then_some((entry, path)))
}
