//! Keys and signatures as the engine uses them are those of the proof.

use super::*;
use bytes::Bytes;
use commonware_codec::{DecodeExt, Encode};
use commonware_cryptography::{Signer as _, Verifier as _};

fn pair(seed: u8) -> PrivateKey {
    PrivateKey::from_seed_bytes(&Zeroizing::new([seed; SEED_LEN]))
}

#[test]
fn what_is_signed_is_the_namespace_behind_its_length_and_the_message() {
    let key = pair(1);
    let signature = key.sign(b"name", b"message");
    assert!(verify(key.public_key().key(), b"\x04namemessage", signature.raw()));
    assert!(key.public_key().verify(b"name", b"message", &signature));
    for (namespace, message) in [(&b"nam"[..], &b"emessage"[..]), (b"namem", b"essage"), (b"", b"namemessage"), (b"name", b"messag")] {
        assert!(!key.public_key().verify(namespace, message, &signature), "{namespace:?}");
    }
    assert!(!pair(2).public_key().verify(b"name", b"message", &signature));
}

#[test]
fn signing_twice_gives_the_same_bytes() {
    assert_eq!(pair(1).sign(b"name", b"message"), pair(1).sign(b"name", b"message"));
    assert_ne!(pair(1).sign(b"name", b"message"), pair(1).sign(b"name", b"other"));
}

#[test]
fn signing_with_randomness_gives_other_bytes_that_verify_alike() {
    let key = pair(1);
    let signed = |rnd: u8| key.sign_message_with(b"message", &[rnd; RND_LEN]).unwrap();
    assert_eq!(signed(0), key.sign_message(b"message").unwrap());
    assert_eq!(signed(1), signed(1));
    assert!(signed(1) != signed(0) && signed(1) != signed(2));
    assert!(verify(key.public_key().key(), b"message", signed(1).raw()));
}

#[test]
fn the_zeros_that_stand_for_no_signature_verify_under_no_key() {
    for seed in 0..8 {
        assert!(!pair(seed).public_key().verify(b"", b"message", &Signature::from_raw([0; SIGNATURE_LEN])));
    }
}

#[test]
fn keys_and_signatures_are_their_own_bytes_on_the_wire() {
    let key = pair(3).public_key();
    let signature = pair(3).sign(b"", b"");
    assert_eq!(key.encode().as_ref(), key.key().raw());
    assert_eq!(PublicKey::decode(key.encode()).unwrap(), key);
    assert_eq!(Signature::decode(signature.encode()).unwrap(), signature);
    let longer = Bytes::from([&signature[..], &[0]].concat());
    assert!(PublicKey::decode(key.encode().slice(..PUBLIC_KEY_LEN - 1)).is_err() && Signature::decode(longer).is_err());
}

#[test]
fn keys_are_ordered_by_their_bytes_and_named_by_their_ids() {
    let mut keys: Vec<_> = (0..6).map(|seed| pair(seed).public_key()).collect();
    keys.sort();
    assert!(keys.is_sorted_by(|a, b| a.key().raw() < b.key().raw()));
    assert_eq!(keys[0].to_string(), keys[0].key().id().short());
    assert_eq!(format!("{:?}", pair(1)), format!("PrivateKey({})", pair(1).public_key()));
}
