//! Validators in the simulator: they agree, pay, change their set, follow a restart, and show it all to a light client.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::{Account, BOND, World, genesis};
use commonware_runtime::{Metrics, Runner, Supervisor, deterministic};
use mickai_node::{Handle, Keeping};
use mickai_proof::pantheon::{Action, Amount, Height, StateKey, light};
use std::time::Duration;

fn run<F: Future<Output = ()>>(seed: u64, test: impl FnOnce(deterministic::Context) -> F) {
    let config = deterministic::Config::new().with_seed(seed).with_timeout(Some(Duration::from_secs(600)));
    deterministic::Runner::new(config).start(test);
}

/// All nodes have this height, and one history up to it.
async fn agree(nodes: &[Handle], height: Height) {
    agree_from(nodes, 1, height).await;
}

async fn agree_from(nodes: &[Handle], from: u64, height: Height) {
    for node in nodes {
        let mut at = node.status().height;
        while at < height {
            at = node.wait(at).await.unwrap();
        }
    }
    for at in from..=height.0 {
        let ids: Vec<_> = futures::future::join_all(nodes.iter().map(|node| node.block(Height(at)))).await;
        assert!(ids.windows(2).all(|pair| pair[0].as_ref().unwrap().id() == pair[1].as_ref().unwrap().id()), "a fork at {at}");
    }
}

#[test]
fn four_validators_agree_and_pay() {
    run(1, |context| async move {
        let world = World::new(&context, genesis(4, 4, 10), &[1, 2, 3, 4]).await;
        let mut nodes = Vec::new();
        for at in 0..4 {
            nodes.push(world.node(&context, at).await.0);
        }
        let (rich, other) = (Account::new(90), Account::new(91));
        let chain = nodes[0].chain();
        for nonce in 0..20 {
            nodes[0].submit(rich.transfer(chain, nonce, other.address(), 7)).unwrap();
        }
        let before = 10_000_000 * common::PAN;
        let paid = |node: &Handle| node.ledger().state().account(other.address()).unwrap().balance;
        for node in &nodes {
            let mut at = Height(0);
            while paid(node) != Amount::from_obols(before + 140) {
                at = node.wait(at).await.unwrap();
            }
        }
        agree(&nodes, Height(25)).await;
        let totals = nodes[0].ledger().state().audit().unwrap();
        assert_eq!((totals, totals.sum()), (nodes[0].ledger().state().totals(), 5_000_000_000_000_000_000));
    });
}

#[test]
fn a_validator_joins_and_a_light_client_follows() {
    run(2, |context| async move {
        // The fifth node holds no seat yet, and follows.
        let world = World::new(&context, genesis(4, 7, 5), &[1, 2, 3, 4, 5]).await;
        let mut nodes = Vec::new();
        for at in 0..5 {
            nodes.push(world.node(&context, at).await.0);
        }
        assert!(!nodes[4].status().is_validator);
        let rich = Account::new(91);
        let chain = nodes[4].chain();
        let key = Some(Account::new(5).bond_key(chain, rich.address()));
        nodes[4].submit(rich.transaction(chain, 0, Action::Bond { amount: Amount::from_obols(BOND), key })).unwrap();
        let mut at = Height(0);
        while !nodes[4].status().is_validator {
            at = nodes[4].wait(at).await.unwrap();
        }
        // It votes: with another one cut off, four of five go on.
        for other in &world.keys[1..] {
            world.oracle.remove_link(world.keys[0].public().clone(), other.public().clone()).await.unwrap();
            world.oracle.remove_link(other.public().clone(), world.keys[0].public().clone()).await.unwrap();
        }
        agree(&nodes[1..], Height(at.0 + 12)).await;
        let proof = nodes[4].light(&[StateKey::Totals, StateKey::Account(rich.address())]).await.unwrap();
        assert_eq!(proof.changes.len(), 1);
        let verdict = light::verify(&proof.encode(), chain).unwrap();
        assert_eq!((verdict.validators_fewest, verdict.entries.len()), (4, 2));
        // Healed, the one that was cut off comes to the same chain, through the epochs that it missed.
        for other in &world.keys[1..] {
            world.oracle.add_link(world.keys[0].public().clone(), other.public().clone(), common::good_link()).await.unwrap();
            world.oracle.add_link(other.public().clone(), world.keys[0].public().clone(), common::good_link()).await.unwrap();
        }
        agree(&nodes, Height(at.0 + 20)).await;
    });
}

