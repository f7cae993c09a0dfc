//! Proposes and votes as everybody does, but gives one of the others, instead of each block, what genesis of a chain with the block's id would be: the same digest, and nothing in it.

use super::say;
use crate::network::{Network, Running, Said};
use commonware_p2p::Recipients;
use commonware_p2p::simulated::SplitOrigin;
use commonware_runtime::deterministic::Context;
use commonware_runtime::{IoBuf, Spawner as _, Supervisor as _};
use futures::StreamExt as _;
use futures::channel::mpsc;
use mickai_node::Channels;
use mickai_node::identity::PublicKey;
use mickai_proof::pantheon::Block;
use std::sync::atomic::Ordering;

/// The channel of blocks.
const BLOCKS: u64 = 4;
/// As a block stands behind its length, and genesis behind none.
const LENGTH_BYTES: usize = 4;

/// The victim is in the last place.
pub async fn start(context: Context, network: &Network, at: usize) -> Vec<Running> {
    let others: Vec<PublicKey> = (0..network.keys.len()).filter(|other| *other != at).map(|other| network.public(other)).collect();
    let (victim, others) = others.split_last().expect("a chain has others");
    let (victim, others) = (victim.clone(), others.to_vec());
    let (ids, mut proposed) = mpsc::unbounded();
    let (mut lines, mut forging) = (Vec::new(), None);
    for number in 0..7 {
        let (said, heard): (Said, _) = network.channel(at, number).await;
        if number == BLOCKS {
            forging = Some(said.clone());
        }
        let (victim, others, ids) = (victim.clone(), others.clone(), ids.clone());
        let split = move |_: SplitOrigin, whom: &Recipients<PublicKey>, message: &IoBuf| {
            let block = message.as_ref().get(LENGTH_BYTES..).filter(|_| number == BLOCKS).and_then(|bytes| Block::parse(bytes).ok());
            let Some(block) = block else { return Some(whom.clone()) };
            ids.unbounded_send(block.header.id()).ok();
            let known: Vec<_> = match whom {
                Recipients::All => others.clone(),
                Recipients::Some(some) => some.iter().filter(|peer| **peer != victim).cloned().collect(),
                Recipients::One(peer) => std::iter::once(peer).filter(|peer| **peer != victim).cloned().collect(),
            };
            (!known.is_empty()).then_some(Recipients::Some(known))
        };
        lines.push((said.split_with(split).0, heard));
    }
    let (mut forging, forged) = (forging.expect("seven channels"), network.forged.clone());
    context.child("forger").spawn(move |_| async move {
        while let Some(id) = proposed.next().await {
            say(&mut forging, Recipients::One(victim.clone()), IoBuf::from([&[0_u8; LENGTH_BYTES][..], &id.0].concat()));
            forged.fetch_add(1, Ordering::Relaxed);
        }
    });
    let mut lines = lines.into_iter();
    let mut next = || lines.next().expect("seven channels");
    let channels = Channels { votes: next(), certificates: next(), resolver: next(), backfill: next(), blocks: next(), transactions: next(), snapshots: next() };
    vec![network.run(&context, at, format!("forger-{at}"), false, channels).await]
}
