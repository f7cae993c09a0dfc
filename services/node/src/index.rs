//! Where a transaction stands, and which ones concern an account: kept in memory for the blocks that are here, made again from them at every start.

use mickai_proof::digest::{BlockId, TransactionId};
use mickai_proof::pantheon::{Action, Address, Block, Height};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// A transaction's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The block.
    pub height: Height,
    /// Which of its transactions, from 0.
    pub index: usize,
}

/// Of the final blocks that this node has.
#[derive(Default)]
pub(crate) struct Index {
    heights: HashMap<BlockId, Height>,
    transactions: HashMap<TransactionId, Place>,
    /// The oldest first.
    accounts: BTreeMap<Address, VecDeque<Place>>,
    /// What each block put into the three above.
    blocks: BTreeMap<Height, Names>,
}

struct Names {
    id: BlockId,
    transactions: Vec<TransactionId>,
    accounts: Vec<Address>,
}

impl Index {
    /// Blocks are added in order.
    pub(crate) fn add(&mut self, block: &Block) {
        let height = block.header.height;
        let mut names = Names { id: block.header.id(), transactions: Vec::with_capacity(block.transactions.len()), accounts: Vec::new() };
        self.heights.insert(names.id, height);
        for (index, transaction) in block.transactions.iter().enumerate() {
            let (place, id, body) = (Place { height, index }, transaction.id(), transaction.body());
            self.transactions.insert(id, place);
            names.transactions.push(id);
            let receiver = if let Action::Transfer { to, .. } = &body.action { Some(*to) } else { None };
            for account in std::iter::once(body.sender).chain(receiver.filter(|to| *to != body.sender)) {
                self.accounts.entry(account).or_default().push_back(place);
                names.accounts.push(account);
            }
        }
        self.blocks.insert(height, names);
    }

    /// Forgets the oldest block, if it lies below `lowest`; false where it does not.
    pub(crate) fn forget_first(&mut self, lowest: Height) -> bool {
        let Some(oldest) = self.blocks.first_entry().filter(|oldest| *oldest.key() < lowest) else { return false };
        let Names { id, transactions, accounts } = oldest.remove();
        self.heights.remove(&id);
        for id in transactions {
            self.transactions.remove(&id);
        }
        for account in accounts {
            let Some(places) = self.accounts.get_mut(&account) else { continue };
            places.pop_front();
            if places.is_empty() {
                self.accounts.remove(&account);
            }
        }
        true
    }

    pub(crate) fn locate(&self, id: TransactionId) -> Option<Place> {
        self.transactions.get(&id).copied()
    }

    pub(crate) fn height_of(&self, id: BlockId) -> Option<Height> {
        self.heights.get(&id).copied()
    }

    /// The newest first.
    pub(crate) fn history(&self, of: Address, count_max: usize) -> Vec<Place> {
        self.accounts.get(&of).map_or_else(Vec::new, |places| places.iter().rev().take(count_max).copied().collect())
    }
}
