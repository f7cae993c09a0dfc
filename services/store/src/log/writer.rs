//! The one writer of a log: gives drafts their place, signs them, and acknowledges them when they are durable.

use super::draft::Draft;
use super::key_events::settle_keys;
use super::replay::{CheckpointCheck, State, replay};
use crate::clock::{Clock, SystemClock};
use crate::disk::{self, Existing};
use crate::error::{Error, Misuse};
use crate::home::Home;
use crate::keys::{self, OperatorKey};
use crate::limits;
use crate::lock::Lock;
use crate::segment::{Entry, SegmentWriter};
use crate::vault::{Erased, Erasure, Sealing, Vault};
use mickai_proof::checkpoint::Checkpoint;
use mickai_proof::digest::{Id, KeyId, LogId, RecordDigest};
use mickai_proof::history::Committed;
use mickai_proof::limits::OPEN_INTENTS_MAX;
use mickai_proof::record::{self, ActorClass, Fact, Kind, Mode, OutcomeCode, Record, RecordError};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

/// The place that a record was given. It is durable and signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Its index.
    pub index: u64,
    /// Its D.
    pub digest: RecordDigest,
}

/// An intent that has no outcome yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenIntent {
    /// Its index.
    pub index: u64,
    /// Its D.
    pub digest: RecordDigest,
    /// The act's name.
    pub action: String,
    /// Under which policy, and its version.
    pub authority: (Id, u64),
}

/// The right and the means to append. Dropping it gives the lock back.
pub struct LogWriter {
    home: Home,
    key: OperatorKey,
    vault: Vault,
    clock: Box<dyn Clock>,
    segments: SegmentWriter,
    log: LogId,
    state: State,
    recovered: Vec<Appended>,
    checkpoint: Option<(Checkpoint, String)>,
    // Last, so that it is given back after the files are closed.
    _lock: Lock,
}

/// A record with its place, not yet durable.
struct Placed {
    record: Vec<u8>,
    signature: Vec<u8>,
    appended: Appended,
}

impl LogWriter {
    /// Opens the log of a home for writing with the machine's clocks, waiting up to 30 s for another writer. A new log gets its genesis, intents of dead processes get `outcome_unknown`.
    /// `authority` (policy digest, version) is that of genesis.
    ///
    /// # Errors
    /// [`Error::Locked`], [`Error::Damaged`], [`Error::RolledBack`], [`Error::Rewritten`], [`Error::WrongKey`], [`Error::KeyMissing`], [`Error::Io`].
    pub fn open(home: &Home, authority: (Id, u64)) -> Result<Self, Error> {
        Self::open_with(home, authority, Box::new(SystemClock::new()?), limits::LOCK_WAIT)
    }

    /// As [`LogWriter::open`], with other clocks and another patience.
    ///
    /// # Errors
    /// As there.
    pub fn open_with(home: &Home, authority: (Id, u64), clock: Box<dyn Clock>, wait: Duration) -> Result<Self, Error> {
        Self::open_sized(home, authority, clock, wait, limits::SEGMENT_BYTES_MAX)
    }

    pub(crate) fn open_sized(home: &Home, authority: (Id, u64), clock: Box<dyn Clock>, wait: Duration, segment_bytes_max: u64) -> Result<Self, Error> {
        let lock = Lock::acquire(&home.lock_path(), wait)?;
        let check = CheckpointCheck::read(home)?;
        let mut state = State::default();
        let ending = replay(&home.log_path(), &mut state, |_, state| check.visit(state))?;
        let checkpoint = check.finish(&state)?;
        settle_keys(home, &state)?;
        let key = OperatorKey::load(home)?;
        if let Some(in_force) = state.keys.in_force().filter(|in_force| *in_force != key.public()) {
            return Err(Error::WrongKey { have: key.id(), want: in_force.id() });
        }
        let mut segments = SegmentWriter::open(&home.log_path(), ending.resume, segment_bytes_max)?;
        let log = match state.log {
            Some(log) => log,
            None => begin(home, &key, clock.as_ref(), authority, &mut state, &mut segments)?,
        };
        let vault = Vault::open(home, log)?;
        // Values of a record that never became durable belong to nothing.
        vault.discard(state.frontier.size())?;
        // Before their acts are closed: what an erase record says is true from the moment that this process may write.
        vault.finish(&state.erased)?;
        let mut writer = Self { home: home.clone(), key, vault, clock, segments, log, state, recovered: Vec::new(), checkpoint, _lock: lock };
        writer.close_dead_intents()?;
        let events = writer.state.keys.events();
        if writer.checkpoint.as_ref().is_none_or(|(checkpoint, _)| events.last().is_some_and(|event| *event >= checkpoint.size)) {
            // From its first day on a log that is gone, or shorter, is noticed; and the newest own checkpoint is by the key in force.
            writer.checkpoint()?;
        }
        Ok(writer)
    }

