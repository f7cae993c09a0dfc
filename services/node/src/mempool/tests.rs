//! What waits, what takes another's place, what goes, and what a block gets.

mod random;

use super::{Mempool, Reverse, SubmitError};
use crate::limits;
use crate::trial::{FEE, Marked, PAN, address, edited, genesis, junk, key, later, slot, transfer};
use mickai_ledger::{Ledger, Rejection};
use mickai_proof::digest::BlockId;
use mickai_proof::limits::TRANSACTION_BYTES_MAX;
use mickai_proof::pantheon::{Action, Address, Amount, Evidence, Height, Proposal, Round, Transaction, Vote, VoteKind};
use mickai_proof::signature::SIGNATURE_LEN;
use std::sync::Arc;

fn ledger() -> Ledger {
    Ledger::new(&genesis()).unwrap()
}

/// With room for all that a test puts in.
fn roomy() -> Mempool {
    Mempool::new(limits::MEMPOOL_BYTES_MAX, limits::SENDER_BYTES_MAX)
}

fn add(mempool: &mut Mempool, ledger: &Ledger, transaction: &Arc<Transaction>) -> Result<(), SubmitError> {
    mempool.insert(ledger, transaction.id(), transaction.clone())
}

fn has(mempool: &Mempool, transaction: &Transaction) -> bool {
    mempool.get(transaction.id()).is_some()
}

/// What a proposer would try, in order, if all of it could follow.
fn order(mempool: &Mempool, ledger: &Ledger) -> Vec<(Address, u64)> {
    let mut selection = mempool.select(ledger);
    let best = || {
        let best = selection.best()?.body();
        let place = (best.sender, best.nonce);
        selection.take();
        Some(place)
    };
    std::iter::from_fn(best).collect()
}

/// The ledger after a block of these.
fn after(ledger: &Ledger, transactions: &[&Arc<Transaction>]) -> Ledger {
    let made = ledger.assemble(slot(), transactions.iter().map(|one| (***one).clone()), &Marked).unwrap();
    assert_eq!(made.rejected.len(), 0);
    made.executed.ledger
}

/// Everything that holds at all times: see [`Mempool`] and its parts.
fn whole(mempool: &Mempool, ledger: &Ledger) {
    let mut byte_count = 0;
    for (sender, queue) in &mempool.queues {
        let account = ledger.state().account(*sender).unwrap();
        let transactions = || queue.waiting.values().map(|waiting| &*waiting.transaction);
        assert!(!queue.waiting.is_empty() && queue.next == account.nonce);
        assert_eq!(queue.byte_count, transactions().map(Transaction::byte_count).sum::<usize>());
        assert_eq!(queue.cost, transactions().map(|one| super::cost(one.body())).sum::<u128>());
        assert!(queue.byte_count <= mempool.sender_bytes_max && queue.cost <= u128::from(account.balance.obols()));
        byte_count += queue.byte_count;
        for (nonce, waiting) in &queue.waiting {
            assert!((account.nonce..account.nonce + limits::NONCE_WINDOW).contains(nonce) && waiting.last > ledger.height());
            // The least rate of it and those before it, which are all there.
            let run: Option<Vec<_>> = (account.nonce..=*nonce).map(|before| queue.waiting.get(&before).map(|one| super::rate(&one.transaction))).collect();
            let ceiling = if mempool.set_back.contains_key(sender) { 0 } else { u128::MAX };
            assert_eq!(waiting.worth, run.and_then(|rates| rates.into_iter().min()).map(|least| least.min(ceiling)));
            assert!(mempool.ranks.contains(&(waiting.worth, *sender, Reverse(*nonce))));
            assert_eq!(mempool.ids.get(&waiting.transaction.id()), Some(&(*sender, *nonce)));
        }
    }
    let count = mempool.queues.values().map(|queue| queue.waiting.len()).sum::<usize>();
    assert_eq!((mempool.ids.len(), mempool.ranks.len(), mempool.byte_count), (count, count, byte_count));
    assert!(byte_count <= mempool.bytes_max);
    assert!(mempool.set_back.values().all(|last| *last > ledger.height()));
}

