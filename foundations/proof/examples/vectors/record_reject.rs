//! Bytes that are not a record of this version, one fault each.

use crate::Files;
use crate::common::log::{Log, any_commitment};
use crate::common::vector::{RecordExpect, RecordVector, judge_record, to_hex};
use crate::record::log;
use crate::surgery::{Fields, hex};
use mickai_proof::cbor::{Major, write_bytes, write_head, write_text};
use mickai_proof::digest::RecordDigest;
use mickai_proof::record::{Fact, Kind, Mode, Record, encode};
use std::borrow::Cow;

pub fn write(files: &mut Files) {
    let log = log();
    let mut reject = |(name, why, record): (&str, &str, Vec<u8>), reason: &str| {
        let expect = RecordExpect { reason: Some(reason.to_owned()), ..RecordExpect::default() };
        if !files.agrees(name, &judge_record(&record), &expect) {
            return;
        }
        files.vector("record", false, name, &RecordVector { name: name.to_owned(), why: why.to_owned(), record: to_hex(&record), expect });
    };
    let malformed = [whole_items(&log), heads(&log), types(&log), order(&log), fields(&log), codes(&log), causes(&log), maps(&log), extensions(&log)];
    malformed.into_iter().flatten().for_each(|vector| reject(vector, "malformed-record"));
    reserved_kinds(&log).into_iter().for_each(|vector| reject(vector, "unsupported-kind"));
    unsupported_extensions(&log).into_iter().for_each(|vector| reject(vector, "unsupported-extension"));
}

type Vectors = Vec<(&'static str, &'static str, Vec<u8>)>;

fn intent(log: &Log) -> Fields {
    Fields::of(&log.records[1])
}

fn deny(log: &Log) -> Record<'static> {
    log.draft(Kind::Deny, "export")
}

fn whole_items(log: &Log) -> Vectors {
    let record = &log.records[1];
    let long = Record { facts: vec![(Cow::Borrowed("fill"), Fact::Bytes(Cow::Owned(vec![0x5a; 61_200])))], ..deny(log) };
    let long = encode(&Record { facts: vec![(Cow::Borrowed("fill"), Fact::Bytes(Cow::Owned(vec![0x5a; 61_200 + 61_441 - encode(&long).len()])))], ..long });
    let extended = encode(&Record { extensions: vec![(Cow::Borrowed("a"), Cow::Borrowed(&[0]))], ..deny(log) });
    vec![
        ("empty", "no bytes", Vec::new()),
        ("not-a-map", "an array of the same values", [&[0x8d], &record[1..]].concat()),
        ("map-empty", "a map of nothing", vec![0xa0]),
        ("map-claims-more", "a map of one entry more than there are, the last of which is field 19", [&[extended[0] + 1], &extended[1..]].concat()),
        ("cut", "the last byte is missing", record[..record.len() - 1].to_vec()),
        ("trailing-byte", "a byte after the map", [record.as_slice(), &[0]].concat()),
        ("trailing-record", "the record twice", [record.as_slice(), record].concat()),
        ("too-long", "61,441 bytes", long),
    ]
}

