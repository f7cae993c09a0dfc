//! From flags to a policy: the keys, the checkpoints, the revocations and the axes that the verifier brings.

use crate::flags::Verify;
use crate::problem::Problem;
use mickai_proof::digest::{ChainId, KeyId};
use mickai_proof::history::Statement;
use mickai_proof::key::PublicKey;
use mickai_proof::limits;
use mickai_proof::verify::{Axis, Misuse, Policy, Reference, TrustedKey};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// A checkpoint or statement file is a few kilobytes; of what is larger so much is read, and refused for what follows.
const BROUGHT_BYTES_MAX: u64 = 8 * limits::NOTE_BYTES_MAX as u64;

/// The file first, then what the flags add to it or say in its place; what is wrong is looked for in all of it together (spec/verdict.md "Input").
pub fn policy(flags: &Verify) -> Result<Policy, Problem> {
    let (mut policy, mut found) = match &flags.policy {
        Some(file) => Policy::begun_by_json(&read(file, limits::POLICY_BYTES_MAX as u64 + 1)?)?,
        None => (Policy::default(), Vec::new()),
    };
    policy.now_ms = now_ms();
    for file in &flags.key {
        // Nothing but a policy file that is none comes before a key that cannot be read, and this message names the file.
        policy.keys.push(TrustedKey::Key(public_key(file)?));
    }
    for id in &flags.key_id {
        add(&mut policy.keys, &mut found, KeyId::from_hex(id).map(TrustedKey::Id).ok_or(Misuse::Key));
    }
    for text in &flags.checkpoint {
        add(&mut policy.references, &mut found, reference(text)?);
    }
    policy.upto = flags.upto.or(policy.upto);
    if let Some(names) = &flags.require {
        // These axes stand in place of the file's, and of what is wrong with those.
        found.retain(|misuse| *misuse != Misuse::Require);
        match Axis::set_of(names) {
            Ok(axes) => policy.require = axes,
            Err(misuse) => found.push(misuse),
        }
    }
    for file in &flags.revocation {
        add(&mut policy.revocations, &mut found, Statement::read(&read(file, BROUGHT_BYTES_MAX)?).map_err(|_| Misuse::Revocation));
    }
    policy.max_age_ms = flags.max_age_ms.or(policy.max_age_ms);
    for text in &flags.chain {
        add(&mut policy.chains, &mut found, ChainId::from_hex(text).ok_or(Misuse::Chain));
    }
    found.extend(policy.check().err());
    found.into_iter().min().map_or(Ok(policy), |misuse| Err(misuse.into()))
}

/// An item that can be read; what is wrong with any other is said in its order.
fn add<T>(items: &mut Vec<T>, found: &mut Vec<Misuse>, item: Result<T, Misuse>) {
    match item {
        Ok(item) => items.push(item),
        Err(misuse) => found.push(misuse),
    }
}

/// A PEM file.
pub fn public_key(file: &Path) -> Result<PublicKey, Problem> {
    let pem = read(file, limits::BROUGHT_KEY_BYTES_MAX as u64 + 1)?;
    if pem.len() > limits::BROUGHT_KEY_BYTES_MAX {
        return Err(Problem::LargeKey(file.to_owned()));
    }
    PublicKey::from_pem(&String::from_utf8_lossy(&pem)).map_err(|error| Problem::Key(file.to_owned(), error))
}

fn now_ms() -> Option<u64> {
    SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|now| u64::try_from(now.as_millis()).ok())
}

/// SIZE:ROOT if it reads as one, otherwise a file.
fn reference(text: &str) -> Result<Result<Reference, Misuse>, Problem> {
    match Reference::parse(text.as_bytes()) {
        Ok(reference) => Ok(Ok(reference)),
        Err(_) => Ok(Reference::parse(&read(Path::new(text), BROUGHT_BYTES_MAX)?)),
    }
}

fn read(file: &Path, bytes_max: u64) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    let taken = File::open(file).and_then(|source| source.take(bytes_max).read_to_end(&mut bytes));
    taken.map(|_| bytes).map_err(|error| Problem::Brought(file.to_owned(), error))
}
