//! What a proposer chooses from: the best paid first, each sender's in order, and none after one that was refused.

use super::{Rate, rate};
use mickai_proof::pantheon::{Address, Transaction};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

/// Its own copy of the pool's order, so that nobody waits for the proposer.
#[derive(Default)]
pub(crate) struct Selection {
    /// Of each run its first one, by rate; addresses are compared downwards, so that of equal ones the lower comes first.
    heads: BinaryHeap<(Rate, Reverse<Address>, usize)>,
    runs: Vec<Run>,
}

/// One sender's, without a gap.
struct Run {
    sender: Address,
    rate_max: Rate,
    transactions: VecDeque<Arc<Transaction>>,
}

impl Selection {
    /// A sender takes part.
    pub(super) fn enter(&mut self, sender: Address, rate_max: Rate, transactions: VecDeque<Arc<Transaction>>) {
        self.runs.push(Run { sender, rate_max, transactions });
        self.offer(self.runs.len() - 1);
    }

    fn offer(&mut self, at: usize) {
        let Some(run) = self.runs.get(at) else { return };
        self.heads.extend(run.transactions.front().map(|first| (rate(first).min(run.rate_max), Reverse(run.sender), at)));
    }

    /// The next one to try.
    pub(crate) fn best(&self) -> Option<&Arc<Transaction>> {
        let (_, _, at) = self.heads.peek()?;
        self.runs.get(*at)?.transactions.front()
    }

    /// It is in the block: the sender's next one takes part.
    pub(crate) fn take(&mut self) {
        let Some((_, _, at)) = self.heads.pop() else { return };
        self.runs.get_mut(at).and_then(|run| run.transactions.pop_front());
        self.offer(at);
    }

    /// It was refused: nothing of its sender's can follow.
    pub(crate) fn pass(&mut self) -> Option<Arc<Transaction>> {
        let (_, _, at) = self.heads.pop()?;
        self.runs.get_mut(at)?.transactions.pop_front()
    }
}
