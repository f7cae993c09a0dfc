//! Keeps every message that it hears, and sends old ones again, on their channels, to everybody.

use super::{hear, say};
use crate::network::Network;
use crate::plan::Random;
use commonware_p2p::Recipients;
use commonware_runtime::deterministic::Context;
use commonware_runtime::{Spawner as _, Supervisor as _};

pub async fn start(context: Context, network: &Network, at: usize) {
    for number in 0..7 {
        let (mut said, mut heard) = network.channel(at, number).await;
        context.child("channel").with_attribute("number", number).spawn(move |_| async move {
            let (mut random, mut kept) = (Random(number), Vec::new());
            while let Some(message) = hear(&mut heard).await {
                kept.push(message);
                let old = kept[random.below(kept.len() as u64) as usize].clone();
                if random.below(2) == 0 {
                    say(&mut said, Recipients::All, old);
                }
            }
        });
    }
    // The context of the channels' tasks lives as long as this one waits.
    context.spawn(|_| futures::future::pending::<()>());
}
