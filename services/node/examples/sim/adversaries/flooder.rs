//! Sends noise on every channel, up to the largest message that the network carries, transactions and blocks at their limits and beyond, and what no block can hold.

use super::say;
use crate::common::Account;
use crate::load::nonce;
use crate::network::Network;
use crate::plan::Random;
use commonware_codec::Encode as _;
use commonware_p2p::Recipients;
use commonware_runtime::deterministic::Context;
use commonware_runtime::{Clock as _, IoBuf, Spawner as _};
use mickai_ledger::{Library, Slot};
use mickai_node::{Handle, Sealed, limits, message_bytes_max};
use mickai_proof::digest::ChainId;
use mickai_proof::limits::{BLOCK_BYTES_MAX, TRANSACTION_BYTES_MAX};
use mickai_proof::pantheon::{Action, Amount, Block, Body, Header, Height, Transaction, transactions_root};
use std::time::Duration;

/// The account whose only transaction, a good one, stands in a message over the limit: no node may take it from there.
pub const SMUGGLER: u8 = 93;
const TICK: Duration = Duration::from_millis(200);
const TICKS_A_GIANT: u64 = 8;
/// The channels of blocks and of transactions.
const BLOCKS: usize = 4;
const TRANSACTIONS: usize = 5;
/// Enough that each is smaller than a transaction may be.
const TRANSACTIONS_OF_A_FULL_BLOCK: usize = 200;

pub async fn start(context: Context, network: &Network, at: usize, honest: &Handle) {
    let mut channels = Vec::new();
    for number in 0..7 {
        channels.push(network.channel(at, number).await.0);
    }
    let honest = honest.clone();
    context.spawn(move |context| async move {
        let mut random = Random(at as u64);
        for tick in 0.. {
            context.sleep(TICK).await;
            for channel in &mut channels {
                let large = if random.below(20) == 0 { limits::GOSSIP_BYTES_MAX as u64 } else { 300 };
                let length = random.below(large);
                say(channel, Recipients::All, IoBuf::from(noise(&mut random, length)));
            }
            say(&mut channels[TRANSACTIONS], Recipients::All, IoBuf::from(message(&hopeless(honest.chain(), tick))));
            if tick % TICKS_A_GIANT == 0 {
                let (number, giant) = giant(&honest, &mut random, tick / TICKS_A_GIANT);
                say(&mut channels[number], Recipients::All, IoBuf::from(giant));
            }
        }
    });
}

/// Begins as something of the first epochs does.
fn noise(random: &mut Random, length: u64) -> Vec<u8> {
    let mut noise = vec![random.below(256) as u8; length as usize];
    if let Some(first) = noise.first_mut() {
        *first = random.below(4) as u8;
    }
    noise
}

/// Of another chain, and of an account that is not there.
fn hopeless(chain: ChainId, number: u64) -> [Vec<u8>; 2] {
    let unsigned = |chain, seed: u8| {
        let to = Account::new(77).address();
        let body = Body {
            chain,
            sender: Account::new(seed).address(),
            nonce: number,
            fee: Amount::from_obols(1 << 40),
            expires: Height(1 << 40),
            action: Action::Transfer { to, amount: Amount::from_obols(1) },
        };
        body.sign_with(None, &[7; 3_309]).encode()
    };
    [unsigned(ChainId([1; 32]), 90), unsigned(chain, 77)]
}

/// At a limit, or beyond it; and over which channel it goes.
fn giant(honest: &Handle, random: &mut Random, number: u64) -> (usize, Vec<u8>) {
    let full = |bytes: usize| {
        let mut all = message(&[sized(honest, 40_000).encode()]).repeat(limits::GOSSIP_BYTES_MAX / 40_004);
        all.resize(bytes, 0);
        all
    };
    match number % 6 {
        0 => (random.below(7) as usize, noise(random, u64::from(message_bytes_max()))),
        1 => (TRANSACTIONS, full(limits::GOSSIP_BYTES_MAX)),
        2 => {
            let good = Account::new(SMUGGLER).transfer(honest.chain(), 0, Account::new(91).address(), 1);
            let good = message(&[good.encode()]);
            let rest = full(limits::GOSSIP_BYTES_MAX + 1 - good.len());
            (TRANSACTIONS, [good, rest].concat())
        }
        3 => (TRANSACTIONS, message(&[sized(honest, TRANSACTION_BYTES_MAX).encode(), sized(honest, TRANSACTION_BYTES_MAX + 1).encode()])),
        4 => (BLOCKS, full_block(honest, BLOCK_BYTES_MAX)),
        _ => (BLOCKS, full_block(honest, BLOCK_BYTES_MAX + 1)),
    }
}

/// A transaction of so many bytes, of an account that could pay for it; only its signature is none.
fn sized(honest: &Handle, bytes: usize) -> Transaction {
    let payer = Account::new(90);
    let (chain, nonce) = (honest.chain(), nonce(&honest.ledger(), &payer));
    let of = |record_bytes: usize| {
        let action = Action::RegisterLog { record: vec![0; record_bytes], signature: Box::new([7; 3_309]) };
        Body { chain, sender: payer.address(), nonce, fee: Amount::from_obols(1 << 40), expires: Height(1 << 40), action }.sign_with(None, &[7; 3_309])
    };
    // Every length from 256 on is written in as many bytes.
    of(bytes + 1_000 - of(1_000).byte_count())
}

/// A block of so many bytes, which would follow if it held anything good.
fn full_block(honest: &Handle, bytes: usize) -> Vec<u8> {
    let ledger = honest.ledger();
    let proposer = ledger.state().seats()[0].account;
    let slot = Slot { view: 1, time_ms: ledger.time_ms() + 1, proposer };
    let header = ledger.assemble(slot, [], &Library).expect("an empty block follows").block.header;
    let of = |transactions: Vec<Transaction>| {
        let header = Header { transaction_count: transactions.len() as u64, transactions: transactions_root(&transactions), ..header.clone() };
        Sealed::new(Block { header, transactions })
    };
    // The last one takes what the others leave.
    let each = bytes / TRANSACTIONS_OF_A_FULL_BLOCK - 10;
    let mut transactions = vec![sized(honest, each); TRANSACTIONS_OF_A_FULL_BLOCK];
    let left = bytes - of(transactions.clone()).byte_count();
    transactions[TRANSACTIONS_OF_A_FULL_BLOCK - 1] = sized(honest, each + left);
    let sealed = of(transactions);
    assert_eq!(sealed.byte_count(), bytes);
    sealed.encode().to_vec()
}

/// As nodes send transactions: each behind its length.
fn message(transactions: &[Vec<u8>]) -> Vec<u8> {
    transactions.iter().flat_map(|bytes| [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat()).collect()
}
