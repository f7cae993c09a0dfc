//! Validators whose disks are lost, emptied, or put back from a copy: they fetch the chain, vote again in time, and never contradict themselves.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::{Said, StoredMarks, World, genesis};
use commonware_runtime::{Clock, Handle as Task, Runner, Storage, Supervisor, deterministic};
use mickai_node::voted::Marks;
use mickai_node::{Handle, limits};
use std::sync::Arc;
use std::time::Duration;

const EPOCH_BLOCKS: u64 = 8;

/// What the one validator finds that is started again.
#[derive(Clone, Copy, Debug)]
enum Found {
    /// Its key and its mark.
    Mark,
    /// Its key alone.
    Nothing,
    /// Its mark, and the folder as it was when the process before last ended.
    OldFolder,
    /// Everything, as it was.
    Everything,
}

async fn reach(node: &Handle, height: u64) {
    let mut at = node.status().height;
    while at.0 < height {
        at = node.wait(at).await.unwrap();
    }
}

/// Copies every partition of the engine's that a node of this name may have: what an operator's backup of a stopped node does.
async fn copy(context: &impl Storage, from: &str, to: &str) {
    let archives = ["blocks", "certificates"].map(|kind| ["metadata", "keys", "values"].map(|part| format!("-{kind}-{part}")));
    let journals = (0..64).map(|epoch| format!("-epoch-{epoch}"));
    let others = ["-snapshots", "-entered", "-store-application-metadata"].map(str::to_owned);
    for suffix in archives.into_iter().flatten().chain(journals).chain(others) {
        let Ok(names) = context.scan(&format!("{from}{suffix}")).await else { continue };
        for name in names {
            let (blob, count) = context.open(&format!("{from}{suffix}"), &name).await.unwrap();
            let (other, _) = context.open(&format!("{to}{suffix}"), &name).await.unwrap();
            let bytes = commonware_runtime::Blob::read_at(&blob, 0, count as usize, Default::default()).await.unwrap().coalesce();
            commonware_runtime::Blob::write_at(&other, 0, bytes.as_ref().to_vec(), Default::default()).await.unwrap();
            commonware_runtime::Blob::sync(&other).await.unwrap();
        }
    }
}

/// Three validators go on throughout; the fourth ends in the middle of an epoch, and is started again on what it finds, in that epoch and again in a later one.
fn check(found: Found, seed: u64) {
    let config = deterministic::Config::new().with_seed(seed).with_timeout(Some(Duration::from_secs(900)));
    deterministic::Runner::new(config).start(|context| async move {
        let world = World::new(&context, genesis(4, 4, EPOCH_BLOCKS), &[1, 2, 3, 4]).await;
        let mut others = Vec::new();
        for at in 0..3 {
            others.push(world.node(&context, at).await.0);
        }
        let name = "node-3".to_owned();
        let mut running: (Handle, Task<()>) = world.node(&context, 3).await;
        let mut folder = name.clone();
        for (life, height) in [(1, EPOCH_BLOCKS + 3), (2, 4 * EPOCH_BLOCKS + 4)] {
            reach(&running.0, height).await;
            if matches!(found, Found::OldFolder) {
                // The others wait for it, so that it goes on in the very round in which it ended.
                world.part(0).await;
            }
            let stopped = end(&context, running).await;
            let next = format!("{name}-{life}");
            let marks: Arc<dyn Marks> = match found {
                Found::Nothing => StoredMarks::lost(context.child("marks"), &format!("{name}-{life}")),
                _ => StoredMarks::made(context.child("marks"), &name).await,
            };
            match found {
                Found::Everything => {}
                Found::OldFolder => {
                    // Copied while the node was stopped; then it goes on in its own, and the copy is put back.
                    copy(&context, &folder, &next).await;
                    let between = world.node_in(&context.child("between"), 3, &folder, marks.clone()).await;
                    reach(&between.0, stopped + 2).await;
                    end(&context, between).await;
                    world.join(0).await;
                    folder = next;
                }
                Found::Mark | Found::Nothing => folder = next,
            }
            // Alone at first, so that it says what it would say by what it knows itself.
            world.part(3).await;
            running = world.node_in(&context.child("again"), 3, &folder, marks).await;
            context.sleep(Duration::from_secs(4)).await;
            assert_eq!(running.0.status().is_validator, matches!(found, Found::Everything), "{found:?}");
            world.join(3).await;
        }
        // With another one away a quorum needs it: it votes again.
        let height = others[0].status().height.0 + 3 * EPOCH_BLOCKS;
        reach(&running.0, height).await;
        assert!(running.0.status().is_validator);
        let away = others.remove(0);
        world.part(0).await;
        reach(&running.0, running.0.status().height.0 + 3).await;
        drop(away);
        let (contradiction, count) = world.said.contradiction();
        assert!(contradiction.is_none() && count > 100, "{found:?}: {contradiction:?} of {count} votes");
    });
}

