//! Is this machine in order? What a person looks at before relying on it.

use crate::error::Result;
use crate::models::Loaded;
use crate::system::System;
use mickai_model::tokens::Token;
use mickai_store::{OperatorKey, fsck};

/// One line of the doctor's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub what: &'static str,
    /// What was found.
    pub found: String,
    /// Whether it is as it should be.
    pub state: CheckState,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckState {
    /// In order.
    Good,
    /// Works, and should be looked after.
    Attention,
    /// Not in order.
    Bad,
}

impl CheckState {
    /// The word on screen and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Attention => "attention",
            Self::Bad => "bad",
        }
    }
}

/// Memory of this process while a model is loaded and has run once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Bytes of the model's tensors as stored.
    pub tensor_byte_count: u64,
    /// Resident set before the model was opened.
    pub resident_before: u64,
    /// Resident set after one token was computed.
    pub resident_after: u64,
}

impl System {
    /// The list.
    ///
    /// # Errors
    /// What could not even be looked at.
    pub fn doctor(&self) -> Result<Vec<Check>> {
        let check = |what, found, is_good| Check { what, found, state: if is_good { CheckState::Good } else { CheckState::Bad } };
        let report = fsck(self.home(), &mut |_| {})?;
        let key = OperatorKey::load(self.home())?;
        let embedded = self.embedded()?;
        let genesis = self.reader().ok().and_then(|reader| reader.entry(0).ok().flatten());
        let named = genesis.as_ref().and_then(|entry| Some(entry.decode().ok()?.key_id));
        let is_logs = named.is_none_or(|named| named == key.id());
        let offline = self.home().recovery_is_offline();
        let mut checks = vec![
            check("home", self.home().path().display().to_string(), true),
            check("processor", format!("{}, {} threads", self.isa().name(), self.thread_count()), true),
            check("key", if is_logs { key.id().to_string() } else { format!("{}, which is not the log's", key.id()) }, is_logs),
            Check {
                what: "recovery key",
                found: if offline { "offline".to_owned() } else { format!("not yet offline: move {} to another place", self.home().recovery_path().display()) },
                state: if offline { CheckState::Good } else { CheckState::Attention },
            },
            check("log", format!("{} records, {} signatures verify, {} values open", report.records, report.signatures, report.openings), report.is_clean()),
            check("embedded model", format!("{} {}", embedded.name, embedded.digest), true),
        ];
        checks.extend(self.retention_check());
        checks.extend(report.findings.iter().map(|finding| check("finding", format!("{finding}"), false)));
        Ok(checks)
    }

    /// The policy in force, if the log can be read, and whether its copy says the same.
    fn retention_check(&self) -> Option<Check> {
        let in_force = self.retention().ok()?;
        let found = format!("policy version {}", in_force.policy.version);
        Some(match in_force.is_copy_same {
            true => Check { what: "retention", found, state: CheckState::Good },
            false => Check { what: "retention", found: format!("{found}; the file in the home is not the policy on record"), state: CheckState::Attention },
        })
    }

    /// Loads a model, computes one token, and says how much memory that took. Nothing is recorded: nothing is answered.
    ///
    /// # Errors
    /// A model that cannot be loaded.
    pub fn measure_memory(&self, wanted: &str) -> Result<(Loaded, Memory)> {
        let resident_before = resident_bytes();
        let model = self.model(wanted)?;
        let mut session = mickai_model::forward::Session::new(model.file.weights(), model.file.config.context_tokens_max, self.crew(), self.isa())?;
        session.feed(&[Token(0)])?;
        let memory = Memory { tensor_byte_count: model.file.tensor_bytes(), resident_before, resident_after: resident_bytes() };
        Ok((model, memory))
    }
}

/// The resident set of this process; 0 where the system does not tell.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()).unwrap_or(0) * 1024
}
