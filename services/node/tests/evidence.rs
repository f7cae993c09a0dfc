//! A validator that the engine catches voting twice loses its bond: what the engine reports becomes a transaction that the ledger accepts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

#[path = "../../../engines/ledger/tests/common/mod.rs"]
mod common;

use common::{BOND, Chain, Signer, obols, params};
use commonware_consensus::simplex::types::{Activity, Attributable, ConflictingFinalize, ConflictingNotarize, Finalize, Notarize, Nullify, NullifyFinalize, Proposal};
use commonware_consensus::types::{Epoch, Round, View};
use commonware_cryptography::sha256::Digest;
use mickai_ledger::Effect;
use mickai_node::identity::{PrivateKey, SEED_LEN};
use mickai_node::scheme::Scheme;
use mickai_node::votes;
use mickai_proof::digest::{BlockId, ChainId};
use mickai_proof::pantheon::{Action, Evidence, Vote};
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
