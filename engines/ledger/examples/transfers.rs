//! Measures block execution over a million accounts, without signature checks, and what the state of an account takes: `cargo run --release --package mickai-ledger --example transfers`.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, clippy::disallowed_types, reason = "a program for developers, which measures time and memory")]

use mickai_ledger::{Ledger, SignatureCheck, Slot};
use mickai_proof::digest::TreeHash;
use mickai_proof::key::PublicKey;
use mickai_proof::pantheon::{Action, Address, Allocation, Amount, Block, Body, Genesis, GenesisHead, Height, Network, Params, StateKey, Transaction};
use mickai_proof::signature::SIGNATURE_LEN;
use std::time::Instant;

const ACCOUNTS: u32 = 1_000_000;
/// Accounts that send during the measurement; the keys of the others were never revealed.
const SENDERS: u32 = 4_000;
const BLOCK_TRANSFERS: usize = 2_000;
const BLOCKS_MEASURED: usize = 21;
const PAN: u64 = 1_000_000_000;

/// Signatures are the node's to verify, in parallel and once.
struct Unchecked;

impl SignatureCheck for Unchecked {
    fn is_signed(&self, _: &PublicKey, _: &[u8], _: &[u8; SIGNATURE_LEN]) -> bool {
        true
    }
}

fn main() {
    let mut run = Run::new();
    let before = resident_bytes();
    run.open_accounts();
    let grown = resident_bytes() - before;
    println!("state/accounts count={ACCOUNTS} memory_bytes_per_account={:.1} entry_bytes={}", grown as f64 / f64::from(ACCOUNTS), run.entry_bytes());
    run.reveal_keys();
    let mut rates: Vec<f64> = (0..BLOCKS_MEASURED).map(|_| run.measured_block()).collect();
    rates.sort_by(f64::total_cmp);
    let (least, median) = (rates[0], rates[rates.len() / 2]);
    println!("execute/transfers accounts={ACCOUNTS} block={BLOCK_TRANSFERS} transfers_per_s={median:.0} least={least:.0} blocks={BLOCKS_MEASURED}");
    let start = Instant::now();
    let totals = run.ledger.state().audit().unwrap();
    println!("audit/state seconds={:.3} obols={}", start.elapsed().as_secs_f64(), totals.sum());
    assert_eq!(totals, run.ledger.state().totals());
}

struct Run {
    ledger: Ledger,
    proposer: Address,
    /// Where the pseudorandom choice of receivers stands.
    draw: u64,
}

/// A key by its number; nobody signs with it.
fn key(number: u32) -> PublicKey {
    let mut raw = [0; 1952];
    raw[..4].copy_from_slice(&number.to_be_bytes());
    PublicKey::from_raw(raw)
}

fn address(number: u32) -> Address {
    Address::of(&key(number))
}

impl Run {
    fn new() -> Self {
        let (bond, proposer) = (2_000_000 * PAN, address(u32::MAX));
        let head = GenesisHead {
            network: Network::Test,
            name: "bench".into(),
            time_ms: 1,
            params: Params {
                seats_min: 1,
                seats_max: 4,
                epoch_blocks: 1_000,
                unbonding_epochs: 1,
                bond_min: Amount::from_obols(1_000_000 * PAN),
                fee_base: Amount::from_obols(1),
                fee_byte: Amount::ZERO,
                treasury_share: 2_500,
            },
            bonds: vec![(proposer, key(u32::MAX), Amount::from_obols(bond))],
            treasury: Amount::ZERO,
            allocation_count: 0,
            allocated: Amount::ZERO,
            allocations: TreeHash([0; 32]),
        };
        let rich = Allocation { to: address(0), amount: Amount::SUPPLY.checked_sub(Amount::from_obols(bond)).unwrap() };
        Self { ledger: Ledger::new(&Genesis::new(head, vec![rich]).unwrap()).unwrap(), proposer, draw: 1 }
    }

    fn transfer(&self, from: u32, nonce: u64, to: Address, amount: u64, reveals: bool) -> Transaction {
        let action = Action::Transfer { to, amount: Amount::from_obols(amount) };
        let body = Body { chain: self.ledger.chain(), sender: address(from), nonce, fee: Amount::from_obols(4), expires: Height(u64::MAX), action };
        body.sign_with(reveals.then(|| key(from)), &[7; SIGNATURE_LEN])
    }

    /// A block of these, as its proposer makes it.
    fn assemble(&self, transactions: Vec<Transaction>) -> Block {
        let count = transactions.len();
        let made = self.ledger.assemble(Slot { view: 1, time_ms: 0, proposer: self.proposer }, transactions, &Unchecked).unwrap();
        assert_eq!(made.block.transactions.len(), count, "{:?}", made.rejected.first().map(|(_, why)| why.code()));
        made.block
    }

    fn push(&mut self, transactions: Vec<Transaction>) {
        let block = self.assemble(transactions);
        self.ledger = self.ledger.execute(&block, &Unchecked).unwrap().ledger;
    }

    /// The first account gives something to all others.
    fn open_accounts(&mut self) {
        let numbers: Vec<u32> = (1..=ACCOUNTS).collect();
        for part in numbers.chunks(BLOCK_TRANSFERS) {
            let transactions = part.iter().map(|number| self.transfer(0, u64::from(number - 1), address(*number), 1_000 * PAN, *number == 1)).collect();
            self.push(transactions);
        }
    }

    /// Each sender makes its first transaction.
    fn reveal_keys(&mut self) {
        let numbers: Vec<u32> = (1..=SENDERS).collect();
        for part in numbers.chunks(BLOCK_TRANSFERS / 2) {
            let transactions = part.iter().map(|number| self.transfer(*number, 0, address(0), 1, true)).collect();
            self.push(transactions);
        }
    }

    /// One block of transfers between accounts drawn at random; transfers a second of executing it.
    fn measured_block(&mut self) -> f64 {
        let mut nonces = std::collections::BTreeMap::new();
        let transactions: Vec<_> = (0..BLOCK_TRANSFERS)
            .map(|_| {
                let (from, to) = (1 + self.drawn(SENDERS), 1 + self.drawn(ACCOUNTS));
                let nonce = nonces.entry(from).or_insert_with(|| self.ledger.state().account(address(from)).unwrap().nonce);
                *nonce += 1;
                (from, *nonce - 1, to)
            })
            .collect();
        let transactions = transactions.into_iter().map(|(from, nonce, to)| self.transfer(from, nonce, address(to), 1, false)).collect();
        // As it comes from another node.
        let block = Block::parse(&self.assemble(transactions).encode()).unwrap();
        let start = Instant::now();
        let executed = self.ledger.execute(&block, &Unchecked).unwrap();
        let seconds = start.elapsed().as_secs_f64();
        self.ledger = executed.ledger;
        BLOCK_TRANSFERS as f64 / seconds
    }

    /// A number below `end` (splitmix64).
    fn drawn(&mut self, end: u32) -> u32 {
        self.draw = self.draw.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.draw;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) % u64::from(end)) as u32
    }

    /// Path and encoding of an account whose key was not revealed: what a snapshot holds of it.
    fn entry_bytes(&self) -> usize {
        let key = StateKey::Account(address(ACCOUNTS));
        key.path().0.len() + self.ledger.state().get(&key).unwrap().encode().len()
    }
}

/// Resident memory of this process (Linux).
fn resident_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = text.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4_096
}
