//! The right to perform one act whose intent is durable: first a permit, then, while the act runs, a running act that only the log closes.
//!
//! ```text
//! append_intent → Permit ──begin──→ Running ──close──→ outcome executed, failed, …
//!                    │ dropped          │ dropped: both leave the intent open, and the next start closes it as outcome_unknown
//!                    └ begin after its deadline: outcome timed_out, and an error
//! ```
//!
//! Functions with a side effect ask for a `&Running`, so that what has no durable intent does not compile.

use super::appender::Appender;
use super::draft::Draft;
use super::line::locked;
use super::writer::{Appended, LogWriter};
use crate::error::{Error, Misuse};
use crate::limits;
use mickai_proof::digest::{Id, LogId, RecordDigest};
use mickai_proof::record::{ActorClass, Fact, Kind, OutcomeCode};

/// The single-use right to begin one act. [`LogWriter::append_intent`] gives it, [`LogWriter::begin`] takes it.
///
/// It is used once: the compiler moves it.
///
/// ```
/// # use mickai_store::{Error, LogWriter, Permit, Running};
/// fn once(log: &mut LogWriter, permit: Permit) -> Result<Running, Error> {
///     log.begin(permit)
/// }
/// ```
/// ```compile_fail,E0382
/// # use mickai_store::{Error, LogWriter, Permit, Running};
/// fn twice(log: &mut LogWriter, permit: Permit) -> Result<Running, Error> {
///     log.begin(permit)?;
///     log.begin(permit)
/// }
/// ```
///
/// It cannot be copied, though what it says can be.
///
/// ```
/// # use mickai_store::Permit;
/// fn copy(permit: &Permit) -> mickai_proof::digest::RecordDigest {
///     permit.digest().clone()
/// }
/// ```
/// ```compile_fail,E0308
/// # use mickai_store::Permit;
/// fn copy(permit: &Permit) -> Permit {
///     permit.clone()
/// }
/// ```
/// ```compile_fail,E0507
/// # use mickai_store::Permit;
/// fn copy(permit: &Permit) -> Permit {
///     *permit
/// }
/// ```
///
/// It cannot be made from its parts, though others can.
///
/// ```
/// # use mickai_store::Appended;
/// fn forge(part: Appended) -> Appended {
///     Appended { index: 9, ..part }
/// }
/// ```
/// ```compile_fail,E0451
/// # use mickai_store::Permit;
/// fn forge(part: Permit) -> Permit {
///     Permit { index: 9, ..part }
/// }
/// ```
#[derive(Debug)]
#[must_use = "an intent that is never closed becomes outcome_unknown"]
pub struct Permit {
    log: LogId,
    index: u64,
    digest: RecordDigest,
    action: String,
    actor: (ActorClass, Id),
    authority: (Id, u64),
    deadline_ns: u64,
}

