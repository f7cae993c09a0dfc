//! The sparse Merkle map that commits to a chain's state, and a proof of what it holds or does not hold (spec/pantheon.md "State commitment").

use super::action::name;
use super::address::Address;
use super::entry::Entry;
use super::error::{PantheonError, Part};
use super::form::{BAD, address, array, list, write_array, write_uint};
use crate::cbor::{CborError, Reader, write_bytes, write_text};
use crate::digest::{LogId, StateHash, StatePath, sha256};
use crate::limits;
use alloc::string::String;
use alloc::vec::Vec;

const DOMAIN: &[u8] = b"pan-state-v1\0";

/// The hash of a subtree without entries.
pub const EMPTY: StateHash = StateHash([0; 32]);

/// What an entry is found by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StateKey {
    /// An account.
    Account(Address),
    /// A log.
    Log(LogId),
    /// An account's bond.
    Validator(Address),
    /// The address of a voting key.
    Voter(Address),
    /// A name.
    Name(String),
    /// Where all PAN are.
    Totals,
    /// The accounts with bonds.
    Roster,
    /// Who votes next.
    Seats,
}

impl StateKey {
    /// The code of the entries that it finds.
    pub fn code(&self) -> u64 {
        match self {
            Self::Account(_) => 0,
            Self::Log(_) => 1,
            Self::Validator(_) => 2,
            Self::Voter(_) => 3,
            Self::Name(_) => 4,
            Self::Totals => 5,
            Self::Roster => 6,
            Self::Seats => 7,
        }
    }

    /// SHA-256("pan-state-v1" ‖ 0x00 ‖ the code, one byte ‖ what tells it from others of its kind).
    pub fn path(&self) -> StatePath {
        let id: &[u8] = match self {
            Self::Account(address) | Self::Validator(address) | Self::Voter(address) => &address.0,
            Self::Log(log) => &log.0,
            Self::Name(name) => name.as_bytes(),
            Self::Totals | Self::Roster | Self::Seats => &[],
        };
        // Codes are below 8.
        StatePath(sha256(&[DOMAIN, &[self.code() as u8], id]))
    }

    fn write(&self, out: &mut Vec<u8>) {
        let has_id = !matches!(self, Self::Totals | Self::Roster | Self::Seats);
        write_array(out, 1 + usize::from(has_id));
        write_uint(out, self.code());
        match self {
            Self::Account(address) | Self::Validator(address) | Self::Voter(address) => write_bytes(out, &address.0),
            Self::Log(log) => write_bytes(out, &log.0),
            Self::Name(name) => write_text(out, name),
            Self::Totals | Self::Roster | Self::Seats => (),
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        let elements = reader.array()?;
        Ok(match (reader.uint()?, elements) {
            (0, 2) => Self::Account(address(reader)?),
            (1, 2) => Self::Log(LogId(reader.fixed()?)),
            (2, 2) => Self::Validator(address(reader)?),
            (3, 2) => Self::Voter(address(reader)?),
            (4, 2) => Self::Name(name(reader)?),
            (5, 1) => Self::Totals,
            (6, 1) => Self::Roster,
            (7, 1) => Self::Seats,
            _ => return Err(BAD),
        })
    }
}

impl StatePath {
    /// The bit that decides at `depth`, the highest of the first byte first; none beyond 255.
    pub fn bit(&self, depth: usize) -> bool {
        self.0.get(depth / 8).is_some_and(|byte| byte >> (7 - depth % 8) & 1 == 1)
    }

    /// How many bits the two have in common from the beginning.
    pub fn common_bits(&self, other: &Self) -> usize {
        let differing = self.0.iter().zip(&other.0).position(|(a, b)| a != b);
        differing.map_or(256, |at| 8 * at + self.0.get(at).zip(other.0.get(at)).map_or(0, |(a, b)| (a ^ b).leading_zeros() as usize))
    }
}

/// SHA-256 of an entry's encoding.
pub fn value_hash(value: &[u8]) -> StateHash {
    StateHash(sha256(&[value]))
}

/// SHA-256(0x00 ‖ path ‖ hash of the value): of a subtree of one entry, however deep it lies.
pub fn leaf_hash(path: &StatePath, value: &StateHash) -> StateHash {
    StateHash(sha256(&[&[0], &path.0, &value.0]))
}

/// SHA-256(0x01 ‖ left ‖ right): of a subtree of two entries or more.
pub fn node_hash(left: &StateHash, right: &StateHash) -> StateHash {
    StateHash(sha256(&[&[1], &left.0, &right.0]))
}

/// What stands where a key's path ends.
#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    /// The entry.
    Entry(Vec<u8>),
    /// Nothing.
    Empty,
    /// An entry of another key.
    Other(StatePath, StateHash),
}