#[test]
fn a_chain_of_one_goes_on_alone() {
    run(3, |context| async move {
        let world = World::new(&context, genesis(1, 4, 3), &[1]).await;
        let (node, _) = world.node(&context, 0).await;
        agree(std::slice::from_ref(&node), Height(10)).await;
        let verdict = light::verify(&node.light(&[StateKey::Seats]).await.unwrap().encode(), node.chain()).unwrap();
        assert_eq!(verdict.validators_fewest, 1);
    });
}

/// Power fails for all of them, what was not synced is lost; they go on from what was final.
#[test]
fn all_restart_from_their_disks() {
    let mut heights = Vec::new();
    let mut first_payment = None;
    let config = deterministic::Config::new().with_seed(4).with_timeout(Some(Duration::from_secs(600)));
    let mut runner = deterministic::Runner::new(config);
    for boot in 0..3_u64 {
        let ((height, id), checkpoint) = runner.start_and_recover(|context| async move {
            let mut world = World::new(&context, genesis(4, 4, 4), &[1, 2, 3, 4]).await;
            world.keeping = Keeping { snapshot_blocks: 4, snapshot_ms: 0, ..Keeping::default() };
            let mut nodes = Vec::new();
            for at in 0..4 {
                nodes.push(world.node(&context.child("boot"), at).await.0);
            }
            let (rich, other) = (Account::new(90), Account::new(91));
            // A node that goes on from a snapshot, and keeps all blocks, knows what stands in those before it.
            let known = first_payment.and_then(|id| nodes[2].locate(id));
            assert_eq!(known.is_some(), boot > 0);
            let id = nodes[0].submit(rich.transfer(nodes[0].chain(), boot, other.address(), 5)).unwrap();
            agree(&nodes, Height(9 * (boot + 1))).await;
            assert_eq!(nodes[3].ledger().state().account(rich.address()).unwrap().nonce, boot + 1);
            (nodes[0].status().height, id)
        });
        first_payment.get_or_insert(id);
        heights.push(height);
        runner = deterministic::Runner::from(checkpoint);
    }
    assert!(heights.is_sorted(), "{heights:?}");
}

/// Who comes late takes a snapshot, though the others have pruned the blocks before it, and shows the chain from genesis on; a restart goes on from it.
#[test]
fn a_late_node_takes_a_snapshot() {
    let config = deterministic::Config::new().with_seed(5).with_timeout(Some(Duration::from_secs(600)));
    let mut runner = deterministic::Runner::new(config);
    for boot in 0..2_u64 {
        let (_, checkpoint) = runner.start_and_recover(|context| async move {
            let mut world = World::new(&context, genesis(4, 7, 5), &[1, 2, 3, 4, 5]).await;
            world.keeping = Keeping { snapshot_blocks: 20, snapshot_ms: 0, kept_blocks: Some(5), takes_snapshot: false };
            let mut nodes = Vec::new();
            for at in 0..4 {
                nodes.push(world.node(&context.child("early"), at).await.0);
            }
            let (rich, chain) = (Account::new(91), nodes[0].chain());
            if boot == 0 {
                let key = Some(Account::new(5).bond_key(chain, rich.address()));
                nodes[0].submit(rich.transaction(chain, 0, Action::Bond { amount: Amount::from_obols(BOND), key })).unwrap();
            }
            let begin = nodes[0].status().height.0;
            agree_from(&nodes, begin + 1, Height(begin + 42)).await;
            world.keeping.takes_snapshot = true;
            nodes.push(world.node(&context.child("late"), 4).await.0);
            let late = nodes[4].status().height;
            assert!(late.0 >= [21, 41][boot as usize], "it begins at a snapshot: {late}");
            let metrics = context.encode();
            let asked: u64 = metrics.lines().find_map(|line| line.strip_prefix("late_node_blocks_gets_total{at=\"4\"} ")).unwrap().parse().unwrap();
            assert!(nodes[4].block(Height(1)).await.is_none(), "and has nothing before");
            let mut first = 1;
            while nodes[4].block(Height(first)).await.is_none() {
                first += 1;
            }
            assert!(first > 20 && asked <= late.0 - first + 10, "it looked for {asked} blocks, and has {first} to {late}");
            agree_from(&nodes, late.0 + 1, Height(late.0 + 25)).await;
            assert!(nodes[4].status().is_validator);
            let verdict = light::verify(&nodes[4].light(&[StateKey::Totals]).await.unwrap().encode(), chain).unwrap();
            assert!(verdict.header.height > late && verdict.validators_fewest == 4);
            assert_eq!(nodes[4].ledger().state().audit().unwrap().sum(), 5_000_000_000_000_000_000);
        });
        runner = deterministic::Runner::from(checkpoint);
    }
}
