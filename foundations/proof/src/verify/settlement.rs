//! Settlements: what chains say of a log's newest checkpoint, and which of them count as an outside reference (spec/verdict.md "Settlements").

use super::{Head, Reason, Reference};
use crate::checkpoint::Checkpoint;
use crate::digest::{ChainId, LogId, TreeHash};
use crate::limits;
use crate::pantheon::{Entry, Height, LightProof, LogEntry, PantheonError, Part, StateKey};
use crate::signature;

/// Seats that every set on a light proof's way must have had for what the chain says to be an outside reference: of fewer, one alone can decide.
pub const WITNESS_SEATS_MIN: usize = 4;

/// What a settlement counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// An outside reference.
    Counted,
    /// Nothing: a set on the way was too small.
    TooFewSeats,
    /// Nothing: the verifier did not pin its chain.
    ChainNotPinned,
}

impl Standing {
    /// The word in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Counted => "counted",
            Self::TooFewSeats => "too-few-seats",
            Self::ChainNotPinned => "chain-not-pinned",
        }
    }
}

/// A checkpoint that a chain settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Where.
    pub chain: ChainId,
    /// By which block.
    pub height: Height,
    /// Records covered.
    pub size: u64,
    /// Their root.
    pub root: TreeHash,
    /// The fewest that any set of validators on the way had.
    pub seats: usize,
    /// What it counts for.
    pub standing: Standing,
}

impl Settled {
    /// As step 20 compares it; nothing where it does not count.
    pub(super) fn reference(&self) -> Option<Reference> {
        let head = Head::Settled { size: self.size, root: self.root };
        (self.standing == Standing::Counted).then_some(Reference { head, requested_ms: None, received_ms: None })
    }
}

/// Judges a settlement of `log`, whether or not its chain is among those `pinned`: against the chain that its own head names.
///
/// # Errors
/// The reason of the light proof, [`Reason::Settlement`], or [`Reason::Fork`] where a pinned chain knows of one.
pub fn settled(proof: &[u8], log: LogId, pinned: &[ChainId]) -> Result<Settled, Reason> {
    let proof = LightProof::parse(proof).map_err(reason)?;
    let chain = proof.head.id();
    let shown = proof.check(chain).map_err(|refused| reason(refused.error))?;
    let [(StateKey::Log(of), Some(Entry::Log(entry)))] = shown.entries.as_slice() else { return Err(Reason::Settlement) };
    let newest = newest(log, entry).filter(|_| *of == log).ok_or(Reason::Settlement)?;
    let standing = match () {
        () if !pinned.contains(&chain) => Standing::ChainNotPinned,
        () if shown.validators_fewest < WITNESS_SEATS_MIN => Standing::TooFewSeats,
        () => Standing::Counted,
    };
    // The chain was shown a proof of the fork.
    if standing == Standing::Counted && entry.fork.is_some() {
        return Err(Reason::Fork);
    }
    let (height, Checkpoint { size, root, .. }) = newest;
    Ok(Settled { chain, height, size, root, seats: shown.validators_fewest, standing })
}

/// The newest checkpoint and its block; `None` unless the key that the chain names signed it.
fn newest(log: LogId, entry: &LogEntry) -> Option<(Height, Checkpoint)> {
    let newest = entry.newest.as_ref().filter(|newest| newest.height.0 <= limits::INDEX_MAX)?;
    let checkpoint = Checkpoint { log, size: newest.size, root: newest.root };
    let reign = entry.keys.get(usize::try_from(newest.key).ok()?)?;
    signature::verify(&reign.key, checkpoint.text().as_bytes(), &newest.signature).then_some((newest.height, checkpoint))
}

/// The same code as of the light proof alone.
fn reason(error: PantheonError) -> Reason {
    match error {
        PantheonError::Malformed(Part::Genesis) => Reason::MalformedGenesis,
        PantheonError::Malformed(Part::Header) => Reason::MalformedHeader,
        PantheonError::Malformed(Part::Certificate) => Reason::MalformedCertificate,
        PantheonError::Malformed(Part::Validators) => Reason::MalformedValidators,
        PantheonError::Malformed(Part::Entry) => Reason::MalformedEntry,
        PantheonError::GenesisParams => Reason::GenesisParams,
        PantheonError::GenesisSum { .. } => Reason::GenesisSum,
        PantheonError::Chain { .. } => Reason::Chain,
        PantheonError::Height { .. } => Reason::Height,
        PantheonError::ValidatorSet { .. } => Reason::ValidatorSet,
        PantheonError::Round { .. } => Reason::Round,
        PantheonError::Quorum { .. } => Reason::Quorum,
        PantheonError::VoteSignature { .. } => Reason::VoteSignature,
        PantheonError::StateRoot => Reason::StateRoot,
        // The others are of parts that a light proof does not have, or of sizes that a bundle does not hold.
        PantheonError::Malformed(Part::Light | Part::Address | Part::Transaction | Part::Block)
        | PantheonError::Oversized { .. }
        | PantheonError::AddressNetwork
        | PantheonError::GenesisAllocations
        | PantheonError::GenesisDigest { .. } => Reason::MalformedLightProof,
    }
}
