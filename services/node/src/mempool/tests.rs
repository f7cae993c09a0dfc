//! What waits, what takes another's place, what is selected, and what goes.

use super::{Mempool, SubmitError};
use crate::identity::PrivateKey;
use crate::limits;
use mickai_ledger::{Ledger, Library, Rejection, Slot};
use mickai_proof::digest::TreeHash;
use mickai_proof::pantheon::{Action, Address, Allocation, Amount, Body, Genesis, GenesisHead, Height, Network, Params, Transaction};
use std::sync::Arc;

const PAN: u64 = 1_000_000_000;
const FEE: u64 = 50_000;

fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_seed_bytes(&zeroize::Zeroizing::new([seed; 32]))
}

fn address(seed: u8) -> Address {
    Address::of(key(seed).public().key())
}

/// Accounts of seeds 2 to 4; the validator has seed 1.
fn ledger() -> Ledger {
    let params = Params {
        seats_min: 1,
        seats_max: 4,
        epoch_blocks: 100,
        unbonding_epochs: 1,
        bond_min: Amount::from_obols(1_000_000 * PAN),
        fee_base: Amount::from_obols(1_000),
        fee_byte: Amount::from_obols(1),
        treasury_share: 0,
    };
    let bond = Amount::from_obols(2_000_000 * PAN);
    let allocation = |seed: u8, obols| Allocation { to: address(seed), amount: Amount::from_obols(obols) };
    let head = GenesisHead {
        network: Network::Test,
        name: "trial".into(),
        time_ms: 0,
        params,
        bonds: vec![(address(101), key(1).public().key().clone(), bond)],
        treasury: Amount::ZERO,
        allocation_count: 0,
        allocated: Amount::ZERO,
        allocations: TreeHash([0; 32]),
    };
    let rest = Amount::SUPPLY.obols() - bond.obols() - 2_000 * PAN;
    Ledger::new(&Genesis::new(head, vec![allocation(2, rest), allocation(3, 1_000 * PAN), allocation(4, 1_000 * PAN)]).unwrap()).unwrap()
}

/// A transfer of an account whose key the chain does not know yet: its first transaction reveals it.
fn transfer(ledger: &Ledger, seed: u8, nonce: u64, fee: u64) -> Arc<Transaction> {
    edited(ledger, seed, nonce, fee, |_| ())
}

fn edited(ledger: &Ledger, seed: u8, nonce: u64, fee: u64, edit: impl FnOnce(&mut Body)) -> Arc<Transaction> {
    let action = Action::Transfer { to: address(9), amount: Amount::from_obols(1) };
    let mut body = Body { chain: ledger.chain(), sender: address(seed), nonce, fee: Amount::from_obols(fee), expires: Height(10), action };
    edit(&mut body);
    let signature = key(seed).sign_message(&body.message()).unwrap();
    Arc::new(body.sign_with((nonce == 0).then(|| key(seed).public().key().clone()), signature.raw()))
}

fn add(mempool: &mut Mempool, ledger: &Ledger, transaction: &Arc<Transaction>) -> Result<(), SubmitError> {
    mempool.add(ledger, transaction.clone(), &Library).map(|_| ())
}

#[test]
fn each_reason_is_its_own() {
    let (ledger, mut mempool) = (ledger(), Mempool::default());
    let mut refused = |transaction: Arc<Transaction>| add(&mut mempool, &ledger, &transaction).unwrap_err();
    assert!(matches!(refused(edited(&ledger, 2, 0, FEE, |body| body.chain.0[0] ^= 1)), SubmitError::Rejected(Rejection::OtherChain(_))));
    assert!(matches!(refused(edited(&ledger, 2, 0, FEE, |body| body.expires = Height(0))), SubmitError::Rejected(Rejection::Expired { .. })));
    assert!(matches!(refused(transfer(&ledger, 2, 0, 7)), SubmitError::Rejected(Rejection::FeeTooLow { .. })));
    assert!(matches!(refused(transfer(&ledger, 50, 0, FEE)), SubmitError::Rejected(Rejection::NoAccount(_))));
    assert!(matches!(refused(transfer(&ledger, 3, 0, 2_000 * PAN)), SubmitError::Rejected(Rejection::Insufficient { .. })));
    assert_eq!(refused(transfer(&ledger, 2, 1, FEE)), SubmitError::Rejected(Rejection::KeyMissing));
    assert_eq!(refused(transfer(&ledger, 2, limits::NONCE_WINDOW, FEE)), SubmitError::TooFarAhead { nonce: limits::NONCE_WINDOW, next: 0 });
    // Signed by another account's key, which it reveals; and signed for another body.
    assert!(matches!(refused(edited(&ledger, 3, 0, FEE, |body| body.sender = address(2))), SubmitError::Rejected(Rejection::WrongKey(_))));
    let good = transfer(&ledger, 2, 0, FEE);
    let other = Body { fee: Amount::from_obols(FEE + 1), ..good.body().clone() };
    let forged = Arc::new(other.sign_with(good.key().cloned(), good.signature()));
    assert_eq!(refused(forged), SubmitError::Rejected(Rejection::Signature));
    assert_eq!((mempool.len(), mempool.byte_count()), (0, 0), "nothing is left of what was refused");
    add(&mut mempool, &ledger, &good).unwrap();
    assert_eq!(add(&mut mempool, &ledger, &good), Err(SubmitError::Known(good.id())));
}

