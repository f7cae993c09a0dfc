//! Transactions that wait for a block: within bounds, each sender's in the order of their numbers, the most worth to a block first.
//!
//! Room costs something: what a sender's transactions pay and give comes to no more than his balance, so that each that a block takes is paid for. They have a bounded number of bytes, and nothing waits for ever.

mod selection;

pub(crate) use selection::Selection;

use crate::limits;
use mickai_ledger::{Ledger, Rejection};
use mickai_proof::digest::TransactionId;
use mickai_proof::key::PublicKey;
use mickai_proof::limits::TRANSACTION_BYTES_MAX;
use mickai_proof::pantheon::{Account, Action, Address, Amount, Body, Height, Transaction};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
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
    /// Its sender's transactions that wait have as many bytes as one sender's may.
    SenderFull {
        /// Their bytes, with this one's.
        bytes: usize,
        /// The most.
        most: usize,
    },
    /// There is no room, and it is worth no more to a block than what waits.
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
            Self::SenderFull { bytes, most } => write!(f, "with this one {bytes} bytes of the account's transactions would wait, at most {most} may"),
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

/// Obols for 2³² bytes: no fractions.
type Rate = u128;

/// What a block gets by taking a transaction: its rate, and no more than the rates of those before it, which have to be taken first. None, which is below all, where one before it is missing.
///
/// So of one sender's transactions none is worth more than those before it, and who removes the least worth first leaves no gap.
type Worth = Option<Rate>;

/// The first to go comes first: the least worth, and of one sender the last.
type Rank = (Worth, Address, Reverse<u64>);

struct Waiting {
    id: TransactionId,
    transaction: Arc<Transaction>,
    worth: Worth,
    /// The last block that it waits for.
    last: Height,
}

/// What waits of one sender.
#[derive(Default)]
struct Queue {
    /// The account's number after the newest final block.
    next: u64,
    waiting: BTreeMap<u64, Waiting>,
    byte_count: usize,
    /// What they pay and give; within the account's balance after the newest final block.
    cost: u128,
}

/// What waits. It is given the newest final ledger, each of which it first follows; only a proposer asks for another one.
pub(crate) struct Mempool {
    bytes_max: usize,
    sender_bytes_max: usize,
    queues: BTreeMap<Address, Queue>,
    ids: BTreeMap<TransactionId, (Address, u64)>,
    ranks: BTreeSet<Rank>,
    byte_count: usize,
    /// Senders of whom the ledger refused one, which pays nobody, and the last block in which they come after everybody else.
    set_back: BTreeMap<Address, Height>,
}

/// How a transaction can be taken in.
pub(crate) struct Admission {
    /// Whose signature it has to have.
    pub(crate) key: PublicKey,
    /// What has to go.
    victims: Vec<(Address, u64)>,
}

