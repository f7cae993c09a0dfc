//! A certificate: a quorum of validators, each with its own signature, says that a block is final (spec/pantheon.md "Certificate").

use super::error::{PantheonError, Part};
use super::form::{BAD, begin, list, signature, whole, write_array, write_uint};
use super::header::Header;
use super::validators::{ValidatorSet, quorum};
use super::vote::{Proposal, Round, VoteKind};
use crate::cbor::write_bytes;
use crate::limits;
use crate::signature::{self as signatures, SIGNATURE_LEN};
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

const MAGIC: &str = "pan-certificate";
const ELEMENTS: u64 = 7;

/// Votes of the sort finalize on one proposal, which the header beside it names.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The round in which they were cast: the block's own, or a later one that proposed it again.
    pub round: Round,
    /// The view of the block before, as the votes name it.
    pub parent: u64,
    /// One bit a seat, the lowest of the first byte first; bits beyond the seats are zero.
    signers: Vec<u8>,
    /// One for each set bit, in the order of the seats.
    signatures: Vec<[u8; SIGNATURE_LEN]>,
}

impl Certificate {
    /// From votes by seat, ascending; `None` where seats do not ascend or lie outside the set.
    pub fn new(round: Round, parent: u64, seats: usize, votes: Vec<(usize, Box<[u8; SIGNATURE_LEN]>)>) -> Option<Self> {
        let mut signers = vec![0; seats.div_ceil(8)];
        let mut last = None;
        for (seat, _) in &votes {
            if *seat >= seats || last.is_some_and(|last| last >= *seat) {
                return None;
            }
            last = Some(*seat);
            *signers.get_mut(seat / 8)? |= 1 << (seat % 8);
        }
        Some(Self { round, parent, signers, signatures: votes.into_iter().map(|(_, signature)| *signature).collect() })
    }

    /// The encoding.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = begin(MAGIC, ELEMENTS);
        [self.round.epoch, self.round.view, self.parent].iter().for_each(|number| write_uint(&mut out, *number));
        write_bytes(&mut out, &self.signers);
        write_array(&mut out, self.signatures.len());
        self.signatures.iter().for_each(|signature| write_bytes(&mut out, signature));
        out
    }

    /// Reads the form: as many signatures as bits.
    ///
    /// # Errors
    /// [`PantheonError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, PantheonError> {
        whole(Part::Certificate, bytes, MAGIC, ELEMENTS, |reader| {
            let round = Round { epoch: reader.uint()?, view: reader.uint()? };
            let parent = reader.uint()?;
            let signers = reader.bytes_within(limits::SEATS_MAX / 8)?.to_vec();
            let signatures = list(reader, 1, limits::SEATS_MAX, |reader| signature(reader).map(|signature| *signature))?;
            let bits: u32 = signers.iter().map(|byte| byte.count_ones()).sum();
            if bits as usize == signatures.len() { Ok(Self { round, parent, signers, signatures }) } else { Err(BAD) }
        })
    }

    /// The seats that signed.
    pub fn seats(&self) -> impl Iterator<Item = usize> {
        self.signers.iter().enumerate().flat_map(|(at, byte)| (0..8).filter(move |bit| byte >> bit & 1 == 1).map(move |bit| 8 * at + bit))
    }

    /// What each of them signed with, ascending by seat.
    pub fn votes(&self) -> impl Iterator<Item = (usize, &[u8; SIGNATURE_LEN])> {
        self.seats().zip(&self.signatures)
    }

    /// Does a quorum of `set` say that this header's block is final? The caller knows that the set is the header's.
    ///
    /// # Errors
    /// In this order: [`PantheonError::Malformed`] where the bits are not those of so many seats, [`PantheonError::Round`], [`PantheonError::Quorum`],
    /// [`PantheonError::VoteSignature`] of the lowest seat.
    pub fn check(&self, header: &Header, set: &ValidatorSet) -> Result<(), PantheonError> {
        let seat_count = set.keys().len();
        if self.signers.len() != seat_count.div_ceil(8) || self.seats().any(|seat| seat >= seat_count) {
            return Err(PantheonError::Malformed(Part::Certificate));
        }
        if self.round.epoch != header.epoch || self.round.view < header.view || self.parent >= self.round.view {
            return Err(PantheonError::Round { epoch: header.epoch, found: self.round.epoch });
        }
        let (have, need) = (self.signatures.len(), quorum(seat_count));
        if have < need {
            return Err(PantheonError::Quorum { have, need });
        }
        let message = VoteKind::Finalize(Proposal { round: self.round, parent: self.parent, block: header.id() }).message(header.chain);
        for (seat, signature) in self.votes() {
            let is_good = set.keys().get(seat).is_some_and(|key| signatures::verify(key, &message, signature));
            is_good.then_some(()).ok_or(PantheonError::VoteSignature { seat })?;
        }
        Ok(())
    }
}
