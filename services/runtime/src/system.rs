//! The system on one home: what every act needs, and nothing that an act decides.

use crate::acts::{Act, Pairing, label};
use crate::crew::Threads;
use crate::error::{Error, Result};
use crate::executor::Executor;
use crate::generation::tokens_of;
use crate::pins::{Pins, pins_of};
use crate::policy::{self, Refusal};
use crate::retention::RetentionRun;
use crate::said::Said;
use mickai_kernels::crew::Crew;
use mickai_kernels::isa::Isa;
use mickai_proof::record::{Kind, Record};
use mickai_store::{Appended, Custody, Draft, Entry, Erased, Home, Index, LogReader, LogWriter, ModelStore, Query, Vault};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use zeroize::Zeroizing;

/// Digits of the largest number that a record can have.
const NUMBER_DIGITS_MAX: usize = 20;
/// Digits of a digest that name a record, at least.
const PREFIX_DIGITS_MIN: usize = 4;

/// One home, and the threads to compute with.
pub struct System {
    home: Home,
    threads: Arc<Threads>,
    isa: Isa,
    /// `None` until this process has begun to act.
    enforced: Mutex<Option<Option<RetentionRun>>>,
    /// Whether it was time to settle when this process began to act; empty until it has.
    is_settle_due: OnceLock<bool>,
    /// What the newest intent about pins, by its index, comes to.
    pins: Mutex<Option<(u64, Pins)>>,
    read: Arc<AtomicU64>,
    pub(crate) disagreements: AtomicU64,
}

impl System {
    /// Opens the home in `folder`, making it, its keys and its log on the first run. `thread_count` 0 takes every core; `custody` says how its signing key is got.
    ///
    /// # Errors
    /// A home that cannot be made, read or trusted.
    pub fn open(folder: &Path, thread_count: usize, custody: Custody) -> Result<Self> {
        let system = Self::on(Home::open_or_create_with(folder, custody)?, thread_count)?;
        if system.reader()?.size() == 0 {
            // Opening the log for writing makes genesis.
            drop(system.writer()?);
        }
        Ok(system)
    }

    /// Opens a home that is there, for looking at it: nothing is made, and a damaged log is no hindrance.
    ///
    /// # Errors
    /// A folder that is no home, or is not to be trusted.
    pub fn open_existing(folder: &Path, thread_count: usize, custody: Custody) -> Result<Self> {
        if !folder.exists() {
            return Err(Error::NoHome(folder.to_owned()));
        }
        Self::on(Home::open(folder)?.with_custody(custody), thread_count)
    }

    fn on(home: Home, thread_count: usize) -> Result<Self> {
        let threads = Arc::new(Threads::new(thread_count)?);
        Ok(Self {
            home,
            threads,
            isa: Isa::best(),
            enforced: Mutex::new(None),
            is_settle_due: OnceLock::new(),
            pins: Mutex::new(None),
            read: Arc::default(),
            disagreements: AtomicU64::new(0),
        })
    }

    /// The same, computing with the instructions of that name instead of the fastest. They reach no bit of any result.
    ///
    /// # Errors
    /// [`Error::NoIsa`] with those that this machine has.
    pub fn with_isa(self, wanted: &str) -> Result<Self> {
        match Isa::named(wanted) {
            Some(isa) => Ok(Self { isa, ..self }),
            None => Err(Error::NoIsa { wanted: wanted.to_owned(), known: Isa::available().map(Isa::name).collect() }),
        }
    }

    /// The home.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Threads to compute with.
    pub fn thread_count(&self) -> usize {
        self.threads.count()
    }

