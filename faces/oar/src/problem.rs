//! What can go wrong before there is a verdict, and what to do about it.

use mickai_proof::key::KeyError;
use mickai_proof::verify::Misuse;
use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::EXIT_USAGE;

/// The file cannot be read (spec/verdict.md "Verdicts").
const EXIT_UNREADABLE: u8 = 4;

/// Why `oar` gives no verdict.
#[derive(Debug)]
pub enum Problem {
    /// The bundle cannot be read.
    Bundle(PathBuf, io::Error),
    /// The key or the checkpoint that the verifier brings cannot be read.
    Brought(PathBuf, io::Error),
    /// The key file holds no key.
    Key(PathBuf, KeyError),
    /// The policy cannot be used.
    Misuse(Misuse),
    /// The answer cannot be written.
    Output(io::Error),
}

impl Problem {
    /// The process's exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Bundle(..) | Self::Output(_) => EXIT_UNREADABLE,
            Self::Brought(..) | Self::Key(..) | Self::Misuse(_) => EXIT_USAGE,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bundle(file, error) | Self::Brought(file, error) => write!(f, "cannot read {}: {error}", file.display()),
            Self::Key(file, error) => write!(f, "{}: {}: {error}", Misuse::Key.code(), file.display()),
            Self::Misuse(misuse) => write!(f, "{}: {misuse}", misuse.code()),
            Self::Output(error) => write!(f, "cannot write the answer: {error}"),
        }
    }
}

impl std::error::Error for Problem {}

impl From<Misuse> for Problem {
    fn from(misuse: Misuse) -> Self {
        Self::Misuse(misuse)
    }
}
