//! Checks a whole home from its bytes alone: frames, records, chain, tree, own checkpoint, every signature, every seal, every kept value, the index.

use super::reader::LogReader;
use super::replay::{CheckpointCheck, State, Stored, replay};
use super::seal::Fold;
use crate::error::{Damage, Error};
use crate::home::Home;
use crate::index::Index;
use crate::limits;
use crate::vault::Vault;
use mickai_proof::commitment::commit;
use mickai_proof::digest::{LogId, RecordDigest, TreeHash};
use mickai_proof::key::PublicKey;
use mickai_proof::record::{self, Fact, Kind, Mode, Record};
use mickai_proof::signature::{from_cose, to_be_signed, verify};

/// What a check found.
#[derive(Debug, Default)]
pub struct Report {
    /// Records read from the front, up to the first that cannot follow.
    pub records: u64,
    /// The log.
    pub log: Option<LogId>,
    /// Root of those records.
    pub root: Option<TreeHash>,
    /// Signatures that verify.
    pub signatures: u64,
    /// Kept values that open their commitments.
    pub openings: u64,
    /// Commitments whose value is not kept: erased, or never kept.
    pub unopened: u64,
    /// Values that an erase record names and that are here all the same; the next writer destroys them.
    pub unfinished: u64,
    /// Indexes of intents without an outcome; the next writer closes them.
    pub open_intents: Vec<u64>,
    /// Sealed records that no seal covers yet; the next writer seals them.
    pub unsealed: u64,
    /// Size of the newest own checkpoint, if it agrees.
    pub checkpoint: Option<u64>,
    /// A tail that a crash tore; the next writer cuts it.
    pub torn: Option<TornTail>,
    /// What is wrong, at most 64 of it.
    pub findings: Vec<Finding>,
}

/// Bytes after the last whole record that nobody was ever told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TornTail {
    /// How many.
    pub bytes: u64,
}

/// One thing that is wrong.
#[derive(Debug)]
pub enum Finding {
    /// The segments or the own checkpoint; records after it were not looked at.
    Log(Error),
    /// The record's signature is absent, has another form, or does not verify under the key in force.
    Signature {
        /// The record.
        index: u64,
    },
    /// The seal names other signatures than those before it.
    Seal {
        /// The seal.
        index: u64,
    },
    /// The index has the record otherwise than the segments, or not at all. It holds nothing of its own: delete it.
    Index {
        /// The first such record.
        index: u64,
    },
    /// The index cannot be read. Delete it.
    IndexUnreadable(Error),
    /// The value kept does not give the commitment.
    Opening {
        /// The record.
        index: u64,
        /// Which value.
        label: String,
    },
    /// The record's vault file cannot be read.
    Vault {
        /// The record.
        index: u64,
        /// Why.
        error: Error,
    },
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Log(error) => error.fmt(f),
            Self::Signature { index } => write!(f, "record {index}: its signature does not verify under the key in force"),
            Self::Seal { index } => write!(f, "record {index}: the seal names other signatures than those of the records before it"),
            Self::Index { index } => write!(f, "record {index}: the index does not agree with the segments; delete the folder index, it is made again"),
            Self::IndexUnreadable(error) => error.fmt(f),
            Self::Opening { index, label } => write!(f, "record {index}: the kept {label} does not give its commitment"),
            Self::Vault { index, error } => write!(f, "record {index}: its kept values cannot be read: {error}"),
        }
    }
}

impl Report {
    /// Nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    fn find(&mut self, finding: Finding) {
        if self.findings.len() < limits::FINDINGS_MAX {
            self.findings.push(finding);
        }
    }
}