    /// The log.
    pub fn log_id(&self) -> LogId {
        self.log
    }

    /// Its key.
    pub fn key(&self) -> &OperatorKey {
        &self.key
    }

    /// Records so far.
    pub fn size(&self) -> u64 {
        self.state.frontier.size()
    }

    /// The values behind its commitments.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Index of the newest intent of an action.
    pub fn newest(&self, action: &str) -> Option<u64> {
        self.state.newest.get(action).copied()
    }

    /// The values that were erased.
    pub fn erased(&self) -> &Erased {
        &self.state.erased
    }

    /// The `outcome_unknown` records that this start appended.
    pub fn recovered(&self) -> &[Appended] {
        &self.recovered
    }

    /// Intents without an outcome, by index.
    pub fn open_intents(&self) -> Vec<OpenIntent> {
        let mut open: Vec<_> = self.state.open.values().cloned().collect();
        open.sort_by_key(|intent| intent.index);
        open
    }

    /// Appends one record; it is durable and signed when this returns.
    ///
    /// # Errors
    /// [`Error::Misuse`] and nothing was written; [`Error::Io`] and this process writes no more ([`Error::Poisoned`]).
    pub fn append(&mut self, draft: Draft) -> Result<Appended, Error> {
        self.append_with(draft, &[])
    }

    /// Appends one record and keeps the values behind commitments that are added to it: `(label, value)`.
    ///
    /// # Errors
    /// As [`LogWriter::append`].
    pub fn append_with(&mut self, mut draft: Draft, openings: &[(&str, &[u8])]) -> Result<Appended, Error> {
        let sealing = Sealing::new(openings)?;
        draft.commitments.extend(sealing.commitments());
        let placed = self.place(vec![draft])?;
        // The values first: a commitment whose value was never durable could not be opened.
        if let [placed] = placed.as_slice() {
            self.vault.put(placed.appended.index, &sealing)?;
        }
        self.commit(placed)?.pop().ok_or(Error::Misuse(Misuse::BatchCount(0)))
    }

    /// Appends several records with one fsync, all or, after a crash, the first few of them.
    ///
    /// # Errors
    /// As [`LogWriter::append`].
    pub fn append_all(&mut self, drafts: Vec<Draft>) -> Result<Vec<Appended>, Error> {
        let placed = self.place(drafts)?;
        self.commit(placed)
    }

    /// May anything still be appended? [`Error::Poisoned`] if not.
    pub(crate) fn check_sound(&self) -> Result<(), Error> {
        if self.segments.is_poisoned() { Err(Error::Poisoned) } else { Ok(()) }
    }

    /// Nanoseconds of this boot, by the writer's clock.
    pub(crate) fn monotonic_ns(&self) -> u64 {
        self.clock.monotonic_ns()
    }

    /// Signs the head and keeps the note as the newest own checkpoint. Asked again at the same size it gives the same note.
    ///
    /// # Errors
    /// [`Error::Crypto`], [`Error::Io`].
    pub fn checkpoint(&mut self) -> Result<String, Error> {
        let size = self.size();
        if let Some((_, note)) = self.checkpoint.as_ref().filter(|(checkpoint, _)| checkpoint.size == size) {
            return Ok(note.clone());
        }
        // A log has its genesis from the moment it is open.
        let root = self.state.root().ok_or(Error::Misuse(Misuse::NotOpen))?;
        let checkpoint = Checkpoint { log: self.log, size, root };
        let note = self.key.sign_checkpoint(&checkpoint)?;
        disk::write_file(&self.home.checkpoint_path(), note.as_bytes(), Existing::Replace)?;
        self.checkpoint = Some((checkpoint, note.clone()));
        Ok(note)
    }

