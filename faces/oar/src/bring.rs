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

/// A key, checkpoint or statement file is a few kilobytes; what is larger is another sort of file, and is not read whole.
const BROUGHT_BYTES_MAX: u64 = 8 * limits::NOTE_BYTES_MAX as u64;

/// Looked at in the order in which misuses are said (spec/verdict.md "Input").
pub fn policy(flags: &Verify) -> Result<Policy, Problem> {
    let mut policy = match &flags.policy {
        Some(file) => Policy::from_json(&read(file, limits::POLICY_BYTES_MAX as u64 + 1)?)?,
        None => Policy::default(),
    };
    policy.now_ms = now_ms();
    for file in &flags.key {
        policy.keys.push(TrustedKey::Key(public_key(file)?));
    }
    for id in &flags.key_id {
        policy.keys.push(TrustedKey::Id(KeyId::from_hex(id).ok_or(Misuse::Key)?));
    }
    for text in &flags.checkpoint {
        policy.references.push(reference(text)?);
    }
    // A misuse of these is said last, and with any that can be read `upto` waits for the bundle.
    let chains: Vec<_> = flags.chain.iter().map(|text| ChainId::from_hex(text)).collect();
    policy.chains.extend(chains.iter().flatten());
    policy.upto = flags.upto.or(policy.upto);
    policy.check()?;
    if let Some(names) = &flags.require {
        policy.require = Axis::set_of(names)?;
    }
    for file in &flags.revocation {
        let statement = Statement::read(&read(file, BROUGHT_BYTES_MAX)?).map_err(|_| Misuse::Revocation)?;
        policy.revocations.push(statement);
    }
    policy.max_age_ms = flags.max_age_ms.or(policy.max_age_ms);
    policy.check()?;
    if chains.contains(&None) { Err(Misuse::Chain.into()) } else { Ok(policy) }
}

/// A PEM file.
pub fn public_key(file: &Path) -> Result<PublicKey, Problem> {
    let pem = read(file, BROUGHT_BYTES_MAX)?;
    PublicKey::from_pem(&String::from_utf8_lossy(&pem)).map_err(|error| Problem::Key(file.to_owned(), error))
}

fn now_ms() -> Option<u64> {
    SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|now| u64::try_from(now.as_millis()).ok())
}

/// SIZE:ROOT if it reads as one, otherwise a file.
fn reference(text: &str) -> Result<Reference, Problem> {
    Reference::parse(text.as_bytes()).or_else(|_| Ok(Reference::parse(&read(Path::new(text), BROUGHT_BYTES_MAX)?)?))
}

fn read(file: &Path, bytes_max: u64) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    let taken = File::open(file).and_then(|source| source.take(bytes_max).read_to_end(&mut bytes));
    taken.map(|_| bytes).map_err(|error| Problem::Brought(file.to_owned(), error))
}
