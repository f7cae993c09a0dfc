//! Everything that can go wrong with stored bytes, by who can do something about it.

use crate::keys::KeyFault;
use crate::lock::Holder;
use mickai_proof::checkpoint::CheckpointError;
use mickai_proof::digest::{Id, KeyId, TreeHash};
use mickai_proof::record::{Kind, RecordError};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why the store did not do it.
#[derive(Debug)]
pub enum Error {
    // The machine.
    /// The operating system refused.
    Io {
        /// What was being done, as a verb: "write", "fsync".
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// Its answer.
        source: io::Error,
    },
    /// An earlier append failed, so nothing is known about the disk any more, or a record that others follow has no signature: the log must be opened again, which reads it from the disk.
    Poisoned,
    /// The system gave no random bytes, or the signing library failed.
    Crypto,

    // The stored bytes.
    /// They are not what was written.
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong.
        what: Damage,
    },
    /// An own checkpoint says that more records existed.
    RolledBack {
        /// Records found.
        have: u64,
        /// Records that the checkpoint covers.
        want: u64,
        /// The checkpoint.
        checkpoint: PathBuf,
    },
    /// The records that an own checkpoint covers have another root now.
    Rewritten {
        /// Records covered.
        size: u64,
        /// Root of the records found.
        have: TreeHash,
        /// Root in the checkpoint.
        want: TreeHash,
    },

    /// The index cannot be read or written: it can be deleted, it is made again from the segments.
    Index {
        /// Its file.
        path: PathBuf,
        /// SQLite's answer.
        source: rusqlite::Error,
    },

    // The operator.
    /// The folder holds something else.
    NotAHome(PathBuf),
    /// Another version of Mickai wrote it.
    Foreign(PathBuf),
    /// A secret file can be read by others.
    ReadableByOthers {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A key file that the log needs is gone: the error says which ways out there are.
    KeyMissing(PathBuf),
    /// The key file is not a key in the form of spec/keys.md.
    NotAKey(PathBuf),
    /// The key is not the log's.
    WrongKey {
        /// Of the key file.
        have: KeyId,
        /// By the log.
        want: KeyId,
    },
    /// A file of the home's own chain is not what was written.
    OwnChain(PathBuf),
    /// Another process writes.
    Locked {
        /// Who, as far as the lock file says.
        holder: Option<Holder>,
        /// How long this process waited.
        waited: Duration,
    },
    /// No model has that name or digest.
    NoSuchModel,
    /// Several models do.
    AmbiguousModel(Vec<(String, Id)>),
    /// The model's name is empty, too long, or has a control character.
    ModelName,
    /// The name is 64 hex digits, which mean what has that digest.
    NameOfDigest,
    /// Another model has that name.
    ModelNameTaken {
        /// Its name.
        name: String,
        /// What it is.
        digest: Id,
    },
    /// The source holds no model file.
    NoModelFiles(PathBuf),
    /// The names of its files make a manifest larger than one that is read.
    ManifestBytes {
        /// What was to be taken in.
        of: PathBuf,
        /// Bytes that the manifest would have.
        bytes: u64,
    },
    /// No adapter has that name or digest.
    NoSuchAdapter,
    /// Several adapters do: names, digests, and those of their models.
    AmbiguousAdapter(Vec<(String, Id, Id)>),
    /// The adapter's name is empty, too long, or has a character that no name has.
    AdapterName,
    /// The model has another adapter of that name.
    AdapterNameTaken {
        /// Its name.
        name: String,
        /// What it is.
        digest: Id,
    },
    /// The source holds no adapter.
    NoAdapterFiles(PathBuf),
    /// Whoever asked for it wanted it no more.
    Stopped,
    /// Too many files, or too large a file, for this store's limits.
    TooLarge(PathBuf),

    /// A key, a passphrase, or the process that holds the key.
    Key(KeyFault),

    // The caller.
    /// This program used the store wrongly.
    Misuse(Misuse),
}

