//! Runs two nodes with one key, each of which shows itself to one half of the honest: both vote in every round, for what their half proposes.

use crate::network::{Network, Running, Said};
use commonware_p2p::Recipients;
use commonware_p2p::simulated::{SplitOrigin, SplitTarget};
use commonware_runtime::deterministic::Context;
use commonware_runtime::{IoBuf, Supervisor as _};
use mickai_node::Channels;
use mickai_node::identity::PublicKey;

/// Other cheats are let in on both.
pub async fn start(context: Context, network: &Network, at: usize, cheat_count: usize) -> Vec<Running> {
    let known_to = |parity: usize| -> Vec<_> {
        let places = (0..network.keys.len()).filter(|other| *other != at && (*other < cheat_count || other % 2 == parity));
        places.map(|other| network.public(other)).collect()
    };
    let (one, two) = (known_to(0), known_to(1));
    let split = {
        let (one, two) = (one.clone(), two.clone());
        move |origin: SplitOrigin, whom: &Recipients<PublicKey>, _: &IoBuf| {
            let half = if matches!(origin, SplitOrigin::Primary) { &one } else { &two };
            let known: Vec<_> = match whom {
                Recipients::All => half.clone(),
                Recipients::Some(some) => some.iter().filter(|peer| half.contains(peer)).cloned().collect(),
                Recipients::One(peer) => half.iter().filter(|other| *other == peer).cloned().collect(),
            };
            (!known.is_empty()).then_some(Recipients::Some(known))
        }
    };
    let (mut firsts, mut seconds) = (Vec::new(), Vec::new());
    for number in 0..7 {
        let (said, heard): (Said, _) = network.channel(at, number).await;
        let (said_first, said_second) = said.split_with(split.clone());
        let (one, two) = (one.clone(), two.clone());
        let route = move |(peer, _): &(PublicKey, IoBuf)| match (one.contains(peer), two.contains(peer)) {
            (true, true) => SplitTarget::Both,
            (true, false) => SplitTarget::Primary,
            (false, true) => SplitTarget::Secondary,
            (false, false) => SplitTarget::None,
        };
        let (heard_first, heard_second) = heard.split_with(context.child("split").with_attribute("number", number), route);
        firsts.push((said_first, heard_first));
        seconds.push((said_second, heard_second));
    }
    let mut nodes = Vec::new();
    for (name, lines) in [("one", firsts), ("two", seconds)] {
        let mut lines = lines.into_iter();
        let mut next = || lines.next().expect("seven channels");
        let channels = Channels { votes: next(), certificates: next(), resolver: next(), backfill: next(), blocks: next(), transactions: next(), snapshots: next() };
        nodes.push(network.run(&context, at, format!("twin-{at}-{name}"), false, channels).await);
    }
    nodes
}
