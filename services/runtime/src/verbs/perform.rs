//! Performs a plan and answers from real data.

use super::plan::{Plan, Step};
use super::{Argument, Call};
use crate::acts::{Act, Side, action, fact, label, local_time};
use crate::doctor::Check;
use crate::error::{Error, Result};
use crate::export::{Exported, Form};
use crate::models::{Listed, Loaded};
use crate::models_change::ModelChanged;
use crate::pins::Pins;
use crate::policy::Refusal;
use crate::replay::{ReplayOf, Replayed};
use crate::system::System;
use crate::when::TimeRange;
use mickai_model::generate::Flow;
use mickai_proof::digest::{KeyId, hex};
use mickai_proof::key::PublicKey;
use mickai_proof::record::Fact;
use mickai_proof::verify::Verdict;
use mickai_store::{Appended, OperatorKey};
use std::ops::Range;
use std::path::PathBuf;

/// What came of a plan.
pub enum Answer {
    /// Acts that fit, in order.
    Acts(Vec<Act>),
    /// How many acts fit.
    Count(usize),
    /// One act, and the one thing asked of it.
    Act(Box<Act>, Option<String>),
    /// The genesis record, or another that belongs to no act.
    Record(u64),
    /// What the verifier says.
    Verdict(Box<Verdict>),
    /// A bundle was written.
    Exported(Exported),
    /// A pin was written.
    Checkpoint(PathBuf, String),
    /// Models of this machine, and which may run.
    Models(Vec<Listed>, Pins),
    /// One model.
    Model(Box<Loaded>),
    /// A model came.
    Imported(ModelChanged),
    /// A model went.
    Removed(ModelChanged),
    /// The public key.
    Key(PublicKey),
    /// What a replay found.
    Replayed(Replayed),
    /// The doctor's list.
    Doctor(Vec<Check>),
    /// There is no verb for the request.
    Nothing,
}

impl Plan {
    /// Performs it. `cause` is the outcome of the generation that led to it; records at or after `below` are not part of the answer.
    /// `is_confirmed`: the operator has said yes to [`Plan::change`]. `flow` is asked, from any thread, whether to go on, where [`Plan::can_be_stopped`].
    ///
    /// # Errors
    /// [`Error::Denied`], on record, for a change that nobody has said yes to; what goes wrong in the act itself; [`mickai_store::Error::Stopped`] when `flow` says so.
    pub fn perform(&self, system: &System, cause: Appended, below: u64, is_confirmed: bool, flow: &(dyn Fn() -> Flow + Sync)) -> Result<Answer> {
        let cause = Some(cause);
        if self.change().is_some() && !is_confirmed {
            return Err(system.deny(self.call.verb.name(), cause, Refusal::Unconfirmed));
        }
        Ok(match &self.step {
            Step::List => Answer::Acts(self.matching(system, below)?),
            Step::Count => Answer::Count(self.matching(system, below)?.len()),
            Step::Show(index) => show(system, *index, self.call.get(Argument::Field))?,
            Step::VerifyAll => Answer::Verdict(Box::new(system.verify(None)?)),
            Step::VerifyRecord(index) => Answer::Verdict(Box::new(system.verify_record(*index)?)),
            Step::Export(selection, open, path) => Answer::Exported(system.export(Form::Bundle, selection, open, path, cause)?),
            Step::Checkpoint(path) => Answer::Checkpoint(path.clone(), system.write_checkpoint(path)?),
            Step::Models => Answer::Models(system.models()?, system.pins_of_models()?),
            Step::Model(wanted) => Answer::Model(Box::new(system.look_at(wanted)?)),
            Step::Import(path) => Answer::Imported(system.import(path, None, cause, &|_| flow())?),
            Step::Remove(wanted) => Answer::Removed(system.remove_model(wanted, cause)?),
            Step::Key => Answer::Key(OperatorKey::public_of(system.home())?),
            Step::Replay(index) => Answer::Replayed(system.replay(&ReplayOf::Record(*index), cause, &mut |_| flow())?),
            Step::Doctor => Answer::Doctor(system.doctor()?),
            Step::Nothing => Answer::Nothing,
        })
    }

    fn matching(&self, system: &System, below: u64) -> Result<Vec<Act>> {
        let acts = system.acts()?.into_iter().filter(|act| act.intent.index < below);
        Ok(acts.filter(|act| fits(act, &self.call, self.range.as_ref())).collect())
    }
}

