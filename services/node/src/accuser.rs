//! Brings evidence before the chain by itself: a validator that voted twice loses its bond, though nobody sends anything by hand.
//!
//! The account of the node's own key pays, and needs a fraction of a PAN for it. The account whose bond it is has another key, which no node holds. A key may sign both votes and transactions, because what it signs begins with its
//! domain (spec/pantheon.md "Votes"): nobody can show one as the other.

use crate::chain::Chain;
use crate::identity::PrivateKey;
use crate::mempool::SubmitError;
use commonware_runtime::Metrics;
use commonware_runtime::telemetry::metrics::{Counter, MetricsExt};
use commonware_utils::channel::mpsc;
use mickai_ledger::Ledger;
use mickai_proof::digest::TransactionId;
use mickai_proof::limits::TRANSACTION_BYTES_MAX;
use mickai_proof::pantheon::{Action, Address, Amount, Body, Entry, Evidence, Height, StateKey, Transaction};
use std::sync::Arc;

/// Submits for one node.
pub(crate) struct Accuser {
    chain: Arc<Chain>,
    key: PrivateKey,
    /// The key's own.
    account: Address,
    /// Where what is submitted goes on to the peers.
    submissions: mpsc::UnboundedSender<Arc<Transaction>>,
    /// What was submitted last, against whom.
    last: Option<(Address, TransactionId)>,
    is_poor: bool,
    submitted: Counter,
}

impl Accuser {
    pub(crate) fn new(context: &impl Metrics, chain: Arc<Chain>, key: PrivateKey, submissions: mpsc::UnboundedSender<Arc<Transaction>>) -> Self {
        let submitted = context.counter("submitted", "Transactions with evidence against a validator that voted twice");
        let account = Address::of(key.public().key());
        Self { chain, key, account, submissions, last: None, is_poor: false, submitted }
    }

    /// Looks after each final block, until the node stops.
    pub(crate) async fn run(mut self) {
        let mut above = Height(0);
        loop {
            above = match self.chain.watch(above) {
                Ok(height) => height,
                Err(signal) => match signal.await {
                    Ok(height) => height,
                    Err(_) => return,
                },
            };
            self.look();
        }
    }

    /// One at a time: what was submitted and still can be taken is left to wait. Several nodes may show the same; the chain takes one of them, and refuses the others, which then cost nothing.
    fn look(&mut self) {
        let ledger = self.chain.newest();
        let open: Vec<_> = self.chain.evidence().into_iter().filter(|evidence| self.can_be_taken(&ledger, evidence)).collect();
        let waits = |(voter, id): &(Address, TransactionId)| open.iter().any(|evidence| evidence.voter == *voter) && self.chain.waiting(*id).is_some();
        if self.last.as_ref().is_some_and(waits) {
            return;
        }
        self.last = open.into_iter().next().and_then(|evidence| self.submit(&ledger, evidence));
    }

    /// Whether the next block could hold it, as far as that costs nothing to tell. Against itself a node submits nothing: somebody runs another one with its key, and the others will show it.
    fn can_be_taken(&self, ledger: &Ledger, evidence: &Evidence) -> bool {
        let Some(Entry::Voter(account)) = ledger.state().get(&StateKey::Voter(evidence.voter)) else { return false };
        let is_open = ledger.state().validator(*account).is_some_and(|validator| !validator.is_barred);
        let now = self.chain.calendar().epoch(Height(ledger.height().0.saturating_add(1)));
        let epoch = evidence.a.kind.round().epoch;
        is_open && evidence.voter != self.account && epoch <= now && now <= epoch.saturating_add(ledger.params().unbonding_epochs)
    }

    fn submit(&mut self, ledger: &Ledger, evidence: Evidence) -> Option<(Address, TransactionId)> {
        let voter = evidence.voter;
        // What the largest transaction costs is enough, and puts it before most others.
        let fee = ledger.params().fee_min(TRANSACTION_BYTES_MAX)?;
        let taken = match self.try_for(fee, ledger, &evidence)? {
            // One of this node's own waits, which the chain takes no longer, and nobody has tried yet.
            Err(SubmitError::Underpriced { least, .. }) => self.try_for(least, ledger, &evidence)?,
            taken => taken,
        };
        match taken {
            Ok(id) => {
                self.submitted.inc();
                tracing::warn!(?voter, transaction = %id, "evidence against a validator that voted twice was submitted");
                Some((voter, id))
            }
            Err(SubmitError::Known(id)) => Some((voter, id)),
            Err(why) => {
                tracing::warn!(%why, "evidence against a validator that voted twice is not taken");
                None
            }
        }
    }

    /// `None` where the node's account cannot pay so much.
    fn try_for(&mut self, fee: Amount, ledger: &Ledger, evidence: &Evidence) -> Option<Result<TransactionId, SubmitError>> {
        let account = ledger.state().account(self.account).filter(|account| account.balance >= fee);
        if account.is_none() && !self.is_poor {
            tracing::warn!(account = ?self.account, %fee, "a validator voted twice, and the account of this node's key has not enough to submit it");
        }
        self.is_poor = account.is_none();
        let account = account?;
        let epoch = evidence.a.kind.round().epoch.saturating_add(ledger.params().unbonding_epochs);
        let expires = self.chain.calendar().last_height(epoch)?;
        let body = Body { chain: self.chain.id(), sender: self.account, nonce: account.nonce, fee, expires, action: Action::Evidence(Box::new(evidence.clone())) };
        let signature = self.key.sign_message(&body.message())?;
        let transaction = Arc::new(body.sign_with(account.key.is_none().then(|| self.key.public().key().clone()), signature.raw()));
        let taken = self.chain.submit(transaction.clone(), true);
        if taken.is_ok() {
            // Nobody hears it where the node has stopped.
            let _ = self.submissions.send(transaction);
        }
        Some(taken)
    }
}

#[cfg(test)]
mod tests;
