//! The library is asked about every rejection and a seeded sample of acceptances, its word is final, and no crew, path or seed changes a verdict.

use super::super::verifier::{Judged, judge, sampled};
use super::{Isa, Item, Random};
use crate::crew::{Crew, Serial};
use crate::key::PublicKey;
use crate::mldsa::{RecheckSeed, Verifier};
use crate::signature::SIGNATURE_LEN;
use alloc::sync::Arc;
use alloc::vec::Vec;
use libcrux_ml_dsa::ml_dsa_65::{generate_key_pair, sign};

/// Every part twice, from the last to the first.
struct Stutter;

impl Crew for Stutter {
    fn run(&self, part_count: usize, part: &(dyn Fn(usize) + Sync)) {
        (0..part_count).rev().for_each(|index| [index, index].into_iter().for_each(part));
    }
}

/// Forgets the last part, and invents one.
struct Careless;

impl Crew for Careless {
    fn run(&self, part_count: usize, part: &(dyn Fn(usize) + Sync)) {
        (1..part_count).chain([part_count + 5]).for_each(part);
    }
}

#[test]
fn the_library_has_the_last_word() {
    let check = |fast: [bool; 4], sampled: [bool; 4], library: [bool; 4], expected: Judged| {
        assert_eq!(judge(&fast, &sampled, &mut |at| library[at]), expected);
    };
    let (yes, no) = ([true; 4], [false; 4]);
    check(yes, no, no, Judged { accepted: 0b1111, rechecked: 0, overruled: 0 });
    check(yes, yes, yes, Judged { accepted: 0b1111, rechecked: 0b1111, overruled: 0 });
    check(no, no, no, Judged { accepted: 0, rechecked: 0b1111, overruled: 0 });
    check(no, no, yes, Judged { accepted: 0b1111, rechecked: 0b1111, overruled: 0b1111 });
    check(yes, [false, true, false, false], no, Judged { accepted: 0b1101, rechecked: 0b0010, overruled: 0b0010 });
    check([true, false, true, false], [true, true, false, false], [false, false, false, true], Judged { accepted: 0b1100, rechecked: 0b1011, overruled: 0b1001 });
}

#[test]
fn one_acceptance_in_a_thousand_is_sampled() {
    let seed = RecheckSeed([4; 32]);
    let count: usize = (0..4_000).map(|batch| sampled(seed, batch, 3, 64).into_iter().filter(|is_sampled| *is_sampled).count()).sum();
    // 256 are expected, with a standard deviation of 16.
    assert!((176..336).contains(&count), "{count} of 256,000");
    let one = sampled(seed, 1, 0, 4_000);
    for other in [sampled(RecheckSeed([5; 32]), 1, 0, 4_000), sampled(seed, 2, 0, 4_000), sampled(seed, 1, 1, 4_000)] {
        assert_ne!(one, other);
    }
    assert_eq!(sampled(seed, 1, 0, 64), one[..64]);
}

#[test]
fn verdicts_are_equal_with_every_path_crew_and_seed() {
    let mut random = Random(21);
    let pair = generate_key_pair(random.bytes());
    let key = PublicKey::from_raw(*pair.verification_key.as_ref());
    let messages: Vec<[u8; 50]> = (0..300).map(|_| random.bytes()).collect();
    let signatures: Vec<[u8; SIGNATURE_LEN]> = messages.iter().map(|message| *sign(&pair.signing_key, message, b"", random.bytes()).unwrap().as_ref()).collect();
    let is_altered = |at: usize| at % 37 == 5;
    let items: Vec<Item<'_>> = (0..300).map(|at| Item { message: &messages[at][usize::from(is_altered(at))..], signature: &signatures[at] }).collect();
    for isa in Isa::available() {
        let crews: [Arc<dyn Crew>; 3] = [Arc::new(Serial), Arc::new(Stutter), Arc::new(Careless)];
        for (crew, seed) in crews.into_iter().zip([1, 2, 3]) {
            let mut verifier = Verifier::new(key.clone(), isa, crew, RecheckSeed([seed; 32]));
            let mut rejected = 0;
            for count in [300, 0, 1, 3, 4, 64, 65, 129] {
                let expected: Vec<bool> = (0..count).map(|at| !is_altered(at)).collect();
                assert_eq!(verifier.verify_all(&items[..count]), expected, "{} {count}", isa.name());
                rejected += if count < 4 { 0 } else { expected.iter().filter(|holds| !**holds).count() as u64 };
            }
            assert!((rejected..rejected + 8).contains(&verifier.rechecks()), "{} rechecks of {rejected} rejections", verifier.rechecks());
            assert_eq!((verifier.disagreements(), verifier.key()), (0, &key));
        }
    }
}

#[test]
fn paths_have_names() {
    let names: Vec<&str> = Isa::available().map(Isa::name).collect();
    assert_eq!(names.first(), Some(&"portable"));
    assert!(names.iter().all(|name| Isa::named(name).is_some_and(|isa| isa.name() == *name)));
    assert_eq!((Isa::named("abacus"), Some(Isa::best().name())), (None, names.last().copied()));
}
