//! Checkpoint notes: what is read is exactly the one form of what it says.

use super::harness::{Held, Target, ensure};
use super::vectors;
use base64ct::{Base64, Encoding};
use mickai_proof::checkpoint::{Checkpoint, Note};
use mickai_proof::verify::{Head, Reference};
use std::path::Path;

/// The target.
pub const TARGET: Target = Target { name: "note", holds: |data| holds(data, real), canary: |data| holds(data, canary), seeds, case_count: 60_000 };

fn holds(data: &[u8], parse: fn(&[u8]) -> Option<Checkpoint>) -> Held {
    let kept = Reference::parse(data).ok();
    let Some(checkpoint) = parse(data) else {
        return ensure(kept.is_none_or(|kept| matches!(kept.head, Head::Bare { .. })), "a reference that is no note and no SIZE:ROOT");
    };
    let text = checkpoint.text();
    let origin = text.lines().next().unwrap_or_default();
    let blob = data.rsplit(|byte| *byte == b' ').next().and_then(|line| str::from_utf8(line).ok()).and_then(|line| Base64::decode_vec(line.trim_end()).ok());
    let form = blob.map(|blob| format!("{text}\n\u{2014} {origin} {}\n", Base64::encode_string(&blob)));
    ensure(form.as_deref().map(str::as_bytes) == Some(data), "a note that is not the one form of what it says")
}

fn real(data: &[u8]) -> Option<Checkpoint> {
    Note::parse(data).ok().map(|note| note.checkpoint)
}

/// Passes over the two bits that the base64 of a root does not use.
fn canary(data: &[u8]) -> Option<Checkpoint> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    real(data).or_else(|| {
        let mut cleared = data.to_vec();
        let place = cleared.iter().position(|byte| *byte == b'=')?.checked_sub(1)?;
        let value = ALPHABET.iter().position(|letter| *letter == cleared[place])?;
        cleared[place] = ALPHABET[value & !3];
        real(&cleared)
    })
}

fn seeds(folder: &Path) -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = vectors::of(folder, "checkpoint").iter().map(|vector| vectors::text(vector, "note").as_bytes().to_vec()).collect();
    seeds.push(b"3:00000000000000000000000000000000000000000000000000000000000000ff".to_vec());
    seeds
}
