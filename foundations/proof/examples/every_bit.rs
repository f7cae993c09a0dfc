//! Flips every bit of the sealed bundle of 200 records, and of the part of it, and counts the answers. Minutes: the tests flip one bit of every byte.
//!
//!     cargo run -p mickai-proof --example every_bit
//!
//! In this build overflow is checked, in the proof too. Each flip goes through a verifier as `oar verify` has it, signatures in lanes and each rejection repeated by the library; what
//! lies before the flipped byte is read once, by the verifier that is then cloned. Of one flip in 65 the whole changed file is also judged from its first byte by the library alone, and
//! the two answers have to be the same.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, reason = "a program for developers")]

#[path = "../tests/common/mod.rs"]
mod common;

use common::tamper::Tampered;
use mickai_proof::crew::Serial;
use mickai_proof::mldsa::{Isa, RecheckSeed};
use mickai_proof::verify::Engine;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// One flip in this many is judged twice.
const AGAIN_ONE_IN: usize = 65;

fn main() {
    let engine = Engine::lanes(Isa::best(), Arc::new(Serial), RecheckSeed([0x5a; 32]));
    for (name, tampered) in [("36 of 200 records", Tampered::of_part()), ("200 records", Tampered::of_two_hundred())] {
        let (bits, again) = (tampered.bundle.len() * 8, AtomicUsize::new(0));
        let answers = tampered.sweep_by(
            &engine,
            |_| (0..8).collect(),
            |offset, bit, answer| {
                assert!(matches!(answer.exit, 1 | 4), "byte {offset}, bit {bit}: {answer:?}");
                // No multiple of 8, so that each bit has its turn.
                if (offset * 8 + usize::from(bit)).is_multiple_of(AGAIN_ONE_IN) {
                    let mut bundle = tampered.bundle.clone();
                    bundle[offset] ^= 1 << bit;
                    assert_eq!(tampered.policy.judge(&bundle, usize::MAX), answer, "byte {offset}, bit {bit}");
                    again.fetch_add(1, Ordering::Relaxed);
                }
                (answer.exit, answer.reason.unwrap())
            },
        );
        assert_eq!(answers.len(), bits, "a flip was left out");
        let mut counts: BTreeMap<(u8, String), usize> = BTreeMap::new();
        answers.into_iter().for_each(|answer| *counts.entry(answer).or_default() += 1);
        println!(
            "{name}: {} bytes, {bits} flips, none VERIFIED, no panic; {} of them judged again from the first byte by the library alone, all alike",
            tampered.bundle.len(),
            again.into_inner()
        );
        for ((exit, reason), count) in counts {
            println!("    exit {exit} {reason}: {count}");
        }
    }
}