/// How stored bytes differ from what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// The segment's header.
    SegmentHeader,
    /// The segment is absent although a later one exists.
    SegmentMissing,
    /// The frame: its length, its checksum, or its end is missing, although it was synced.
    Frame,
    /// The segment is shorter than what was synced, by the mark beside it.
    CutShort {
        /// Bytes that were synced.
        synced: u64,
    },
    /// The frame's record.
    Record(RecordError),
    /// The record's index, log or digest of the record before.
    Chain,
    /// An outcome that closes nothing, a second one, or a record after the last.
    Order,
    /// A rotation or a revocation that may not stand there.
    KeyEvent,
    /// A seal that does not name the records before it.
    Seal,
    /// The own checkpoint.
    Checkpoint(CheckpointError),
    /// The vault file's form.
    VaultForm,
    /// The vault file cannot be decrypted: it was changed, or `keys/vault.key` was.
    VaultSealed,
    /// The model's manifest.
    Manifest,
}

/// How a caller used the store wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misuse {
    /// Records of this kind are made by the writer alone, or by no version yet.
    Kind(Kind),
    /// The draft does not give a record: over a limit, a name twice, or a cause that is not earlier.
    Draft(RecordError),
    /// The outcome, or the permit, is of no open intent.
    NotOpen,
    /// Too many intents are open.
    TooManyOpen,
    /// More records than one fsync may cover, or none.
    BatchCount(usize),
    /// More values than one record may keep.
    ValueCount(usize),
    /// A value is longer than a bundle can open.
    ValueBytes(usize),
    /// The log ended with a terminal record.
    Closed,
    /// The permit ran out before the act began.
    PermitExpired,
    /// The permit is of another log.
    PermitForeign,
    /// The key was never in force, or the effective index lies ahead.
    KeyEvent,
    /// The log has had as many key events as a log may have.
    TooManyKeyEvents,
    /// Not a checkpoint, or of another log.
    Checkpoint,
}

impl Error {
    /// For `map_err`: what was being done, and to which file.
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }

    /// The same once more, for each of those who waited for one write: the machine's answer is kept, of the rest nothing is known.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Io { doing, path, source } => {
                let source = source.raw_os_error().map_or_else(|| source.kind().into(), io::Error::from_raw_os_error);
                Self::Io { doing, path: path.clone(), source }
            }
            Self::Crypto => Self::Crypto,
            Self::Key(fault) => Self::Key(fault.clone()),
            _ => Self::Poisoned,
        }
    }

    pub(crate) fn damaged(path: &Path, offset: u64, what: Damage) -> Self {
        Self::Damaged { path: path.to_owned(), offset, what }
    }
}

impl From<KeyFault> for Error {
    fn from(fault: KeyFault) -> Self {
        Self::Key(fault)
    }
}

impl From<Misuse> for Error {
    fn from(misuse: Misuse) -> Self {
        Self::Misuse(misuse)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { doing, path, source } if source.kind() == io::ErrorKind::StorageFull => {
                write!(f, "cannot {doing} {}: the disk is full; free some space and run it again", path.display())
            }
            Self::Io { doing, path, source } => write!(f, "cannot {doing} {}: {source}", path.display()),
            Self::Poisoned => f.write_str(
                "an earlier record could not be signed or written, so this process writes no more; end it, set right what it said then (the disk, or the signer), and start again",
            ),
            Self::Crypto => f.write_str("the cryptographic library failed; the system may be out of randomness or memory"),
            Self::Damaged { path, what: what @ Damage::Manifest, .. } => {
                write!(f, "{} is damaged: {what}; remove the folder {} and import it again", path.display(), path.parent().unwrap_or(path).display())
            }
            Self::Damaged { path, offset, what } => {
                write!(f, "{} is damaged at byte {offset}: {what}; restore it from a copy, `mickai log fsck` shows what is readable", path.display())
            }
            Self::RolledBack { have, want, checkpoint } => {
                write!(f, "the log was rolled back: {have} records are here, but {} says there were {want}; restore the log folder from the newest copy", checkpoint.display())
            }
            Self::Rewritten { size, have, want } => write!(
                f,
                "the log was rewritten: the first {size} records have the root {}, the own checkpoint says {}; restore the log folder from a copy",
                have.short(),
                want.short()
            ),
            Self::Key(fault) => write!(f, "{fault}"),
            Self::Misuse(misuse) => write!(f, "{misuse}"),
            _ => self.fmt_for_operator(f),
        }
    }
}

