//! One seeded bit of every byte of the bundle three-records-pinned flipped, and every answer in one hash: both verifiers have to give it.

use crate::Files;
use crate::common::tamper::Tamper;

pub fn write(files: &mut Files) {
    files.json("bundle", "tamper", &Tamper::of_seeded_bits());
}
