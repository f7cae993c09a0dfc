//! What the RPC asks of a node: a small interface, so that tests put a ledger of their own behind it.

use mickai_ledger::{Ledger, Rejection};
use mickai_proof::digest::{BlockId, TransactionId};
use mickai_proof::limits::{LIGHT_BYTES_MAX, LIGHT_CHANGES_MAX};
use mickai_proof::pantheon::{Address, Amount, Block, Height, LightProof, StateKey, Transaction};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// What comes when it comes.
pub type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A node as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The next block's epoch.
    pub epoch: u64,
    /// Transactions that wait.
    pub waiting: usize,
    /// Their bytes.
    pub waiting_bytes: usize,
    /// It votes.
    pub is_validator: bool,
}

/// Why a node did not take a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// It could not stand in a block.
    Rejected(Rejection),
    /// It waits there already.
    Known(TransactionId),
    /// Its number is too far above the account's next.
    TooFarAhead {
        /// Its number.
        nonce: u64,
        /// The account's.
        next: u64,
    },
    /// Another one of that number waits there, and this one pays too little to take its place.
    Underpriced {
        /// What it pays.
        fee: Amount,
        /// What it would have to.
        least: Amount,
    },
    /// As many bytes of its sender's wait there as may.
    SenderFull {
        /// Their bytes, with this one's.
        bytes: usize,
        /// The most.
        most: usize,
    },
    /// There is no room for it now.
    Full,
    /// The node ends.
    Ending,
}

/// Why a node gives no light proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotShown {
    /// No block is final yet, or what a proof needs was pruned.
    Missing,
    /// Validators changed more often than light clients follow.
    TooManyChanges {
        /// How often.
        found: usize,
        /// The most.
        most: usize,
    },
    /// It would be larger than light clients take.
    TooLarge {
        /// Its bytes.
        bytes: usize,
        /// The most.
        most: usize,
    },
}

impl NotShown {
    /// Would a light client take a proof of so many changes of the validators and so many bytes?
    ///
    /// # Errors
    /// [`Self::TooManyChanges`], [`Self::TooLarge`].
    pub fn check(changes: usize, bytes: usize) -> Result<(), Self> {
        if changes > LIGHT_CHANGES_MAX {
            return Err(Self::TooManyChanges { found: changes, most: LIGHT_CHANGES_MAX });
        }
        if bytes > LIGHT_BYTES_MAX {
            return Err(Self::TooLarge { bytes, most: LIGHT_BYTES_MAX });
        }
        Ok(())
    }
}

/// A node.
pub trait Chain: Send + Sync {
    /// The ledger after the newest final block.
    fn ledger(&self) -> Ledger;

    /// Takes a transaction and passes it on.
    ///
    /// # Errors
    /// [`NotTaken`].
    fn submit(&self, transaction: Transaction) -> Result<TransactionId, NotTaken>;

    /// The final block at a height, where it is kept.
    fn block(&self, at: Height) -> Later<Option<Arc<Block>>>;

    /// The final block of that id, where it is kept.
    fn block_by_id(&self, id: BlockId) -> Later<Option<Arc<Block>>>;

    /// Where a final transaction stands.
    fn locate(&self, id: TransactionId) -> Option<(Height, usize)>;

    /// The lowest final block from a height on that is kept; `None` where none is.
    fn kept_from(&self, at: Height) -> Option<Height>;

    /// Where so many final transactions of an account stand, newest first, without the `from` newest.
    fn history(&self, of: Address, from: usize, limit: usize) -> Vec<(Height, usize)>;

    /// A proof of what the newest final block's state holds. One that light clients would not take is not made.
    fn light(&self, keys: Vec<StateKey>) -> Later<Result<LightProof, NotShown>>;

    /// Comes when a block above that height is final; `None` where the node ends.
    fn wait(&self, above: Height) -> Later<Option<Height>>;

    /// How it stands.
    fn standing(&self) -> Standing;

    /// The engine's counts, in Prometheus' text format.
    fn metrics(&self) -> String;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_as_large_as_light_clients_take_and_no_larger() {
        let (changes, bytes) = (LIGHT_CHANGES_MAX, LIGHT_BYTES_MAX);
        assert_eq!([NotShown::check(0, 0), NotShown::check(changes, bytes)], [Ok(()), Ok(())]);
        for bytes in [0, bytes + 1] {
            assert_eq!(NotShown::check(changes + 1, bytes), Err(NotShown::TooManyChanges { found: changes + 1, most: changes }));
        }
        assert_eq!(NotShown::check(changes, bytes + 1), Err(NotShown::TooLarge { bytes: bytes + 1, most: bytes }));
    }
}
