//! A record as a value, field by field of the CDDL in spec/record.md.

use super::kind::{ActorClass, Kind, Mode, OutcomeCode};
use crate::digest::{Commitment, Id, KeyId, LogId, RecordDigest};
use alloc::borrow::Cow;
use alloc::vec::Vec;

/// One record. Field numbers are those of the CDDL in spec/record.md; absent and empty are the same for `causes` and the maps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// 2: which log; [`LogId::GENESIS`] in genesis.
    pub log_id: LogId,
    /// 3: place in the log, from 0.
    pub index: u64,
    /// 4: D of the record before; absent exactly at index 0.
    pub prev: Option<RecordDigest>,
    /// 5: the operator's claim of the time, ms since 1970.
    pub wall_ms: u64,
    /// 6: which boot of the machine.
    pub boot_id: Id,
    /// 6: nanoseconds since then.
    pub monotonic_ns: u64,
    /// 7: what sort of fact.
    pub kind: Kind,
    /// 8: who acted.
    pub actor: (ActorClass, Id),
    /// 9: under which policy, and its version.
    pub authority: (Id, u64),
    /// 10: the act's name.
    pub action: Cow<'a, str>,
    /// 11: earlier records that led to this one, ascending.
    pub causes: Vec<(u64, RecordDigest)>,
    /// 12: small public values, keys ascending.
    pub facts: Vec<(Cow<'a, str>, Fact<'a>)>,
    /// 13: commitments to values not shown, labels ascending.
    pub commitments: Vec<(Cow<'a, str>, Commitment)>,
    /// 14 and 15: in outcomes, D of the intent, and how it ended.
    pub closes: Option<(RecordDigest, OutcomeCode)>,
    /// 16: how it is signed.
    pub mode: Mode,
    /// 17: by which key.
    pub key_id: KeyId,
    /// 18: labels of `extensions` that a verifier must know.
    pub critical: Vec<Cow<'a, str>>,
    /// 19: encoded values (profile of spec/record.md), labels ascending.
    pub extensions: Vec<(Cow<'a, str>, Cow<'a, [u8]>)>,
}

/// A small public value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact<'a> {
    /// A number.
    Uint(u64),
    /// Bytes: a digest, a seed, the bits of a real.
    Bytes(Cow<'a, [u8]>),
    /// Text.
    Text(Cow<'a, str>),
    /// Several of the above, never nested.
    List(Vec<Fact<'a>>),
}

impl Fact<'_> {
    /// A real number as its binary32 bits, big-endian.
    pub fn real(value: f32) -> Self {
        Self::Bytes(Cow::Owned(value.to_bits().to_be_bytes().to_vec()))
    }

    /// The number, if it is one.
    pub fn as_uint(&self) -> Option<u64> {
        if let Self::Uint(value) = self { Some(*value) } else { None }
    }

    /// The bytes, if they are.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        if let Self::Bytes(value) = self { Some(value) } else { None }
    }

    /// The text, if it is.
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(value) = self { Some(value) } else { None }
    }

    /// The real number, if it is 4 bytes.
    pub fn as_real(&self) -> Option<f32> {
        Some(f32::from_bits(u32::from_be_bytes(self.as_bytes()?.try_into().ok()?)))
    }
}

impl<'a> Record<'a> {
    /// The fact of that name.
    pub fn fact(&self, name: &str) -> Option<&Fact<'a>> {
        self.facts.iter().find(|(key, _)| key == name).map(|(_, fact)| fact)
    }

    /// The commitment of that label.
    pub fn commitment(&self, label: &str) -> Option<Commitment> {
        self.commitments.iter().find(|(key, _)| key == label).map(|(_, commitment)| *commitment)
    }
}
