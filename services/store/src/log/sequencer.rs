//! The one serial step of appending: gives each draft its place after the one before, encodes it, and puts it into the line. Whoever appends does it on their own thread, one at a time.

use super::draft::Draft;
use super::hashed::Hashes;
use super::line::{Entering, Placed, Plan, Ticket, locked};
use super::replay::State;
use super::workers::Shared;
use super::writer::Appended;
use crate::clock::Clock;
use crate::error::{Error, Misuse};
use crate::keys::OperatorKey;
use crate::limits;
use crate::vault::Erasure;
use mickai_proof::checkpoint::Checkpoint;
use mickai_proof::digest::{Id, KeyId, LogId, RecordDigest};
use mickai_proof::limits::{INDEX_MAX, OPEN_INTENTS_MAX};
use mickai_proof::merkle;
use mickai_proof::record::{self, ActorClass, Fact, Kind, Mode, Record, RecordError};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

/// A draft as a record without a place. Making one costs most of what encoding costs, so it is done before the sequencer is locked.
pub(super) struct Prepared {
    record: Record<'static>,
    /// In the largest place that there is the record was within every limit; so it is in any other, if its causes come before it.
    is_checked: bool,
}

impl Prepared {
    /// Sorts what spec/record.md wants sorted.
    pub fn new(mut draft: Draft) -> Self {
        draft.causes.sort_unstable_by_key(|(index, _)| *index);
        let record = Record {
            log_id: LogId::GENESIS,
            index: INDEX_MAX,
            prev: Some(RecordDigest([0; RecordDigest::LEN])),
            wall_ms: u64::MAX,
            boot_id: Id::ZERO,
            monotonic_ns: u64::MAX,
            kind: draft.kind,
            actor: draft.actor,
            authority: draft.authority,
            action: Cow::Owned(draft.action),
            causes: draft.causes,
            facts: in_key_order(draft.facts),
            commitments: in_key_order(draft.commitments),
            closes: draft.closes,
            mode: draft.mode,
            key_id: KeyId([0; KeyId::LEN]),
            critical: Vec::new(),
            extensions: Vec::new(),
        };
        let is_checked = record::decode(&record::encode(&record)).is_ok_and(|decoded| decoded == record);
        Self { record, is_checked }
    }

    /// The record's bytes in its place; they decode to the same record, or the draft is refused.
    pub fn encode(&mut self, place: &Place, clock: &dyn Clock) -> Result<Vec<u8>, Error> {
        let record = &mut self.record;
        (record.log_id, record.index, record.prev, record.key_id) = (place.log_id, place.index, place.prev, place.key_id);
        (record.wall_ms, record.boot_id, record.monotonic_ns) = (clock.wall_ms(), clock.boot_id(), clock.monotonic_ns());
        let bytes = record::encode(record);
        if self.is_checked && record.causes.last().is_none_or(|(index, _)| *index < place.index) {
            return Ok(bytes);
        }
        match record::decode(&bytes) {
            Ok(decoded) if decoded == *record => Ok(bytes),
            Ok(_) => Err(Misuse::Draft(RecordError::Malformed).into()),
            Err(error) => Err(Misuse::Draft(error).into()),
        }
    }
}

/// What the sequencer knows of a record before its draft.
pub(super) struct Place {
    pub log_id: LogId,
    pub index: u64,
    pub prev: Option<RecordDigest>,
    pub key_id: KeyId,
}

/// The place of a key event, of which it speaks.
pub(super) struct Next {
    pub index: u64,
    pub prev: RecordDigest,
}

/// Where the log is, with everything that has a place, durable or not.
pub(super) struct Sequencer {
    pub state: State,
    /// Signs from here on; each record keeps the key that it was placed under.
    pub key: Arc<OperatorKey>,
    /// Of the records that the store writes by itself.
    pub authority: (Id, u64),
    /// When the oldest unsealed record got its place.
    pub unsealed_since: Option<Instant>,
    /// Records covered by the newest checkpoint that was made or planned.
    pub planned: u64,
    /// When the store last planned one of its own accord.
    pub planned_at: Option<Instant>,
}

/// A group in the line.
pub(super) struct Entered {
    pub number: u64,
    pub appended: Vec<Appended>,
    pub ticket: Arc<Ticket>,
}

