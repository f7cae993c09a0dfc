//! What no verdict shows: where the reading ends, what is kept, and who verifies the signatures.
#![allow(clippy::disallowed_methods, reason = "a test, which reads files")]

use super::super::tests::tamper::common::vector::{BundleVector, folder};
use super::super::{Engine, Policy};
use super::Verifier;
use crate::bundle::{Event, Parser};
use crate::crew::Crew;
use crate::mldsa::{Isa, RecheckSeed};
use alloc::sync::Arc;
use alloc::vec::Vec;
use base64ct::{Base64, Encoding};
use core::sync::atomic::{AtomicUsize, Ordering};

fn vectors(class: &str) -> impl Iterator<Item = BundleVector> {
    let files = std::fs::read_dir(folder("bundle").join(class)).unwrap();
    files.map(|file| serde_json::from_str(&std::fs::read_to_string(file.unwrap().path()).unwrap()).unwrap())
}

/// Can it be read to its end, whatever its records say?
fn is_readable(bundle: &[u8]) -> bool {
    let mut parser = Parser::default();
    parser.feed(bundle);
    while let Ok(Some(_)) = parser.next_event() {}
    parser.finish().is_ok() && parser.next_event() == Ok(None)
}

/// Memory stays flat, and time is not spent, whatever follows in the file.
#[test]
fn a_failure_ends_the_reading_with_its_chunk() {
    let mut count = 0;
    for vector in vectors("reject").filter(|vector| vector.expect.step.is_some_and(|step| (3..=16).contains(&step))) {
        let bundle = Base64::decode_vec(&vector.bundle).unwrap();
        if !is_readable(&bundle) {
            continue;
        }
        let mut verifier = Verifier::new(vector.policy.to_policy().unwrap()).unwrap();
        // All but the end of the checkpoint, so that it is not the file's end that ends the reading.
        verifier.feed(&bundle[..bundle.len() - 1]);
        assert!(verifier.is_done(), "{}", vector.name);
        let kept_len = verifier.parser.kept_len();
        (0..3).for_each(|_| verifier.feed(&[0; 1_000]));
        assert_eq!(verifier.parser.kept_len(), kept_len, "{}", vector.name);
        count += 1;
    }
    assert!(count > 100, "{count} vectors");
}

/// Counts how often it is given work.
#[derive(Default)]
struct Counting(AtomicUsize);

impl Crew for Counting {
    fn run(&self, part_count: usize, part: &(dyn Fn(usize) + Sync)) {
        self.0.fetch_add(1, Ordering::Relaxed);
        (0..part_count).for_each(part);
    }
}

#[test]
fn the_signatures_of_a_chunk_by_one_key_go_to_the_lanes_together() {
    let tampered = super::super::tests::tamper::common::tamper::Tampered::of_two_hundred();
    let crew = Arc::new(Counting::default());
    let engine = Engine::lanes(Isa::PORTABLE, crew.clone(), RecheckSeed([1; 32]));
    let mut verifier = Verifier::with_engine(tampered.policy.to_policy().unwrap(), engine).unwrap();
    verifier.feed(&tampered.bundle);
    assert!(verifier.finish().unwrap().failure.is_none());
    // One chunk, two keys, each with more signatures than the library verifies quicker by itself.
    assert_eq!(crew.0.load(Ordering::Relaxed), 2);
}

/// So whoever counts disagreements counts them after it.
#[test]
fn the_signatures_of_a_chunk_that_breaks_off_are_verified_at_the_end() {
    let tampered = super::super::tests::tamper::common::tamper::Tampered::of_two_hundred();
    let crew = Arc::new(Counting::default());
    let engine = Engine::lanes(Isa::PORTABLE, crew.clone(), RecheckSeed([1; 32]));
    let mut verifier = Verifier::with_engine(tampered.policy.to_policy().unwrap(), engine).unwrap();
    let mut parser = Parser::default();
    let ends_chunk = |byte: &u8| {
        parser.feed(&[*byte]);
        core::iter::from_fn(|| parser.next_event().unwrap().map(|event| matches!(event, Event::ChunkEnd))).any(|is_end| is_end)
    };
    let last = tampered.bundle.iter().position(ends_chunk).unwrap();
    verifier.feed(&tampered.bundle[..last]);
    assert!(!verifier.is_done() && crew.0.load(Ordering::Relaxed) == 0);
    let (verdict, disagreements) = verifier.finish_counted().unwrap();
    assert!(verdict.failure.is_some() && crew.0.load(Ordering::Relaxed) > 0);
    assert_eq!(disagreements, 0);
}

#[test]
fn what_is_not_a_bundle_is_not_kept() {
    let mut verifier = Verifier::new(Policy::default()).unwrap();
    let pieces: Vec<[u8; 1_000]> = (0..3).map(|_| [b'a'; 1_000]).collect();
    assert!(!verifier.is_done());
    pieces.iter().for_each(|piece| verifier.feed(piece));
    assert!(verifier.is_done() && verifier.parser.kept_len() <= 1_000);
}
