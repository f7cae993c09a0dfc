//! A key event as a value: what genesis, rotate and revoke say in their facts (spec/keys.md "Key events").

use crate::digest::{KeyId, LogId, RecordDigest};
use crate::key::PublicKey;
use crate::record::{Fact, Kind, Record};
use crate::signature::SIGNATURE_LEN;
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

const ROTATION_DOMAIN: &[u8] = b"oar-rotate-v1\0";

/// The keys that may follow, known by their ids alone until one of them is put in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The key that a rotation, or a revocation, puts in force.
    pub next: KeyId,
    /// The key that only a revocation puts in force.
    pub recovery: KeyId,
}

/// A key that comes into force, and what is committed from then on.
#[derive(Clone, PartialEq, Eq)]
pub struct Succession {
    /// The key.
    pub key: PublicKey,
    /// What may follow it.
    pub committed: Committed,
}

/// What the signatures of a key are worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// The key.
    pub revoked: KeyId,
    /// Its signatures from this index on are worth nothing.
    pub effective: u64,
    /// When it may have come into other hands, ms since 1970; absent where what is older is not in doubt.
    pub since_ms: Option<u64>,
}

/// What a record of one of the three kinds says about keys.
#[derive(Clone, PartialEq, Eq)]
pub enum KeyEvent {
    /// The first key.
    Genesis(Succession),
    /// The next key takes over; both sign.
    Rotate {
        /// It, and what follows.
        to: Succession,
        /// Its signature over [`rotation_message`].
        proof: Box<[u8; SIGNATURE_LEN]>,
    },
    /// A key's signatures are worth less.
    Revoke {
        /// Which, and from when.
        revocation: Revocation,
        /// The successor, where the key in force is revoked.
        to: Option<Succession>,
    },
}

impl KeyEvent {
    /// Is a record of this kind a key event?
    pub fn is_told_by(kind: Kind) -> bool {
        matches!(kind, Kind::Genesis | Kind::Rotate | Kind::Revoke)
    }

    /// What the record says; `None` if it is of another kind, or its facts have not the form of the spec.
    pub fn of(record: &Record<'_>) -> Option<Self> {
        match record.kind {
            Kind::Genesis => Succession::of(record).map(Self::Genesis),
            Kind::Rotate => {
                let proof = record.fact("proof").and_then(Fact::as_bytes)?;
                Some(Self::Rotate { to: Succession::of(record)?, proof: Box::new(proof.try_into().ok()?) })
            }
            Kind::Revoke => {
                let names_successor = ["key", "next", "recovery"].iter().any(|name| record.fact(name).is_some());
                let to = if names_successor { Some(Succession::of(record)?) } else { None };
                Some(Self::Revoke { revocation: Revocation::of(record)?, to })
            }
            _ => None,
        }
    }

    /// The facts that say it, keys ascending as in a map.
    pub fn to_facts(&self) -> Vec<(Cow<'static, str>, Fact<'static>)> {
        let mut facts = Vec::new();
        match self {
            Self::Genesis(to) => facts.extend(to.to_facts()),
            Self::Rotate { to, proof } => {
                facts.extend(to.to_facts());
                facts.push(("proof", Fact::Bytes(Cow::Owned(proof.to_vec()))));
            }
            Self::Revoke { revocation, to } => {
                facts.push(("revoked", Fact::Bytes(Cow::Owned(revocation.revoked.0.to_vec()))));
                facts.push(("effective", Fact::Uint(revocation.effective)));
                facts.extend(revocation.since_ms.map(|since| ("since", Fact::Uint(since))));
                facts.extend(to.iter().flat_map(Succession::to_facts));
            }
        }
        facts.sort_by_key(|(name, _)| (name.len(), *name));
        facts.into_iter().map(|(name, fact)| (Cow::Borrowed(name), fact)).collect()
    }

    /// The key that this puts in force, and what is committed with it.
    pub fn succession(&self) -> Option<&Succession> {
        match self {
            Self::Genesis(to) | Self::Rotate { to, .. } => Some(to),
            Self::Revoke { to, .. } => to.as_ref(),
        }
    }
}

impl Succession {
    fn of(record: &Record<'_>) -> Option<Self> {
        let id = |name| record.fact(name).and_then(Fact::as_bytes).and_then(KeyId::from_slice);
        let key = record.fact("key").and_then(Fact::as_bytes).and_then(|der| PublicKey::from_spki(der).ok())?;
        Some(Self { key, committed: Committed { next: id("next")?, recovery: id("recovery")? } })
    }

    fn to_facts(&self) -> Vec<(&'static str, Fact<'static>)> {
        let bytes = |bytes: Vec<u8>| Fact::Bytes(Cow::Owned(bytes));
        vec![("key", bytes(self.key.to_spki())), ("next", bytes(self.committed.next.0.to_vec())), ("recovery", bytes(self.committed.recovery.0.to_vec()))]
    }
}

impl Revocation {
    fn of(record: &Record<'_>) -> Option<Self> {
        let since_ms = match record.fact("since") {
            Some(fact) => Some(fact.as_uint()?),
            None => None,
        };
        Some(Self { revoked: record.fact("revoked").and_then(Fact::as_bytes).and_then(KeyId::from_slice)?, effective: record.fact("effective").and_then(Fact::as_uint)?, since_ms })
    }
}

/// What the new key of a rotation signs: the record's place in the log, and what the record says.
pub fn rotation_message(log: LogId, index: u64, prev: RecordDigest, to: &Succession) -> Vec<u8> {
    [ROTATION_DOMAIN, &log.0, &index.to_be_bytes(), &prev.0, &to.key.id().0, &to.committed.next.0, &to.committed.recovery.0].concat()
}
