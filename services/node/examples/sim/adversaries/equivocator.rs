//! Votes for the block of each round before one half of the others, and for another block before the other half.

use super::{framed, hear, say, unframed};
use crate::network::Network;
use commonware_consensus::simplex::types::{Finalize, Notarize, Proposal, Vote};
use commonware_cryptography::sha256::Digest;
use commonware_p2p::Recipients;
use commonware_runtime::Spawner as _;
use commonware_runtime::deterministic::Context;
use mickai_node::{Handle, Scheme};

pub async fn start(context: Context, network: &Network, at: usize, honest: &Handle) {
    let (mut said, mut heard) = network.channel(at, 0).await;
    let (key, honest) = (network.keys[at].clone(), honest.clone());
    let others: Vec<_> = (0..network.keys.len()).filter(|other| *other != at).map(|other| network.public(other)).collect();
    context.spawn(move |_| async move {
        let (one, two) = others.split_at(others.len() / 2);
        let mut last = None;
        while let Some(message) = hear(&mut heard).await {
            let Some((epoch, Vote::Notarize(vote))) = unframed(message) else { continue };
            let scheme = Scheme::signer(honest.chain(), honest.ledger().validators(), key.clone());
            let Some(scheme) = scheme.filter(|_| last != Some(vote.proposal.round)) else { continue };
            last = Some(vote.proposal.round);
            let other = Proposal { payload: Digest([0xdd; 32]), ..vote.proposal.clone() };
            for (proposal, half) in [(vote.proposal, one), (other, two)] {
                let notarize = Notarize::sign(&scheme, proposal.clone()).map(Vote::Notarize);
                let finalize = Finalize::sign(&scheme, proposal).map(Vote::Finalize);
                for vote in [notarize, finalize].into_iter().flatten() {
                    say(&mut said, Recipients::Some(half.to_vec()), framed(epoch, &vote));
                }
            }
        }
    });
}
