//! Opening a log for writing, and the front for a single caller.

use super::appender::Appender;
use super::draft::Draft;
use super::key_events::{KeyAccount, settle_keys};
use super::line::{Line, locked};
use super::replay::{CheckpointCheck, Ending, State, replay};
use super::sequencer::{Next, Place, Prepared, Sequencer};
use super::workers::{Keeper, Shared, Workers};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, Misuse};
use crate::home::Home;
use crate::keys::{self, OperatorKey};
use crate::limits;
use crate::lock::Lock;
use crate::segment::{Entry, SegmentWriter};
use crate::vault::{Erased, Vault};
use mickai_proof::checkpoint::Checkpoint;
use mickai_proof::digest::{Id, LogId, RecordDigest};
use mickai_proof::history::Committed;
use mickai_proof::record::{ActorClass, Fact, Kind, OutcomeCode};
use std::borrow::Cow;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard};
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

/// The right and the means to append. Dropping it, and every [`Appender`] made from it, seals what is unsealed, signs the head as the newest own checkpoint, and gives the lock back.
pub struct LogWriter {
    pub(super) appender: Appender,
    key: Arc<OperatorKey>,
    recovered: Vec<Appended>,
}

/// What an opening may choose; [`Options::default`] is what the product uses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// Patience with another writer.
    pub wait: Duration,
    /// Bytes after which a new segment begins.
    pub segment_bytes_max: u64,
    /// Threads that sign.
    pub signer_count: usize,
    /// How long a record may stay unsealed.
    pub seal_after: Option<Duration>,
    /// How long a group waits for others.
    pub group_wait: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            wait: limits::LOCK_WAIT,
            segment_bytes_max: limits::SEGMENT_BYTES_MAX,
            signer_count: std::thread::available_parallelism().map_or(1, usize::from),
            seal_after: Some(limits::SEAL_AFTER),
            group_wait: limits::GROUP_WAIT,
        }
    }
}

impl LogWriter {
    /// Opens the log of a home for writing with the machine's clocks, waiting up to 30 s for another writer. A new log gets its genesis, intents of dead processes get `outcome_unknown`, and
    /// what they left unsealed gets its seal. `authority` (policy digest, version) is that of genesis and of seals.
    ///
    /// # Errors
    /// [`Error::Locked`], [`Error::Damaged`], [`Error::RolledBack`], [`Error::Rewritten`], [`Error::WrongKey`], [`Error::KeyMissing`], [`Error::Io`].
    pub fn open(home: &Home, authority: (Id, u64)) -> Result<Self, Error> {
        Self::open_options(home, authority, Box::new(SystemClock::new()?), Options::default())
    }

    /// As [`LogWriter::open`], with other clocks and another patience.
    ///
    /// # Errors
    /// As there.
    pub fn open_with(home: &Home, authority: (Id, u64), clock: Box<dyn Clock>, wait: Duration) -> Result<Self, Error> {
        Self::open_options(home, authority, clock, Options { wait, ..Options::default() })
    }

    pub(crate) fn open_options(home: &Home, authority: (Id, u64), clock: Box<dyn Clock>, options: Options) -> Result<Self, Error> {
        let found = Found::read(home, &options)?;
        let key = found.own_key(home)?;
        let segments = found.segments(home, &options)?;
        Self::start(home, found, segments, key, authority, clock, options)
    }

