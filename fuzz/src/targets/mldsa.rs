//! Verification in lanes: on every path of the machine what the library says, signature by signature.

use super::harness::{Held, Target, ensure};
use super::parts::Parts;
use super::vectors;
use mickai_proof::digest::RecordDigest;
use mickai_proof::key::PublicKey;
use mickai_proof::mldsa::{ExpandedKey, Isa, Item, verify_many};
use mickai_proof::record::{Mode, decode};
use mickai_proof::signature::{SIGNATURE_LEN, from_cose, to_be_signed, verify};
use std::path::Path;
use std::sync::OnceLock;

/// The target. Its input is a message, and the signature that its last bytes are, under the first key of the vectors.
pub const TARGET: Target = Target { name: "mldsa", holds: |data| holds(data, verify_many), canary: |data| holds(data, canary), seeds, case_count: 3_000 };

type Many = fn(&ExpandedKey, Isa, &[Item<'_>]) -> Vec<bool>;

fn holds(data: &[u8], many: Many) -> Held {
    let Some((message, signature)) = data.split_last_chunk::<SIGNATURE_LEN>() else { return Ok(()) };
    let (key, expanded) = key();
    let is_good = verify(key, message, signature);
    // Of three items one is another message: lanes may not mix.
    let other = [message, &[0]].concat();
    let item = Item { message, signature };
    let items = [item, Item { message: &other, signature }, item];
    for isa in Isa::available() {
        ensure(many(expanded, isa, &items) == [is_good, false, is_good], "the lanes and the library differ")?;
    }
    Ok(())
}

/// Passes over what lies behind the last hint, as decoders do that forget FIPS 204 Algorithm 21 line 16.
fn canary(key: &ExpandedKey, isa: Isa, items: &[Item<'_>]) -> Vec<bool> {
    const HINTS_MAX: usize = 55;
    const COUNT: usize = 6;
    let cleared = |item: &Item<'_>| {
        let mut signature = *item.signature;
        let hints = &mut signature[SIGNATURE_LEN - HINTS_MAX - COUNT..];
        let used = usize::from(hints[HINTS_MAX + COUNT - 1]).min(HINTS_MAX);
        hints[used..HINTS_MAX].fill(0);
        signature
    };
    let cleared: Vec<_> = items.iter().map(cleared).collect();
    let items: Vec<_> = items.iter().zip(&cleared).map(|(item, signature)| Item { message: item.message, signature }).collect();
    verify_many(key, isa, &items)
}

/// The key of most vectors.
fn key() -> &'static (PublicKey, ExpandedKey) {
    static KEY: OnceLock<(PublicKey, ExpandedKey)> = OnceLock::new();
    KEY.get_or_init(|| {
        let vector: serde_json::Value = serde_json::from_str(include_str!("../../../spec/vectors/fork/accept/prefix.json")).unwrap();
        let key = PublicKey::from_pem(vector["keys"][0].as_str().unwrap()).unwrap();
        let expanded = ExpandedKey::new(&key);
        (key, expanded)
    })
}

fn seeds(folder: &Path) -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (_, bundle) in vectors::bundles(folder).iter().filter(|(_, bundle)| bundle.len() < 50_000) {
        let (parts, _) = Parts::read(bundle, bundle.len());
        for (record, beside) in parts.records.iter().zip(&parts.signatures) {
            let Ok(record_read) = decode(record) else { continue };
            let signature = from_cose(record_read.key_id, beside).filter(|_| record_read.mode == Mode::Each && record_read.key_id == key().0.id());
            let log = parts.header.map(|header| header.log);
            seeds.extend(signature.zip(log).map(|(signature, log)| [&to_be_signed(record_read.key_id, log, RecordDigest::of(record))[..], &signature[..]].concat()));
        }
    }
    seeds.sort();
    seeds.dedup();
    seeds
}
