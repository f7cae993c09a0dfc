//! Finality between continents, in simulated time: `wan VALIDATORS BLOCKS` links every pair of validators with a delay between 50 and 150 ms and says how long after its proposal a block is final on each.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a program for benchmarks")]

#[path = "../tests/common/mod.rs"]
mod common;

use common::{Account, World, genesis};
use commonware_p2p::simulated::Link;
use commonware_runtime::{Clock, Runner, Spawner, Supervisor, deterministic};
use commonware_utils::probability;
use mickai_node::Handle;
use mickai_proof::pantheon::{Height, VoteKind};
use std::time::{Duration, Instant, UNIX_EPOCH};

const DELAY_MS: std::ops::RangeInclusive<u64> = 50..=150;

fn main() {
    let mut args = std::env::args().skip(1).map(|arg| arg.parse::<u64>().unwrap());
    let (validators, blocks) = (args.next().unwrap_or(7) as u8, args.next().unwrap_or(30));
    let began = Instant::now();
    let config = deterministic::Config::new().with_seed(1).with_timeout(Some(Duration::from_secs(3_600)));
    let mut delays_ms = deterministic::Runner::new(config).start(|context| async move {
        let seeds: Vec<u8> = (1..=validators).collect();
        let world = World::unlinked(&context, genesis(validators, u64::from(validators), 1_000), &seeds).await;
        link(&world).await;
        let mut watchers = Vec::new();
        for at in 0..seeds.len() {
            let (node, _) = world.node(&context, at).await;
            watchers.push(context.child("watcher").spawn(move |context| watch(context, node, blocks)));
        }
        let mut delays = Vec::new();
        for watcher in watchers {
            delays.extend(watcher.await.unwrap());
        }
        delays
    });
    delays_ms.sort_unstable();
    let quantile = |share: f64| delays_ms[((delays_ms.len() - 1) as f64 * share) as usize];
    let (p50, p99, most) = (quantile(0.5), quantile(0.99), DELAY_MS.end());
    let verify_us = verify_us();
    println!("wan validators={validators} blocks={blocks} p50_ms={p50} p99_ms={p99} delay_ms_max={most} verify_us={verify_us} wall_s={:.1}", began.elapsed().as_secs_f64());
}

/// Every pair has a delay of its own, the same both ways, drawn from the pair.
async fn link(world: &World) {
    let span = DELAY_MS.end() - DELAY_MS.start() + 1;
    for (a, from) in world.keys.iter().enumerate() {
        for (b, to) in world.keys.iter().enumerate().filter(|(b, _)| *b != a) {
            let pair = (a.min(b) * 64 + a.max(b)) as u64;
            let latency = Duration::from_millis(DELAY_MS.start() + pair.wrapping_mul(0x9e37_79b9_7f4a_7c15) % span);
            let link = Link { latency, jitter: Duration::ZERO, success_rate: probability!(1.0) };
            world.oracle.add_link(from.public().clone(), to.public().clone(), link).await.unwrap();
        }
    }
}

/// From proposal to finality here, ms, of the first blocks but for ten in which connections are made.
async fn watch(context: deterministic::Context, node: Handle, blocks: u64) -> Vec<u64> {
    let mut delays = Vec::new();
    let mut at = Height(0);
    while at.0 < blocks + 10 {
        at = node.wait(at).await.unwrap();
        let now = context.current().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
        if at.0 > 10 {
            delays.push(now - node.ledger().time_ms());
        }
    }
    delays
}

/// What one verification of a vote takes here, in microseconds.
fn verify_us() -> u128 {
    let account = Account::new(1);
    let chain = mickai_proof::digest::ChainId([1; 32]);
    let vote = account.vote(chain, VoteKind::Nullify(mickai_proof::pantheon::Round { epoch: 0, view: 1 }));
    let began = Instant::now();
    (0..200).for_each(|_| assert!(vote.is_signed_by(&account.key, chain)));
    began.elapsed().as_micros() / 200
}
