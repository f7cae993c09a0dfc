//! The forms of spec/exports.md: what they hold, what they refuse, and that a part cut out of a whole bundle is the bundle that an exporter writes.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "a test, which reads files")]

mod common;

use common::log::facts;
use common::{Log, Signer};
use mickai_proof::bundle::{Cut, Header, Writer};
use mickai_proof::cbor::{Major, write_head};
use mickai_proof::digest::{LogId, RecordDigest, TreeHash};
use mickai_proof::history::Revocation;
use mickai_proof::limits;
use mickai_proof::merkle::{self, Gather};
use mickai_proof::receipt::{Receipt, ReceiptError, to_be_signed};
use mickai_proof::record::{Fact, Kind, Record, decode, kind_of};
use mickai_proof::signature;
use mickai_proof::statement::{self, Named};
use mickai_proof::view;
use serde_json::Value;
use std::borrow::Cow;
use std::ops::Range;

/// Genesis, a generation, sealed records, a seal, another generation: 11 records.
fn log() -> Log {
    let mut log = common_log();
    log.heartbeats(5);
    log.seal();
    let intent = log.intent();
    log.outcome(intent);
    log
}

/// A log whose key was rotated, revoked later on, and rotated again: 10 records, 4 keys, 4 key events after genesis.
fn succeeded() -> Log {
    let mut log = Log::new(&Signer::from_seed(1));
    let first = log.signer.id();
    log.heartbeat();
    log.rotate(&common::log::next());
    log.heartbeats(2);
    log.revoke(Revocation { revoked: first, effective: 2, since_ms: None });
    log.succeed_with(&common::log::recovery(), 5, None, |_| ());
    log.heartbeat();
    log.rotate(&common::log::next_after(&common::log::recovery()));
    log.heartbeat();
    log
}

fn common_log() -> Log {
    let mut log = Log::new(&Signer::from_seed(1));
    let intent = log.intent();
    log.outcome(intent);
    log
}

fn path(log: &Log, index: u64) -> Vec<TreeHash> {
    let size = log.records.len() as u64;
    let mut gather = Gather::new(size);
    for (at, record) in (0..).zip(&log.records) {
        if at == index {
            gather.want_path_of_next();
        }
        gather.push(merkle::leaf(record));
    }
    gather.path(index).unwrap()
}

fn receipt(log: &Log, index: u64) -> Receipt {
    let size = log.records.len();
    let signature = log.signer.sign(&to_be_signed(log.signer.id(), &log.checkpoint(size)));
    Receipt { log: log.id, key: log.signer.id(), size: size as u64, index, path: path(log, index), signature: Box::new(signature) }
}

#[test]
fn every_record_has_a_receipt_that_reads_back_and_verifies_for_it_alone() {
    let log = log();
    for index in 0..log.records.len() {
        let receipt = receipt(&log, index as u64);
        let bytes = receipt.to_bytes();
        assert_eq!(Receipt::parse(&bytes).map(|again| again == receipt), Ok(true));
        assert_eq!(receipt.verify(&log.signer.key, &log.records[index]), Ok(()));
        assert_eq!(receipt.verify(&log.signer.key, &log.records[(index + 1) % 11]), Err(ReceiptError::Signature));
        assert_eq!(receipt.verify(&Signer::from_seed(2).key, &log.records[index]), Err(ReceiptError::Key));
    }
}

/// One bit of every byte: it is another form, another key, or not signed.
#[test]
fn no_flipped_bit_of_a_receipt_passes() {
    let log = log();
    let bytes = receipt(&log, 2).to_bytes();
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        let answer = Receipt::parse(&flipped).and_then(|receipt| receipt.verify(&log.signer.key, &log.records[2]));
        assert!(answer.is_err(), "byte {at}");
        assert!(Receipt::parse(&bytes[..at]).is_err());
    }
    assert!(Receipt::parse(&[&bytes[..], &[0]].concat()).is_err());
}

#[test]
fn a_receipt_of_a_tree_of_one_has_no_path_and_is_none() {
    let log = Log::new(&Signer::from_seed(1));
    assert_eq!(Receipt::parse(&receipt(&log, 0).to_bytes()).map(drop), Err(ReceiptError::Malformed));
}

