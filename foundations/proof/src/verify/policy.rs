//! What the verifier brings: the keys it trusts, the tree heads it kept, the axes it requires (spec/verdict.md "Input").

use super::{Axis, Misuse};
use crate::checkpoint::{Note, decimal};
use crate::digest::{ChainId, KeyId, LogId, TreeHash};
use crate::history::Statement;
use crate::key::PublicKey;
use crate::limits::POLICY_ITEMS_MAX;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

/// How far a claimed time may lie outside of what the references say, unless the policy says otherwise.
pub const SKEW_MS: u64 = 300_000;

/// A key that the verifier trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustedKey {
    /// The key itself.
    Key(PublicKey),
    /// Its id; the key comes with the bundle and is compared.
    Id(KeyId),
}

impl TrustedKey {
    /// From a PEM block, or from 64 hex digits.
    ///
    /// # Errors
    /// [`Misuse::Key`] for anything else.
    pub fn parse(text: &str) -> Result<Self, Misuse> {
        let id = KeyId::from_hex(text).map(Self::Id);
        id.or_else(|| PublicKey::from_pem(text).ok().map(Self::Key)).ok_or(Misuse::Key)
    }

    /// The key's id.
    pub fn id(&self) -> KeyId {
        match self {
            Self::Key(key) => key.id(),
            Self::Id(id) => *id,
        }
    }

    pub(super) fn key(&self) -> Option<&PublicKey> {
        if let Self::Key(key) = self { Some(key) } else { None }
    }
}

/// A tree head that the verifier kept, and what it knows of the time.
#[derive(Clone)]
pub struct Reference {
    /// The tree head.
    pub head: Head,
    /// When the verifier asked for it, ms since 1970: later records are younger.
    pub requested_ms: Option<u64>,
    /// When the verifier had it, ms since 1970: the records that it covers are older.
    pub received_ms: Option<u64>,
}

/// A tree head, signed or bare.
#[derive(Clone)]
pub enum Head {
    /// As a signed note.
    Note(Note),
    /// As size and root.
    Bare {
        /// Records covered.
        size: u64,
        /// Their root.
        root: TreeHash,
    },
    /// As a chain of the policy settled it; it comes with the bundle.
    Settled {
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
        let bare = || {
            let text = core::str::from_utf8(bytes).ok()?;
            let (size, root) = text.strip_suffix('\n').unwrap_or(text).split_once(':')?;
            Some(Head::Bare { size: decimal(size)?, root: TreeHash::from_hex(root)? })
        };
        let head = bare().or_else(|| Note::parse(bytes).ok().map(Head::Note)).ok_or(Misuse::Reference)?;
        Ok(Self { head, requested_ms: None, received_ms: None })
    }

    /// A note of another log. What only says how many records there are is taken for this one's.
    pub(super) fn is_of_another(&self, log: LogId) -> bool {
        matches!(&self.head, Head::Note(note) if note.checkpoint.log != log)
    }

    /// Records covered.
    pub fn size(&self) -> u64 {
        match &self.head {
            Head::Note(note) => note.checkpoint.size,
            Head::Bare { size, .. } | Head::Settled { size, .. } => *size,
        }
    }

    /// Their root.
    pub fn root(&self) -> TreeHash {
        match &self.head {
            Head::Note(note) => note.checkpoint.root,
            Head::Bare { root, .. } | Head::Settled { root, .. } => *root,
        }
    }

    /// A note that names one of these keys and is not signed by it is a wrong usage, not a contradiction in the log. `None` if it names none of them.
    pub(super) fn is_signed_by_one_of<'a>(&self, keys: impl IntoIterator<Item = &'a PublicKey>) -> Option<bool> {
        let Head::Note(note) = &self.head else { return Some(true) };
        let named = keys.into_iter().filter(|key| note.check_names(key, note.checkpoint.log).is_ok());
        named.map(|key| note.is_signed_by(key)).reduce(|one, other| one || other)
    }
}

