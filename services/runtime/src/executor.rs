//! The one place where acts are performed: the policy is asked, the intent is durable, the act runs while its permit holds, the outcome is recorded. What policy refuses is recorded too.
//!
//! Whatever fails before the act begins (the policy, the log, the permit's deadline) keeps it from beginning.

use crate::acts::fact;
use crate::error::{Error, Result};
use crate::generation::{Openings, borrowed};
use crate::policy::{self, Refusal};
use mickai_proof::digest::Id;
use mickai_proof::record::{ActorClass, Fact, Kind, OutcomeCode};
use mickai_store::{Appended, Appender, Draft, LogWriter, Permit, Running};

/// Performs acts on one log, which it holds for writing.
pub(crate) struct Executor {
    log: LogWriter,
    pen: Pen,
}

/// Records acts, the policy asked first: clones write to the same log from any thread, and share its fsyncs.
#[derive(Clone)]
pub(crate) struct Pen {
    log: Appender,
}

/// An act that was performed.
pub(crate) struct Done<T> {
    /// What came of it.
    pub value: T,
    /// Facts of the outcome.
    pub facts: Vec<(String, Fact<'static>)>,
    /// Values that the outcome commits to.
    pub openings: Openings,
}

/// An act that began and did not succeed.
pub(crate) struct Failed {
    /// What is said to the operator; its words may quote what the vault keeps, so they are not recorded.
    pub error: Box<Error>,
    /// Facts of the outcome.
    pub facts: Vec<(String, Fact<'static>)>,
}

/// An act on record from beginning to end.
pub(crate) struct Performed<T> {
    /// What came of it.
    pub value: T,
    /// The record before it.
    pub intent: Appended,
    /// The record after it.
    pub outcome: Appended,
}

impl<T> Done<T> {
    /// With these facts and no values.
    pub fn new(value: T, facts: Vec<(String, Fact<'static>)>) -> Self {
        Self { value, facts, openings: Vec::new() }
    }
}

impl<E: Into<Error>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self { error: Box::new(error.into()), facts: Vec::new() }
    }
}

impl Executor {
    /// On a log that is open for writing.
    pub fn new(log: LogWriter) -> Self {
        let pen = Pen { log: log.appender_alone() };
        Self { log, pen }
    }

    /// For acts beside each other; the log is held until every pen is dropped.
    pub fn pen(&self) -> Pen {
        Pen { log: self.log.appender() }
    }

    /// The log, for what is looked at before an act.
    pub fn log(&self) -> &LogWriter {
        &self.log
    }

    /// The operator as the actor of records.
    pub fn operator(&self) -> (ActorClass, Id) {
        (ActorClass::Operator, Id(self.log.key().id().0))
    }

    /// The log, for checkpoints, which are no acts.
    pub fn log_mut(&mut self) -> &mut LogWriter {
        &mut self.log
    }

    /// As [`Pen::permit`].
    ///
    /// # Errors
    /// As there.
    pub fn permit(&mut self, intent: Draft, openings: &[(&str, &[u8])]) -> Result<Permit> {
        self.pen.permit(intent, openings)
    }

    /// Asks the policy for an act whose one record is the act itself, so that no intent and no outcome stand around it: a rotate, a revoke. What they do, they do by being durable; before that
    /// record there is nothing to announce, and after it nothing left that could fail or be unknown. A refusal is on record as of any act.
    ///
    /// # Errors
    /// [`Error::Denied`], after the refusal is durable; a log that cannot be written.
    pub fn allow(&mut self, actor: (ActorClass, Id), action: &str) -> Result<()> {
        policy::check(actor.0, action).map_err(|refusal| self.deny(Draft::new(Kind::Deny, actor, policy::authority(), action), refusal))
    }

    /// Records that an act was refused; gives the error that says so, or the one that kept it from being recorded. The act does not happen either way.
    pub fn deny(&mut self, act: Draft, refusal: Refusal) -> Error {
        self.pen.deny(act, refusal)
    }

    /// Performs the act of a permit, if it has not run out. `act` is shown that it runs, and has the log for records inside the act.
    ///
    /// # Errors
    /// A permit that ran out (on record as `timed_out`), a log that cannot be written, and those of the act itself, after `failed` is on record.
    pub fn run<T>(&mut self, permit: Permit, act: impl FnOnce(&Running, &mut LogWriter) -> std::result::Result<Done<T>, Failed>) -> Result<Performed<T>> {
        let running = self.pen.begin(permit)?;
        let intent = running.intent();
        match act(&running, &mut self.log) {
            Ok(Done { value, facts, openings }) => {
                let outcome = self.pen.close(running, OutcomeCode::Executed, facts, &openings)?;
                Ok(Performed { value, intent, outcome })
            }
            Err(Failed { error, facts }) => {
                self.pen.close(running, OutcomeCode::Failed, facts, &Vec::new())?;
                Err(*error)
            }
        }
    }
}

impl Pen {
    /// Asks the policy, and makes the intent durable with the values that it commits to.
    ///
    /// # Errors
    /// [`Error::Denied`], after the refusal is durable; a log that cannot be written.
    pub fn permit(&self, intent: Draft, openings: &[(&str, &[u8])]) -> Result<Permit> {
        match policy::check(intent.actor.0, &intent.action) {
            Ok(()) => Ok(self.log.append_intent(intent, openings)?),
            Err(refusal) => Err(self.deny(intent, refusal)),
        }
    }

    /// The first half of [`Executor::run`], for acts beside each other.
    ///
    /// # Errors
    /// A permit that ran out; a log that cannot be written.
    pub fn begin(&self, permit: Permit) -> Result<Running> {
        Ok(self.log.begin(permit)?)
    }

    /// The second half.
    ///
    /// # Errors
    /// A log that cannot be written.
    pub fn close(&self, act: Running, code: OutcomeCode, facts: Vec<(String, Fact<'static>)>, openings: &Openings) -> Result<Appended> {
        Ok(self.log.close(act, code, facts, &borrowed(openings))?)
    }

    /// The head of the log, signed: no act.
    ///
    /// # Errors
    /// A log that cannot be written.
    pub fn checkpoint(&self) -> Result<String> {
        Ok(self.log.checkpoint()?)
    }

    fn deny(&self, act: Draft, refusal: Refusal) -> Error {
        // Facts of an intent speak of what is to become of it; of a refused one only the reason counts.
        let mut deny = Draft::new(Kind::Deny, act.actor, act.authority, &act.action).fact(fact::REASON, Fact::Text(refusal.code().into()));
        deny.causes = act.causes;
        match self.log.append(deny) {
            Ok(record) => Error::Denied { action: act.action, refusal, record },
            Err(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests;
