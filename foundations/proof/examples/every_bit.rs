//! Flips every bit of the sealed bundle of 200 records, and of the part of it, and counts the answers. Minutes: the tests flip one bit of every byte.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout, reason = "a program for developers")]

#[path = "../tests/common/mod.rs"]
mod common;

use common::tamper::Tampered;
use std::collections::BTreeMap;

fn main() {
    for (name, tampered) in [("36 of 200 records", Tampered::of_part()), ("200 records", Tampered::of_two_hundred())] {
        let exits = tampered.sweep(
            |_| (0..8).collect(),
            |offset, bit, answer| {
                assert!(matches!(answer.exit, 1 | 4), "byte {offset}, bit {bit}: {answer:?}");
                answer.exit
            },
        );
        let mut counts: BTreeMap<u8, usize> = BTreeMap::new();
        exits.iter().for_each(|exit| *counts.entry(*exit).or_default() += 1);
        println!("{name}: {} bytes, {} flips, none VERIFIED, no panic; by exit code {counts:?}", tampered.bundle.len(), exits.len());
    }
}
