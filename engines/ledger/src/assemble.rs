//! A block of what waits: transactions that can follow each other are taken, the others are handed back with the reason.

use crate::admit::SignatureCheck;
use crate::draft::Draft;
use crate::execute::{Executed, Ledger, apply};
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
    /// Makes the next block of `waiting`, in its order, as far as there is room.
    ///
    /// # Errors
    /// [`BlockError::Proposer`] where the slot's account has no seat; [`BlockError::Supply`].
    pub fn assemble(&self, slot: Slot, waiting: impl IntoIterator<Item = Transaction>, check: &dyn SignatureCheck) -> Result<Assembled, BlockError> {
        self.check_proposer(slot.proposer)?;
        let terms = self.terms(slot.proposer, check);
        let mut draft = Draft::new(self.state());
        let (mut transactions, mut effects, mut rejected) = (Vec::new(), Vec::new(), Vec::new());
        let mut room = limits::BLOCK_BYTES_MAX - OVERHEAD_BYTES;
        for transaction in waiting {
            let Some(left) = room.checked_sub(transaction.byte_count() + HEAD_BYTES).filter(|_| transactions.len() < limits::BLOCK_TRANSACTIONS_MAX) else { break };
            match apply(&mut draft, &terms, &transaction) {
                Ok(happened) => {
                    room = left;
                    effects.extend(happened);
                    transactions.push(transaction);
                }
                Err(why) => rejected.push((transaction, why)),
            }
        }
        let time_ms = slot.time_ms.max(self.time_ms().saturating_add(1));
        let executed = self.finish(draft, &terms, effects, time_ms)?;
        let header = Header {
            chain: self.chain(),
            height: terms.height,
            parent: self.tip(),
            epoch: terms.epoch,
            view: slot.view,
            time_ms,
            transaction_count: transactions.len() as u64,
            transactions: transactions_root(&transactions),
            state: executed.ledger.state().root(),
            validators: self.set_digest(),
            next: executed.ledger.set_digest(),
            proposer: slot.proposer,
        };
        let ledger = executed.ledger.at(&header);
        Ok(Assembled { block: Block { header, transactions }, executed: Executed { ledger, ..executed }, rejected })
    }
}