    /// Goes on with what was found, signing with `key`: the one in force.
    pub(super) fn start(
        home: &Home,
        found: Found,
        mut segments: SegmentWriter,
        key: Arc<OperatorKey>,
        authority: (Id, u64),
        clock: Box<dyn Clock>,
        options: Options,
    ) -> Result<Self, Error> {
        let Found { lock, mut state, newest, .. } = found;
        let log = match state.log {
            Some(log) => log,
            None => begin(home, &key, clock.as_ref(), authority, &mut state, &mut segments)?,
        };
        let vault = Vault::open(home, log)?;
        discard_orphans(&vault, state.frontier.size())?;
        // Before their acts are closed: what an erase record says is true from the moment that this process may write.
        vault.finish(&state.erased)?;
        let size = state.frontier.size();
        let planned = newest.as_ref().map_or(0, |(checkpoint, _)| checkpoint.size);
        let sequencer = Sequencer { state, key: Arc::clone(&key), authority, unsealed_since: None, planned, planned_at: None };
        let shared = Shared {
            home: home.clone(),
            log,
            vault,
            clock: Mutex::new(clock),
            sequencer: Mutex::new(sequencer),
            line: Line::new(size, options.group_wait),
            keeper: Keeper::default(),
            seal_after: options.seal_after,
            fold: Mutex::new(None),
            newest: Mutex::new(newest),
        };
        let appender = Appender::new(Workers::start(shared, segments, options.signer_count.max(1), lock)?);
        let mut writer = Self { appender, key, recovered: Vec::new() };
        writer.recover()?;
        Ok(writer)
    }

    /// A handle for many callers; the lock is held until the last of them and this writer are dropped.
    pub fn appender(&self) -> Appender {
        self.appender.shared()
    }

    /// A handle of the same kind for one caller at a time: nothing is kept back for others to share an fsync.
    pub fn appender_alone(&self) -> Appender {
        self.appender.clone()
    }

    /// The log.
    pub fn log_id(&self) -> LogId {
        self.appender.log_id()
    }

    /// Its key.
    pub fn key(&self) -> &OperatorKey {
        &self.key
    }

    /// Records so far.
    pub fn size(&self) -> u64 {
        self.appender.size()
    }

    /// Did an append fail? Nothing more is written then: whoever goes on drops this writer and every handle of it, and opens the log again, which reads it from the disk.
    pub fn has_failed(&self) -> bool {
        self.appender.inner().line.check().is_err()
    }

    /// The values behind its commitments.
    pub fn vault(&self) -> &Vault {
        self.appender.vault()
    }

    /// Index of the newest intent of an action.
    pub fn newest(&self, action: &str) -> Option<u64> {
        self.state().newest.get(action).copied()
    }

    /// The values that were erased.
    pub fn erased(&self) -> Erased {
        self.state().erased.clone()
    }

    /// What the log says of its keys.
    pub fn keys(&self) -> KeyAccount {
        self.state().keys.clone()
    }

    /// The `outcome_unknown` records that this start appended.
    pub fn recovered(&self) -> &[Appended] {
        &self.recovered
    }

    /// Intents without an outcome, by index.
    pub fn open_intents(&self) -> Vec<OpenIntent> {
        self.appender.open_intents()
    }

    /// Appends one record; it is durable and signed when this returns.
    ///
    /// # Errors
    /// [`Error::Misuse`] and nothing was written; [`Error::Io`] and this process writes no more ([`Error::Poisoned`]).
    pub fn append(&mut self, draft: Draft) -> Result<Appended, Error> {
        self.appender.append(draft)
    }

    /// Appends one record and keeps the values behind commitments that are added to it: `(label, value)`.
    ///
    /// # Errors
    /// As [`LogWriter::append`].
    pub fn append_with(&mut self, draft: Draft, openings: &[(&str, &[u8])]) -> Result<Appended, Error> {
        self.appender.append_with(draft, openings)
    }

    /// Appends several records with one fsync, all or, after a crash, the first few of them.
    ///
    /// # Errors
    /// As [`LogWriter::append`].
    pub fn append_all(&mut self, drafts: Vec<Draft>) -> Result<Vec<Appended>, Error> {
        self.appender.append_all(drafts)
    }

    /// Seals what is unsealed, signs the head and keeps the note as the newest own checkpoint. Asked again at the same size it gives the same note.
    ///
    /// # Errors
    /// [`Error::Crypto`], [`Error::Io`].
    pub fn checkpoint(&mut self) -> Result<String, Error> {
        self.appender.checkpoint()
    }

    pub(super) fn home(&self) -> &Home {
        &self.appender.inner().home
    }

