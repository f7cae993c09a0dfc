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
    /// From a note's bytes, or from `SIZE:ROOT` (decimal, 64 hex digits), which one LF may end.
    ///
    /// # Errors
    /// [`Misuse::Reference`] for anything else.
    pub fn parse(bytes: &[u8]) -> Result<Self, Misuse> {
        let head = || {
            let text = core::str::from_utf8(bytes).ok()?;
            let (size, root) = text.strip_suffix('\n').unwrap_or(text).split_once(':')?;
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

impl Policy {
    /// What can be known before a bundle is read: first the reference, then `upto`.
    ///
    /// # Errors
    /// [`Misuse::Reference`] if the reference is not signed by the key that the policy brings; [`Misuse::Upto`].
    pub fn check(&self) -> Result<(), Misuse> {
        if let (Some(reference), Some(TrustedKey::Key(key))) = (&self.reference, &self.key) {
            reference.check_signed_by(key)?;
        }
        let is_reachable = self.upto.is_none() || self.upto == self.reference.as_ref().map(Reference::size);
        if is_reachable { Ok(()) } else { Err(Misuse::Upto) }
    }
}

/// The policy cannot be used (exit 64). Of several the first in this order is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Misuse {
    /// A key or key id that cannot be read, or both. Said by what reads a policy from text, as is [`Misuse::Require`].
    Key,
    /// The reference is not a checkpoint, or not one by the key.
    Reference,
    /// `upto` without a reference of that size.
    Upto,
    /// An axis that this version does not know.
    Require,
}

impl Misuse {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Key => "misuse-key",
            Self::Reference => "misuse-reference",
            Self::Upto => "misuse-upto",
            Self::Require => "misuse-require",
        }
    }
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => "the key cannot be read: give one public key as PEM, or its id as 64 hex digits, and not both",
            Self::Reference => "the reference is not a checkpoint signed by this key: give a file that `mickai log checkpoint` wrote, or SIZE:ROOT",
            Self::Upto => "upto needs a reference of exactly that size",
            Self::Require => "no such axis: require some of integrity, authenticity, inclusion, consistency, completeness, key-status, time, pairing, disclosure",
        })
    }
}

impl core::error::Error for Misuse {}