/// Heads that are not the shortest, or not definite.
fn heads(log: &Log) -> Vectors {
    let record = &log.records[1];
    let fields = || intent(log);
    let id = fields().value(17)[2..].to_vec();
    let replaced_key = |key: &[u8]| {
        let mut fields = fields();
        fields.0[0].0 = key.to_vec();
        fields.bytes()
    };
    let count = record[0] & 31;
    vec![
        ("head-map-long", "the map's head in two bytes", [&[0xb8, count], &record[1..]].concat()),
        ("head-key-long", "the first key in two bytes", replaced_key(&[0x18, 1])),
        ("head-uint-long", "version 1 in two bytes", fields().set(1, &hex("1801")).bytes()),
        ("head-uint-9", "the clock in nine bytes where five would do", fields().set(5, &hex("1b 00000000 ffffffff")).bytes()),
        ("head-bytes-long", "a byte string's length in three bytes", fields().set(17, &[&hex("59 0020")[..], &id].concat()).bytes()),
        ("head-text-long", "a text's length in two bytes", fields().set(10, &hex("78 08 67656e6572617465")).bytes()),
        ("head-array-long", "an array's length in two bytes", fields().set(6, &[&hex("98 02 58 20")[..], &id, &[0]].concat()).bytes()),
        ("head-reserved", "the additional information 28, which RFC 8949 reserves", fields().set(5, &hex("1c")).bytes()),
        ("indefinite-map", "the record's map without a length", [&[0xbf], &record[1..], &[0xff]].concat()),
        ("indefinite-bytes", "a byte string in chunks", fields().set(17, &[&hex("5f 58 20")[..], &id, &[0xff]].concat()).bytes()),
        ("indefinite-text", "a text in chunks", fields().set(10, &hex("7f 68 67656e6572617465 ff")).bytes()),
        ("indefinite-array", "an array without a length", fields().set(6, &[&hex("9f 58 20")[..], &id, &hex("00 ff")].concat()).bytes()),
        ("length-2-64", "a byte string said to be 2^64−1 bytes long", fields().set(17, &hex("5b ffffffffffffffff")).bytes()),
        ("array-2-64", "a list of facts said to be 2^64−1 long", fields().set(12, &hex("a1 61 61 9b ffffffffffffffff")).bytes()),
    ]
}

/// Types outside the profile.
fn types(log: &Log) -> Vectors {
    let fact = |value: &str| intent(log).set(12, &[&hex("a1 61 61")[..], &hex(value)].concat()).bytes();
    vec![
        ("negative", "a negative integer", fact("20")),
        ("tag", "a tagged integer", fact("c1 00")),
        ("tag-self-described", "the tag that says it is CBOR, before the record", [&hex("d9 d9f7")[..], &log.records[1]].concat()),
        ("bignum", "a large integer as a tagged byte string", fact("c2 49 010000000000000000")),
        ("null", "a null fact", fact("f6")),
        ("undefined", "an undefined fact", fact("f7")),
        ("bool", "a Boolean fact", fact("f5")),
        ("simple", "a simple value", fact("f8 20")),
        ("float-16", "a half-precision float", fact("f9 3c00")),
        ("float-32", "a single-precision float: real numbers are byte strings", fact("fa 3f800000")),
        ("float-64", "a double-precision float", fact("fb 3ff0000000000000")),
        ("utf8-invalid", "a text that is not UTF-8", fact("61 ff")),
        ("utf8-overlong", "a slash in two bytes", fact("62 c0af")),
        ("utf8-surrogate", "half of a surrogate pair", fact("63 eda080")),
        ("utf8-beyond", "a code point above U+10FFFF", fact("64 f4908080")),
    ]
}

fn order(log: &Log) -> Vectors {
    let swapped = |a: usize, b: usize| {
        let mut fields = intent(log);
        fields.0.swap(a, b);
        fields.bytes()
    };
    let mut twice = intent(log);
    twice.0.insert(1, twice.0[0].clone());
    let mut text_key = intent(log);
    text_key.0[12].0 = hex("61 61");
    vec![
        ("fields-order", "fields 2 and 3 exchanged", swapped(1, 2)),
        ("fields-order-last", "fields 16 and 17 exchanged", swapped(intent(log).0.len() - 2, intent(log).0.len() - 1)),
        ("field-twice", "field 1 twice", twice.bytes()),
        ("field-text-key", "a text where a field's number belongs", text_key.bytes()),
        ("facts-order", "labels bytewise, but the longer one first", intent(log).set(12, &hex("a2 62 6161 00 61 62 00")).bytes()),
        ("facts-order-same-length", "labels of one length in descending order", intent(log).set(12, &hex("a2 61 62 00 61 61 00")).bytes()),
        ("facts-twice", "one label twice", intent(log).set(12, &hex("a2 61 61 00 61 61 01")).bytes()),
        ("commitments-order", "commitments in descending order", commitments(log, &["b", "a"])),
        ("commitments-twice", "one commitment twice", commitments(log, &["a", "a"])),
    ]
}

