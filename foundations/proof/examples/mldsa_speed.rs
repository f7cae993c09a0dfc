//! Microseconds of one ML-DSA-65 verification, by each library and by each path of `mldsa`: `cargo run --release -p mickai-proof --example mldsa_speed`.
//!
//! All verify the same 1,024 signatures of one key over records' Sig_structures, one after the other on one thread, in rounds that take turns; a figure is the median of the
//! rounds' thread CPU time, a ratio the median of the rounds' ratios to the faster library of the same round. Each library is given its key parsed, once. `mldsa` is measured as
//! the product uses it, with the library's repetitions of 1 in 1,000.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::print_stdout, clippy::unwrap_used, reason = "a measuring program reads the clock")]

use aws_lc_rs::signature::{KeyPair, ML_DSA_65, ML_DSA_65_SIGNING, ParsedPublicKey, PqdsaKeyPair};
use libcrux_ml_dsa::ml_dsa_65::{MLDSA65Signature, MLDSA65VerificationKey, verify};
use mickai_proof::crew::Serial;
use mickai_proof::digest::{LogId, RecordDigest};
use mickai_proof::key::PublicKey;
use mickai_proof::mldsa::{ExpandedKey, Isa, Item, RecheckSeed, Verifier};
use mickai_proof::signature::{SIGNATURE_LEN, to_be_signed};
use rustix::time::{ClockId, clock_gettime};
use std::sync::Arc;

const SIGNATURES: u32 = 1_024;
const ROUNDS: usize = 21;

/// One contender: a name, and a round of work that says how many signatures held.
type Contender<'a> = (String, Box<dyn FnMut() -> usize + 'a>);

fn main() {
    let pair = PqdsaKeyPair::from_seed(&ML_DSA_65_SIGNING, &[7; 32]).unwrap();
    let key = PublicKey::from_raw(pair.public_key().as_ref().try_into().unwrap());
    let messages: Vec<Vec<u8>> = (0..SIGNATURES).map(|at| to_be_signed(key.id(), LogId([1; 32]), RecordDigest::of(&at.to_be_bytes()))).collect();
    let signatures: Vec<[u8; SIGNATURE_LEN]> = messages.iter().map(|message| sign(&pair, message)).collect();
    let items: Vec<Item<'_>> = messages.iter().zip(&signatures).map(|(message, signature)| Item { message, signature }).collect();

    let mut contenders = libraries(&key, &items);
    let library_count = contenders.len();
    for isa in Isa::available() {
        let (key, items) = (key.clone(), &items);
        let mut verifier = Verifier::new(key, isa, Arc::new(Serial), RecheckSeed([9; 32]));
        contenders.push((format!("ours-{}", isa.name()), Box::new(move || verifier.verify_all(items).into_iter().filter(|holds| *holds).count())));
    }
    let rounds = measure(&mut contenders);
    for (at, (name, _)) in contenders.iter().enumerate() {
        println!("mldsa/verify={name} us={:.3}", median(rounds.iter().map(|round| round[at])));
    }
    for (at, (name, _)) in contenders.iter().enumerate().skip(library_count) {
        let ratio = |round: &Vec<f64>| round[..library_count].iter().copied().fold(f64::INFINITY, f64::min) / round[at];
        println!("mldsa/ratio={name} times={:.3}", median(rounds.iter().map(ratio)));
    }
    println!("mldsa/expand=key us={:.3}", median((0..ROUNDS).map(|_| microseconds(|| usize::from(ExpandedKey::new(&key).public_key() == &key)).0)));
}

fn sign(pair: &PqdsaKeyPair, message: &[u8]) -> [u8; SIGNATURE_LEN] {
    let mut signature = [0; SIGNATURE_LEN];
    pair.sign(message, &mut signature).unwrap();
    signature
}

/// The fastest call of each library that keeps what it can of the key. libcrux has no unpacked verification key; it takes AVX2 by itself where the machine has it.
fn libraries<'a>(key: &PublicKey, items: &'a [Item<'a>]) -> Vec<Contender<'a>> {
    let aws_lc = ParsedPublicKey::new(&ML_DSA_65, key.raw()).unwrap();
    let libcrux = MLDSA65VerificationKey::new(*key.raw());
    let parsed: Vec<MLDSA65Signature> = items.iter().map(|item| MLDSA65Signature::new(*item.signature)).collect();
    vec![
        ("aws-lc-rs".to_owned(), Box::new(move || items.iter().filter(|item| aws_lc.verify_sig(item.message, item.signature).is_ok()).count())),
        ("libcrux".to_owned(), Box::new(move || items.iter().zip(&parsed).filter(|(item, signature)| verify(&libcrux, item.message, b"", signature).is_ok()).count())),
    ]
}

/// Microseconds of one signature, for each round and contender. One more round than is counted: the first warms up.
fn measure(contenders: &mut [Contender<'_>]) -> Vec<Vec<f64>> {
    let mut round = || -> Vec<f64> {
        let one = |(name, work): &mut Contender<'_>| {
            let (elapsed, count) = microseconds(work);
            assert_eq!(count, SIGNATURES as usize, "{name} refuses signatures that hold");
            elapsed / f64::from(SIGNATURES)
        };
        contenders.iter_mut().map(one).collect()
    };
    round();
    (0..ROUNDS).map(|_| round()).collect()
}

/// CPU time of this thread for the work, and what the work gives.
fn microseconds(work: impl FnOnce() -> usize) -> (f64, usize) {
    let started = cpu_microseconds();
    let count = std::hint::black_box(work());
    (cpu_microseconds() - started, count)
}

fn cpu_microseconds() -> f64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as f64 * 1e6 + now.tv_nsec as f64 / 1e3
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
