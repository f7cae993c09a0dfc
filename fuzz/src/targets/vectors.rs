//! The committed vectors as bytes to begin from.

use base64ct::{Base64, Encoding};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Every vector of a topic, in the order of the file names.
pub fn of(folder: &Path, topic: &str) -> Vec<Value> {
    let mut files: Vec<_> = ["accept", "reject"].iter().flat_map(|class| fs::read_dir(folder.join(topic).join(class)).unwrap()).map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|file| serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()).collect()
}

/// The text of a member; empty where there is none.
pub fn text<'a>(vector: &'a Value, member: &str) -> &'a str {
    vector.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// The bytes of a member in base64.
pub fn base64(vector: &Value, member: &str) -> Vec<u8> {
    Base64::decode_vec(text(vector, member)).unwrap()
}

/// The bytes of a member in hex.
pub fn hex(vector: &Value, member: &str) -> Vec<u8> {
    let digits = text(vector, member);
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// Every bundle and the policy that it is judged by, as a policy file has it.
pub fn bundles(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let parts = |mut vector: Value| {
        let bundle = base64(&vector, "bundle");
        let mut policy = vector["policy"].take();
        if let Some(members) = policy.as_object_mut() {
            members.remove("now_ms");
        }
        (policy.to_string(), bundle)
    };
    of(folder, "bundle").into_iter().map(parts).collect()
}