/// Recomputes everything, changing nothing; needs no lock. `progress` is told the number of records checked.
///
/// # Errors
/// [`Error::Io`], [`Error::KeyMissing`]: what could not be looked at. What was looked at and is wrong is in the report.
pub fn fsck(home: &Home, progress: &mut dyn FnMut(u64)) -> Result<Report, Error> {
    let mut report = Report::default();
    let mut state = State::default();
    let mut vault = None;
    let mut fold = Fold::default();
    let check = match CheckpointCheck::read(home) {
        Ok(check) => Some(check),
        Err(error) => {
            report.find(Finding::Log(machine_error(error)?));
            None
        }
    };
    let replayed = replay(&home.log_path(), &mut state, |stored, state| {
        check.as_ref().map_or(Ok(()), |check| check.visit(state))?;
        if vault.is_none() {
            vault = state.log.map(|log| Vault::open(home, log)).transpose()?;
        }
        check_record(stored, state, vault.as_ref(), &mut fold, &mut report)?;
        progress(state.frontier.size());
        Ok(())
    });
    match replayed {
        Ok(ending) => {
            report.torn = (ending.torn_bytes > 0).then_some(TornTail { bytes: ending.torn_bytes });
            match check.map_or(Ok(None), |check| check.finish(&state)) {
                Ok(checkpoint) => report.checkpoint = checkpoint.map(|(checkpoint, _)| checkpoint.size),
                Err(error) => report.find(Finding::Log(machine_error(error)?)),
            }
        }
        // The records after the damage were not read, so the checkpoint has nothing to say of them.
        Err(error) => report.find(Finding::Log(machine_error(error)?)),
    }
    report.unfinished = vault.map_or(Ok(0), |vault: Vault| vault.unfinished(&state.erased))?;
    // An index cannot be compared with a log that is damaged.
    if report.is_clean() {
        check_index(home, &mut report)?;
    }
    report.records = state.frontier.size();
    report.log = state.log;
    report.root = state.root();
    report.unsealed = state.unsealed;
    report.open_intents = state.open.values().map(|intent| intent.index).collect();
    report.open_intents.sort_unstable();
    Ok(report)
}

/// The index, if there is one: whether it has each of its records as the segments have it. It may be behind.
fn check_index(home: &Home, report: &mut Report) -> Result<(), Error> {
    let path = Index::path(home);
    if !path.exists() {
        return Ok(());
    }
    match Index::disagreement(&path, &LogReader::open(home)?) {
        Ok(None) => {}
        Ok(Some(index)) => report.find(Finding::Index { index }),
        Err(error @ Error::Index { .. }) => report.find(Finding::IndexUnreadable(error)),
        Err(error) => return Err(error),
    }
    Ok(())
}

/// What is the machine's fault ends the check; what is wrong with the bytes is a finding.
fn machine_error(error: Error) -> Result<Error, Error> {
    match error {
        Error::Damaged { .. } | Error::RolledBack { .. } | Error::Rewritten { .. } | Error::Foreign(_) | Error::TooLarge(_) => Ok(error),
        _ => Err(error),
    }
}

fn check_record(stored: &Stored<'_>, state: &State, vault: Option<&Vault>, fold: &mut Fold, report: &mut Report) -> Result<(), Error> {
    let record = record::decode(stored.record).map_err(|error| Error::damaged(stored.path, stored.offset, Damage::Record(error)))?;
    let is_seal = record.kind == Kind::Seal;
    if is_seal && record.fact("signatures").and_then(Fact::as_bytes) != Some(&fold.digest()[..]) {
        report.find(Finding::Seal { index: record.index });
    }
    fold.add(is_seal, stored.signature);
    let key = state.keys.in_force_at(record.index);
    if let (Some(key), Some(log)) = (key, state.log) {
        match (record.mode, is_signed(&record, stored, key, log)) {
            (Mode::Each, true) => report.signatures += 1,
            (Mode::Sealed, _) if stored.signature.is_empty() => {}
            _ => report.find(Finding::Signature { index: record.index }),
        }
    }
    if let Some(vault) = vault {
        check_openings(&record, vault, report)?;
    }
    Ok(())
}

fn is_signed(record: &Record<'_>, stored: &Stored<'_>, key: &PublicKey, log: LogId) -> bool {
    let id = key.id();
    let message = to_be_signed(id, log, RecordDigest::of(stored.record));
    record.key_id == id && from_cose(id, stored.signature).is_some_and(|signature| verify(key, &message, signature))
}

fn check_openings(record: &Record<'_>, vault: &Vault, report: &mut Report) -> Result<(), Error> {
    for (label, commitment) in &record.commitments {
        match vault.get(record.index, label) {
            Ok(None) => report.unopened += 1,
            Ok(Some(opened)) if commit(&opened.salt, label, &opened.value) == *commitment => report.openings += 1,
            Ok(Some(_)) => report.find(Finding::Opening { index: record.index, label: label.clone().into_owned() }),
            Err(error) => report.find(Finding::Vault { index: record.index, error: machine_error(error)? }),
        }
    }
    Ok(())
}
