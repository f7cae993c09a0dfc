//! Bundles: the pieces do not matter, and the writer gives the bytes of whatever was read to its end.

use super::harness::{Held, Target, ensure, piece_len};
use super::parts::Parts;
use super::vectors;
use mickai_proof::bundle::BundleError;
use std::path::Path;

/// The target.
pub const TARGET: Target = Target { name: "bundle", holds: |data| holds(data, Parts::read), canary: |data| holds(data, canary), seeds, case_count: 4_000 };

type Read = fn(&[u8], usize) -> (Parts, Result<(), BundleError>);

fn holds(data: &[u8], read: Read) -> Held {
    let (whole, end) = read(data, data.len());
    let (pieces, end_of_pieces) = read(data, piece_len(data));
    ensure(whole == pieces && end == end_of_pieces, "a bundle in pieces is another one")?;
    if end.is_ok()
        && let Some(written) = whole.written()
    {
        ensure(written == data, "a bundle that is not its own encoding")?;
    }
    Ok(())
}

/// Passes over a byte after the end.
fn canary(data: &[u8], piece_len: usize) -> (Parts, Result<(), BundleError>) {
    match (Parts::read(data, piece_len), data.split_last()) {
        ((_, Err(_)), Some((_, shorter))) => Parts::read(shorter, piece_len),
        (answer, _) => answer,
    }
}

fn seeds(folder: &Path) -> Vec<Vec<u8>> {
    vectors::bundles(folder).into_iter().map(|(_, bundle)| bundle).collect()
}