fn commitments(log: &Log, labels: &[&str]) -> Vec<u8> {
    let mut map = Vec::new();
    write_head(&mut map, Major::Map, labels.len() as u64);
    for label in labels {
        write_text(&mut map, label);
        write_bytes(&mut map, &any_commitment().0);
    }
    intent(log).set(13, &map).bytes()
}

/// Fields absent, superfluous, or of the wrong size.
fn fields(log: &Log) -> Vectors {
    let fields = || intent(log);
    let id = |len: usize| [&[0x58, len as u8], &vec![7; len][..]].concat();
    let pair = |len: usize| [&[0x82][..], &id(len), &[0]].concat();
    vec![
        ("version-2", "a version that has no page", fields().set(1, &[2]).bytes()),
        ("version-0", "version 0", fields().set(1, &[0]).bytes()),
        ("version-absent", "no version", fields().without(1).bytes()),
        ("field-0", "a field 0", fields().set(0, &[0]).bytes()),
        ("field-20", "a field 20", fields().set(20, &[0]).bytes()),
        ("log-id-short", "a log id of 31 bytes", fields().set(2, &id(31)).bytes()),
        ("log-id-long", "a log id of 33 bytes", fields().set(2, &id(33)).bytes()),
        ("log-id-text", "a log id as text", fields().set(2, &[&hex("78 20")[..], &[b'a'; 32]].concat()).bytes()),
        ("prev-absent", "no field 4 at index 1", fields().without(4).bytes()),
        ("prev-at-0", "a field 4 at index 0", Fields::of(&log.records[0]).set(4, &fields().value(4)).bytes()),
        ("prev-short", "a prev of 32 bytes", fields().set(4, &id(32)).bytes()),
        ("boot-absent", "no boot", fields().without(6).bytes()),
        ("boot-triple", "a boot of three elements", fields().set(6, &[&[0x83][..], &id(32), &[0, 0]].concat()).bytes()),
        ("boot-claims-3", "a boot of three elements of which there are two, its content as it should be", fields().set(6, &[&[0x83][..], &id(32), &[0]].concat()).bytes()),
        ("boot-short", "a boot id of 31 bytes", fields().set(6, &pair(31)).bytes()),
        ("authority-short", "a policy digest of 31 bytes", fields().set(9, &pair(31)).bytes()),
        ("actor-short", "an actor id of 31 bytes", fields().set(8, &[&[0x82, 0][..], &id(31)].concat()).bytes()),
        ("action-empty", "an action without a name", fields().set(10, &hex("60")).bytes()),
        ("action-65-bytes", "an action of 65 bytes", fields().set(10, &[&hex("78 41")[..], &[b'a'; 65]].concat()).bytes()),
        ("action-bytes", "an action as a byte string", fields().set(10, &hex("41 61")).bytes()),
        ("mode-absent", "no mode", fields().without(16).bytes()),
        ("key-id-absent", "no key id", fields().without(17).bytes()),
        ("key-id-short", "a key id of 31 bytes", fields().set(17, &id(31)).bytes()),
    ]
}

