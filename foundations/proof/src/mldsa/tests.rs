//! The lanes against Project Wycheproof's vectors, both libraries and plain arithmetic, on every path of this machine.

use super::batch::verify_in_context;
use super::{ExpandedKey, Isa, Item};
use crate::key::PublicKey;
use wycheproof::{TestResult, mldsa_verify};

/// The arithmetic below the verification, each step against its plain form.
mod arithmetic;

/// Whole verifications against both libraries.
mod differential;

/// What the differential tests alter.
mod mutations;

/// Verification in plain steps.
mod plain;

/// When the library is asked again.
mod policy;

/// A seeded generator (Sebastiano Vigna, SplitMix64).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    pub(super) fn bytes<const LEN: usize>(&mut self) -> [u8; LEN] {
        core::array::from_fn(|_| self.next() as u8)
    }
}

/// Each vector alone, so that it fills all lanes, on every path. What has not a key's or a signature's length has no type here.
#[test]
fn wycheproof_vectors_hold_on_every_path() {
    let set = mldsa_verify::TestSet::load(mldsa_verify::TestName::MlDsa65Verify).unwrap();
    let (mut judged, mut without_type) = (0, 0);
    for group in &set.test_groups {
        let key = group.pubkey.as_ref().try_into().ok().map(|raw| ExpandedKey::new(&PublicKey::from_raw(raw)));
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
    assert!(judged > 190 && without_type < 10, "{judged} vectors judged, {without_type} without a type");
}