impl Error {
    /// The errors that the operator can do something about.
    fn fmt_for_operator(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAHome(path) => write!(f, "{} is not a home of Mickai; give --home an empty or a new folder", path.display()),
            Self::Foreign(path) => write!(f, "{} was written by another version of Mickai; use that version", path.display()),
            Self::ReadableByOthers { path, mode } => {
                write!(f, "{} has mode {mode:03o}, so others can read a secret; run: chmod 600 {}", path.display(), path.display())
            }
            Self::KeyMissing(path) => write!(f, "{} is missing, and the log needs it; {}", path.display(), way_out(path)),
            Self::NotAKey(path) => write!(f, "{} is not a key in the form that Mickai writes; restore it from a copy", path.display()),
            Self::WrongKey { have, want } => {
                write!(f, "the key file holds key {}, but the log's key is {}; restore keys/operator.p8 of this log", have.short(), want.short())
            }
            Self::Locked { holder: Some(holder), waited } => {
                write!(f, "the log is held by {holder}; waited {} s; try again when it is done", waited.as_secs())
            }
            Self::Locked { holder: None, waited } => write!(f, "the log is held by another process; waited {} s; try again when it is done", waited.as_secs()),
            Self::OwnChain(path) => write!(
                f,
                "{} is not what was written, and a chain is not repaired: move the folder that it is in out of the home, and `mickai settle --own` begins another; what was settled stays settled in the proofs that are kept",
                path.display()
            ),
            Self::NoSuchModel => f.write_str("no model has that name or digest; `mickai model list` shows them"),
            Self::AmbiguousModel(candidates) => {
                f.write_str("several models fit:")?;
                candidates.iter().try_for_each(|(name, digest)| write!(f, " {name} ({})", digest.short()))?;
                f.write_str("; give more digits of the digest")
            }
            Self::NoSuchAdapter | Self::AmbiguousAdapter(_) | Self::AdapterName | Self::AdapterNameTaken { .. } | Self::NoAdapterFiles(_) => self.fmt_adapter(f),
            Self::ModelName => f.write_str("a model's name has 1 to 200 bytes and no control characters or slashes; give another --name"),
            Self::ModelNameTaken { name, digest } => write!(f, "another model is called {name} ({}); give another --name, or remove that one", digest.short()),
            Self::NameOfDigest => f.write_str("a name of 64 hex digits would be taken for a digest; give another name with --name"),
            Self::ManifestBytes { of, bytes } => write!(
                f,
                "the names of the files in {} make a manifest of {bytes} bytes, and one has at most {}; leave out of the folder what the model does not need",
                of.display(),
                crate::limits::MANIFEST_BYTES_MAX
            ),
            Self::Stopped => f.write_str("stopped, and nothing is left behind"),
            Self::NoModelFiles(path) => write!(f, "{} holds no model; give a .gguf file or a folder with config.json and .safetensors files", path.display()),
            Self::Index { path, source } => write!(f, "the index {} fails: {source}; it holds nothing of its own, so delete it and run this again", path.display()),
            Self::TooLarge(path) => write!(f, "{} is larger than Mickai agrees to read", path.display()),
            // Said by the caller of this function.
            Self::Io { .. } | Self::Poisoned | Self::Crypto | Self::Damaged { .. } | Self::RolledBack { .. } | Self::Rewritten { .. } | Self::Key(_) | Self::Misuse(_) => Ok(()),
        }
    }
}

