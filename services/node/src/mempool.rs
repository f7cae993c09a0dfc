//! Transactions that wait for a block: within bounds, each sender's in the order of their numbers, the better paid ones first.

use crate::limits;
use mickai_ledger::{Ledger, Rejection, SignatureCheck};
use mickai_proof::digest::TransactionId;
use mickai_proof::key::PublicKey;
use mickai_proof::pantheon::{Account, Address, Amount, Transaction};
use std::collections::{BTreeMap, BinaryHeap};
use std::fmt;
use std::sync::Arc;

/// Why a transaction does not wait here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubmitError {
    /// No block could hold it now.
    Rejected(Rejection),
    /// It waits already.
    Known(TransactionId),
    /// Its number is too far above the account's: the ones between are missing.
    TooFarAhead {
        /// Its number.
        nonce: u64,
        /// The account's.
        next: u64,
    },
    /// Another one of that number waits, and this one does not pay a tenth more.
    Underpriced {
        /// What it pays.
        fee: Amount,
        /// What it would have to.
        least: Amount,
    },
    /// There is no room, and it pays no more a byte than what waits.
    Full,
    /// The node has stopped.
    Stopped,
}

impl fmt::Display for SubmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(why) => why.fmt(f),
            Self::Known(id) => write!(f, "transaction {id} waits already"),
            Self::TooFarAhead { nonce, next } => {
                write!(f, "number {nonce} is more than {} above the account's next, {next}: send the ones between first", limits::NONCE_WINDOW)
            }
            Self::Underpriced { fee, least } => write!(f, "another transaction of this number waits; to take its place a fee of {least} is needed, not {fee}"),
            Self::Full => write!(f, "no room for more transactions at this fee: pay more, or try again after the next block"),
            Self::Stopped => write!(f, "the node has stopped"),
        }
    }
}

impl std::error::Error for SubmitError {}

impl From<Rejection> for SubmitError {
    fn from(why: Rejection) -> Self {
        Self::Rejected(why)
    }
}

struct Waiting {
    transaction: Arc<Transaction>,
    /// How often a block of this node's own had to leave it out.
    refusals: u8,
}

/// What waits.
#[derive(Default)]
pub(crate) struct Mempool {
    senders: BTreeMap<Address, BTreeMap<u64, Waiting>>,
    ids: BTreeMap<TransactionId, (Address, u64)>,
    byte_count: usize,
}

impl Mempool {
    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Their bytes.
    pub(crate) fn byte_count(&self) -> usize {
        self.byte_count
    }

    pub(crate) fn get(&self, id: TransactionId) -> Option<Arc<Transaction>> {
        let (sender, nonce) = self.ids.get(&id)?;
        self.senders.get(sender)?.get(nonce).map(|waiting| waiting.transaction.clone())
    }

    /// Takes one in, if a block on top of `ledger` could hold it, or could once the sender's others are in.
    ///
    /// # Errors
    /// The first reason in the order of spec/pantheon.md "Admission", then those of this pool.
    pub(crate) fn add(&mut self, ledger: &Ledger, transaction: Arc<Transaction>, check: &dyn SignatureCheck) -> Result<TransactionId, SubmitError> {
        let id = transaction.id();
        if self.ids.contains_key(&id) {
            return Err(SubmitError::Known(id));
        }
        let body = transaction.body();
        let account = admissible(ledger, &transaction)?;
        let next = account.nonce;
        if body.nonce - next >= limits::NONCE_WINDOW {
            return Err(SubmitError::TooFarAhead { nonce: body.nonce, next });
        }
        let key = self.key_of(&account, &transaction)?;
        self.check_price(&transaction)?;
        self.check_room(&transaction)?;
        if !check.is_signed(&key, &transaction.message(), transaction.signature()) {
            return Err(Rejection::Signature.into());
        }
        // Only a good signature takes another one's place or room.
        self.remove(body.sender, body.nonce);
        while self.byte_count + transaction.byte_count() > limits::MEMPOOL_BYTES_MAX && self.evict() {}
        self.byte_count += transaction.byte_count();
        self.ids.insert(id, (body.sender, body.nonce));
        self.senders.entry(body.sender).or_default().insert(body.nonce, Waiting { transaction: transaction.clone(), refusals: 0 });
        Ok(id)
    }