/// Ends a node in the middle of what it does; gives its height.
async fn end(context: &deterministic::Context, (handle, task): (Handle, Task<()>)) -> u64 {
    let height = handle.status().height.0;
    task.abort();
    drop(handle);
    context.sleep(Duration::from_millis(500)).await;
    height
}

#[test]
fn without_its_folder_it_waits_for_an_epoch() {
    check(Found::Mark, 1);
}

#[test]
fn without_folder_and_mark_it_waits_for_an_epoch() {
    check(Found::Nothing, 2);
}

#[test]
fn on_an_older_copy_of_its_folder_it_waits_for_an_epoch() {
    check(Found::OldFolder, 3);
}

#[test]
fn on_its_own_folder_it_goes_on_at_once() {
    check(Found::Everything, 4);
}

/// It finds neither folder nor mark, and by its clock, which stands still at the beginning of time for an hour, whatever it finds was proposed after it started.
#[test]
fn with_a_clock_that_is_behind_it_does_not_vote() {
    let config = deterministic::Config::new().with_seed(5).with_timeout(Some(Duration::from_secs(900)));
    deterministic::Runner::new(config).start(|context| async move {
        // So long that the first of its epochs begins well after what a clock may be behind.
        let epoch_blocks = 60;
        let mut world = World::new(&context, genesis(4, 4, epoch_blocks), &[1, 2, 3, 4]).await;
        let mut others = Vec::new();
        for at in 0..3 {
            others.push(world.node(&context, at).await.0);
        }
        let running = world.node(&context, 3).await;
        reach(&running.0, epoch_blocks).await;
        assert!(running.0.ledger().time_ms() > limits::BEHIND_MS_MAX);
        reach(&running.0, epoch_blocks + 3).await;
        end(&context, running).await;
        world.clock_ahead_ms = -3_600_000;
        let marks = StoredMarks::lost(context.child("marks"), "node-3");
        let (node, _task) = world.node_in(&context.child("again"), 3, "node-3-again", marks).await;
        while node.status().epoch < 2 {
            reach(&node, node.status().height.0 + 1).await;
            assert!(!node.status().is_validator, "{:?}", node.status());
        }
        let (contradiction, count) = world.said.contradiction();
        assert!(contradiction.is_none() && count > 100, "{contradiction:?} of {count} votes");
    });
}

/// Power fails for all in the middle of an epoch, again and again, also while they enter one: nobody who has everything is kept from voting, or nothing would go on.
#[test]
fn all_come_back_wherever_power_fails() {
    for seed in 0..6_u64 {
        let config = deterministic::Config::new().with_seed(seed).with_timeout(Some(Duration::from_secs(900)));
        let (mut runner, said) = (deterministic::Runner::new(config), Said::default());
        for boot in 0..5_u64 {
            let said = said.clone();
            let ((), checkpoint) = runner.start_and_recover(|context| async move {
                let mut world = World::new(&context, genesis(4, 4, 3), &[1, 2, 3, 4]).await;
                world.said = said;
                let mut nodes = Vec::new();
                for at in 0..4 {
                    nodes.push(world.node(&context, at).await.0);
                }
                let height = nodes.iter().map(|node| node.status().height.0).max().unwrap();
                reach(&nodes[0], height + 4).await;
                // Somewhere between two blocks, in another place each time.
                context.sleep(Duration::from_millis((seed * 5 + boot) * 13 % 200)).await;
            });
            runner = deterministic::Runner::from(checkpoint);
        }
        let (contradiction, count) = said.contradiction();
        assert!(contradiction.is_none() && count > 100, "seed {seed}: {contradiction:?} of {count} votes");
    }
}

#[test]
#[should_panic(expected = "another node votes with this key")]
fn a_key_that_votes_elsewhere_too_ends_the_node() {
    let config = deterministic::Config::new().with_timeout(Some(Duration::from_secs(60)));
    deterministic::Runner::new(config).start(|context| async move {
        let world = World::new(&context, genesis(1, 4, 3), &[1]).await;
        let marks = StoredMarks::made(context.child("marks"), "node-0").await;
        let (node, _task) = world.node_in(&context, 0, "node-0", marks.clone()).await;
        reach(&node, 2).await;
        marks.write(mickai_node::voted::unused()).await.unwrap();
        reach(&node, 10).await;
    });
}
