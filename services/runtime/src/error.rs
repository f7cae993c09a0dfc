//! What can go wrong between a request and its record, by who is at fault, and what to do about it.

use crate::acts::fact;
use crate::export::FormError;
use crate::grammar::GrammarError;
use crate::memory::Short;
use crate::pins::PinError;
use crate::policy::Refusal;
use crate::retention::PolicyError;
use crate::serve::Full;
use crate::settle::SettleError;
use crate::verbs::CallError;
use crate::when::WhenError;
use mickai_model::digest::{AdapterDigest, ModelDigest};
use mickai_proof::history::Revocation;
use mickai_proof::verify::{Misuse, Word};
use mickai_store::Appended;
use std::fmt;
use std::path::PathBuf;

/// The result of an act of the system.
pub type Result<T> = std::result::Result<T, Error>;

/// Why an act did not happen.
#[derive(Debug)]
pub enum Error {
    /// The home's bytes: disk, lock, damage.
    Store(mickai_store::Error),
    /// A model file, a tokenizer, a template, a prompt.
    Model(mickai_model::error::Error),
    /// A request that became no call that can be performed.
    Call(CallError),
    /// A time phrase.
    When(WhenError),
    /// A retention policy that cannot be so.
    Retention(PolicyError),
    /// A pin that cannot be set, or that keeps a model from running.
    Pins(PinError),
    /// A checkpoint that was not settled.
    Settle(SettleError),
    /// A policy for verification.
    Verify(Misuse),
    /// An export in a form that cannot hold what was chosen.
    Form(FormError),
    /// A grammar or schema that an answer cannot be held to.
    Grammar(GrammarError),
    /// Too much waits already.
    Full(Full),
    /// All models that may be open are at work.
    ModelsBusy {
        /// How many are open.
        open: usize,
        /// How many may be.
        max: usize,
    },
    /// Memory that is not to be had.
    Short(Short),
    /// More of something than is taken.
    TooMuch {
        /// Of what.
        what: &'static str,
        /// How much was asked for.
        asked: u64,
        /// How much is taken.
        max: u64,
    },
    /// The operating system refused threads.
    Threads(std::io::Error),
    /// A file of the operator's, outside the home.
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file that would be overwritten.
    FileExists(PathBuf),
    /// A folder that was to be looked at does not exist.
    NoHome(PathBuf),
    /// The name of the embedded model, wanted for another.
    EmbeddedName,
    /// A bundle that cannot be read.
    BundleUnreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A bundle without a generation.
    NothingToReplay(PathBuf),
    /// The system's generator gave nothing.
    Entropy,
    /// The program failed in the middle of something, which is a fault of it.
    Fault,
    /// An act that had begun for a caller failed.
    Failed {
        /// Why.
        because: Box<Self>,
        /// The records before and after it.
        records: Box<(Appended, Appended)>,
    },
    /// The system's clock gives no day that a template could name.
    Clock,
    /// The prompt does not leave room for one token.
    PromptTooLong {
        /// Tokens of the prompt.
        prompt_token_count: usize,
        /// Tokens that the model can hold.
        context_token_count: usize,
    },
    /// No model by that name or digest.
    NoModel {
        /// What was asked for.
        wanted: String,
        /// What there is.
        known: Vec<String>,
    },
    /// No adapter by that name or digest.
    NoAdapter {
        /// What was asked for.
        wanted: String,
        /// Of which model, where that was said.
        model: Option<String>,
        /// What there is of it.
        known: Vec<String>,
    },
    /// An adapter that this program does not run on that model.
    AdapterUnfit {
        /// The model's name.
        model: String,
        /// Why.
        source: mickai_model::error::Error,
    },
    /// The files of an imported adapter are not those that were imported.
    AdapterAltered {
        /// Its name.
        name: String,
        /// What the files are.
        have: AdapterDigest,
        /// What was imported.
        want: AdapterDigest,
    },
    /// The embedded model was wanted with an adapter.
    EmbeddedAdapter,
    /// Instructions that this machine does not have.
    NoIsa {
        /// What was asked for.
        wanted: String,
        /// What it has, slowest first.
        known: Vec<&'static str>,
    },
    /// The files of an imported model are not those that were imported.
    ModelAltered {
        /// Its name.
        name: String,
        /// What the files are.
        have: ModelDigest,
        /// What was imported.
        want: ModelDigest,
    },
    /// A model is here already, with something else beside its weights.
    ModelKnown {
        /// Its name.
        name: String,
        /// What the new file has.
        what: &'static str,
    },
    /// The embedded model is part of the program.
    EmbeddedModel,
    /// No record of that number, word or digest.
    NoRecord {
        /// What was asked for.
        wanted: String,
        /// Records in the log.
        record_count: u64,
    },
    /// The beginning of a digest fits several records.
    AmbiguousRecord {
        /// What was asked for.
        wanted: String,
        /// The first that fit.
        candidates: Vec<u64>,
    },
    /// The record is not part of a generation.
    NotAGeneration {
        /// Which.
        index: u64,
    },
    /// A generation that has no outcome to compare with.
    NoOutcome {
        /// Its intent.
        index: u64,
    },
    /// A value that a replay needs is neither in the vault nor opened in the bundle.
    NotOpened {
        /// Of which record.
        index: u64,
        /// Which value.
        label: &'static str,
    },
    /// A value that is needed was erased.
    Erased {
        /// Of which record.
        index: u64,
        /// Which value.
        label: &'static str,
        /// By which record.
        by: u64,
    },
    /// A value that was to be erased has been already.
    AlreadyErased {
        /// Of which record.
        index: u64,
        /// Which value.
        label: String,
        /// By which record.
        by: u64,
    },
    /// The record commits to no such value.
    NoField {
        /// Which record.
        index: u64,
        /// What was asked for; empty for anything at all.
        wanted: String,
        /// The labels that it has.
        known: Vec<String>,
    },
    /// The vault does not have the value, and no record says that it was erased.
    NotKept {
        /// Of which record.
        index: u64,
        /// Which value.
        label: String,
    },
    /// Policy refused the act, and that is on record.
    Denied {
        /// Which act.
        action: String,
        /// Why.
        refusal: Refusal,
        /// Where it is recorded.
        record: Appended,
    },
    /// A word that chooses no values.
    OpenForm(String),
    /// No record of a selection has the value that was to be shown.
    NothingToOpen {
        /// What was asked for.
        wanted: String,
        /// Labels that its records have.
        known: Vec<String>,
    },
    /// A value does not fit its commitment, or a record lacks a fact that its kind has.
    BadRecord {
        /// Which record.
        index: u64,
        /// Which part.
        part: &'static str,
    },
    /// The record was made with another arithmetic, sampler, template, tokenizer or other edges than this program and model have.
    OtherVersion {
        /// Which record.
        index: u64,
        /// Which part.
        part: &'static str,
    },
    /// No key of the log, or several, whose ids begin so.
    NoKey {
        /// What was asked for.
        wanted: String,
        /// What there is.
        known: Vec<String>,
    },
    /// A key is revoked on record, and the statement of it was not written.
    NoStatement {
        /// As the log says it.
        revocation: Revocation,
        /// Why.
        because: Box<Self>,
    },
    /// A record after the newest own checkpoint, where the key is not at hand for another.
    NotCovered {
        /// Which.
        index: u64,
        /// Records that the checkpoint covers.
        size: u64,
    },
    /// No records in the range that was asked for.
    NothingInRange,
    /// A bundle that does not verify is not replayed.
    BundleInvalid {
        /// Which file.
        path: PathBuf,
        /// What the verifier makes of it.
        word: Word,
        /// The verdict's reason.
        reason: &'static str,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Model(error) => error.fmt(f),
            Self::Call(error) => error.fmt(f),
            Self::When(error) => error.fmt(f),
            Self::Retention(error) => error.fmt(f),
            Self::Pins(error) => error.fmt(f),
            Self::Settle(error) => error.fmt(f),
            Self::Verify(error) => error.fmt(f),
            Self::Form(error) => error.fmt(f),
            Self::Grammar(error) => error.fmt(f),
            Self::Full(full) => full.fmt(f),
            Self::Failed { because, .. } => because.fmt(f),
            Self::ModelsBusy { open, max } => write!(f, "{open} models are open and at work, of at most {max}: ask again when one of them is done"),
            Self::Short(short) => short.fmt(f),
            Self::TooMuch { what, asked, max } => write!(f, "{asked} {what} are asked for, at most {max} are taken: ask for fewer"),
            Self::Threads(error) => write!(f, "no threads to compute with: {error}"),
            Self::File { path, source } => write!(f, "{}: {source}", path.display()),
            Self::FileExists(path) => write!(f, "{} exists and is not overwritten: choose another name or remove it", path.display()),
            Self::NoHome(path) => write!(f, "no home at {}: the first `mickai ask` makes one; or give another --home", path.display()),
            Self::EmbeddedName => f.write_str("the name is that of the embedded model: give another with --name"),
            Self::BundleUnreadable { path, source } => write!(f, "{}: {source}", path.display()),
            Self::NothingToReplay(path) => write!(f, "{}: no generation in this bundle, nothing to replay", path.display()),
            Self::Entropy => f.write_str("the system's random generator gave nothing"),
            Self::Clock => f.write_str("the system's clock shows no day between the years 1 and 9999: set it"),
            Self::PromptTooLong { prompt_token_count, context_token_count } => {
                write!(f, "the prompt is {prompt_token_count} tokens and the model holds {context_token_count}, one of them for the answer: shorten the prompt")
            }
            Self::NoModel { wanted, known } => write!(f, "no model {wanted:?}; there are: {}. `mickai model import PATH` takes one in", known.join(", ")),
            Self::Fault => f.write_str("the program failed here, and goes on without this: please report it"),
            Self::NoIsa { wanted, known } => write!(f, "this machine has no instructions {wanted:?}; it has: {}", known.join(", ")),
            Self::ModelAltered { name, have, want } => {
                write!(f, "the files of model {name} were changed after its import: they are {have}, imported was {want}; remove it and import it again")
            }
            Self::ModelKnown { name, what } => {
                write!(f, "this model is here already as {name}, and the new file has {what}: nothing was changed; `mickai model rm {name}`, then import it again")
            }
            Self::EmbeddedModel => f.write_str("the embedded model is part of the program and cannot be removed"),
            Self::NoRecord { wanted, record_count: 0 } => write!(f, "no record {wanted:?}: the log is empty"),
            Self::NoRecord { wanted, record_count } => write!(f, "no record {wanted:?}; the log holds 0 to {}", record_count - 1),
            Self::AmbiguousRecord { wanted, candidates } => write!(f, "several records begin with {wanted:?}: {candidates:?}; give more digits"),
            Self::NotAGeneration { index } => write!(f, "record {index} is not part of a generation"),
            Self::NoOutcome { index } => write!(f, "the generation of record {index} has no outcome to compare with"),
            Self::NotOpened { index, label } => write!(f, "the {label} of record {index} is not here: the bundle was exported without `--open`, or the vault has lost it"),
            Self::NoAdapter { .. } | Self::AdapterUnfit { .. } | Self::AdapterAltered { .. } | Self::EmbeddedAdapter => self.fmt_adapter(f),
            Self::Erased { .. }
            | Self::AlreadyErased { .. }
            | Self::NoField { .. }
            | Self::NotKept { .. }
            | Self::Denied { .. }
            | Self::OpenForm(_)
            | Self::NothingToOpen { .. } => self.fmt_privacy(f),
            Self::BadRecord { index, part } => write!(f, "record {index}: its {part} does not fit; run `mickai log fsck`"),
            Self::OtherVersion { index, part: fact::EDGES } => {
                write!(f, "record {index} was made with other tokens that begin or end a text, or another context length, than its model has now: import the earlier file again")
            }
            Self::OtherVersion { index, part } => write!(f, "record {index} was made with another {part} than this program has: replay it with the version that it names"),
            Self::NoKey { wanted, known } => write!(f, "no one key begins with {wanted:?}; this log had: {}. Give at least four digits", known.join(", ")),
            Self::NoStatement { revocation: Revocation { revoked, effective, .. }, because } => write!(
                f,
                "key {revoked} is revoked from record {effective} on, and the statement of it was not written: {because}. `mickai key revoke {revoked} --effective {effective} --statement FILE` writes it and revokes nothing more"
            ),
            Self::NotCovered { index, size } => {
                write!(f, "record {index} came after the newest own checkpoint, of {size} records: `mickai log checkpoint` makes one that covers it")
            }
            Self::NothingInRange => f.write_str("no records in that range"),
            Self::BundleInvalid { path, reason, .. } => write!(f, "{} is not what it should be ({reason}): nothing was replayed; see `oar verify`", path.display()),
        }
    }
}

