//! Bundles that break in steps 11 to 16: what lies beside the records, the openings, and the key that genesis names.

use crate::Files;
use crate::bundle::{Case, beats, one, small, three, trust};
use crate::common::log::{bytes, facts};
use crate::common::{Log, Parts, Signer};
use crate::surgery;
use mickai_proof::commitment::Opening;
use mickai_proof::digest::{KeyId, LogId, RecordDigest, Salt};
use mickai_proof::record::{Fact, Kind, Mode, Record};
use mickai_proof::signature::{COSE_PREFIX_LEN, to_be_signed, to_cose};
use mickai_proof::verify::Axis::{Authenticity, Disclosure};

pub fn write(files: &mut Files) {
    modes(files);
    forms(files);
    keys(files);
    signatures(files);
    openings(files);
    genesis_keys(files);
}

/// A denial after a genesis that the bundle does not hold; `edit` changes its signature.
fn beside(edit: impl FnOnce(&Log, &mut Vec<u8>)) -> (Log, Parts) {
    let mut log = one();
    log.push(&log.draft(Kind::Deny, "export"));
    let mut parts = log.range(1..2);
    edit(&log, &mut parts.chunks[0].signatures[0]);
    (log, parts)
}

fn reject(files: &mut Files, name: &str, why: &str, (log, parts): (Log, Parts), reason: &str, step: u8) {
    Case::new(name, why, parts.bytes(), trust(&log.signer)).invalid(files, reason, 1, step, Authenticity);
}

fn modes(files: &mut Files) {
    reject(files, "signature-stripped", "a signature taken away: the record says that it has one", beside(|_, cose| cose.clear()), "signing-mode", 11);
    let (log, mut parts) = small();
    parts.chunks[0].signatures[1] = log.signer.sign_record(log.id, &parts.chunks[0].records[1]);
    Case::new("signature-added", "a good signature beside a sealed record", parts.bytes(), trust(&log.signer)).invalid(files, "signing-mode", 4, 11, Authenticity);
    let (log, mut parts) = small();
    parts.chunks[0].signatures[0] = vec![0];
    Case::new("signature-zero-byte", "one byte beside a sealed record", parts.bytes(), trust(&log.signer)).invalid(files, "signing-mode", 3, 11, Authenticity);
}

fn forms(files: &mut Files) {
    let mut form = |name, why, edit: &dyn Fn(&mut Vec<u8>)| reject(files, name, why, beside(|_, cose| edit(cose)), "malformed-signature", 12);
    let replace = |at: usize, len: usize, with: &'static [u8]| move |cose: &mut Vec<u8>| drop(cose.splice(at..at + len, with.iter().copied()));
    form("cose-short", "a signature of 3,308 bytes", &|cose| cose.truncate(cose.len() - 1));
    form("cose-long", "a byte after the signature", &|cose| cose.push(0));
    form("cose-one-byte", "one byte", &|cose| cose.truncate(1));
    form("cose-prefix-alone", "everything but the signature", &|cose| cose.truncate(COSE_PREFIX_LEN));
    form("cose-tagged", "the tag of COSE_Sign1", &replace(0, 0, &[0xd2]));
    form("cose-array-long", "the array's head in two bytes", &replace(0, 1, &[0x98, 4]));
    form("cose-algorithm", "ML-DSA-44 in the protected header", &replace(6, 1, &[0x2f]));
    form("cose-key-id", "another key id in the protected header", &replace(20, 1, &[0x00]));
    form("cose-unprotected", "something in the unprotected header", &replace(73, 1, &[0xa1, 4, 0x40]));
    form("cose-payload", "a payload that is not detached", &replace(74, 1, &[0x40]));
    form("cose-indefinite", "the signature as chunks of a byte string", &|cose| {
        let signature = cose.split_off(COSE_PREFIX_LEN - 3);
        cose.push(0x5f);
        cose.extend(signature);
        cose.push(0xff);
    });
}

