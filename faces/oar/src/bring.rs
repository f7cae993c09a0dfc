//! From flags to a policy: the key, the checkpoint and the axes that the verifier brings.

use crate::flags::Verify;
use crate::problem::Problem;
use mickai_proof::digest::KeyId;
use mickai_proof::key::PublicKey;
use mickai_proof::limits;
use mickai_proof::verify::{Axis, Misuse, Policy, Reference, TrustedKey};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// A key or checkpoint file is a few kilobytes; what is larger is another sort of file, and is not read whole.
const BROUGHT_BYTES_MAX: u64 = 8 * limits::NOTE_BYTES_MAX as u64;

/// Looked at in the order of spec/verdict.md "Input": key, reference, upto, require.
pub fn policy(flags: &Verify) -> Result<Policy, Problem> {
    let mut policy = Policy { key: key(flags)?, reference: flags.checkpoint.as_deref().map(reference).transpose()?, upto: flags.upto, ..Policy::default() };
    policy.check()?;
    if let Some(names) = &flags.require {
        policy.require = names.iter().map(|name| Axis::from_name(name).ok_or(Misuse::Require)).collect::<Result<_, _>>()?;
    }
    Ok(policy)
}

fn key(flags: &Verify) -> Result<Option<TrustedKey>, Problem> {
    match (&flags.key, &flags.key_id) {
        (Some(_), Some(_)) => Err(Misuse::Key.into()),
        (Some(file), None) => {
            let pem = read(file)?;
            let key = PublicKey::from_pem(&String::from_utf8_lossy(&pem)).map_err(|error| Problem::Key(file.clone(), error))?;
            Ok(Some(TrustedKey::Key(key)))
        }
        (None, Some(id)) => Ok(Some(TrustedKey::Id(KeyId::from_hex(id).ok_or(Misuse::Key)?))),
        (None, None) => Ok(None),
    }
}

/// SIZE:ROOT if it reads as one, otherwise a file.
fn reference(text: &str) -> Result<Reference, Problem> {
    Reference::parse(text.as_bytes()).or_else(|_| Ok(Reference::parse(&read(Path::new(text))?)?))
}

fn read(file: &Path) -> Result<Vec<u8>, Problem> {
    let mut bytes = Vec::new();
    let taken = File::open(file).and_then(|source| source.take(BROUGHT_BYTES_MAX).read_to_end(&mut bytes));
    taken.map(|_| bytes).map_err(|error| Problem::Brought(file.to_owned(), error))
}