/// What to verify against. The default trusts nothing and requires what the spec says.
#[derive(Clone)]
pub struct Policy {
    /// The trust anchors; without one the best verdict is STALE.
    pub keys: Vec<TrustedKey>,
    /// What was kept from earlier.
    pub references: Vec<Reference>,
    /// The chains whose settlements are believed, by the digests of their geneses.
    pub chains: Vec<ChainId>,
    /// The axes that must pass.
    pub require: BTreeSet<Axis>,
    /// Judge only the records that the reference covers; its value is the reference's size.
    pub upto: Option<u64>,
    /// Revocations that reached the verifier without the log.
    pub revocations: Vec<Statement>,
    /// How old the newest record may be by its own claim, ms; asks for `now_ms`.
    pub max_age_ms: Option<u64>,
    /// How far a claimed time may lie outside of what the references say, ms.
    pub skew_ms: u64,
    /// The verifier's own clock, ms since 1970. It is handed in: nothing here reads one.
    pub now_ms: Option<u64>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            keys: Vec::new(),
            references: Vec::new(),
            chains: Vec::new(),
            require: Axis::REQUIRED_BY_DEFAULT.into_iter().collect(),
            upto: None,
            revocations: Vec::new(),
            max_age_ms: None,
            skew_ms: SKEW_MS,
            now_ms: None,
        }
    }
}

impl Policy {
    /// A policy that trusts one key.
    pub fn trusting(key: TrustedKey) -> Self {
        Self { keys: alloc::vec![key], ..Self::default() }
    }

    /// The reference that completeness is held against: the one of the greatest size, the first of equals.
    pub fn reference(&self) -> Option<&Reference> {
        // `max_by_key` takes the last of equals.
        self.references.iter().rev().max_by_key(|reference| reference.size())
    }

    /// What can be known before a bundle is read, in the order in which misuses are said.
    ///
    /// # Errors
    /// [`Misuse`].
    pub fn check(&self) -> Result<(), Misuse> {
        let within = |count: usize, misuse| if count <= POLICY_ITEMS_MAX { Ok(()) } else { Err(misuse) };
        within(self.keys.len(), Misuse::Key)?;
        within(self.references.len(), Misuse::Reference)?;
        for reference in &self.references {
            let is_backwards = matches!((reference.requested_ms, reference.received_ms), (Some(requested), Some(received)) if received < requested);
            if is_backwards || reference.is_signed_by_one_of(self.keys.iter().filter_map(TrustedKey::key)) == Some(false) {
                return Err(Misuse::Reference);
            }
        }
        // Which reference is the greatest, a settlement may yet decide.
        if self.chains.is_empty() {
            self.check_upto()?;
        }
        within(self.revocations.len(), Misuse::Revocation)?;
        if self.max_age_ms.is_some() && self.now_ms.is_none() {
            return Err(Misuse::Age);
        }
        within(self.chains.len(), Misuse::Chain)
    }

    /// `upto` is the reference's size.
    pub(super) fn check_upto(&self) -> Result<(), Misuse> {
        if self.upto.is_some() && self.upto != self.reference().map(Reference::size) { Err(Misuse::Upto) } else { Ok(()) }
    }

    /// Is one of these keys trusted? Without any in the policy, the bundle's own will do for reading on.
    pub(super) fn trusts(&self, listed: &[KeyId]) -> bool {
        self.keys.is_empty() || self.keys.iter().any(|trusted| listed.contains(&trusted.id()))
    }

    /// Does a reference contradict that the record of `log` at `index` was written at `wall_ms`?
    pub(super) fn contradicts_time(&self, log: LogId, index: u64, wall_ms: u64) -> bool {
        let mut of_this = self.references.iter().filter(|reference| !reference.is_of_another(log));
        of_this.any(|reference| match (index < reference.size(), reference.requested_ms, reference.received_ms) {
            (true, _, Some(received)) => wall_ms > received.saturating_add(self.skew_ms),
            (false, Some(requested), _) => wall_ms < requested.saturating_sub(self.skew_ms),
            _ => false,
        })
    }

    /// How many records references had seen at a time; of the references only those of a size that was compared with the bundle.
    pub(super) fn seen_by(&self, time_ms: u64, is_compared: impl Fn(u64) -> bool) -> u64 {
        let seen = self.references.iter().filter(|reference| reference.received_ms.is_some_and(|received| received <= time_ms));
        seen.map(Reference::size).filter(|size| is_compared(*size)).max().unwrap_or(0)
    }
}
