//! The verdict, and how it is told to people and to programs (spec/verdict.md "Verdicts", "Report").

use super::chain::Erased;
use super::{Axes, Axis, AxisState, Failure, Policy, Reason, Settled, Standing};
use crate::checkpoint::Checkpoint;
use crate::digest::{KeyId, LogId};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// The word that a verdict comes down to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Every required axis passes.
    Verified,
    /// Nothing contradicts, but something required is not established.
    Stale,
    /// Records are signed by a key whose signatures are worth nothing.
    Revoked,
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
            Self::Revoked => "REVOKED",
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
            Self::Revoked => 3,
            Self::Unreadable => 4,
        }
    }
}

/// What was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The log, as the bundle names it.
    pub log: Option<LogId>,
    /// The keys that were in force, in that order.
    pub keys: Vec<KeyId>,
    /// Index of the first record.
    pub first: Option<u64>,
    /// Index of the last record that the verdict covers.
    pub last: Option<u64>,
    /// The bundle's own checkpoint, once it has been verified.
    pub checkpoint: Option<Checkpoint>,
    /// Records covered by the reference of the greatest size.
    pub reference_size: Option<u64>,
    /// Is that one a settlement?
    pub is_reference_settled: bool,
    /// What chains say of the log; none after a failure.
    pub settlements: Vec<Settled>,
    /// Values opened and found to fit; none after a failure.
    pub opened: u64,
    /// Intents without an outcome.
    pub open_intent_count: u64,
    /// The first of them.
    pub open_intents: Vec<u64>,
    /// Runs of indexes whose signatures are worth nothing, first and last.
    pub revoked: Vec<(u64, u64)>,
    /// Fields that the records say were erased.
    pub erased_count: u64,
    /// The first of them.
    pub erased: Vec<Erased>,
}

impl Scope {
    /// Which records, of which log, under which key; `None` where not even the log was read.
    fn subject(&self) -> Option<String> {
        let (log, first, last) = (self.log?, self.first?, self.last?);
        let records = if first == last { "record" } else { "records" };
        let keys = match self.keys.as_slice() {
            [] => String::new(),
            [key] => format!(" under key {}", abbreviated(key, 2)),
            [first, .., last] => format!(" under keys {} to {}", abbreviated(first, 2), abbreviated(last, 2)),
        };
        Some(format!("{records} {} of log {}{keys}", run(&(first, last)), abbreviated(log, 4)))
    }

    /// The key in force at the beginning.
    pub fn key(&self) -> Option<KeyId> {
        self.keys.first().copied()
    }

    /// What chains say, and what it counts for.
    fn settlements_text(&self) -> impl Iterator<Item = String> {
        self.settlements.iter().map(|settled| {
            let chain = abbreviated(settled.chain, 4);
            match (settled.standing, settled.seats, self.reference_size) {
                (Standing::Counted, seats, _) => format!("settled on chain {chain} of {seats} seats, size {} at height {}", settled.size, settled.height.0),
                (Standing::ChainNotPinned, ..) => format!("settlement on chain {chain} unchecked ({})", settled.standing.name()),
                (Standing::TooFewSeats, seats, reference) => {
                    let seats = if seats == 1 { "one".to_string() } else { seats.to_string() };
                    let worth = if reference.is_none() { "completeness still unwitnessed" } else { "not counted" };
                    format!("settled on a chain of {seats}: {worth}")
                }
            }
        })
    }

    /// What is no longer good, or no longer there.
    fn losses_text(&self) -> impl Iterator<Item = String> {
        let revoked: Vec<String> = self.revoked.iter().map(run).collect();
        let erased: Vec<String> = self.erased.iter().map(|erased| format!("{} {} by {}", erased.record, plain(&erased.label), erased.by)).collect();
        let more = if self.erased_count > erased.len() as u64 { ", \u{2026}" } else { "" };
        [
            (!revoked.is_empty()).then(|| format!("revoked: {}", revoked.join(", "))),
            self.open_intents_text(),
            (!erased.is_empty()).then(|| format!("erased: {}{more}", erased.join(", "))),
        ]
        .into_iter()
        .flatten()
    }

    /// The intents without an outcome, the first of them by their indexes.
    fn open_intents_text(&self) -> Option<String> {
        let listed: Vec<String> = self.open_intents.iter().map(ToString::to_string).collect();
        let more = if self.open_intent_count > listed.len() as u64 { ", \u{2026}" } else { "" };
        (!listed.is_empty()).then(|| format!("intents without outcome: {}{more}", listed.join(", ")))
    }
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
    /// `is_too_old`: the newest record claims a time before the one that the policy asks for.
    pub(super) fn new(failure: Option<Failure>, mut axes: Axes, mut scope: Scope, policy: &Policy, is_too_old: bool) -> Self {
        if let Some(Failure { reason, .. }) = failure {
            axes = Axes::not_reached();
            if let Some(axis) = reason.axis() {
                axes.set(axis, AxisState::Fail(reason));
            }
            // What was found up to where the reading stopped says nothing of the bundle. What is revoked is looked for only where nothing failed.
            (scope.open_intent_count, scope.open_intents) = (0, Vec::new());
            (scope.erased_count, scope.erased) = (0, Vec::new());
            scope.opened = 0;
            scope.settlements = Vec::new();
            let word = if reason.is_unsupported() { Word::Unreadable } else { Word::Invalid };
            return Self { word, reason: Some(reason), failure, axes, scope };
        }
        let missing = axes.iter().filter(|(axis, _)| policy.require.contains(axis)).find_map(|(_, state)| state.reason());
        let (word, reason) = if !scope.revoked.is_empty() {
            (Word::Revoked, Some(Reason::Revoked))
        } else if policy.keys.is_empty() {
            (Word::Stale, Some(Reason::SelfAssertedKey))
        } else {
            let reason = missing.or(is_too_old.then_some(Reason::TooOld));
            (if reason.is_none() { Word::Verified } else { Word::Stale }, reason)
        };
        Self { word, reason, failure, axes, scope }
    }

