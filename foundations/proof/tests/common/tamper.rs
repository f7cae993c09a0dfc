//! The bundle three-records-pinned, changed bit by bit (spec/vectors/bundle/tamper.json).

use super::vector::{BundleVector, Expect, folder, to_hex};
use base64ct::{Base64, Encoding};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs;
use std::thread;

const SEED: &str = "oar-tamper-v1";

/// What spec/vectors/bundle/tamper.json says.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tamper {
    pub bundle: String,
    pub seed: String,
    pub bits: String,
    pub hash: String,
}

impl Tamper {
    /// SHA-256 over a line for one seeded bit of every byte.
    pub fn of_seeded_bits() -> Self {
        let pinned = pinned();
        let bundle = Base64::decode_vec(&pinned.bundle).unwrap();
        let lines = in_two_threads(bundle.len(), |offset| {
            let bit = seeded_bit(offset);
            line(offset, bit, &flipped(&pinned, &bundle, offset, bit))
        });
        Self {
            bundle: "accept/three-records-pinned.json".to_owned(),
            seed: SEED.to_owned(),
            bits: "bit of byte i = SHA-256(\"oar-tamper-v1\" || 0x00 || u32be i)[0] & 7; hash = SHA-256 of the lines \"offset:bit:exit:reason:index:step\\n\", null as \"null\""
                .to_owned(),
            hash: to_hex(&Sha256::digest(lines.concat())),
        }
    }
}

/// The vector that is changed.
pub fn pinned() -> BundleVector {
    serde_json::from_str(&fs::read_to_string(folder("bundle").join("accept/three-records-pinned.json")).unwrap()).unwrap()
}

/// The answer on the bundle with one bit flipped.
pub fn flipped(vector: &BundleVector, bundle: &[u8], offset: usize, bit: u8) -> Expect {
    let mut bundle = bundle.to_vec();
    bundle[offset] ^= 1 << bit;
    vector.policy.judge(&bundle, usize::MAX)
}

/// `f` of every number below `count`, in order, on two threads.
pub fn in_two_threads<T: Send>(count: usize, f: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let half = |range: std::ops::Range<usize>| range.map(&f).collect::<Vec<_>>();
    thread::scope(|scope| {
        let first = scope.spawn(|| half(0..count / 2));
        let second = half(count / 2..count);
        let mut all = first.join().unwrap();
        all.extend(second);
        all
    })
}

fn seeded_bit(offset: usize) -> u8 {
    let place = u32::try_from(offset).unwrap().to_be_bytes();
    Sha256::digest([SEED.as_bytes(), &[0], &place].concat())[0] & 7
}

fn line(offset: usize, bit: u8, answer: &Expect) -> String {
    let or_null = |value: Option<String>| value.unwrap_or_else(|| "null".to_owned());
    let reason = or_null(answer.reason.clone());
    let (index, step) = (or_null(answer.index.map(|index| index.to_string())), or_null(answer.step.map(|step| step.to_string())));
    format!("{offset}:{bit}:{}:{reason}:{index}:{step}\n", answer.exit)
}
