//! Votes for the block of each round and for another one too, finalises both, and leaves the round as well, before everybody.

use super::{framed, hear, say, unframed};
use crate::network::Network;
use commonware_consensus::simplex::types::{Finalize, Notarize, Nullify, Proposal, Vote};
use commonware_cryptography::sha256::Digest;
use commonware_p2p::Recipients;
use commonware_runtime::Spawner as _;
use commonware_runtime::deterministic::Context;
use mickai_node::{Handle, Scheme};

pub async fn start(context: Context, network: &Network, at: usize, honest: &Handle) {
    let (mut said, mut heard) = network.channel(at, 0).await;
    let (key, honest) = (network.keys[at].clone(), honest.clone());
    context.spawn(move |_| async move {
        let mut last = None;
        while let Some(message) = hear(&mut heard).await {
            let Some((epoch, Vote::Notarize(vote))) = unframed(message) else { continue };
            let scheme = Scheme::signer(honest.chain(), honest.ledger().validators(), key.clone());
            let Some(scheme) = scheme.filter(|_| last != Some(vote.proposal.round)) else { continue };
            last = Some(vote.proposal.round);
            let other = Proposal { payload: Digest([0xee; 32]), ..vote.proposal.clone() };
            let round = vote.proposal.round;
            for proposal in [vote.proposal, other] {
                let notarize = Notarize::sign(&scheme, proposal.clone()).map(Vote::Notarize);
                let finalize = Finalize::sign(&scheme, proposal).map(Vote::Finalize);
                for vote in [notarize, finalize].into_iter().flatten() {
                    say(&mut said, Recipients::All, framed(epoch, &vote));
                }
            }
            if let Some(nullify) = Nullify::sign::<Digest>(&scheme, round) {
                say(&mut said, Recipients::All, framed(epoch, &Vote::Nullify(nullify)));
            }
        }
    });
}
