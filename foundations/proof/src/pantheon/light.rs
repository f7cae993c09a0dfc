//! A light proof: from a genesis digest to an entry of the state, through the headers at which validators changed, in one file (spec/pantheon.md "Light client").

use super::certificate::Certificate;
use super::entry::Entry;
use super::error::{PantheonError, Part};
use super::form::{array, begin, list, whole, within, write_array};
use super::genesis::GenesisHead;
use super::header::{Header, Height};
use super::state::{StateKey, StateProof};
use super::validators::ValidatorSet;
use crate::cbor::write_bytes;
use crate::digest::ChainId;
use crate::limits;
use alloc::vec::Vec;

const MAGIC: &str = "pan-light";
const ELEMENTS: u64 = 7;

/// An epoch's last block, after which others vote.
#[derive(Clone, PartialEq, Eq)]
pub struct Change {
    /// Its header.
    pub header: Header,
    /// That it is final.
    pub certificate: Certificate,
    /// Who votes next.
    pub next: ValidatorSet,
}

/// The file.
#[derive(Clone, PartialEq, Eq)]
pub struct LightProof {
    /// Where it begins.
    pub head: GenesisHead,
    /// Changes of the validators, in order, that lead from the first set to the header's. What lies between two times of the same set may be missing.
    pub changes: Vec<Change>,
    /// The block whose state is shown.
    pub header: Header,
    /// That it is final.
    pub certificate: Certificate,
    /// What its state holds.
    pub entries: Vec<StateProof>,
}

/// What a light proof shows to one who pinned the chain's id.
#[derive(Clone, PartialEq, Eq)]
pub struct LightVerdict {
    /// The block.
    pub header: Header,
    /// The fewest validators that any of the sets on the way had: one that could decide alone is seen here. What the proof leaves out between two times of the same set is not counted.
    pub validators_fewest: usize,
    /// For each key asked for, the entry or that there is none.
    pub entries: Vec<(StateKey, Option<Entry>)>,
}

/// Why a light proof shows nothing, and the step that found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LightError {
    /// 1 to 5, as in the spec.
    pub step: u8,
    /// Why.
    pub error: PantheonError,
}

impl core::fmt::Display for LightError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}, step {}: {}", self.error.code(), self.step, self.error)
    }
}

impl core::error::Error for LightError {}

impl LightProof {
    /// The encoding.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = begin(MAGIC, ELEMENTS);
        write_bytes(&mut out, &self.head.encode());
        write_array(&mut out, self.changes.len());
        for change in &self.changes {
            write_array(&mut out, 3);
            [change.header.encode(), change.certificate.encode(), change.next.encode()].iter().for_each(|part| write_bytes(&mut out, part));
        }
        write_bytes(&mut out, &self.header.encode());
        write_bytes(&mut out, &self.certificate.encode());
        write_array(&mut out, self.entries.len());
        self.entries.iter().for_each(|entry| entry.write(&mut out));
        out
    }

    /// Step 1: the form of the file and of all its parts.
    ///
    /// # Errors
    /// [`PantheonError::Oversized`], or the first part that is not of its form.
    pub fn parse(bytes: &[u8]) -> Result<Self, PantheonError> {
        Self::parse_within(bytes, limits::LIGHT_BYTES_MAX, limits::LIGHT_CHANGES_MAX)
    }

    /// The same for a reader with limits of his own: a node that goes on from a state follows every change of the validators, however many there were.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_within(bytes: &[u8], bytes_max: usize, changes_max: usize) -> Result<Self, PantheonError> {
        within(Part::Light, bytes, bytes_max)?;
        let (head, changes, header, certificate, entries) = whole(Part::Light, bytes, MAGIC, ELEMENTS, |reader| {
            let head = reader.bytes()?;
            let changes = list(reader, 0, changes_max, |reader| {
                array(reader, 3)?;
                Ok((reader.bytes()?, reader.bytes()?, reader.bytes()?))
            })?;
            Ok((head, changes, reader.bytes()?, reader.bytes()?, list(reader, 0, limits::LIGHT_ENTRIES_MAX, StateProof::read)?))
        })?;
        let change = |(header, certificate, next): (&[u8], &[u8], &[u8])| {
            Ok(Change { header: Header::parse(header)?, certificate: Certificate::parse(certificate)?, next: ValidatorSet::parse(next)? })
        };
        Ok(Self {
            head: GenesisHead::parse(head)?,
            changes: changes.into_iter().map(change).collect::<Result<_, PantheonError>>()?,
            header: Header::parse(header)?,
            certificate: Certificate::parse(certificate)?,
            entries,
        })
    }

    /// Steps 2 to 5, for one who pinned `chain`.
    ///
    /// # Errors
    /// The first step that fails.
    pub fn check(&self, chain: ChainId) -> Result<LightVerdict, LightError> {
        let at = |step| move |error| LightError { step, error };
        let found = self.head.id();
        if found != chain {
            return Err(at(2)(PantheonError::GenesisDigest { found }));
        }
        let first = self.head.validators().ok_or(PantheonError::Malformed(Part::Genesis)).map_err(at(2))?;
        let mut trusted = Trusted { chain, epoch_blocks: self.head.params.epoch_blocks, fewest: first.keys().len(), set: first, above: Height(0) };
        self.changes.iter().try_for_each(|change| trusted.change(change)).map_err(at(3))?;
        trusted.follow(&self.header, &self.certificate).map_err(at(4))?;
        let entry = |proof: &StateProof| Ok((proof.key.clone(), proof.check(self.header.state)?));
        let entries = self.entries.iter().map(entry).collect::<Result<_, _>>().map_err(at(5))?;
        Ok(LightVerdict { header: self.header.clone(), validators_fewest: trusted.fewest, entries })
    }
}

/// All steps: what the file shows to one who pinned `chain`.
///
/// # Errors
/// The first step that fails.
pub fn verify(bytes: &[u8], chain: ChainId) -> Result<LightVerdict, LightError> {
    LightProof::parse(bytes).map_err(|error| LightError { step: 1, error })?.check(chain)
}

/// What a light client knows on its way.
struct Trusted {
    chain: ChainId,
    epoch_blocks: u64,
    set: ValidatorSet,
    fewest: usize,
    /// The height of the last change.
    above: Height,
}

impl Trusted {
    fn change(&mut self, change: &Change) -> Result<(), PantheonError> {
        let header = &change.header;
        self.follow(header, &change.certificate)?;
        if !header.height.ends_epoch(self.epoch_blocks) {
            return Err(PantheonError::Height { height: header.height.0, epoch: header.epoch });
        }
        let found = change.next.digest();
        // A change that changes nothing is a part that verification does not need.
        if found != header.next || found == header.validators {
            return Err(PantheonError::ValidatorSet { found });
        }
        self.fewest = self.fewest.min(change.next.keys().len());
        self.set = change.next.clone();
        self.above = header.height;
        Ok(())
    }

    fn follow(&self, header: &Header, certificate: &Certificate) -> Result<(), PantheonError> {
        if header.chain != self.chain {
            return Err(PantheonError::Chain { found: header.chain });
        }
        if header.height <= self.above || header.epoch != header.height.epoch(self.epoch_blocks) {
            return Err(PantheonError::Height { height: header.height.0, epoch: header.epoch });
        }
        if header.validators != self.set.digest() {
            return Err(PantheonError::ValidatorSet { found: header.validators });
        }
        certificate.check(header, &self.set)
    }
}
