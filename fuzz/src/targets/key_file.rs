//! Files that hold keys, the document that publishes them, and what a signer is asked and answers: what is read is its own encoding, or reads back the same.

use super::harness::{Held, Target, ensure};
use super::vectors;
use mickai_proof::cbor::CborError;
use mickai_store::keys::signer::{Reply, Request};
use mickai_store::keys::{Backup, Protected, WellKnown, parse_pkcs8, parse_recovery};
use serde_json::Value;
use std::path::Path;

/// The target. The first byte of its input says which reader gets the rest.
pub const TARGET: Target = Target { name: "key_file", holds: |data| holds(data, Request::parse), canary: |data| holds(data, canary), seeds, case_count: 60_000 };

const READER_COUNT: u8 = 7;
/// A private key of ML-DSA-65 up to its seed (RFC 9881 §6).
const PKCS8_PREFIX: [u8; 22] = [0x30, 0x34, 0x02, 0x01, 0x00, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x12, 0x04, 0x22, 0x80, 0x20];

type ParseRequest = fn(&[u8]) -> Result<Request, CborError>;

fn holds(data: &[u8], parse_request: ParseRequest) -> Held {
    let Some((reader, file)) = data.split_first() else { return Ok(()) };
    match reader % READER_COUNT {
        0 => parse_pkcs8(file).map_or(Ok(()), |seed| ensure(file == [&PKCS8_PREFIX[..], &seed[..]].concat(), "a private key that is not its own encoding")),
        1 => Protected::parse(file)
            .map_or(Ok(()), |protected| ensure(file.starts_with(b"mickaiK1") && file.len() > protected.public.len(), "a protected file that does not begin as one")),
        2 => str::from_utf8(file).map_or(Ok(()), recovery),
        3 => Backup::parse(file).map_or(Ok(()), |backup| ensure(file.len() == 96 && file.ends_with(&backup.log.0), "a backup that is not its own encoding")),
        4 => WellKnown::parse(file).map_or(Ok(()), |document| well_known(file, &document)),
        5 => parse_request(file).map_or(Ok(()), |request| ensure(request.encode() == file, "a request that is not its own encoding")),
        _ => Reply::parse(file).map_or(Ok(()), |reply| ensure(reply.encode() == file, "a reply that is not its own encoding")),
    }
}

/// A title, and two blocks of nothing but the canonical base64 of their keys.
fn recovery(text: &str) -> Held {
    use base64ct::{Base64, Encoding};
    let Some((next, recovery)) = parse_recovery(text) else { return Ok(()) };
    let block = |seed: &[u8; 32]| format!("-----BEGIN PRIVATE KEY-----{}-----END PRIVATE KEY-----", Base64::encode_string(&[&PKCS8_PREFIX[..], &seed[..]].concat()));
    let bare: String = text.chars().filter(|letter| *letter != '\n').collect();
    ensure(bare.ends_with(&(block(&next) + &block(&recovery))), "a recovery file of other blocks than those of its keys")
}

/// Objects where there have to be objects, and the same document when it is written and read again.
fn well_known(file: &[u8], document: &WellKnown) -> Held {
    let json: Value = serde_json::from_slice(file).map_err(|_| "a document that is not JSON")?;
    let each = |name: &str, is_object: fn(&Value) -> bool| json[name].as_array().is_some_and(|items| items.iter().all(is_object));
    let are_objects = json["key"].is_object() && each("keys", |known| known["key"].is_object()) && each("revoked", Value::is_object);
    ensure(are_objects, "an array was taken for an object")?;
    ensure(WellKnown::parse(document.to_json().as_bytes()).as_ref() == Some(document), "a document that does not read back")
}

/// Passes over a byte after the end.
fn canary(data: &[u8]) -> Result<Request, CborError> {
    Request::parse(data).or_else(|error| data.split_last().ok_or(error).and_then(|(_, shorter)| Request::parse(shorter)))
}

/// Every text of the vectors, as it is and as the bytes that its hex stands for, for every reader; and one document.
fn seeds(folder: &Path) -> Vec<Vec<u8>> {
    let mut files = vec![document().into_bytes()];
    vectors::of(folder, "keys").iter().for_each(|vector| texts(vector, &mut files));
    files.sort();
    files.dedup();
    files.iter().flat_map(|file| (0..READER_COUNT).map(|reader| [&[reader], file.as_slice()].concat())).collect()
}

fn texts(value: &Value, files: &mut Vec<Vec<u8>>) {
    match value {
        Value::String(text) => {
            let bytes = (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect::<Option<Vec<u8>>>();
            files.extend(bytes);
            files.push(text.as_bytes().to_vec());
        }
        Value::Array(items) => items.iter().for_each(|item| texts(item, files)),
        Value::Object(members) => members.values().for_each(|member| texts(member, files)),
        _ => {}
    }
}

fn document() -> String {
    use mickai_proof::digest::{KeyId, LogId};
    use mickai_proof::history::{Committed, Revocation};
    use mickai_proof::key::PublicKey;
    use mickai_store::keys::InForce;
    let key = |number: u8| PublicKey::from_raw([number; 1_952]);
    let keys = vec![InForce { from: 0, key: key(1) }, InForce { from: 7, key: key(2) }];
    let revoked = vec![Revocation { revoked: key(1).id(), effective: 5, since_ms: Some(3) }];
    WellKnown { created_ms: 9, log: LogId([1; 32]), keys, revoked, committed: Committed { next: KeyId([2; 32]), recovery: KeyId([3; 32]) } }.to_json()
}
