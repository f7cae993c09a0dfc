//! Revocation statements: what is read, and so verified, is its own encoding.

use super::harness::{Held, Target, ensure};
use super::vectors;
use base64ct::{Base64, Encoding};
use mickai_proof::history::Statement;
use mickai_proof::signature::{SIGNATURE_LEN, verify};
use serde_json::Value;
use std::path::Path;

/// The target.
pub const TARGET: Target = Target { name: "statement", holds: |data| holds(data, real), canary: |data| holds(data, canary), seeds, case_count: 10_000 };

fn holds(data: &[u8], read: fn(&[u8]) -> Option<Statement>) -> Held {
    let Some(statement) = read(data) else { return Ok(()) };
    let signature: &[u8; SIGNATURE_LEN] = data.last_chunk().ok_or("a statement shorter than its signature")?;
    let encoded = Statement::encode(statement.log, &statement.revocation, &statement.signer, signature);
    ensure(encoded == data, "a statement that is not its own encoding")?;
    ensure(verify(&statement.signer, &Statement::message(statement.log, &statement.revocation), signature), "a statement that nobody signed")
}

fn real(data: &[u8]) -> Option<Statement> {
    Statement::read(data).ok()
}

/// Passes over a byte after the end.
fn canary(data: &[u8]) -> Option<Statement> {
    real(data).or_else(|| real(data.split_last()?.1))
}

fn seeds(folder: &Path) -> Vec<Vec<u8>> {
    let statements = |vector: Value| vector["policy"]["revocations"].as_array().cloned().unwrap_or_default();
    let texts = vectors::of(folder, "bundle").into_iter().flat_map(statements);
    let mut seeds: Vec<Vec<u8>> = texts.filter_map(|text| Base64::decode_vec(text.as_str()?).ok()).collect();
    seeds.sort();
    seeds.dedup();
    seeds
}
