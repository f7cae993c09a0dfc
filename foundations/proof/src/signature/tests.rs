//! Both libraries, the one that verifies and the one that signs, against Project Wycheproof's ML-DSA-65 vectors; and the COSE layout to the byte.

use super::*;
use aws_lc_rs::signature::{KeyPair, ML_DSA_65, ML_DSA_65_SIGNING, PqdsaKeyPair, UnparsedPublicKey};
use wycheproof::{TestResult, mldsa_verify};

#[test]
fn the_cose_layout_is_the_one_in_the_spec() {
    let prefix = cose_prefix(KeyId([0xab; 32]));
    assert_eq!(prefix.len(), COSE_PREFIX_LEN);
    let expected = alloc::format!("845845a3013830045820{}10781b{}a0f6590ced", "ab".repeat(32), crate::testing::to_hex(CONTENT_TYPE.as_bytes()));
    assert_eq!(crate::testing::to_hex(&prefix), expected);
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
            let theirs = UnparsedPublicKey::new(&ML_DSA_65, group.pubkey.as_ref()).verify(&test.msg, &test.sig);
            assert_eq!(theirs.is_ok(), expected, "aws-lc-rs, test {}: {}", test.tc_id, test.comment);
            judged += 1;
        }
    }
    assert!(judged > 50, "only {judged} vectors judged, {with_context} with a context string");
}
