//! What can go wrong before there is a verdict, and what to do about it.

use mickai_proof::bundle::BundleError;
use mickai_proof::key::KeyError;
use mickai_proof::limits::KEY_EVENTS_MAX;
use mickai_proof::verify::Misuse;
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::PathBuf;

use crate::EXIT_USAGE;

/// The file cannot be read (spec/verdict.md "Verdicts").
const EXIT_UNREADABLE: u8 = 4;

/// What the bundle holds contradicts itself.
const EXIT_INVALID: u8 = 1;

/// Why `oar` gives no verdict, or no file.
#[derive(Debug)]
pub enum Problem {
    /// The bundle cannot be read.
    Bundle(PathBuf, io::Error),
    /// The key or the checkpoint that the verifier brings cannot be read.
    Brought(PathBuf, io::Error),
    /// The key file holds no key.
    Key(PathBuf, KeyError),
    /// The key file is larger than one may be, whatever its beginning holds.
    LargeKey(PathBuf),
    /// The policy cannot be used.
    Misuse(Misuse),
    /// The answer cannot be written.
    Output(io::Error),
    /// The bundle breaks off or goes wrong.
    Broken(PathBuf, BundleError),
    /// An opening of this index stands in a chunk without that record, or is one more than a record has commitments.
    Opening(PathBuf, u64),
    /// More key events than a bundle may list.
    KeyEvents(PathBuf),
    /// The records do not give the root that the checkpoint signs.
    Root(PathBuf),
    /// A part of a log, where the whole is needed.
    NotWhole(PathBuf),
    /// Records that the bundle, which holds so many, does not hold.
    OutOfRange(Range<u64>, u64),
    /// Two logs, where two views of one are needed.
    TwoLogs(PathBuf, PathBuf),
    /// A checkpoint that no known key signed.
    NotSigned(PathBuf),
    /// Checkpoints of these sizes that can both be true.
    Consistent(u64, u64),
    /// The checkpoint of this size came without the records that it covers.
    NeedsWhole(PathBuf, u64),
    /// What would be overwritten.
    Exists(PathBuf),
    /// A file or folder cannot be written.
    Write(PathBuf, io::Error),
}

impl Problem {
    /// The process's exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Bundle(..) | Self::Output(_) | Self::Write(..) => EXIT_UNREADABLE,
            Self::Broken(_, BundleError::NotABundle | BundleError::UnsupportedVersion) => EXIT_UNREADABLE,
            Self::Broken(_, BundleError::Malformed(_) | BundleError::NoRecords)
            | Self::Opening(..)
            | Self::KeyEvents(_)
            | Self::Root(_)
            | Self::NotSigned(_)
            | Self::Consistent(..) => EXIT_INVALID,
            Self::Brought(..)
            | Self::Key(..)
            | Self::LargeKey(_)
            | Self::Misuse(_)
            | Self::NotWhole(_)
            | Self::OutOfRange(..)
            | Self::TwoLogs(..)
            | Self::NeedsWhole(..)
            | Self::Exists(_) => EXIT_USAGE,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bundle(file, error) | Self::Brought(file, error) => write!(f, "cannot read {}: {error}", file.display()),
            Self::Key(file, error) => write!(f, "{}: {}: {error}", Misuse::Key.code(), file.display()),
            Self::LargeKey(file) => {
                write!(f, "{}: {} is larger than 64 KiB, and so no key file: give the file that `mickai key show --pem` prints", Misuse::Key.code(), file.display())
            }
            Self::Misuse(misuse) => write!(f, "{}: {misuse}", misuse.code()),
            Self::Output(error) => write!(f, "cannot write the answer: {error}"),
            Self::Broken(file, BundleError::NotABundle) => write!(f, "{} is not a bundle: give a file that `mickai log export` wrote", file.display()),
            Self::Broken(file, BundleError::UnsupportedVersion) => write!(f, "{} needs a newer `oar`", file.display()),
            Self::Broken(file, BundleError::Malformed(index)) => write!(f, "{} breaks off or goes wrong at index {index}: get it again, and see `oar verify`", file.display()),
            Self::Broken(file, BundleError::NoRecords) => write!(f, "{} holds no records", file.display()),
            Self::Opening(file, index) => write!(f, "{}: an opening of record {index} is not where it should be, or one too many: see `oar verify`", file.display()),
            Self::KeyEvents(file) => write!(f, "{}: its records tell of more than {KEY_EVENTS_MAX} key events: see `oar verify`", file.display()),
            Self::Root(file) => write!(f, "{}: its records do not give the root that its checkpoint says: see `oar verify`", file.display()),
            Self::NotWhole(file) => write!(f, "{} holds a part of its log: give a bundle of the whole log (`mickai log export` without a range)", file.display()),
            Self::OutOfRange(wanted, count) => {
                write!(f, "the bundle holds records 0 to {}, not {} to {}: choose among them", count.saturating_sub(1), wanted.start, wanted.end.saturating_sub(1))
            }
            Self::TwoLogs(one, other) => write!(f, "{} and {} are of two logs: two views of one log are needed", one.display(), other.display()),
            Self::NotSigned(file) => {
                write!(f, "{}: its checkpoint is signed by no key that the bundles list: nobody would accept the proof; give the key with --key if you have it", file.display())
            }
            Self::Consistent(one, other) => write!(f, "no fork: the checkpoints of {one} and of {other} records can both be true"),
            Self::NeedsWhole(file, size) => {
                write!(f, "{}: the records under its checkpoint of {size} are needed to compare: give a bundle of the whole log at that size", file.display())
            }
            Self::Exists(path) => write!(f, "{} exists and is not overwritten: choose another name or remove it", path.display()),
            Self::Write(path, error) => write!(f, "cannot write {}: {error}", path.display()),
        }
    }
}

impl std::error::Error for Problem {}

impl From<Misuse> for Problem {
    fn from(misuse: Misuse) -> Self {
        Self::Misuse(misuse)
    }
}