    pub(super) fn home(&self) -> &Home {
        &self.home
    }

    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// Appends a rotate or a revoke, signed by `signer`; from then on this writer signs with `after`.
    pub(super) fn append_key_event(&mut self, draft: Draft, signer: OperatorKey, after: OperatorKey) -> Result<Appended, Error> {
        if self.state.closed {
            return Err(Misuse::Closed.into());
        }
        let before = std::mem::replace(&mut self.key, signer);
        let placed = self.place_allowed(vec![draft]).and_then(|placed| self.check_key_event(&placed).map(|()| placed));
        let appended = placed.and_then(|placed| self.commit(placed)?.pop().ok_or(Error::Misuse(Misuse::BatchCount(0))));
        self.key = if appended.is_ok() { after } else { before };
        appended
    }

    /// What the log could not take back is tried on a copy first.
    fn check_key_event(&self, placed: &[Placed]) -> Result<(), Error> {
        let fits = |placed: &Placed| {
            let record = record::decode(&placed.record).ok()?;
            self.state.keys.clone().apply(self.log, &record)
        };
        if placed.iter().all(|placed| fits(placed).is_some()) { Ok(()) } else { Err(Misuse::KeyEvent.into()) }
    }

    /// Gives each draft its place after the one before, encodes, decodes to be sure, and signs.
    fn place(&self, drafts: Vec<Draft>) -> Result<Vec<Placed>, Error> {
        if drafts.is_empty() || drafts.len() > limits::BATCH_RECORDS_MAX {
            return Err(Misuse::BatchCount(drafts.len()).into());
        }
        self.check_kinds(&drafts)?;
        self.place_allowed(drafts)
    }

    fn place_allowed(&self, drafts: Vec<Draft>) -> Result<Vec<Placed>, Error> {
        let mut placed: Vec<Placed> = Vec::with_capacity(drafts.len());
        for (index, draft) in (self.size()..).zip(drafts) {
            let prev = placed.last().map_or(self.state.last, |before| Some(before.appended.digest));
            let place = Place { log_id: self.log, index, prev, key_id: self.key.id() };
            placed.push(place.sign(draft, self.clock.as_ref(), &self.key, self.log)?);
        }
        Ok(placed)
    }