impl Error {
    /// What concerns adapters.
    fn fmt_adapter(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |known: &[String]| if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        match self {
            Self::NoAdapter { wanted, model: None, known } => {
                write!(f, "no adapter {wanted:?}; there are: {}. `mickai adapter import PATH --model MODEL` takes one in", list(known))
            }
            Self::NoAdapter { wanted, model: Some(model), known } => {
                write!(f, "model {model} has no adapter {wanted:?}; it has: {}. `mickai adapter import PATH --model {model}` takes one in for it", list(known))
            }
            Self::AdapterUnfit { model, source } => write!(f, "this adapter does not fit model {model}: {source}"),
            Self::AdapterAltered { name, have, want } => {
                write!(f, "the files of adapter {name} were changed after its import: they are {have}, imported was {want}; remove it and import it again")
            }
            Self::EmbeddedAdapter => f.write_str("the embedded model makes verbs of requests and takes no adapter: name another model"),
            // Said by the caller of this function.
            _ => Ok(()),
        }
    }

    /// What concerns values, their erasure, and what policy refuses.
    fn fmt_privacy(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Erased { index, label, by } => write!(f, "the {label} of record {index} was erased by record {by}"),
            Self::AlreadyErased { index, label, by } => write!(f, "the {label} of record {index} is erased already, by record {by}"),
            Self::NoField { index, known, .. } if known.is_empty() => write!(f, "record {index} commits to no values: there is nothing to erase"),
            Self::NoField { index, wanted, known } => write!(f, "record {index} has no value {wanted:?}; it has: {}", known.join(", ")),
            Self::NotKept { index, label } => {
                write!(f, "the vault does not have the {label} of record {index}, and no record says that it was erased; `mickai log fsck` counts such values")
            }
            Self::Denied { action, refusal, record } => write!(f, "{action} was refused: {refusal}; record {} says so", record.index),
            Self::OpenForm(word) => write!(f, "{word:?} names no value: give a label (prompt), a label of one record (12:prompt), or all; at most 64 of them"),
            Self::NothingToOpen { wanted, known } if known.is_empty() => write!(f, "no record of the selection has a value {wanted:?}: none has any"),
            Self::NothingToOpen { wanted, known } => write!(f, "no record of the selection has a value {wanted:?}; there are: {}", known.join(", ")),
            // Said by the caller of this function.
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

macro_rules! from {
    ($($variant:ident($source:ty),)+) => {
        $(impl From<$source> for Error {
            fn from(error: $source) -> Self {
                Self::$variant(error)
            }
        })+
    };
}

from!(
    Settle(SettleError),
    Retention(PolicyError),
    Pins(PinError),
    Store(mickai_store::Error),
    Model(mickai_model::error::Error),
    Call(CallError),
    When(WhenError),
    Verify(Misuse),
    Form(FormError),
);

impl Error {
    /// For `map_err` on the operator's files.
    pub(crate) fn file(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::File { path, source }
    }
}
