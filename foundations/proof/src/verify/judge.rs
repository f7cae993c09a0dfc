//! Everything between a bundle's events and the end of the file: keeps the lowest failure, and what the last steps need.

use super::chain::{self, Chain, Pending};
use super::reference::Located;
use super::settlement;
use super::signatures::{Due, Signatures};
use super::{Engine, Failure, Policy, Reason, Settled};
use crate::bundle::{BundleError, Event, EventProof, Header};
use crate::commitment::Opening;
use crate::digest::{KeyId, RecordDigest, TreeHash};
use crate::history::{History, KeyEvent};
use crate::key::PublicKey;
use crate::merkle::{self, Frontier};
use crate::mldsa;
use crate::record;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

/// Everything between the events and the verdict.
#[derive(Clone)]
pub(super) struct Judge {
    pub(super) policy: Policy,
    engine: Engine,
    /// One for each key that has signed so far, the newest last.
    lanes: Vec<mldsa::Verifier>,
    pub(super) header: Option<Header>,
    keys: Vec<PublicKey>,
    /// Key events outside the range that are not yet judged, and those that are.
    events: Vec<EventProof>,
    pub(super) located: Vec<Located>,
    /// What the events before the range tell, until the chain takes it over.
    history: History,
    /// What chains say of the log, ascending by chain, and why the first of them that is wrong is.
    pub(super) settled: Vec<Settled>,
    pub(super) unsettled: Option<Reason>,
    left: Vec<TreeHash>,
    pub(super) right: Vec<TreeHash>,
    pub(super) chain: Option<Chain>,
    pub(super) signatures: Option<Signatures>,
    /// The records of the chunk being read; the first has index `chunk_start`.
    chunk: Vec<Option<Pending>>,
    chunk_start: u64,
    /// Its signatures, until they are verified together.
    due: Vec<Due>,
    pub(super) opened: u64,
    pub(super) note: Option<Vec<u8>>,
    pub(super) failure: Option<Failure>,
    /// No event can change the verdict any more.
    is_stopped: bool,
}

impl Judge {
    pub fn new(policy: Policy, engine: Engine) -> Self {
        Self {
            policy,
            engine,
            lanes: Vec::new(),
            header: None,
            keys: Vec::new(),
            events: Vec::new(),
            located: Vec::new(),
            history: History::learned(),
            settled: Vec::new(),
            unsettled: None,
            left: Vec::new(),
            right: Vec::new(),
            chain: None,
            signatures: None,
            chunk: Vec::new(),
            chunk_start: 0,
            due: Vec::new(),
            opened: 0,
            note: None,
            failure: None,
            is_stopped: false,
        }
    }

    /// How often the library overruled the lanes.
    pub fn disagreements(&self) -> u64 {
        self.lanes.iter().map(mldsa::Verifier::disagreements).sum()
    }

    pub fn is_done(&self) -> bool {
        self.is_stopped
    }

    /// Keeps the failure with the lowest index, then the lowest step.
    fn fail(failure: &mut Option<Failure>, index: u64, reason: Reason) {
        let found = Failure { index, reason };
        if failure.is_none_or(|known| found < known) {
            *failure = Some(found);
        }
    }

    pub fn broken(&mut self, error: BundleError) {
        let (index, reason) = match error {
            BundleError::NotABundle => (0, Reason::NotABundle),
            BundleError::UnsupportedVersion => (0, Reason::UnsupportedVersion),
            BundleError::Malformed(index) => (index, Reason::MalformedBundle),
            BundleError::NoRecords => (0, Reason::NoRecords),
        };
        Self::fail(&mut self.failure, index, reason);
        self.verify_due();
        self.is_stopped = true;
    }

