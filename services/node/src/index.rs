//! Where a transaction stands, and which ones concern an account: kept in memory, made again from the blocks at every start.

use mickai_proof::digest::{BlockId, TransactionId};
use mickai_proof::pantheon::{Action, Address, Block, Height};
use std::collections::{BTreeMap, HashMap};

/// A transaction's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The block.
    pub height: Height,
    /// Which of its transactions, from 0.
    pub index: usize,
}

/// Of all final blocks that this node has.
#[derive(Default)]
pub(crate) struct Index {
    blocks: HashMap<BlockId, Height>,
    transactions: HashMap<TransactionId, Place>,
    accounts: BTreeMap<Address, Vec<Place>>,
}

impl Index {
    pub(crate) fn add(&mut self, block: &Block) {
        let height = block.header.height;
        self.blocks.insert(block.header.id(), height);
        for (index, transaction) in block.transactions.iter().enumerate() {
            let place = Place { height, index };
            self.transactions.insert(transaction.id(), place);
            let body = transaction.body();
            self.accounts.entry(body.sender).or_default().push(place);
            if let Action::Transfer { to, .. } = &body.action
                && *to != body.sender
            {
                self.accounts.entry(*to).or_default().push(place);
            }
        }
    }

    pub(crate) fn locate(&self, id: TransactionId) -> Option<Place> {
        self.transactions.get(&id).copied()
    }

    pub(crate) fn height_of(&self, id: BlockId) -> Option<Height> {
        self.blocks.get(&id).copied()
    }

    /// The newest first.
    pub(crate) fn history(&self, of: Address, count_max: usize) -> Vec<Place> {
        self.accounts.get(&of).map_or_else(Vec::new, |places| places.iter().rev().take(count_max).copied().collect())
    }
}
