//! Every reason why a transaction or a block is refused, each by its own error, with nothing left of it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::log::OperatorLog;
use common::{BOND, Chain, FEE, PAN, Signer, genesis_with, obols, params};
use mickai_ledger::{BlockError, Effect, Library, Rejection, Slot};
use mickai_proof::digest::{BlockId, ChainId, Id, KeyId, StateHash, TreeHash};
use mickai_proof::fork::{ForkError, ForkProof, ForkReport};
use mickai_proof::history::KeyFault;
use mickai_proof::limits;
use mickai_proof::pantheon::{Action, Amount, Block, Body, Evidence, Height, PantheonError, Part, Proposal, Round, Transaction, VoteKind};
use mickai_proof::verify::Word;

fn transfer(to: u8, amount: u64) -> Action {
    Action::Transfer { to: Signer::new(to).address(), amount: obols(amount) }
}

/// Refused before anything else is looked at, in the order of the spec.
#[test]
fn admission_refuses_each_defect_by_its_own_name() {
    let mut chain = Chain::new();
    let (rich, other) = (Signer::new(10), Signer::new(11));
    chain.does(&rich, transfer(20, 5));
    let good = chain.body(&rich, transfer(20, 5));
    let check = |edit: &dyn Fn(&mut Body), expected: Rejection| {
        let mut body = good.clone();
        edit(&mut body);
        assert_eq!(chain.refuses(chain.sign(&rich, body)), expected);
    };
    let elsewhere = ChainId([7; 32]);
    check(&|body| body.chain = elsewhere, Rejection::OtherChain(elsewhere));
    check(&|body| body.expires = Height(1), Rejection::Expired { height: Height(2), expires: Height(1) });
    let least = chain.ledger.params().fee_min(chain.sign(&rich, Body { fee: Amount::ZERO, ..good.clone() }).byte_count()).unwrap();
    check(&|body| body.fee = Amount::ZERO, Rejection::FeeTooLow { fee: Amount::ZERO, least });
    check(&|body| body.fee = obols(u64::MAX), Rejection::Overflow(obols(u64::MAX)));
    check(&|body| body.nonce = 0, Rejection::NonceUsed { nonce: 0, next: 1 });
    check(&|body| body.nonce = 2, Rejection::NonceGap { nonce: 2, next: 1 });
    check(&|body| body.action = transfer(20, u64::MAX), Rejection::Overflow(obols(u64::MAX)));
    let balance = chain.ledger.state().account(rich.address()).unwrap().balance;
    let left = balance.checked_sub(obols(FEE)).unwrap();
    check(&|body| body.action = transfer(20, balance.obols()), Rejection::Insufficient { balance: left, need: balance.obols().into() });
    check(&|body| body.fee = Amount::SUPPLY, Rejection::Insufficient { balance, need: Amount::SUPPLY.obols().into() });

    let stranger = Signer::new(66);
    assert_eq!(chain.refuses(chain.transaction(&stranger, transfer(10, 1))), Rejection::NoAccount(stranger.address()));
    let unrevealed = chain.body(&other, transfer(10, 1));
    let signature = other.sign(&unrevealed.message());
    assert_eq!(chain.refuses(unrevealed.clone().sign_with(None, &signature)), Rejection::KeyMissing);
    assert_eq!(chain.refuses(unrevealed.sign_with(Some(stranger.key.clone()), &signature)), Rejection::WrongKey(stranger.address()));
    let signature = rich.sign(&good.message());
    assert_eq!(chain.refuses(good.clone().sign_with(Some(rich.key.clone()), &signature)), Rejection::KeyKnown);
    assert_eq!(chain.refuses(good.clone().sign_with(None, &stranger.sign(&good.message()))), Rejection::Signature);
    let mut forged = signature;
    forged[100] ^= 1;
    assert_eq!(chain.refuses(good.sign_with(None, &forged)), Rejection::Signature);
}

/// Bytes are counted where no parser did: of a transaction that was made in this process, a byte too many makes a block that nobody reads.
#[test]
fn a_transaction_of_too_many_bytes_is_in_no_block() {
    let mut chain = Chain::new();
    let rich = Signer::new(10);
    chain.does(&rich, transfer(20, 5));
    let of = |proof_bytes: usize| chain.transaction(&rich, Action::Fork(vec![0; proof_bytes]));
    // Every length from 256 on is written in as many bytes.
    let around = of(1_000).byte_count() - 1_000;
    let largest = of(limits::TRANSACTION_BYTES_MAX - around);
    assert_eq!(largest.byte_count(), limits::TRANSACTION_BYTES_MAX);
    assert!(matches!(chain.refuses(largest), Rejection::ForkUnproven(_)), "its size is no reason");
    let larger = of(limits::TRANSACTION_BYTES_MAX - around + 1);
    assert!(Transaction::parse(&larger.encode()).is_err());
    let why = chain.refuses(larger);
    assert_eq!((why.code(), why), ("oversized", Rejection::Oversized { bytes: limits::TRANSACTION_BYTES_MAX + 1 }));
}