impl Sequencer {
    /// Gives the drafts their places, all or none.
    pub fn append(&mut self, shared: &Shared, mut drafts: Vec<Prepared>, is_urgent: bool, has_values: bool) -> Result<Entered, Error> {
        if drafts.is_empty() || drafts.len() > limits::BATCH_RECORDS_MAX {
            return Err(Misuse::BatchCount(drafts.len()).into());
        }
        self.check_kinds(&drafts)?;
        let sealed_count = drafts.iter().filter(|draft| draft.record.mode == Mode::Sealed).count() as u64;
        let ends = drafts.iter().any(|draft| draft.record.kind == Kind::Terminal);
        // Nothing follows a terminal record, so what is unsealed is sealed before it. A seal waits for the signatures before it, and those of a caller who keeps values come when the values are
        // kept: it has to stand before this call's own records, never after them.
        let is_due = self.checkpoint_is_due();
        if self.state.unsealed > 0 && (is_due || ends || self.state.unsealed + sealed_count > limits::SEAL_EVERY) {
            self.seal(shared, is_due)?;
        }
        shared.line.wait_for_room()?;
        let placed = self.place(shared, &mut drafts)?;
        let appended = placed.iter().map(|placed| placed.appended).collect();
        self.advance(&drafts, &placed);
        if self.state.unsealed > 0 && self.unsealed_since.is_none() {
            self.unsealed_since = Some(Instant::now());
            shared.keeper.wake_at(self.unsealed_since.zip(shared.seal_after).map(|(since, after)| since + after));
        }
        let plan = if self.state.unsealed == 0 && self.checkpoint_is_due() { self.plan() } else { None };
        let (number, ticket) = shared.line.enter(Entering { placed, key: Arc::clone(&self.key), is_urgent, has_values, plan })?;
        Ok(Entered { number, appended, ticket })
    }

    /// Seals what is unsealed, if anything is. After a terminal record nothing is: it has its seal before it.
    pub fn seal_rest(&mut self, shared: &Shared) -> Result<(), Error> {
        if self.state.unsealed > 0 && !self.state.closed { self.seal(shared, false) } else { Ok(()) }
    }

    /// Places a seal over what is unsealed (spec/record.md "Seal"); with a plan, a checkpoint is made when it is durable.
    pub fn seal(&mut self, shared: &Shared, with_plan: bool) -> Result<(), Error> {
        let signatures = shared.signatures(&self.state)?;
        let root = self.state.root().ok_or(Error::Misuse(Misuse::NotOpen))?;
        let bytes = |bytes: &[u8]| Fact::Bytes(Cow::Owned(bytes.to_vec()));
        let draft = Draft::new(Kind::Seal, (ActorClass::System, Id::ZERO), self.authority, "seal")
            .fact("size", Fact::Uint(self.state.frontier.size()))
            .fact("root", bytes(&root.0))
            .fact("signatures", bytes(&signatures));
        let mut drafts = [Prepared::new(draft)];
        let placed = self.place(shared, &mut drafts)?;
        self.advance(&drafts, &placed);
        self.unsealed_since = None;
        let plan = if with_plan { self.plan() } else { None };
        shared.line.enter(Entering { placed, key: Arc::clone(&self.key), is_urgent: false, has_values: false, plan })?;
        Ok(())
    }

    /// Places a rotate or a revoke, whose event `make` tells once its place is known, under `signer`; what is placed after it is signed with `after`. What is unsealed is sealed before it: a seal is by
    /// the key of the records that it covers. The log could not take the event back, so it is tried on a copy of what is known of keys first.
    pub fn key_event(&mut self, shared: &Shared, signer: Arc<OperatorKey>, after: Arc<OperatorKey>, make: impl FnOnce(&Next) -> Result<Draft, Error>) -> Result<Entered, Error> {
        if self.state.closed {
            return Err(Misuse::Closed.into());
        }
        shared.line.wait_for_room()?;
        self.seal_rest(shared)?;
        let prev = self.state.last.ok_or(Misuse::KeyEvent)?;
        let mut drafts = [Prepared::new(make(&Next { index: self.state.frontier.size(), prev })?)];
        let before = std::mem::replace(&mut self.key, signer);
        let placed = self.place(shared, &mut drafts);
        let signer = std::mem::replace(&mut self.key, before);
        let placed = placed?;
        if drafts.iter().any(|draft| self.state.keys.clone().apply(shared.log, &draft.record).is_none()) {
            return Err(Misuse::KeyEvent.into());
        }
        let appended = placed.iter().map(|placed| placed.appended).collect();
        self.advance(&drafts, &placed);
        let (number, ticket) = shared.line.enter(Entering { placed, key: signer, is_urgent: true, has_values: false, plan: None })?;
        self.key = after;
        Ok(Entered { number, appended, ticket })
    }

