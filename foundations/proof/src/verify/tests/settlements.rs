//! What is too large for a vector: settlements of a mebibyte whose every byte would be an item. They are refused at their head.

use super::super::{Policy, Reason, verify};
use super::tamper::common::{Log, Parts, Signer};

/// The same as in verifier/test/attacks.test.ts.
#[test]
fn a_settlement_of_a_million_items_is_no_light_proof() {
    let log = Log::new(&Signer::from_seed(1));
    for item in [0xa0, 0x80, 0x40, 0x60] {
        let mut proof = vec![item; 5 + 1_048_575];
        proof[..5].copy_from_slice(&[0x9a, 0x00, 0x0f, 0xff, 0xff]);
        let bundle = Parts { settlements: vec![proof], ..log.whole() }.bytes();
        let verdict = verify(&bundle, Policy::default()).unwrap();
        assert_eq!((verdict.reason, verdict.index()), (Some(Reason::MalformedLightProof), Some(1)), "{item:02x}");
    }
}
