//! A block in the making: transactions are added one after the other, and what cannot follow is refused with the reason.

use crate::admit::SignatureCheck;
use crate::draft::Draft;
use crate::execute::{Effect, Executed, Ledger, Terms, apply};
use crate::rejection::{BlockError, Rejection};
use alloc::vec::Vec;
use mickai_proof::limits;
use mickai_proof::pantheon::{Address, Block, Header, Transaction, transactions_root};

/// Room for a block's header and the heads around its parts.
const OVERHEAD_BYTES: usize = 1_024;
/// The head of a transaction's bytes within a block.
const HEAD_BYTES: usize = 5;

/// When and by whom a block is proposed.
#[derive(Clone, Copy, Debug)]
pub struct Slot {
    /// The consensus engine's view.
    pub view: u64,
    /// The proposer's clock, ms since 1970; not above its parent's, the block takes the next one.
    pub time_ms: u64,
    /// The proposer's account.
    pub proposer: Address,
}

/// The next block, as far as it is made.
pub struct Making<'a> {
    parent: &'a Ledger,
    slot: Slot,
    terms: Terms<'a>,
    draft: Draft<'a>,
    transactions: Vec<Transaction>,
    effects: Vec<Effect>,
    room: usize,
}

/// A block with what executing it gives.
#[derive(Clone)]
pub struct Assembled {
    /// The block.
    pub block: Block,
    /// The ledger after it, and what happened.
    pub executed: Executed,
    /// What was left out because it cannot follow. What only found no more room is not among them.
    pub rejected: Vec<(Transaction, Rejection)>,
}

impl Ledger {
    /// Begins the next block, whose proposer chooses what to add; this ledger stays as it is.
    ///
    /// # Errors
    /// [`BlockError::Proposer`] where the slot's account has no seat.
    pub fn begin<'a>(&'a self, slot: Slot, check: &'a dyn SignatureCheck) -> Result<Making<'a>, BlockError> {
        self.check_proposer(slot.proposer)?;
        let room = limits::BLOCK_BYTES_MAX - OVERHEAD_BYTES;
        Ok(Making { parent: self, slot, terms: self.terms(slot.proposer, check), draft: Draft::new(self.state()), transactions: Vec::new(), effects: Vec::new(), room })
    }

    /// Makes the next block of `waiting`, in its order, as far as there is room.
    ///
    /// # Errors
    /// [`BlockError::Proposer`] where the slot's account has no seat; [`BlockError::Supply`].
    pub fn assemble(&self, slot: Slot, waiting: impl IntoIterator<Item = Transaction>, check: &dyn SignatureCheck) -> Result<Assembled, BlockError> {
        let mut making = self.begin(slot, check)?;
        let mut rejected = Vec::new();
        for transaction in waiting {
            if !making.has_room_for(&transaction) {
                break;
            }
            if let Err(why) = making.add(&transaction) {
                rejected.push((transaction, why));
            }
        }
        let (block, executed) = making.end()?;
        Ok(Assembled { block, executed, rejected })
    }
}

impl Making<'_> {
    /// May it be added, as far as the block's size goes?
    pub fn has_room_for(&self, transaction: &Transaction) -> bool {
        self.transactions.len() < limits::BLOCK_TRANSACTIONS_MAX && transaction.byte_count() + HEAD_BYTES <= self.room
    }

    /// Adds a transaction, for which there is room, after those that are in.
    ///
    /// # Errors
    /// [`Rejection`]: the block is then as it was.
    pub fn add(&mut self, transaction: &Transaction) -> Result<(), Rejection> {
        assert!(self.has_room_for(transaction), "the block is full");
        self.effects.extend(apply(&mut self.draft, &self.terms, transaction)?);
        self.room -= transaction.byte_count() + HEAD_BYTES;
        self.transactions.push(transaction.clone());
        Ok(())
    }

    /// The block of what was added, and the ledger after it.
    ///
    /// # Errors
    /// [`BlockError::Supply`].
    pub fn end(self) -> Result<(Block, Executed), BlockError> {
        let Self { parent, slot, terms, draft, transactions, effects, room: _ } = self;
        let time_ms = slot.time_ms.max(parent.time_ms().saturating_add(1));
        let executed = parent.finish(draft, &terms, effects, time_ms)?;
        let header = Header {
            chain: parent.chain(),
            height: terms.height,
            parent: parent.tip(),
            epoch: terms.epoch,
            view: slot.view,
            time_ms,
            transaction_count: transactions.len() as u64,
            transactions: transactions_root(&transactions),
            state: executed.ledger.state().root(),
            validators: parent.set_digest(),
            next: executed.ledger.set_digest(),
            proposer: slot.proposer,
        };
        let ledger = executed.ledger.at(&header);
        Ok((Block { header, transactions }, Executed { ledger, ..executed }))
    }
}