    /// What a checkpoint of everything placed so far says.
    pub fn checkpoint(&self) -> Result<Checkpoint, Error> {
        // A log has its genesis from the moment it is open.
        let (Some(log), Some(root)) = (self.state.log, self.state.root()) else { return Err(Misuse::NotOpen.into()) };
        Ok(Checkpoint { log, size: self.state.frontier.size(), root })
    }

    fn checkpoint_is_due(&self) -> bool {
        let is_old_enough = self.planned_at.is_none_or(|at| at.elapsed() >= limits::CHECKPOINT_PERIOD_MIN);
        is_old_enough && self.state.frontier.size() - self.planned >= limits::CHECKPOINT_EVERY
    }

    fn plan(&mut self) -> Option<Plan> {
        let checkpoint = self.checkpoint().ok()?;
        self.planned = checkpoint.size;
        self.planned_at = Some(Instant::now());
        Some(Plan { checkpoint, key: Arc::clone(&self.key) })
    }

    fn place(&self, shared: &Shared, drafts: &mut [Prepared]) -> Result<Vec<Placed>, Error> {
        let clock = locked(&shared.clock);
        let mut prev = self.state.last;
        let mut placed = Vec::with_capacity(drafts.len());
        for (index, draft) in (self.state.frontier.size()..).zip(drafts) {
            let record = draft.encode(&Place { log_id: shared.log, index, prev, key_id: self.key.id() }, clock.as_ref())?;
            let digest = super::digest::of_record(&record);
            prev = Some(digest);
            placed.push(Placed { record, appended: Appended { index, digest }, mode: draft.record.mode, is_seal: draft.record.kind == Kind::Seal });
        }
        Ok(placed)
    }

    fn advance(&mut self, drafts: &[Prepared], placed: &[Placed]) {
        for (draft, placed) in drafts.iter().zip(placed) {
            let hashes = Hashes { digest: placed.appended.digest, leaf: merkle::leaf(&placed.record) };
            let follows = self.state.advance(&draft.record, hashes);
            assert!(follows.is_ok(), "a record that was checked and placed follows the one before");
        }
    }

    fn check_kinds(&self, drafts: &[Prepared]) -> Result<(), Error> {
        if self.state.closed {
            return Err(Misuse::Closed.into());
        }
        let mut closing = BTreeSet::new();
        let mut open_count = self.state.open.len();
        for Prepared { record, .. } in drafts {
            match (record.kind, record.closes) {
                // Genesis, seals and key events are facts about the log itself: only the store states them. After a terminal record nothing may follow, not even an outcome.
                (Kind::Genesis | Kind::Seal | Kind::Rotate | Kind::Revoke, _) => return Err(Misuse::Kind(record.kind).into()),
                (Kind::Terminal, _) if drafts.len() > 1 || open_count > 0 => return Err(Misuse::Kind(record.kind).into()),
                (Kind::Erase, _) if Erasure::of(record).is_none_or(|erasure| erasure.record >= self.state.frontier.size()) => return Err(Misuse::Kind(record.kind).into()),
                (Kind::Intent, _) => open_count += 1,
                (Kind::Outcome, Some((intent, _))) if self.state.open.contains_key(&intent) && closing.insert(intent) => open_count -= 1,
                (Kind::Outcome, _) => return Err(Misuse::NotOpen.into()),
                _ => {}
            }
            if open_count > OPEN_INTENTS_MAX {
                return Err(Misuse::TooManyOpen.into());
            }
        }
        Ok(())
    }
}

/// Map keys in the bytewise order of their encodings: shorter first, then bytewise (spec/record.md "Encoding").
fn in_key_order<T>(mut entries: Vec<(String, T)>) -> Vec<(Cow<'static, str>, T)> {
    entries.sort_by(|(a, _), (b, _)| (a.len(), a).cmp(&(b.len(), b)));
    entries.into_iter().map(|(key, value)| (Cow::Owned(key), value)).collect()
}