/// An act that began in time and has no outcome yet. [`LogWriter::begin`] gives it, [`LogWriter::close`] takes it. Whoever is shown one may perform that act.
///
/// Only what has begun can be closed.
///
/// ```
/// # use mickai_store::{Appended, Error, LogWriter, Running};
/// # use mickai_proof::record::OutcomeCode;
/// fn close(log: &mut LogWriter, act: Running) -> Result<Appended, Error> {
///     log.close(act, OutcomeCode::Executed, Vec::new(), &[])
/// }
/// ```
/// ```compile_fail,E0308
/// # use mickai_store::{Appended, Error, LogWriter, Permit};
/// # use mickai_proof::record::OutcomeCode;
/// fn close(log: &mut LogWriter, act: Permit) -> Result<Appended, Error> {
///     log.close(act, OutcomeCode::Executed, Vec::new(), &[])
/// }
/// ```
///
/// Nor can an outcome be appended by itself.
///
/// ```
/// # use mickai_store::{Appended, Draft, Error, LogWriter};
/// # use mickai_proof::record::OutcomeCode;
/// fn claim(log: &mut LogWriter, mut draft: Draft, intent: Appended) -> Result<Appended, Error> {
///     draft.causes = vec![(intent.index, intent.digest)];
///     log.append(draft)
/// }
/// ```
/// ```compile_fail,E0616
/// # use mickai_store::{Appended, Draft, Error, LogWriter};
/// # use mickai_proof::record::OutcomeCode;
/// fn claim(log: &mut LogWriter, mut draft: Draft, intent: Appended) -> Result<Appended, Error> {
///     draft.closes = Some((intent.digest, OutcomeCode::Executed));
///     log.append(draft)
/// }
/// ```
///
/// Nothing is performed after it is closed.
///
/// ```
/// # use mickai_store::{Error, LogWriter, ModelStore, Running};
/// # use mickai_proof::{digest::Id, record::OutcomeCode};
/// fn remove(log: &mut LogWriter, models: &ModelStore, act: Running) -> Result<bool, Error> {
///     let removed = models.remove(&act, Id::ZERO);
///     log.close(act, OutcomeCode::Executed, Vec::new(), &[])?;
///     removed
/// }
/// ```
/// ```compile_fail,E0382
/// # use mickai_store::{Error, LogWriter, ModelStore, Running};
/// # use mickai_proof::{digest::Id, record::OutcomeCode};
/// fn remove(log: &mut LogWriter, models: &ModelStore, act: Running) -> Result<bool, Error> {
///     log.close(act, OutcomeCode::Executed, Vec::new(), &[])?;
///     models.remove(&act, Id::ZERO)
/// }
/// ```
///
/// Nor before it has begun.
///
/// ```compile_fail,E0308
/// # use mickai_store::{Error, ModelStore, Permit};
/// # use mickai_proof::digest::Id;
/// fn remove(models: &ModelStore, act: Permit) -> Result<bool, Error> {
///     models.remove(&act, Id::ZERO)
/// }
/// ```
///
/// It cannot be made from a permit without the log, which looks at the deadline.
///
/// ```
/// # use mickai_store::{Error, LogWriter, Permit, Running};
/// fn begin(log: &mut LogWriter, permit: Permit) -> Result<Running, Error> {
///     log.begin(permit)
/// }
/// ```
/// ```compile_fail,E0451
/// # use mickai_store::{Error, LogWriter, Permit, Running};
/// fn begin(log: &mut LogWriter, permit: Permit) -> Result<Running, Error> {
///     Ok(Running { permit })
/// }
/// ```
#[derive(Debug)]
#[must_use = "an act that is never closed becomes outcome_unknown"]
pub struct Running {
    permit: Permit,
}

impl Permit {
    /// Index of the intent.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// D of the intent.
    pub fn digest(&self) -> RecordDigest {
        self.digest
    }

    /// When the right to begin ends, in the nanoseconds of [`crate::Clock::monotonic_ns`].
    pub fn deadline_ns(&self) -> u64 {
        self.deadline_ns
    }

    fn outcome(&self, code: OutcomeCode) -> Draft {
        let mut draft = Draft::new(Kind::Outcome, self.actor, self.authority, &self.action);
        draft.closes = Some((self.digest, code));
        draft
    }
}

impl Running {
    /// The intent.
    pub fn intent(&self) -> Appended {
        Appended { index: self.permit.index, digest: self.permit.digest }
    }

    /// Who acts.
    pub(crate) fn actor(&self) -> (ActorClass, Id) {
        self.permit.actor
    }

    /// Under which policy, and its version.
    pub(crate) fn authority(&self) -> (Id, u64) {
        self.permit.authority
    }
}

