//! What went wrong, with its exit code.

use crate::out::remark;
use crate::rpc::ServeError;
use mickai_node::NodeError;
use mickai_proof::checkpoint::CheckpointError;
use mickai_proof::pantheon::light::LightError;
use mickai_proof::pantheon::{Amount, PantheonError};
use serde_json::Value;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Wrong usage.
pub const USAGE: u8 = 64;
/// Something failed, or is not valid.
const FAILED: u8 = 1;
/// A file that cannot be read as what it should be.
const UNREADABLE: u8 = 4;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub enum Failure {
    /// Keys and their files.
    Store(mickai_store::Error),
    /// There is no key file yet.
    NoKey(PathBuf),
    /// Something of a chain that is not what it must be.
    Pantheon(PantheonError),
    /// A file of a chain that is not what it must be.
    File { path: PathBuf, error: PantheonError },
    /// A checkpoint that is none.
    Checkpoint { path: PathBuf, error: CheckpointError },
    /// A light proof that shows nothing.
    Light(LightError),
    /// A file that cannot be read or written.
    Io { path: PathBuf, source: std::io::Error },
    /// A file that would be overwritten.
    Exists(PathBuf),
    /// A text in TOML that has not its form.
    Toml { path: PathBuf, source: Box<toml::de::Error> },
    /// A value in a text that is not one.
    Text { path: PathBuf, field: &'static str, value: String, wanted: &'static str },
    /// A flag's or an argument's value that is not one.
    Value { flag: &'static str, value: String, wanted: &'static str },
    /// No folder to live in.
    NoHome,
    /// Standard output.
    Stream(std::io::Error),
    /// Whoever read our output has gone.
    Closed,
    /// The signing library.
    Crypto,
    /// The node at that address cannot be asked.
    Rpc { address: SocketAddr, source: std::io::Error },
    /// It answered in another form.
    Answer { address: SocketAddr, wanted: &'static str },
    /// It refused.
    Refused { status: u16, code: String, message: String, values: Value },
    /// The node is of another chain than the one that was named.
    OtherChain { found: String, wanted: String },
    /// A transaction's last block came without it.
    Expired { id: String },
    /// Its account's number is used, by it or by another transaction.
    NumberUsed { nonce: u64 },
    /// A transaction left, or may have, and nobody said what became of it.
    Unknown { id: String, is_taken: bool, why: Box<Failure> },
    /// The least fee is more than what is paid without being told to.
    FeeUntold { fee: Amount, most: Amount },
    /// The account has less than what it is to give.
    Short { balance: Amount, need: Amount },
    /// The RPC cannot start or go on.
    Serve(ServeError),
    /// The node cannot start or go on.
    Node(NodeError),
    /// A child process of the devnet.
    Child { validator: usize, source: std::io::Error },
    /// A child process that ended before it answered.
    ChildEnded { validator: usize, log: PathBuf },
    /// The signal handler for Ctrl-C.
    Interrupts(ctrlc::Error),
    /// The chain holds another number of obols than there are: a fault of this program.
    Supply { found: String },
    /// Two validators hold different blocks of one height to be final.
    Forked { height: u64, one: String, other: String },
    /// Blocks do not come any more.
    Stalled { height: u64 },
}

impl Failure {
    /// For `map_err` on files.
    pub fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::Io { path, source }
    }

    /// For `map_err` on files of a chain.
    pub fn file(path: &Path) -> impl FnOnce(PantheonError) -> Self {
        let path = path.to_owned();
        |error| Self::File { path, error }
    }

    /// The exit code.
    pub fn code(&self) -> u8 {
        match self {
            Self::Value { .. } | Self::NoHome | Self::Serve(ServeError::Exposed(_)) => USAGE,
            Self::Toml { .. } | Self::Text { .. } | Self::Checkpoint { .. } => UNREADABLE,
            Self::Closed => 0,
            _ => FAILED,
        }
    }

    /// Says it on standard error; with JSON, what a program may look for.
    pub fn print(&self, json: bool) {
        match self {
            Self::Closed => {}
            Self::Refused { status, code, message, values } if json => {
                remark(serde_json::json!({ "error": { "status": status, "code": code, "message": message, "values": values } }));
            }
            _ => remark(format_args!("pantheon: {self}")),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::NoKey(path) => write!(f, "{} is not there: `pantheon wallet new` makes one, --key FILE names another", path.display()),
            Self::Pantheon(error) => write!(f, "{}: {error}", error.code()),
            Self::File { path, error } => write!(f, "{}: {}: {error}", path.display(), error.code()),
            Self::Checkpoint { path, error } => write!(f, "{}: {error}", path.display()),
            Self::Light(error) => write!(f, "INVALID {error}"),
            Self::Io { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Exists(path) => write!(f, "{} exists and is not overwritten", path.display()),
            Self::Toml { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Text { path, field, value, wanted } => write!(f, "{}: {field} {value:?}: give {wanted}", path.display()),
            Self::Value { flag, value, wanted } => write!(f, "{flag} {value:?}: give {wanted}"),
            Self::NoHome => f.write_str("no home folder: give --home DIR or set PANTHEON_HOME"),
            Self::Stream(source) => write!(f, "standard output: {source}"),
            Self::Closed => f.write_str("standard output is closed"),
            Self::Crypto => f.write_str("the signing library failed"),
            Self::Rpc { address, source } => write!(f, "no node answers at {address} ({source}): start one with `pantheon node` or `pantheon devnet`, or give --rpc ADDRESS:PORT"),
            Self::Answer { address, wanted } => write!(f, "what answers at {address} gives no {wanted}: is it a node of this version?"),
            Self::Refused { code, message, .. } => write!(f, "{code}: {message}"),
            Self::OtherChain { found, wanted } => write!(f, "the node is of chain {found}, not {wanted}: nothing was sent"),
            Self::Expired { id } => write!(f, "transaction {id} found no place before its last block: nothing of it happened; send it again, perhaps with a higher --fee"),
            Self::NumberUsed { nonce } => {
                write!(f, "its last block is past, and number {nonce} of its account is used, by it or by another transaction: a node that keeps all blocks says by which")
            }
            Self::Unknown { id, is_taken, why } => {
                let left = if *is_taken { "was sent, and it is not known whether it is final" } else { "may have been sent" };
                write!(f, "transaction {id} {left} ({why}): see `pantheon tx show {id}` before it is sent again")
            }
            Self::FeeUntold { fee, most } => write!(f, "the chain takes no less than {fee} for this transaction, and without --fee no more than {most} is paid: nothing was sent"),
            Self::Short { balance, need } => write!(f, "the account has {balance}, and {need} are needed with the fee"),
            Self::Serve(error) => error.fmt(f),
            Self::Node(error) => match hint(error) {
                Some(hint) => write!(f, "{error}: {hint}"),
                None => error.fmt(f),
            },
            Self::Child { validator, source } => write!(f, "validator {validator} cannot be started: {source}"),
            Self::ChildEnded { validator, log } => write!(f, "validator {validator} ended before it answered; {} says why", log.display()),
            Self::Interrupts(error) => write!(f, "cannot listen for Ctrl-C: {error}"),
            Self::Supply { found } => write!(f, "the accounts of the chain hold {found}: this is a fault of pantheon, please report it"),
            Self::Forked { height, one, other } => write!(f, "block {height} is {one} for one validator and {other} for another: the chain is forked, please report it"),
            Self::Stalled { height } => write!(f, "no block became final after height {height}"),
        }
    }
}

/// What an operator does about it.
fn hint(error: &NodeError) -> Option<&'static str> {
    match error {
        NodeError::Missing(_) | NodeError::Snapshot { .. } => Some(
            "is it this chain's folder? Otherwise move it away, but neither the key nor the file `.voted` beside it, and start the node again: it fetches the chain, and votes again from an epoch on that has not begun yet",
        ),
        NodeError::MarkMalformed => Some("move the file `.voted` beside the key away: the node then votes again from an epoch on that has not begun yet"),
        NodeError::KeyInUse => Some("find the other one before this one is started again"),
        NodeError::NoCertificate => Some("try again after the next block"),
        _ => None,
    }
}

impl std::error::Error for Failure {}

impl From<mickai_store::Error> for Failure {
    fn from(error: mickai_store::Error) -> Self {
        Self::Store(error)
    }
}

impl From<PantheonError> for Failure {
    fn from(error: PantheonError) -> Self {
        Self::Pantheon(error)
    }
}