/// The example of spec/exports.md: which bytes stand where.
#[test]
fn the_layout_of_a_receipt_is_the_one_of_the_spec() {
    let log = log();
    let bytes = receipt(&log, 2).to_bytes();
    assert_eq!(bytes[..12], [0xd2, 0x84, 0x58, 0xa9, 0xa5, 0x01, 0x38, 0x30, 0x04, 0x58, 0x20, log.signer.id().0[0]]);
    assert_eq!(bytes[43..49], [0x0f, 0xa2, 0x01, 0x78, 0x4b, b'm']);
    assert_eq!(&bytes[123..138], b"\x02\x6dcheckpoint/11");
    assert_eq!(bytes[138..141], [0x10, 0x78, 0x1c]);
    assert_eq!(bytes[169..173], [0x19, 0x01, 0x8b, 0x01]);
    assert_eq!(bytes[173..180], [0xa1, 0x19, 0x01, 0x8c, 0xa1, 0x20, 0x81]);
    assert_eq!(bytes[bytes.len() - 3_313..bytes.len() - 3_309], [0xf6, 0x59, 0x0c, 0xed]);
}

/// What the operator's key signs: the first bytes of each sort of message. No sort's message begins as another's does, up to where they are fixed (spec/keys.md "What a key signs").
#[test]
fn no_message_of_one_sort_is_one_of_another() {
    let log = log();
    let id = log.signer.id();
    let record = signature::to_be_signed(id, log.id, RecordDigest::of(&log.records[0]));
    let receipt = to_be_signed(id, &log.checkpoint(11));
    let note = log.checkpoint(11).text().into_bytes();
    let statement = statement::to_be_signed(&statement::payload(&log.checkpoint(11), &[]));
    let starts = [record[0], note[0], statement[0], b"oar-rotate-v1\0"[0]];
    assert_eq!(starts, [0x84, b'm', b'D', b'o']);
    // Both are Sig_structures: their protected headers are byte strings of other lengths, which stand at the same place.
    let shared: usize = record.iter().zip(&receipt).take_while(|(one, other)| one == other).count();
    assert_eq!((shared, &record[12..14], &receipt[12..14]), (13, &[0x58, 69][..], &[0x58, 169][..]));
    assert_eq!(&record[..12], b"\x84\x6aSignature1");
}

#[test]
fn a_statement_names_artifacts_by_their_true_digests() {
    let log = log();
    let checkpoint = log.checkpoint(11);
    let named = Named::of(2, &log.records[2], path(&log, 2));
    let payload = statement::payload(&checkpoint, &[named]);
    let value: Value = serde_json::from_str(&payload).unwrap();
    let sha256 = |bytes: &[u8]| mickai_proof::digest::hex(&<sha2::Sha256 as sha2::Digest>::digest(bytes));
    let subject = &value["subject"];
    assert_eq!(subject[0]["digest"]["sha256"], sha256(&log.records[0]));
    assert_eq!(subject[1]["digest"]["sha256"], sha256(checkpoint.text().as_bytes()));
    assert_eq!(subject[2]["digest"]["sha256"], sha256(&log.records[2]));
    assert_eq!(subject[2]["digest"]["oar-record-v1"], log.digest(2).to_string());
    let path: Vec<_> = value["predicate"]["records"][0]["path"].as_array().unwrap().iter().map(|node| TreeHash::from_hex(node.as_str().unwrap()).unwrap()).collect();
    assert_eq!(merkle::root_from_path(2, 11, merkle::leaf(&log.records[2]), &path), TreeHash::from_hex(value["predicate"]["root"].as_str().unwrap()));
    let envelope: Value = serde_json::from_str(&statement::to_envelope(&payload, log.signer.id(), &[7; 3_309])).unwrap();
    assert_eq!((&envelope["payloadType"], &envelope["signatures"][0]["keyid"]), (&Value::from("application/vnd.in-toto+json"), &Value::from(log.signer.id().to_string())));
    assert_eq!(String::from_utf8(statement::to_be_signed("ab")).unwrap(), "DSSEv1 28 application/vnd.in-toto+json 2 ab");
}

