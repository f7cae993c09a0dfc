//! Policy files: what is read says what the JSON says, member by member, and is a policy that can be used.

use super::harness::{Held, Target, ensure};
use super::vectors;
use mickai_proof::digest::ChainId;
use mickai_proof::limits::INDEX_MAX;
use mickai_proof::verify::{Misuse, Policy, Reference, TrustedKey};
use serde_json::Value;
use std::path::Path;

/// The target.
pub const TARGET: Target = Target { name: "policy", holds: |data| holds(data, Policy::from_json), canary: |data| holds(data, canary), seeds, case_count: 30_000 };

const MEMBERS: [&str; 8] = ["keys", "references", "require", "upto", "revocations", "max_age_ms", "skew_ms", "chains"];

fn holds(data: &[u8], read: fn(&[u8]) -> Result<Policy, Misuse>) -> Held {
    let Ok(policy) = read(data) else { return Ok(()) };
    let file: Value = serde_json::from_slice(data).map_err(|_| "a policy that is not JSON")?;
    let members = file.as_object().ok_or("a policy that is no object")?;
    ensure(members.keys().all(|name| MEMBERS.contains(&name.as_str())), "a member that nobody knows was passed over")?;
    let list = |name: &str| file[name].as_array().map_or(&[][..], Vec::as_slice);
    let keys: Option<Vec<_>> = list("keys").iter().map(|key| TrustedKey::parse(key.as_str()?).ok()).collect();
    ensure(keys.as_ref() == Some(&policy.keys), "other keys than those of the file")?;
    let heads: Option<Vec<_>> = list("references").iter().map(|kept| Reference::parse(kept["checkpoint"].as_str()?.as_bytes()).ok()).collect();
    let heads = heads.ok_or("a reference that cannot be read was passed over")?;
    let same = |(one, other): (&Reference, &Reference)| one.size() == other.size() && one.root() == other.root();
    ensure(heads.len() == policy.references.len() && heads.iter().zip(&policy.references).all(same), "other references than those of the file")?;
    let chains: Option<Vec<_>> = list("chains").iter().map(|id| ChainId::from_hex(id.as_str()?)).collect();
    ensure(chains.as_ref() == Some(&policy.chains), "other chains than those of the file")?;
    let times =
        list("references").iter().zip(&policy.references).all(|(kept, read)| kept["requested"].as_u64() == read.requested_ms && kept["received"].as_u64() == read.received_ms);
    ensure(times, "other times than those of the file")?;
    ensure(policy.upto == file["upto"].as_u64() && policy.max_age_ms == file["max_age_ms"].as_u64(), "another number than that of the file")?;
    ensure([policy.upto, policy.max_age_ms, Some(policy.skew_ms)].into_iter().flatten().all(|number| number <= INDEX_MAX), "a number that not every language holds")?;
    ensure(policy.revocations.len() == list("revocations").len(), "a statement that cannot be read was passed over")?;
    ensure(Policy { now_ms: Some(0), ..policy }.check().is_ok(), "a policy that cannot be used")
}

/// Passes over members that it does not know.
fn canary(data: &[u8]) -> Result<Policy, Misuse> {
    let Ok(Value::Object(mut members)) = serde_json::from_slice(data) else { return Policy::from_json(data) };
    members.retain(|name, _| MEMBERS.contains(&name.as_str()));
    Policy::from_json(Value::Object(members).to_string().as_bytes())
}

fn seeds(folder: &Path) -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = vectors::bundles(folder).into_iter().map(|(policy, _)| policy.into_bytes()).collect();
    seeds.sort();
    seeds.dedup();
    seeds
}