    /// The sender's key: the chain's, or the one that this transaction or one that waits before it reveals.
    fn key_of(&self, account: &Account, transaction: &Transaction) -> Result<PublicKey, Rejection> {
        let body = transaction.body();
        match (&account.key, transaction.key()) {
            (Some(known), None) => Ok(known.clone()),
            (Some(_), Some(_)) => Err(Rejection::KeyKnown),
            (None, Some(revealed)) if Address::of(revealed) != body.sender => Err(Rejection::WrongKey(Address::of(revealed))),
            (None, Some(revealed)) if body.nonce == account.nonce => Ok(revealed.clone()),
            (None, Some(_)) => Err(Rejection::KeyKnown),
            (None, None) => {
                let first = self.senders.get(&body.sender).and_then(|waiting| waiting.get(&account.nonce)).filter(|_| body.nonce > account.nonce);
                first.and_then(|waiting| waiting.transaction.key().cloned()).ok_or(Rejection::KeyMissing)
            }
        }
    }

    fn check_price(&self, transaction: &Transaction) -> Result<(), SubmitError> {
        let body = transaction.body();
        let Some(other) = self.senders.get(&body.sender).and_then(|waiting| waiting.get(&body.nonce)) else { return Ok(()) };
        let paid = other.transaction.body().fee.obols();
        let least = Amount::from_obols(paid.saturating_add(paid / 10).saturating_add(1));
        if body.fee < least { Err(SubmitError::Underpriced { fee: body.fee, least }) } else { Ok(()) }
    }

    /// Room is made for who pays more a byte than the worst paid one; a sender's share is bounded by the window of his numbers.
    fn check_room(&self, transaction: &Transaction) -> Result<(), SubmitError> {
        let is_full = self.byte_count + transaction.byte_count() > limits::MEMPOOL_BYTES_MAX;
        let worst = if is_full { self.worst() } else { None };
        match worst {
            Some((sender, _, rate)) if sender == transaction.body().sender || rate >= self::rate(transaction) => Err(SubmitError::Full),
            _ => Ok(()),
        }
    }

    /// The worst paid of those that are their sender's last: no gap is left.
    fn worst(&self) -> Option<(Address, u64, u128)> {
        let lasts = self.senders.iter().filter_map(|(sender, waiting)| waiting.last_key_value().map(|(nonce, last)| (*sender, *nonce, rate(&last.transaction))));
        lasts.min_by_key(|(_, _, rate)| *rate)
    }

    fn evict(&mut self) -> bool {
        let Some((sender, nonce, _)) = self.worst() else { return false };
        self.remove(sender, nonce);
        true
    }

    fn remove(&mut self, sender: Address, nonce: u64) {
        let Some(waiting) = self.senders.get_mut(&sender) else { return };
        if let Some(removed) = waiting.remove(&nonce) {
            self.byte_count -= removed.transaction.byte_count();
            self.ids.remove(&removed.transaction.id());
        }
        if waiting.is_empty() {
            self.senders.remove(&sender);
        }
    }

    /// Is there something that a block on top of `ledger` could hold?
    pub(crate) fn has_work(&self, ledger: &Ledger) -> bool {
        self.senders.iter().any(|(sender, waiting)| waiting.contains_key(&next_nonce(ledger, *sender)))
    }