fn keys(files: &mut Files) {
    let log = beats();
    let thief = Signer::from_seed(2);
    let bundle = log.whole().bytes();
    let by_id = trust(&thief);
    Case::new("key-id-other", "a verifier who trusts another key", bundle.clone(), by_id.clone()).invalid(files, "unknown-key", 0, 13, Authenticity);
    Case::new("key-other", "the same, the key as PEM", bundle.clone(), by_id.clone().by_pem(&thief)).invalid(files, "unknown-key", 0, 13, Authenticity);
    Case::new("key-other-pinned-head", "nor does a reference as SIZE:ROOT help", bundle, by_id.pinned_head(&log, 3)).invalid(files, "unknown-key", 0, 13, Authenticity);
    let mut rebuilt = Log::new(&thief);
    rebuilt.heartbeat();
    Case::new("rebuilt-new-key", "the whole log written anew with a new key", rebuilt.whole().bytes(), trust(&log.signer)).invalid(files, "unknown-key", 0, 13, Authenticity);
    let mut told = Log::new(&thief);
    let note = Fact::Text(format!("\n{}", thief.key.to_pem()).into());
    let record = Record { facts: facts(vec![("note", note)]), ..told.draft(Kind::Deny, "export") };
    told.push(&record);
    Case::new("key-in-record", "a log by another key, which one of its records shows in PEM", told.whole().bytes(), trust(&log.signer)).invalid(
        files,
        "unknown-key",
        0,
        13,
        Authenticity,
    );
    let mut log = one();
    let record = Record { key_id: thief.id(), ..log.draft(Kind::Deny, "export") };
    log.push(&record);
    log.signatures[1] = thief.sign_record(log.id, &log.records[1]);
    reject(files, "key-id-in-record", "a record that another key signed in its own name", (log.clone(), log.whole()), "unknown-key", 13);
    let (log, mut parts) = small();
    parts.keys = vec![thief.key.to_spki()];
    Case::new("key-exchanged", "the bundle's key exchanged for another", parts.bytes(), trust(&log.signer)).invalid(files, "unknown-key", 3, 13, Authenticity);
    let mut log = one();
    let beat = Record { key_id: KeyId([7; 32]), mode: Mode::Sealed, ..log.draft(Kind::Heartbeat, "beat") };
    log.push(&beat);
    Case::new("key-id-in-sealed", "a sealed record that names another key", log.whole().bytes(), trust(&log.signer)).invalid(files, "unknown-key", 1, 13, Authenticity);
}

fn signatures(files: &mut Files) {
    let thief = Signer::from_seed(2);
    let signed = |message: &dyn Fn(&Log) -> Vec<u8>| beside(|log, cose| *cose = to_cose(log.signer.id(), &log.signer.sign(&message(log))));
    let digest = |log: &Log| log.digest(1);
    let id = |log: &Log| log.signer.id();
    let mut bad = |name, why, made| reject(files, name, why, made, "signature", 14);
    bad("signature-flipped", "a bit of the signature flipped", beside(|_, cose| cose[2_000] ^= 1));
    bad("signature-zero", "3,309 zero bytes", beside(|_, cose| cose[COSE_PREFIX_LEN..].fill(0)));
    bad("signature-of-genesis", "the signature of the record before", beside(|log, cose| cose.clone_from(&log.signatures[0])));
    bad(
        "signature-by-other",
        "another key's signature under this key's id",
        beside(|log, cose| *cose = to_cose(id(log), &thief.sign(&to_be_signed(id(log), log.id, digest(log))))),
    );
    bad("signature-other-log", "a signature for the same record in another log", signed(&|log| to_be_signed(id(log), LogId([7; 32]), digest(log))));
    bad("signature-zero-log", "a signature whose external_aad is that of no log", signed(&|log| to_be_signed(id(log), LogId::GENESIS, digest(log))));
    bad("signature-of-digest", "a signature over D itself, without a Sig_structure", signed(&|log| digest(log).0.to_vec()));
    bad("signature-of-bytes", "a signature over the record's bytes", signed(&|log| log.records[1].clone()));
    bad("signature-of-checkpoint", "a checkpoint's signature", signed(&|log| log.checkpoint(2).text().into_bytes()));
    let mut log = one();
    let candidates: Vec<_> = (0..50).map(|wall_ms| mickai_proof::record::encode(&Record { wall_ms, ..log.draft(Kind::Deny, "export") })).collect();
    let messages: Vec<_> = candidates.iter().map(|record| to_be_signed(log.signer.id(), log.id, RecordDigest::of(record))).collect();
    let (number, repeated) = surgery::repeat_hint(&log.signer, &messages);
    log.push_bytes(candidates[number].clone(), true);
    let mut parts = log.range(1..2);
    parts.chunks[0].signatures[0] = to_cose(log.signer.id(), &repeated);
    bad("hint-repeated", "a hint written twice: a second signature for one message", (log.clone(), parts));
    let padded = surgery::with_hint_padding(log.signer.sign(&messages[number])).unwrap();
    let mut parts = log.range(1..2);
    parts.chunks[0].signatures[0] = to_cose(log.signer.id(), &padded);
    bad("hint-padding", "a byte that no hint uses is not zero", (log, parts));
}

