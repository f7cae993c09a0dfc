//! The file, and the four steps that it has to pass.

use crate::cbor::{CborError, Major, Reader, write_bytes, write_head, write_text};
use crate::checkpoint::Note;
use crate::digest::TreeHash;
use crate::key::PublicKey;
use crate::limits;
use crate::merkle::Frontier;
use alloc::vec::Vec;
use core::fmt;

const MAGIC: &str = "oar-fork";
const VERSION: u64 = 1;
const ELEMENTS: u64 = 6;

/// The two notes, and the tree nodes that show the smaller one's records not to be the beginning of the larger one's.
#[derive(Clone)]
pub struct ForkProof {
    /// The checkpoint of fewer records, or of as many.
    pub a: Note,
    /// The other one.
    pub b: Note,
    /// The perfect subtrees that cover the first records of B's tree, as many as A covers.
    left: Vec<TreeHash>,
    /// The subtrees right of them.
    right: Vec<TreeHash>,
}

/// Why a file proves no fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForkError {
    /// Another sort of file: exit 4.
    NotAForkProof,
    /// Not the form of the spec.
    Malformed,
    /// A note by a key that the verifier does not trust.
    UnknownKey,
    /// A note's signature does not verify.
    Signature,
    /// Both checkpoints can be true.
    Unproven,
}

impl ForkError {
    /// The step of spec/checkpoint.md that finds it.
    pub fn step(self) -> u8 {
        match self {
            Self::NotAForkProof => 1,
            Self::Malformed => 2,
            Self::UnknownKey | Self::Signature => 3,
            Self::Unproven => 4,
        }
    }

    /// The stable reason code.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotAForkProof => "not-a-fork-proof",
            Self::Malformed => "malformed-fork",
            Self::UnknownKey => "unknown-key",
            Self::Signature => "checkpoint-signature",
            Self::Unproven => "fork-unproven",
        }
    }
}

impl fmt::Display for ForkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAForkProof => "this is not a fork proof",
            Self::Malformed => "the fork proof is broken",
            Self::UnknownKey => "a checkpoint of the fork proof is signed by a key that you did not name",
            Self::Signature => "a checkpoint's signature in the fork proof does not verify",
            Self::Unproven => "the file proves no fork: both checkpoints can be true",
        })
    }
}

impl core::error::Error for ForkError {}

/// Is a file that begins so judged as a fork proof (spec/checkpoint.md "Fork proof")? How many elements it must have is for the judgement.
pub fn is_fork_proof(bytes: &[u8]) -> bool {
    named(bytes).is_ok()
}

/// The number of elements, and a reader behind the name.
fn named(bytes: &[u8]) -> Result<(u64, Reader<'_>), CborError> {
    let mut reader = Reader::new(bytes);
    let elements = reader.array()?;
    if reader.text_within(MAGIC.len())? == MAGIC { Ok((elements, reader)) } else { Err(CborError::NotCanonical) }
}

/// The file of a proof: `a` and `b` are notes, `left` and `right` as the spec says.
pub fn encode(a: &str, b: &str, left: &[TreeHash], right: &[TreeHash]) -> Vec<u8> {
    let mut out = Vec::new();
    write_head(&mut out, Major::Array, ELEMENTS);
    write_text(&mut out, MAGIC);
    write_head(&mut out, Major::Uint, VERSION);
    for note in [a, b] {
        write_bytes(&mut out, note.as_bytes());
    }
    for nodes in [left, right] {
        write_head(&mut out, Major::Array, nodes.len() as u64);
        nodes.iter().for_each(|node| write_bytes(&mut out, &node.0));
    }
    out
}

impl ForkProof {
    /// Reads the form, steps 1 and 2; nothing is verified yet.
    ///
    /// # Errors
    /// [`ForkError::NotAForkProof`], [`ForkError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ForkError> {
        let (elements, mut reader) = named(bytes).map_err(|_| ForkError::NotAForkProof)?;
        if elements < 2 || reader.uint() != Ok(VERSION) {
            return Err(ForkError::NotAForkProof);
        }
        // Two notes and 128 nodes at most: the limits of the parts leave no room for more than `limits::FORK_BYTES_MAX`.
        let proof = parse_rest(elements, reader).map_err(|_| ForkError::Malformed)?;
        let (a, b) = (proof.a.checkpoint, proof.b.checkpoint);
        if a.log == b.log && a.size <= b.size { Ok(proof) } else { Err(ForkError::Malformed) }
    }

    /// Steps 3 and 4: `Ok` when the log is forked, under keys that the caller trusts.
    ///
    /// # Errors
    /// What the file fails to show.
    pub fn check(&self, trusted: &[PublicKey]) -> Result<(), ForkError> {
        let named = |note: &Note| {
            let keys: Vec<_> = trusted.iter().filter(|key| note.check_names(key, note.checkpoint.log).is_ok()).collect();
            if keys.is_empty() { Err(ForkError::UnknownKey) } else { Ok(keys) }
        };
        let (keys_a, keys_b) = (named(&self.a)?, named(&self.b)?);
        for (note, keys) in [(&self.a, keys_a), (&self.b, keys_b)] {
            keys.into_iter().any(|key| note.is_signed_by(key)).then_some(()).ok_or(ForkError::Signature)?;
        }
        if self.contradicts() { Ok(()) } else { Err(ForkError::Unproven) }
    }

    fn contradicts(&self) -> bool {
        let (a, b) = (self.a.checkpoint, self.b.checkpoint);
        if a.size == b.size {
            return a.root != b.root && self.left.is_empty() && self.right.is_empty();
        }
        let Some(prefix) = Frontier::from_nodes(a.size, self.left.clone()) else { return false };
        prefix.root_with(b.size, &self.right) == Some(b.root) && prefix.root() != Some(a.root)
    }
}

/// What follows the version.
fn parse_rest(elements: u64, mut reader: Reader<'_>) -> Result<ForkProof, CborError> {
    if elements != ELEMENTS {
        return Err(CborError::NotCanonical);
    }
    let (a, b) = (note(&mut reader)?, note(&mut reader)?);
    let (left, right) = (nodes(&mut reader)?, nodes(&mut reader)?);
    if reader.is_done() { Ok(ForkProof { a, b, left, right }) } else { Err(CborError::NotCanonical) }
}

fn note(reader: &mut Reader<'_>) -> Result<Note, CborError> {
    Note::parse(reader.bytes_within(limits::NOTE_BYTES_MAX)?).map_err(|_| CborError::NotCanonical)
}

fn nodes(reader: &mut Reader<'_>) -> Result<Vec<TreeHash>, CborError> {
    let count = reader.array()?;
    if count > limits::PATH_NODES_MAX as u64 {
        return Err(CborError::NotCanonical);
    }
    (0..count).map(|_| reader.fixed().map(TreeHash)).collect()
}
