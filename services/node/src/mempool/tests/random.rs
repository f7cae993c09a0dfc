//! Random arrivals, blocks and refusals: the pool is whole after each, room goes only to who is worth more, and every transfer that a proposer gets to can follow.

use super::{Mempool, SubmitError, ledger, whole};
use crate::trial::{Marked, address, edited, later, slot};
use mickai_ledger::Ledger;
use mickai_proof::digest::TransactionId;
use mickai_proof::pantheon::{Action, Address, Amount, Height, Transaction};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Room for about a dozen transfers, five of one sender.
const BYTES_MAX: usize = 44_000;
const SENDER_BYTES_MAX: usize = 20_000;

#[derive(Clone, Debug)]
enum Step {
    /// A transaction arrives: `ahead` above its sender's first number that is free, or, where negative, in the place of one that waits.
    Arrives { from: u16, ahead: i8, fee: u64, given: u64, padding: usize, valid_for: u64 },
    /// A block of the first so many becomes final.
    Block { count: usize },
    /// This node proposes a block of all, which does not become final.
    Proposes,
    /// Empty blocks become final.
    Pause { block_count: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let ahead = prop_oneof![6 => Just(0), 2 => 1..3_i8, 2 => -3..0_i8];
    // A few hundred PAN of a thousand, now and then; else a small fee.
    let fee = prop_oneof![9 => 20_000..200_000_u64, 1 => 100_000_000_000..400_000_000_000_u64];
    let given = prop_oneof![9 => Just(1), 1 => 100_000_000_000..900_000_000_000_u64];
    let padding = prop_oneof![5 => Just(0), 1 => 1..12_000_usize];
    let arrives = (2..8_u16, ahead, fee, given, padding, prop_oneof![3 => Just(1_000_u64), 1 => 1..6_u64]);
    let arrives = arrives.prop_map(|(from, ahead, fee, given, padding, valid_for)| Step::Arrives { from, ahead, fee, given, padding, valid_for });
    prop_oneof![
        20 => arrives,
        2 => (0..8_usize).prop_map(|count| Step::Block { count }),
        1 => Just(Step::Proposes),
        1 => (1..70_usize).prop_map(|block_count| Step::Pause { block_count }),
    ]
}

struct World {
    ledger: Ledger,
    mempool: Mempool,
    /// What happened, so that the property is not about nothing.
    met: BTreeSet<&'static str>,
}

/// Of each that waits: where, and what it is worth.
type Picture = BTreeMap<TransactionId, (Address, u64, Option<u128>)>;

impl World {
    fn new() -> Self {
        Self { ledger: ledger(), mempool: Mempool::new(BYTES_MAX, SENDER_BYTES_MAX), met: BTreeSet::new() }
    }

    fn picture(&self) -> Picture {
        let queues = self.mempool.queues.iter();
        queues.flat_map(|(sender, queue)| queue.waiting.iter().map(|(nonce, waiting)| (waiting.id, (*sender, *nonce, waiting.worth)))).collect()
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Arrives { from, ahead, fee, given, padding, valid_for } => {
                let next = self.ledger.state().account(address(from)).unwrap().nonce;
                let free = (next..).find(|nonce| self.mempool.at(address(from), *nonce).is_none()).unwrap();
                let transaction = edited(&self.ledger, from, free.saturating_add_signed(ahead.into()), fee, |body| {
                    body.expires = Height(self.ledger.height().0 + valid_for);
                    body.action = if padding > 0 { Action::Fork(vec![0; padding]) } else { Action::Transfer { to: address(9), amount: Amount::from_obols(given) } };
                });
                self.arrives(&transaction);
            }
            Step::Block { count } => {
                self.ledger = self.propose(count).0;
                self.follow();
            }
            Step::Proposes => {
                let refused = self.propose(usize::MAX).1;
                self.mempool.refused(&self.ledger, &refused);
                if !refused.is_empty() {
                    self.met.insert("refused");
                }
            }
            Step::Pause { block_count } => {
                self.ledger = later(&self.ledger, block_count);
                self.follow();
            }
        }
        whole(&self.mempool, &self.ledger);
        self.try_best();
    }

