//! Votes for whatever anybody votes for, and tells it only to who asked: each believes that it is on his side.

use super::{framed, say, unframed};
use crate::network::Network;
use commonware_consensus::simplex::types::{Finalize, Notarize, Nullify, Vote};
use commonware_cryptography::sha256::Digest;
use commonware_p2p::{Receiver as _, Recipients};
use commonware_runtime::Spawner as _;
use commonware_runtime::deterministic::Context;
use mickai_node::{Handle, Scheme};

pub async fn start(context: Context, network: &Network, at: usize, honest: &Handle) {
    let (mut said, mut heard) = network.channel(at, 0).await;
    let (key, honest) = (network.keys[at].clone(), honest.clone());
    context.spawn(move |_| async move {
        while let Ok((peer, message)) = heard.recv().await {
            let Some((epoch, vote)) = unframed(message) else { continue };
            let Some(scheme) = Scheme::signer(honest.chain(), honest.ledger().validators(), key.clone()) else { continue };
            let same = match vote {
                Vote::Notarize(vote) => Notarize::sign(&scheme, vote.proposal).map(Vote::Notarize),
                Vote::Finalize(vote) => Finalize::sign(&scheme, vote.proposal).map(Vote::Finalize),
                Vote::Nullify(vote) => Nullify::sign::<Digest>(&scheme, vote.round).map(Vote::Nullify),
            };
            if let Some(same) = same {
                say(&mut said, Recipients::One(peer), framed(epoch, &same));
            }
        }
    });
}
