//! Bundles that break in steps 1 and 2: the file, its parts, their order, number and size.

use crate::Files;
use crate::bundle::{Case, one, small, three, trust};
use crate::common::Log;
use crate::common::parts::{self, Parts};
use crate::surgery::hex;
use mickai_proof::bundle::Header;
use mickai_proof::digest::TreeHash;
use mickai_proof::limits;
use mickai_proof::verify::Axis::Integrity;

pub fn write(files: &mut Files) {
    not_bundles(files);
    let (log, small) = small();
    let set = Set { files, log, small };
    set.all();
}

fn not_bundles(files: &mut Files) {
    let log = one();
    let whole = log.whole().bytes();
    let header = parts::header(log.whole().header, 1);
    let mut case = |name, why, bundle: &[u8], reason| Case::new(name, why, bundle.to_vec(), trust(&log.signer)).unreadable(files, reason, None, 1);
    case("file-empty", "an empty file", b"", "not-a-bundle");
    case("file-text", "a text", b"{\"verdict\":\"VERIFIED\"}\n", "not-a-bundle");
    case("file-checkpoint", "a checkpoint where a bundle belongs", log.note(1).as_bytes(), "not-a-bundle");
    case("file-record", "a record where a bundle belongs", &log.records[0], "not-a-bundle");
    case("file-compressed", "a gzip file", &hex("1f8b0800000000000003"), "not-a-bundle");
    case("magic-other", "another name", &hex("86 00 6a 6f61722d62756e646c66 01"), "not-a-bundle");
    case("magic-cut", "the file ends inside its name", &header[..8], "not-a-bundle");
    case("header-tagged", "a tag before the header", &[&[0xd9, 0xd9, 0xf7], &whole[..]].concat(), "not-a-bundle");
    case("header-second", "the keys before the header", &log.whole().items().into_iter().rev().collect::<Vec<_>>().concat(), "not-a-bundle");
    let versioned = |version| [parts::header(log.whole().header, version), log.whole().items()[1..].concat()].concat();
    case("version-2", "a bundle of version 2", &versioned(2), "unsupported-version");
    case("version-0", "a bundle of version 0", &versioned(0), "unsupported-version");
    case("header-2-elements", "an array of the name alone has no version", &hex("82 00 6a 6f61722d62756e646c65"), "unsupported-version");
    case("header-1-element", "an array of one", &hex("81 00"), "not-a-bundle");
    case("version-text", "a version that is a text", &[&header[..13], &[0x61, b'1'], &header[14..]].concat(), "unsupported-version");
    let cut = |version: &[u8]| [&header[..13], version].concat();
    case("version-negative-cut", "the file ends in a negative integer where its version is: no version, whatever would follow", &cut(&[0x39]), "unsupported-version");
    case("version-float-cut", "the file ends in a float where its version is", &cut(&[0xf9, 0x00]), "unsupported-version");
    let mut more = versioned(2);
    more[0] = 0x87;
    case("version-2-longer", "a version 2 with another number of elements: the version is looked at first", &more, "unsupported-version");
}

/// The vectors that are small variations of one partial bundle, of records 3 and 4 of seven: items 0 header, 1 keys, 2 left, 3 chunk, 4 right, 5 checkpoint.
struct Set<'f> {
    files: &'f mut Files,
    log: Log,
    small: Parts,
}

