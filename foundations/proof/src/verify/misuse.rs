//! Wrong usage: the policy itself cannot be used (spec/verdict.md "Input").

use core::fmt;

/// The policy cannot be used (exit 64). Of several the first in this order is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Misuse {
    /// A policy file that is not one.
    Policy,
    /// A key or key id that cannot be read, or too many.
    Key,
    /// A reference that is not a checkpoint, or not one by the key that it names, or too many.
    Reference,
    /// `upto` without a reference of that size; where chains are pinned, known in step 20 alone.
    Upto,
    /// An axis that this version does not know.
    Require,
    /// A statement that is not one, or whose signature is wrong, or too many.
    Revocation,
    /// A greatest age, and no clock to measure it by.
    Age,
    /// A chain id that cannot be read, or too many.
    Chain,
}

impl Misuse {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Policy => "misuse-policy",
            Self::Key => "misuse-key",
            Self::Reference => "misuse-reference",
            Self::Upto => "misuse-upto",
            Self::Require => "misuse-require",
            Self::Revocation => "misuse-revocation",
            Self::Age => "misuse-age",
            Self::Chain => "misuse-chain",
        }
    }
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Policy => "the policy file is not one: it is a JSON object of keys, references, require, upto, revocations, max_age_ms, skew_ms and chains, each at most once, and nothing else",
            Self::Key => "a key cannot be read: give public keys as PEM, or their ids as 64 hex digits, at most 16",
            Self::Reference => "a reference is not a checkpoint signed by a key of this log: give a file that `mickai log checkpoint` wrote, or SIZE:ROOT, at most 16, none received before it was requested",
            Self::Upto => "upto needs a checkpoint, or a settlement on a pinned chain, of exactly that size, and none greater",
            Self::Require => "no such axis: require some of integrity, authenticity, inclusion, consistency, completeness, key-status, time, pairing, disclosure",
            Self::Revocation => "a revocation statement is broken or its signature is wrong: give files that `mickai key revoke --statement` wrote, at most 16",
            Self::Age => "a greatest age needs the time of now",
            Self::Chain => "a chain id cannot be read: give the digests of genesis that `pantheon genesis show` prints, 64 hex digits each, at most 16",
        })
    }
}

impl core::error::Error for Misuse {}
