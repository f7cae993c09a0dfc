//! The simulator's own checks: a few seeds pass, and two chains, an invalid block and a changed run are noticed.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test, which uses a part of what it includes")]

mod common;

#[path = "../examples/sim/adversaries/mod.rs"]
mod adversaries;

#[path = "../examples/sim/checks.rs"]
mod checks;

#[path = "../examples/sim/network.rs"]
mod network;

#[path = "../examples/sim/plan.rs"]
mod plan;

#[path = "../examples/sim/run.rs"]
mod run;

use checks::History;
use mickai_ledger::{Ledger, Library, Slot};
use mickai_proof::digest::StateHash;
use mickai_proof::pantheon::{Block, Header};
use plan::Plan;
use run::attempt;

#[test]
fn a_few_seeds_pass_and_leave_the_same_trace_twice() {
    for seed in 0..4 {
        let plan = Plan::draw(seed, None);
        let (one, two) = (attempt(&plan).unwrap(), attempt(&plan).unwrap());
        assert!(one.height >= 6 && one.trace == two.trace, "{plan:?}");
    }
}

/// More than a third cheats: the engines promise nothing then, and the checkers have to see it.
#[test]
fn two_chains_are_noticed() {
    let found: Vec<_> = (0..2).map(|seed| attempt(&Plan::canary(seed)).err().unwrap()).collect();
    assert!(found.iter().all(|why| why.starts_with("FORK")), "{found:?}");
}

/// As if every node had been told to take any block.
#[test]
fn an_invalid_final_block_is_noticed() {
    let genesis = common::genesis(4, 4, 10);
    let ledger = Ledger::new(&genesis).unwrap();
    let proposer = ledger.state().seats()[0].account;
    let good = ledger.assemble(Slot { view: 1, time_ms: 1, proposer }, [], &Library).unwrap().block;
    let mut history = History::default();
    history.plant(good.clone());
    assert_eq!(history.check(&genesis).unwrap().tip(), good.header.id());
    let bad = Block { header: Header { state: StateHash([0x66; 32]), ..good.header.clone() }, ..good };
    history.plant(bad);
    assert!(history.check(&genesis).err().unwrap().starts_with("an invalid block is final at 1"));
}
