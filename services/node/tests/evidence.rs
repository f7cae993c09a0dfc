//! A validator that the engine catches voting twice loses its bond: what the engine reports becomes a transaction that the ledger accepts, and nodes submit it by themselves.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test, which uses a part of what it includes")]
#![allow(clippy::duplicate_mod, reason = "a log signs with the ledger's test accounts and with the node's")]

mod common;

#[path = "../../../engines/ledger/tests/common/mod.rs"]
mod chain;

#[path = "../examples/sim/adversaries/mod.rs"]
mod adversaries;

#[path = "../examples/sim/load.rs"]
mod load;

#[path = "../examples/sim/logs.rs"]
mod logs;

#[path = "../examples/sim/network.rs"]
mod network;

#[path = "../examples/sim/plan.rs"]
mod plan;

use chain::{BOND, Chain, Signer, obols, params};
use common::Account;
use commonware_consensus::simplex::types::{Activity, Attributable, ConflictingFinalize, ConflictingNotarize, Finalize, Notarize, Nullify, NullifyFinalize, Proposal};
use commonware_consensus::types::{Epoch, Round, View};
use commonware_cryptography::sha256::Digest;
use commonware_runtime::{Clock as _, Metrics as _, Runner as _, deterministic};
use mickai_ledger::Effect;
use mickai_node::identity::{PrivateKey, SEED_LEN};
use mickai_node::scheme::Scheme;
use mickai_node::votes;
use mickai_proof::digest::{BlockId, ChainId};
use mickai_proof::pantheon::{Action, Amount, Evidence, Height, Vote};
use network::Network;
use plan::{Cheat, Plan};
use std::time::Duration;
use zeroize::Zeroizing;

const SEEDS: [u8; 4] = [1, 2, 3, 4];
const CHEAT: u8 = 3;

fn scheme(chain: &Chain, seed: u8) -> Scheme {
    let key = PrivateKey::from_seed_bytes(&Zeroizing::new([seed; SEED_LEN]));
    Scheme::signer(chain.ledger.chain(), chain.ledger.validators(), key).unwrap()
}

fn proposal(block: u8) -> Proposal<Digest> {
    Proposal::new(Round::new(Epoch::zero(), View::new(300)), View::new(299), votes::digest(BlockId([block; 32])))
}

/// The three pairs that the engine reports, each by the votes of `one` and then of `other`.
fn pairs(one: &Scheme, other: &Scheme) -> [Activity<Scheme, Digest>; 3] {
    let notarize = |scheme, block| Notarize::sign(scheme, proposal(block)).unwrap();
    let finalize = |scheme, block| Finalize::sign(scheme, proposal(block)).unwrap();
    let nullify = Nullify::sign::<Digest>(one, proposal(1).round).unwrap();
    [
        Activity::ConflictingNotarize(ConflictingNotarize::new(notarize(one, 9), notarize(other, 1))),
        Activity::ConflictingFinalize(ConflictingFinalize::new(finalize(one, 1), finalize(other, 9))),
        Activity::NullifyFinalize(NullifyFinalize::new(nullify, finalize(other, 1))),
    ]
}

#[test]
fn what_the_engine_reports_costs_the_bond() {
    for at in 0..3 {
        let mut chain = Chain::with(params(), &SEEDS);
        let (cheat, watcher) = (scheme(&chain, CHEAT), scheme(&chain, 1));
        let [reported, ..] = {
            let mut pairs = pairs(&cheat, &cheat);
            pairs.rotate_left(at);
            pairs
        };
        let evidence = votes::evidence(&reported, &watcher, chain.ledger.chain()).unwrap();
        assert_eq!(evidence.voter, Signer::new(CHEAT).address());
        let effects = chain.does(&Signer::new(10), Action::Evidence(Box::new(evidence)));
        assert_eq!(effects, [Effect::Barred { account: Signer::new(100 + CHEAT).address(), amount: obols(BOND) }], "pair {at}");
    }
}

/// What a chain of four came to, one of whom votes twice in every round, after so many blocks.
struct After {
    is_barred: bool,
    /// Of the chain, the evidence that blocks hold.
    taken: usize,
    /// Over the three nodes.
    submitted: u64,
    /// What the accounts of their keys have paid.
    paid: u64,
    treasury: u64,
    shown: usize,
}

