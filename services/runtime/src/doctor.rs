//! Is this machine in order? What a person looks at before relying on it.

use crate::error::Result;
use crate::models::Loaded;
use crate::settle::SettleError;
use crate::system::System;
use mickai_model::tokens::Token;
use mickai_proof::key::PublicKey;
use mickai_store::{OperatorKey, fsck, keys};

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
        let key = OperatorKey::public_of(self.home())?.id();
        let embedded = self.embedded()?;
        let in_force = self.well_known().ok().and_then(|known| known.key().map(PublicKey::id));
        let is_logs = in_force.is_none_or(|named| named == key);
        let mut checks = vec![
            check("home", self.home().path().display().to_string(), true),
            check("processor", format!("{}, {} threads", self.isa().name(), self.thread_count()), true),
            check("key", if is_logs { key.to_string() } else { format!("{key}, which is not the log's") }, is_logs),
            self.custody_check(),
            self.recovery_check(),
            check("log", format!("{} records, {} signatures verify, {} values open", report.records, report.signatures, report.openings), report.is_clean()),
            check("embedded model", format!("{} {}", embedded.name, embedded.digest), true),
        ];
        checks.extend(self.retention_check());
        checks.extend(self.own_chain_check());
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

    /// The home's own chain, where checkpoints settle on it: every block is executed again.
    fn own_chain_check(&self) -> Option<Check> {
        let settling = self.settling().ok()?;
        let chain = settling.chain.filter(|_| settling.node.is_none())?;
        let replayed = self.own_chain(&settling).and_then(|own| own.replay().map_err(|fault| SettleError::from(fault).into()));
        Some(match replayed {
            Ok(height) => {
                let found = format!("{chain}, {height} blocks follow from its genesis: completeness still unwitnessed");
                Check { what: "chain of one", found, state: CheckState::Good }
            }
            Err(error) => Check { what: "chain of one", found: error.to_string(), state: CheckState::Bad },
        })
    }

    /// Where the seed is, and what stands before it.
    fn custody_check(&self) -> Check {
        let state = |is_good| if is_good { CheckState::Good } else { CheckState::Attention };
        let (found, state) = match (self.home().custody().signer(), keys::is_protected(self.home())) {
            (Some(socket), _) => match keys::signer::Client::key_at(socket) {
                Ok(held) => (format!("held by the signer at {}: {}", socket.display(), held.id().short()), CheckState::Good),
                Err(error) => (error.to_string(), CheckState::Bad),
            },
            (None, Ok(is_protected)) => {
                (if is_protected { "behind a passphrase".to_owned() } else { "in the open, mode 0600: `mickai key protect` puts a passphrase before it".to_owned() }, state(true))
            }
            (None, Err(error)) => (error.to_string(), state(false)),
        };
        Check { what: "key at rest", found, state }
    }

    fn recovery_check(&self) -> Check {
        let offline = self.home().recovery_is_offline();
        let advice = || "not yet offline: `mickai key recovery export PATH` moves it to another place, a stick for example".to_owned();
        Check { what: "recovery key", found: if offline { "offline".to_owned() } else { advice() }, state: if offline { CheckState::Good } else { CheckState::Attention } }
    }

    /// Loads a model, computes one token, and says how much memory that took. Nothing is recorded: nothing is answered.
    ///
    /// # Errors
    /// A model that cannot be loaded, or that the pins do not let run.
    pub fn measure_memory(&self, wanted: &str) -> Result<(Loaded, Memory)> {
        let resident_before = resident_bytes();
        let model = self.model(wanted)?;
        // It was opened by what the index knows, and no writer is asked before it runs.
        let pins = self.pins()?;
        pins.check(&model.model_name, model.digest)?;
        model.adapter.as_ref().map_or(Ok(()), |adapter| pins.check_adapter(&adapter.name, adapter.digest()))?;
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
