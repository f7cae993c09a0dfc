//! What a bad signature, a bad header and refused transactions cost a node, and what it forgets.

use super::{Chain, SubmitError};
use crate::limits;
use crate::sealed::Sealed;
use crate::trial::{ACCOUNTS, FEE, Marked, address, edited, genesis, junk, key, slot, transfer};
use commonware_parallel::Sequential;
use mickai_ledger::{BlockError, Ledger, Rejection, SignatureCheck, Slot};
use mickai_proof::digest::{Id, SetDigest};
use mickai_proof::key::PublicKey;
use mickai_proof::limits::LIGHT_CHANGES_MAX;
use mickai_proof::pantheon::light::Change;
use mickai_proof::pantheon::{Action, Address, Amount, Block, Body, Certificate, Header, Height, LightProof, Round, Transaction, transactions_root};
use mickai_proof::signature::SIGNATURE_LEN;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};

/// Counts what it is asked, and sees that nobody else waits meanwhile.
#[derive(Clone, Default)]
struct Counting {
    asked: Arc<AtomicUsize>,
    chain: Arc<OnceLock<Weak<Chain>>>,
}

impl Counting {
    fn chain() -> (Self, Arc<Chain>) {
        let counting = Self::default();
        let chain = Arc::new(Chain::with_verifier(&genesis(), Box::new(counting.clone())).unwrap());
        counting.chain.set(Arc::downgrade(&chain)).unwrap();
        (counting, chain)
    }

    /// How often since it was last asked this.
    fn count(&self) -> usize {
        self.asked.swap(0, Ordering::Relaxed)
    }
}