/// Shows what the state holds under one key: an entry, or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateProof {
    /// The key.
    pub key: StateKey,
    end: End,
    /// The other child at each depth, the root's first.
    siblings: Vec<StateHash>,
}

impl StateProof {
    /// That the entry is there.
    pub fn present(key: StateKey, value: Vec<u8>, siblings: Vec<StateHash>) -> Self {
        Self { key, end: End::Entry(value), siblings }
    }

    /// That there is none: the path ends at nothing, or at the entry of another key.
    pub fn absent(key: StateKey, other: Option<(StatePath, StateHash)>, siblings: Vec<StateHash>) -> Self {
        Self { key, end: other.map_or(End::Empty, |(path, value)| End::Other(path, value)), siblings }
    }

    /// Four elements in an array: key, [? value], [? [path, hash]], siblings.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        write_array(out, 4);
        self.key.write(out);
        let (value, other) = match &self.end {
            End::Entry(value) => (Some(value), None),
            End::Empty => (None, None),
            End::Other(path, hash) => (None, Some((path, hash))),
        };
        write_array(out, usize::from(value.is_some()));
        value.iter().for_each(|value| write_bytes(out, value));
        write_array(out, if other.is_some() { 2 } else { 0 });
        if let Some((path, hash)) = other {
            write_bytes(out, &path.0);
            write_bytes(out, &hash.0);
        }
        write_array(out, self.siblings.len());
        self.siblings.iter().for_each(|sibling| write_bytes(out, &sibling.0));
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        array(reader, 4)?;
        let key = StateKey::read(reader)?;
        let value = match reader.array()? {
            0 => None,
            1 => Some(reader.bytes_within(limits::ENTRY_BYTES_MAX)?.to_vec()),
            _ => return Err(BAD),
        };
        let other = match reader.array()? {
            0 => None,
            2 => Some((StatePath(reader.fixed()?), StateHash(reader.fixed()?))),
            _ => return Err(BAD),
        };
        let end = match (value, other) {
            (Some(value), None) => End::Entry(value),
            (None, None) => End::Empty,
            (None, Some((path, hash))) => End::Other(path, hash),
            (Some(_), Some(_)) => return Err(BAD),
        };
        let siblings = list(reader, 0, limits::STATE_PROOF_NODES_MAX, |reader| reader.fixed().map(StateHash))?;
        Ok(Self { key, end, siblings })
    }

    /// The root that it leads to; `None` where the other entry could not stand on the path.
    pub fn root(&self) -> Option<StateHash> {
        let path = self.key.path();
        let end = match &self.end {
            End::Entry(value) => leaf_hash(&path, &value_hash(value)),
            End::Empty => EMPTY,
            End::Other(other, value) if *other != path && path.common_bits(other) >= self.siblings.len() => leaf_hash(other, value),
            End::Other(..) => return None,
        };
        let up = |hash: StateHash, (depth, sibling): (usize, &StateHash)| if path.bit(depth) { node_hash(sibling, &hash) } else { node_hash(&hash, sibling) };
        Some(self.siblings.iter().enumerate().rev().fold(end, up))
    }

    /// What the state with this root holds under the key.
    ///
    /// # Errors
    /// [`PantheonError::StateRoot`] where it leads to another root; [`PantheonError::Malformed`] where the entry is not one of the key's kind.
    pub fn check(&self, root: StateHash) -> Result<Option<Entry>, PantheonError> {
        if self.root() != Some(root) {
            return Err(PantheonError::StateRoot);
        }
        let End::Entry(value) = &self.end else { return Ok(None) };
        let entry = Entry::parse(value)?;
        if entry.code() == self.key.code() { Ok(Some(entry)) } else { Err(PantheonError::Malformed(Part::Entry)) }
    }
}
