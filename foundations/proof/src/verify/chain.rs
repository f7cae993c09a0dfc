//! Steps 3 to 10 and 16: each record by itself, in its place in the chain, and against the keys, intents and seals before it.

use super::hashing::Hashing;
use super::{Policy, Reason};
use crate::bundle::Header;
use crate::digest::{Commitment, KeyId, LogId, RecordDigest, TreeHash};
use crate::history::{History, KeyEvent, KeyFault};
use crate::key::PublicKey;
use crate::limits;
use crate::merkle::{self, Frontier};
use crate::record::{self, Fact, Kind, Mode, Record, RecordError};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Bytes of the SHA3-512 that a seal names.
const SEALED_LEN: usize = 64;

/// What signatures and openings, which come after a chunk's records, are checked against.
#[derive(Clone)]
pub(super) struct Pending {
    pub digest: RecordDigest,
    pub mode: Mode,
    pub key_id: KeyId,
    /// The key that has to sign, as far as the history tells.
    pub signer: Option<PublicKey>,
    /// Present in a seal: the digest of the signatures before it.
    pub sealed_signatures: Option<[u8; SEALED_LEN]>,
    pub commitments: Vec<(String, Commitment)>,
}

/// A field that an erase record says is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erased {
    /// The record that committed to it.
    pub record: u64,
    /// Its label.
    pub label: String,
    /// The erase record.
    pub by: u64,
}

/// The chain, the tree and the keys as far as they have been read.
#[derive(Clone)]
pub(super) struct Chain {
    header: Header,
    hashing: Hashing,
    last: Option<RecordDigest>,
    closed: bool,
    frontier: Frontier,
    history: History,
    /// Intents without an outcome: digest to index.
    open: BTreeMap<RecordDigest, u64>,
    erased: Vec<Erased>,
    erased_count: u64,
    newest_ms: u64,
    /// The roots when so many records had been read, for the references.
    watched: BTreeMap<u64, Option<TreeHash>>,
}

impl Chain {
    pub fn new(header: Header, left: Frontier, history: History, policy: &Policy, hashing: Hashing) -> Self {
        let watched = policy.references.iter().map(|reference| (reference.size(), None)).collect();
        Self { header, hashing, last: None, closed: false, frontier: left, history, open: BTreeMap::new(), erased: Vec::new(), erased_count: 0, newest_ms: 0, watched }
    }

    pub fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    pub fn history(&self) -> &History {
        &self.history
    }

    /// The history, to be taken beyond the range.
    pub fn history_mut(&mut self) -> &mut History {
        &mut self.history
    }

    /// The last record was terminal: nothing may follow it.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// The root of the first `size` records, where a reference covers so many and they have been read.
    pub fn watched_root(&self, size: u64) -> Option<TreeHash> {
        self.watched.get(&size).copied().flatten()
    }

    /// Indexes of the intents still open, ascending.
    pub fn open_intents(&self) -> Vec<u64> {
        let mut indexes: Vec<_> = self.open.values().copied().collect();
        indexes.sort_unstable();
        indexes
    }

    /// The first fields that were erased, and how many in all.
    pub fn erased(&self) -> (&[Erased], u64) {
        (&self.erased, self.erased_count)
    }

    /// When the newest record claims to have been written.
    pub fn newest_ms(&self) -> u64 {
        self.newest_ms
    }

    /// Reads the record in place `index`; `fail` is told each reason found, in any order.
    pub fn record(&mut self, index: u64, bytes: &[u8], policy: &Policy, fail: &mut dyn FnMut(Reason)) -> Option<Pending> {
        let record = record::decode(bytes).map_err(|error| fail(unreadable(error))).ok()?;
        let digest = self.hashing.record(bytes);
        place(self.header.log, &record, index, bytes, fail);
        self.follow(&record, fail);
        self.pair(&record, index, digest, fail);
        let sealed_signatures = if record.kind == Kind::Seal { self.seal(&record, index, fail) } else { None };
        let signer = tell(&mut self.history, self.header.log, &record, index, policy, fail);
        if record.kind == Kind::Erase {
            self.erase(&record, index, fail);
        }
        self.closed |= record.kind == Kind::Terminal;
        self.last = Some(digest);
        self.newest_ms = record.wall_ms;
        self.frontier.push(merkle::leaf(bytes));
        if let Some(root) = self.watched.get_mut(&self.frontier.size()) {
            *root = self.frontier.root();
        }
        Some(Pending {
            digest,
            mode: record.mode,
            key_id: record.key_id,
            signer,
            sealed_signatures,
            commitments: record.commitments.iter().map(|(label, commitment)| (String::from(label.as_ref()), *commitment)).collect(),
        })
    }

