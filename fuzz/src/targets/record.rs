//! Records: what decodes is the one encoding of a record, and neither a byte more nor less is another one.

use super::harness::{Held, Target, ensure, piece_len};
use super::vectors;
use mickai_proof::record::{decode, encode};
use std::path::Path;

/// The target.
pub const TARGET: Target = Target { name: "record", holds: |data| holds(data, real), canary: |data| holds(data, canary), seeds, case_count: 30_000 };

/// The record that was read, written again.
type Decode = fn(&[u8]) -> Option<Vec<u8>>;

fn holds(data: &[u8], read: Decode) -> Held {
    let Some(encoded) = read(data) else { return Ok(()) };
    ensure(encoded == data, "a record that is not its own encoding")?;
    ensure(read(&[data, &[0]].concat()).is_none(), "a byte after a record")?;
    let cut = piece_len(data).min(data.len());
    ensure(read(&data[..data.len() - cut]).is_none(), "a record cut short")
}

fn real(data: &[u8]) -> Option<Vec<u8>> {
    decode(data).ok().map(|record| encode(&record))
}

/// Lets one integer pass that is longer than it has to be.
fn canary(data: &[u8]) -> Option<Vec<u8>> {
    let longer = data.windows(2).position(|pair| matches!(pair, [0x18, 0..24]));
    real(data).or_else(|| {
        let mut shorter = data.to_vec();
        shorter.remove(longer?);
        real(&shorter)
    })
}

fn seeds(folder: &Path) -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = vectors::of(folder, "record").iter().map(|vector| vectors::hex(vector, "record")).collect();
    for (_, bundle) in vectors::bundles(folder).iter().filter(|(_, bundle)| bundle.len() < 50_000) {
        seeds.extend(super::parts::Parts::read(bundle, bundle.len()).0.records);
    }
    seeds.sort();
    seeds.dedup();
    seeds
}
