//! Random transactions over a plain model: the same balances, the same refusals, and never an obol more or less.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::{PAN, genesis_with, obols, params};
use mickai_ledger::{Ledger, SignatureCheck, Slot};
use mickai_proof::digest::{ChainId, Id, KeyId};
use mickai_proof::key::PublicKey;
use mickai_proof::pantheon::{Action, Address, Amount, Block, Body, BondKey, Height, StateKey, Transaction};
use mickai_proof::signature::SIGNATURE_LEN;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const ACCOUNTS: u8 = 7;
const SUPPLY: u64 = 5_000_000_000 * PAN;
const BOND_MIN: u64 = 1_000_000 * PAN;

/// A signature is good when its first byte is 1: what is tested here is what comes before and after.
struct Marked;

impl SignatureCheck for Marked {
    fn is_signed(&self, _: &PublicKey, _: &[u8], signature: &[u8; SIGNATURE_LEN]) -> bool {
        signature[0] == 1
    }
}

fn key(number: u8) -> PublicKey {
    PublicKey::from_raw([number; 1952])
}

fn address(number: u8) -> Address {
    Address::of(&key(number))
}

#[derive(Clone, Debug)]
enum Plan {
    Transfer { to: u8, amount: u64 },
    Bond { amount: u64, with_key: bool },
    Unbond { amount: u64 },
    Name { name: u8 },
}

#[derive(Clone, Debug)]
struct Step {
    from: u8,
    plan: Plan,
    fee: u64,
    nonce_off: i8,
    expires_off: i8,
    other_chain: bool,
    bad_signature: bool,
    reveal: bool,
}

/// Amounts at every scale, and those at which something gives way.
fn amount() -> impl Strategy<Value = u64> {
    prop_oneof![1..10_000u64, 1..3 * BOND_MIN, Just(BOND_MIN), Just(BOND_MIN - 1), Just(2 * BOND_MIN), Just(SUPPLY), Just(u64::MAX), 1..SUPPLY]
}

/// True once in so many times.
fn rarely(times: u32) -> impl Strategy<Value = bool> {
    (0..times).prop_map(|drawn| drawn == 0)
}

fn step() -> impl Strategy<Value = Step> {
    let plan = prop_oneof![
        4 => (0..ACCOUNTS + 3, amount()).prop_map(|(to, amount)| Plan::Transfer { to, amount }),
        3 => (amount(), any::<bool>()).prop_map(|(amount, with_key)| Plan::Bond { amount, with_key }),
        2 => amount().prop_map(|amount| Plan::Unbond { amount }),
        1 => (0..3u8).prop_map(|name| Plan::Name { name }),
    ];
    let fee = prop_oneof![8 => Just(20_000u64), 2 => 10_000..30_000_000u64, 1 => Just(0), 1 => Just(u64::MAX), 1 => Just(SUPPLY)];
    let off = || prop_oneof![12 => Just(0i8), 1 => Just(-1), 1 => Just(1)];
    (0..ACCOUNTS + 1, plan, fee, off(), off(), rarely(20), rarely(20), rarely(20)).prop_map(|(from, plan, fee, nonce_off, expires_off, other_chain, bad_signature, reveal)| Step {
        from,
        plan,
        fee,
        nonce_off,
        expires_off,
        other_chain,
        bad_signature,
        reveal,
    })
}

/// What the ledger must do, said once more in the plainest way.
#[derive(Clone, Default)]
struct Model {
    balances: BTreeMap<Address, u64>,
    nonces: BTreeMap<Address, u64>,
    known: BTreeSet<Address>,
    bonds: BTreeMap<Address, u64>,
    waiting: BTreeMap<Address, Vec<(u64, u64)>>,
    names: BTreeMap<String, Address>,
    treasury: u64,
    height: u64,
}