/// The same transaction twice in one block: the second is a duplicate.
#[test]
fn a_duplicate_is_refused() {
    let mut chain = Chain::new();
    let rich = Signer::new(10);
    let transaction = chain.transaction(&rich, transfer(20, 5));
    let (_, rejected) = chain.push(vec![transaction.clone(), transaction.clone()], &Library);
    assert_eq!(rejected, [Rejection::NonceUsed { nonce: 0, next: 1 }]);
    let (_, rejected) = chain.push(vec![transaction], &Library);
    assert_eq!(rejected, [Rejection::NonceUsed { nonce: 0, next: 1 }]);
    assert_eq!(chain.ledger.state().account(Signer::new(20).address()).unwrap().balance, obols(5));
}

/// What never becomes a transaction: too many bytes, and everything that is not the one encoding.
#[test]
fn oversized_and_malformed_bytes_are_no_transaction() {
    let chain = Chain::new();
    let bytes = chain.transaction(&Signer::new(10), transfer(20, 5)).encode();
    let oversized = [&bytes[..], &vec![0; limits::TRANSACTION_BYTES_MAX]].concat();
    let most = limits::TRANSACTION_BYTES_MAX;
    assert_eq!(Transaction::parse(&oversized).err(), Some(PantheonError::Oversized { part: Part::Transaction, bytes: oversized.len(), most }));
    let malformed = Some(PantheonError::Malformed(Part::Transaction));
    for cut in [0, 1, 50, bytes.len() - 1] {
        assert_eq!(Transaction::parse(&bytes[..cut]).err(), malformed, "cut at {cut}");
    }
    assert_eq!(Transaction::parse(&[&bytes[..], &[0]].concat()).err(), malformed, "a byte after it");
    // The version 1 is the body's first item: 0x01, and in a longer form 0x18 0x01.
    let at = 1 + 2 + 1;
    assert_eq!(bytes[at], 1);
    let longer = [&bytes[..2], &[bytes[2] + 1], &bytes[3..at], &[0x18, 1], &bytes[at + 1..]].concat();
    assert_eq!(Transaction::parse(&longer).err(), malformed, "an integer in a longer form");
    assert_eq!(Transaction::parse(&bytes).unwrap().encode(), bytes);
}

#[test]
fn logs_are_held_to_their_rules() {
    let mut chain = Chain::new();
    let (rich, log) = (Signer::new(10), OperatorLog::new(30, 31, 32));
    let refused = |chain: &Chain, action: Action| chain.refuses(chain.transaction(&rich, action));
    assert_eq!(refused(&chain, log.attest(1, 1)), Rejection::UnknownLog(log.id));
    assert_eq!(refused(&chain, log.rotate(4, 31, 33)), Rejection::UnknownLog(log.id));
    let Action::RegisterLog { record, signature } = log.register() else { panic!() };
    let mut forged = signature.clone();
    forged[0] ^= 1;
    assert_eq!(refused(&chain, Action::RegisterLog { record: record.clone(), signature: forged }), Rejection::LogSignature(log.id));
    let no_record = Action::RegisterLog { record: vec![0xa0], signature: signature.clone() };
    assert!(matches!(refused(&chain, no_record), Rejection::LogRecord(_)));
    chain.does(&rich, Action::RegisterLog { record, signature });
    assert_eq!(refused(&chain, log.register()), Rejection::KnownLog(log.id));

    assert_eq!(refused(&chain, Action::Attest(vec![log.attestation(5, 1, 31)])), Rejection::CheckpointSignature(log.id));
    let effects = chain.does(&rich, log.attest(5, 1));
    assert_eq!(effects.len(), 1);
    assert_eq!(refused(&chain, log.attest(5, 1)), Rejection::CheckpointKnown(log.id));
    assert_eq!(refused(&chain, log.attest(4, 1)), Rejection::LogShrinks { log: log.id, have: 5, found: 4 });

    // A rotation: by the committed key alone, after what was told, signed by both.
    assert_eq!(refused(&chain, log.rotate(4, 33, 34)), Rejection::LogKeys(KeyFault::PreRotation));
    assert_eq!(refused(&chain, log.rotate(u64::MAX, 31, 33)), Rejection::LogKeys(KeyFault::Event));
    assert_eq!(refused(&chain, log.rotate(0, 31, 34)), Rejection::LogRecord(log.id));
    let Action::RotateLog { record, signature, .. } = log.rotate(4, 31, 33) else { panic!() };
    let mut forged = signature.clone();
    forged[0] ^= 1;
    assert_eq!(refused(&chain, Action::RotateLog { log: log.id, record: record.clone(), signature: forged }), Rejection::LogSignature(log.id));
    assert_eq!(refused(&chain, Action::RevokeLog { log: log.id, record, signature }), Rejection::LogRecord(log.id));
    chain.does(&rich, log.rotate(4, 31, 33));
    assert_eq!(refused(&chain, log.attest(6, 1)), Rejection::CheckpointSignature(log.id));
    let rotated = OperatorLog { key: 31, next: 33, ..log };
    assert_eq!(refused(&chain, rotated.rotate(4, 33, 34)), Rejection::LogRecord(rotated.id), "an index that was told before");
    chain.does(&rich, rotated.attest(6, 2));
    // The recovery key takes over.
    assert_eq!(refused(&chain, rotated.revoke(9, 77)), Rejection::LogKeys(KeyFault::PreRotation));
    chain.does(&rich, rotated.revoke(9, 32));
    assert_eq!(refused(&chain, rotated.attest(10, 2)), Rejection::CheckpointSignature(rotated.id));
    let entry = chain.ledger.state().log(rotated.id).unwrap();
    assert_eq!((entry.keys.len(), entry.revocations.len(), entry.event), (3, 1, 9));
}

