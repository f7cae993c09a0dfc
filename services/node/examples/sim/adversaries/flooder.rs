//! Sends noise on every channel, large and small, and transactions that no block can hold.

use super::say;
use crate::common::Account;
use crate::network::Network;
use crate::plan::Random;
use commonware_p2p::Recipients;
use commonware_runtime::deterministic::Context;
use commonware_runtime::{Clock as _, IoBuf, Spawner as _};
use mickai_node::{Handle, limits};
use mickai_proof::digest::ChainId;
use std::time::Duration;

pub async fn start(context: Context, network: &Network, at: usize, honest: &Handle) {
    let mut channels = Vec::new();
    for number in 0..7 {
        channels.push(network.channel(at, number).await.0);
    }
    let chain = honest.chain();
    context.spawn(move |context| async move {
        let mut random = Random(at as u64);
        let poor = Account::new(77);
        for nonce in 0.. {
            context.sleep(Duration::from_millis(200)).await;
            for (number, channel) in channels.iter_mut().enumerate() {
                let large = if random.below(20) == 0 { limits::GOSSIP_BYTES_MAX } else { 300 };
                let mut noise = vec![random.below(256) as u8; random.below(large as u64) as usize];
                if let Some(first) = noise.first_mut() {
                    *first = random.below(4) as u8;
                }
                say(channel, Recipients::All, IoBuf::from(noise));
                if number == 5 {
                    let foreign = Account::new(90).transfer(ChainId([1; 32]), nonce, poor.address(), 1);
                    let penniless = poor.transfer(chain, nonce, poor.address(), u64::MAX);
                    for bytes in [foreign.encode(), penniless.encode()] {
                        say(channel, Recipients::All, IoBuf::from([&(bytes.len() as u32).to_be_bytes()[..], &bytes].concat()));
                    }
                }
            }
        }
    });
}