    /// Steps 6 and 7.
    fn follow(&self, record: &Record<'_>, fail: &mut dyn FnMut(Reason)) {
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
        // The tree before a record is empty at index 0 alone, where a seal fails in step 5 already.
        if size != Some(index) || root != self.frontier.root() || signatures.is_none() {
            fail(Reason::Seal);
        }
        signatures
    }

    /// Step 16 of an erase record.
    fn erase(&mut self, record: &Record<'_>, index: u64, fail: &mut dyn FnMut(Reason)) {
        let Some((of, labels)) = erased_fields(record, index) else { return fail(Reason::Erase) };
        self.erased_count += labels.len() as u64;
        let room = limits::ERASED_LISTED_MAX.saturating_sub(self.erased.len());
        self.erased.extend(labels.into_iter().take(room).map(|label| Erased { record: of, label, by: index }));
    }
}

/// Step 3: why bytes are no record.
pub(super) fn unreadable(error: RecordError) -> Reason {
    match error {
        RecordError::Malformed => Reason::MalformedRecord,
        RecordError::UnsupportedKind(_) => Reason::UnsupportedKind,
        RecordError::UnsupportedExtension => Reason::UnsupportedExtension,
    }
}

/// Steps 4 and 5.
pub(super) fn place(log: LogId, record: &Record<'_>, index: u64, bytes: &[u8], fail: &mut dyn FnMut(Reason)) {
    let log_holds = match index {
        0 => record.log_id == LogId::GENESIS && LogId::of_genesis(bytes) == log,
        _ => record.log_id == log,
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
}

/// Step 16, what a record says of keys and time; gives the key that has to sign it.
pub(super) fn tell(history: &mut History, log: LogId, record: &Record<'_>, index: u64, policy: &Policy, fail: &mut dyn FnMut(Reason)) -> Option<PublicKey> {
    let signer = history.signer(record);
    if KeyEvent::is_told_by(record.kind) {
        let told = KeyEvent::of(record).map_or(Err(KeyFault::Event), |event| history.apply(log, index, record.prev, &event));
        if let Err(fault) = told {
            fail(match (record.kind, fault) {
                (Kind::Genesis, _) => Reason::GenesisKey,
                (_, KeyFault::Event) => Reason::KeyEvent,
                (_, KeyFault::History) => Reason::KeyHistory,
                (_, KeyFault::PreRotation) => Reason::PreRotation,
                (_, KeyFault::Proof) => Reason::RotationProof,
            });
        }
    }
    if policy.contradicts_time(log, index, record.wall_ms) {
        fail(Reason::TimeBounds);
    }
    signer
}

/// Which fields of which record an erase record says are gone; `None` unless its facts have the form of spec/record.md.
fn erased_fields(record: &Record<'_>, index: u64) -> Option<(u64, Vec<String>)> {
    let of = record.fact("record").and_then(Fact::as_uint).filter(|of| *of < index)?;
    record.fact("record_digest").and_then(Fact::as_bytes).and_then(RecordDigest::from_slice)?;
    let Some(Fact::List(labels)) = record.fact("labels") else { return None };
    let labels: Vec<&str> = labels.iter().map(Fact::as_text).collect::<Option<_>>()?;
    let are_labels = labels.iter().all(|label| (1..=limits::LABEL_BYTES_MAX).contains(&label.len()));
    let in_order: BTreeSet<_> = labels.iter().map(|label| (label.len(), *label)).collect();
    let is_ascending = in_order.iter().map(|(_, label)| *label).eq(labels.iter().copied());
    let is_within = (1..=limits::MAP_ENTRIES_MAX).contains(&labels.len());
    (are_labels && is_ascending && is_within).then(|| (of, labels.into_iter().map(ToString::to_string).collect()))
}
