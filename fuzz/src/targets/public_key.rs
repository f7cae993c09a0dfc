//! Public keys as PEM and as DER: what is read is the canonical form of the key, but for the white space and the text around a PEM block.

use super::harness::{Held, Target, ensure};
use super::vectors;
use mickai_proof::key::PublicKey;
use std::path::Path;

/// The target.
pub const TARGET: Target = Target { name: "public_key", holds: |data| holds(data, real), canary: |data| holds(data, canary), seeds, case_count: 30_000 };

fn holds(data: &[u8], from_pem: fn(&str) -> Option<PublicKey>) -> Held {
    if let Ok(key) = PublicKey::from_spki(data) {
        ensure(key.to_spki() == data, "a key that is not its own encoding")?;
    }
    let Ok(text) = str::from_utf8(data) else { return Ok(()) };
    let Some(key) = from_pem(text) else { return Ok(()) };
    ensure(PublicKey::from_pem(&key.to_pem()) == Ok(key.clone()), "a key that does not read back")?;
    let bare = |text: &str| text.split_ascii_whitespace().collect::<String>();
    ensure(bare(text).contains(&bare(&key.to_pem())), "a PEM block that is not the canonical one of its key")
}

fn real(text: &str) -> Option<PublicKey> {
    PublicKey::from_pem(text).ok()
}

/// Passes over signs that are not of the alphabet, as lenient decoders do.
fn canary(text: &str) -> Option<PublicKey> {
    let is_base64 = |letter: &char| letter.is_ascii_alphanumeric() || "+/=- \n".contains(*letter);
    real(text).or_else(|| real(&text.chars().filter(is_base64).collect::<String>()))
}

fn seeds(folder: &Path) -> Vec<Vec<u8>> {
    let mut pems: Vec<String> = vectors::of(folder, "checkpoint").iter().map(|vector| vectors::text(vector, "key").to_owned()).collect();
    pems.sort();
    pems.dedup();
    pems.iter().flat_map(|pem| [pem.as_bytes().to_vec(), PublicKey::from_pem(pem).unwrap().to_spki()]).collect()
}
