//! Everything of a chain that strangers send: what is read as one of the forms is that form's own encoding.

use super::harness::{Held, Target, ensure};
use super::vectors;
use mickai_proof::digest::ChainId;
use mickai_proof::pantheon::{Block, Certificate, Entry, Genesis, Header, LightProof, Transaction, ValidatorSet};
use std::path::Path;

/// The target. Its input is whatever a node or a light client may be sent.
pub const TARGET: Target = Target { name: "pantheon", holds: |data| holds(data, data), canary: |data| holds(data, shorter(data)), seeds, case_count: 20_000 };

/// `read` is what the parsers are given of `data`: all of it, unless they pass over a byte.
fn holds(data: &[u8], read: &[u8]) -> Held {
    let is_same = |encoded: Vec<u8>| ensure(encoded == data, "read, and not its own encoding");
    if let Ok(transaction) = Transaction::parse(read) {
        ensure(transaction.byte_count() == data.len(), "a transaction of another number of bytes")?;
        is_same(transaction.encode())?;
    }
    Block::parse(read).map_or(Ok(()), |block| is_same(block.encode()))?;
    Header::parse(read).map_or(Ok(()), |header| is_same(header.encode()))?;
    Certificate::parse(read).map_or(Ok(()), |certificate| is_same(certificate.encode()))?;
    ValidatorSet::parse(read).map_or(Ok(()), |set| is_same(set.encode()))?;
    Genesis::parse(read).map_or(Ok(()), |genesis| is_same(genesis.encode()))?;
    Entry::parse(read).map_or(Ok(()), |entry| is_same(entry.encode()))?;
    if let Ok(proof) = LightProof::parse(read) {
        // Of another chain than any: whatever else the file says, it shows nothing.
        ensure(proof.check(ChainId([0; 32])).is_err(), "a light proof of a chain that was not pinned")?;
        is_same(proof.encode())?;
    }
    Ok(())
}

/// All but the last byte.
fn shorter(data: &[u8]) -> &[u8] {
    data.split_last().map_or(data, |(_, shorter)| shorter)
}

fn seeds(folder: &Path) -> Vec<Vec<u8>> {
    vectors::of(folder, "pantheon").iter().filter(|vector| vector.get("bytes").is_some()).map(|vector| vectors::base64(vector, "bytes")).collect()
}