#[test]
fn a_line_holds_the_record_and_a_view_of_it() {
    let log = log();
    for (index, record) in (0..).zip(&log.records) {
        let openings: Vec<_> = log.openings.iter().filter(|opening| opening.index == index).cloned().collect();
        let line = view::line(index, record, &log.signatures[index as usize], &openings);
        assert!(line.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        let value: Value = serde_json::from_str(&line).unwrap();
        let decoded = decode(record).unwrap();
        assert_eq!((&value["index"], &value["kind"], &value["action"]), (&Value::from(index), &Value::from(decoded.kind.name()), &Value::from(decoded.action.as_ref())));
        assert_eq!(value["digest"], RecordDigest::of(record).to_string());
        assert_eq!(value["signature"].is_null(), log.signatures[index as usize].is_empty());
        assert_eq!(value["openings"].as_object().unwrap().len(), openings.len());
    }
    let hostile = Record { facts: facts(vec![("a", Fact::Text(Cow::Borrowed("\u{1b}[2J\u{202e}")))]), ..log.draft(Kind::Deny, "d") };
    let line = view::record(11, &mickai_proof::record::encode(&hostile));
    assert!(line.contains(r#""facts":{"a":"\u001b[2J\u202e"}"#), "{line}");
    assert!(view::record(3, b"no record").contains(r#""error":"malformed-record""#));
    assert!(view::record(4, &log.records[3]).contains(r#""claimed_index":3"#));
}

#[test]
fn the_kind_is_read_from_the_first_fields() {
    let log = log();
    for record in &log.records {
        assert_eq!(kind_of(record), Some(decode(record).unwrap().kind));
        for len in 0..60.min(record.len()) {
            assert_eq!(kind_of(&record[..len]), None);
        }
    }
}

/// The bundle of a range, by one pass over the whole log and the crate's writer.
fn cut(log: &Log, range: Range<usize>) -> Vec<u8> {
    let size = log.records.len();
    let mut cut = Cut::new(range.start as u64..range.end as u64, size as u64);
    log.records.iter().zip(&log.signatures).for_each(|(record, signature)| cut.push(record, signature));
    let (around, root) = cut.finish().unwrap();
    let keys: Vec<_> = log.reigns.iter().map(|(_, signer)| signer.key.clone()).collect();
    assert_eq!((root, &around.keys), (log.root(size), &keys));
    let header = Header { log: log.id, first: range.start as u64, count: range.len() as u64 };
    let mut writer = Writer::new(header, &around.keys, &around.events, &around.left);
    for index in range {
        writer.push(log.records[index].clone(), log.signatures[index].clone(), Vec::new());
    }
    writer.finish(&around.right, &log.note(size))
}

#[test]
fn a_cut_of_every_range_is_what_the_parts_by_hand_give() {
    for log in [log(), succeeded()] {
        let size = log.records.len();
        for start in 0..size {
            for end in start + 1..=size {
                assert_eq!(cut(&log, start..end), log.range(start..end).bytes(), "{start}..{end} of {size}");
            }
        }
    }
    let log = log();
    let mut cut = Cut::new(1..2, 3);
    cut.push(&log.records[0], &log.signatures[0]);
    assert_eq!(cut.finish(), None, "fewer records than were said");
}

#[test]
fn a_cut_keeps_no_more_key_events_than_a_bundle_may_list() {
    let log = log();
    let most = limits::KEY_EVENTS_MAX as u64;
    let mut cut = Cut::new(0..1, most + 1);
    (0..most).for_each(|_| cut.push(&log.records[0], &log.signatures[0]));
    assert!(!cut.has_too_many_events());
    cut.push(&log.records[0], &log.signatures[0]);
    assert!(cut.has_too_many_events());
    assert_eq!(cut.finish(), None);
}

/// What a bundle of one record of a million weighs: the worst index, a record of the size of a generation's intent, and one of a kilobyte (design/oar: 16 kB signed each, 13 kB sealed).
#[test]
fn one_record_of_a_million_is_a_small_file() {
    let log = common_log();
    let size = 1_000_000;
    let weigh = |record: Vec<u8>, signature: Vec<u8>| {
        let one = |index: u64| {
            let left = vec![TreeHash([1; 32]); index.count_ones() as usize];
            let right = vec![TreeHash([2; 32]); merkle::right_ranges(index + 1, size).len()];
            let mut writer = Writer::new(Header { log: LogId([3; 32]), first: index, count: 1 }, [&log.signer.key], &[], &left);
            writer.push(record.clone(), signature.clone(), Vec::new());
            let note = log.signer.sign_checkpoint(&mickai_proof::checkpoint::Checkpoint { size, ..log.checkpoint(3) });
            writer.finish(&right, &note).len()
        };
        [0, 1, 524_287, 524_288, 699_050, 983_039, 999_999].into_iter().map(one).max().unwrap()
    };
    let signature = log.signatures[1].clone();
    let (intent, sealed) = (log.records[1].clone(), vec![0x5a; 1_024]);
    assert!(weigh(intent.clone(), signature.clone()) <= 16_000);
    assert!(weigh(vec![0x5a; 4_096], signature) <= 16_000);
    assert!(weigh(sealed, Vec::new()) <= 13_000);
    let mut head = Vec::new();
    write_head(&mut head, Major::Uint, size);
    assert_eq!(head.len(), 5, "an index of this size takes five bytes");
}

/// The vectors that scripts in other languages check, from this side.
#[test]
fn the_vectors_hold() {
    use base64ct::{Base64, Encoding};
    use mickai_proof::key::PublicKey;
    let bytes = |value: &Value| Base64::decode_vec(value.as_str().unwrap()).unwrap();
    let mut kinds = std::collections::BTreeMap::new();
    for class in ["accept", "reject"] {
        for entry in std::fs::read_dir(common::vector::folder("exports").join(class)).unwrap() {
            let vector: Value = serde_json::from_str(&std::fs::read_to_string(entry.unwrap().path()).unwrap()).unwrap();
            let key = PublicKey::from_pem(vector["key"].as_str().unwrap()).unwrap();
            let kind = vector["kind"].as_str().unwrap().to_owned();
            match kind.as_str() {
                "receipt" => {
                    let answer = Receipt::parse(&bytes(&vector["receipt"])).and_then(|receipt| receipt.verify(&key, &bytes(&vector["record"])));
                    assert_eq!(answer.err().map(ReceiptError::code), vector["expect"].as_str(), "{}", vector["name"]);
                    assert_eq!(answer.is_ok(), class == "accept");
                }
                "statement" => {
                    let envelope: Value = serde_json::from_str(vector["envelope"].as_str().unwrap()).unwrap();
                    let payload = String::from_utf8(bytes(&envelope["payload"])).unwrap();
                    let signed = bytes(&envelope["signatures"][0]["sig"]).try_into().unwrap();
                    assert!(signature::verify(&key, &statement::to_be_signed(&payload), &signed));
                    assert_eq!(statement::to_envelope(&payload, key.id(), &signed), vector["envelope"].as_str().unwrap());
                }
                "lines" => {
                    for line in vector["lines"].as_array().unwrap() {
                        let value: Value = serde_json::from_str(line.as_str().unwrap()).unwrap();
                        let signature = value["signature"].as_str().map(|text| Base64::decode_vec(text).unwrap()).unwrap_or_default();
                        let plain = view::line(value["index"].as_u64().unwrap(), &bytes(&value["record"]), &signature, &[]);
                        assert!(value["openings"].as_object().is_some_and(|openings| !openings.is_empty()) || plain == *line);
                    }
                }
                _ => {
                    let mut tiler = mickai_proof::tiles::Tiler::default();
                    let mut entries: Vec<_> = vector["files"].as_object().unwrap().iter().filter(|(path, _)| path.starts_with("tile/entries/")).collect();
                    entries.sort_by_key(|(path, _)| *path);
                    let joined: Vec<u8> = entries.into_iter().flat_map(|(_, value)| bytes(value)).collect();
                    let mut rest = joined.as_slice();
                    let mut made = Vec::new();
                    while let Some((len, after)) = rest.split_first_chunk::<2>() {
                        let (record, after) = after.split_at(usize::from(u16::from_be_bytes(*len)));
                        made.extend(tiler.push(record).unwrap());
                        rest = after;
                    }
                    let note = mickai_proof::checkpoint::Note::parse(&bytes(&vector["files"]["checkpoint"])).unwrap();
                    assert_eq!(tiler.root(), Some(note.verify(&key, note.checkpoint.log).unwrap().root));
                    made.extend(tiler.finish());
                    assert_eq!(made.len() + 1, vector["files"].as_object().unwrap().len());
                    assert!(made.iter().all(|(tile, content)| *content == bytes(&vector["files"][tile.path()])));
                }
            }
            *kinds.entry((class, kind)).or_insert(0) += 1;
        }
    }
    let count = |class, kind: &str| kinds.get(&(class, kind.to_owned())).copied().unwrap_or(0);
    assert!(
        count("accept", "receipt") >= 4 && count("reject", "receipt") >= 20 && count("accept", "statement") == 2 && count("accept", "lines") == 1 && count("accept", "tiles") == 2
    );
}
