//! What a node submits of what it knows, when, and what it leaves alone.

use super::Accuser;
use crate::chain::Chain;
use crate::identity::PrivateKey;
use crate::trial::{PAN, genesis_of};
use commonware_runtime::deterministic::{Context, Runner};
use commonware_runtime::{Runner as _, Supervisor as _};
use commonware_utils::channel::mpsc;
use mickai_ledger::Slot;
use mickai_proof::digest::BlockId;
use mickai_proof::pantheon::{Action, Address, Amount, Body, Evidence, Height, Proposal, Round, Transaction, Vote, VoteKind};
use std::sync::Arc;

/// The node's own key; it has a PAN.
const OWN: u8 = 1;
/// An account with nearly everything.
const RICH: u8 = 90;
const FEE: u64 = 1_000 + 49_152;

fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_seed_bytes(&zeroize::Zeroizing::new([seed; 32]))
}

fn address(seed: u8) -> Address {
    Address::of(key(seed).public().key())
}

/// A chain whose four validators have seeds 1 to 4, with epochs of four blocks, and what this node would send to its peers.
struct Trial {
    chain: Arc<Chain>,
    accuser: Accuser,
    sent: mpsc::UnboundedReceiver<Arc<Transaction>>,
}

impl Trial {
    fn new(context: &Context, own: u8) -> Self {
        let validators = (1..5).map(|seed| (address(100 + seed), key(seed).public().key().clone())).collect();
        let genesis = genesis_of(4, validators, vec![(address(OWN), PAN)], address(RICH));
        let chain = Arc::new(Chain::new(&genesis).unwrap());
        let (submissions, sent) = mpsc::unbounded_channel();
        let accuser = Accuser::new(&context.child("accuser"), chain.clone(), key(own), submissions);
        Self { chain, accuser, sent }
    }

    /// Two finalize votes of one round for two blocks.
    fn evidence(&self, voter: u8, epoch: u64) -> Evidence {
        let vote = |block| {
            let kind = VoteKind::Finalize(Proposal { round: Round { epoch, view: 3 }, parent: 2, block: BlockId([block; 32]) });
            Vote { signature: Box::new(*key(voter).sign_message(&kind.message(self.chain.id())).unwrap().raw()), kind }
        };
        Evidence { voter: address(voter), a: vote(1), b: vote(2) }
    }

    /// One more final block, of what waits.
    fn block(&self) {
        let parent = self.chain.newest();
        let slot = Slot { view: parent.height().0 + 1, time_ms: parent.time_ms() + 1, proposer: parent.state().seats()[0].account };
        let sealed = self.chain.assemble(&parent, slot).unwrap();
        self.chain.finalise(&sealed).unwrap().unwrap();
    }

    /// Against whom each message since the last question is, with its number and fee.
    fn said(&mut self) -> Vec<(Address, u64, u64)> {
        let mut said = Vec::new();
        while let Ok(transaction) = self.sent.try_recv() {
            let body = transaction.body();
            let Action::Evidence(evidence) = &body.action else { panic!("it sent something else") };
            assert!(self.chain.waiting(transaction.id()).is_some());
            said.push((evidence.voter, body.nonce, body.fee.obols()));
        }
        said
    }

    fn by_hand(&self, nonce: u64, fee: u64, action: Action) {
        let body = Body { chain: self.chain.id(), sender: address(RICH), nonce, fee: Amount::from_obols(fee), expires: Height(100), action };
        let signature = key(RICH).sign_message(&body.message()).unwrap();
        let transaction = body.sign_with((nonce == 0).then(|| key(RICH).public().key().clone()), signature.raw());
        self.chain.submit(Arc::new(transaction), true).unwrap();
    }

    fn is_barred(&self, voter: u8) -> bool {
        self.chain.newest().state().validator(address(100 + voter)).unwrap().is_barred
    }
}

fn run(own: u8, test: impl FnOnce(Trial)) {
    Runner::default().start(|context| async move { test(Trial::new(&context, own)) });
}