fn openings(files: &mut Files) {
    let log = three();
    let mut case = |name, why, index: u64, edit: &dyn Fn(&mut Opening)| {
        let mut opening = log.openings[0].clone();
        edit(&mut opening);
        let mut parts = log.range(1..2);
        parts.chunks[0].openings = vec![opening];
        Case::new(name, why, parts.bytes(), trust(&log.signer)).invalid(files, "opening", index, 15, Disclosure);
    };
    case("opening-value", "another prompt", 1, &|opening| opening.value = b"\x81\x82\x64user\x64pong".to_vec());
    case("opening-value-cut", "a prompt cut short", 1, &|opening| opening.value.truncate(5));
    case("opening-value-empty", "no prompt", 1, &|opening| opening.value.clear());
    case("opening-salt", "another salt", 1, &|opening| opening.salt = Salt([7; 32]));
    case("opening-label", "the value under another label of the record", 1, &|opening| opening.label = "prompt_tokens".to_owned());
    case("opening-label-unknown", "a label that the record does not commit to", 1, &|opening| opening.label = "prompt2".to_owned());
    case("opening-moved", "the first byte of the value moved into the label", 1, &|opening| {
        opening.label = "prompt\u{1}".to_owned();
        opening.value.remove(0);
    });
    case("opening-index-after", "an opening of a record that the bundle does not hold", 2, &|opening| opening.index = 2);
    case("opening-index-before", "an opening of a record before the bundle's", 0, &|opening| opening.index = 0);
    case("opening-index-largest", "an opening of record 2^64−1", u64::MAX, &|opening| opening.index = u64::MAX);
}

fn genesis_keys(files: &mut Files) {
    let signer = Signer::from_seed(1);
    let thief = Signer::from_seed(2);
    let mut case = |name, why, edit: &dyn Fn(&mut Record<'static>)| {
        let log = Log::with_genesis(&signer, edit);
        Case::new(name, why, log.whole().bytes(), trust(&signer)).invalid(files, "genesis-key", 0, 16, Authenticity);
    };
    let replace = |record: &mut Record<'static>, name: &'static str, value: &[u8]| {
        record.facts.retain(|(label, _)| label != name);
        record.facts.extend(facts(vec![(name, bytes(value))]));
        record.facts.sort_by(|(a, _), (b, _)| (a.len(), a).cmp(&(b.len(), b)));
    };
    case("genesis-key-other", "a genesis whose fact key is another key", &|record| replace(record, "key", &thief.key.to_spki()));
    case("genesis-key-raw", "a genesis whose fact key is not a SubjectPublicKeyInfo", &|record| replace(record, "key", signer.key.raw()));
    case("genesis-next-short", "a genesis whose next key id is 31 bytes", &|record| replace(record, "next", &[7; 31]));
    case("genesis-recovery-missing", "a genesis without a recovery key id", &|record| record.facts.retain(|(label, _)| label != "recovery"));
    case("genesis-facts-missing", "a genesis without facts", &|record| record.facts.clear());
}
