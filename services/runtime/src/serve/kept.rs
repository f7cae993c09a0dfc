//! Answers that are kept for their key: what a caller was answered with is a value of a record of its own, so whoever asks again with that key is told the same, whichever process answers.
//!
//! The intent of an act that was asked for with a key has the fact `idempotency`, by which the index finds it; the request that it commits to says whether the same is asked. The answer names records
//! of the act, so no record of the act can hold it: it is a detail record after them (spec/record.md), in parts where it is long, and durable before the last piece of the answer leaves.

use super::desk::Desk;
use super::limits::{ANSWER_BYTES_MAX, WAITING_PER_CALLER_MAX};
use crate::acts::{STOP_INTERRUPTED, Side, action, fact, label};
use crate::error::{Error, Result};
use crate::generation::Key;
use crate::policy;
use crate::system::System;
use mickai_proof::digest::Id;
use mickai_proof::limits::VALUE_BYTES_MAX;
use mickai_proof::record::{ActorClass, Fact, Kind, OutcomeCode};
use mickai_store::{Appended, Draft, Entry, LogReader, Query, Vault};

/// What is on record of a key.
#[derive(Clone, Debug)]
pub enum Kept {
    /// Nothing, or only that whoever asked went away: it can be asked for.
    Nothing,
    /// The answer as it was sent.
    Answer {
        /// The intent that it told of in its headers.
        intent: Appended,
        /// Its type.
        content_type: String,
        /// Its bytes.
        bytes: Vec<u8>,
    },
    /// Another request came with that key.
    OtherRequest,
    /// There is no answer to give, and it is not run again.
    None {
        /// The newest act with that key.
        intent: u64,
        /// Why.
        because: NoAnswer,
    },
}

/// Why a key that is known has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// It is still being made.
    Running,
    /// Nobody knows how the act ended.
    Unknown,
    /// The act failed.
    Failed,
    /// Values of it were erased.
    Erased,
    /// The process ended between the act's outcome and the keeping of the answer, or the answer was too long to keep.
    Lost,
}

impl System {
    /// What is on record of a key since a time, for a request.
    ///
    /// # Errors
    /// A log or a vault that is damaged.
    pub fn kept(&self, key: Key, request: &[u8], since_ms: u64) -> Result<Kept> {
        let reader = self.reader()?;
        // As many as one request may have asked for, and those of some that were broken off.
        let limit = Some(4 * WAITING_PER_CALLER_MAX as u64);
        let query = Query { kind: Some(Kind::Intent), key: Some(Id(key.0)), wall_ms: Some(since_ms..u64::MAX), newest_first: true, limit, ..Query::default() };
        let intents = self.find(&reader, &query)?;
        let Some(vault) = self.vault(&reader)? else { return Ok(Kept::Nothing) };
        let Some(newest) = intents.first() else { return Ok(Kept::Nothing) };
        let none = |because| Ok(Kept::None { intent: newest.index, because });
        match vault.get(newest.index, label::REQUEST)? {
            None => return none(NoAnswer::Erased),
            Some(opened) if *opened.value != request => return Ok(Kept::OtherRequest),
            Some(_) => {}
        }
        let parts = self.answer_parts(&reader, newest.index)?;
        if !parts.is_empty() {
            return answer(newest.index, &parts, &vault);
        }
        let (mut executed, mut broken_off): (Option<u64>, Option<u64>) = (None, None);
        for intent in &intents {
            match self.ending(&reader, intent)? {
                Some((_, Ending::Executed)) => executed = executed.max(Some(intent.index)),
                Some((outcome, Ending::BrokenOff)) => broken_off = broken_off.max(Some(outcome)),
                Some((_, Ending::Unknown)) => return none(NoAnswer::Unknown),
                Some((_, Ending::Failed)) => return none(NoAnswer::Failed),
                None => return none(NoAnswer::Running),
            }
        }
        // Nothing begins for a key before all that was asked for with it is over: what began after the last that was broken off is of a newer attempt, which nobody broke off.
        if executed < broken_off { Ok(Kept::Nothing) } else { none(NoAnswer::Lost) }
    }

    /// The records that keep what was answered of an act, by its intent, as far as the index knows.
    fn answer_parts(&self, reader: &LogReader, intent: u64) -> Result<Vec<Entry>> {
        self.find(reader, &Query { kind: Some(Kind::Detail), action: Some(action::ANSWER.to_owned()), cause: Some(intent), ..Query::default() })
    }

    /// The outcome of an intent, and what it says; `None` if there is none yet.
    fn ending(&self, reader: &LogReader, intent: &Entry) -> Result<Option<(u64, Ending)>> {
        let outcomes = self.find(reader, &Query { closes: Some(intent.digest()), limit: Some(1), ..Query::default() })?;
        let Some(outcome) = outcomes.first() else { return Ok(None) };
        let side = side(outcome)?;
        let ending = match outcome.decode().ok().and_then(|record| record.closes) {
            Some((_, OutcomeCode::Executed)) if side.text(fact::STOP) == Some(STOP_INTERRUPTED) => Ending::BrokenOff,
            Some((_, OutcomeCode::Executed)) => Ending::Executed,
            Some((_, OutcomeCode::Failed)) => Ending::Failed,
            // Nothing ran.
            Some((_, OutcomeCode::NotAttempted | OutcomeCode::TimedOut)) => Ending::BrokenOff,
            Some((_, OutcomeCode::Unknown)) | None => Ending::Unknown,
        };
        Ok(Some((outcome.index, ending)))
    }
}

