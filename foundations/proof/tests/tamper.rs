//! A bundle that a kept checkpoint makes VERIFIED is not VERIFIED with any bit of it changed, nor cut anywhere.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test, which reads files and uses two threads")]

mod common;

use base64ct::{Base64, Encoding};
use common::tamper::{Tamper, flipped, in_two_threads, pinned};
use common::vector::folder;
use mickai_proof::key::PublicKey;
use std::fs;

#[test]
fn no_single_bit_flip_is_verified() {
    let mut pinned = pinned();
    // The same policy with the key's id: the reference is verified when a bundle gets that far, not once for each bit.
    let key = PublicKey::from_pem(&pinned.policy.keys[0]).unwrap();
    pinned.policy.keys = vec![key.id().to_string()];
    let bundle = Base64::decode_vec(&pinned.bundle).unwrap();
    assert_eq!(pinned.policy.judge(&bundle, usize::MAX).exit, 0);
    let exits = in_two_threads(bundle.len() * 8, |place| {
        let answer = flipped(&pinned, &bundle, place / 8, (place % 8) as u8);
        assert!(matches!(answer.exit, 1 | 4), "byte {}, bit {}: {answer:?}", place / 8, place % 8);
        answer.exit
    });
    assert_eq!(exits.len(), bundle.len() * 8);
}

#[test]
fn the_seeded_flips_give_the_committed_hash() {
    let committed: Tamper = serde_json::from_str(&fs::read_to_string(folder("bundle").join("tamper.json")).unwrap()).unwrap();
    assert_eq!(Tamper::of_seeded_bits(), committed);
}

#[test]
fn no_cut_is_verified() {
    let pinned = pinned();
    let bundle = Base64::decode_vec(&pinned.bundle).unwrap();
    in_two_threads(bundle.len(), |len| {
        let answer = pinned.policy.judge(&bundle[..len], usize::MAX);
        assert!(matches!((answer.exit, answer.step), (1, Some(2)) | (4, Some(1))), "cut to {len}: {answer:?}");
    });
}
