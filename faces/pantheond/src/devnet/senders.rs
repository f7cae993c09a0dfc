//! Accounts that send under load, their keys revealed before anything is measured.

use crate::client::{self, Events, Rpc};
use crate::failure::Failure;
use crate::key::Key;
use crate::transact::{Standing, Terms, submit};
use mickai_proof::pantheon::{Action, Address, Amount};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Blocks that may hold a transfer: more than any run makes.
const VALID_FOR: u64 = 100_000_000;
/// What each transfer gives.
const GIVEN: Amount = Amount::from_obols(1);
/// How long no block may come before that is an error.
const SILENCE_MAX: Duration = Duration::from_secs(120);

/// An account that sends.
pub struct Sender {
    key: Key,
    to: Address,
    terms: Terms,
    fee: Amount,
    /// The next number.
    nonce: u64,
    way: Arc<Way>,
}

/// What of an account is on its way: numbers, and when they were submitted, in order.
#[derive(Default)]
pub struct Way(Mutex<VecDeque<(u64, Instant)>>);

impl Way {
    /// How many.
    pub fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Takes out what has arrived, up to this number; when each was submitted.
    pub fn arrived(&self, nonce: u64) -> Vec<Instant> {
        let mut way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = way.iter().take_while(|(number, _)| *number <= nonce).count();
        way.drain(..count).map(|(_, begun)| begun).collect()
    }

    fn begins(&self, nonce: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back((nonce, Instant::now()));
    }

    /// The last one did not begin after all.
    fn takes_back(&self, nonce: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|(number, _)| *number != nonce);
    }

    fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Sender {
    /// Its account, as text.
    pub fn address(&self) -> String {
        self.key.address().to_text(self.terms.network)
    }

    /// What of it is on its way.
    pub fn way(&self) -> Arc<Way> {
        self.way.clone()
    }

    /// Submits the next transfer; false where too many wait.
    pub fn send(&mut self, rpc: &mut Rpc) -> Result<bool, Failure> {
        let action = Action::Transfer { to: self.to, amount: GIVEN };
        let body = self.terms.body(self.key.address(), self.nonce, VALID_FOR, action, Some(self.fee), None);
        // Whoever waits for a transfer waits for its signature too.
        self.way.begins(self.nonce);
        let transaction = self.key.sign(body, false)?;
        match submit(rpc, &transaction).taken {
            Ok(_) => {
                self.nonce += 1;
                Ok(true)
            }
            Err(Failure::Refused { status: 429, .. }) => {
                self.way.takes_back(self.nonce);
                Ok(false)
            }
            Err(failure) => Err(failure),
        }
    }

    /// Goes on from what the node knows of the account.
    pub fn begin_again(&mut self, rpc: &mut Rpc) -> Result<(), Failure> {
        self.way.clear();
        self.nonce = Standing::ask(rpc, &self.terms, self.key.address())?.nonce;
        Ok(())
    }
}

/// Reveals the keys that the chain does not have, and waits until every node does that answers: each sender may submit to another one.
pub fn ready(nodes: &[SocketAddr], keys: Vec<Key>) -> Result<Vec<Sender>, Failure> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let (mut rpc, terms, mut events) = first(nodes)?;
    // Each gives to the next.
    let mut receivers: Vec<Address> = keys.iter().map(Key::address).collect();
    receivers.rotate_left(1);
    let mut senders = Vec::new();
    for (key, to) in keys.into_iter().zip(receivers) {
        let standing = Standing::ask(&mut rpc, &terms, key.address())?;
        let action = || Action::Transfer { to, amount: GIVEN };
        // The fee of the largest number is enough for all.
        let fee = terms.body(key.address(), u64::MAX, VALID_FOR, action(), None, None).fee;
        if !standing.is_revealed {
            let body = terms.body(key.address(), standing.nonce, VALID_FOR, action(), None, Some(key.public()));
            let transaction = key.sign(body, true)?;
            submit(&mut rpc, &transaction).taken?;
        }
        let nonce = standing.nonce + u64::from(!standing.is_revealed);
        senders.push(Sender { key, to, terms, fee, nonce, way: Arc::default() });
    }
    let mut height = terms.height.0;
    for node in nodes {
        let mut rpc = Rpc::new(*node);
        while !is_gone_or_knows(&mut rpc, &senders)? {
            height = match events.next(SILENCE_MAX)? {
                Some(event) => client::height(&event),
                None => return Err(Failure::Stalled { height }),
            };
        }
    }
    Ok(senders)
}

/// The first node that answers, what it says of the chain, and its blocks from now on.
fn first(nodes: &[SocketAddr]) -> Result<(Rpc, Terms, Events), Failure> {
    let mut silent = Failure::Stalled { height: 0 };
    for node in nodes {
        let mut rpc = Rpc::new(*node);
        match Terms::ask(&mut rpc, None).and_then(|terms| Ok((terms, Events::open(*node, None)?))) {
            Ok((terms, events)) => return Ok((rpc, terms, events)),
            Err(failure @ Failure::Rpc { .. }) => silent = failure,
            Err(failure) => return Err(failure),
        }
    }
    Err(silent)
}

/// Does a node know of every sender's key? One that is gone is not waited for.
fn is_gone_or_knows(rpc: &mut Rpc, senders: &[Sender]) -> Result<bool, Failure> {
    for sender in senders {
        match Standing::ask(rpc, &sender.terms, sender.key.address()) {
            Ok(standing) if standing.nonce < sender.nonce => return Ok(false),
            Ok(_) => {}
            Err(Failure::Rpc { .. }) => return Ok(true),
            Err(failure) => return Err(failure),
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::super::trial::{answer, node};
    use super::*;
    use serde_json::json;

    /// At the first address nobody answers, and at the second something that is no node of a chain.
    #[test]
    fn a_node_that_is_gone_is_passed_over_and_no_other_one() {
        let gone: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let other = node(|_| answer(&json!({})));
        assert!(matches!(first(&[gone, other]), Err(Failure::Answer { address, .. }) if address == other));
        assert!(matches!(first(&[other, gone]), Err(Failure::Answer { address, .. }) if address == other));
        assert!(matches!(first(&[gone, gone]), Err(Failure::Rpc { address, .. }) if address == gone));
    }
}