    /// What a block on top of `ledger` may hold, in an order that it can: each sender's from the account's number on without a gap, the best paid next one first, up to so many bytes.
    pub(crate) fn select(&self, ledger: &Ledger, bytes_max: usize) -> Vec<Arc<Transaction>> {
        let mut heads = BinaryHeap::new();
        for (sender, waiting) in &self.senders {
            let next = next_nonce(ledger, *sender);
            // Addresses are compared downwards, so that of equal ones the lower comes first.
            heads.extend(waiting.get(&next).map(|first| (rate(&first.transaction), std::cmp::Reverse(*sender), next)));
        }
        let (mut selected, mut byte_count) = (Vec::new(), 0);
        while let Some((_, std::cmp::Reverse(sender), nonce)) = heads.pop() {
            let Some(waiting) = self.senders.get(&sender) else { continue };
            let Some(first) = waiting.get(&nonce) else { continue };
            byte_count += first.transaction.byte_count();
            if byte_count > bytes_max {
                break;
            }
            selected.push(first.transaction.clone());
            heads.extend(waiting.get(&(nonce + 1)).map(|after| (rate(&after.transaction), std::cmp::Reverse(sender), nonce + 1)));
        }
        selected
    }

    /// A block of this node's own had to leave these out; who is left out again and again goes.
    pub(crate) fn refused<'a>(&mut self, transactions: impl IntoIterator<Item = &'a Transaction>) {
        for transaction in transactions {
            let body = transaction.body();
            let waiting = self.senders.get_mut(&body.sender).and_then(|waiting| waiting.get_mut(&body.nonce));
            let Some(waiting) = waiting else { continue };
            waiting.refusals += 1;
            if waiting.refusals >= limits::REFUSALS_MAX {
                self.remove(body.sender, body.nonce);
            }
        }
    }

    /// Drops what a final block overtook: used numbers, and what has expired.
    pub(crate) fn retain_possible(&mut self, ledger: &Ledger) {
        let next_height = ledger.height().0.saturating_add(1);
        let gone: Vec<_> = self
            .senders
            .iter()
            .flat_map(|(sender, waiting)| {
                let next = next_nonce(ledger, *sender);
                let is_gone = move |nonce: &u64, waiting: &Waiting| *nonce < next || waiting.transaction.body().expires.0 < next_height;
                waiting.iter().filter(move |(nonce, waiting)| is_gone(nonce, waiting)).map(|(nonce, _)| (*sender, *nonce))
            })
            .collect();
        gone.into_iter().for_each(|(sender, nonce)| self.remove(sender, nonce));
    }
}

/// Obols for 2³² bytes: a rate without fractions.
fn rate(transaction: &Transaction) -> u128 {
    (u128::from(transaction.body().fee.obols()) << 32) / transaction.byte_count().max(1) as u128
}

/// The number that an account's next transaction has.
pub(crate) fn next_nonce(ledger: &Ledger, account: Address) -> u64 {
    ledger.state().account(account).map_or(0, |account| account.nonce)
}

/// Steps 1 to 5 and 7 of the spec's admission, as far as they can be told before the sender's other transactions are in.
pub(crate) fn admissible(ledger: &Ledger, transaction: &Transaction) -> Result<Account, Rejection> {
    let body = transaction.body();
    if body.chain != ledger.chain() {
        return Err(Rejection::OtherChain(body.chain));
    }
    let height = mickai_proof::pantheon::Height(ledger.height().0.saturating_add(1));
    if body.expires < height {
        return Err(Rejection::Expired { height, expires: body.expires });
    }
    let least = ledger.params().fee_min(transaction.byte_count()).unwrap_or(Amount::SUPPLY);
    if body.fee < least {
        return Err(Rejection::FeeTooLow { fee: body.fee, least });
    }
    let account = ledger.state().account(body.sender).ok_or(Rejection::NoAccount(body.sender))?;
    if body.nonce < account.nonce {
        return Err(Rejection::NonceUsed { nonce: body.nonce, next: account.nonce });
    }
    if account.balance < body.fee {
        return Err(Rejection::Insufficient { balance: account.balance, need: body.fee.obols().into() });
    }
    Ok(account.clone())
}

#[cfg(test)]
mod tests;