fn double_voter(submits_evidence: bool) -> After {
    let plan = Plan { cheats: vec![Cheat::DoubleVoter], latency: Duration::from_millis(20), ..Plan::canary(1) };
    deterministic::Runner::new(deterministic::Config::new().with_seed(1).with_timeout(Some(Duration::from_secs(600)))).start(|context| async move {
        let genesis = common::genesis(plan.validators, 5, 20);
        let mut network = Network::new(&context, &plan, genesis).await;
        network.submits_evidence = submits_evidence;
        let mut nodes = Vec::new();
        for at in 1..4 {
            nodes.push(network.honest(&context, at, 0).await.handle);
        }
        adversaries::start(Cheat::DoubleVoter, &context, &network, 0, 1, &nodes[0]).await;
        while nodes.iter().any(|node| node.status().height < Height(30)) {
            context.sleep(Duration::from_millis(100)).await;
        }
        let ledger = nodes[0].ledger();
        let mut taken = 0;
        for height in 1..=ledger.height().0 {
            let block = nodes[0].block(Height(height)).await.unwrap();
            taken += block.block().unwrap().transactions.iter().filter(|transaction| matches!(transaction.body().action, Action::Evidence(_))).count();
        }
        let has = |seed| ledger.state().account(Account::new(seed).address()).unwrap().balance.obols();
        let submitted =
            context.encode().lines().filter(|line| line.contains("accuser_submitted_total{")).map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum();
        let cheat = ledger.state().validator(Account::new(101).address()).unwrap();
        assert_eq!(cheat.is_barred, cheat.bond == Amount::ZERO);
        let shown = nodes.iter().filter(|node| !node.evidence().is_empty()).count();
        After { is_barred: cheat.is_barred, taken, submitted, paid: (2..5).map(|seed| common::PAN - has(seed)).sum(), treasury: ledger.state().totals().treasury.obols(), shown }
    })
}

/// Nobody sends anything: what the nodes submit is all that there is.
#[test]
fn a_double_voter_loses_its_bond_by_itself() {
    let after = double_voter(true);
    assert!(after.is_barred && after.treasury >= BOND);
    // Several showed it, and one of them paid, once, though ten blocks and more came afterwards.
    assert!(after.shown >= 2 && (2..=3).contains(&after.submitted), "{} {}", after.shown, after.submitted);
    assert_eq!(after.taken, 1);
    let fee = 1_000 + 49_152;
    assert_eq!(after.paid, fee);
}

#[test]
fn a_node_that_shall_not_submits_nothing() {
    let after = double_voter(false);
    assert!(!after.is_barred && after.shown >= 2);
    assert_eq!((after.taken, after.submitted, after.paid), (0, 0, 0));
}

#[test]
fn what_was_not_signed_by_the_seat_is_no_evidence() {
    let chain = Chain::with(params(), &SEEDS);
    let id = chain.ledger.chain();
    let (cheat, watcher) = (scheme(&chain, CHEAT), scheme(&chain, 1));
    for reported in pairs(&cheat, &cheat) {
        assert!(votes::evidence(&reported, &watcher, id).is_some());
        assert!(votes::evidence(&reported, &watcher, ChainId([1; 32])).is_none(), "votes of another chain");
    }
    // Somebody else's signature under the cheat's seat: the engine may report it before it verifies it.
    let honest = scheme(&chain, 2);
    let mut framed = Notarize::sign(&honest, proposal(9)).unwrap();
    let real = Notarize::sign(&cheat, proposal(1)).unwrap();
    framed.attestation.signer = real.signer();
    let reported = Activity::ConflictingNotarize(ConflictingNotarize::new(real.clone(), framed));
    assert!(votes::evidence(&reported, &watcher, id).is_none());
    // One vote is nothing.
    assert!(votes::evidence(&Activity::Notarize(real), &watcher, id).is_none());
}

#[test]
fn the_order_in_which_the_votes_were_seen_does_not_matter() {
    let chain = Chain::with(params(), &SEEDS);
    let cheat = scheme(&chain, CHEAT);
    let sign = |block| Notarize::sign(&cheat, proposal(block)).unwrap();
    let made = |a, b| votes::evidence(&Activity::ConflictingNotarize(ConflictingNotarize::new(sign(a), sign(b))), &cheat, chain.ledger.chain());
    let kinds = |evidence: Option<Evidence>| evidence.map(|Evidence { a: Vote { kind: a, .. }, b: Vote { kind: b, .. }, .. }| (a, b)).unwrap();
    assert_eq!(kinds(made(1, 9)), kinds(made(9, 1)));
    assert!(kinds(made(1, 9)).0 < kinds(made(1, 9)).1);
}