#[test]
fn one_at_a_time_each_once() {
    run(OWN, |mut trial| {
        trial.accuser.look();
        assert_eq!(trial.said(), []);
        trial.chain.accuse(trial.evidence(2, 0));
        trial.chain.accuse(trial.evidence(3, 0));
        for _ in 0..3 {
            trial.accuser.look();
        }
        assert_eq!(trial.said(), [(address(2), 0, FEE)]);
        trial.block();
        assert!(trial.is_barred(2) && !trial.is_barred(3));
        trial.accuser.look();
        assert_eq!(trial.said(), [(address(3), 1, FEE)]);
        trial.block();
        assert!(trial.is_barred(3));
        trial.accuser.look();
        assert_eq!(trial.said(), []);
        assert_eq!(trial.accuser.submitted.get(), 2);
    });
}

/// Somebody else's was taken: that costs nothing, and what waits in vain makes room for the next.
#[test]
fn the_second_to_show_it_pays_nothing() {
    run(OWN, |mut trial| {
        trial.chain.accuse(trial.evidence(2, 0));
        trial.accuser.look();
        assert_eq!(trial.said(), [(address(2), 0, FEE)]);
        trial.by_hand(0, 100 * FEE, Action::Evidence(Box::new(trial.evidence(2, 0))));
        trial.block();
        assert!(trial.is_barred(2));
        let own = trial.chain.newest().state().account(address(OWN)).cloned().unwrap();
        assert_eq!((own.nonce, own.balance.obols()), (0, PAN));
        trial.chain.accuse(trial.evidence(4, 0));
        trial.accuser.look();
        assert_eq!(trial.said(), [(address(4), 0, FEE)]);
        trial.block();
        assert!(trial.is_barred(4));
    });
}

/// What waits under the number that comes next gives way to evidence: nobody knows how long it will wait.
#[test]
fn evidence_takes_the_place_of_what_waits_under_its_number() {
    run(OWN, |mut trial| {
        let body = Body {
            chain: trial.chain.id(),
            sender: address(OWN),
            nonce: 0,
            fee: Amount::from_obols(2 * FEE),
            expires: Height(100),
            action: Action::Transfer { to: address(RICH), amount: Amount::from_obols(1) },
        };
        let signature = key(OWN).sign_message(&body.message()).unwrap();
        trial.chain.submit(Arc::new(body.sign_with(Some(key(OWN).public().key().clone()), signature.raw())), true).unwrap();
        trial.chain.accuse(trial.evidence(2, 0));
        trial.accuser.look();
        assert_eq!(trial.said(), [(address(2), 0, 2 * FEE + 2 * FEE / 10 + 1)]);
        trial.block();
        assert!(trial.is_barred(2));
    });
}

/// Evidence is good for this epoch and the one before; of a voter who goes on, the newest is kept.
#[test]
fn what_the_chain_takes_no_longer_is_left_alone() {
    run(OWN, |mut trial| {
        trial.chain.accuse(trial.evidence(2, 1));
        trial.accuser.look();
        assert_eq!(trial.said(), [], "its epoch has not begun here");
        (0..12).for_each(|_| trial.block());
        trial.accuser.look();
        assert_eq!(trial.said(), [], "too old for block 13, of epoch 3");
        trial.chain.accuse(trial.evidence(2, 2));
        trial.chain.accuse(trial.evidence(2, 0));
        trial.accuser.look();
        assert_eq!(trial.said(), [(address(2), 0, FEE)]);
        trial.block();
        assert!(trial.is_barred(2));
    });
}

#[test]
fn who_cannot_pay_waits_until_he_can() {
    run(4, |mut trial| {
        trial.chain.accuse(trial.evidence(2, 0));
        trial.accuser.look();
        let give = |obols| Action::Transfer { to: address(4), amount: Amount::from_obols(obols) };
        trial.by_hand(0, FEE, give(FEE - 1));
        trial.block();
        trial.accuser.look();
        assert_eq!(trial.said(), []);
        trial.by_hand(1, FEE, give(1));
        trial.block();
        trial.accuser.look();
        assert_eq!(trial.said(), [(address(2), 0, FEE)]);
    });
}

#[test]
fn nobody_shows_himself() {
    run(OWN, |mut trial| {
        trial.chain.accuse(trial.evidence(OWN, 0));
        trial.accuser.look();
        assert_eq!(trial.said(), []);
    });
}
