//! Why a node does not start, or ends.

use mickai_ledger::BlockError;
use mickai_proof::pantheon::light::LightError;
use mickai_proof::pantheon::{Height, PantheonError};
use std::fmt;
use std::io;
use std::path::PathBuf;

/// What is wrong, by who has to do something about it.
#[derive(Debug)]
pub enum NodeError {
    /// The genesis file cannot begin a chain.
    Genesis(PantheonError),
    /// Its epochs hold no blocks.
    EpochOfNoBlocks,
    /// A thread could not be started.
    Thread(io::Error),
    /// A peer is configured twice, or is this node itself.
    PeerTwice(mickai_proof::key::PublicKey),
    /// More peers than a node can know.
    PeersTooMany {
        /// How many.
        found: usize,
        /// The most.
        max: usize,
    },
    /// The node's folder cannot be read or written.
    Disk(commonware_runtime::Error),
    /// What the engine stored cannot be read.
    Storage(commonware_storage::archive::Error),
    /// A final block does not follow from those before it.
    Final {
        /// Which.
        height: Height,
        /// Why.
        why: BlockError,
    },
    /// A block that was final before is missing from the folder.
    Missing(Height),
    /// A snapshot of the folder is not what was written. It stays where it is.
    Snapshot {
        /// Of which block.
        height: Height,
        /// Why.
        why: SnapshotFault,
    },
    /// What says where the key has voted cannot be read or written.
    MarkFile {
        /// Where it is.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not of its form, or larger than it may be.
    MarkMalformed,
    /// It changed while this node ran: another node votes with the same key.
    KeyInUse,
    /// Nothing is known of an epoch that begins: the node's own state does not fit together.
    EpochUnknown(u64),
    /// A part of the node ended before the others; its own messages say why.
    PartEnded(&'static str),
    /// No final block with a certificate is at hand yet.
    NoCertificate,
    /// The node ended before it was ready; its own messages say why.
    Ended,
}

impl fmt::Display for NodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Genesis(why) => write!(f, "genesis: {why}"),
            Self::EpochOfNoBlocks => write!(f, "genesis: an epoch needs a block"),
            Self::Thread(why) => write!(f, "no thread for the node: {why}"),
            Self::PeerTwice(key) => write!(f, "peer {} is configured twice, or is this node itself", key.id()),
            Self::PeersTooMany { found, max } => write!(f, "{found} peers are configured, a node knows at most {max}, itself included"),
            Self::Disk(why) => write!(f, "the node's folder: {why}"),
            Self::Storage(why) => write!(f, "the node's folder cannot be read: {why}"),
            Self::Final { height, why } => {
                write!(f, "block {height}, which validators made final, does not follow here: {why}; the node stops, and has voted to notarize nothing that stands on it")
            }
            Self::Missing(height) => write!(f, "block {height} is missing from the node's folder"),
            Self::Snapshot { height, why } => write!(f, "the node's snapshot at {height}: {why}"),
            Self::MarkFile { path, source } => write!(f, "{}: {source}", path.display()),
            Self::MarkMalformed => write!(f, "what says where the key has voted is not of its form"),
            Self::KeyInUse => write!(f, "what says where the key has voted was changed by somebody else: another node votes with this key; this one stops"),
            Self::EpochUnknown(epoch) => write!(f, "nothing is known here of epoch {epoch}"),
            Self::PartEnded(part) => write!(f, "the node's {part} ended before the others"),
            Self::NoCertificate => write!(f, "no final block with its certificate is here yet"),
            Self::Ended => write!(f, "the node ended before it was ready"),
        }
    }
}

impl std::error::Error for NodeError {}

/// What is wrong with a snapshot that was written to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotFault {
    /// A part of it has not its form, or is larger than it may be.
    Malformed,
    /// It does not follow from this chain's genesis.
    Proof(LightError),
    /// Its block does not end an epoch.
    WithinEpoch,
    /// Its entries are not those of its block.
    State(BlockError),
}

impl fmt::Display for SnapshotFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => write!(f, "not of its form"),
            Self::Proof(why) => write!(f, "not of this chain: {why}"),
            Self::WithinEpoch => write!(f, "its block does not end an epoch"),
            Self::State(why) => write!(f, "its entries are not its block's: {why}"),
        }
    }
}
