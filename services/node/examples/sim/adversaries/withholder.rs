//! Proposes and votes as everybody does, but gives its blocks to nobody, also when it is asked.

use crate::network::{Network, Running, Said};
use commonware_p2p::Recipients;
use commonware_p2p::simulated::SplitOrigin;
use commonware_runtime::IoBuf;
use commonware_runtime::deterministic::Context;
use mickai_node::Channels;
use mickai_node::identity::PublicKey;

/// The channels of blocks and of answers to questions for them.
const MUTE: [u64; 2] = [3, 4];

pub async fn start(context: Context, network: &Network, at: usize) -> Vec<Running> {
    let mut lines = Vec::new();
    for number in 0..7 {
        let (said, heard): (Said, _) = network.channel(at, number).await;
        let mute = MUTE.contains(&number);
        let (said, _) = said.split_with(move |_: SplitOrigin, whom: &Recipients<PublicKey>, _: &IoBuf| (!mute).then(|| whom.clone()));
        lines.push((said, heard));
    }
    let mut lines = lines.into_iter();
    let mut next = || lines.next().expect("seven channels");
    let channels = Channels { votes: next(), certificates: next(), resolver: next(), backfill: next(), blocks: next(), transactions: next(), snapshots: next() };
    vec![network.run(&context, at, format!("withholder-{at}"), false, channels).await]
}