#[test]
fn each_reason_is_its_own() {
    let (ledger, mut mempool) = (ledger(), roomy());
    let refused = |transaction: Arc<Transaction>| mempool.check(&ledger, transaction.id(), &transaction).err();
    let rejected = |transaction| if let Some(SubmitError::Rejected(why)) = refused(transaction) { why.code() } else { "" };
    // The largest that can be read, and one byte more, which only this process can have made.
    let of_bytes = |bytes: usize| edited(&ledger, 2, 0, 2 * FEE, |body| body.action = Action::Fork(vec![0; bytes]));
    let around = of_bytes(1_000).byte_count() - 1_000;
    assert_eq!(rejected(of_bytes(TRANSACTION_BYTES_MAX - around)), "");
    assert_eq!(rejected(of_bytes(TRANSACTION_BYTES_MAX - around + 1)), "oversized");
    assert_eq!(rejected(edited(&ledger, 2, 0, FEE, |body| body.chain.0[0] ^= 1)), "other-chain");
    assert_eq!(rejected(edited(&ledger, 2, 0, FEE, |body| body.expires = Height(0))), "expired");
    assert_eq!(rejected(transfer(&ledger, 2, 0, 7)), "fee-too-low");
    assert_eq!(rejected(transfer(&ledger, 2, 0, u64::MAX)), "overflow");
    assert_eq!(rejected(transfer(&ledger, 999, 0, FEE)), "no-account");
    assert_eq!(rejected(transfer(&ledger, 2, 1, FEE)), "key-missing");
    assert_eq!(rejected(edited(&ledger, 3, 0, FEE, |body| body.sender = address(2))), "wrong-key");
    assert_eq!(rejected(transfer(&ledger, 2, 0, 1_000 * PAN)), "insufficient");
    assert_eq!(refused(transfer(&ledger, 2, limits::NONCE_WINDOW, FEE)), Some(SubmitError::TooFarAhead { nonce: limits::NONCE_WINDOW, next: 0 }));
    let good = transfer(&ledger, 2, 0, FEE);
    assert!(mempool.check(&ledger, good.id(), &good).unwrap().key == key(2));
    add(&mut mempool, &ledger, &good).unwrap();
    assert_eq!(add(&mut mempool, &ledger, &good), Err(SubmitError::Known(good.id())));
    let next = transfer(&ledger, 2, 1, FEE);
    assert!(mempool.check(&ledger, next.id(), &next).unwrap().key == key(2), "the one before it reveals it");
    whole(&mempool, &ledger);
}

#[test]
fn a_block_gets_each_senders_in_order_and_the_better_paid_first() {
    let (ledger, mut mempool) = (ledger(), roomy());
    // The second of account 2 pays most, but stands behind its first; account 4 has a gap.
    let all = [(2, 0, FEE), (2, 1, 9 * FEE), (3, 0, 2 * FEE), (3, 1, FEE / 2), (4, 0, FEE), (4, 2, 9 * FEE)].map(|(from, nonce, fee)| transfer(&ledger, from, nonce, fee));
    for one in &all {
        add(&mut mempool, &ledger, one).unwrap();
    }
    let places = order(&mempool, &ledger);
    let at = |from, nonce| places.iter().position(|place| *place == (address(from), nonce));
    assert_eq!((places.len(), at(3, 0), at(3, 1), at(4, 2)), (5, Some(0), Some(4), None));
    assert!(at(2, 0) < at(2, 1), "{places:?}");
    // A block takes the first of accounts 2 and 3: what was used is gone, what follows stays.
    let ledger = after(&ledger, &[&all[0], &all[2]]);
    mempool.follow(&ledger);
    whole(&mempool, &ledger);
    assert_eq!(order(&mempool, &ledger).len(), 3);
    assert_eq!(mempool.len(), 4);
}

#[test]
fn another_one_of_a_number_pays_a_tenth_more() {
    let (ledger, mut mempool) = (ledger(), roomy());
    let (first, second, third) = (transfer(&ledger, 2, 0, FEE), transfer(&ledger, 2, 0, FEE + 5), transfer(&ledger, 2, 0, 2 * FEE));
    let follows = transfer(&ledger, 2, 1, FEE);
    add(&mut mempool, &ledger, &first).unwrap();
    add(&mut mempool, &ledger, &follows).unwrap();
    let least = Amount::from_obols(FEE + FEE / 10 + 1);
    assert_eq!(add(&mut mempool, &ledger, &second), Err(SubmitError::Underpriced { fee: second.body().fee, least }));
    add(&mut mempool, &ledger, &third).unwrap();
    assert!(!has(&mempool, &first) && has(&mempool, &third) && has(&mempool, &follows));
    whole(&mempool, &ledger);
}

