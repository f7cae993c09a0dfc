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

    /// The newest first, without the `from` newest. What is passed over costs nothing: everybody waits for the lock meanwhile.
    pub(crate) fn history(&self, of: Address, from: usize, count_max: usize) -> Vec<Place> {
        let Some(places) = self.accounts.get(&of) else { return Vec::new() };
        let end = places.len().saturating_sub(from);
        places.range(end.saturating_sub(count_max)..end).rev().copied().collect()
    }

    /// The lowest block from this height on.
    pub(crate) fn kept_from(&self, at: Height) -> Option<Height> {
        self.blocks.range(at..).next().map(|(height, _)| *height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trial::{ACCOUNTS, FEE, Marked, address, genesis, slot, transfer};
    use mickai_ledger::Ledger;

    /// Three blocks of two transfers each by account 2; the index has those of them that `is_here` takes.
    fn index(is_here: impl Fn(u64) -> bool) -> Index {
        let (mut ledger, mut index) = (Ledger::new(&genesis()).unwrap(), Index::default());
        for height in 1..=3 {
            let transfers: Vec<_> = [2 * height - 2, 2 * height - 1].map(|nonce| (*transfer(&ledger, 2, nonce, FEE)).clone()).into();
            let made = ledger.assemble(slot(), transfers, &Marked).unwrap();
            assert!(made.rejected.is_empty());
            if is_here(height) {
                index.add(&made.block);
            }
            ledger = made.executed.ledger;
        }
        index
    }

    #[test]
    fn a_history_is_given_from_where_it_is_asked_for() {
        let index = index(|_| true);
        let places = |from, count_max| index.history(address(2), from, count_max).iter().map(|place| (place.height.0, place.index)).collect::<Vec<_>>();
        assert_eq!(places(0, 9), [(3, 1), (3, 0), (2, 1), (2, 0), (1, 1), (1, 0)]);
        assert_eq!(places(0, 2), [(3, 1), (3, 0)]);
        assert_eq!(places(3, 2), [(2, 0), (1, 1)]);
        assert_eq!(places(5, 2), [(1, 0)]);
        for (from, count_max) in [(6, 2), (7, 2), (u32::MAX as usize, 1), (usize::MAX, usize::MAX), (0, 0)] {
            assert!(places(from, count_max).is_empty(), "{from} {count_max}");
        }
        assert_eq!(places(4, usize::MAX), [(1, 1), (1, 0)]);
        assert_eq!(index.history(address(ACCOUNTS), 5, 9).len(), 1, "who was given something has the same history");
        assert!(index.history(address(3), 0, 9).is_empty());
    }

    #[test]
    fn the_next_block_that_is_here_is_found_past_those_that_are_not() {
        let mut index = index(|height| height != 2);
        let kept = |index: &Index| [0, 1, 2, 3, 4].map(|at| index.kept_from(Height(at)).map(|height| height.0));
        assert_eq!(kept(&index), [Some(1), Some(1), Some(3), Some(3), None]);
        assert!(index.forget_first(Height(2)));
        assert_eq!(kept(&index), [Some(3), Some(3), Some(3), Some(3), None]);
        assert!(index.forget_first(Height(9)) && !index.forget_first(Height(9)));
        assert_eq!(kept(&index), [None; 5]);
    }
}