impl Model {
    fn tried(&mut self, transaction: &Transaction, chain: ChainId, proposer: Address, is_signed: bool) -> Result<(), &'static str> {
        let mut next = self.clone();
        next.apply(transaction, chain, proposer, is_signed)?;
        *self = next;
        Ok(())
    }

    fn apply(&mut self, transaction: &Transaction, chain: ChainId, proposer: Address, is_signed: bool) -> Result<(), &'static str> {
        let body = transaction.body();
        let (from, fee) = (body.sender, body.fee.obols());
        if body.chain != chain {
            return Err("other-chain");
        }
        if body.expires.0 < self.height + 1 {
            return Err("expired");
        }
        if fee < 1_000 + transaction.encode().len() as u64 {
            return Err("fee-too-low");
        }
        if fee > SUPPLY {
            return Err("overflow");
        }
        let Some(balance) = self.balances.get_mut(&from) else { return Err("no-account") };
        let nonce = self.nonces.entry(from).or_default();
        match body.nonce.cmp(nonce) {
            std::cmp::Ordering::Less => return Err("nonce-used"),
            std::cmp::Ordering::Greater => return Err("nonce-gap"),
            std::cmp::Ordering::Equal => *nonce += 1,
        }
        match (self.known.contains(&from), transaction.key().is_some()) {
            (true, true) => return Err("key-known"),
            (false, false) => return Err("key-missing"),
            _ => self.known.insert(from),
        };
        if *balance < fee {
            return Err("insufficient");
        }
        if !is_signed {
            return Err("signature");
        }
        *balance -= fee;
        let treasury = fee / 4;
        self.treasury += treasury;
        *self.balances.entry(proposer).or_default() += fee - treasury;
        self.act(from, &body.action)
    }

    fn act(&mut self, from: Address, action: &Action) -> Result<(), &'static str> {
        match action {
            Action::Transfer { to, amount } => {
                self.take(from, amount.obols())?;
                *self.balances.entry(*to).or_default() += amount.obols();
            }
            Action::Bond { amount, key } => {
                match (self.bonds.contains_key(&from), key.is_some()) {
                    (true, true) => return Err("bond-key-known"),
                    (false, false) => return Err("bond-key-missing"),
                    _ => (),
                }
                self.take(from, amount.obols())?;
                let bond = self.bonds.entry(from).or_default();
                *bond += amount.obols();
                if *bond < BOND_MIN {
                    return Err("bond-below-minimum");
                }
            }
            Action::Unbond { amount } => {
                let bond = self.bonds.get_mut(&from).filter(|bond| **bond >= amount.obols()).ok_or("bond-insufficient")?;
                *bond -= amount.obols();
                if *bond > 0 && *bond < BOND_MIN {
                    return Err("bond-below-minimum");
                }
                let epoch = self.height / 3;
                self.waiting.entry(from).or_default().push((amount.obols(), (epoch + 2) * 3));
            }
            Action::Name { name, .. } => {
                if *self.names.entry(name.clone()).or_insert(from) != from {
                    return Err("name-taken");
                }
            }
            _ => panic!("not planned"),
        }
        Ok(())
    }

    fn take(&mut self, from: Address, amount: u64) -> Result<(), &'static str> {
        let balance = self.balances.get_mut(&from).ok_or("no-account")?;
        if amount > SUPPLY {
            return Err("overflow");
        }
        *balance = balance.checked_sub(amount).ok_or("insufficient")?;
        Ok(())
    }

    /// The end of a block: every third one is an epoch's last.
    fn end(&mut self) {
        self.height += 1;
        if self.height.is_multiple_of(3) {
            for (account, waiting) in &mut self.waiting {
                for (amount, _) in waiting.iter().filter(|(_, release)| *release <= self.height) {
                    *self.balances.entry(*account).or_default() += amount;
                }
                waiting.retain(|(_, release)| *release > self.height);
            }
        }
    }

    /// The accounts of the largest bonds, at most four; the same as before where there is none.
    fn seats(&self, before: Vec<Address>) -> Vec<Address> {
        if !self.height.is_multiple_of(3) {
            return before;
        }
        let mut bonds: Vec<_> = self.bonds.iter().filter(|(_, bond)| **bond >= BOND_MIN).map(|(account, bond)| (std::cmp::Reverse(*bond), *account)).collect();
        bonds.sort();
        bonds.truncate(4);
        let mut seats: Vec<_> = bonds.into_iter().map(|(_, account)| account).collect();
        seats.sort();
        if seats.is_empty() { before } else { seats }
    }
}

struct World {
    ledger: Ledger,
    model: Model,
    seats: Vec<Address>,
    refused: BTreeMap<&'static str, u32>,
}

impl World {
    fn new() -> Self {
        let accounts: Vec<_> = (0..ACCOUNTS).map(|number| (address(number), u64::from(number) * 777_777 * PAN + 50_000)).collect();
        let validators = [100u8, 101];
        let bonds = validators.iter().map(|number| (address(*number), key(number + 50), obols(BOND_MIN))).collect();
        let genesis = genesis_with(params(), bonds, &accounts, (0, 0)).unwrap();
        let model = Model {
            balances: genesis.allocations.iter().map(|one| (one.to, one.amount.obols())).collect(),
            bonds: validators.iter().map(|number| (address(*number), BOND_MIN)).collect(),
            ..Model::default()
        };
        let mut seats: Vec<_> = validators.iter().map(|number| address(*number)).collect();
        seats.sort();
        Self { ledger: Ledger::new(&genesis).unwrap(), model, seats, refused: BTreeMap::new() }
    }