/// A conflicting root is refused, the refusal is a fork proof that anybody can check, and that proof freezes the log.
#[test]
fn a_conflicting_root_gives_a_fork_proof() {
    let mut chain = Chain::new();
    let (rich, log) = (Signer::new(10), OperatorLog::new(30, 31, 32));
    chain.does(&rich, log.register());
    chain.does(&rich, log.attest(5, 1));
    // Under another key now: the settled checkpoint is still that of the key before.
    chain.does(&rich, log.rotate(4, 31, 33));
    let log = OperatorLog { key: 31, next: 33, ..log };
    let Rejection::LogForked { log: named, proof } = chain.refuses(chain.transaction(&rich, log.attest(5, 2))) else { panic!("not refused as a fork") };
    assert_eq!(named, log.id);
    let parsed = ForkProof::parse(&proof).unwrap();
    let keys = [Signer::new(30).key, Signer::new(31).key];
    assert_eq!(parsed.check(&keys), Ok(()));
    assert_eq!(parsed.check(&keys[..1]), Err(ForkError::UnknownKey));
    let report = ForkReport::of(&proof, &keys).unwrap();
    assert_eq!((report.word(), report.reason()), (Word::Invalid, "fork"));

    let mut unproven = proof.clone();
    let last = unproven.len() - 10;
    unproven[last] ^= 1;
    assert!(matches!(chain.refuses(chain.transaction(&rich, Action::Fork(unproven))), Rejection::ForkUnproven(_)));
    assert_eq!(chain.does(&rich, Action::Fork(proof.clone())), [Effect::Frozen(log.id)]);
    for action in [log.attest(6, 1), Action::Fork(proof), log.rotate(7, 33, 34)] {
        assert_eq!(chain.refuses(chain.transaction(&rich, action)), Rejection::FrozenLog(log.id));
    }
}

#[test]
fn bonds_are_held_to_their_rules() {
    let mut chain = Chain::new();
    let (rich, second) = (Signer::new(10), Signer::new(11));
    let (voter, least) = (Signer::new(40), params().bond_min);
    let refused = |chain: &Chain, from: &Signer, action: Action| chain.refuses(chain.transaction(from, action));
    let bond = |chain: &Chain, amount: u64, from: &Signer, voter: Option<&Signer>| Action::Bond {
        amount: obols(amount),
        key: voter.map(|voter| voter.bond_key(chain.ledger.chain(), from.address())),
    };
    assert_eq!(refused(&chain, &rich, bond(&chain, BOND, &rich, None)), Rejection::BondKeyMissing);
    assert_eq!(refused(&chain, &rich, bond(&chain, BOND, &second, Some(&voter))), Rejection::BondKeyProof, "it consented to another account");
    let seated = Signer::new(1);
    assert_eq!(refused(&chain, &rich, bond(&chain, BOND, &rich, Some(&seated))), Rejection::VoterKnown(Signer::new(101).address()));
    assert_eq!(refused(&chain, &rich, bond(&chain, 5, &rich, Some(&voter))), Rejection::BondBelowMinimum { bond: obols(5), least });
    assert_eq!(refused(&chain, &rich, bond(&chain, u64::MAX, &rich, Some(&voter))), Rejection::Overflow(obols(u64::MAX)));
    let unbond = |amount| Action::Unbond { amount: obols(amount) };
    assert_eq!(refused(&chain, &rich, unbond(1)), Rejection::BondInsufficient { bond: Amount::ZERO, amount: obols(1) });
    let action = bond(&chain, BOND, &rich, Some(&voter));
    chain.does(&rich, action);
    assert_eq!(refused(&chain, &rich, bond(&chain, 1, &rich, Some(&voter))), Rejection::BondKeyKnown);
    assert_eq!(refused(&chain, &rich, unbond(BOND + 1)), Rejection::BondInsufficient { bond: obols(BOND), amount: obols(BOND + 1) });
    let left = obols(1_000_000 * PAN - 1);
    assert_eq!(refused(&chain, &rich, unbond(1_000_000 * PAN + 1)), Rejection::BondBelowMinimum { bond: left, least });
}