impl SignatureCheck for Counting {
    fn is_signed(&self, key: &PublicKey, message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> bool {
        let chain = self.chain.get().and_then(Weak::upgrade).unwrap();
        assert!(chain.inner.try_lock().is_ok(), "a signature is verified under the lock");
        self.asked.fetch_add(1, Ordering::Relaxed);
        Marked.is_signed(key, message, signature)
    }
}

/// The same with a bad signature.
fn forged(transaction: &Transaction) -> Arc<Transaction> {
    Arc::new(transaction.body().clone().sign_with(transaction.key().cloned(), &[0; SIGNATURE_LEN]))
}

#[test]
fn a_signature_is_verified_once_and_under_no_lock() {
    let (counting, chain) = Counting::chain();
    let ledger = chain.newest();
    for is_tried in [true, false] {
        for number in [0, 1] {
            let good = transfer(&ledger, if is_tried { 2 } else { 3 }, number, FEE);
            assert_eq!(chain.submit(forged(&good), is_tried), Err(SubmitError::Rejected(Rejection::Signature)));
            assert_eq!(counting.count(), 1);
            chain.submit(good.clone(), is_tried).unwrap();
            assert_eq!(counting.count(), 1);
            assert_eq!(chain.submit(good.clone(), is_tried), Err(SubmitError::Known(good.id())));
            assert_eq!(counting.count(), 0);
        }
    }
    // What no block could hold is refused before.
    for refused in [transfer(&ledger, 2, 0, FEE + 1), transfer(&ledger, 2, limits::NONCE_WINDOW, FEE), transfer(&ledger, 999, 0, FEE)] {
        chain.submit(refused, false).unwrap_err();
    }
    let sealed = chain.assemble(&ledger, slot()).unwrap();
    assert_eq!(sealed.block().unwrap().transactions.len(), 4);
    chain.execute(&ledger, &sealed, &Sequential).unwrap();
    assert_eq!(counting.count(), 0, "a block of these costs none");
}

#[test]
fn a_bad_header_costs_no_signature_and_a_bad_signature_ends_the_work() {
    let (counting, chain) = Counting::chain();
    let ledger = chain.newest();
    let good: Vec<_> = (0..5).map(|number| transfer(&ledger, number, 0, FEE)).collect();
    let block = |forged_at: Option<usize>| {
        let transactions: Vec<_> = good.iter().enumerate().map(|(at, one)| if Some(at) == forged_at { (*forged(one)).clone() } else { (**one).clone() }).collect();
        let block = ledger.assemble(slot(), good.iter().map(|one| (**one).clone()), &Marked).unwrap().block;
        let header = Header { transactions: transactions_root(&transactions), ..block.header };
        Block { header, transactions }
    };
    let mut late = block(Some(0));
    late.header.time_ms = 0;
    let refused = chain.execute(&ledger, &Sealed::new(late), &Sequential).err();
    assert_eq!((refused, counting.count()), (Some(BlockError::Time { found_ms: 0, parent_ms: 0 }), 0));
    let refused = chain.execute(&ledger, &Sealed::new(block(Some(1))), &Sequential).err();
    assert_eq!((refused, counting.count()), (Some(BlockError::Transaction { index: 1, why: Rejection::Signature }), 2));
    chain.execute(&ledger, &Sealed::new(block(None)), &Sequential).unwrap();
    assert_eq!(counting.count(), 4, "the first was found good before");
}

/// While nothing becomes final, rounds go on: the ledgers that nobody needed for longest go, whether this node proposed the block or another one.
#[test]
fn ledgers_that_are_not_final_are_kept_up_to_a_number() {
    let (_, chain) = Counting::chain();
    let begin = chain.newest();
    let (mut tip, mut blocks) = (begin.clone(), Vec::new());
    for height in 1..=2 * limits::PENDING_LEDGERS_KEPT {
        let sealed = if height % 2 == 0 {
            let sealed = chain.assemble(&tip, slot()).unwrap();
            tip = chain.after(sealed.id()).unwrap();
            sealed
        } else {
            let sealed = Sealed::new(tip.assemble(slot(), [], &Marked).unwrap().block);
            tip = chain.execute(&tip, &sealed, &Sequential).unwrap();
            sealed
        };
        blocks.push(sealed);
    }
    let known = |chain: &Chain| blocks.iter().filter(|sealed| chain.after(sealed.id()).is_some()).count();
    assert_eq!(known(&chain), limits::PENDING_LEDGERS_KEPT);
    assert!(chain.after(blocks[limits::PENDING_LEDGERS_KEPT - 1].id()).is_none() && chain.after(blocks[limits::PENDING_LEDGERS_KEPT].id()).is_some());
    // The same one again takes no other's place; one of old is executed again, where it is wanted.
    chain.execute(&chain.after(blocks[2 * limits::PENDING_LEDGERS_KEPT - 2].id()).unwrap(), blocks.last().unwrap(), &Sequential).unwrap();
    assert!(chain.after(blocks[limits::PENDING_LEDGERS_KEPT].id()).is_some());
    chain.execute(&begin, &blocks[0], &Sequential).unwrap();
    assert_eq!((known(&chain), chain.after(blocks[0].id()).is_some()), (limits::PENDING_LEDGERS_KEPT, true));
    // All of them become final, known or not.
    for sealed in &blocks {
        assert_eq!(chain.finalise(sealed).unwrap().unwrap().tip(), sealed.id());
    }
    assert_eq!(chain.newest().state().root(), tip.state().root());
    assert!(chain.lock().pending.is_empty());
}

/// Proposer after proposer makes a block on the same parent, and none of them becomes final.
#[test]
fn a_parent_stays_while_blocks_are_made_on_it() {
    let (_, chain) = Counting::chain();
    let begin = chain.newest();
    let made = |parent: &Ledger, view| Sealed::new(parent.assemble(Slot { view, ..slot() }, [], &Marked).unwrap().block);
    let parent = made(&begin, 1);
    chain.execute(&begin, &parent, &Sequential).unwrap();
    let mut blocks = Vec::new();
    for view in 2..=2 * limits::PENDING_LEDGERS_KEPT as u64 {
        let ledger = chain.after(parent.id()).unwrap();
        let sealed = made(&ledger, view);
        chain.execute(&ledger, &sealed, &Sequential).unwrap();
        blocks.push(sealed);
    }
    assert!(chain.after(blocks[0].id()).is_none());
    assert_eq!(chain.lock().pending.len(), limits::PENDING_LEDGERS_KEPT);
}

/// What a block holds, by sender and number.
fn places(sealed: &Sealed) -> Vec<(Address, u64)> {
    sealed.block().unwrap().transactions.iter().map(|one| (one.body().sender, one.body().nonce)).collect()
}

/// Nine accounts fill more than a block with what pays best; the first of each can stand in none, and so nothing of them can.
#[test]
fn refused_transactions_leave_the_block_to_others() {
    let (_, chain) = Counting::chain();
    let ledger = chain.newest();
    let mut bytes = 0;
    for from in 0..9 {
        for nonce in 0..29 {
            let one = junk(&ledger, from, nonce, 100 * FEE);
            bytes += one.byte_count();
            chain.submit(one, false).unwrap();
        }
    }
    assert!(bytes > mickai_proof::limits::BLOCK_BYTES_MAX);
    chain.submit(transfer(&ledger, 20, 0, FEE), false).unwrap();
    chain.submit(transfer(&ledger, 20, 1, FEE), false).unwrap();
    let sealed = chain.assemble(&ledger, slot()).unwrap();
    assert_eq!(places(&sealed), [(address(20), 0), (address(20), 1)]);
    assert_eq!(chain.mempool_size().0, 9 * 28 + 2, "what was refused is gone");
}

/// A proposer looks past as many bytes as a block has; who was refused is behind everybody in the next one.
#[test]
fn looking_past_what_is_refused_has_an_end() {
    let (_, chain) = Counting::chain();
    let ledger = chain.newest();
    let junk = |nonce| (0..260).map(|from| junk(&ledger, from, nonce, 100 * FEE)).collect::<Vec<_>>();
    for one in junk(0) {
        chain.submit(one, false).unwrap();
    }
    chain.submit(transfer(&ledger, 280, 0, FEE), false).unwrap();
    let tried = limits::REFUSED_BYTES_MAX.div_ceil(junk(0)[0].byte_count());
    assert!(tried < 260);
    assert!(places(&chain.assemble(&ledger, slot()).unwrap()).is_empty());
    assert_eq!(chain.mempool_size().0, 261 - tried);
    for one in junk(0) {
        // They come again, paying more.
        let again = Body { fee: Amount::from_obols(200 * FEE), ..one.body().clone() };
        chain.submit(Arc::new(again.sign_with(one.key().cloned(), one.signature())), false).unwrap();
    }
    assert_eq!(places(&chain.assemble(&ledger, slot()).unwrap()), [(address(280), 0)]);
}

/// A node that never proposes: what it could not propose either goes all the same, and what is behind it is no longer in anybody's way.
#[test]
fn what_no_block_holds_goes_without_being_proposed() {
    let (_, chain) = Counting::chain();
    let ledger = chain.newest();
    let doomed: Vec<_> = (0..60).map(|from| junk(&ledger, from, 0, 900 * FEE)).collect();
    let good = [transfer(&ledger, 200, 0, FEE), transfer(&ledger, 200, 1, FEE), transfer(&ledger, 0, 1, FEE)];
    assert!(doomed.len() + good.len() <= limits::TRIED_COUNT);
    for one in doomed.iter().chain(&good) {
        chain.submit(one.clone(), false).unwrap();
    }
    let empty = |chain: &Chain| Sealed::new(chain.newest().assemble(slot(), [], &Marked).unwrap().block);
    chain.finalise(&empty(&chain)).unwrap().unwrap();
    assert_eq!(chain.mempool_size().0, good.len());
    chain.finalise(&empty(&chain)).unwrap().unwrap();
    assert!(good.iter().all(|one| chain.waiting(one.id()).is_some()));
    // Two that could each stand in a block alone, and only one of them in the next: the other goes after it.
    let name = |from| edited(&ledger, from, 0, 100 * FEE, |body| body.action = Action::Name { name: "trial".into(), key: key(from).id(), mandate: Id([0; 32]) });
    let (first, second) = (name(250), name(251));
    chain.submit(second.clone(), true).unwrap();
    let block = chain.newest().assemble(slot(), [(*first).clone()], &Marked).unwrap();
    assert!(block.rejected.is_empty());
    chain.finalise(&Sealed::new(block.block)).unwrap().unwrap();
    assert!(chain.waiting(second.id()).is_none());
}

/// More than a light proof holds: their number and their bytes are known before one is made.
#[test]
fn changes_of_the_validators_are_counted_with_their_bytes() {
    let (_, chain) = Counting::chain();
    let first = chain.newest().assemble(slot(), [], &Marked).unwrap();
    let second = first.executed.ledger.assemble(slot(), [], &Marked).unwrap();
    let header = first.block.header;
    let certificate = Certificate::new(Round { epoch: 0, view: 1 }, 0, 1, vec![(0, Box::new([1; SIGNATURE_LEN]))]).unwrap();
    let next = chain.newest().validators().clone();
    let changes: Vec<_> = (0..=LIGHT_CHANGES_MAX).map(|_| Change { header: header.clone(), certificate: certificate.clone(), next: next.clone() }).collect();
    // After the newest block others vote: that change is one of the proofs of later blocks.
    let header = Header { next: SetDigest([7; 32]), ..second.block.header };
    let proof = LightProof { head: chain.head().clone(), changes, header, certificate, entries: Vec::new() };
    assert_eq!(chain.turn_count(), 0);
    chain.resume(second.executed.ledger, &proof);
    assert_eq!((chain.turn_count(), chain.turns(Height(2)).len()), (LIGHT_CHANGES_MAX + 1, LIGHT_CHANGES_MAX + 2));
    let byte_count: usize = chain.turns(Height(1)).iter().map(|turn| turn.shown.as_ref().unwrap().byte_count).sum();
    let encoded = proof.encode().len();
    assert!((byte_count..byte_count + 32 * proof.changes.len()).contains(&encoded), "{byte_count} of {encoded}");
    let third = chain.newest().assemble(slot(), [], &Marked).unwrap().block;
    chain.finalise(&Sealed::new(third)).unwrap().unwrap();
    assert_eq!(chain.turn_count(), LIGHT_CHANGES_MAX + 2);
}

#[test]
fn the_index_forgets_what_was_pruned() {
    let (_, chain) = Counting::chain();
    let mut sent = Vec::new();
    for number in 0..4 {
        let ledger = chain.newest();
        let one = transfer(&ledger, 2, number, FEE);
        sent.push(chain.submit(one, true).unwrap());
        let sealed = chain.assemble(&ledger, slot()).unwrap();
        chain.finalise(&sealed).unwrap().unwrap();
    }
    let known = |chain: &Chain| sent.iter().map(|id| chain.locate(*id).map(|place| place.height.0)).collect::<Vec<_>>();
    assert_eq!(known(&chain), [Some(1), Some(2), Some(3), Some(4)]);
    let first = chain.finals().into_iter().find(|ledger| ledger.height() == Height(1)).unwrap().tip();
    assert_eq!((chain.height_of(first), chain.history(address(2), 0, 9).len()), (Some(Height(1)), 4));
    chain.forget(Height(3));
    assert_eq!(known(&chain), [None, None, Some(3), Some(4)]);
    assert_eq!(chain.height_of(first), None);
    for account in [address(2), address(ACCOUNTS)] {
        assert_eq!(chain.history(account, 0, 9).iter().map(|place| place.height.0).collect::<Vec<_>>(), [4, 3]);
    }
    chain.forget(Height(9));
    assert!(known(&chain).iter().all(Option::is_none) && chain.history(address(2), 0, 9).is_empty());
}
