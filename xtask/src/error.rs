//! What can stop a task before it has an answer.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub(crate) enum Error {
    /// A program could not be started or its output not be read.
    Program { program: String, source: io::Error },
    /// A program that had to succeed ended with another code.
    Failed { program: String },
    /// A file or folder could not be read or written.
    File { path: PathBuf, source: io::Error },
    /// Tools are missing and this user may not install them.
    MissingTools { what: Vec<&'static str>, packages: Vec<&'static str> },
    /// Tools are still missing after their packages were installed.
    StillMissing { what: Vec<&'static str> },
    /// A package's installer ended with 0, and the package is not where it was to be.
    NotInstalled { package: String, folder: PathBuf },
    /// A benchmark's program did not print its closing figures.
    NoFigures { bench: &'static str },
    /// Two programs that were to read one text made other tokens of it.
    OtherTokens { model: PathBuf },
    /// No row of a benchmark has the labels that were asked for.
    NothingSelected,
    /// A label of that key has no row with that value.
    NoSuchLabel { key: String, value: String, known: Vec<&'static str> },
    /// The program that a benchmark compares with could not be compiled.
    PeerNotBuilt { package: &'static str, flags: &'static str, folder: PathBuf },
}

impl Error {
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Self::File { path, source }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program { program, source } => write!(f, "{program} could not be run: {source}; check that it is installed"),
            Self::Failed { program } => write!(f, "{program} failed; its own lines above say why"),
            Self::File { path, source } => write!(f, "{}: {source}", path.display()),
            Self::MissingTools { what, packages } => {
                write!(f, "missing: {}; install with: sudo apt-get install -y --no-install-recommends {}", what.join(", "), packages.join(" "))
            }
            Self::StillMissing { what } => write!(f, "still missing after apt-get: {}; install a newer one by hand", what.join(", ")),
            Self::NotInstalled { package, folder } => write!(f, "{package} is not in {} although it was installed without complaint; see the lines above", folder.display()),
            Self::NoFigures { bench } => write!(f, "{bench} printed no closing figures; run its command alone to see why"),
            Self::OtherTokens { model } => write!(f, "{}: ours and the peer's tokens differ, so their perplexities cannot be compared; see the lines above", model.display()),
            Self::NothingSelected => write!(f, "no row has these labels; bench/README.md lists them"),
            Self::NoSuchLabel { key, value, known } => write!(f, "no row has {key}={value}; {key} is {}", known.join(" or ")),
            Self::PeerNotBuilt { package, flags, folder } => write!(
                f,
                "{package} could not be compiled into {}, so there is nothing to compare with; pip's lines above say why. It takes PyPI or a mirror of it, gcc and g++ 11 or newer, \
                 and about ten minutes of one core. By hand: CMAKE_ARGS=\"{flags}\" {}/bin/python -m pip install --no-cache-dir --no-binary=llama-cpp-python {package}",
                folder.display(),
                folder.display()
            ),
        }
    }
}

impl std::error::Error for Error {}