impl Error {
    /// What concerns adapters.
    fn fmt_adapter(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchAdapter => f.write_str("no adapter has that name or digest; `mickai adapter list` shows them"),
            Self::AmbiguousAdapter(candidates) => {
                f.write_str("several adapters fit:")?;
                candidates.iter().try_for_each(|(name, digest, model)| write!(f, " {name} ({}, of model {})", digest.short(), model.short()))?;
                f.write_str("; give MODEL+NAME, or more digits of the digest")
            }
            Self::AdapterName => f.write_str("an adapter's name has 1 to 200 bytes and no control characters, slashes or plus signs; give another --name"),
            Self::AdapterNameTaken { name, digest } => write!(f, "the model has another adapter {name} ({}); give another --name, or remove that one", digest.short()),
            Self::NoAdapterFiles(path) => {
                write!(f, "{} holds no adapter; give a .gguf file, or a folder with adapter_config.json and adapter_model.safetensors", path.display())
            }
            // Said by the callers of this function.
            _ => Ok(()),
        }
    }
}

/// What there is to do when that key file is gone (spec/keys.md "What is lost, and what then").
fn way_out(path: &Path) -> &'static str {
    if path.ends_with("keys/operator.p8") {
        "`mickai key restore FILE` puts it back from a backup; without a backup `mickai key revoke --by recovery` lets the recovery key take the log over"
    } else if path.ends_with("keys/vault.key") {
        "`mickai key restore FILE` puts it back from a backup; without a backup what the vault holds can never be read again, and `mickai key restore --vault-lost` goes on without it"
    } else {
        "restore it from a copy"
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Index { source, .. } => Some(source),
            _ => None,
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SegmentHeader => f.write_str("not the header of a segment"),
            Self::SegmentMissing => f.write_str("the segment is missing"),
            Self::Frame => f.write_str("a record that was synced is not readable"),
            Self::CutShort { synced } => write!(f, "the segment had {synced} bytes"),
            Self::Record(error) => write!(f, "{error}"),
            Self::Chain => f.write_str("the record does not follow the one before it"),
            Self::Order => f.write_str("the record may not stand at this place"),
            Self::KeyEvent => f.write_str("a rotation or revocation by spec/keys.md may not stand there"),
            Self::Seal => f.write_str("the seal does not name the records before it"),
            Self::Checkpoint(error) => write!(f, "{error}"),
            Self::VaultForm => f.write_str("not a vault file"),
            Self::VaultSealed => f.write_str("its values do not decrypt with keys/vault.key"),
            Self::Manifest => f.write_str("not the manifest of a model or adapter"),
        }
    }
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind(kind) => write!(f, "a record of kind {} cannot be appended this way", kind.name()),
            Self::Draft(error) => write!(f, "the draft is over a limit of spec/record.md or names something twice: {error}"),
            Self::NotOpen => f.write_str("no such intent is open: it has its outcome, or there is none"),
            Self::TooManyOpen => f.write_str("too many intents are open; close some first"),
            Self::BatchCount(count) => write!(f, "a batch has 1 to {} records, not {count}", crate::limits::BATCH_RECORDS_MAX),
            Self::ValueCount(count) => write!(f, "a record keeps at most {} values, not {count}", crate::limits::VAULT_FIELDS_MAX),
            Self::ValueBytes(bytes) => write!(f, "a value has at most {} bytes, not {bytes}; shorten it", crate::limits::VAULT_VALUE_BYTES_MAX),
            Self::Closed => f.write_str("the log is closed by a terminal record; begin a new home"),
            Self::PermitExpired => f.write_str("the permit ran out before the act began; ask again"),
            Self::PermitForeign => f.write_str("the permit is of another log"),
            Self::KeyEvent => f.write_str("no such revocation: the key was never in force here, was so before, or the effective index lies ahead of the log"),
            Self::TooManyKeyEvents => write!(f, "this log has had {} key events, and a log has no more; begin a new home", mickai_proof::limits::KEY_EVENTS_MAX),
            Self::Checkpoint => f.write_str("this is not a checkpoint of this log"),
        }
    }
}
