//! What a settlement adds to a bundle, and what a light client's check of one certificate costs beside bare verification: `cargo run --release -p mickai-proof --example settlement_size`.
//!
//! Growth is the bundle's part without the log's own entry, which holds the log's key and its signature over the checkpoint; its bytes stand beside it. Times are thread CPU time, in rounds that take turns.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::print_stdout, clippy::unwrap_used, reason = "a measuring program reads the clock")]

#[path = "../tests/common/mod.rs"]
mod common;

use common::pantheon::{certificate, set};
use common::settled::{header_of, log_entry, settlement};
use common::{Log, Signer, parts};
use mickai_proof::digest::StateHash;
use mickai_proof::key::PUBLIC_KEY_LEN;
use mickai_proof::pantheon::{Entry, Proposal, VoteKind, quorum};
use mickai_proof::signature;
use rustix::time::{ClockId, clock_gettime};

const ROUNDS: usize = 41;
/// What a header, its place and the path to one entry may take besides keys and signatures.
const ROOM_BYTES: usize = 2_000;

fn main() {
    let mut log = Log::new(&Signer::from_seed(200));
    log.heartbeats(2);
    for seats in [4, 21] {
        let sets: Vec<Vec<u8>> = (1..=4).map(|first| (first..first + seats).collect()).collect();
        let sets: Vec<&[u8]> = sets.iter().map(Vec::as_slice).collect();
        growth(&log, &sets[..1]);
        growth(&log, &sets);
    }
    check((1..=21).collect());
}

fn growth(log: &Log, sets: &[&[u8]]) {
    let part = parts::settlement(&settlement(sets, log, 3).encode()).len();
    let entry = Entry::Log(Box::new(log_entry(log, log.checkpoint(3)))).encode().len();
    let (changes, seats) = (sets.len() - 1, sets[0].len());
    let one = certificate(&header_of(sets, 8, (0, 0), StateHash([9; 32])), sets[0]).encode().len();
    let most = (1 + changes) * (one + PUBLIC_KEY_LEN * seats + ROOM_BYTES);
    let grown = part - entry;
    println!("settlement/growth seats={seats} changes={changes} bytes={grown} entry_bytes={entry} most={most} ratio={:.3}", grown as f64 / most as f64);
}

/// One certificate against as many verifications of its own signatures.
fn check(seeds: Vec<u8>) {
    let sets: [&[u8]; 1] = [&seeds];
    let header = header_of(&sets, 8, (0, 0), StateHash([9; 32]));
    let (votes, keys, need) = (certificate(&header, &seeds), set(&seeds), quorum(seeds.len()));
    let message = VoteKind::Finalize(Proposal { round: votes.round, parent: votes.parent, block: header.id() }).message(header.chain);
    let mut signers: Vec<Signer> = seeds.iter().map(|seed| Signer::from_seed(*seed)).collect();
    signers.sort_by(|a, b| a.key.raw().cmp(b.key.raw()));
    let bare: Vec<_> = signers.iter().take(need).map(|signer| (signer.key.clone(), signer.sign(&message))).collect();
    let (mut checks, mut verifies, mut overs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let checked = milliseconds(|| votes.check(&header, &keys).is_ok());
        let verified = milliseconds(|| bare.iter().all(|(key, signed)| signature::verify(key, &message, signed)));
        checks.push(checked);
        verifies.push(verified);
        overs.push(checked - verified);
    }
    let (checked, verified, over) = (median(&mut checks), median(&mut verifies), median(&mut overs));
    println!("settlement/certificate seats={} quorum={need} check_ms={checked:.3} verify_ms={verified:.3} over_ms={over:.3}", seeds.len());
}

fn milliseconds(work: impl FnOnce() -> bool) -> f64 {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
    };
    let before = now();
    assert!(work());
    now() - before
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
