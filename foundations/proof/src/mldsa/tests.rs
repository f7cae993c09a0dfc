//! The lanes against Project Wycheproof's vectors and both libraries, on every path of this machine.

use super::batch::verify_in_context;
use super::{ExpandedKey, Isa, Item};
use crate::key::PublicKey;
use wycheproof::{TestResult, mldsa_verify};

/// Each vector alone, so that it fills all lanes, and then all vectors of a key and context together, so that each has its neighbours. What has no key's or no signature's length has no type here.
#[test]
fn wycheproof_vectors_hold_on_every_path() {
    let set = mldsa_verify::TestSet::load(mldsa_verify::TestName::MlDsa65Verify).unwrap();
    let (mut judged, mut without_type) = (0, 0);
    for group in &set.test_groups {
        let key = <[u8; 1952]>::try_from(group.pubkey.as_ref()).ok().map(|raw| ExpandedKey::new(&PublicKey::from_raw(raw)));
        for test in &group.tests {
            let expected = test.result == TestResult::Valid;
            let (Some(key), Ok(signature)) = (&key, test.sig.as_ref().try_into()) else {
                assert!(!expected, "test {}: {}", test.tc_id, test.comment);
                without_type += 1;
                continue;
            };
            let item = Item { message: &test.msg, signature };
            let context = test.ctx.as_ref().map(AsRef::as_ref).unwrap_or_default();
            for isa in Isa::available() {
                assert_eq!(verify_in_context(key, isa, context, &[item]), [expected], "{}, test {}: {}", isa.name(), test.tc_id, test.comment);
            }
            judged += 1;
        }
    }
    assert!(judged > 60 && without_type < 20, "{judged} vectors judged, {without_type} without a type");
}
