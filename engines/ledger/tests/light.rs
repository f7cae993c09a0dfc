//! A light client with the genesis digest alone, after the validators changed three times, and everything that must not convince it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::log::OperatorLog;
use common::{BOND, Chain, Signer, certify, obols};
use mickai_ledger::{Effect, Library};
use mickai_proof::digest::{ChainId, StateHash};
use mickai_proof::pantheon::light::{Change, LightError, verify};
use mickai_proof::pantheon::{Action, Entry, LightProof, PantheonError, StateKey, ValidatorSet, quorum};

/// A chain on which accounts 10, 11 and 13 take seats one after the other, and the seeds of the validators of each epoch.
struct Grown {
    chain: Chain,
    sets: Vec<Vec<u8>>,
    log: OperatorLog,
}

fn grown() -> Grown {
    let mut chain = Chain::new();
    let rich = Signer::new(10);
    let mut sets = vec![vec![1]];
    let log = OperatorLog::new(30, 31, 32);
    for (account, voter) in [(10, 2), (11, 3), (13, 4)] {
        let account = Signer::new(account);
        let to = account.address();
        chain.does(&rich, Action::Transfer { to, amount: obols(2 * BOND) });
        let key = Some(Signer::new(voter).bond_key(chain.ledger.chain(), to));
        chain.does(&account, Action::Bond { amount: obols(BOND), key });
        let (effects, _) = chain.push(Vec::new(), &Library);
        assert_eq!(effects, [Effect::Seated]);
        sets.push((1..=voter).collect());
    }
    chain.does(&rich, log.register());
    chain.does(&rich, log.attest(5, 1));
    Grown { chain, sets, log }
}

fn set(seeds: &[u8]) -> ValidatorSet {
    ValidatorSet::new(seeds.iter().map(|seed| Signer::new(*seed).key).collect()).unwrap()
}

fn proof(Grown { chain, sets, log }: &Grown) -> LightProof {
    let change = |(epoch, seeds): (usize, &Vec<u8>)| {
        let header = chain.blocks[3 * epoch + 2].header.clone();
        Change { certificate: chain.certify(&header, seeds), header, next: set(&sets[epoch + 1]) }
    };
    let header = chain.blocks.last().unwrap().header.clone();
    let state = chain.ledger.state();
    LightProof {
        head: chain.genesis.head.clone(),
        changes: sets[..3].iter().enumerate().map(change).collect(),
        certificate: chain.certify(&header, sets.last().unwrap()),
        header,
        entries: vec![state.prove(StateKey::Log(log.id)), state.prove(StateKey::Name("nobody".into())), state.prove(StateKey::Totals)],
    }
}

#[test]
fn three_changes_of_the_validators_are_followed_from_the_genesis_digest() {
    let grown = grown();
    let bytes = proof(&grown).encode();
    let verdict = verify(&bytes, grown.chain.ledger.chain()).unwrap();
    assert_eq!((verdict.header.height.0, verdict.validators_fewest), (11, 1));
    let [(_, Some(Entry::Log(log))), (_, None), (_, Some(Entry::Totals(totals)))] = &verdict.entries[..] else { panic!("{:?}", verdict.entries) };
    assert_eq!(log.newest.as_ref().map(|newest| (newest.size, newest.height.0)), Some((5, 11)));
    assert_eq!(totals.sum(), 5_000_000_000_000_000_000);
    // One file: (1 + changes) × (certificate + 1,952 B × validators + 2 kB), the entries apart.
    let log_bytes = Entry::Log(log.clone()).encode().len();
    let most = 4 * (3 * 3_400 + 4 * 1_952 + 2_000) + log_bytes + 2_000;
    assert!(bytes.len() <= most, "{} bytes", bytes.len());
}

