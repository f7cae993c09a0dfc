//! Forms of a chain beyond the vectors: every kind of entry, votes byte for byte, quorums, proofs at odds with their path.

use super::*;
use crate::digest::{BlockId, ChainId, Id, KeyId, StateHash, StatePath, TreeHash};
use crate::history::{Committed, Reign, Revocation};
use crate::key::PublicKey;
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

fn key(byte: u8) -> PublicKey {
    PublicKey::from_raw([byte; 1952])
}

fn log_entry() -> LogEntry {
    let reign = |number: u8| Reign { key: key(number), from: number.into(), committed: Committed { next: KeyId([1; 32]), recovery: KeyId([2; 32]) } };
    let revocation = |since_ms| Revocation { revoked: KeyId([3; 32]), effective: 9, since_ms };
    let newest = Attested { size: 7, root: TreeHash([4; 32]), key: 1, signature: Box::new([5; 3309]), height: Height(6) };
    LogEntry { keys: vec![reign(1), reign(2)], revocations: vec![revocation(None), revocation(Some(8))], event: 9, fork: Some(Id([6; 32])), newest: Some(newest) }
}

fn validator(releases: &[u64]) -> Validator {
    let unbonding = releases.iter().map(|release| Unbonding { amount: Amount::from_obols(5), release: Height(*release) }).collect();
    Validator { key: key(1), bond: Amount::from_obols(5), is_barred: true, unbonding }
}

#[test]
fn every_kind_of_entry_is_read_back() {
    let [low, high] = [Address([1; 32]), Address([2; 32])];
    let seat = |account, byte| Seat { account, key: key(byte) };
    let entries = [
        Entry::Account(Account { nonce: 1, balance: Amount::from_obols(2), key: Some(key(3)) }),
        Entry::Log(Box::new(log_entry())),
        Entry::Log(Box::new(LogEntry { fork: None, newest: None, revocations: Vec::new(), ..log_entry() })),
        Entry::Validator(Box::new(validator(&[]))),
        Entry::Validator(Box::new(validator(&[3, 6]))),
        Entry::Voter(low),
        Entry::Name(Box::new(Name { owner: low, key: KeyId([1; 32]), mandate: Id([2; 32]) })),
        Entry::Totals(Totals { balances: Amount::SUPPLY, ..Totals::default() }),
        Entry::Roster(vec![low, high]),
        Entry::Seats(vec![seat(high, 1), seat(low, 2)]),
    ];
    for entry in &entries {
        let bytes = entry.encode();
        assert_eq!(Entry::parse(&bytes).as_ref(), Ok(entry));
        assert_eq!(Entry::parse(&bytes[..bytes.len() - 1]), Err(PantheonError::Malformed(Part::Entry)));
    }
    let refused = [
        Entry::Validator(Box::new(validator(&[6, 3]))),
        Entry::Validator(Box::new(validator(&[3, 3]))),
        Entry::Validator(Box::new(validator(&[1, 2, 3, 4, 5, 6, 7, 8, 9]))),
        Entry::Log(Box::new(LogEntry { keys: Vec::new(), ..log_entry() })),
        Entry::Log(Box::new(LogEntry { keys: log_entry().keys[..1].to_vec(), ..log_entry() })),
        Entry::Seats(vec![seat(high, 2), seat(low, 1)]),
        Entry::Seats(Vec::new()),
    ];
    for entry in &refused {
        assert_eq!(Entry::parse(&entry.encode()), Err(PantheonError::Malformed(Part::Entry)), "{entry:?}");
    }
}

/// The engine's own encoding, written down byte by byte: LEB128 numbers, 32 bytes, the namespace before them.
#[test]
fn a_vote_is_what_the_engine_signs() {
    let (chain, block) = (ChainId([0xcc; 32]), BlockId([0xbb; 32]));
    let round = Round { epoch: 0, view: 300 };
    let proposal = Proposal { round, parent: 127, block };
    let message = |length: u8, suffix: &[u8], rest: &[u8]| [&[length], &b"pan-vote-v1\0"[..], &[0xcc; 32], suffix, rest].concat();
    let numbers = [0, 0xac, 0x02, 0x7f];
    assert_eq!(VoteKind::Notarize(proposal).message(chain), message(53, b"_NOTARIZE", &[&numbers[..], &[0xbb; 32]].concat()));
    assert_eq!(VoteKind::Finalize(proposal).message(chain), message(53, b"_FINALIZE", &[&numbers[..], &[0xbb; 32]].concat()));
    assert_eq!(VoteKind::Nullify(round).message(chain), message(52, b"_NULLIFY", &numbers[..3]));
    let most = VoteKind::Nullify(Round { epoch: u64::MAX, view: 128 }).message(chain);
    assert_eq!(most[most.len() - 12..], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x80, 0x01]);
}