    fn check_kinds(&self, drafts: &[Draft]) -> Result<(), Error> {
        if self.state.closed {
            return Err(Misuse::Closed.into());
        }
        let mut closing = BTreeSet::new();
        let mut open_count = self.state.open.len();
        for draft in drafts {
            match (draft.kind, draft.closes) {
                // Genesis, seals and key events are facts about the log itself: only the writer states them. After a terminal record nothing may follow, not even an outcome.
                (Kind::Genesis | Kind::Seal | Kind::Rotate | Kind::Revoke, _) => return Err(Misuse::Kind(draft.kind).into()),
                (Kind::Terminal, _) if drafts.len() > 1 || open_count > 0 => return Err(Misuse::Kind(draft.kind).into()),
                (Kind::Erase, _) if Erasure::of_draft(draft).is_none() => return Err(Misuse::Kind(draft.kind).into()),
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

    /// Makes placed records durable with one fsync, and only then part of the state.
    fn commit(&mut self, placed: Vec<Placed>) -> Result<Vec<Appended>, Error> {
        let entries: Vec<_> = placed.iter().map(|placed| Entry { record: &placed.record, signature: &placed.signature }).collect();
        self.segments.append(&entries)?;
        for placed in &placed {
            let follows = self.state.push(&placed.record);
            assert!(follows.is_ok(), "a record that was placed and written follows the one before");
        }
        let since = self.size() - self.checkpoint.as_ref().map_or(0, |(checkpoint, _)| checkpoint.size);
        if since >= limits::CHECKPOINT_EVERY {
            // The records are durable whether or not this succeeds; if it does not, the next append tries again.
            let _ = self.checkpoint();
        }
        Ok(placed.into_iter().map(|placed| placed.appended).collect())
    }

    /// After a crash nobody knows how an act ended, and nobody guesses.
    fn close_dead_intents(&mut self) -> Result<(), Error> {
        let dead = self.open_intents();
        for batch in dead.chunks(limits::BATCH_RECORDS_MAX) {
            let outcome = |intent: &OpenIntent| {
                let mut draft = Draft::new(Kind::Outcome, (ActorClass::System, Id::ZERO), intent.authority, &intent.action);
                draft.closes = Some((intent.digest, OutcomeCode::Unknown));
                draft
            };
            let appended = self.append_all(batch.iter().map(outcome).collect())?;
            self.recovered.extend(appended);
        }
        Ok(())
    }
}

impl std::fmt::Debug for LogWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LogWriter({}, {} records)", self.log.short(), self.size())
    }
}

/// Appends genesis: the log's key, and the ids of the two keys that may follow it.
fn begin(home: &Home, key: &OperatorKey, clock: &dyn Clock, authority: (Id, u64), state: &mut State, segments: &mut SegmentWriter) -> Result<LogId, Error> {
    let Committed { next, recovery } = keys::committed_keys(home)?;
    let bytes = |bytes: &[u8]| Fact::Bytes(Cow::Owned(bytes.to_vec()));
    let draft = Draft::new(Kind::Genesis, (ActorClass::Operator, Id(key.id().0)), authority, "genesis")
        .fact("key", bytes(&key.public().to_spki()))
        .fact("next", bytes(&next.0))
        .fact("recovery", bytes(&recovery.0));
    let place = Place { log_id: LogId::GENESIS, index: 0, prev: None, key_id: key.id() };
    let record = place.encode(draft, clock)?;
    let log = LogId::of_genesis(&record);
    let signature = key.sign_record(log, 0, RecordDigest::of(&record))?;
    segments.append(&[Entry { record: &record, signature: &signature }])?;
    let follows = state.push(&record);
    assert!(follows.is_ok(), "genesis begins an empty log");
    Ok(log)
}

/// What the writer knows of a record before its draft.
struct Place {
    log_id: LogId,
    index: u64,
    prev: Option<RecordDigest>,
    key_id: KeyId,
}

impl Place {
    fn sign(self, draft: Draft, clock: &dyn Clock, key: &OperatorKey, log: LogId) -> Result<Placed, Error> {
        let (index, mode) = (self.index, draft.mode);
        let record = self.encode(draft, clock)?;
        let digest = RecordDigest::of(&record);
        let signature = match mode {
            Mode::Each => key.sign_record(log, index, digest)?,
            Mode::Sealed => Vec::new(),
        };
        Ok(Placed { record, signature, appended: Appended { index, digest } })
    }

    /// The record's bytes; they decode to the same record, or the draft is refused.
    fn encode(self, mut draft: Draft, clock: &dyn Clock) -> Result<Vec<u8>, Error> {
        draft.causes.sort_unstable_by_key(|(index, _)| *index);
        let record = Record {
            log_id: self.log_id,
            index: self.index,
            prev: self.prev,
            wall_ms: clock.wall_ms(),
            boot_id: clock.boot_id(),
            monotonic_ns: clock.monotonic_ns(),
            kind: draft.kind,
            actor: draft.actor,
            authority: draft.authority,
            action: Cow::Owned(draft.action),
            causes: draft.causes,
            facts: in_key_order(draft.facts),
            commitments: in_key_order(draft.commitments),
            closes: draft.closes,
            mode: draft.mode,
            key_id: self.key_id,
            critical: Vec::new(),
            extensions: Vec::new(),
        };
        let bytes = record::encode(&record);
        match record::decode(&bytes) {
            Ok(decoded) if decoded == record => Ok(bytes),
            Ok(_) => Err(Misuse::Draft(RecordError::Malformed).into()),
            Err(error) => Err(Misuse::Draft(error).into()),
        }
    }
}

/// Map keys in the bytewise order of their encodings: shorter first, then bytewise (spec/record.md "Encoding").
fn in_key_order<T>(mut entries: Vec<(String, T)>) -> Vec<(Cow<'static, str>, T)> {
    entries.sort_by(|(a, _), (b, _)| (a.len(), a).cmp(&(b.len(), b)));
    entries.into_iter().map(|(key, value)| (Cow::Owned(key), value)).collect()
}
