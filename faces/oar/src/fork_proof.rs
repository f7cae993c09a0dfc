//! `oar fork-proof`: makes the file that shows anybody two checkpoints of one log that cannot both be true (spec/checkpoint.md "Fork proof").

use crate::bring;
use crate::flags::MakeForkProof;
use crate::output;
use crate::problem::Problem;
use crate::source::Source;
use mickai_proof::bundle::Header;
use mickai_proof::checkpoint::Note;
use mickai_proof::digest::TreeHash;
use mickai_proof::fork::{ForkProof, encode};
use mickai_proof::key::PublicKey;
use mickai_proof::limits;
use mickai_proof::merkle::{self, Frontier, Gather};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// One of the two: a checkpoint, and where it came in a bundle what that bundle holds.
struct View {
    path: PathBuf,
    note: Note,
    text: String,
    bundle: Option<(Header, Vec<PublicKey>)>,
}

/// Exit 0 when the proof was written.
pub fn run(flags: &MakeForkProof) -> Result<u8, Problem> {
    let (mut small, mut large) = (View::open(&flags.left)?, View::open(&flags.right)?);
    if small.note.checkpoint.log != large.note.checkpoint.log {
        return Err(Problem::TwoLogs(small.path, large.path));
    }
    if small.note.checkpoint.size > large.note.checkpoint.size {
        std::mem::swap(&mut small, &mut large);
    }
    let mut keys = flags.key.iter().map(|file| bring::public_key(file)).collect::<Result<Vec<_>, _>>()?;
    keys.extend([&small, &large].into_iter().filter_map(|view| view.bundle.as_ref()).flat_map(|(_, keys)| keys.iter().cloned()));
    for view in [&small, &large] {
        if !keys.iter().any(|key| view.note.verify(key, view.note.checkpoint.log).is_ok()) {
            return Err(Problem::NotSigned(view.path.clone()));
        }
    }
    let (left, right) = contradiction(&small, &large)?;
    let proof = encode(&small.text, &large.text, &left, &right);
    // What a stranger will say to it, said before it is written.
    ForkProof::parse(&proof).and_then(|proof| proof.check(&keys)).map_err(|_| Problem::Root(large.path.clone()))?;
    output::file(&flags.out, |out| out.write_all(&proof).map_err(Problem::Output))?;
    Ok(0)
}

impl View {
    /// A note if it is one, otherwise a bundle.
    fn open(path: &Path) -> Result<Self, Problem> {
        let mut bytes = Vec::new();
        let read = File::open(path).and_then(|file| file.take(limits::NOTE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes));
        read.map_err(|error| Problem::Bundle(path.to_owned(), error))?;
        if let Ok(note) = Note::parse(&bytes) {
            return Ok(Self { path: path.to_owned(), note, text: String::from_utf8_lossy(&bytes).into_owned(), bundle: None });
        }
        let mut source = Source::open(path)?;
        while source.chunk()?.is_some() {}
        let end = source.end()?;
        let note = end.checkpoint().ok_or_else(|| Problem::Root(path.to_owned()))?;
        Ok(Self { path: path.to_owned(), note, text: String::from_utf8_lossy(&end.note).into_owned(), bundle: Some((source.header, source.keys)) })
    }
}

/// The tree nodes that show it, or why there is nothing to show.
fn contradiction(small: &View, large: &View) -> Result<(Vec<TreeHash>, Vec<TreeHash>), Problem> {
    let (a, b) = (small.note.checkpoint, large.note.checkpoint);
    if a.size == b.size {
        return if a.root == b.root { Err(Problem::Consistent(a.size, b.size)) } else { Ok((Vec::new(), Vec::new())) };
    }
    let is_whole = large.bundle.as_ref().is_some_and(|(header, _)| header.first == 0 && header.count == b.size);
    if !is_whole {
        return Err(Problem::NeedsWhole(large.path.clone(), b.size));
    }
    let mut gather = Gather::new(b.size);
    gather.want_around(&(a.size..a.size));
    let mut source = Source::open(&large.path)?;
    while let Some(entries) = source.chunk()? {
        entries.iter().for_each(|entry| gather.push(merkle::leaf(&entry.record)));
    }
    let nodes = gather.left(a.size).zip(gather.right(a.size)).filter(|_| gather.root() == Some(b.root));
    let (left, right) = nodes.ok_or_else(|| Problem::Root(large.path.clone()))?;
    let prefix = Frontier::from_nodes(a.size, left.clone()).and_then(|tree| tree.root());
    if prefix == Some(a.root) { Err(Problem::Consistent(a.size, b.size)) } else { Ok((left, right)) }
}
