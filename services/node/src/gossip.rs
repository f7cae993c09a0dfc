//! Transactions between peers: what is submitted here goes to all of them, what they send is taken in if a block could hold it.
//!
//! A message is a sequence of `u32 length ‖ transaction`, most significant byte first, at most [`limits::GOSSIP_BYTES_MAX`] in all.

use crate::chain::Chain;
use crate::first::first;
use crate::identity::PublicKey;
use crate::limits;
use commonware_p2p::{Receiver, Recipients, Sender};
use commonware_parallel::Strategy;
use commonware_utils::channel::mpsc;
use futures::future::Either;
use mickai_proof::pantheon::{Address, Transaction};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Carries transactions to peers and from them.
pub(crate) struct Gossip<T> {
    pub(crate) chain: Arc<Chain>,
    pub(crate) strategy: T,
}

impl<T: Strategy> Gossip<T> {
    /// Until the node's own side, or the network, ends.
    pub(crate) async fn run<S, R>(self, (mut sender, mut receiver): (S, R), mut submitted: mpsc::UnboundedReceiver<Arc<Transaction>>)
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

    /// Takes in what is good of a message. What a validator sends he has sent to all; what another node sends is passed on, once, because only new ones are taken in.
    async fn take(&self, peer: PublicKey, message: Vec<u8>) -> Vec<Arc<Transaction>> {
        let is_validators = self.chain.newest().validators().keys().contains(peer.key());
        let chain = self.chain.clone();
        let taken = self.strategy.spawn(message.len() / 4_096, move |strategy: T| {
            let mut senders: BTreeMap<Address, Vec<Arc<Transaction>>> = BTreeMap::new();
            for transaction in parts(&message).map_while(|part| Transaction::parse(part).ok()) {
                senders.entry(transaction.body().sender).or_default().push(Arc::new(transaction));
            }
            // Each sender's one after the other: a later one needs those before it.
            let take = |transactions: Vec<Arc<Transaction>>| transactions.into_iter().filter(|one| chain.submit(one.clone(), false).is_ok()).collect::<Vec<_>>();
            strategy.map_collect_vec(senders.into_values().collect::<Vec<_>>(), take)
        });
        let taken: Vec<_> = taken.await.into_iter().flatten().collect();
        if is_validators { Vec::new() } else { taken }
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
    use crate::identity::PrivateKey;
    use crate::trial::{FEE, Marked, genesis, transfer};
    use commonware_parallel::Rayon;
    use commonware_utils::NZUsize;
    use std::sync::Arc;

    /// The first of a new account's reveals the key that the others need, however many threads take them in.
    #[test]
    fn each_senders_are_taken_in_order() {
        let chain = Arc::new(Chain::with_verifier(&genesis(), Box::new(Marked)).unwrap());
        let peer = PrivateKey::from_seed_bytes(&zeroize::Zeroizing::new([1; 32])).public().clone();
        let gossip = Gossip { chain: chain.clone(), strategy: Rayon::new(NZUsize!(4)).unwrap() };
        let batch: Vec<_> = (0..240).map(|at| transfer(&chain.newest(), at % 4, u64::from(at / 4), FEE)).collect();
        let taken = messages(&batch).into_iter().map(|message| futures::executor::block_on(gossip.take(peer.clone(), message)).len()).sum::<usize>();
        assert_eq!((taken, chain.mempool_size().0), (240, 240));
    }
}