    fn follow(&mut self) {
        let before = self.mempool.len();
        self.mempool.follow(&self.ledger);
        if self.mempool.len() < before {
            self.met.insert("gone");
        }
    }

    fn arrives(&mut self, transaction: &Arc<Transaction>) {
        let (id, sender, nonce) = (transaction.id(), transaction.body().sender, transaction.body().nonce);
        let (before, bytes_before) = (self.picture(), self.mempool.byte_count());
        let done = self.mempool.insert(&self.ledger, id, transaction.clone());
        let after = self.picture();
        if let Err(why) = done {
            assert_eq!(after, before, "who is refused changes nothing");
            assert!(why != SubmitError::Full || bytes_before + transaction.byte_count() > BYTES_MAX);
            self.met.insert(match why {
                SubmitError::Rejected(why) => why.code(),
                SubmitError::Full => "full",
                SubmitError::SenderFull { .. } => "sender-full",
                SubmitError::Underpriced { .. } => "underpriced",
                SubmitError::Known(_) => "known",
                SubmitError::TooFarAhead { .. } | SubmitError::Stopped => unreachable!("{why}"),
            });
            return;
        }
        let worth = after[&id].2;
        self.met.insert(if worth.is_none() { "gapped" } else { "ready" });
        for (other, place) in &before {
            let (of, number, worth_before) = *place;
            match after.get(other) {
                // His own ones may have got a gap filled, or one before them replaced.
                Some(_) if of == sender => (),
                Some(place_after) => assert_eq!(place_after, place, "nobody else's worth changes"),
                None if of == sender => {
                    assert_eq!(number, nonce, "of his own it takes one place only");
                    self.met.insert("replaced");
                }
                None => {
                    assert!(worth_before < worth, "who goes is worth less");
                    self.met.insert(if worth_before.is_none() { "gapped one evicted" } else { "ready one evicted" });
                }
            }
        }
    }

    /// The ledger after a block of the first `count`, and what it refused: everything but transfers.
    fn propose(&self, count: usize) -> (Ledger, Vec<Arc<Transaction>>) {
        let mut selection = self.mempool.select(&self.ledger);
        let mut making = self.ledger.begin(slot(), &Marked).unwrap();
        let mut refused = Vec::new();
        for _ in 0..count {
            let Some(best) = selection.best() else { break };
            let done = making.add(best);
            assert_eq!(done.is_ok(), matches!(best.body().action, Action::Transfer { .. }), "{done:?}");
            if done.is_ok() { selection.take() } else { refused.extend(selection.pass()) }
        }
        (making.end().unwrap().1.ledger, refused)
    }

    /// The pool's own order is one that a block can hold.
    fn try_best(&self) {
        let mut making = self.ledger.begin(slot(), &Marked).unwrap();
        let mut passed = BTreeSet::new();
        for one in self.mempool.best(usize::MAX) {
            if !passed.contains(&one.body().sender) && making.add(&one).is_err() {
                assert!(!matches!(one.body().action, Action::Transfer { .. }));
                passed.insert(one.body().sender);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_pool_stays_whole(steps in prop::collection::vec(step(), 1..80)) {
        let mut world = World::new();
        steps.iter().for_each(|step| world.step(step));
    }
}

/// One long run from a fixed seed meets everything that can happen.
#[test]
fn the_steps_meet_everything() {
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &[5; 32]));
    let mut world = World::new();
    for _ in 0..3_000 {
        world.step(&step().new_tree(&mut runner).unwrap().current());
    }
    let met: Vec<_> = world.met.into_iter().collect();
    let all = "full, gapped, gapped one evicted, gone, insufficient, key-missing, nonce-used, ready, ready one evicted, refused, replaced, sender-full, underpriced";
    assert_eq!(met.join(", "), all);
}