#[test]
fn a_quorum_is_all_but_a_third() {
    for (seats, need) in [(1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (6, 5), (7, 5), (10, 7), (21, 15), (64, 43)] {
        assert_eq!(quorum(seats), need, "{seats}");
    }
}

#[test]
fn epochs_are_counted_from_the_first_block() {
    for (height, epoch, is_last) in [(0, 0, false), (1, 0, false), (10, 0, true), (11, 1, false), (20, 1, true)] {
        assert_eq!((Height(height).epoch(10), Height(height).ends_epoch(10)), (epoch, is_last), "{height}");
    }
    assert_eq!((Height(5).epoch(0), Height(5).ends_epoch(0)), (0, false));
}

/// Another entry can only stand where the path ends if it agrees with the path so far; and it is never the key's own.
#[test]
fn a_proof_of_absence_fits_its_path() {
    let path = StateKey::Totals.path();
    let flipped = |bit: usize| {
        let mut other = path;
        other.0[bit / 8] ^= 0x80 >> (bit % 8);
        other
    };
    let proof = |other: StatePath| StateProof::absent(StateKey::Totals, Some((other, StateHash([1; 32]))), vec![StateHash([2; 32]); 3]);
    assert!(proof(flipped(3)).root().is_some() && proof(flipped(255)).root().is_some());
    assert_eq!((proof(flipped(2)).root(), proof(flipped(0)).root(), proof(path).root()), (None, None, None));
    assert_eq!((path.common_bits(&flipped(0)), path.common_bits(&flipped(11)), path.common_bits(&path)), (0, 11, 256));
    assert_eq!(proof(flipped(2)).check(EMPTY), Err(PantheonError::StateRoot));
}

#[test]
fn evidence_is_two_votes_that_no_honest_validator_casts() {
    let proposal = |view, block| Proposal { round: Round { epoch: 0, view }, parent: 0, block: BlockId([block; 32]) };
    let vote = |kind| Vote { kind, signature: Box::new([0; 3309]) };
    let check = |a, b, expected| {
        let evidence = Evidence { voter: Address([1; 32]), a: vote(a), b: vote(b) };
        assert_eq!(evidence.contradicts(), expected, "{a:?} {b:?}");
    };
    use VoteKind::{Finalize, Notarize, Nullify};
    check(Notarize(proposal(1, 1)), Notarize(proposal(1, 2)), true);
    check(Finalize(proposal(1, 1)), Finalize(proposal(1, 2)), true);
    check(Nullify(Round { epoch: 0, view: 1 }), Finalize(proposal(1, 1)), true);
    check(Notarize(proposal(1, 1)), Notarize(proposal(2, 2)), false);
    check(Notarize(proposal(1, 1)), Finalize(proposal(1, 2)), false);
    check(Nullify(Round { epoch: 0, view: 1 }), Finalize(proposal(2, 1)), false);
    check(Notarize(proposal(1, 1)), Nullify(Round { epoch: 0, view: 1 }), false);
}

#[test]
fn certificates_and_sets_are_made_of_what_may_be_in_them() {
    let signature = || Box::new([0; 3309]);
    let round = Round { epoch: 0, view: 1 };
    let made = |seats: &[usize]| Certificate::new(round, 0, 4, seats.iter().map(|seat| (*seat, signature())).collect()).map(|one| one.seats().collect::<Vec<_>>());
    assert_eq!((made(&[0, 3]), made(&[3, 0]), made(&[1, 1]), made(&[4])), (Some(vec![0, 3]), None, None, None));
    assert!(ValidatorSet::new(vec![key(2), key(1)]).is_some_and(|set| set.keys() == [key(1), key(2)]));
    assert!(ValidatorSet::new(Vec::new()).is_none() && ValidatorSet::new(vec![key(1), key(1)]).is_none());
    assert!(ValidatorSet::new((0..65).map(key).collect()).is_none());
}