#[test]
fn a_block_gets_each_senders_in_order_and_the_better_paid_first() {
    let (ledger, mut mempool) = (ledger(), Mempool::default());
    // The second of seed 2 pays most, but stands behind its first; seed 4 has a gap.
    for (seed, nonce, fee) in [(2, 0, FEE), (2, 1, 9 * FEE), (3, 0, 2 * FEE), (3, 1, FEE / 2), (4, 0, FEE), (4, 2, 9 * FEE)] {
        add(&mut mempool, &ledger, &transfer(&ledger, seed, nonce, fee)).unwrap();
    }
    let selected = mempool.select(&ledger, usize::MAX);
    let places: Vec<_> = selected.iter().map(|one| (one.body().sender, one.body().nonce)).collect();
    assert_eq!(places.first(), Some(&(address(3), 0)));
    let at = |seed, nonce| places.iter().position(|place| *place == (address(seed), nonce));
    assert!(at(2, 0) < at(2, 1) && at(2, 1) < at(3, 1) && at(4, 2).is_none(), "{places:?}");
    assert_eq!(selected.len(), 5);
    assert!(mempool.select(&ledger, selected[0].byte_count()).len() == 1, "no more than there is room for");
    // A block takes the first of seeds 2 and 3: what was used is gone, what follows stays.
    let slot = Slot { view: 1, time_ms: 1, proposer: address(101) };
    let block = ledger.assemble(slot, selected.iter().take(2).map(|one| (**one).clone()), &Library).unwrap();
    mempool.retain_possible(&block.executed.ledger);
    assert_eq!(mempool.len(), 4);
    let expired = (0..10).fold(block.executed.ledger, |ledger, _| ledger.assemble(slot, [], &Library).unwrap().executed.ledger);
    mempool.retain_possible(&expired);
    assert_eq!((mempool.len(), mempool.byte_count()), (0, 0));
}

#[test]
fn another_one_of_a_number_pays_a_tenth_more() {
    let (ledger, mut mempool) = (ledger(), Mempool::default());
    let (first, second, third) = (transfer(&ledger, 2, 0, FEE), transfer(&ledger, 2, 0, FEE + 5), transfer(&ledger, 2, 0, 2 * FEE));
    add(&mut mempool, &ledger, &first).unwrap();
    let least = Amount::from_obols(FEE + FEE / 10 + 1);
    assert_eq!(add(&mut mempool, &ledger, &second), Err(SubmitError::Underpriced { fee: second.body().fee, least }));
    add(&mut mempool, &ledger, &third).unwrap();
    assert!(mempool.get(first.id()).is_none() && mempool.get(third.id()).is_some() && mempool.len() == 1);
    for _ in 0..limits::REFUSALS_MAX {
        mempool.refused([&*third]);
    }
    assert_eq!(mempool.len(), 0, "what no block can hold goes");
}

/// Room goes to who pays more a byte, and what goes is the last of a sender's, so that no gap is left.
#[test]
fn a_full_pool_gives_room_to_who_pays_more() {
    let (ledger, mut mempool) = (ledger(), Mempool::default());
    let poor = [transfer(&ledger, 2, 0, FEE), transfer(&ledger, 2, 1, FEE)];
    for one in &poor {
        add(&mut mempool, &ledger, one).unwrap();
    }
    mempool.byte_count += limits::MEMPOOL_BYTES_MAX - mempool.byte_count;
    assert_eq!(add(&mut mempool, &ledger, &transfer(&ledger, 3, 0, FEE)), Err(SubmitError::Full));
    assert_eq!(add(&mut mempool, &ledger, &transfer(&ledger, 2, 2, 9 * FEE)), Err(SubmitError::Full), "nobody pushes himself out");
    let rich = transfer(&ledger, 3, 0, 9 * FEE);
    add(&mut mempool, &ledger, &rich).unwrap();
    assert!(mempool.get(rich.id()).is_some() && mempool.get(poor[1].id()).is_none());
}
