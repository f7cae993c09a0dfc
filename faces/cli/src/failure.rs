//! What went wrong, with its exit code and, where there is one, a hint.

use crate::out::remark;
use crate::plain;
use crate::turn::INTERRUPTED;
use mickai_runtime::Error;
use mickai_runtime::settle::SettleError;
use std::path::{Path, PathBuf};

/// Wrong usage.
pub const USAGE: u8 = 64;
/// Something failed.
const FAILED: u8 = 1;
/// A file that cannot be read as what it should be.
const UNREADABLE: u8 = 4;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub enum Failure {
    /// The system refused or failed.
    System(Error),
    /// A file of the operator's.
    File { path: PathBuf, source: std::io::Error },
    /// Standard input or output.
    Stream(std::io::Error),
    /// Whoever read our output has gone.
    Closed,
    /// The operator stopped it.
    Interrupted,
    /// The line editor.
    Editor(rustyline::error::ReadlineError),
    /// The signal handler for Ctrl-C.
    Interrupts(ctrlc::Error),
    /// No folder to live in.
    NoHome,
    /// The server cannot start or go on.
    Serve(mickai_http::Error),
    /// A flag's value that is not one.
    Value { flag: &'static str, value: String, wanted: &'static str },
}

impl Failure {
    /// For `map_err` on files.
    pub fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::File { path, source }
    }

    /// The exit code.
    pub fn code(&self) -> u8 {
        match self {
            Self::Value { .. }
            | Self::NoHome
            | Self::Serve(mickai_http::Error::Exposed(_))
            | Self::System(
                Error::Verify(_)
                | Error::When(_)
                | Error::Retention(_)
                | Error::OpenForm(_)
                | Error::Form(_)
                | Error::NoIsa { .. }
                | Error::Settle(SettleError::NoChange | SettleError::Cadence { .. }),
            ) => USAGE,
            Self::System(Error::BundleInvalid { word, .. }) => word.exit_code(),
            Self::System(Error::BundleUnreadable { .. }) => UNREADABLE,
            Self::Interrupted | Self::System(Error::Store(mickai_store::Error::Stopped)) => INTERRUPTED,
            Self::Closed => 0,
            _ => FAILED,
        }
    }

    /// Says it on standard error. Words of others are in it: a node's, a file's.
    pub fn print(&self) {
        if !matches!(self, Self::Closed) {
            remark(format_args!("mickai: {}", plain::set_in(&self.to_string())));
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::System(error) => error.fmt(f),
            Self::File { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Stream(source) => write!(f, "standard input or output: {source}"),
            Self::Closed => f.write_str("standard output is closed"),
            Self::Serve(error) => error.fmt(f),
            Self::Interrupted => f.write_str("stopped"),
            Self::Editor(error) => write!(f, "the line editor: {error}"),
            Self::Interrupts(error) => write!(f, "cannot listen for Ctrl-C: {error}"),
            Self::NoHome => f.write_str("no home folder: give --home DIR or set MICKAI_HOME"),
            Self::Value { flag, value, wanted } => write!(f, "{flag} {value:?}: give {wanted}"),
        }
    }
}

impl std::error::Error for Failure {}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::System(error.into())
    }
}
