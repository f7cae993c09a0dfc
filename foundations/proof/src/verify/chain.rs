//! Steps 3 to 10 and 16: each record by itself, in its place in the chain, and against the intents and seals before it.

use super::Reason;
use crate::bundle::Header;
use crate::digest::{Commitment, KeyId, LogId, RecordDigest, TreeHash};
use crate::key::PublicKey;
use crate::limits;
use crate::merkle::{self, Frontier};
use crate::record::{self, Fact, Kind, Mode, Record, RecordError};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

/// Bytes of the SHA3-512 that a seal names.
const SEALED_LEN: usize = 64;

/// What signatures and openings, which come after a chunk's records, are checked against.
pub(super) struct Pending {
    pub digest: RecordDigest,
    pub mode: Mode,
    pub key_id: KeyId,
    /// Present in a seal: the digest of the signatures before it.
    pub sealed_signatures: Option<[u8; SEALED_LEN]>,
    pub commitments: Vec<(String, Commitment)>,
}

/// The chain and the tree as far as they have been read.
pub(super) struct Chain {
    header: Header,
    last: Option<RecordDigest>,
    closed: bool,
    frontier: Frontier,
    /// Intents without an outcome: digest to index.
    open: BTreeMap<RecordDigest, u64>,
    /// The root when this many records had been read, for a reference.
    watched: Option<(u64, Option<TreeHash>)>,
}

impl Chain {
    pub fn new(header: Header, left: Frontier, watch: Option<u64>) -> Self {
        Self { header, last: None, closed: false, frontier: left, open: BTreeMap::new(), watched: watch.map(|size| (size, None)) }
    }

    pub fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// The root of the first records that the caller asked to watch, once they have been read.
    pub fn watched_root(&self) -> Option<TreeHash> {
        self.watched.and_then(|(_, root)| root)
    }

    /// Indexes of the intents still open, ascending.
    pub fn open_intents(&self) -> Vec<u64> {
        let mut indexes: Vec<_> = self.open.values().copied().collect();
        indexes.sort_unstable();
        indexes
    }

    /// Reads the record in place `index`; `fail` is told each reason found, in any order.
    pub fn record(&mut self, index: u64, bytes: &[u8], key: &PublicKey, fail: &mut dyn FnMut(Reason)) -> Option<Pending> {
        let record = match record::decode(bytes) {
            Ok(record) => record,
            Err(error) => {
                fail(match error {
                    RecordError::Malformed => Reason::MalformedRecord,
                    RecordError::UnsupportedKind(_) => Reason::UnsupportedKind,
                    RecordError::UnsupportedExtension => Reason::UnsupportedExtension,
                });
                return None;
            }
        };
        let digest = RecordDigest::of(bytes);
        self.place(&record, index, bytes, fail);
        self.pair(&record, index, digest, fail);
        let sealed_signatures = if record.kind == Kind::Seal { self.seal(&record, index, fail) } else { None };
        if index == 0 && !genesis_names(&record, key) {
            fail(Reason::GenesisKey);
        }
        self.closed |= record.kind == Kind::Terminal;
        self.last = Some(digest);
        self.frontier.push(merkle::leaf(bytes));
        if let Some((size, root)) = &mut self.watched
            && *size == self.frontier.size()
        {
            *root = self.frontier.root();
        }
        Some(Pending {
            digest,
            mode: record.mode,
            key_id: record.key_id,
            sealed_signatures,
            commitments: record.commitments.iter().map(|(label, commitment)| (String::from(label.as_ref()), *commitment)).collect(),
        })
    }

    /// Steps 4 to 7.
    fn place(&self, record: &Record<'_>, index: u64, bytes: &[u8], fail: &mut dyn FnMut(Reason)) {
        let log_holds = match index {
            0 => record.log_id == LogId::GENESIS && LogId::of_genesis(bytes) == self.header.log,
            _ => record.log_id == self.header.log,
        };
        if !log_holds {
            fail(Reason::LogId);
        }
        if (index == 0) != (record.kind == Kind::Genesis) {
            fail(Reason::Genesis);
        }
        if record.index != index {
            fail(Reason::Index);
        }
        if self.last.is_some() && record.prev != self.last {
            fail(Reason::Prev);
        }
        if self.closed {
            fail(Reason::AfterTerminal);
        }
    }

    /// Steps 8 and 9.
    fn pair(&mut self, record: &Record<'_>, index: u64, digest: RecordDigest, fail: &mut dyn FnMut(Reason)) {
        if let Some((intent, _)) = record.closes
            && self.open.remove(&intent).is_none()
            && self.header.first == 0
        {
            fail(Reason::PairingOrder);
        }
        if record.kind == Kind::Intent {
            self.open.insert(digest, index);
            if self.open.len() > limits::OPEN_INTENTS_MAX {
                fail(Reason::TooManyOpen);
            }
        }
    }

    /// Step 10, but for the signatures, which come later.
    fn seal(&self, record: &Record<'_>, index: u64, fail: &mut dyn FnMut(Reason)) -> Option<[u8; SEALED_LEN]> {
        let size = record.fact("size").and_then(Fact::as_uint);
        let root = record.fact("root").and_then(Fact::as_bytes).and_then(TreeHash::from_slice);
        let signatures = record.fact("signatures").and_then(Fact::as_bytes).and_then(|digest| digest.try_into().ok());
        if size != Some(index) || root.is_none() || root != self.frontier.root() || signatures.is_none() {
            fail(Reason::Seal);
        }
        signatures
    }
}

/// Step 16.
fn genesis_names(record: &Record<'_>, key: &PublicKey) -> bool {
    let is_id = |name| record.fact(name).and_then(Fact::as_bytes).and_then(KeyId::from_slice).is_some();
    record.fact("key").and_then(Fact::as_bytes) == Some(&key.to_spki()) && is_id("next") && is_id("recovery")
}