fn fits(act: &Act, call: &Call, range: Option<&TimeRange>) -> bool {
    let model_fits = |wanted: &str| {
        let named = act.model().is_some_and(|model| model.to_lowercase().starts_with(&wanted.to_lowercase()));
        named || act.intent.bytes(fact::MODEL).is_some_and(|digest| hex(digest).starts_with(&wanted.to_lowercase()))
    };
    range.is_none_or(|range| range.contains_ms(act.intent.wall_ms))
        && call.get(Argument::Kind).is_none_or(|kind| act.kind() == kind)
        && call.get(Argument::Outcome).is_none_or(|outcome| act.ending() == outcome)
        && call.get(Argument::Model).is_none_or(model_fits)
}

fn show(system: &System, index: u64, field: Option<&str>) -> Result<Answer> {
    let holds = |act: &Act| act.intent.index == index || act.outcome.as_ref().is_some_and(|(_, side)| side.index == index);
    let Some(act) = system.acts()?.into_iter().find(holds) else { return Ok(Answer::Record(index)) };
    let value = field.map(|field| system.field(&act, field)).transpose()?;
    Ok(Answer::Act(Box::new(act), value))
}

impl System {
    /// One thing of an act, in words.
    fn field(&self, act: &Act, field: &str) -> Result<String> {
        let outcome = act.outcome.as_ref().map(|(_, side)| side);
        let value = |index: u64, label: &'static str| Ok::<_, Error>(String::from_utf8_lossy(&self.value(index, label)?).into_owned());
        let count = |side: Option<&Side>, name| side.and_then(|side| side.uint(name)).map_or_else(|| "none".to_owned(), |count| count.to_string());
        let none = || "none".to_owned();
        Ok(match field {
            "model" => act.model().map_or_else(none, |model| format!("{model} {}", act.intent.bytes(fact::MODEL).map(hex).unwrap_or_default())),
            "prompt" => self.prompt_text(act.intent.index)?,
            "output" => outcome.map_or_else(|| Ok(none()), |side| value(side.index, label::OUTPUT))?,
            "time" => local_time(act.intent.wall_ms),
            "seed" => act.intent.bytes(fact::SEED).map_or_else(none, hex),
            "tokens" => format!("{} in, {} out", count(Some(&act.intent), fact::PROMPT_TOKEN_COUNT), count(outcome, fact::OUTPUT_TOKEN_COUNT)),
            "key" => self.signer(act.intent.index)?.to_string(),
            "digest" => act.intent.digest.to_string(),
            "outcome" => act.ending().to_owned(),
            "actor" => act.actor.name().to_owned(),
            _ => none(),
        })
    }

    /// The key that signed a record, as the record says it.
    fn signer(&self, index: u64) -> Result<KeyId> {
        let entry = self.reader()?.entry(index)?;
        let record = entry.as_ref().and_then(|entry| entry.decode().ok());
        record.map(|record| record.key_id).ok_or(Error::BadRecord { index, part: "form" })
    }

    /// Indexes of the intents of generations below `below`, ascending.
    pub(super) fn generations_before(&self, below: u64) -> Result<Vec<u64>> {
        let acts = self.acts()?.into_iter().filter(|act| act.action == action::GENERATE && act.intent.index < below);
        Ok(acts.map(|act| act.intent.index).collect())
    }

    /// The run of records that the range spans by the operator's clock.
    ///
    /// # Errors
    /// [`Error::NothingInRange`].
    pub fn records_within(&self, range: &TimeRange, below: u64) -> Result<Range<u64>> {
        let reader = self.reader()?;
        let mut within: Option<Range<u64>> = None;
        for entry in reader.entries(0..below.min(reader.size())) {
            let entry = entry?;
            let record = entry.decode().map_err(|_| Error::BadRecord { index: entry.index, part: "form" })?;
            if range.contains_ms(record.wall_ms) {
                within = Some(within.map_or(entry.index, |within| within.start)..entry.index + 1);
            }
        }
        within.ok_or(Error::NothingInRange)
    }
}

/// A fact as people read it; reals by the names that hold them.
pub fn fact_text(name: &str, value: &Fact<'_>) -> String {
    match value {
        Fact::Uint(number) => number.to_string(),
        Fact::Text(text) => text.to_string(),
        Fact::Bytes(_) if matches!(name, fact::TEMPERATURE | fact::TOP_P | fact::MIN_P | fact::REPETITION) => value.as_real().map_or_else(String::new, |real| real.to_string()),
        Fact::Bytes(bytes) => hex(bytes),
        Fact::List(items) => items.iter().map(|item| fact_text(name, item)).collect::<Vec<_>>().join(", "),
    }
}