impl Mempool {
    /// Nothing waits yet; so many bytes may, and so many of one sender's.
    pub(crate) fn new(bytes_max: usize, sender_bytes_max: usize) -> Self {
        Self { bytes_max, sender_bytes_max, queues: BTreeMap::new(), ids: BTreeMap::new(), ranks: BTreeSet::new(), byte_count: 0, set_back: BTreeMap::new() }
    }

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
        self.at(*sender, *nonce).map(|waiting| waiting.transaction.clone())
    }

    fn at(&self, sender: Address, nonce: u64) -> Option<&Waiting> {
        self.queues.get(&sender)?.waiting.get(&nonce)
    }

    /// Could it wait, if its signature is by the key that this names? A block on top of `ledger` could hold it, or could once the sender's others are in, and there is room.
    ///
    /// # Errors
    /// The first reason in the order of spec/pantheon.md "Admission", then those of this pool.
    pub(crate) fn check(&self, ledger: &Ledger, id: TransactionId, transaction: &Transaction) -> Result<Admission, SubmitError> {
        if self.ids.contains_key(&id) {
            return Err(SubmitError::Known(id));
        }
        let (body, account) = (transaction.body(), admissible(ledger, transaction)?);
        if body.nonce - account.nonce >= limits::NONCE_WINDOW {
            return Err(SubmitError::TooFarAhead { nonce: body.nonce, next: account.nonce });
        }
        let key = self.key_of(account, transaction)?;
        let replaced = self.at(body.sender, body.nonce).map(|waiting| &*waiting.transaction);
        if let Some(paid) = replaced.map(|other| other.body().fee.obols()) {
            let least = Amount::from_obols(paid.saturating_add(paid / 10).saturating_add(1));
            if body.fee < least {
                return Err(SubmitError::Underpriced { fee: body.fee, least });
            }
        }
        self.check_share(account, transaction, replaced)?;
        let victims = self.victims(account.nonce, transaction, replaced)?;
        Ok(Admission { key, victims })
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
                let first = self.at(body.sender, account.nonce).filter(|_| body.nonce > account.nonce);
                first.and_then(|waiting| waiting.transaction.key().cloned()).ok_or(Rejection::KeyMissing)
            }
        }
    }

    /// A sender's transactions pay and give no more than he has, and take no more room than one may.
    fn check_share(&self, account: &Account, transaction: &Transaction, replaced: Option<&Transaction>) -> Result<(), SubmitError> {
        let body = transaction.body();
        let (waiting_cost, waiting_bytes) = self.queues.get(&body.sender).map_or((0, 0), |queue| (queue.cost, queue.byte_count));
        let need = waiting_cost - replaced.map_or(0, |other| cost(other.body())) + cost(body);
        if need > u128::from(account.balance.obols()) {
            return Err(Rejection::Insufficient { balance: account.balance, need }.into());
        }
        let bytes = waiting_bytes - replaced.map_or(0, Transaction::byte_count) + transaction.byte_count();
        if bytes > self.sender_bytes_max { Err(SubmitError::SenderFull { bytes, most: self.sender_bytes_max }) } else { Ok(()) }
    }

    /// What goes so that it fits: each worth less, and another's, because nobody pushes himself out.
    fn victims(&self, next: u64, transaction: &Transaction, replaced: Option<&Transaction>) -> Result<Vec<(Address, u64)>, SubmitError> {
        let body = transaction.body();
        let before = if body.nonce == next { Some(self.rate_max(body.sender)) } else { self.at(body.sender, body.nonce - 1).and_then(|waiting| waiting.worth) };
        let worth = before.map(|before| before.min(rate(transaction)));
        let mut free = self.bytes_max - (self.byte_count - replaced.map_or(0, Transaction::byte_count));
        let mut victims = Vec::new();
        for (least, sender, Reverse(nonce)) in self.ranks.iter().filter(|(_, sender, _)| *sender != body.sender) {
            if free >= transaction.byte_count() || *least >= worth {
                break;
            }
            free += self.at(*sender, *nonce).map_or(0, |waiting| waiting.transaction.byte_count());
            victims.push((*sender, *nonce));
        }
        if free >= transaction.byte_count() { Ok(victims) } else { Err(SubmitError::Full) }
    }

    /// What a sender's transactions are worth at most.
    fn rate_max(&self, sender: Address) -> Rate {
        if self.set_back.contains_key(&sender) { 0 } else { Rate::MAX }
    }

    /// Takes one in whose signature was found good.
    ///
    /// # Errors
    /// Those of [`Mempool::check`].
    pub(crate) fn insert(&mut self, ledger: &Ledger, id: TransactionId, transaction: Arc<Transaction>) -> Result<(), SubmitError> {
        let Admission { key: _, victims } = self.check(ledger, id, &transaction)?;
        // Each is behind a gap, or the last before one: nobody else's worth changes.
        victims.into_iter().for_each(|(victim, nonce)| self.remove(victim, nonce));
        let Body { sender, nonce, expires, .. } = *transaction.body();
        self.remove(sender, nonce);
        self.byte_count += transaction.byte_count();
        self.ids.insert(id, (sender, nonce));
        let queue = self.queues.entry(sender).or_default();
        queue.next = next_nonce(ledger, sender);
        queue.byte_count += transaction.byte_count();
        queue.cost += cost(transaction.body());
        let last = expires.min(Height(ledger.height().0.saturating_add(limits::WAIT_BLOCKS_MAX)));
        self.ranks.insert((None, sender, Reverse(nonce)));
        queue.waiting.insert(nonce, Waiting { id, transaction, worth: None, last });
        self.rank(sender);
        Ok(())
    }

    /// Gives each of a sender's its worth.
    fn rank(&mut self, sender: Address) {
        let mut before = Some(self.rate_max(sender));
        let Some(queue) = self.queues.get_mut(&sender) else { return };
        let mut next = queue.next;
        for (nonce, waiting) in &mut queue.waiting {
            let worth = before.filter(|_| *nonce == next).map(|before| before.min(rate(&waiting.transaction)));
            if worth != waiting.worth {
                self.ranks.remove(&(waiting.worth, sender, Reverse(*nonce)));
                self.ranks.insert((worth, sender, Reverse(*nonce)));
                waiting.worth = worth;
            }
            before = worth;
            next = nonce.saturating_add(1);
        }
    }

    /// Those after it are not ranked anew.
    fn remove(&mut self, sender: Address, nonce: u64) {
        let Some(queue) = self.queues.get_mut(&sender) else { return };
        if let Some(removed) = queue.waiting.remove(&nonce) {
            let byte_count = removed.transaction.byte_count();
            self.byte_count -= byte_count;
            queue.byte_count -= byte_count;
            queue.cost -= cost(removed.transaction.body());
            self.ids.remove(&removed.id);
            self.ranks.remove(&(removed.worth, sender, Reverse(nonce)));
        }
        if queue.waiting.is_empty() {
            self.queues.remove(&sender);
        }
    }

    /// Is there something that a block on top of `ledger` could hold?
    pub(crate) fn has_work(&self, ledger: &Ledger) -> bool {
        self.queues.iter().any(|(sender, queue)| queue.waiting.contains_key(&next_nonce(ledger, *sender)))
    }

    /// What a block on top of `ledger` may hold: each sender's from the account's number on without a gap.
    pub(crate) fn select(&self, ledger: &Ledger) -> Selection {
        let mut selection = Selection::default();
        for (sender, queue) in &self.queues {
            let run = (next_nonce(ledger, *sender)..).map_while(|nonce| queue.waiting.get(&nonce)).map(|waiting| waiting.transaction.clone());
            selection.enter(*sender, self.rate_max(*sender), run.collect());
        }
        selection
    }

    /// The most worth, in an order in which a block on top of the newest final one could hold them.
    pub(crate) fn best(&self, count_max: usize) -> Vec<Arc<Transaction>> {
        let best = self.ranks.iter().rev().take_while(|(worth, ..)| worth.is_some()).take(count_max);
        best.filter_map(|(_, sender, Reverse(nonce))| self.at(*sender, *nonce)).map(|waiting| waiting.transaction.clone()).collect()
    }

    /// The ledger refused these: they go, and their senders come after everybody else for some blocks.
    pub(crate) fn refused(&mut self, ledger: &Ledger, transactions: &[Arc<Transaction>]) {
        let last = Height(ledger.height().0.saturating_add(limits::SET_BACK_BLOCKS));
        for transaction in transactions {
            if let Some((sender, nonce)) = self.ids.get(&transaction.id()).copied() {
                self.remove(sender, nonce);
            }
            let Body { sender, action, .. } = transaction.body();
            // Of several who show the same evidence all but one are refused, and did nothing wrong.
            if !matches!(action, Action::Evidence(_)) {
                self.set_back.insert(*sender, last);
            }
            self.rank(*sender);
        }
    }

    /// Goes on to the next newest ledger: used numbers go, and what has waited too long, and the last ones of whom can no longer pay for all.
    pub(crate) fn follow(&mut self, ledger: &Ledger) {
        let height = ledger.height();
        self.set_back.retain(|_, last| *last > height);
        let senders: Vec<_> = self.queues.keys().copied().collect();
        for sender in senders {
            let (next, balance) = ledger.state().account(sender).map_or((0, 0), |account| (account.nonce, account.balance.obols()));
            let Some(queue) = self.queues.get_mut(&sender) else { continue };
            queue.next = next;
            let gone: Vec<_> = queue.waiting.iter().filter(|(nonce, waiting)| **nonce < next || waiting.last <= height).map(|(nonce, _)| *nonce).collect();
            gone.into_iter().for_each(|nonce| self.remove(sender, nonce));
            while let Some(last) = self.queues.get(&sender).filter(|queue| queue.cost > u128::from(balance)).and_then(|queue| queue.waiting.keys().next_back().copied()) {
                self.remove(sender, last);
            }
            self.rank(sender);
        }
    }
}