    /// Everything that has a place, durable or not; nothing is placed while it is held.
    pub(super) fn state(&self) -> StateGuard<'_> {
        StateGuard(locked(&self.appender.inner().sequencer))
    }

    /// Appends a rotate or a revoke, signed by `signer`; from then on this log is signed with `after`. It is made in its turn, while nobody else is given a place.
    pub(super) fn append_key_event(&mut self, signer: OperatorKey, after: OperatorKey, make: impl FnOnce(&Next) -> Result<Draft, Error>) -> Result<Appended, Error> {
        let after = Arc::new(after);
        let shared = self.appender.inner();
        let entered = locked(&shared.sequencer).key_event(shared, Arc::new(signer), Arc::clone(&after), make)?;
        entered.ticket.wait()?;
        self.key = after;
        entered.appended.first().copied().ok_or(Error::Misuse(Misuse::BatchCount(0)))
    }

    /// What the last process left open, unsealed, or without a first checkpoint.
    fn recover(&mut self) -> Result<(), Error> {
        self.close_dead_intents()?;
        self.seal()?;
        let newest = locked(&self.appender.inner().newest).as_ref().map(|(checkpoint, _)| checkpoint.size);
        let last_event = self.state().keys.events().last().copied();
        if newest.is_none_or(|size| last_event.is_some_and(|event| event >= size)) {
            // From its first day on a log that is gone, or shorter, is noticed; and the newest own checkpoint is by the key in force.
            self.checkpoint()?;
        }
        Ok(())
    }

    /// Seals what is unsealed and waits until all of it is durable.
    fn seal(&self) -> Result<(), Error> {
        let shared = self.appender.inner();
        let size = {
            let mut sequencer = locked(&shared.sequencer);
            sequencer.seal_rest(shared)?;
            sequencer.state.frontier.size()
        };
        shared.line.wait_durable(size)
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

/// A log as a start found it, its key files settled by what it says, and the right to write.
pub(super) struct Found {
    lock: Lock,
    pub state: State,
    ending: Ending,
    newest: Option<(Checkpoint, String)>,
}

impl Found {
    /// Waits for the lock, reads everything, and holds it against the newest own checkpoint.
    pub fn read(home: &Home, options: &Options) -> Result<Self, Error> {
        let lock = Lock::acquire(&home.lock_path(), options.wait)?;
        let check = CheckpointCheck::read(home)?;
        let mut state = State::default();
        let ending = replay(&home.log_path(), &mut state, |_, state| check.visit(state))?;
        let newest = check.finish(&state)?;
        settle_keys(home, &state, &ending)?;
        Ok(Self { lock, state, ending, newest })
    }

    /// The home's key, which must be the one in force.
    pub fn own_key(&self, home: &Home) -> Result<Arc<OperatorKey>, Error> {
        let key = OperatorKey::load(home)?;
        match self.state.keys.in_force().filter(|in_force| *in_force != key.public()) {
            Some(in_force) => Err(Error::WrongKey { have: key.id(), want: in_force.id() }),
            None => Ok(Arc::new(key)),
        }
    }

    /// Where the log goes on.
    pub fn segments(&self, home: &Home, options: &Options) -> Result<SegmentWriter, Error> {
        SegmentWriter::open(&home.log_path(), self.ending.resume, options.segment_bytes_max)
    }
}

/// Values of records that never became durable belong to nothing. To be called before a record gets the place `size`: from then on they would lie there as its own.
pub(super) fn discard_orphans(vault: &Vault, size: u64) -> Result<(), Error> {
    vault.discard_from(size, (limits::IN_FLIGHT_RECORDS_MAX + limits::BATCH_RECORDS_MAX) as u64)
}

/// The state, while nobody else appends.
pub(super) struct StateGuard<'a>(MutexGuard<'a, Sequencer>);

impl Deref for StateGuard<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0.state
    }
}

impl std::fmt::Debug for LogWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LogWriter({}, {} records)", self.log_id().short(), self.size())
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
    let record = Prepared::new(draft).encode(&Place { log_id: LogId::GENESIS, index: 0, prev: None, key_id: key.id() }, clock)?;
    let log = LogId::of_genesis(&record);
    let signature = key.sign_record(log, 0, RecordDigest::of(&record))?;
    segments.append(&[Entry { record: &record, signature: &signature }])?;
    let follows = state.push(&record);
    assert!(follows.is_ok(), "genesis begins an empty log");
    Ok(log)
}
