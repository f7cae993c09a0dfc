//! One seeded bit of every byte of three bundles flipped, and every answer in one hash each: both verifiers have to give it.

use crate::Files;
use crate::common::tamper::{OfOwn, OfVector, Tampered};
use base64ct::{Base64, Encoding};

pub fn write(files: &mut Files) {
    files.json("bundle", "tamper", &OfVector::made());
    own(files, "tamper-200", "a sealed log of 200 records with a rotation, a revocation, an erasure, openings and an open intent", &Tampered::of_two_hundred());
    own(files, "tamper-200-part", "36 records from its middle, with the key events around them", &Tampered::of_part());
}

/// Flips are judged here without the memory that the crate's own tests have: they are only where the bundle is a new one.
fn own(files: &mut Files, name: &str, why: &str, tampered: &Tampered) {
    let bundle = Base64::encode_string(&tampered.bundle);
    let known = OfOwn::committed(name).filter(|known| known.bundle == bundle && known.why == why);
    files.json("bundle", name, &known.unwrap_or_else(|| OfOwn::made(why, tampered)));
}