#[test]
fn too_many_withdrawals_wait() {
    let mut chain = Chain::with(mickai_proof::pantheon::Params { epoch_blocks: 1, unbonding_epochs: 100, ..params() }, &[1]);
    let (rich, voter) = (Signer::new(10), Signer::new(40));
    let key = Some(voter.bond_key(chain.ledger.chain(), rich.address()));
    chain.does(&rich, Action::Bond { amount: obols(BOND), key });
    for _ in 0..limits::UNBONDING_MAX {
        chain.does(&rich, Action::Unbond { amount: obols(1) });
    }
    assert_eq!(chain.refuses(chain.transaction(&rich, Action::Unbond { amount: obols(1) })), Rejection::UnbondingFull);
}

#[test]
fn a_validator_that_voted_twice_loses_its_bond_to_the_treasury() {
    let mut chain = Chain::with(params(), &[1, 2]);
    let (rich, cheat, chain_id) = (Signer::new(10), Signer::new(2), chain.ledger.chain());
    let round = Round { epoch: 0, view: 4 };
    let proposal = |block: u8| Proposal { round, parent: 3, block: BlockId([block; 32]) };
    let evidence = |by: &Signer, on, a, b| Action::Evidence(Box::new(Evidence { voter: cheat.address(), a: by.vote(on, a), b: by.vote(on, b) }));
    let twice = |by: &Signer, on| evidence(by, on, VoteKind::Notarize(proposal(1)), VoteKind::Notarize(proposal(2)));
    let refused = |chain: &Chain, action: Action| chain.refuses(chain.transaction(&rich, action));
    assert_eq!(refused(&chain, twice(&Signer::new(1), chain_id)), Rejection::EvidenceSignature);
    assert_eq!(refused(&chain, twice(&cheat, ChainId([1; 32]))), Rejection::EvidenceSignature, "votes of another chain");
    let honest = [
        (VoteKind::Notarize(proposal(1)), VoteKind::Finalize(proposal(1))),
        (VoteKind::Notarize(proposal(1)), VoteKind::Nullify(round)),
        (VoteKind::Finalize(proposal(1)), VoteKind::Finalize(Proposal { round: Round { view: 5, ..round }, ..proposal(2) })),
    ];
    for (a, b) in honest {
        assert_eq!(refused(&chain, evidence(&cheat, chain_id, a, b)), Rejection::EvidenceConsistent, "{a:?} {b:?}");
    }
    let later = |epoch, block| VoteKind::Finalize(Proposal { round: Round { epoch, view: 1 }, parent: 0, block: BlockId([block; 32]) });
    assert_eq!(refused(&chain, evidence(&cheat, chain_id, later(1, 1), later(1, 2))), Rejection::EvidenceEpoch { epoch: 1, now: 0 });
    let nobody = Evidence { voter: rich.address(), a: cheat.vote(chain_id, later(0, 1)), b: cheat.vote(chain_id, later(0, 2)) };
    assert_eq!(refused(&chain, Action::Evidence(Box::new(nobody))), Rejection::UnknownVoter(rich.address()));

    let account = Signer::new(102).address();
    let before = chain.ledger.state().totals();
    let effects = chain.does(&rich, evidence(&cheat, chain_id, VoteKind::Nullify(round), VoteKind::Finalize(proposal(1))));
    assert_eq!(effects, [Effect::Barred { account, amount: obols(BOND) }]);
    let after = chain.ledger.state().totals();
    assert_eq!(after.bonds.obols(), before.bonds.obols() - BOND);
    assert_eq!(after.treasury.obols(), before.treasury.obols() + BOND + FEE / 4);
    assert_eq!(refused(&chain, twice(&cheat, chain_id)), Rejection::Barred(account));
    // At the epoch's end its seat is gone; later the votes are too old.
    let effects: Vec<_> = (0..2).flat_map(|_| chain.push(Vec::new(), &Library).0).collect();
    assert_eq!((effects, chain.ledger.validators().keys()), (vec![Effect::Seated], &[Signer::new(1).key][..]));
    (0..3).for_each(|_| drop(chain.push(Vec::new(), &Library)));
    let first = Signer::new(1);
    let old = Evidence { voter: first.address(), a: first.vote(chain_id, later(0, 1)), b: first.vote(chain_id, later(0, 2)) };
    assert_eq!(refused(&chain, Action::Evidence(Box::new(old))), Rejection::EvidenceEpoch { epoch: 0, now: 2 });
}