/// Somebody with a thousand PAN cannot let more wait than he can pay for, however he orders it.
#[test]
fn what_waits_can_all_be_paid() {
    let (ledger, mut mempool) = (ledger(), roomy());
    let first = transfer(&ledger, 2, 0, 300 * PAN);
    add(&mut mempool, &ledger, &first).unwrap();
    let gives = edited(&ledger, 2, 5, 300 * PAN, |body| body.action = Action::Transfer { to: address(3), amount: Amount::from_obols(399 * PAN) });
    add(&mut mempool, &ledger, &gives).unwrap();
    let more = transfer(&ledger, 2, 7, 2 * PAN);
    let (balance, need) = (Amount::from_obols(1_000 * PAN), u128::from(1_001 * PAN + 2));
    assert_eq!(add(&mut mempool, &ledger, &more), Err(Rejection::Insufficient { balance, need }.into()));
    // Another one of a number counts for what it pays more.
    add(&mut mempool, &ledger, &transfer(&ledger, 2, 5, 331 * PAN)).unwrap();
    add(&mut mempool, &ledger, &more).unwrap();
    // What he gave away meanwhile is no longer there for the last ones.
    let away = edited(&ledger, 2, 0, FEE, |body| body.action = Action::Transfer { to: address(3), amount: Amount::from_obols(667 * PAN) });
    let ledger = after(&ledger, &[&away]);
    mempool.follow(&ledger);
    whole(&mempool, &ledger);
    assert_eq!((mempool.len(), has(&mempool, &more)), (1, false));
    let gone = after(&ledger, &[&edited(&ledger, 2, 1, FEE, |body| body.action = Action::Transfer { to: address(3), amount: Amount::from_obols(300 * PAN) })]);
    mempool.follow(&gone);
    assert_eq!((mempool.len(), mempool.byte_count()), (0, 0));
}

#[test]
fn a_sender_has_a_share_of_the_room() {
    let (ledger, mut mempool) = (ledger(), roomy());
    let mut nonce = 0;
    let refusal = loop {
        let refused = add(&mut mempool, &ledger, &junk(&ledger, 2, nonce, FEE)).err();
        nonce += 1;
        if refused.is_some() {
            break refused;
        }
    };
    assert!(matches!(refusal, Some(SubmitError::SenderFull { bytes, most: limits::SENDER_BYTES_MAX }) if bytes > limits::SENDER_BYTES_MAX));
    assert!(mempool.byte_count() <= limits::SENDER_BYTES_MAX && nonce > 20);
    add(&mut mempool, &ledger, &transfer(&ledger, 3, 0, FEE)).unwrap();
}

/// A pool with room for so many transfers that reveal no key.
fn room_for(ledger: &Ledger, count: usize) -> (Mempool, Ledger) {
    let firsts: Vec<_> = (2..8).map(|from| transfer(ledger, from, 0, FEE)).collect();
    let ledger = after(ledger, &firsts.iter().collect::<Vec<_>>());
    // A larger fee has some bytes more.
    let bytes = transfer(&ledger, 2, 1, FEE).byte_count() + 8;
    (Mempool::new(count * bytes, count * bytes), ledger)
}

/// Who left a number out cannot take anybody's room, and loses his to whoever has not.
#[test]
fn what_follows_a_gap_goes_first_and_pushes_nobody_out() {
    let (mut mempool, ledger) = room_for(&ledger(), 3);
    let ready = transfer(&ledger, 2, 1, FEE);
    let gapped = [2, 3].map(|nonce| transfer(&ledger, 3, nonce, 900 * FEE));
    for one in std::iter::once(&ready).chain(&gapped) {
        add(&mut mempool, &ledger, one).unwrap();
    }
    assert_eq!(add(&mut mempool, &ledger, &transfer(&ledger, 4, 2, 1_000 * FEE)), Err(SubmitError::Full), "its number 1 is missing");
    let cheap = [transfer(&ledger, 4, 1, FEE / 2), transfer(&ledger, 5, 1, FEE / 2)];
    for (one, left) in cheap.iter().zip([1, 0]) {
        add(&mut mempool, &ledger, one).unwrap();
        assert_eq!(gapped.iter().filter(|one| has(&mempool, one)).count(), left);
        whole(&mempool, &ledger);
    }
    assert!(has(&mempool, &ready));
}

#[test]
fn room_is_made_of_what_is_worth_less_and_leaves_no_gap() {
    let (mut mempool, ledger) = room_for(&ledger(), 4);
    // Dear, but behind one that is cheap: a block gets to it after that one only.
    let behind = [transfer(&ledger, 2, 1, FEE), transfer(&ledger, 2, 2, 90 * FEE)];
    let others = [transfer(&ledger, 3, 1, 2 * FEE), transfer(&ledger, 4, 1, 3 * FEE)];
    for one in behind.iter().chain(&others) {
        add(&mut mempool, &ledger, one).unwrap();
    }
    assert_eq!(add(&mut mempool, &ledger, &transfer(&ledger, 5, 1, FEE)), Err(SubmitError::Full), "it pays no more");
    let ranks = mempool.ranks.clone();
    // Worth more than the worst, it would need the room of all four; the fourth is worth more than it.
    let large = edited(&ledger, 5, 1, 10 * FEE, |body| body.action = Action::Fork(vec![0; 10_000]));
    assert!(large.byte_count() > 3 * others[0].byte_count());
    assert_eq!(add(&mut mempool, &ledger, &large), Err(SubmitError::Full));
    assert_eq!(mempool.ranks, ranks, "who is not taken in takes nothing with him");
    assert_eq!(add(&mut mempool, &ledger, &transfer(&ledger, 2, 3, 99 * FEE)), Err(SubmitError::Full), "nobody pushes himself out");
    let rich = transfer(&ledger, 5, 1, 4 * FEE);
    add(&mut mempool, &ledger, &rich).unwrap();
    assert!(has(&mempool, &rich) && has(&mempool, &behind[0]) && !has(&mempool, &behind[1]));
    add(&mut mempool, &ledger, &transfer(&ledger, 6, 1, 4 * FEE)).unwrap();
    assert!(!has(&mempool, &behind[0]) && others.iter().all(|one| has(&mempool, one)));
    whole(&mempool, &ledger);
}

