//! What a call comes down to on this machine, before anything is done: times, records and files resolved, or said not to be.

use super::{Argument, Call, Verb};
use crate::error::Result;
use crate::export::Selection;
use crate::open::Open;
use crate::system::System;
use crate::when::{TimeRange, resolve};
use jiff::Zoned;
use std::path::PathBuf;

/// A call with everything resolved: nothing is left to be guessed while it is performed.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The call.
    pub call: Call,
    /// The time range used, to be shown.
    pub range: Option<TimeRange>,
    /// The act to perform.
    pub(super) step: Step,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    List,
    Count,
    Show(u64),
    VerifyAll,
    VerifyRecord(u64),
    Export(Selection, Open, PathBuf),
    Checkpoint(PathBuf),
    Models,
    Model(String),
    Import(PathBuf),
    Remove(String),
    Key,
    Replay(u64),
    Doctor,
    Nothing,
}

impl Plan {
    /// Resolves a call at the time `now`. Records at or after `below`, those of the request itself, do not count.
    ///
    /// # Errors
    /// A time phrase that is not understood, a record that does not exist, a range without records.
    pub fn new(system: &System, call: Call, now: &Zoned, below: u64) -> Result<Self> {
        let range = call.get(Argument::When).map(|phrase| resolve(phrase, now)).transpose()?;
        let text = |argument| call.get(argument).unwrap_or_default().to_owned();
        let record = |argument| call.get(argument).map(|wanted| system.resolve_record(wanted, Some(below))).transpose();
        let step = match call.verb {
            Verb::LogList => Step::List,
            Verb::LogCount => Step::Count,
            Verb::LogShow => record(Argument::Record)?.map_or(Step::Nothing, Step::Show),
            Verb::LogVerify => record(Argument::Record)?.map_or(Step::VerifyAll, Step::VerifyRecord),
            Verb::LogExport => export(system, &call, range.as_ref(), below)?,
            Verb::LogCheckpoint => Step::Checkpoint(file(&call, || "mickai.checkpoint".to_owned())),
            Verb::ModelList => Step::Models,
            Verb::ModelShow => Step::Model(text(Argument::Model)),
            Verb::ModelImport => Step::Import(PathBuf::from(text(Argument::Path))),
            Verb::ModelRm => Step::Remove(text(Argument::Model)),
            Verb::KeyShow => Step::Key,
            Verb::Replay => replay(system, &call, below)?,
            Verb::Doctor => Step::Doctor,
            Verb::None => Step::Nothing,
        };
        Ok(Self { call, range, step })
    }

    /// What will be done, for the operator's yes; `None` where nothing changes.
    pub fn change(&self) -> Option<String> {
        match &self.step {
            Step::Export(selection, open, path) => {
                let what = match selection {
                    Selection::All => "the whole log".to_owned(),
                    Selection::Settled => "the records that are settled".to_owned(),
                    Selection::One(index) => format!("record {index}"),
                    Selection::Range(range) => format!("records {} to {}", range.start, range.end - 1),
                };
                let shown = if open.is_empty() { String::new() } else { format!(", with {open} readable") };
                Some(format!("write {what}{shown} to {}", path.display()))
            }
            Step::Checkpoint(path) => Some(format!("write a signed checkpoint to {}", path.display())),
            Step::Import(path) => Some(format!("import the model at {}", path.display())),
            Step::Remove(model) => Some(format!("remove the model {model}")),
            _ => None,
        }
    }

    /// Whether it can be stopped while it is performed, and leaves nothing half done then.
    pub fn can_be_stopped(&self) -> bool {
        matches!(self.step, Step::Import(_) | Step::Replay(_))
    }
}

fn file(call: &Call, default: impl FnOnce() -> String) -> PathBuf {
    PathBuf::from(call.get(Argument::Out).map_or_else(default, str::to_owned))
}

fn export(system: &System, call: &Call, range: Option<&TimeRange>, below: u64) -> Result<Step> {
    let selection = match (call.get(Argument::Record), range) {
        (Some(wanted), _) => Selection::One(system.resolve_record(wanted, Some(below))?),
        (None, Some(range)) => Selection::Range(system.records_within(range, below)?),
        (None, None) => Selection::All,
    };
    let open = match call.get(Argument::Open) {
        Some("all") => Open::all(),
        Some(label) => Open::label(label),
        None => Open::default(),
    };
    let path = file(call, || match &selection {
        Selection::All => "mickai-log.oar".to_owned(),
        Selection::Settled => "mickai-settled.oar".to_owned(),
        Selection::One(index) => format!("mickai-{index}.oar"),
        Selection::Range(range) => format!("mickai-{}-{}.oar", range.start, range.end - 1),
    });
    Ok(Step::Export(selection, open, path))
}

/// `last` means the last generation here, not the last record: only a generation can be replayed.
fn replay(system: &System, call: &Call, below: u64) -> Result<Step> {
    let wanted = call.get(Argument::Record).unwrap_or_default();
    let step_back = match wanted.to_lowercase().as_str() {
        "last" | "latest" | "newest" | "most recent" => Some(0),
        "previous" => Some(1),
        _ => None,
    };
    let index = match step_back.and_then(|back| system.generations_before(below).ok()?.into_iter().rev().nth(back)) {
        Some(index) => index,
        None => system.resolve_record(wanted, Some(below))?,
    };
    Ok(Step::Replay(index))
}
