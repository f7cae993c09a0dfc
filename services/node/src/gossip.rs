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
use mickai_proof::pantheon::Transaction;
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
                // No node sends more.
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
            let transactions: Vec<_> = parts(&message).map_while(|part| Transaction::parse(part).ok()).map(Arc::new).collect();
            strategy.map_collect_vec(transactions, |transaction| chain.submit(transaction.clone(), false).ok().map(|_| transaction))
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
