//! Why a node does not start, or ends.

use mickai_ledger::BlockError;
use mickai_proof::pantheon::{Height, PantheonError};
use std::fmt;
use std::io;

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
            Self::Final { height, why } => write!(f, "block {height}, which validators made final, does not follow here: {why}; the node stops before it votes for anything"),
            Self::Missing(height) => write!(f, "block {height} is missing from the node's folder: remove the folder's `chain` and let the node fetch the blocks again"),
            Self::NoCertificate => write!(f, "no final block with its certificate is here yet: try again after the next block"),
            Self::Ended => write!(f, "the node ended before it was ready"),
        }
    }
}

impl std::error::Error for NodeError {}