#[test]
fn names_belong_to_whoever_came_first() {
    let mut chain = Chain::new();
    let (rich, second) = (Signer::new(10), Signer::new(11));
    let name = |key: u8| Action::Name { name: "home-1".into(), key: KeyId([key; 32]), mandate: Id([8; 32]) };
    chain.does(&rich, name(1));
    assert_eq!(chain.refuses(chain.transaction(&second, name(2))), Rejection::NameTaken(rich.address()));
    chain.does(&rich, name(3));
    assert_eq!(chain.ledger.state().name("home-1").unwrap().key, KeyId([3; 32]));
}

#[test]
fn genesis_that_is_one_obol_off_is_refused_with_both_numbers() {
    let bonds = vec![(Signer::new(101).address(), Signer::new(1).key, obols(BOND))];
    let genesis = |off| genesis_with(params(), bonds.clone(), &[(Signer::new(10).address(), 0)], off).err();
    assert_eq!(genesis((0, 0)), None);
    let supply = Amount::SUPPLY;
    assert_eq!(genesis((1, 0)), Some(PantheonError::GenesisSum { sum: 5_000_000_000_000_000_001, supply }));
    assert_eq!(genesis((0, 1)), Some(PantheonError::GenesisSum { sum: 4_999_999_999_999_999_999, supply }));
    let said = genesis((1, 0)).unwrap().to_string();
    assert_eq!(said, "allocations, bonds and treasury come to 5000000000000000001 obols, and must come to 5000000000000000000");
}

#[test]
fn a_block_that_is_not_the_next_one_is_refused() {
    let mut chain = Chain::new();
    let rich = Signer::new(10);
    chain.does(&rich, transfer(20, 5));
    let transaction = chain.transaction(&rich, transfer(20, 5));
    let good = chain.ledger.assemble(Slot { view: 2, time_ms: 0, proposer: chain.proposer() }, [transaction], &Library).unwrap().block;
    assert!(chain.ledger.execute(&good, &Library).is_ok());
    let check = |edit: &dyn Fn(&mut Block), expected: BlockError| {
        let mut block = good.clone();
        edit(&mut block);
        assert_eq!(chain.ledger.execute(&block, &Library).err(), Some(expected));
    };
    let (id, set) = (ChainId([7; 32]), mickai_proof::digest::SetDigest([7; 32]));
    let wrong_height = |found| BlockError::Height { found: Height(found), next: Height(2) };
    check(&|block| block.header.chain = id, BlockError::OtherChain(id));
    check(&|block| block.header.height = Height(3), wrong_height(3));
    check(&|block| block.header.epoch = 1, wrong_height(2));
    check(&|block| block.header.parent = BlockId([7; 32]), BlockError::Parent(BlockId([7; 32])));
    let parent_ms = chain.ledger.time_ms();
    check(&|block| block.header.time_ms = parent_ms, BlockError::Time { found_ms: parent_ms, parent_ms });
    check(&|block| block.header.validators = set, BlockError::Validators(set));
    check(&|block| block.header.proposer = rich.address(), BlockError::Proposer(rich.address()));
    check(&|block| block.header.transaction_count = 2, BlockError::Transactions);
    check(&|block| block.header.transactions = TreeHash([7; 32]), BlockError::Transactions);
    check(&|block| drop(block.transactions.pop()), BlockError::Transactions);
    check(&|block| block.header.next = set, BlockError::Next(set));
    let root = good.header.state;
    check(&|block| block.header.state = StateHash([7; 32]), BlockError::State { found: StateHash([7; 32]), root });
    let stranger = Slot { view: 2, time_ms: 0, proposer: rich.address() };
    assert_eq!(chain.ledger.assemble(stranger, [], &Library).err(), Some(BlockError::Proposer(rich.address())));
}
