//! What settling asks of a chain, and what can go wrong between the two.

use mickai_proof::digest::{ChainId, Id, LogId};
use mickai_proof::pantheon::Action;
use mickai_proof::pantheon::light::LightError;
use std::fmt;
use std::path::PathBuf;

/// A chain, as a face reaches it: with the operator's account there, which pays. Nothing that it says is believed without its proof.
pub trait Settler {
    /// The chain's id, which the operator configured.
    fn chain(&self) -> ChainId;

    /// A light proof of what the newest final state holds of a log, and of nothing else; `None` before the first block.
    ///
    /// # Errors
    /// [`SettleError::Chain`].
    fn light(&mut self, log: LogId) -> Result<Option<Vec<u8>>, SettleError>;

    /// Sends an action from the operator's account, and waits until the block that holds it is final.
    ///
    /// # Errors
    /// [`SettleError::Unsent`]; [`SettleError::Chain`], after which nobody knows whether the chain took it; [`SettleError::Conflict`] with the chain's fork proof.
    fn perform(&mut self, action: Action) -> Result<(), SettleError>;
}

/// Why a checkpoint was not settled.
#[derive(Debug)]
pub enum SettleError {
    /// The chain was not reached, or did not take what was sent; whoever reaches it says why and what to do.
    Chain(Box<dyn std::error::Error + Send + Sync>),
    /// The same, before this action was sent: the chain has nothing of it.
    Unsent(Box<dyn std::error::Error + Send + Sync>),
    /// The chain refuses a root because it knows another of as many records, and shows both.
    Conflict(Vec<u8>),
    /// Two checkpoints of this log contradict each other; the proof is kept.
    Forked {
        /// Where.
        proof: PathBuf,
    },
    /// The chain was shown that this log is forked, and settles nothing of it any more.
    Frozen {
        /// SHA-256 of the fork proof.
        proof: Id,
    },
    /// The chain has settled more records than this log has.
    Ahead {
        /// Records that it settled.
        settled: u64,
        /// Records here.
        have: u64,
        /// Where the settled checkpoint is kept.
        note: PathBuf,
    },
    /// The chain's light proof does not hold.
    Light(LightError),
    /// The chain's light proof is not of this log's entry alone, or the fork proof that it gave proves nothing.
    Misbehaved,
    /// Everything was sent and is final, and the newest settled checkpoint is another.
    NotSettled {
        /// Records of the checkpoint that was sent.
        size: u64,
    },
    /// No settlement is kept whose proof holds.
    Unsettled,
    /// A change of the settings that changes nothing.
    NoChange,
    /// A number of records or minutes outside of what is taken.
    Cadence {
        /// What was asked for.
        asked: u64,
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
}

impl fmt::Display for SettleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chain(error) | Self::Unsent(error) => error.fmt(f),
            Self::Conflict(_) => f.write_str("the chain knows another root of as many records"),
            Self::Forked { proof } => write!(
                f,
                "this log contradicts a checkpoint of it that was settled: another history was signed with its key. {} proves it to anybody: `oar verify` on it with the key says INVALID fork",
                proof.display()
            ),
            Self::Frozen { proof } => write!(f, "the chain was shown that this log is forked (proof {proof}), and settles nothing of it any more"),
            Self::Ahead { settled, have, note } => write!(
                f,
                "the chain has settled {settled} records of this log, and here are {have}: it was put back to an older state. `mickai log verify --checkpoint {}` says the same",
                note.display()
            ),
            Self::Light(error) => write!(f, "what the node says of the chain does not hold: {error}. Ask another node, or check the chain id with `mickai settle status`"),
            Self::Misbehaved => f.write_str("the node answered with a proof of something else: ask another node"),
            Self::NotSettled { size } => {
                write!(f, "the checkpoint of {size} records was sent and is not the newest that is settled: another program settles this log too, try again")
            }
            Self::Unsettled => f.write_str("nothing of this log is settled yet: `mickai settle` settles it"),
            Self::NoChange => f.write_str("nothing would change: give what is to be set"),
            Self::Cadence { asked, min, max } => write!(f, "{asked} is not from {min} to {max}"),
        }
    }
}

impl std::error::Error for SettleError {}
