//! Transactions between peers: what is submitted here goes to all of them, what they send is taken in if a block could hold it.
//!
//! A message is a sequence of `u32 length ‖ transaction`, most significant byte first, at most [`limits::GOSSIP_BYTES_MAX`] in all.
//!
//! *Trust.* Anybody's transaction may be refused for what has happened meanwhile, and costs its sender nothing. Not one with a bad signature: whose it has to be follows from the address alone, and no honest node sends what it has not
//! verified. Who does is shut out, and nothing more of that message is looked at.

use crate::chain::Chain;
use crate::first::first;
use crate::identity::PublicKey;
use crate::limits;
use crate::mempool::SubmitError;
use commonware_p2p::{Blocker, Receiver, Recipients, Sender, block};
use commonware_parallel::Strategy;
use commonware_utils::channel::mpsc;
use futures::future::Either;
use mickai_ledger::Rejection;
use mickai_proof::pantheon::{Address, Transaction};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Carries transactions to peers and from them.
pub(crate) struct Gossip<T, B> {
    pub(crate) chain: Arc<Chain>,
    pub(crate) strategy: T,
    /// Shuts out who sends a bad signature.
    pub(crate) blocker: B,
}

impl<T: Strategy, B: Blocker<PublicKey = PublicKey>> Gossip<T, B> {
    /// Until the node's own side, or the network, ends.
    pub(crate) async fn run<S, R>(mut self, (mut sender, mut receiver): (S, R), mut submitted: mpsc::UnboundedReceiver<Arc<Transaction>>)
    where
        S: Sender<PublicKey = PublicKey>,
        R: Receiver<PublicKey = PublicKey>,
    {
        loop {
            let batch = match first(submitted.recv(), receiver.recv()).await {
                Either::Left(Some(one)) => {
                    let mut batch = vec![one];
                    while let Ok(next) = submitted.try_recv() {
                        batch.push(next);
                    }
                    batch
                }
                // No node sends more; over real sockets the door has shut its sender out before.
                Either::Right(Ok((_, message))) if message.len() > limits::GOSSIP_BYTES_MAX => continue,
                Either::Right(Ok((peer, message))) => self.take(peer, message.as_ref().to_vec()).await,
                Either::Left(None) | Either::Right(Err(_)) => return,
            };
            for message in messages(&batch) {
                // Who is not reached now learns of them from a block, or from another peer.
                sender.send(Recipients::All, message, false);
            }
        }
    }

    /// Takes in what is good of a message, until a signature is not. What a validator sends he has sent to all; what another node sends is passed on, once, because only new ones are taken in.
    async fn take(&mut self, peer: PublicKey, message: Vec<u8>) -> Vec<Arc<Transaction>> {
        let is_validators = self.chain.newest().validators().keys().contains(peer.key());
        let chain = self.chain.clone();
        let taken = self.strategy.spawn(message.len() / 4_096, move |strategy: T| {
            let mut senders: BTreeMap<Address, Vec<Arc<Transaction>>> = BTreeMap::new();
            for transaction in parts(&message).map_while(|part| Transaction::parse(part).ok()) {
                senders.entry(transaction.body().sender).or_default().push(Arc::new(transaction));
            }
            let is_forged = AtomicBool::new(false);
            let is_taken = |one: &Arc<Transaction>| {
                let submitted = chain.submit(one.clone(), false);
                if submitted == Err(SubmitError::Rejected(Rejection::Signature)) {
                    is_forged.store(true, Ordering::Relaxed);
                }
                submitted.is_ok()
            };
            // Each sender's one after the other: a later one needs those before it.
            let take = |transactions: Vec<Arc<Transaction>>| {
                let rest = transactions.into_iter().take_while(|_| !is_forged.load(Ordering::Relaxed));
                rest.filter(is_taken).collect::<Vec<_>>()
            };
            let taken = strategy.map_collect_vec(senders.into_values().collect::<Vec<_>>(), take);
            (taken, is_forged.load(Ordering::Relaxed))
        });
        let (taken, is_forged) = taken.await;
        if is_forged {
            block!(self.blocker, peer, "a transaction with a bad signature");
        }
        if is_validators { Vec::new() } else { taken.into_iter().flatten().collect() }
    }
}

