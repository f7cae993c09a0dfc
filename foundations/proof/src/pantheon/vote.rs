//! A vote of a validator, byte for byte as the consensus engine has it signed, and two that contradict each other (spec/pantheon.md "Votes").

use super::address::Address;
use super::form::{BAD, address, signature, write_array, write_uint};
use crate::cbor::{CborError, Reader, write_bytes};
use crate::digest::{BlockId, ChainId};
use crate::key::PublicKey;
use crate::signature::{self as signatures, SIGNATURE_LEN};
use alloc::boxed::Box;
use alloc::vec::Vec;

const NAMESPACE: &[u8] = b"pan-vote-v1\0";

/// An attempt to agree on one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Round {
    /// During which one set of validators votes.
    pub epoch: u64,
    /// Counted within the epoch.
    pub view: u64,
}

/// What a round proposes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Proposal {
    /// Where.
    pub round: Round,
    /// The view of the block before it.
    pub parent: u64,
    /// The block.
    pub block: BlockId,
}

/// The three sorts of votes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum VoteKind {
    /// For a block in a round.
    Notarize(Proposal),
    /// For leaving a round without a block.
    Nullify(Round),
    /// That a block is final.
    Finalize(Proposal),
}

/// A vote with its signature.
#[derive(Clone, PartialEq, Eq)]
pub struct Vote {
    /// What it says.
    pub kind: VoteKind,
    /// Over [`VoteKind::message`].
    pub signature: Box<[u8; SIGNATURE_LEN]>,
}

/// Two votes by one validator that no honest one casts.
#[derive(Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The address of the key that voted.
    pub voter: Address,
    /// The lower one, by kind and then by proposal.
    pub a: Vote,
    /// The other one.
    pub b: Vote,
}

impl Proposal {
    /// Its fields as the engine encodes them: three LEB128 numbers and 32 bytes.
    fn encode(&self, out: &mut Vec<u8>) {
        self.round.encode(out);
        leb128(out, self.parent);
        out.extend(self.block.0);
    }
}

impl Round {
    fn encode(&self, out: &mut Vec<u8>) {
        leb128(out, self.epoch);
        leb128(out, self.view);
    }
}

impl VoteKind {
    /// What a validator signs: the length of the namespace, the namespace, and what is voted for.
    pub fn message(&self, chain: ChainId) -> Vec<u8> {
        let suffix: &[u8] = match self {
            Self::Notarize(_) => b"_NOTARIZE",
            Self::Nullify(_) => b"_NULLIFY",
            Self::Finalize(_) => b"_FINALIZE",
        };
        let mut out = Vec::with_capacity(128);
        leb128(&mut out, (NAMESPACE.len() + ChainId::LEN + suffix.len()) as u64);
        [NAMESPACE, &chain.0, suffix].iter().for_each(|part| out.extend(*part));
        match self {
            Self::Notarize(proposal) | Self::Finalize(proposal) => proposal.encode(&mut out),
            Self::Nullify(round) => round.encode(&mut out),
        }
        out
    }

    /// In which round.
    pub fn round(&self) -> Round {
        match self {
            Self::Notarize(proposal) | Self::Finalize(proposal) => proposal.round,
            Self::Nullify(round) => *round,
        }
    }
}

impl Vote {
    /// Is it by `key`, on `chain`?
    pub fn is_signed_by(&self, key: &PublicKey, chain: ChainId) -> bool {
        signatures::verify(key, &self.kind.message(chain), &self.signature)
    }

    fn write(&self, out: &mut Vec<u8>) {
        let (code, proposal) = match &self.kind {
            VoteKind::Notarize(proposal) => (0, Some(proposal)),
            VoteKind::Nullify(_) => (1, None),
            VoteKind::Finalize(proposal) => (2, Some(proposal)),
        };
        let round = self.kind.round();
        write_array(out, if proposal.is_some() { 6 } else { 4 });
        [code, round.epoch, round.view].iter().for_each(|number| write_uint(out, *number));
        if let Some(proposal) = proposal {
            write_uint(out, proposal.parent);
            write_bytes(out, &proposal.block.0);
        }
        write_bytes(out, &self.signature[..]);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        let elements = reader.array()?;
        let code = reader.uint()?;
        let round = Round { epoch: reader.uint()?, view: reader.uint()? };
        let kind = match (code, elements) {
            (0, 6) => VoteKind::Notarize(proposal(reader, round)?),
            (1, 4) => VoteKind::Nullify(round),
            (2, 6) => VoteKind::Finalize(proposal(reader, round)?),
            _ => return Err(BAD),
        };
        Ok(Self { kind, signature: signature(reader)? })
    }
}

fn proposal(reader: &mut Reader<'_>, round: Round) -> Result<Proposal, CborError> {
    Ok(Proposal { round, parent: reader.uint()?, block: BlockId(reader.fixed()?) })
}

impl Evidence {
    /// Do the two contradict each other? Two proposals of one sort in one round, or leaving a round and finishing it.
    pub fn contradicts(&self) -> bool {
        let (a, b) = (&self.a.kind, &self.b.kind);
        let is_a_pair = match (a, b) {
            (VoteKind::Notarize(one), VoteKind::Notarize(other)) | (VoteKind::Finalize(one), VoteKind::Finalize(other)) => one != other,
            (VoteKind::Nullify(_), VoteKind::Finalize(_)) => true,
            _ => false,
        };
        is_a_pair && a.round() == b.round()
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        write_bytes(out, &self.voter.0);
        self.a.write(out);
        self.b.write(out);
    }

    /// Three elements; of two orders there is one.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        let evidence = Self { voter: address(reader)?, a: Vote::read(reader)?, b: Vote::read(reader)? };
        if evidence.a.kind < evidence.b.kind { Ok(evidence) } else { Err(BAD) }
    }
}

/// Seven bits a byte, the lowest first.
fn leb128(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8 & 0x7f) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