    /// The transaction of a step, given how many of its sender's were taken in this block already.
    fn transaction(&self, step: &Step) -> (Transaction, bool) {
        let sender = address(step.from);
        let known = self.model.known.contains(&sender);
        let action = match &step.plan {
            Plan::Transfer { to, amount } => Action::Transfer { to: address(*to), amount: obols(*amount) },
            Plan::Bond { amount, with_key } => {
                Action::Bond { amount: obols(*amount), key: with_key.then(|| BondKey { key: key(step.from + 50), proof: Box::new([1; SIGNATURE_LEN]) }) }
            }
            Plan::Unbond { amount } => Action::Unbond { amount: obols(*amount) },
            Plan::Name { name } => Action::Name { name: format!("name-{name}"), key: KeyId([1; 32]), mandate: Id([2; 32]) },
        };
        let nonce = self.model.nonces.get(&sender).copied().unwrap_or_default().saturating_add_signed(step.nonce_off.into());
        let chain = if step.other_chain { ChainId([9; 32]) } else { self.ledger.chain() };
        let expires = Height((self.model.height + 1).saturating_add_signed(step.expires_off.into()));
        let body = Body { chain, sender, nonce, fee: obols(step.fee), expires, action };
        let reveals = known == step.reveal;
        let is_signed = !step.bad_signature;
        (body.sign_with(reveals.then(|| key(step.from)), &[u8::from(is_signed); SIGNATURE_LEN]), is_signed)
    }

    fn block(&mut self, steps: &[Step]) {
        let proposer = self.seats[0];
        let mut transactions = Vec::new();
        let mut expected = Vec::new();
        for step in steps {
            let (transaction, is_signed) = self.transaction(step);
            if let Err(code) = self.model.tried(&transaction, self.ledger.chain(), proposer, is_signed) {
                expected.push(code);
                *self.refused.entry(code).or_default() += 1;
            }
            transactions.push(transaction);
        }
        self.model.end();
        self.seats = self.model.seats(std::mem::take(&mut self.seats));
        let made = self.ledger.assemble(Slot { view: 1, time_ms: 0, proposer }, transactions, &Marked).unwrap();
        let found: Vec<_> = made.rejected.iter().map(|(_, why)| why.code()).collect();
        assert_eq!(found, expected);
        let executed = self.ledger.execute(&Block::parse(&made.block.encode()).unwrap(), &Marked).unwrap();
        self.ledger = executed.ledger;
        self.compare();
    }

    fn compare(&self) {
        let state = self.ledger.state();
        let totals = state.totals();
        assert_eq!(totals.sum(), u128::from(SUPPLY));
        assert_eq!(state.audit(), Some(totals));
        assert_eq!(totals.treasury.obols(), self.model.treasury);
        for (account, balance) in &self.model.balances {
            let found = state.account(*account).unwrap();
            assert_eq!((found.balance.obols(), found.nonce), (*balance, self.model.nonces.get(account).copied().unwrap_or_default()));
        }
        for (account, bond) in &self.model.bonds {
            let found = state.validator(*account).unwrap();
            let waiting: u64 = found.unbonding.iter().map(|part| part.amount.obols()).sum();
            assert_eq!((found.bond.obols(), waiting), (*bond, self.model.waiting.get(account).map_or(0, |waiting| waiting.iter().map(|(amount, _)| amount).sum())));
        }
        for (name, owner) in &self.model.names {
            assert_eq!(state.name(name).unwrap().owner, *owner);
        }
        let mut seats: Vec<_> = state.seats().iter().map(|seat| seat.account).collect();
        seats.sort();
        assert_eq!(seats, self.seats);
        assert!(state.get(&StateKey::Account(address(200))).is_none());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn random_blocks_do_what_the_model_does(blocks in prop::collection::vec(prop::collection::vec(step(), 0..8), 1..24)) {
        let mut world = World::new();
        blocks.iter().for_each(|steps| world.block(steps));
    }
}

/// One long run from a fixed seed meets every refusal that the model knows, so that the property above is not about nothing.
#[test]
fn the_steps_meet_every_refusal() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &[3; 32]));
    let mut world = World::new();
    for _ in 0..400 {
        let steps = prop::collection::vec(step(), 0..8).new_tree(&mut runner).unwrap().current();
        world.block(&steps);
    }
    let met: Vec<_> = world.refused.keys().copied().collect();
    let all = "bond-below-minimum bond-insufficient bond-key-known bond-key-missing expired fee-too-low insufficient key-known key-missing name-taken no-account nonce-gap nonce-used other-chain overflow signature";
    assert_eq!(met.join(" "), all);
    assert!(Amount::SUPPLY.obols() == SUPPLY && world.model.waiting.len() > 1 && world.model.height == 400);
}
