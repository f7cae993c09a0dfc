//! What the verifier brings: the key it trusts, the tree head it kept, the axes it requires (spec/verdict.md "Input").

use super::Axis;
use crate::checkpoint::{Note, decimal};
use crate::digest::{KeyId, TreeHash};
use crate::key::PublicKey;
use alloc::collections::BTreeSet;
use core::fmt;

/// The key that the verifier trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustedKey {
    /// The key itself.
    Key(PublicKey),
    /// Its id; the key comes with the bundle and is compared.
    Id(KeyId),
}

impl TrustedKey {
    /// The key's id.
    pub fn id(&self) -> KeyId {
        match self {
            Self::Key(key) => key.id(),
            Self::Id(id) => *id,
        }
    }
}

/// A tree head that the verifier kept.
#[derive(Clone)]
pub enum Reference {
    /// As a signed note.
    Note(Note),
    /// As size and root.
    Head {
        /// Records covered.
        size: u64,
        /// Their root.
        root: TreeHash,
    },
}

impl Reference {
    /// From a note's bytes, or from `SIZE:ROOT` (decimal, 64 hex digits).
    ///
    /// # Errors
    /// [`Misuse::Reference`] for anything else.
    pub fn parse(bytes: &[u8]) -> Result<Self, Misuse> {
        let head = || {
            let (size, root) = core::str::from_utf8(bytes).ok()?.trim_end().split_once(':')?;
            Some(Self::Head { size: decimal(size)?, root: TreeHash::from_hex(root)? })
        };
        head().or_else(|| Note::parse(bytes).ok().map(Self::Note)).ok_or(Misuse::Reference)
    }

    /// Records covered.
    pub fn size(&self) -> u64 {
        match self {
            Self::Note(note) => note.checkpoint.size,
            Self::Head { size, .. } => *size,
        }
    }

    /// Their root.
    pub fn root(&self) -> TreeHash {
        match self {
            Self::Note(note) => note.checkpoint.root,
            Self::Head { root, .. } => *root,
        }
    }

    /// A note that does not verify under the key is a wrong usage, not a contradiction in the log.
    pub(super) fn check_signed_by(&self, key: &PublicKey) -> Result<(), Misuse> {
        match self {
            Self::Note(note) => note.verify(key, note.checkpoint.log).map(drop).map_err(|_| Misuse::Reference),
            Self::Head { .. } => Ok(()),
        }
    }
}

/// What to verify against. The default trusts nothing and requires what the spec says.
#[derive(Clone)]
pub struct Policy {
    /// The trust anchor; without one the best verdict is STALE.
    pub key: Option<TrustedKey>,
    /// What was kept from earlier.
    pub reference: Option<Reference>,
    /// The axes that must pass.
    pub require: BTreeSet<Axis>,
    /// Judge only the records that the reference covers; its value is the reference's size.
    pub upto: Option<u64>,
}

impl Default for Policy {
    fn default() -> Self {
        Self { key: None, reference: None, require: Axis::REQUIRED_BY_DEFAULT.into_iter().collect(), upto: None }
    }
}

/// The policy cannot be used (exit 64).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misuse {
    /// The reference is not a checkpoint, or not one by the key.
    Reference,
    /// `upto` without a reference of that size.
    Upto,
}

impl Misuse {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Reference => "misuse-reference",
            Self::Upto => "misuse-upto",
        }
    }
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reference => "the reference is not a checkpoint signed by this key: give a file that `mickai log checkpoint` wrote, or SIZE:ROOT",
            Self::Upto => "upto needs a reference of exactly that size",
        })
    }
}

impl core::error::Error for Misuse {}