impl Appender {
    /// Makes an intent durable, with the values behind its commitments, and gives the right to begin the act.
    ///
    /// # Errors
    /// As [`Appender::append`]; [`Misuse::Kind`] unless the draft is an intent.
    pub fn append_intent(&self, draft: Draft, openings: &[(&str, &[u8])]) -> Result<Permit, Error> {
        if draft.kind != Kind::Intent {
            return Err(Misuse::Kind(draft.kind).into());
        }
        let (action, actor, authority) = (draft.action.clone(), draft.actor, draft.authority);
        let Appended { index, digest } = self.append_with(draft, openings)?;
        let monotonic_ns = locked(&self.inner().clock).monotonic_ns();
        let life_ns = u64::try_from(limits::PERMIT_LIFE.as_nanos()).unwrap_or(u64::MAX);
        Ok(Permit { log: self.log_id(), index, digest, action, actor, authority, deadline_ns: monotonic_ns.saturating_add(life_ns) })
    }

    /// Begins the act of a permit, to be called right before it. A permit that has run out is closed as `timed_out`, and nothing may be done.
    ///
    /// # Errors
    /// [`Misuse::PermitExpired`], after that outcome is durable; [`Misuse::NotOpen`] if the intent has its outcome; [`Misuse::PermitForeign`]; [`Error::Poisoned`]; as [`Appender::append`]. The permit is used up either way.
    pub fn begin(&self, permit: Permit) -> Result<Running, Error> {
        if permit.log != self.log_id() {
            return Err(Misuse::PermitForeign.into());
        }
        // An act whose outcome could not be recorded is not begun.
        self.inner().line.check()?;
        // Nor one that has its outcome: a writer that began after the permit was given has closed its intent.
        if !locked(&self.inner().sequencer).state.open.contains_key(&permit.digest) {
            return Err(Misuse::NotOpen.into());
        }
        let monotonic_ns = locked(&self.inner().clock).monotonic_ns();
        if monotonic_ns > permit.deadline_ns {
            self.append(permit.outcome(OutcomeCode::TimedOut))?;
            return Err(Misuse::PermitExpired.into());
        }
        Ok(Running { permit })
    }

    /// Records what became of an act; actor, authority and action are those of its intent.
    ///
    /// # Errors
    /// As [`Appender::append`]; [`Misuse::PermitForeign`]. The act is over either way.
    pub fn close(&self, act: Running, outcome: OutcomeCode, facts: Vec<(String, Fact<'static>)>, openings: &[(&str, &[u8])]) -> Result<Appended, Error> {
        if act.permit.log != self.log_id() {
            return Err(Misuse::PermitForeign.into());
        }
        let draft = Draft { facts, ..act.permit.outcome(outcome) };
        self.append_with(draft, openings)
    }
}

impl LogWriter {
    /// Makes an intent durable, with the values behind its commitments, and gives the right to begin the act.
    ///
    /// # Errors
    /// As [`LogWriter::append`]; [`Misuse::Kind`] unless the draft is an intent.
    pub fn append_intent(&mut self, draft: Draft, openings: &[(&str, &[u8])]) -> Result<Permit, Error> {
        self.appender.append_intent(draft, openings)
    }

    /// Begins the act of a permit, to be called right before it. A permit that has run out is closed as `timed_out`, and nothing may be done.
    ///
    /// # Errors
    /// [`Misuse::PermitExpired`], after that outcome is durable; [`Misuse::NotOpen`] if the intent has its outcome; [`Misuse::PermitForeign`]; [`Error::Poisoned`]; as [`LogWriter::append`]. The permit is used up either way.
    pub fn begin(&mut self, permit: Permit) -> Result<Running, Error> {
        self.appender.begin(permit)
    }

    /// Records what became of an act; actor, authority and action are those of its intent.
    ///
    /// # Errors
    /// As [`LogWriter::append`]; [`Misuse::PermitForeign`]. The act is over either way.
    pub fn close(&mut self, act: Running, outcome: OutcomeCode, facts: Vec<(String, Fact<'static>)>, openings: &[(&str, &[u8])]) -> Result<Appended, Error> {
        self.appender.close(act, outcome, facts, openings)
    }
}