/// Packs transactions into as few messages as hold them.
fn messages(batch: &[Arc<Transaction>]) -> Vec<Vec<u8>> {
    let mut messages: Vec<Vec<u8>> = Vec::new();
    for transaction in batch {
        let bytes = transaction.encode();
        let has_room = |message: &Vec<u8>| message.len() + 4 + bytes.len() <= limits::GOSSIP_BYTES_MAX;
        if !messages.last().is_some_and(has_room) {
            messages.push(Vec::new());
        }
        if let Some(message) = messages.last_mut() {
            // A transaction has at most 49,152 bytes.
            message.extend((bytes.len() as u32).to_be_bytes());
            message.extend(bytes);
        }
    }
    messages
}

/// The parts of a message, up to the first that is not whole.
fn parts(mut message: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = message.split_first_chunk::<4>()?;
        let (part, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        message = rest;
        Some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::{Gossip, messages};
    use crate::chain::Chain;
    use crate::identity::{PrivateKey, PublicKey};
    use crate::trial::{Blocked, FEE, Marked, edited, genesis, transfer};
    use commonware_parallel::{Rayon, Sequential};
    use commonware_utils::NZUsize;
    use futures::executor::block_on;
    use mickai_proof::pantheon::{Height, Transaction};
    use mickai_proof::signature::SIGNATURE_LEN;
    use std::sync::Arc;

    fn peer(seed: u8) -> PublicKey {
        PrivateKey::from_seed_bytes(&zeroize::Zeroizing::new([seed; 32])).public().clone()
    }

    fn chain() -> Arc<Chain> {
        Arc::new(Chain::with_verifier(&genesis(), Box::new(Marked)).unwrap())
    }

    /// In one message.
    fn message(batch: &[Arc<Transaction>]) -> Vec<u8> {
        messages(batch).concat()
    }

    /// The first of a new account's reveals the key that the others need, however many threads take them in.
    #[test]
    fn each_senders_are_taken_in_order() {
        let (chain, blocker) = (chain(), Blocked::default());
        let mut gossip = Gossip { chain: chain.clone(), strategy: Rayon::new(NZUsize!(4)).unwrap(), blocker: blocker.clone() };
        let batch: Vec<_> = (0..240).map(|at| transfer(&chain.newest(), at % 4, u64::from(at / 4), FEE)).collect();
        let taken = messages(&batch).into_iter().map(|message| block_on(gossip.take(peer(1), message)).len()).sum::<usize>();
        assert_eq!((taken, chain.mempool_size().0), (240, 240));
        assert!(blocker.peers().is_empty());
    }

    /// Whatever else is wrong with a transaction, an honest peer may have sent it.
    #[test]
    fn a_bad_signature_shuts_its_sender_out() {
        let (chain, blocker) = (chain(), Blocked::default());
        let mut gossip = Gossip { chain: chain.clone(), strategy: Sequential, blocker: blocker.clone() };
        let ledger = chain.newest();
        let of = |from, nonce| transfer(&ledger, from, nonce, FEE);
        let forged = |one: &Transaction| Arc::new(one.body().clone().sign_with(one.key().cloned(), &[0; SIGNATURE_LEN]));
        let refused = [transfer(&ledger, 2, 0, 7), of(999, 0), of(2, 5), edited(&ledger, 2, 0, FEE, |body| body.expires = Height(0))];
        assert_eq!(block_on(gossip.take(peer(1), message(&refused))).len(), 0);
        assert_eq!(block_on(gossip.take(peer(2), message(&[of(3, 0)]))).len(), 1);
        assert_eq!(block_on(gossip.take(peer(2), message(&[of(3, 0)]))).len(), 0, "it waits already");
        assert!(blocker.peers().is_empty());
        // Known by its id, of which the signature is no part, it is not looked at.
        assert_eq!(block_on(gossip.take(peer(2), message(&[forged(&of(3, 0))]))).len(), 0);
        assert!(blocker.peers().is_empty());
        // What stands before it is taken, nothing after it.
        let batch = [of(4, 0), forged(&of(4, 1)), of(4, 1), of(4, 2)];
        assert_eq!(block_on(gossip.take(peer(3), message(&batch))).len(), 1);
        assert_eq!((blocker.peers(), chain.mempool_size().0), (vec![peer(3)], 2));
        assert!(chain.waiting(batch[0].id()).is_some());
    }
}
