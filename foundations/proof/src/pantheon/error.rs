//! Why something of a chain is not to be relied on, each with its stable code (spec/pantheon.md "Reasons").

use super::amount::Amount;
use crate::digest::{ChainId, SetDigest};
use core::fmt;

/// Which sort of thing is not of its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// An address as text.
    Address,
    /// A transaction.
    Transaction,
    /// A block around its header and transactions.
    Block,
    /// A header.
    Header,
    /// A certificate.
    Certificate,
    /// A validator set.
    Validators,
    /// A genesis file or its head.
    Genesis,
    /// An entry of the state.
    Entry,
    /// A light proof.
    Light,
}

impl Part {
    fn code(self) -> &'static str {
        match self {
            Self::Address => "malformed-address",
            Self::Transaction => "malformed-transaction",
            Self::Block => "malformed-block",
            Self::Header => "malformed-header",
            Self::Certificate => "malformed-certificate",
            Self::Validators => "malformed-validators",
            Self::Genesis => "malformed-genesis",
            Self::Entry => "malformed-entry",
            Self::Light => "malformed-light-proof",
        }
    }
}

/// Why something of a chain is refused. The offending values stand beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PantheonError {
    /// Not the one encoding of such a thing.
    Malformed(Part),
    /// More bytes than there may be.
    Oversized {
        /// Of what.
        part: Part,
        /// How many there are.
        bytes: usize,
        /// How many there may be.
        most: usize,
    },
    /// An address of the other network.
    AddressNetwork,
    /// Genesis gives out more or less than there is.
    GenesisSum {
        /// What allocations, bonds and treasury come to, in obols.
        sum: u128,
        /// What they must come to.
        supply: Amount,
    },
    /// A parameter of genesis is outside its bounds.
    GenesisParams,
    /// The allocations are not those that the head commits to.
    GenesisAllocations,
    /// The genesis head is not the one that the verifier pinned.
    GenesisDigest {
        /// What the head's digest is.
        found: ChainId,
    },
    /// Of another chain.
    Chain {
        /// Which.
        found: ChainId,
    },
    /// A header's epoch is not that of its height, or heights do not ascend, or a set changes elsewhere than at an epoch's end.
    Height {
        /// The header's height.
        height: u64,
        /// Its epoch.
        epoch: u64,
    },
    /// The set is not the one that was to be.
    ValidatorSet {
        /// Its digest.
        found: SetDigest,
    },
    /// Too few validators signed.
    Quorum {
        /// How many did.
        have: usize,
        /// How many must.
        need: usize,
    },
    /// A certificate is about another round than its header can have.
    Round {
        /// The header's epoch.
        epoch: u64,
        /// The certificate's.
        found: u64,
    },
    /// A validator's vote does not verify.
    VoteSignature {
        /// Its place in the set.
        seat: usize,
    },
    /// The proof leads to another root than the header's.
    StateRoot,
}

impl PantheonError {
    /// The stable reason code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed(part) => part.code(),
            Self::Oversized { .. } => "oversized",
            Self::AddressNetwork => "address-network",
            Self::GenesisSum { .. } => "genesis-sum",
            Self::GenesisParams => "genesis-params",
            Self::GenesisAllocations => "genesis-allocations",
            Self::GenesisDigest { .. } => "genesis-digest",
            Self::Chain { .. } => "chain",
            Self::Height { .. } => "height",
            Self::ValidatorSet { .. } => "validator-set",
            Self::Quorum { .. } => "quorum",
            Self::Round { .. } => "round",
            Self::VoteSignature { .. } => "vote-signature",
            Self::StateRoot => "state-root",
        }
    }
}

impl fmt::Display for PantheonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(part) => write!(f, "{}: not the one encoding that there is", part.code()),
            Self::Oversized { bytes, most, .. } => write!(f, "{bytes} bytes are more than the {most} that there may be"),
            Self::AddressNetwork => f.write_str("the address is one of the other network"),
            Self::GenesisSum { sum, supply } => write!(f, "allocations, bonds and treasury come to {sum} obols, and must come to {}", supply.obols()),
            Self::GenesisParams => f.write_str("a parameter of genesis is outside its bounds"),
            Self::GenesisAllocations => f.write_str("the allocations are not those that the genesis head commits to"),
            Self::GenesisDigest { found } => write!(f, "the genesis digest is {found}, not the one that was pinned"),
            Self::Chain { found } => write!(f, "it is of chain {found}"),
            Self::Height { height, epoch } => write!(f, "height {height} and epoch {epoch} do not belong there"),
            Self::ValidatorSet { found } => write!(f, "validator set {found} is not the one that was to sign"),
            Self::Quorum { have, need } => write!(f, "{have} validators signed, and {need} must"),
            Self::Round { epoch, found } => write!(f, "the header is of epoch {epoch}, the certificate of a round of epoch {found} that it cannot have"),
            Self::VoteSignature { seat } => write!(f, "the vote of validator {seat} does not verify"),
            Self::StateRoot => f.write_str("the proof leads to another state root than the header's"),
        }
    }
}

impl core::error::Error for PantheonError {}
