//! Both libraries, the one that verifies and the one that signs, against Project Wycheproof's ML-DSA-65 vectors; and the COSE layout to the byte.

use super::*;
use aws_lc_rs::signature::{KeyPair, ML_DSA_65, ML_DSA_65_SIGNING, PqdsaKeyPair, UnparsedPublicKey};
use wycheproof::{TestResult, mldsa_sign, mldsa_verify};

#[test]
fn the_cose_layout_is_the_one_in_the_spec() {
    let prefix = cose_prefix(KeyId([0xab; 32]));
    assert_eq!(prefix.len(), COSE_PREFIX_LEN);
    let expected = alloc::format!("845845a3013830045820{}10781b{}a0f6590ced", "ab".repeat(32), crate::digest::hex(CONTENT_TYPE.as_bytes()));
    assert_eq!(crate::digest::hex(&prefix), expected);
    let cose = to_cose(KeyId([0xab; 32]), &[7; SIGNATURE_LEN]);
    assert_eq!(cose.len(), COSE_LEN);
    assert_eq!(from_cose(KeyId([0xab; 32]), &cose), Some(&[7; SIGNATURE_LEN]));
    assert_eq!(from_cose(KeyId([0xac; 32]), &cose), None);
}

#[test]
fn what_one_library_signs_the_other_verifies() {
    let pair = PqdsaKeyPair::from_seed(&ML_DSA_65_SIGNING, &[9; 32]).unwrap();
    let key = PublicKey::from_raw(pair.public_key().as_ref().try_into().unwrap());
    let mut signature = [0; SIGNATURE_LEN];
    pair.sign(b"a message", &mut signature).unwrap();
    assert!(verify(&key, b"a message", &signature));
    assert!(!verify(&key, b"a massage", &signature));
    signature[0] ^= 1;
    assert!(!verify(&key, b"a message", &signature));
}

/// The vectors with a context string ask for something the record never uses (RFC 9964 wants it empty), so they are counted apart and not judged.
#[test]
fn wycheproof_verify_vectors_hold_for_both_libraries() {
    let set = mldsa_verify::TestSet::load(mldsa_verify::TestName::MlDsa65Verify).unwrap();
    let (mut judged, mut with_context) = (0, 0);
    for group in &set.test_groups {
        for test in &group.tests {
            if test.ctx.as_ref().is_some_and(|ctx| !ctx.is_empty()) {
                with_context += 1;
                continue;
            }
            let expected = test.result == TestResult::Valid;
            let ours = (|| {
                let key = PublicKey::from_raw(group.pubkey.as_ref().try_into().ok()?);
                Some(verify(&key, &test.msg, test.sig.as_ref().try_into().ok()?))
            })();
            assert_eq!(ours.unwrap_or(false), expected, "libcrux, test {}: {}", test.tc_id, test.comment);
            assert_eq!(their_verify(&group.pubkey, &test.msg, &test.sig), expected, "aws-lc-rs, test {}: {}", test.tc_id, test.comment);
            judged += 1;
        }
    }
    assert!(judged > 50, "only {judged} vectors judged, {with_context} with a context string");
}

/// From each seed the vector's public key; under it the vector's signature and a new one, both by both libraries. Vectors with a context string, or with no message but its
/// representative mu, ask for something the record never uses.
#[test]
fn wycheproof_sign_vectors_hold_for_both_libraries() {
    let set = mldsa_sign::TestSet::load(mldsa_sign::TestName::MlDsa65SignSeed).unwrap();
    let (mut judged, mut refused, mut passed_over) = (0, 0, 0);
    for group in &set.test_groups {
        let pair = PqdsaKeyPair::from_seed(&ML_DSA_65_SIGNING, group.privseed.as_ref().unwrap());
        let Some(public) = &group.pubkey else {
            assert!(pair.is_err() && group.tests.iter().all(|test| test.result == TestResult::Invalid), "{:?}", group.privseed);
            refused += 1;
            continue;
        };
        let pair = pair.unwrap();
        assert_eq!(pair.public_key().as_ref(), public.as_ref());
        let key = PublicKey::from_raw(public.as_ref().try_into().unwrap());
        for test in &group.tests {
            let Some(message) = test.msg.as_ref().filter(|_| test.ctx.as_ref().is_none_or(|ctx| ctx.is_empty())) else {
                passed_over += 1;
                continue;
            };
            let mut fresh = [0; SIGNATURE_LEN];
            assert_eq!((test.result, pair.sign(message, &mut fresh)), (TestResult::Valid, Ok(SIGNATURE_LEN)), "test {}: {}", test.tc_id, test.comment);
            for signature in [&fresh, test.sig.as_ref().try_into().unwrap()] {
                assert!(verify(&key, message, signature), "libcrux, test {}: {}", test.tc_id, test.comment);
                assert!(their_verify(public, message, signature), "aws-lc-rs, test {}: {}", test.tc_id, test.comment);
            }
            judged += 1;
        }
    }
    assert!(judged > 50 && refused > 2, "{judged} vectors judged, {refused} seeds refused, {passed_over} passed over");
}

/// What the library that signs says of a signature.
fn their_verify(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ML_DSA_65, key).verify(message, signature).is_ok()
}
