//! The simulator's own checks: a few seeds pass, and two chains, an invalid block, a log that shrinks or forks and a changed run are noticed.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test, which uses a part of what it includes")]

mod common;

#[path = "../examples/sim/adversaries/mod.rs"]
mod adversaries;

#[path = "../examples/sim/checks.rs"]
mod checks;

#[path = "../examples/sim/load.rs"]
mod load;

#[path = "../examples/sim/logs.rs"]
mod logs;

#[path = "../examples/sim/network.rs"]
mod network;

#[path = "../examples/sim/plan.rs"]
mod plan;

#[path = "../examples/sim/run.rs"]
mod run;

use checks::History;
use common::Account;
use mickai_ledger::{Ledger, Library, Slot};
use mickai_proof::digest::StateHash;
use mickai_proof::pantheon::{Action, Block, Header, Height};
use plan::{Cheat, Plan};
use run::attempt;

#[test]
fn a_few_seeds_pass_and_leave_the_same_trace_twice() {
    let (mut settled, mut grown, mut shrunk) = (0, 0, 0);
    for seed in 0..4 {
        let plan = Plan::draw(seed, None);
        let (one, two) = (attempt(&plan).unwrap(), attempt(&plan).unwrap());
        assert!(one.height >= 12 && one.trace == two.trace, "{plan:?}");
        (settled, grown, shrunk) = (settled + one.settled, grown + one.grown, shrunk + one.shrunk);
    }
    assert!(settled > 20 && grown > 0 && shrunk > 0, "{settled} {grown} {shrunk}");
}

/// More than a third cheats: the engines promise nothing then, and the checkers have to see it.
#[test]
fn two_chains_are_noticed() {
    let found: Vec<_> = (0..2).map(|seed| attempt(&Plan::canary(seed)).err().unwrap()).collect();
    assert!(found.iter().all(|why| why.starts_with("FORK")), "{found:?}");
}

/// Two blocks of one digest would freeze whoever believed the first.
#[test]
fn a_forged_block_stops_nobody() {
    let plan = Plan { faults: Vec::new(), joins: false, leaver: None, clock_ahead_ms: 0, loss_percent: 0, cheats: vec![Cheat::Forger], ..Plan::draw(0, Some(4)) };
    let outcome = attempt(&plan).unwrap();
    assert!(outcome.height >= 10 && outcome.forged > 0, "{} blocks, {} forged", outcome.height, outcome.forged);
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
    assert_eq!(history.check(&genesis).unwrap().ledger.tip(), good.header.id());
    let bad = Block { header: Header { state: StateHash([0x66; 32]), ..good.header.clone() }, ..good };
    history.plant(bad);
    assert!(history.check(&genesis).err().unwrap().starts_with("an invalid block is final at 1"));
}

/// As if every node's ledger had forgotten what was settled.
#[test]
fn a_log_that_shrinks_or_forks_is_noticed() {
    let genesis = common::genesis(4, 4, 10);
    let ledger = Ledger::new(&genesis).unwrap();
    let (payer, [log, other]) = (Account::new(90), logs::all());
    let header = ledger.assemble(Slot { view: 1, time_ms: 1, proposer: ledger.state().seats()[0].account }, [], &Library).unwrap().block.header;
    let found = |actions: Vec<Action>| {
        let mut history = History::default();
        for (height, action) in (1..).zip(actions) {
            let transactions = vec![payer.transaction(ledger.chain(), height - 1, action)];
            history.plant(Block { header: Header { height: Height(height), ..header.clone() }, transactions });
        }
        history.logs().map(|newest| newest.len())
    };
    assert_eq!(found(vec![log.attest(7, 1), other.attest(3, 1), log.attest(8, 2)]), Ok(2));
    assert!(found(vec![log.attest(7, 1), other.attest(9, 1), log.attest(6, 1)]).unwrap_err().ends_with("SHRINKS at height 3: from 7 records to 6"));
    assert!(found(vec![log.attest(7, 1), other.attest(7, 2), log.attest(7, 2)]).unwrap_err().ends_with("FORKS at height 3: two roots of 7 records"));
    // Within one transaction it is no better.
    let both = Action::Attest(vec![log.attestation(7, 1, log.key), log.attestation(5, 1, log.key)]);
    assert!(found(vec![both]).unwrap_err().ends_with("SHRINKS at height 1: from 7 records to 5"));
    // A ledger of the checker's own refuses it, too.
    let mut history = History::default();
    history.plant(Block { header, transactions: vec![payer.transaction(ledger.chain(), 0, log.attest(7, 1))] });
    assert!(history.check(&genesis).err().unwrap().starts_with("an invalid block is final at 1"));
}
