//! A bundle that is VERIFIED is not VERIFIED with any bit of it changed, nor cut anywhere; and the answers are those that the other verifier gives too.
#![allow(clippy::disallowed_methods, reason = "a test, which reads files and uses two threads")]

#[path = "../../../tests/common/mod.rs"]
pub mod common;

use super::super::{Policy, TrustedKey, Verifier};
use common::tamper::{OfOwn, OfVector, Tampered};
use common::vector::{folder, told};

#[test]
fn no_single_bit_flip_is_verified() {
    let tampered = Tampered::of_vector();
    let all = tampered.sweep(|_| (0..8).collect(), |offset, bit, answer| assert!(matches!(answer.exit, 1 | 4), "byte {offset}, bit {bit}: {answer:?}"));
    assert_eq!(all.len(), tampered.bundle.len() * 8);
}

#[test]
fn the_seeded_flips_give_the_committed_hash() {
    let committed: OfVector = serde_json::from_str(&std::fs::read_to_string(folder("bundle").join("tamper.json")).unwrap()).unwrap();
    assert_eq!(OfVector::made(), committed);
}

#[test]
fn the_seeded_flips_of_200_records_give_the_committed_hashes() {
    for (name, tampered) in [("tamper-200", Tampered::of_two_hundred()), ("tamper-200-part", Tampered::of_part())] {
        let committed = OfOwn::committed(name).unwrap();
        let made = OfOwn::made(&committed.why, &tampered);
        assert!(made.bundle == committed.bundle, "{name}: another bundle");
        assert_eq!((made.hash, made.hash_of_draws), (committed.hash, committed.hash_of_draws), "{name}");
    }
}

#[test]
fn no_cut_is_verified() {
    let Tampered { bundle, policy } = Tampered::of_vector();
    let mut policy: Policy = policy.to_policy().unwrap();
    // The key's id: the reference is verified when a bundle gets that far.
    policy.keys = policy.keys.iter().map(|key| TrustedKey::Id(key.id())).collect();
    let mut before = Verifier::new(policy).unwrap();
    for (len, byte) in bundle.iter().enumerate() {
        let answer = told(before.clone().finish());
        assert!(matches!((answer.exit, answer.step), (1, Some(2)) | (4, Some(1))), "cut to {len}: {answer:?}");
        before.feed(&[*byte]);
    }
    assert_eq!(told(before.finish()).exit, 0);
}
