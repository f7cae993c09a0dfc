//! Seeded cases and accumulated hashes for the tests of every operation: `spec/arithmetic.md`, "The table of hashes".

pub(crate) mod blocks;

use crate::isa::Isa;
use sha3::{Digest, Sha3_256};

/// SplitMix64 (G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", 2014).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// 24 bits, sign and exponent by a spread of `2^-8 … 2^7`: values as activations have them.
    pub(crate) fn value(&mut self) -> f32 {
        let bits = self.next();
        let mantissa = (bits >> 40) as i32 as f32 / 16_777_216.0;
        let power = f32::from_bits((119 + (bits & 15) as u32) << 23);
        if bits & 16 == 0 { mantissa * power } else { -(mantissa * power) }
    }

    pub(crate) fn values(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.value()).collect()
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }
}

/// The hashes by operation, as other implementations read them.
fn hashes() -> serde_json::Map<String, serde_json::Value> {
    let mut file: serde_json::Value = serde_json::from_str(include_str!("../../../spec/vectors/arithmetic/accept/hashes.json")).unwrap();
    std::mem::take(file["hashes"].as_object_mut().unwrap())
}

/// The page for people lists what the file for programs holds.
#[test]
fn the_page_has_every_hash() {
    let page = include_str!("../../../spec/arithmetic.md");
    let hashes = hashes();
    assert!(hashes.len() >= 33);
    for (operation, hash) in hashes {
        assert!(page.contains(&format!("| {operation} | `{}` |", hash.as_str().unwrap())), "{operation}");
    }
}

/// Runs 10,000 seeded cases on every path of this machine and compares the hash of all outputs' bits with that of the spec for `operation`.
/// `case` returns what the path computed and, checked on one case in 16, what the plain reference computes.
pub(crate) fn check_hash(operation: &str, case: impl Fn(&mut Random, Isa, bool) -> (Vec<f32>, Option<Vec<f32>>)) {
    let hashes = hashes();
    let want = hashes[operation].as_str().unwrap();
    for isa in Isa::available() {
        let mut random = Random(0x6d69_636b_6169);
        let mut hash = Sha3_256::new();
        for index in 0..10_000 {
            let (got, reference) = case(&mut random, isa, index % 16 == 0);
            if let Some(reference) = reference {
                let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&got), bits(&reference), "{} differs from the reference in case {index}", isa.name());
            }
            got.iter().for_each(|x| hash.update(x.to_bits().to_le_bytes()));
        }
        let hex: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, want, "{operation} on {}", isa.name());
    }
}