/// How an act with a key ended.
enum Ending {
    Executed,
    BrokenOff,
    Failed,
    Unknown,
}

impl Desk {
    /// Keeps an answer for the key of the acts that begin with these intents, of which it tells `told` in its headers; one that is too long is not kept.
    ///
    /// # Errors
    /// A log that cannot be written.
    pub fn keep_answer(&self, intents: &[Appended], told: u64, content_type: &str, bytes: &[u8]) -> Result<()> {
        if bytes.len() > ANSWER_BYTES_MAX || intents.is_empty() {
            return Ok(());
        }
        let parts: Vec<&[u8]> = bytes.chunks(VALUE_BYTES_MAX).collect();
        self.recorder().with(|executor| {
            for (place, part) in parts.iter().enumerate() {
                let mut draft = Draft::new(Kind::Detail, (ActorClass::System, Id::ZERO), policy::authority(), action::ANSWER)
                    .fact(fact::RECORD, Fact::Uint(told))
                    .fact(fact::CONTENT_TYPE, Fact::Text(content_type.to_owned().into()))
                    .fact(fact::PART, Fact::Uint(place as u64))
                    .fact(fact::PART_COUNT, Fact::Uint(parts.len() as u64));
                draft.causes = intents.iter().map(|intent| (intent.index, intent.digest)).collect();
                executor.log_mut().append_with(draft, &[(label::OUTPUT, part)])?;
            }
            Ok(())
        })
    }
}

/// The answer of all its parts.
fn answer(newest: u64, parts: &[Entry], vault: &Vault) -> Result<Kept> {
    let none = |because| Ok(Kept::None { intent: newest, because });
    let Some(first) = parts.first() else { return none(NoAnswer::Lost) };
    let about = side(first)?;
    if about.uint(fact::PART_COUNT) != Some(parts.len() as u64) {
        return none(NoAnswer::Lost);
    }
    let mut bytes = Vec::new();
    for part in parts {
        let Some(opened) = vault.get(part.index, label::OUTPUT)? else { return none(NoAnswer::Erased) };
        bytes.extend_from_slice(&opened.value);
    }
    let bad = |part| Error::BadRecord { index: first.index, part };
    let content_type = about.text(fact::CONTENT_TYPE).ok_or(bad(fact::CONTENT_TYPE))?.to_owned();
    let record = first.decode().map_err(|_| bad("form"))?;
    let &(index, digest) = record.causes.iter().find(|(index, _)| about.uint(fact::RECORD) == Some(*index)).ok_or(bad(fact::RECORD))?;
    Ok(Kept::Answer { intent: Appended { index, digest }, content_type, bytes })
}

fn side(entry: &Entry) -> Result<Side> {
    let record = entry.decode().map_err(|_| Error::BadRecord { index: entry.index, part: "form" })?;
    Ok(Side::new(entry.digest(), &record))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::authority;
    use mickai_store::{Custody, LogWriter};

    const KEY: Key = Key([7; 32]);

    fn begin(log: &mut LogWriter) -> mickai_store::Running {
        let draft = Draft::new(Kind::Intent, (ActorClass::Brain, Id::ZERO), authority(), action::GENERATE).fact(fact::IDEMPOTENCY, Fact::Bytes(KEY.0.to_vec().into()));
        let permit = log.append_intent(draft, &[(label::REQUEST, b"asked")]).unwrap();
        log.begin(permit).unwrap()
    }

    fn end(log: &mut LogWriter, act: mickai_store::Running, stop: &str) {
        log.close(act, OutcomeCode::Executed, vec![(fact::STOP.to_owned(), Fact::Text(stop.to_owned().into()))], &[]).unwrap();
    }

    /// Each attempt asks for two choices; what is there of them after each step, the answer never being kept.
    #[test]
    fn the_newest_attempt_says_whether_it_may_be_asked_for_again() {
        let folder = tempfile::tempdir().unwrap();
        let system = System::open(&folder.path().join("home"), 1, Custody::default()).unwrap();
        let mut log = system.writer().unwrap();
        let is_free = || match system.kept(KEY, b"asked", 0).unwrap() {
            Kept::Nothing => true,
            Kept::None { because: NoAnswer::Lost | NoAnswer::Running, .. } => false,
            other => panic!("{other:?}"),
        };
        let mut attempt = |stops: [&str; 2]| {
            let (first, second) = (begin(&mut log), begin(&mut log));
            assert!(!is_free());
            end(&mut log, first, stops[0]);
            assert!(!is_free());
            end(&mut log, second, stops[1]);
            is_free()
        };
        assert!(attempt([STOP_INTERRUPTED, STOP_INTERRUPTED]));
        assert!(attempt(["end", STOP_INTERRUPTED]));
        assert!(attempt([STOP_INTERRUPTED, "end"]));
        // Answered whole, though those before were broken off.
        assert!(!attempt(["end", "end"]));
    }
}
