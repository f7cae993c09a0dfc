//! What can go wrong with keys, passphrases and the signer process.

use mickai_proof::digest::{KeyId, LogId};
use std::fmt;
use std::path::PathBuf;

/// Why a key was not used, kept or moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyFault {
    /// The key is behind a passphrase, and nobody was there to give it.
    PassphraseNeeded(PathBuf),
    /// The passphrase does not open the file, or the file was changed.
    PassphraseWrong(PathBuf),
    /// A new passphrase that will not do.
    Passphrase(PassphraseFault),
    /// Opening the file would take more memory or work than any file that this program writes.
    TooCostly {
        /// Which file.
        path: PathBuf,
        /// KiB that it asks for.
        memory_kib: u32,
        /// Passes over them.
        passes: u32,
    },
    /// The key file is behind a passphrase already, or is not.
    ProtectedAlready(PathBuf),
    /// The key file is behind no passphrase.
    NotProtected(PathBuf),
    /// A file that would be overwritten.
    Exists(PathBuf),
    /// The file that holds the next and the recovery key is not here.
    RecoveryMissing(PathBuf),
    /// The keys in the recovery file are not those that the log has committed to.
    NotCommitted {
        /// Which file.
        path: PathBuf,
        /// The key in it.
        have: KeyId,
        /// What the log says.
        want: KeyId,
    },
    /// The file reads back otherwise than it was written.
    NotWritten(PathBuf),
    /// The backup is of another log.
    OtherLog {
        /// In the backup.
        have: LogId,
        /// In the home.
        want: LogId,
    },
    /// The backup is of a log that is not here.
    NoLog(LogId),
    /// A rotation of a key that a signer holds.
    NotThroughSigner,
    /// A statement, where a signer holds the key.
    NoStatements,
    /// The key is held elsewhere, so its file cannot be worked on here.
    HeldElsewhere(PathBuf),
    /// The signer process.
    Signer {
        /// Its socket.
        socket: PathBuf,
        /// What is wrong.
        fault: SignerFault,
    },
}

/// Why a passphrase cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassphraseFault {
    /// Fewer bytes than a passphrase has at least.
    Short,
    /// More bytes than a passphrase has at most.
    Long,
    /// The second time it was another one.
    Differs,
}

/// Why the signer did not sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignerFault {
    /// Nobody answers at the socket, or no longer.
    Silent(std::io::ErrorKind),
    /// The process at the socket belongs to another user.
    OtherUser(u32),
    /// It answered in another form.
    Malformed,
    /// It holds another key than the home.
    OtherKey {
        /// The signer's.
        have: KeyId,
        /// The home's.
        want: KeyId,
    },
    /// What it gave is no signature of what was asked.
    BadSignature,
    /// It refused.
    Refused(super::signer::Refusal),
    /// Another signer answers at this socket already.
    Taken,
    /// The socket's folder can be entered by others.
    OpenFolder,
}

impl fmt::Display for KeyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PassphraseNeeded(path) => write!(f, "{} is protected by a passphrase: run it on a terminal, or give --passphrase-file", path.display()),
            Self::PassphraseWrong(path) => write!(f, "the passphrase does not open {}, or the file was changed", path.display()),
            Self::Passphrase(fault) => write!(f, "{fault}"),
            Self::TooCostly { path, memory_kib, passes } => {
                write!(f, "{} asks for {memory_kib} KiB and {passes} passes to be opened, more than any file that Mickai writes: it is not opened", path.display())
            }
            Self::ProtectedAlready(path) => write!(f, "{} is protected already; `mickai key protect --remove` takes the passphrase away", path.display()),
            Self::NotProtected(path) => write!(f, "{} is not protected by a passphrase", path.display()),
            Self::Exists(path) => write!(f, "{} exists and is not overwritten", path.display()),
            Self::RecoveryMissing(path) => write!(f, "{} is not here: give the file that `mickai key recovery export` wrote", path.display()),
            Self::NotCommitted { path, have, want } => {
                write!(f, "{} holds the key {}, but the log has committed to {}: find the recovery file of this log", path.display(), have.short(), want.short())
            }
            Self::NotWritten(path) => write!(f, "{} reads back otherwise than it was written: nothing was removed; try another disk", path.display()),
            Self::OtherLog { have, want } => write!(f, "the backup is of log {}, this home has log {}", have.short(), want.short()),
            Self::NoLog(log) => write!(f, "the backup is of log {}, which is not here: copy its log folder into the home first", log.short()),
            Self::HeldElsewhere(path) => {
                write!(
                    f,
                    "{} is not in this home: a signer holds the key; work on the key file where it is; if that is lost, `mickai key revoke --by recovery` lets the recovery key take the log over",
                    path.display()
                )
            }
            Self::NoStatements => f.write_str("a signer holds the key and signs no statements: export a receipt, or end the signer and export the statement without --signer"),
            Self::NotThroughSigner => f.write_str("a signer holds the key: end it, rotate or revoke without --signer, and start it again with the new key"),
            Self::Signer { socket, fault } => write!(f, "the signer at {}: {fault}", socket.display()),
        }
    }
}

impl fmt::Display for PassphraseFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short => write!(f, "a passphrase has at least {} bytes; several words are better than one", crate::limits::PASSPHRASE_BYTES_MIN),
            Self::Long => write!(f, "a passphrase has at most {} bytes", crate::limits::PASSPHRASE_BYTES_MAX),
            Self::Differs => f.write_str("the two passphrases differ; nothing was changed"),
        }
    }
}

impl fmt::Display for SignerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent(source) => write!(f, "no answer ({source}), so nothing is signed and nothing is done; start `mickai signer --socket PATH`"),
            Self::OtherUser(uid) => write!(f, "it belongs to user {uid}, not to you: nothing was asked of it"),
            Self::Malformed => f.write_str("it answered in another form; use the same version for both"),
            Self::OtherKey { have, want } => write!(f, "it holds key {}, this home's is {}", have.short(), want.short()),
            Self::BadSignature => f.write_str("what it gave is no signature of what was asked; start it again, of this version and with this key"),
            Self::Refused(refusal) => write!(f, "it refused, so nothing is signed and nothing is done: {refusal}"),
            Self::Taken => f.write_str("another signer answers there already"),
            Self::OpenFolder => f.write_str("others can enter its folder; give a folder of mode 0700 of your own"),
        }
    }
}
