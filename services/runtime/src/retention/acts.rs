//! Changes the policy, and erases what it no longer keeps: when the operator says so, or at the start of a process that acts.

use super::in_force::InForce;
use super::policy::{Keep, PolicyError, Retention, Scope};
use super::survey::{Survey, survey};
use crate::acts::{action, fact};
use crate::error::{Error, Result};
use crate::executor::{Done, Executor};
use crate::policy;
use crate::system::System;
use mickai_proof::digest::Id;
use mickai_proof::record::{ActorClass, Fact, Kind};
use mickai_store::{Appended, Draft};

/// A change of the policy; what is not given stays.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// What the rule is about; not given with `is_automatic` alone.
    pub scope: Scope,
    /// How long such values are kept.
    pub keep: Option<Keep>,
    /// May a model be trained on them?
    pub may_train: Option<bool>,
    /// Take the rule away.
    pub is_removal: bool,
    /// Enforce the policy at the start of every process that acts.
    pub is_automatic: Option<bool>,
}

/// What a run erased, or would erase.
#[derive(Clone, Debug)]
pub struct RetentionRun {
    /// Records whose values were due.
    pub record_count: u64,
    /// Those values.
    pub field_count: u64,
    /// Their bytes.
    pub byte_count: u64,
    /// Records whose vault files cannot be read: nothing of them was erased.
    pub unreadable: Vec<u64>,
    /// The act's records; none where nothing was due or it was a rehearsal.
    pub records: Option<(Appended, Appended)>,
}

impl RetentionRun {
    fn of(survey: &Survey) -> Self {
        let field_count = survey.due.iter().map(|erasure| erasure.labels.len() as u64).sum();
        Self { record_count: survey.due.len() as u64, field_count, byte_count: survey.due_byte_count, unreadable: survey.unreadable.clone(), records: None }
    }
}

impl System {
    /// Changes the policy in force, and records the whole of it.
    ///
    /// # Errors
    /// [`Error::Retention`] and nothing was begun; a log that cannot be written.
    pub fn set_retention(&self, change: Change) -> Result<(InForce, (Appended, Appended))> {
        let mut executor = self.executor_as_is()?;
        let reader = self.reader()?;
        let before = self.retention_of(&reader, executor.log().newest(action::RETENTION_SET))?;
        let policy = changed(before.policy, change)?;
        let (text, newest) = (policy.text(), executor.log().newest(action::RETENTION_SET));
        let mut draft = Draft::new(Kind::Intent, executor.operator(), policy::authority(), action::RETENTION_SET)
            .fact(fact::RETENTION, Fact::Text(text.clone().into()))
            .fact(fact::RETENTION_DIGEST, Fact::Bytes(policy.digest().0.to_vec().into()));
        // The change before it, whatever became of that, so that the way back is short.
        if let Some(entry) = newest.map(|index| reader.entry(index)).transpose()?.flatten() {
            draft = draft.cause(entry.index, entry.digest());
        }
        let permit = executor.permit(draft, &[])?;
        let performed = executor.run(permit, |act, _| Ok(Done::new(self.home().set_retention(act, text.as_bytes())?, Vec::new())))?;
        Ok((InForce { policy, set_by: Some(performed.intent), is_copy_same: true }, (performed.intent, performed.outcome)))
    }

    /// Erases what the policy in force no longer keeps at `now_ms`, and records it; a rehearsal only counts.
    ///
    /// # Errors
    /// A log or a vault that cannot be read or written.
    pub fn run_retention(&self, now_ms: u64, is_rehearsal: bool) -> Result<RetentionRun> {
        if is_rehearsal {
            return Ok(RetentionRun::of(&self.held(&self.retention()?.policy, now_ms)?));
        }
        let mut executor = self.executor_as_is()?;
        let operator = executor.operator();
        let in_force = self.retention_of(&self.reader()?, executor.log().newest(action::RETENTION_SET))?;
        self.erase_due(&mut executor, operator, &in_force, now_ms)
    }

    /// At the start of a process that acts, where the policy in force says so.
    pub(crate) fn enforce_retention(&self, executor: &mut Executor) -> Result<Option<RetentionRun>> {
        let Some(newest) = executor.log().newest(action::RETENTION_SET) else { return Ok(None) };
        let in_force = self.retention_of(&self.reader()?, Some(newest))?;
        if !in_force.policy.is_automatic {
            return Ok(None);
        }
        self.erase_due(executor, (ActorClass::System, Id::ZERO), &in_force, crate::acts::now_ms()).map(Some)
    }

    /// May a model be trained on the value under `label` of record `index`? Not if the policy in force says no, and not if it was erased.
    ///
    /// # Errors
    /// [`Error::NoRecord`], [`Error::NoField`]; a log that is damaged.
    pub fn may_train(&self, label: &str, index: u64) -> Result<bool> {
        let reader = self.reader()?;
        let entry = reader.entry(index)?.ok_or_else(|| Error::NoRecord { wanted: index.to_string(), record_count: reader.size() })?;
        let record = entry.decode().map_err(|_| Error::BadRecord { index, part: "form" })?;
        if record.commitment(label).is_none() {
            let known = record.commitments.iter().map(|(label, _)| label.to_string()).collect();
            return Err(Error::NoField { index, wanted: label.to_owned(), known });
        }
        let rule = self.retention()?.policy.rule_among(label, &record.action, record.commitments.iter().map(|(label, _)| &**label));
        Ok(rule.may_train && self.erased()?.by(index, label).is_none())
    }

    /// The authority of the act is the policy that wants it.
    fn erase_due(&self, executor: &mut Executor, actor: (ActorClass, Id), in_force: &InForce, now_ms: u64) -> Result<RetentionRun> {
        if !in_force.policy.forgets() {
            return Ok(RetentionRun::of(&Survey::default()));
        }
        let survey = survey(&self.reader()?, executor.log().vault(), &executor.log().erased(), &in_force.policy, now_ms)?;
        let mut run = RetentionRun::of(&survey);
        if survey.due.is_empty() {
            return Ok(run);
        }
        let authority = (in_force.policy.digest(), in_force.policy.version);
        let mut draft =
            Draft::new(Kind::Intent, actor, authority, action::RETENTION_RUN).fact(fact::COUNT, Fact::Uint(run.record_count)).fact(fact::FIELD_COUNT, Fact::Uint(run.field_count));
        draft.causes = in_force.set_by.map(|set_by| (set_by.index, set_by.digest)).into_iter().collect();
        let permit = executor.permit(draft, &[])?;
        let performed = executor.run(permit, |act, log| {
            log.erase(act, &survey.due)?;
            Ok(Done::new((), Vec::new()))
        })?;
        run.records = Some((performed.intent, performed.outcome));
        Ok(run)
    }
}

/// The policy after a change; refused where nothing would differ in what was asked.
fn changed(mut policy: Retention, change: Change) -> Result<Retention> {
    let is_rule = change.keep.is_some() || change.may_train.is_some();
    if !is_rule && !change.is_removal && change.is_automatic.is_none() {
        return Err(PolicyError::NoChange.into());
    }
    if change.is_removal {
        policy.remove(&change.scope)?;
    } else if is_rule {
        policy.set(change.scope, change.keep, change.may_train)?;
    } else if change.scope != Scope::default() {
        return Err(PolicyError::NoChange.into());
    }
    policy.is_automatic = change.is_automatic.unwrap_or(policy.is_automatic);
    policy.version += 1;
    Ok(policy)
}