impl Set<'_> {
    fn all(mut self) {
        self.headers();
        self.keys();
        self.trees();
        self.chunk_heads();
        self.chunk_items();
        self.opening_items();
        self.order();
        self.ends();
        self.whole();
    }

    fn reject(&mut self, name: &str, why: &str, bundle: Vec<u8>, index: u64) {
        Case::new(name, why, bundle, trust(&self.log.signer)).invalid(self.files, "malformed-bundle", index, 2, Integrity);
    }

    /// The small bundle with item `at` replaced.
    fn with(&self, at: usize, item: Vec<u8>) -> Vec<u8> {
        let mut items = self.small.items();
        items[at] = item;
        items.concat()
    }

    fn headers(&mut self) {
        let header = self.small.header;
        let item = parts::header(header, 1);
        let heads = |elements: u8| [&[elements], &item[1..]].concat();
        self.reject("header-5-elements", "an array of five", self.with(0, heads(0x85)), 0);
        self.reject("header-7-elements", "an array of seven", self.with(0, heads(0x87)), 0);
        self.reject("header-cut", "the file ends after its version", item[..14].to_vec(), 0);
        self.reject("header-cut-before-version", "the file ends before its version", item[..13].to_vec(), 0);
        self.reject("header-log-short", "a log id of 31 bytes", self.with(0, [&item[..14], &[0x58, 31], &[7; 31], &[3, 2]].concat()), 0);
        self.reject("header-count-long", "a count in two bytes", self.with(0, [&item[..item.len() - 1], &[0x18, 2]].concat()), 0);
        let ranged = |first, count| parts::header(Header { first, count, ..header }, 1);
        self.reject("header-beyond-2-53", "records beyond 2^53−1", self.with(0, ranged(limits::INDEX_MAX, 1)), 0);
        self.reject("header-overflow", "first and count overflow 64 bits", self.with(0, ranged(u64::MAX, 2)), 0);
        self.reject("header-claims-most", "as many records as a header can claim, in a file of two", self.with(0, ranged(3, limits::INDEX_MAX - 3)), 1_026);
        Case::new("no-records", "all records deleted: a count of 0", self.with(0, ranged(3, 0)), trust(&self.log.signer)).invalid(self.files, "no-records", 0, 2, Integrity);
        let log = one();
        let nothing = [parts::header(Header { count: 0, ..log.whole().header }, 1), parts::keys(&log.whole().keys, &[]), parts::note(log.note(1).as_bytes())].concat();
        Case::new("no-records-whole", "the whole log with all its records deleted", nothing, trust(&log.signer)).invalid(self.files, "no-records", 0, 2, Integrity);
    }

    fn keys(&mut self) {
        let key = self.small.keys[0].clone();
        let mut other = key.clone();
        other[16] = 0x11;
        self.reject("keys-none", "no key", self.with(1, parts::keys(&[[0u8; 0]; 0], &[])), 3);
        self.reject("keys-same-twice", "the same key twice", self.with(1, parts::keys(&[&key, &key], &[])), 3);
        self.reject("keys-ml-dsa-44", "a key that says it is ML-DSA-44", self.with(1, parts::keys(&[&other], &[])), 3);
        self.reject("keys-raw", "a key without its SubjectPublicKeyInfo", self.with(1, parts::keys(&[&key[22..]], &[])), 3);
        self.reject("keys-long", "a byte after the key", self.with(1, parts::keys(&[[&key[..], &[0]].concat()], &[])), 3);
        self.reject(
            "keys-parameters",
            "an algorithm identifier with NULL parameters",
            self.with(1, parts::keys(&[[&hex("308207b4300d06096086480165030403120500"), &key[17..]].concat()], &[])),
            3,
        );
        self.reject("keys-cut", "the file ends inside the key", self.small.items()[..2].concat()[..100].to_vec(), 3);
    }

    fn trees(&mut self) {
        let left = self.small.left.clone();
        let node = TreeHash([9; 32]);
        self.reject("left-missing", "no left part, though the range begins at 3", self.with(2, Vec::new()), 3);
        self.reject("left-fewer", "one node where 3 has two one-bits", self.with(2, parts::nodes(2, &left[..1])), 3);
        self.reject("left-more", "three nodes where 3 has two one-bits", self.with(2, parts::nodes(2, &[left[0], left[1], node])), 3);
        self.reject("left-empty", "a left part of no nodes", self.with(2, parts::nodes(2, &[])), 3);
        self.reject("left-twice", "the left part twice", self.with(2, parts::nodes(2, &left).repeat(2)), 4);
        self.reject("left-node-short", "a node of 31 bytes", self.with(2, [&hex("82 02 82 58 20")[..], &left[0].0, &[0x58, 31], &[9; 31]].concat()), 3);
        self.reject("right-empty", "a right part of no nodes", self.with(4, parts::nodes(4, &[])), 5);
        self.reject("right-65", "65 nodes on the right", self.with(4, parts::nodes(4, &[node; 65])), 5);
        self.reject("right-twice", "the right part twice", self.with(4, parts::nodes(4, &self.small.right).repeat(2)), 5);
    }

    fn chunk_heads(&mut self) {
        let chunk = parts::chunk(&self.small.chunks[0]);
        let fewer = |by: usize| {
            let mut chunk = self.small.chunks[0].clone();
            chunk.records.truncate(2 - by);
            chunk.signatures.truncate(2 - by);
            parts::chunk(&chunk)
        };
        let one_record = fewer(1);
        let mut more = self.small.chunks[0].clone();
        more.records.push(more.records[1].clone());
        more.signatures.push(Vec::new());
        let mut unsigned = self.small.chunks[0].clone();
        unsigned.signatures.pop();
        let mut long_head = chunk.clone();
        long_head.splice(2..3, [0x98, 2]);
        self.reject("chunk-missing", "no chunk", self.with(3, Vec::new()), 4);
        self.reject("chunk-fewer", "one record where the header counts two", self.with(3, one_record), 4);
        self.reject("chunk-more", "three records where the header counts two", self.with(3, parts::chunk(&more)), 4);
        self.reject("chunk-empty", "a chunk of no records", self.with(3, hex("84 03 80 80 80")), 4);
        self.reject("chunk-signatures-fewer", "one signature field for two records", self.with(3, parts::chunk(&unsigned)), 4);
        self.reject("chunk-head-long", "the number of records in two bytes", self.with(3, long_head), 4);
        self.reject("chunk-3-elements", "a chunk without its openings", self.with(3, [&[0x83], &chunk[1..chunk.len() - 1]].concat()), 4);
        self.reject("chunk-twice", "the chunk twice", self.with(3, chunk.repeat(2)), 5);
    }

    fn chunk_items(&mut self) {
        let chunk = self.small.chunks[0].clone();
        let (first, second) = (&chunk.records[0], &chunk.records[1]);
        let head = |len: usize| [&[0x59][..], &(len as u16).to_be_bytes()].concat();
        let records = |a: &[u8], b: &[u8]| self.with(3, [&hex("84 03 82")[..], a, b, &hex("82 40 40 80")].concat());
        let plain = |record: &[u8]| [head(record.len()), record.to_vec()].concat();
        let long = [&hex("5a 0000")[..], &(first.len() as u16).to_be_bytes(), first].concat();
        let too_long = [&hex("59 f001")[..], &[0; 61_441]].concat();
        let text = [&[0x79][..], &(second.len() as u16).to_be_bytes(), second].concat();
        let cases = [
            ("record-head-long", "the first record's length in five bytes", records(&long, &plain(second)), 3),
            ("record-text", "the second record as a text", records(&plain(first), &text), 4),
            ("record-too-long", "61,441 bytes where a record belongs", records(&too_long, &plain(second)), 3),
            ("record-length-2-64", "a record said to be 2^64−1 bytes long: refused before its bytes come", records(&plain(first), &hex("5b ffffffffffffffff")), 4),
        ];
        for (name, why, bundle, index) in cases {
            self.reject(name, why, bundle, index);
        }
        let signatures = |a: &[u8], b: &[u8]| self.with(3, [&hex("84 03 82")[..], &plain(first), &plain(second), &[0x82], a, b, &[0x80]].concat());
        let cases = [
            ("signature-null", "null where a sealed record has the empty string", signatures(&[0x40], &[0xf6]), 4),
            ("signature-too-long", "8,193 bytes where a signature belongs", signatures(&[&hex("59 2001")[..], &[0; 8_193]].concat(), &[0x40]), 3),
        ];
        for (name, why, bundle, index) in cases {
            self.reject(name, why, bundle, index);
        }
    }

    fn opening_items(&mut self) {
        let chunk = parts::chunk(&self.small.chunks[0]);
        let salt = [&[0x58, 32][..], &[7; 32]].concat();
        let openings = |list: &[u8]| self.with(3, [&chunk[..chunk.len() - 1], list].concat());
        let opening = |index: u8, label: &str| [&[0x84, index, 0x60 | label.len() as u8], label.as_bytes(), &salt, &[0x40]].concat();
        let cases = [
            ("opening-3-elements", "an opening without a value", openings(&[&hex("81 83 03 61 61")[..], &salt].concat())),
            ("opening-salt-short", "a salt of 31 bytes", openings(&[&hex("81 84 03 61 61 58 1f")[..], &[7; 31], &[0x40]].concat())),
            ("opening-label-empty", "an opening without a label", openings(&[vec![0x81], opening(3, "")].concat())),
            ("opening-label-65-bytes", "a label of 65 bytes", openings(&[&hex("81 84 03 78 41")[..], &[b'a'; 65], &salt, &[0x40]].concat())),
            ("opening-value-too-long", "a value said to be 1,048,577 bytes long", openings(&[&hex("81 84 03 61 61")[..], &salt, &hex("5a 00100001")].concat())),
            ("openings-order-index", "openings of record 4, then 3", openings(&[vec![0x82], opening(4, "a"), opening(3, "a")].concat())),
            ("openings-2-64", "2^64−1 openings", openings(&hex("9b ffffffffffffffff"))),
        ];
        for (name, why, bundle) in cases {
            self.reject(name, why, bundle, 4);
        }
    }

    fn order(&mut self) {
        let swapped = |a: usize, b: usize| {
            let mut items = self.small.items();
            items.swap(a, b);
            items.concat()
        };
        let cases = [
            ("order-left-chunk", "the chunk before the left part", swapped(2, 3), 3),
            ("order-chunk-right", "the right part before the chunk", swapped(3, 4), 4),
            ("order-right-checkpoint", "the checkpoint before the right part", swapped(4, 5), 5),
        ];
        for (name, why, bundle, index) in cases {
            self.reject(name, why, bundle, index);
        }
        let inserted = |at: usize, item: &str| {
            let mut items = self.small.items();
            items.insert(at, hex(item));
            items.concat()
        };
        let cases = [
            ("part-6", "a part of a later version before the checkpoint", inserted(5, "82 06 80"), 5),
            ("part-6-last", "a part of a later version at the end", inserted(6, "82 06 80"), 5),
            ("part-unknown-early", "an unknown part after the header", inserted(1, "82 18 63 80"), 3),
            ("header-twice", "the header twice", self.with(0, parts::header(self.small.header, 1).repeat(2)), 3),
            ("keys-twice", "the keys twice", self.with(1, parts::keys(&self.small.keys, &[]).repeat(2)), 3),
        ];
        for (name, why, bundle, index) in cases {
            self.reject(name, why, bundle, index);
        }
    }

    fn ends(&mut self) {
        let items = self.small.items();
        let whole = items.concat();
        let note = &self.small.note;
        let up_to = |count: usize| items[..count].concat();
        let record = up_to(3).len();
        let cases = [
            ("checkpoint-missing", "no checkpoint", up_to(5), 5),
            ("checkpoint-twice", "the checkpoint twice", self.with(5, parts::note(note).repeat(2)), 5),
            ("checkpoint-too-long", "8,193 bytes where a checkpoint belongs", self.with(5, parts::note(&[b'a'; 8_193])), 5),
            ("checkpoint-text", "the checkpoint as a text", self.with(5, [&[0x82, 5, 0x79], &parts::note(note)[3..]].concat()), 5),
            ("trailing-byte", "a byte after the checkpoint", [&whole[..], &[0]].concat(), 5),
            ("trailing-break", "a break byte after the checkpoint", [&whole[..], &[0xff]].concat(), 5),
            ("trailing-bundle", "the bundle twice", whole.repeat(2), 5),
            ("cut-last-byte", "the last byte is missing", whole[..whole.len() - 1].to_vec(), 5),
            ("cut-after-header", "the file ends after the header", up_to(1), 3),
            ("cut-after-keys", "the file ends after the keys", up_to(2), 3),
            ("cut-after-left", "the file ends before its chunk", up_to(3), 4),
            ("cut-in-first-record", "the file ends inside its first record", whole[..record + 50].to_vec(), 3),
            ("cut-in-second-record", "the file ends inside its second record", whole[..record + 6 + self.small.chunks[0].records[0].len() + 50].to_vec(), 4),
            ("cut-before-signatures", "the file ends before the signatures", [up_to(3), hex("84 03 82"), Self::plain_records(&self.small)].concat(), 4),
            ("cut-before-checkpoint", "the file ends after its chunk", up_to(4), 5),
        ];
        for (name, why, bundle, index) in cases {
            self.reject(name, why, bundle, index);
        }
    }

    fn plain_records(parts: &Parts) -> Vec<u8> {
        let mut out = Vec::new();
        parts.chunks[0].records.iter().for_each(|record| mickai_proof::cbor::write_bytes(&mut out, record));
        out
    }

    /// What only a bundle that begins at 0 can show.
    fn whole(&mut self) {
        let log = three();
        let mut items = log.whole().items();
        items.insert(2, parts::nodes(2, &[TreeHash([9; 32])]));
        self.reject("left-at-0", "a left part in a bundle that begins at 0", items.concat(), 2);
        let opened = |openings: [usize; 2]| {
            let mut parts = log.whole();
            parts.chunks[0].openings = openings.map(|at| log.openings[at].clone()).to_vec();
            parts.bytes()
        };
        self.reject("openings-order-label", "good openings of one record, the longer label first", opened([1, 0]), 2);
        self.reject("openings-twice", "a good opening twice", opened([0, 0]), 2);
        let mut cut = log.whole().items();
        cut.truncate(2);
        self.reject("cut-before-first-chunk", "a whole log's bundle ends before its chunk", cut.concat(), 2);
    }
}