    /// The instructions that the kernels use.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    pub(crate) fn crew(&self) -> Arc<dyn Crew> {
        self.threads.clone()
    }

    pub(crate) fn verifier_crew(&self) -> Arc<dyn mickai_proof::crew::Crew> {
        self.threads.clone()
    }

    /// The log, for writing; waits for another writer and says who it is when it has waited enough.
    pub(crate) fn writer(&self) -> Result<LogWriter> {
        Ok(LogWriter::open(&self.home, policy::authority())?)
    }

    /// The log, for acts on it. The first of a process erases what an automatic retention policy no longer keeps.
    pub(crate) fn executor(&self) -> Result<Executor> {
        let mut executor = Executor::new(self.writer()?);
        let mut enforced = self.enforced.lock().unwrap_or_else(PoisonError::into_inner);
        if enforced.is_none() {
            *enforced = Some(self.enforce_retention(&mut executor)?);
        }
        self.look_whether_settle_is_due(executor.log())?;
        Ok(executor)
    }

    /// The log, for acts that are themselves about retention, and for what no policy that cannot be enforced may hold up: a revocation, a refusal.
    pub(crate) fn executor_as_is(&self) -> Result<Executor> {
        let executor = Executor::new(self.writer()?);
        // What cannot be told of settling holds up none of them either.
        let _ = self.look_whether_settle_is_due(executor.log());
        Ok(executor)
    }

    /// Once a process: what was found first stays.
    fn look_whether_settle_is_due(&self, log: &LogWriter) -> Result<()> {
        if self.is_settle_due.get().is_none() {
            let _ = self.is_settle_due.set(self.settle_is_due(log)?);
        }
        Ok(())
    }

    /// What this process erased of its own accord because the retention policy says so.
    pub fn enforced(&self) -> Option<RetentionRun> {
        self.enforced.lock().unwrap_or_else(PoisonError::into_inner).clone().flatten()
    }

    /// Was it time to settle, by what the operator said, when this process began to act?
    pub fn was_settle_due(&self) -> bool {
        self.is_settle_due.get().copied().unwrap_or(false)
    }

    /// Records that an act of the operator's was refused; gives what is said of it.
    pub(crate) fn deny(&self, action: &str, cause: Option<Appended>, refusal: Refusal) -> Error {
        match self.executor_as_is() {
            Ok(mut executor) => {
                let mut draft = Draft::new(Kind::Deny, executor.operator(), policy::authority(), action);
                draft.causes = cause.map(|cause| (cause.index, cause.digest)).into_iter().collect();
                executor.deny(draft, refusal)
            }
            Err(error) => error,
        }
    }

    /// The log, for reading: never waits.
    ///
    /// # Errors
    /// A log that is damaged.
    pub fn reader(&self) -> Result<LogReader> {
        Ok(LogReader::open_counted(&self.home, self.read.clone())?)
    }

    /// Records that were read one by one so far, through [`System::reader`]: what looking things up has cost, apart from what a writer reads when it takes the log in hand.
    pub fn records_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// The pins in force, the newest intent about them being this one; read once for each.
    pub(crate) fn known_pins(&self, newest: u64) -> Result<Pins> {
        let mut known = self.pins.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, pins)) = known.as_ref().filter(|(index, _)| *index == newest) {
            return Ok(pins.clone());
        }
        let pins = pins_of(&self.reader()?, Some(newest))?;
        *known = Some((newest, pins.clone()));
        Ok(pins)
    }

    pub(crate) fn store_models(&self) -> ModelStore {
        ModelStore::open(&self.home)
    }

    /// The values behind the log's commitments; `None` before there is a log.
    pub(crate) fn vault(&self, reader: &LogReader) -> Result<Option<Vault>> {
        Ok(reader.log_id().map(|log| Vault::open(&self.home, log)).transpose()?)
    }

    /// All acts, in order.
    ///
    /// # Errors
    /// A log that is damaged.
    pub fn acts(&self) -> Result<Vec<Act>> {
        let reader = self.reader()?;
        let mut pairing = Pairing::default();
        for entry in reader.entries(0..reader.size()) {
            let entry = entry?;
            let record = entry.decode().map_err(|_| Error::BadRecord { index: entry.index, part: "form" })?;
            pairing.push(entry.digest(), &record);
        }
        Ok(pairing.finish())
    }

    /// Could a record be called so, in this log or another?
    pub fn names_record(wanted: &str) -> bool {
        Named::by(wanted).is_some()
    }

    /// The index of the record that an operator means: a number, `last`, `latest`, `newest`, `most recent`, `previous`, `first`, or the beginning of a digest. Up to 20 decimal
    /// digits and no letter are a number and nothing else. Records at or after `below` do not count: who asks for the last record does not mean that of the question.
    ///
    /// # Errors
    /// [`Error::NoRecord`], [`Error::AmbiguousRecord`].
    pub fn resolve_record(&self, wanted: &str, below: Option<u64>) -> Result<u64> {
        let reader = self.reader()?;
        let record_count = reader.size().min(below.unwrap_or(u64::MAX));
        let missing = || Error::NoRecord { wanted: wanted.to_owned(), record_count };
        let in_log = |index: Option<u64>| index.filter(|&index| index < record_count).ok_or_else(missing);
        let prefix = match Named::by(wanted) {
            None => return Err(missing()),
            Some(Named::Number(index)) => return in_log(Some(index)),
            Some(Named::FromEnd(places)) => return in_log(record_count.checked_sub(places)),
            Some(Named::Digest(prefix)) => prefix,
        };
        let candidates = self.by_digest(&reader, &prefix, record_count)?;
        match candidates.as_slice() {
            [] => Err(missing()),
            [index] => Ok(*index),
            _ => Err(Error::AmbiguousRecord { wanted: wanted.to_owned(), candidates: candidates.into_iter().take(8).collect() }),
        }
    }

    /// The records below `record_count` whose D begins so.
    fn by_digest(&self, reader: &LogReader, prefix: &str, record_count: u64) -> Result<Vec<u64>> {
        let query = Query { digest_prefix: Some(prefix.to_owned()), indexes: Some(0..record_count), ..Query::default() };
        Ok(self.find(reader, &query)?.iter().map(|entry| entry.index).collect())
    }

    /// The records that a query asks for: by the index, or without one by walking through the log.
    pub(crate) fn find(&self, reader: &LogReader, query: &Query) -> Result<Vec<Entry>> {
        if let Ok(found) = Index::open(&self.home, reader, &mut |_| {}).and_then(|mut index| index.find(reader, query)) {
            return Ok(found);
        }
        let mut found = Vec::new();
        for entry in reader.entries(0..reader.size()) {
            let entry = entry?;
            let is_wanted = entry.decode().is_ok_and(|record| query.asks_for(entry.digest(), &record));
            found.extend(is_wanted.then_some(entry));
        }
        if query.newest_first {
            found.reverse();
        }
        found.truncate(query.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX));
        Ok(found)
    }

    /// The values that the log says are erased.
    ///
    /// # Errors
    /// A log that is damaged.
    pub fn erased(&self) -> Result<Erased> {
        let reader = self.reader()?;
        let mut erased = Erased::default();
        for entry in reader.entries(0..reader.size()) {
            let entry = entry?;
            let record = entry.decode().map_err(|_| Error::BadRecord { index: entry.index, part: "form" })?;
            if record.kind == Kind::Erase {
                erased.push(&record).ok_or(Error::BadRecord { index: entry.index, part: "form" })?;
            }
        }
        Ok(erased)
    }

    /// The value that record `index` committed to under `label`.
    ///
    /// # Errors
    /// [`Error::Erased`] with the record that erased it, [`Error::NotOpened`], a vault that is damaged.
    pub(crate) fn value(&self, index: u64, label: &'static str) -> Result<Zeroizing<Vec<u8>>> {
        let reader = self.reader()?;
        let opened = self.vault(&reader)?.map(|vault| vault.get(index, label)).transpose()?.flatten();
        match opened {
            Some(opened) => Ok(opened.value),
            None => Err(self.erased()?.by(index, label).map_or(Error::NotOpened { index, label }, |by| Error::Erased { index, label, by })),
        }
    }

    /// The messages of the prompt that record `index` committed to, as text.
    pub(crate) fn prompt_text(&self, index: u64) -> Result<String> {
        let said = Said::of(&self.value(index, label::PROMPT)?).ok_or(Error::BadRecord { index, part: label::PROMPT })?;
        Ok(said.to_text())
    }

    /// The values behind a record's commitments that the vault still keeps, as text: prompts as messages, tokens as numbers.
    ///
    /// # Errors
    /// A vault that is damaged.
    pub fn opened(&self, record: &Record<'_>) -> Result<Vec<(String, String)>> {
        let reader = self.reader()?;
        let Some(vault) = self.vault(&reader)? else { return Ok(Vec::new()) };
        let mut opened = Vec::new();
        for (name, _) in &record.commitments {
            if let Some(value) = vault.get(record.index, name)? {
                let text = match &**name {
                    label::PROMPT => self.prompt_text(record.index)?,
                    label::PROMPT_TOKENS | label::OUTPUT_TOKENS => {
                        tokens_of(&value.value).unwrap_or_default().iter().map(|token| token.0.to_string()).collect::<Vec<_>>().join(" ")
                    }
                    _ => String::from_utf8_lossy(&value.value).into_owned(),
                };
                opened.push((name.clone().into_owned(), text));
            }
        }
        Ok(opened)
    }
}

/// How an operator names a record.
enum Named {
    /// By its number.
    Number(u64),
    /// By its place from the end: 1 is the last.
    FromEnd(u64),
    /// By the beginning of its digest, in lower case.
    Digest(String),
}

impl Named {
    /// A number that no record of the log has is never taken for the beginning of a digest: an erasure would go to another record than was meant, in a long log sooner or later.
    fn by(wanted: &str) -> Option<Self> {
        let word = wanted.trim().trim_start_matches('#').to_lowercase();
        match word.as_str() {
            "last" | "latest" | "newest" | "most recent" => Some(Self::FromEnd(1)),
            "previous" => Some(Self::FromEnd(2)),
            "first" => Some(Self::Number(0)),
            // One too large for a number is too large for every log.
            digits if digits.len() <= NUMBER_DIGITS_MAX && digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(Self::Number(digits.parse().unwrap_or(u64::MAX))),
            digits if digits.len() >= PREFIX_DIGITS_MIN && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => Some(Self::Digest(digits.to_owned())),
            _ => None,
        }
    }
}
