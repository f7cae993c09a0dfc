//! The document at `/.well-known/mickai-operator-key.json`: which key an operator's log has, and which it had (spec/keys.md "The well-known document").
//!
//! Whoever changes it can name another key to those who fetch it and know none: it is as good as the way by which it came.

use crate::limits;
use base64ct::{Base64UrlUnpadded, Encoding};
use mickai_proof::digest::{KeyId, LogId};
use mickai_proof::history::{Committed, Revocation};
use mickai_proof::key::{PUBLIC_KEY_LEN, PublicKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;

const VERSION: u64 = 1;

/// What an operator publishes about one log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WellKnown {
    /// When the document was made, ms since 1970, by the operator's clock.
    pub created_ms: u64,
    /// The log.
    pub log: LogId,
    /// Every key that was in force, in order; the last one is now. Never empty.
    pub keys: Vec<InForce>,
    /// Keys that were revoked.
    pub revoked: Vec<Revocation>,
    /// Which keys may follow.
    pub committed: Committed,
}

/// A key, and since when it signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InForce {
    /// Index of the first record that it signs, if it signs any.
    pub from: u64,
    /// The key.
    pub key: PublicKey,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u64,
    created_ms: u64,
    log: String,
    key: Jwk,
    pem: String,
    keys: Vec<KeyFrom>,
    revoked: Vec<RevokedKey>,
    next: String,
    recovery: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Jwk {
    kty: String,
    alg: String,
    kid: String,
    #[serde(rename = "pub")]
    public: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFrom {
    from: u64,
    key: Jwk,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RevokedKey {
    kid: String,
    effective: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    since_ms: Option<u64>,
}

impl WellKnown {
    /// The key in force.
    pub fn key(&self) -> Option<&PublicKey> {
        self.keys.last().map(|last| &last.key)
    }

    /// The document, indented, with an LF at its end. Empty only if there is no key.
    pub fn to_json(&self) -> String {
        let Some(key) = self.key() else { return String::new() };
        let document = Document {
            version: VERSION,
            created_ms: self.created_ms,
            log: self.log.to_string(),
            key: Jwk::of(key),
            pem: key.to_pem(),
            keys: self.keys.iter().map(|known| KeyFrom { from: known.from, key: Jwk::of(&known.key) }).collect(),
            revoked: self.revoked.iter().map(|revoked| RevokedKey { kid: revoked.revoked.to_string(), effective: revoked.effective, since_ms: revoked.since_ms }).collect(),
            next: self.committed.next.to_string(),
            recovery: self.committed.recovery.to_string(),
        };
        serde_json::to_string_pretty(&document).map(|text| text + "\n").unwrap_or_default()
    }

    /// Reads a document; `None` unless every member is there, in its form, and those that say the same thing agree.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() as u64 > limits::WELL_KNOWN_BYTES_MAX {
            return None;
        }
        let document: Document = serde_json::from_slice(bytes).ok().filter(|_| holds_objects(bytes))?;
        let key = document.key.read()?;
        let keys = document.keys.iter().map(|known| Some(InForce { from: known.from, key: known.key.read()? })).collect::<Option<Vec<_>>>()?;
        let revoked = document.revoked.iter().map(|revoked| Some(Revocation { revoked: key_id(&revoked.kid)?, effective: revoked.effective, since_ms: revoked.since_ms }));
        let read = Self {
            created_ms: document.created_ms,
            log: LogId::from_hex(&document.log)?,
            revoked: revoked.collect::<Option<_>>()?,
            committed: Committed { next: key_id(&document.next)?, recovery: key_id(&document.recovery)? },
            keys,
        };
        // Two have the same index where the first was revoked by the record after its rotation: it signed none.
        let is_ascending = read.keys.first().is_some_and(|first| first.from == 0) && read.keys.is_sorted_by(|a, b| a.from <= b.from);
        let agrees = read.key() == Some(&key) && PublicKey::from_pem(&document.pem).ok().as_ref() == Some(&key);
        (document.version == VERSION && is_ascending && agrees).then_some(read)
    }
}

impl Jwk {
    fn of(key: &PublicKey) -> Self {
        Self { kty: "AKP".to_owned(), alg: "ML-DSA-65".to_owned(), kid: key.id().to_string(), public: Base64UrlUnpadded::encode_string(key.raw()) }
    }

    fn read(&self) -> Option<PublicKey> {
        let raw: [u8; PUBLIC_KEY_LEN] = Base64UrlUnpadded::decode_vec(&self.public).ok()?.try_into().ok()?;
        let key = PublicKey::from_raw(raw);
        (self.kty == "AKP" && self.alg == "ML-DSA-65" && key.id().to_string() == self.kid).then_some(key)
    }
}

/// Objects where the form has them: a derived reader alone would also take an array of the members' values.
fn holds_objects(bytes: &[u8]) -> bool {
    let Ok(json) = serde_json::from_slice::<Value>(bytes) else { return false };
    let each = |name: &str, is_object: fn(&Value) -> bool| json.get(name).and_then(Value::as_array).is_some_and(|items| items.iter().all(is_object));
    json.get("key").is_some_and(Value::is_object) && each("keys", |known| known.get("key").is_some_and(Value::is_object)) && each("revoked", Value::is_object)
}

fn key_id(text: &str) -> Option<KeyId> {
    KeyId::from_hex(text)
}