    pub fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Header(header) => self.header = Some(header),
            Event::Key(key) => self.keys.push(key),
            Event::KeyEvent(event) => self.events.push(event),
            Event::KeysEnd => self.keys_end(),
            Event::Settlement(proof) => self.settlement(proof),
            Event::Left(nodes) => self.left = nodes,
            Event::Record(index, bytes) => self.record(index, bytes),
            Event::Signature(index, bytes) => self.signature(index, bytes),
            Event::Opening(opening) => self.opening(&opening),
            Event::ChunkEnd => self.chunk_end(),
            Event::Right(nodes) => self.right = nodes,
            Event::Checkpoint(note) => self.note = Some(note.to_vec()),
        }
    }

    pub(super) fn key_ids(&self) -> Vec<KeyId> {
        self.keys.iter().map(PublicKey::id).collect()
    }

    fn keys_end(&mut self) {
        let Some(header) = self.header else { return };
        let ids = self.key_ids();
        if ids.iter().collect::<BTreeSet<_>>().len() < ids.len() {
            return self.broken(BundleError::Malformed(header.first));
        }
        self.signatures = Some(Signatures::new(header.log, self.policy.trusts(&ids), header.first, self.engine.hashing()));
        self.history = History::given(self.keys.clone());
        let mut history = core::mem::take(&mut self.history);
        self.judge_events(&mut history, header.first, false);
        self.history = history;
        // An opening may name a lower index: outside the chunks the first failure is the verdict.
        self.is_stopped = self.failure.is_some();
    }

    /// Judges the key events outside the range whose index is below `end`, in their order.
    fn judge_events(&mut self, history: &mut History, end: u64, is_closed: bool) {
        let count = self.events.partition_point(|event| event.index < end);
        let due: Vec<_> = self.events.drain(..count).collect();
        for event in due {
            if let Some(leaf) = self.judge_event(history, &event, is_closed) {
                self.located.push(Located { index: event.index, leaf, path: event.path });
            }
        }
    }

    /// Steps 3 to 5, 7, 11 to 14 and 16 of a key event outside the range; gives its leaf if it is a record.
    fn judge_event(&mut self, history: &mut History, event: &EventProof, is_closed: bool) -> Option<TreeHash> {
        let (Some(header), Some(signatures)) = (self.header, &self.signatures) else { return None };
        let failure = &mut self.failure;
        let fail = &mut |reason| Self::fail(failure, event.index, reason);
        let record = record::decode(&event.record).map_err(|error| fail(chain::unreadable(error))).ok()?;
        chain::place(header.log, &record, event.index, &event.record, fail);
        if is_closed {
            fail(Reason::AfterTerminal);
        }
        if !KeyEvent::is_told_by(record.kind) {
            fail(Reason::KeyHistory);
        }
        let signer = chain::tell(history, header.log, &record, event.index, &self.policy, fail);
        let digest = RecordDigest::of(&event.record);
        let pending = Pending { digest, mode: record.mode, key_id: record.key_id, signer, sealed_signatures: None, commitments: Vec::new() };
        let due = signatures.check_form(event.index, &pending, &event.signature, fail);
        if due.is_some_and(|due| !due.verifies()) {
            fail(Reason::Signature);
        }
        Some(merkle::leaf(&event.record))
    }

    /// Step 20 of a settlement, looked at where it stands: the chain watches its size. What fails here is said in that step.
    fn settlement(&mut self, proof: &[u8]) {
        let Some(header) = self.header.filter(|_| self.failure.is_none() && self.unsettled.is_none()) else { return };
        match settlement::settled(proof, header.log, &self.policy.chains) {
            Ok(settled) if self.settled.last().is_none_or(|last| last.chain < settled.chain) => {
                self.policy.references.extend(settled.reference());
                self.settled.push(settled);
            }
            Ok(_) => self.unsettled = Some(Reason::Settlement),
            Err(reason) => self.unsettled = Some(reason),
        }
    }

    fn record(&mut self, index: u64, bytes: &[u8]) {
        let Some(header) = self.header else { return };
        if self.chain.is_none() {
            // The parser checked that left has one node for each one-bit of first.
            let Some(left) = Frontier::from_nodes(header.first, core::mem::take(&mut self.left)) else { return };
            self.chain = Some(Chain::new(header, left, core::mem::take(&mut self.history), &self.policy, self.engine.hashing()));
            self.chunk_start = index;
        }
        let Some(chain) = &mut self.chain else { return };
        let failure = &mut self.failure;
        let pending = chain.record(index, bytes, &self.policy, &mut |reason| Self::fail(failure, index, reason));
        self.chunk.push(pending);
    }

    fn pending(&self, index: u64) -> Option<&Pending> {
        let offset = usize::try_from(index.checked_sub(self.chunk_start)?).ok()?;
        self.chunk.get(offset)?.as_ref()
    }

    fn signature(&mut self, index: u64, bytes: &[u8]) {
        let Some(mut signatures) = self.signatures.take() else { return };
        let mut failure = self.failure;
        if let Some(pending) = self.pending(index) {
            let due = signatures.check(index, pending, bytes, &mut |reason| Self::fail(&mut failure, index, reason));
            self.due.extend(due);
        }
        self.failure = failure;
        self.signatures = Some(signatures);
    }

    /// Step 14 of the records of a chunk that lie no higher than what failed already: one at that index can still fail earlier, in step 14 where its record failed in step 16.
    fn verify_due(&mut self) {
        let mut due = core::mem::take(&mut self.due);
        if let Some(failure) = self.failure {
            due.retain(|due| due.index <= failure.index);
        }
        for of_key in due.chunk_by(|a, b| a.key == b.key) {
            let Some(first) = of_key.first() else { continue };
            let verdicts = match self.lanes_of(&first.key) {
                Some(lanes) => lanes.verify_all(&of_key.iter().map(Due::item).collect::<Vec<_>>()),
                None => of_key.iter().map(Due::verifies).collect(),
            };
            let refused = of_key.iter().zip(verdicts).find(|(_, is_good)| !is_good);
            if let Some((due, _)) = refused {
                return Self::fail(&mut self.failure, due.index, Reason::Signature);
            }
        }
    }

    fn lanes_of(&mut self, key: &PublicKey) -> Option<&mut mldsa::Verifier> {
        if self.lanes.last().is_none_or(|lanes| lanes.key() != key) {
            self.lanes.push(self.engine.verifier(key.clone())?);
        }
        self.lanes.last_mut()
    }

    fn opening(&mut self, opening: &Opening) {
        let commitments = self.pending(opening.index).map(|pending| pending.commitments.as_slice()).unwrap_or_default();
        let expected = commitments.iter().find(|(label, _)| *label == opening.label).map(|(_, commitment)| *commitment);
        if expected == Some(opening.commitment()) {
            self.opened += 1;
        } else {
            Self::fail(&mut self.failure, opening.index, Reason::Opening);
        }
    }

    fn chunk_end(&mut self) {
        self.verify_due();
        self.chunk_start += self.chunk.len() as u64;
        self.chunk.clear();
        let is_last = self.chain.as_ref().map(|chain| chain.frontier().size()) == self.header.map(|header| header.end());
        // An opening may name a higher index than the events that come after the range: what failed in the chunk is the verdict before them.
        if is_last
            && self.failure.is_none()
            && let Some(mut chain) = self.chain.take()
        {
            let is_closed = chain.is_closed();
            self.judge_events(chain.history_mut(), u64::MAX, is_closed);
            let is_idle = !self.located.is_empty() && !chain.history().has_changed();
            if self.failure.is_none() && (chain.history().is_unfinished() || is_idle) {
                Self::fail(&mut self.failure, chain.frontier().size(), Reason::KeyHistory);
            }
            self.chain = Some(chain);
        }
        // What comes later has a higher index.
        self.is_stopped = self.failure.is_some();
    }
}