/// Codes that no table has, and fields that a kind must not have or must.
fn codes(log: &Log) -> Vectors {
    let outcome = || Fields::of(&log.records[2]);
    vec![
        ("kind-18", "a kind that no table has", intent(log).set(7, &[18]).bytes()),
        ("kind-2-64", "a kind of 2^64−1", intent(log).set(7, &hex("1b ffffffffffffffff")).bytes()),
        ("class-5", "an actor class that no table has", intent(log).set(8, &[&hex("82 05 58 20")[..], &[7; 32]].concat()).bytes()),
        ("mode-2", "a mode that no table has", intent(log).set(16, &[2]).bytes()),
        ("outcome-5", "an outcome that no table has", outcome().set(15, &[5]).bytes()),
        ("outcome-code-absent", "an outcome without field 15", outcome().without(15).bytes()),
        ("outcome-intent-absent", "an outcome without field 14", outcome().without(14).bytes()),
        ("outcome-both-absent", "an outcome without fields 14 and 15", outcome().without(14).without(15).bytes()),
        ("intent-with-outcome", "an intent with fields 14 and 15", intent(log).set(14, &outcome().value(14)).set(15, &[0]).bytes()),
        ("genesis-sealed", "a sealed genesis", Fields::of(&log.records[0]).set(16, &[1]).bytes()),
        ("intent-sealed", "a sealed intent: an act must be signed before it begins", intent(log).set(16, &[1]).bytes()),
        ("outcome-sealed", "a sealed outcome", outcome().set(16, &[1]).bytes()),
        ("seal-sealed", "a sealed seal", encode(&Record { mode: Mode::Sealed, ..log.draft_seal() })),
        ("terminal-sealed", "a sealed end", encode(&Record { mode: Mode::Sealed, ..log.draft(Kind::Terminal, "close") })),
    ]
}

fn causes(log: &Log) -> Vectors {
    let digest = RecordDigest([0xda; 64]);
    let with = |causes: Vec<(u64, RecordDigest)>, index| encode(&Record { causes, index, ..deny(log) });
    vec![
        ("causes-empty", "an empty list of causes", intent(log).set(11, &hex("80")).bytes()),
        ("causes-65", "65 causes", with((0..65).map(|i| (i, digest)).collect(), 100)),
        ("causes-order", "causes in descending order", with(vec![(2, digest), (1, digest)], 3)),
        ("causes-twice", "one cause twice", with(vec![(1, digest), (1, digest)], 3)),
        ("causes-itself", "a record that is its own cause", with(vec![(3, digest)], 3)),
        ("causes-later", "a cause that comes after the record", with(vec![(4, digest)], 3)),
        ("causes-digest-short", "a cause's digest of 32 bytes", intent(log).set(11, &[&hex("81 82 00 58 20")[..], &[7; 32]].concat()).bytes()),
    ]
}

fn maps(log: &Log) -> Vectors {
    let many = |count: usize| -> Vec<Cow<'static, str>> { (0..count).map(|i| Cow::Owned(format!("label-{i:02}"))).collect() };
    let facts = |map: &str| intent(log).set(12, &hex(map)).bytes();
    vec![
        ("facts-empty", "an empty map of facts", facts("a0")),
        ("facts-65", "65 facts", encode(&Record { facts: many(65).into_iter().map(|label| (label, Fact::Uint(1))).collect(), ..deny(log) })),
        ("facts-array", "facts as an array", facts("81 00")),
        ("facts-label-empty", "a fact without a name", facts("a1 60 00")),
        ("facts-label-65-bytes", "a label of 65 bytes", intent(log).set(12, &[&hex("a1 78 41")[..], &[b'a'; 65], &[0]].concat()).bytes()),
        ("facts-label-bytes", "a label as a byte string", facts("a1 41 61 00")),
        ("facts-label-uint", "a label as a number", facts("a1 00 00")),
        ("fact-list-nested", "a list inside a list", facts("a1 61 61 81 80")),
        ("fact-map", "a map as a fact", facts("a1 61 61 a0")),
        ("commitments-empty", "an empty map of commitments", intent(log).set(13, &hex("a0")).bytes()),
        ("commitments-65", "65 commitments", encode(&Record { commitments: many(65).into_iter().map(|label| (label, any_commitment())).collect(), ..deny(log) })),
        ("commitment-short", "a commitment of 31 bytes", intent(log).set(13, &[&hex("a1 61 61 58 1f")[..], &[7; 31]].concat()).bytes()),
        ("commitment-label-65-bytes", "a commitment's label of 65 bytes", commitments(log, &["a".repeat(65).as_str()])),
    ]
}

