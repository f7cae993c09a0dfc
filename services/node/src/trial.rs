//! What the unit tests share: a chain with many accounts, transactions for it, a verifier that costs nothing, and who was shut out.

use crate::identity::PublicKey as Peer;
use commonware_actor::Feedback;
use commonware_p2p::{BlockedSubscription, Blocker};
use commonware_utils::NZUsize;
use commonware_utils::channel::ring;
use mickai_ledger::{Ledger, SignatureCheck, Slot};
use mickai_proof::digest::TreeHash;
use mickai_proof::key::{PUBLIC_KEY_LEN, PublicKey};
use mickai_proof::pantheon::{Action, Address, Allocation, Amount, Body, Genesis, GenesisHead, Height, Network, Params, Transaction};
use mickai_proof::signature::SIGNATURE_LEN;
use std::sync::{Arc, Mutex};

pub(crate) const PAN: u64 = 1_000_000_000;
/// Above what any transfer has to pay.
pub(crate) const FEE: u64 = 50_000;
/// Of each validator.
const BOND: u64 = 2_000_000 * PAN;
/// Accounts 0 to here have 1,000 PAN each, the last of them the rest.
pub(crate) const ACCOUNTS: u16 = 300;

/// A signature is good when its first byte is 1.
pub(crate) struct Marked;

impl SignatureCheck for Marked {
    fn is_signed(&self, _: &PublicKey, _: &[u8], signature: &[u8; SIGNATURE_LEN]) -> bool {
        signature[0] == 1
    }
}

/// Writes down who was shut out.
#[derive(Clone, Default)]
pub(crate) struct Blocked(Arc<Mutex<Vec<Peer>>>);

impl Blocked {
    pub(crate) fn peers(&self) -> Vec<Peer> {
        self.0.lock().unwrap().clone()
    }
}

impl Blocker for Blocked {
    type PublicKey = Peer;

    fn block(&mut self, peer: Peer) -> Feedback {
        self.0.lock().unwrap().push(peer);
        Feedback::Ok
    }

    fn blocked(&mut self) -> BlockedSubscription<Peer> {
        ring::channel(NZUsize!(1)).1
    }
}

/// Nobody has the secret one.
pub(crate) fn key(number: u16) -> PublicKey {
    let mut raw = [7; PUBLIC_KEY_LEN];
    raw[..2].copy_from_slice(&number.to_be_bytes());
    PublicKey::from_raw(raw)
}

pub(crate) fn address(number: u16) -> Address {
    Address::of(&key(number))
}

/// Of one validator, which account 1,000 bonds for.
pub(crate) fn genesis() -> Genesis {
    let given = (0..ACCOUNTS).map(|number| (address(number), 1_000 * PAN)).collect();
    genesis_of(10_000, vec![(address(1_000), key(1_001))], given, address(ACCOUNTS))
}

/// Of validators that bond the same, each for an account; of accounts that have so much, and one that has the rest.
pub(crate) fn genesis_of(epoch_blocks: u64, validators: Vec<(Address, PublicKey)>, given: Vec<(Address, u64)>, rich: Address) -> Genesis {
    let params = Params {
        seats_min: 1,
        seats_max: 4,
        epoch_blocks,
        unbonding_epochs: 1,
        bond_min: Amount::from_obols(1_000_000 * PAN),
        fee_base: Amount::from_obols(1_000),
        fee_byte: Amount::from_obols(1),
        treasury_share: 0,
    };
    let count = validators.len() as u64;
    let head = GenesisHead {
        network: Network::Test,
        name: "trial".into(),
        time_ms: 0,
        params,
        bonds: validators.into_iter().map(|(account, key)| (account, key, Amount::from_obols(BOND))).collect(),
        treasury: Amount::ZERO,
        allocation_count: 0,
        allocated: Amount::ZERO,
        allocations: TreeHash([0; 32]),
    };
    let rest = Amount::SUPPLY.obols() - count * BOND - given.iter().map(|(_, obols)| obols).sum::<u64>();
    let allocation = |(to, obols)| Allocation { to, amount: Amount::from_obols(obols) };
    Genesis::new(head, given.into_iter().chain([(rich, rest)]).map(allocation).collect()).unwrap()
}

pub(crate) fn slot() -> Slot {
    Slot { view: 1, time_ms: 1, proposer: address(1_000) }
}

/// So many empty blocks later.
pub(crate) fn later(ledger: &Ledger, block_count: usize) -> Ledger {
    (0..block_count).fold(ledger.clone(), |ledger, _| ledger.assemble(slot(), [], &Marked).unwrap().executed.ledger)
}

/// An account's transfer of one obol; number 0 reveals its key.
pub(crate) fn transfer(ledger: &Ledger, from: u16, nonce: u64, fee: u64) -> Arc<Transaction> {
    edited(ledger, from, nonce, fee, |_| ())
}

/// A transaction of about 35 kB that no block holds.
pub(crate) fn junk(ledger: &Ledger, from: u16, nonce: u64, fee: u64) -> Arc<Transaction> {
    edited(ledger, from, nonce, fee, |body| body.action = Action::Fork(vec![0; 32_000]))
}

pub(crate) fn edited(ledger: &Ledger, from: u16, nonce: u64, fee: u64, edit: impl FnOnce(&mut Body)) -> Arc<Transaction> {
    let action = Action::Transfer { to: address(ACCOUNTS), amount: Amount::from_obols(1) };
    let mut body = Body { chain: ledger.chain(), sender: address(from), nonce, fee: Amount::from_obols(fee), expires: Height(1_000_000), action };
    edit(&mut body);
    let reveals = (body.nonce == 0).then(|| key(from));
    Arc::new(body.sign_with(reveals, &[1; SIGNATURE_LEN]))
}