#[test]
fn nothing_waits_for_ever() {
    let (ledger, mut mempool) = (ledger(), roomy());
    let (short, long) = (edited(&ledger, 2, 0, FEE, |body| body.expires = Height(2)), edited(&ledger, 3, 0, FEE, |body| body.expires = Height(u64::MAX)));
    add(&mut mempool, &ledger, &short).unwrap();
    add(&mut mempool, &ledger, &long).unwrap();
    let mut check = |ledger: &Ledger, waits: [bool; 2]| {
        mempool.follow(ledger);
        assert_eq!([&short, &long].map(|one| has(&mempool, one)), waits, "{}", ledger.height());
    };
    let before = later(&ledger, 1);
    check(&before, [true, true]);
    let then = later(&before, 1);
    check(&then, [false, true]);
    let end = later(&then, limits::WAIT_BLOCKS_MAX as usize - 3);
    check(&end, [false, true]);
    check(&later(&end, 1), [false, false]);
}

/// Of several nodes that show the same evidence all but one are refused: theirs goes, what stood behind it is a gap's, and nobody comes after others for it.
#[test]
fn refused_evidence_sets_nobody_back() {
    let (ledger, mut mempool) = (ledger(), roomy());
    let vote =
        |block| Vote { kind: VoteKind::Finalize(Proposal { round: Round { epoch: 0, view: 3 }, parent: 2, block: BlockId([block; 32]) }), signature: Box::new([1; SIGNATURE_LEN]) };
    let evidence = Evidence { voter: address(9), a: vote(1), b: vote(2) };
    let (refused, follows) = (edited(&ledger, 2, 0, 2 * FEE, |body| body.action = Action::Evidence(Box::new(evidence))), transfer(&ledger, 2, 1, 2 * FEE));
    for one in [&refused, &follows, &transfer(&ledger, 3, 0, FEE)] {
        add(&mut mempool, &ledger, one).unwrap();
    }
    mempool.refused(&ledger, std::slice::from_ref(&refused));
    whole(&mempool, &ledger);
    assert!(!has(&mempool, &refused) && has(&mempool, &follows));
    add(&mut mempool, &ledger, &transfer(&ledger, 2, 0, 2 * FEE)).unwrap();
    whole(&mempool, &ledger);
    assert_eq!(order(&mempool, &ledger)[0], (address(2), 0));
}

/// What a block refused goes, what follows it is a gap's, and its sender's others come last for a while.
#[test]
fn who_was_refused_comes_after_everybody() {
    let (ledger, mut mempool) = (ledger(), roomy());
    let (refused, follows, other) = (junk(&ledger, 2, 0, 900 * FEE), transfer(&ledger, 2, 1, 900 * FEE), transfer(&ledger, 3, 0, FEE));
    for one in [&refused, &follows, &other] {
        add(&mut mempool, &ledger, one).unwrap();
    }
    assert_eq!(order(&mempool, &ledger)[0], (address(2), 0));
    mempool.refused(&ledger, std::slice::from_ref(&refused));
    assert!(!has(&mempool, &refused) && has(&mempool, &follows));
    assert_eq!(order(&mempool, &ledger), [(address(3), 0)]);
    add(&mut mempool, &ledger, &transfer(&ledger, 2, 0, 900 * FEE)).unwrap();
    whole(&mempool, &ledger);
    assert_eq!(order(&mempool, &ledger), [(address(3), 0), (address(2), 0), (address(2), 1)]);
    let ledger = later(&ledger, limits::SET_BACK_BLOCKS as usize - 1);
    mempool.follow(&ledger);
    assert_eq!(order(&mempool, &ledger)[0], (address(3), 0));
    let ledger = later(&ledger, 1);
    mempool.follow(&ledger);
    whole(&mempool, &ledger);
    assert_eq!(order(&mempool, &ledger)[0], (address(2), 0));
}