fn extensions(log: &Log) -> Vectors {
    let critical = |value: &str| intent(log).set(18, &hex(value)).set(19, &hex("a2 61 61 00 61 62 00")).bytes();
    let seventeen: Vec<u8> = std::iter::once(0x91).chain((b'a'..b'a' + 17).flat_map(|letter| [0x61, letter])).collect();
    let seventeen_values: Vec<u8> = std::iter::once(0xb1).chain((b'a'..b'a' + 17).flat_map(|letter| [0x61, letter, 0])).collect();
    let extension = |value: &str| intent(log).set(19, &[&hex("a1 61 61")[..], &hex(value)].concat()).bytes();
    vec![
        ("extensions-empty", "an empty map of extensions", intent(log).set(19, &hex("a0")).bytes()),
        ("extension-9-deep", "nesting of nine, the record's own map counted", extension("81 81 81 81 81 81 80")),
        ("extension-deep-10000", "ten thousand arrays in one another: no stack for them", extension(&"81".repeat(10_000))),
        ("extension-map-order", "an extension's keys out of order", extension("a2 61 62 00 61 61 00")),
        ("extension-map-twice", "an extension's key twice", extension("a2 61 61 00 61 61 00")),
        ("extension-map-uint-key", "an extension's key as a number", extension("a1 00 00")),
        ("extension-float", "a float inside an extension", extension("81 f9 3c00")),
        ("critical-empty", "an empty list of critical extensions", critical("80")),
        ("critical-absent", "a critical extension that field 19 does not hold", critical("81 61 63")),
        ("critical-alone", "a critical extension without a field 19", intent(log).set(18, &hex("81 61 61")).bytes()),
        ("critical-order", "critical extensions in descending order", critical("82 61 62 61 61")),
        ("critical-twice", "one critical extension twice", critical("82 61 61 61 61")),
        ("critical-17", "17 critical extensions", intent(log).set(18, &seventeen).set(19, &seventeen_values).bytes()),
    ]
}

fn reserved_kinds(log: &Log) -> Vectors {
    let of = |kind| encode(&log.draft(kind, "reserved"));
    let critical = Fields::of(&of(Kind::Approval)).set(18, &hex("81 61 61")).set(19, &hex("a1 61 61 00")).bytes();
    vec![
        ("reserved-approval", "kind 4 has no page", of(Kind::Approval)),
        ("reserved-epoch", "kind 8 has no page", of(Kind::Epoch)),
        ("reserved-anchor", "kind 9 has no page", of(Kind::Anchor)),
        ("reserved-settle", "kind 10 has no page", of(Kind::Settle)),
        ("reserved-witness", "kind 11 has no page", of(Kind::Witness)),
        ("reserved-witness-sealed", "kind 11 may be sealed", encode(&Record { mode: Mode::Sealed, ..log.draft(Kind::Witness, "reserved") })),
        ("reserved-gap", "kind 14 has no page", of(Kind::Gap)),
        ("reserved-fork", "kind 16 has no page", of(Kind::Fork)),
        ("reserved-and-critical", "a reserved kind is named before a critical extension", critical),
    ]
}

fn unsupported_extensions(log: &Log) -> Vectors {
    let with = |critical: &str, map: &str| intent(log).set(18, &hex(critical)).set(19, &hex(map)).bytes();
    vec![
        ("critical", "a critical extension: this version knows none", with("81 61 61", "a1 61 61 00")),
        ("critical-of-two", "one of two extensions is critical", with("81 61 62", "a2 61 61 00 61 62 00")),
    ]
}