/// What it takes from its sender's balance, in obols, if all of it is done.
fn cost(body: &Body) -> u128 {
    let given = if let Action::Transfer { amount, .. } | Action::Bond { amount, .. } = &body.action { amount.obols() } else { 0 };
    u128::from(body.fee.obols()) + u128::from(given)
}

fn rate(transaction: &Transaction) -> Rate {
    (Rate::from(transaction.body().fee.obols()) << 32) / transaction.byte_count().max(1) as Rate
}

/// The number that an account's next transaction has.
pub(crate) fn next_nonce(ledger: &Ledger, account: Address) -> u64 {
    ledger.state().account(account).map_or(0, |account| account.nonce)
}

/// The size, and steps 1 to 5 of the spec's admission, as far as they can be told before the sender's other transactions are in.
fn admissible<'a>(ledger: &'a Ledger, transaction: &Transaction) -> Result<&'a Account, Rejection> {
    let (body, bytes) = (transaction.body(), transaction.byte_count());
    if bytes > TRANSACTION_BYTES_MAX {
        return Err(Rejection::Oversized { bytes });
    }
    if body.chain != ledger.chain() {
        return Err(Rejection::OtherChain(body.chain));
    }
    let height = Height(ledger.height().0.saturating_add(1));
    if body.expires < height {
        return Err(Rejection::Expired { height, expires: body.expires });
    }
    let least = ledger.params().fee_min(bytes).unwrap_or(Amount::SUPPLY);
    if body.fee < least {
        return Err(Rejection::FeeTooLow { fee: body.fee, least });
    }
    if body.fee > Amount::SUPPLY {
        return Err(Rejection::Overflow(body.fee));
    }
    let account = ledger.state().account(body.sender).ok_or(Rejection::NoAccount(body.sender))?;
    if body.nonce < account.nonce { Err(Rejection::NonceUsed { nonce: body.nonce, next: account.nonce }) } else { Ok(account) }
}

#[cfg(test)]
mod tests;