    /// The record index at which something failed; none when the file is not a bundle of this version.
    pub fn index(&self) -> Option<u64> {
        self.failure.filter(|failure| failure.reason.step() != Some(1)).map(|failure| failure.index)
    }

    /// One sentence: what the verdict covers, against which reference, and what it does not cover. The same text from every verifier (spec/verdict.md "Report").
    pub fn scope_text(&self) -> String {
        let mut parts: Vec<String> = self.scope.subject().into_iter().collect();
        match self.failure {
            Some(failure) => parts.push(format!("nothing is covered: {}", self.place(failure))),
            None => {
                parts.push(self.extent());
                parts.extend(self.scope.settlements_text());
                parts.extend(self.scope.losses_text());
                parts.push(if self.scope.first == Some(0) { "later records not covered" } else { "earlier and later records not covered" }.to_string());
            }
        }
        parts.join("; ")
    }

    /// Against which reference the records were held, and what that establishes.
    fn extent(&self) -> String {
        let Some(size) = self.scope.reference_size else {
            return format!("no checkpoint to compare with, {}", self.not_complete());
        };
        let checkpoint = format!("the {} of size {size}", if self.scope.is_reference_settled { "settlement" } else { "checkpoint" });
        match (self.axes.get(Axis::Completeness), self.axes.get(Axis::Consistency)) {
            (AxisState::Pass, _) => format!("complete against {checkpoint}"),
            (_, AxisState::Pass) => format!("consistent with {checkpoint}, {}", self.not_complete()),
            _ => format!("not compared with {checkpoint}, {}", self.not_complete()),
        }
    }

    fn not_complete(&self) -> String {
        format!("completeness not established ({})", self.axes.get(Axis::Completeness).reason().map_or("", Reason::code))
    }

    /// What failed, and where.
    fn place(&self, Failure { reason, .. }: Failure) -> String {
        let have = match (reason, self.scope.checkpoint, self.scope.reference_size) {
            (Reason::Truncated, Some(have), Some(want)) => format!(", have {} < {want}", have.size),
            _ => String::new(),
        };
        let index = self.index().map(|index| format!(" at index {index}")).unwrap_or_default();
        format!("{}{have}{index}, step {}", reason.code(), reason.step().unwrap_or(0))
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
        let keys: Vec<String> = scope.keys.iter().map(quoted).collect();
        let revoked: Vec<String> = scope.revoked.iter().map(|(first, last)| format!("[{first},{last}]")).collect();
        let erased: Vec<String> = scope.erased.iter().map(|erased| format!("[{},{},{}]", erased.record, escaped(&erased.label), erased.by)).collect();
        let settlements: Vec<String> = scope.settlements.iter().map(settlement_json).collect();
        format!(
            r#"{{"log":{},"key":{},"keys":[{}],"first":{},"last":{},"size":{},"root":{},"opened":{},"open_intents":[{}],"revoked":[{}],"erased":[{}],"settlements":[{}],"text":{}}}"#,
            or_null(scope.log.map(quoted)),
            or_null(scope.key().map(quoted)),
            keys.join(","),
            or_null(scope.first),
            or_null(scope.last),
            or_null(scope.checkpoint.map(|checkpoint| checkpoint.size)),
            or_null(scope.checkpoint.map(|checkpoint| quoted(checkpoint.root))),
            scope.opened,
            open.join(","),
            revoked.join(","),
            erased.join(","),
            settlements.join(","),
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
        writeln!(f, "{}", self.scope_text())
    }
}

fn settlement_json(Settled { chain, height, size, root, seats, standing }: &Settled) -> String {
    format!(r#"{{"chain":"{chain}","height":{},"size":{size},"root":"{root}","seats":{seats},"standing":"{}"}}"#, height.0, standing.name())
}

/// The first `head` hex digits of an id and the last two; the whole of it is in the JSON.
fn abbreviated(id: impl fmt::Display, head: usize) -> String {
    let digits = id.to_string();
    format!("{}\u{2026}{}", digits.get(..head).unwrap_or_default(), digits.get(digits.len().saturating_sub(2)..).unwrap_or_default())
}

/// A run of indexes, `F–L`, or `F` where it is one.
fn run((first, last): &(u64, u64)) -> String {
    if first == last { first.to_string() } else { format!("{first}\u{2013}{last}") }
}

/// A label as a terminal may show it: whatever is not a letter, a digit, `-`, `_` or `.` of ASCII becomes `?`.
fn plain(label: &str) -> String {
    let is_plain = |letter: &char| letter.is_ascii_alphanumeric() || "-_.".contains(*letter);
    label.chars().map(|letter| if is_plain(&letter) { letter } else { '?' }).collect()
}

/// A text from a record as a JSON string (RFC 8785).
fn escaped(text: &str) -> String {
    // Writing a string cannot fail.
    serde_json::to_string(text).unwrap_or_default()
}

/// Every other text that a report holds is ASCII, an en dash or an ellipsis, without quotes or controls: nothing needs escaping.
fn quoted(text: impl fmt::Display) -> String {
    format!("\"{text}\"")
}

fn or_null(value: Option<impl fmt::Display>) -> String {
    value.map_or_else(|| "null".to_string(), |value| value.to_string())
}