#[test]
fn nothing_else_convinces_a_light_client() {
    let grown = grown();
    let chain = grown.chain.ledger.chain();
    let good = proof(&grown);
    let check = |step: u8, edit: &dyn Fn(&mut LightProof), expected: &dyn Fn(&PantheonError) -> bool| {
        let mut proof = good.clone();
        edit(&mut proof);
        let LightError { step: found, error } = verify(&proof.encode(), chain).err().unwrap();
        assert!(found == step && expected(&error), "step {found}: {error:?}");
    };
    let all: Vec<u8> = vec![1, 2, 3, 4];
    check(2, &|proof| proof.head.name = "another".into(), &|error| matches!(error, PantheonError::GenesisDigest { .. }));
    let forged = |seeds: &'static [u8]| move |proof: &mut LightProof| proof.changes[0].next = set(seeds);
    check(3, &forged(&[1, 9]), &|error| matches!(error, PantheonError::ValidatorSet { .. }));
    check(3, &|proof| drop(proof.changes.remove(1)), &|error| matches!(error, PantheonError::ValidatorSet { .. }));
    check(4, &|proof| drop(proof.changes.pop()), &|error| matches!(error, PantheonError::ValidatorSet { .. }));
    check(3, &|proof| proof.changes.swap(0, 1), &|error| matches!(error, PantheonError::ValidatorSet { .. }));
    check(3, &|proof| proof.changes.insert(0, proof.changes[0].clone()), &|error| matches!(error, PantheonError::Height { .. }));
    // A thief with an old key makes a header of a set of its own.
    let own = |proof: &mut LightProof| {
        proof.header.validators = set(&[1]).digest();
        proof.certificate = certify(&proof.header, &[1], 1);
    };
    check(4, &own, &|error| matches!(error, PantheonError::ValidatorSet { .. }));
    let need = quorum(4);
    check(4, &|proof| proof.certificate = certify(&proof.header, &all, need - 1), &|error| *error == PantheonError::Quorum { have: 2, need: 3 });
    check(4, &|proof| proof.certificate = certify(&proof.header, &[1, 2, 3, 9], 4), &|error| matches!(error, PantheonError::VoteSignature { .. }));
    check(4, &|proof| proof.certificate = certify(&proof.header, &[1, 2, 3, 4, 5, 6, 7, 8, 9], 7), &|error| error.code() == "malformed-certificate");
    let elsewhere = |proof: &mut LightProof| {
        proof.header.chain = ChainId([7; 32]);
        proof.certificate = certify(&proof.header, &[1, 2, 3, 4], 3);
    };
    check(4, &elsewhere, &|error| *error == PantheonError::Chain { found: ChainId([7; 32]) });
    check(4, &|proof| proof.header.state = StateHash([7; 32]), &|error| matches!(error, PantheonError::VoteSignature { .. }));
    let round = |proof: &mut LightProof| proof.certificate.round.view = 1;
    check(4, &round, &|error| matches!(error, PantheonError::Round { .. }));
    let other = grown.chain.ledger.state().prove(StateKey::Roster);
    let wrong_root = {
        let mut chain = Chain::new();
        chain.push(Vec::new(), &Library);
        chain.ledger.state().prove(StateKey::Totals)
    };
    check(5, &|proof| proof.entries = vec![other.clone(), wrong_root.clone()], &|error| *error == PantheonError::StateRoot);
    let bytes = good.encode();
    assert_eq!(verify(&bytes[..bytes.len() - 1], chain).err().map(|error| error.step), Some(1));
    assert_eq!(verify(&[&bytes[..], &[0]].concat(), chain).err().map(|error| error.step), Some(1));
}

/// Every proof that the state gives leads to its root, for what is there and for what is not.
#[test]
fn every_key_is_proven_present_or_absent() {
    let grown = grown();
    let (ledger, root) = (&grown.chain.ledger, grown.chain.ledger.state().root());
    let keys = |seed: u8| {
        let address = Signer::new(seed).address();
        [StateKey::Account(address), StateKey::Validator(address), StateKey::Voter(address)]
    };
    let mut counts = [0, 0];
    for key in (1..40).flat_map(keys).chain([StateKey::Totals, StateKey::Roster, StateKey::Seats, StateKey::Log(grown.log.id)]) {
        let shown = ledger.state().prove(key.clone()).check(root).unwrap();
        assert_eq!(shown.as_ref(), ledger.state().get(&key));
        counts[usize::from(shown.is_some())] += 1;
    }
    assert!(counts[0] > 50 && counts[1] > 10, "{counts:?}");
}
