//! The verdict, and how it is told to people and to programs (spec/verdict.md "Verdicts", "Report").

use super::{Axes, AxisState, Failure, Policy, Reason};
use crate::checkpoint::Checkpoint;
use crate::digest::{KeyId, LogId};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// The word that a verdict comes down to. Revocation adds one between INVALID and STALE when its records are specified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Every required axis passes.
    Verified,
    /// Nothing contradicts, but something required is not established.
    Stale,
    /// A contradiction is proven.
    Invalid,
    /// No verdict: the file is not for this verifier.
    Unreadable,
}

impl Word {
    /// The word in capitals; `UNREADABLE` stands for no verdict.
    pub fn name(self) -> &'static str {
        match self {
            Self::Verified => "VERIFIED",
            Self::Stale => "STALE",
            Self::Invalid => "INVALID",
            Self::Unreadable => "UNREADABLE",
        }
    }

    /// The exit code of a program that says it.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Verified => 0,
            Self::Invalid => 1,
            Self::Stale => 2,
            Self::Unreadable => 4,
        }
    }
}

/// What was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The log, as the bundle names it.
    pub log: Option<LogId>,
    /// The key that signed.
    pub key: Option<KeyId>,
    /// Index of the first record.
    pub first: Option<u64>,
    /// Index of the last record that the verdict covers.
    pub last: Option<u64>,
    /// The bundle's own checkpoint, once it has been verified.
    pub checkpoint: Option<Checkpoint>,
    /// Records covered by the reference that was brought.
    pub reference_size: Option<u64>,
    /// Values opened and found to fit.
    pub opened: u64,
    /// Intents without an outcome.
    pub open_intent_count: u64,
    /// The first of them.
    pub open_intents: Vec<u64>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What it comes down to.
    pub word: Word,
    /// Why it is not VERIFIED.
    pub reason: Option<Reason>,
    /// What failed and where, when INVALID or unreadable.
    pub failure: Option<Failure>,
    /// The answer on each axis.
    pub axes: Axes,
    /// What was looked at.
    pub scope: Scope,
}

impl Verdict {
    pub(super) fn new(failure: Option<Failure>, mut axes: Axes, scope: Scope, policy: &Policy) -> Self {
        if let Some(Failure { reason, .. }) = failure {
            axes = Axes::not_reached();
            if let Some(axis) = reason.axis() {
                axes.set(axis, AxisState::Fail(reason));
            }
            let word = if reason.is_unsupported() { Word::Unreadable } else { Word::Invalid };
            return Self { word, reason: Some(reason), failure, axes, scope };
        }
        let missing = axes.iter().filter(|(axis, _)| policy.require.contains(axis)).find_map(|(_, state)| state.reason());
        let reason = if policy.key.is_none() { Some(Reason::SelfAssertedKey) } else { missing };
        let word = if reason.is_none() { Word::Verified } else { Word::Stale };
        Self { word, reason, failure, axes, scope }
    }

    /// The record index at which something failed; none when the file is not a bundle of this version.
    pub fn index(&self) -> Option<u64> {
        self.failure.filter(|failure| failure.reason.step() != Some(1)).map(|failure| failure.index)
    }

    /// One sentence: what the verdict covers and what it does not.
    pub fn scope_text(&self) -> String {
        let scope = &self.scope;
        let (Some(log), Some(key), Some(first), Some(last)) = (scope.log, scope.key, scope.first, scope.last) else {
            return "nothing could be read".to_string();
        };
        let failed = self.failure.map(|failure| format!("; failed at index {} in step {}", failure.index, failure.reason.step().unwrap_or(0))).unwrap_or_default();
        let against = match (scope.reference_size, self.reason) {
            (Some(size), Some(Reason::Truncated)) => format!("; the bundle ends before the reference of size {size}"),
            (Some(size), _) => format!("; compared with a reference of size {size}"),
            (None, _) => "; compared with nothing that the operator does not control".to_string(),
        };
        format!("records {first}\u{2013}{last} of log {log} under key {key}{against}{failed}; later records not covered")
    }

    /// The report as one line of JSON.
    pub fn to_json(&self) -> String {
        let verdict = if self.word == Word::Unreadable { "null".to_string() } else { quoted(self.word.name()) };
        let axes: Vec<String> = self
            .axes
            .iter()
            .map(|(axis, state)| match state.reason() {
                Some(reason) => format!(r#""{}":{{"state":"{}","reason":"{}"}}"#, axis.name(), state.name(), reason.code()),
                None => format!(r#""{}":{{"state":"{}"}}"#, axis.name(), state.name()),
            })
            .collect();
        format!(
            r#"{{"verdict":{verdict},"exit":{},"reason":{},"index":{},"step":{},"axes":{{{}}},"scope":{}}}"#,
            self.word.exit_code(),
            or_null(self.reason.map(|reason| quoted(reason.code()))),
            or_null(self.index()),
            or_null(self.failure.and_then(|failure| failure.reason.step())),
            axes.join(","),
            self.scope_json(),
        )
    }

    fn scope_json(&self) -> String {
        let scope = &self.scope;
        let open: Vec<String> = scope.open_intents.iter().map(ToString::to_string).collect();
        format!(
            r#"{{"log":{},"key":{},"first":{},"last":{},"size":{},"root":{},"opened":{},"open_intents":[{}],"text":{}}}"#,
            or_null(scope.log.map(quoted)),
            or_null(scope.key.map(quoted)),
            or_null(scope.first),
            or_null(scope.last),
            or_null(scope.checkpoint.map(|checkpoint| checkpoint.size)),
            or_null(scope.checkpoint.map(|checkpoint| quoted(checkpoint.root))),
            scope.opened,
            open.join(","),
            quoted(self.scope_text()),
        )
    }
}

impl fmt::Display for Verdict {
    /// The verdict as people read it: the word, the axes, the scope.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.reason, self.index()) {
            (Some(reason), Some(index)) => writeln!(f, "{} {} at index {index}", self.word.name(), reason.code())?,
            (Some(reason), None) => writeln!(f, "{} {}", self.word.name(), reason.code())?,
            _ => writeln!(f, "{}", self.word.name())?,
        }
        for (axis, state) in self.axes.iter() {
            let reason = state.reason().map_or("", Reason::code);
            writeln!(f, "{}", format!("  {:<13} {:<10} {reason}", axis.name(), state.name()).trim_end())?;
        }
        if self.scope.open_intent_count > 0 {
            writeln!(f, "open intents: {} ({:?})", self.scope.open_intent_count, self.scope.open_intents)?;
        }
        writeln!(f, "{}", self.scope_text())
    }
}

/// Every text that a report holds is plain ASCII or an en dash, without quotes or controls: nothing needs escaping.
fn quoted(text: impl fmt::Display) -> String {
    format!("\"{text}\"")
}

fn or_null(value: Option<impl fmt::Display>) -> String {
    value.map_or_else(|| "null".to_string(), |value| value.to_string())
}
