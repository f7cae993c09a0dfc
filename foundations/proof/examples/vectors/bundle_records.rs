//! Bundles that break in steps 3 to 10: a record by itself, in its place, or against the intents and seals before it. Everything after the fault is signed anew, as an operator could.

use crate::Files;
use crate::bundle::{Case, INCLUSION, one, three, trust};
use crate::bundle_accept::long;
use crate::common::log::{bytes, facts};
use crate::common::{Log, Parts, Signer};
use crate::surgery::{Fields, hex};
use mickai_proof::digest::{LogId, RecordDigest};
use mickai_proof::record::{Fact, Kind, Mode, OutcomeCode, Record, encode};
use mickai_proof::verify::Axis::{self, Integrity, Pairing};

pub fn write(files: &mut Files) {
    malformed(files);
    unsupported(files);
    places(files);
    edits(files);
    pairing(files);
    seals(files);
    precedence(files);
}

struct Reject<'f> {
    files: &'f mut Files,
}

impl Reject<'_> {
    fn parts(&mut self, name: &str, why: &str, log: &Log, parts: &Parts, (reason, index, step, axis): (&str, u64, u8, Axis)) {
        Case::new(name, why, parts.bytes(), trust(&log.signer)).invalid(self.files, reason, index, step, axis);
    }

    fn whole(&mut self, name: &str, why: &str, log: &Log, expect: (&str, u64, u8, Axis)) {
        self.parts(name, why, log, &log.whole(), expect);
    }
}

fn malformed(files: &mut Files) {
    let mut reject = Reject { files };
    let expect = ("malformed-record", 1, 3, Integrity);
    let mut push = |name, why, record: &[u8]| {
        let mut log = one();
        log.push_bytes(record.to_vec(), true);
        reject.whole(name, why, &log, expect);
    };
    let good = one().draft(Kind::Deny, "export");
    let fields = || Fields::of(&encode(&good));
    push("malformed-empty", "a record of no bytes", &[]);
    push("malformed-null-fact", "a null fact", &fields().set(12, &hex("a1 61 61 f6")).bytes());
    push("malformed-facts-order", "facts out of order", &fields().set(12, &hex("a2 61 62 00 61 61 00")).bytes());
    push("malformed-trailing", "a byte after the record's map", &[encode(&good), vec![0]].concat());
    push("malformed-prev-absent", "no field 4 after index 0", &fields().without(4).bytes());
    push("malformed-mode", "a sealed denial", &fields().set(16, &[1]).bytes());
    let mut log = one();
    log.push(&Record { index: 0, prev: None, ..good });
    reject.whole("index-0-again", "a record that says it is at index 0, and has no field 4, at index 1", &log, ("index", 1, 5, Integrity));
}

fn unsupported(files: &mut Files) {
    let mut log = one();
    log.push(&log.draft(Kind::Epoch, "epoch"));
    log.push(&log.draft(Kind::Deny, "export"));
    Case::new("kind-reserved", "an epoch, which this version cannot judge, is not passed over", log.whole().bytes(), trust(&log.signer)).unreadable(
        files,
        "unsupported-kind",
        Some(1),
        3,
    );
    let mut log = one();
    log.push(&log.draft(Kind::Anchor, "anchor"));
    Case::new("kind-anchor", "an anchor is not believed because it is there", log.whole().bytes(), trust(&log.signer)).unreadable(files, "unsupported-kind", Some(1), 3);
    let mut log = one();
    let record = Fields::of(&encode(&log.draft(Kind::Deny, "export"))).set(18, &hex("81 61 61")).set(19, &hex("a1 61 61 00")).bytes();
    log.push_bytes(record, true);
    Case::new("extension-critical", "a critical extension", log.whole().bytes(), trust(&log.signer)).unreadable(files, "unsupported-extension", Some(1), 3);
}

fn places(files: &mut Files) {
    let mut reject = Reject { files };
    let pushed = |edit: &dyn Fn(&mut Record<'static>)| {
        let mut log = one();
        let mut record = log.draft(Kind::Deny, "export");
        edit(&mut record);
        log.push(&record);
        log.push(&log.draft(Kind::Deny, "export"));
        log
    };
    reject.whole("log-id-other", "a record that names another log", &pushed(&|record| record.log_id = LogId([7; 32])), ("log-id", 1, 4, Integrity));
    reject.whole("log-id-zero", "a record that names no log, as only genesis does", &pushed(&|record| record.log_id = LogId::GENESIS), ("log-id", 1, 4, Integrity));
    reject.whole("genesis-again", "a second genesis", &pushed(&|record| record.kind = Kind::Genesis), ("genesis", 1, 4, Integrity));
    reject.whole("index-skipped", "index 2 at place 1", &pushed(&|record| record.index = 2), ("index", 1, 5, Integrity));
    reject.whole("prev-other", "a prev that is no record's digest", &pushed(&|record| record.prev = Some(RecordDigest([7; 64]))), ("prev", 1, 6, Integrity));
    reject.whole("after-terminal", "a record after the end", &pushed(&|record| record.kind = Kind::Terminal), ("after-terminal", 2, 7, Integrity));
    let signer = Signer::from_seed(1);
    let log = Log::with_genesis(&signer, |genesis| genesis.log_id = LogId([7; 32]));
    reject.whole("log-id-in-genesis", "a genesis that names a log", &log, ("log-id", 0, 4, Integrity));
    let log = Log::with_genesis(&signer, |genesis| genesis.kind = Kind::Deny);
    reject.whole("genesis-missing", "a denial at index 0", &log, ("genesis", 0, 4, Integrity));
    let log = one();
    let mut parts = log.whole();
    parts.header.log = LogId([7; 32]);
    reject.parts("log-id-in-header", "a header that names another log than its genesis gives", &log, &parts, ("log-id", 0, 4, Integrity));
}

/// The attacks of somebody who cannot sign: the records' own chain and signatures show them.
fn edits(files: &mut Files) {
    let mut reject = Reject { files };
    let mut log = one();
    log.push(&log.draft(Kind::Deny, "export"));
    log.heartbeats(2);
    let edited = |edit: &dyn Fn(&mut Parts)| {
        let mut parts = log.whole();
        edit(&mut parts);
        parts
    };
    let remove = edited(&|parts| {
        let chunk = &mut parts.chunks[0];
        chunk.records.remove(1);
        chunk.signatures.remove(1);
        parts.header.count = 3;
    });
    reject.parts("record-removed", "the denial removed", &log, &remove, ("index", 1, 5, Integrity));
    let swap = edited(&|parts| {
        parts.chunks[0].records.swap(1, 2);
        parts.chunks[0].signatures.swap(1, 2);
    });
    reject.parts("records-swapped", "two records exchanged", &log, &swap, ("index", 1, 5, Integrity));
    let edit = edited(&|parts| parts.chunks[0].records[1] = Fields::of(&parts.chunks[0].records[1]).set(5, &[0]).bytes());
    reject.parts("record-edited", "the denial's clock changed: its signature does not cover that", &log, &edit, ("signature", 1, 14, Axis::Authenticity));
    let edit = edited(&|parts| parts.chunks[0].records[0] = Fields::of(&parts.chunks[0].records[0]).set(5, &[0]).bytes());
    reject.parts("genesis-edited", "the genesis' clock changed: it is another log", &log, &edit, ("log-id", 0, 4, Integrity));
    let mut other = Log::with_genesis(&log.signer, |genesis| genesis.wall_ms = 7);
    other.push(&other.draft(Kind::Deny, "export"));
    let splice = edited(&|parts| {
        parts.chunks[0].records[1].clone_from(&other.records[1]);
        parts.chunks[0].signatures[1].clone_from(&other.signatures[1]);
    });
    reject.parts("record-spliced", "a record of another log by the same key", &log, &splice, ("log-id", 1, 4, Integrity));
    let mut sealed = one();
    sealed.heartbeats(4);
    sealed.seal();
    let mut parts = sealed.whole();
    parts.chunks[0].records[2] = Fields::of(&parts.chunks[0].records[2]).set(5, &[0]).bytes();
    reject.parts("sealed-edited", "a sealed record's clock changed: the next one's prev shows it", &sealed, &parts, ("prev", 3, 6, Integrity));
    let mut parts = sealed.whole();
    parts.chunks[0].records[4] = Fields::of(&parts.chunks[0].records[4]).set(5, &[0]).bytes();
    reject.parts("sealed-edited-last", "the last sealed record's clock changed: the seal's prev shows it before its root does", &sealed, &parts, ("prev", 5, 6, Integrity));
}

fn pairing(files: &mut Files) {
    let mut reject = Reject { files };
    let expect = |index| ("pairing-order", index, 8, Pairing);
    let outcome = |log: &Log, intent: RecordDigest| Record { closes: Some((intent, OutcomeCode::Executed)), ..log.draft(Kind::Outcome, "generate") };
    let mut log = one();
    log.push(&outcome(&log, RecordDigest([7; 64])));
    reject.whole("outcome-without-intent", "an outcome whose intent is in no record", &log, expect(1));
    let mut log = one();
    log.push(&outcome(&log, log.digest(0)));
    reject.whole("outcome-of-genesis", "an outcome that names a record that is no intent", &log, expect(1));
    let mut log = three();
    log.push(&outcome(&log, log.digest(1)));
    reject.whole("outcome-twice", "a second outcome of one intent", &log, expect(3));
}

fn seals(files: &mut Files) {
    let mut reject = Reject { files };
    let expect = |index| ("seal", index, 10, Integrity);
    let mut base = one();
    base.heartbeat();
    let with = |name: &'static str, fact: Option<Fact<'static>>| {
        let mut log = base.clone();
        let mut seal = log.draft_seal();
        seal.facts.retain(|(label, _)| label != name);
        let added = fact.map(|fact| facts(vec![(name, fact)])).unwrap_or_default();
        seal.facts.extend(added);
        seal.facts.sort_by(|(a, _), (b, _)| (a.len(), a).cmp(&(b.len(), b)));
        log.push(&seal);
        log
    };
    reject.whole("seal-size", "a seal over one record less", &with("size", Some(Fact::Uint(1))), expect(2));
    reject.whole("seal-size-missing", "a seal without a size", &with("size", None), expect(2));
    reject.whole("seal-root", "a seal over another tree", &with("root", Some(bytes(&[7; 32]))), expect(2));
    reject.whole("seal-root-short", "a seal with a root of 31 bytes", &with("root", Some(bytes(&base.root(2).0[..31]))), expect(2));
    reject.whole("seal-root-missing", "a seal without a root", &with("root", None), expect(2));
    reject.whole("seal-signatures", "a seal over other signatures", &with("signatures", Some(bytes(&[7; 64]))), expect(2));
    reject.whole("seal-signatures-missing", "a seal without signatures", &with("signatures", None), expect(2));
    let mut log = base.clone();
    log.seal();
    log.heartbeat();
    // The second seal digests all signatures from the beginning, not those since the first.
    let mut seal = log.draft_seal();
    let all = Log { sealed_until: 0, ..log.clone() }.draft_seal();
    seal.facts = all.facts;
    log.push(&seal);
    reject.whole("seal-signatures-from-0", "a second seal over all signatures since genesis", &log, expect(4));
    let short = with("signatures", Some(bytes(&[7; 63])));
    reject.parts("seal-signatures-short", "a seal with 63 bytes for signatures, where the bundle could not recompute them", &short, &short.range(2..3), expect(2));
    let parts = log.range(2..5);
    reject.parts("seal-partial", "the same in a part of the log that holds both seals", &log, &parts, expect(4));
    let mut log = long();
    log.records.pop();
    log.signatures.pop();
    let mut seal = log.draft_seal();
    seal.facts = facts(vec![("size", Fact::Uint(1_024)), ("root", bytes(&log.root(1_024).0)), ("signatures", bytes(&[7; 64]))]);
    log.push(&seal);
    reject.whole("seal-next-chunk", "a seal in the second chunk over other signatures than the first holds", &log, expect(1_024));
}

/// Of several faults the one at the lowest index is named, then the one of the lowest step.
fn precedence(files: &mut Files) {
    let mut log = one();
    log.push(&log.draft(Kind::Deny, "export"));
    log.push(&log.draft(Kind::Epoch, "epoch"));
    let mut parts = log.whole();
    parts.chunks[0].signatures[1][1_000] ^= 1;
    let mut reject = Reject { files };
    reject.parts(
        "first-signature-then-kind",
        "a bad signature at 1 comes before a reserved kind at 2, though it is read later",
        &log,
        &parts,
        ("signature", 1, 14, Axis::Authenticity),
    );
    let mut log = one();
    let mut record = log.draft(Kind::Outcome, "generate");
    record.log_id = LogId([7; 32]);
    record.index = 9;
    record.prev = Some(RecordDigest([7; 64]));
    record.closes = Some((RecordDigest([7; 64]), OutcomeCode::Failed));
    log.push(&record);
    log.signatures[1].clear();
    reject.whole("first-step", "steps 4, 5, 6, 8 and 11 fail at one record", &log, ("log-id", 1, 4, Integrity));
    record.log_id = log.id;
    record.index = 1;
    record.prev = Some(log.digest(0));
    let mut log = one();
    log.push(&record);
    log.signatures[1].clear();
    reject.whole("first-step-pairing", "steps 8 and 11 fail at one record", &log, ("pairing-order", 1, 8, Pairing));
    let mut log = one();
    log.push(&log.draft(Kind::Deny, "export"));
    log.push_bytes(vec![0xf6], false);
    let mut parts = log.whole();
    parts.chunks[0].signatures[1].clear();
    reject.parts("first-index", "a missing signature at 1 comes before bytes at 2 that are no record", &log, &parts, ("signing-mode", 1, 11, Axis::Authenticity));
    let mut log = one();
    log.push_bytes(vec![0xf6], true);
    log.push(&log.draft(Kind::Deny, "export"));
    let items = log.whole().items();
    let end = items[..2].concat().len() + 3 + 3 + log.records[0].len() + 2;
    let cut = [&items.concat()[..end], &[0xff]].concat();
    Case::new("first-record-then-encoding", "bytes at 1 that are no record come before an item at 2 that cannot be read", cut, trust(&log.signer)).invalid(
        reject.files,
        "malformed-record",
        1,
        3,
        Integrity,
    );
    let mut beat = one();
    let mut record = Record { mode: Mode::Sealed, ..beat.draft(Kind::Heartbeat, "beat") };
    record.prev = Some(RecordDigest([7; 64]));
    beat.push(&record);
    let part = beat.range(1..2);
    Case::new("prev-not-held", "a prev whose record the bundle does not hold cannot be compared", part.bytes(), trust(&beat.signer).requiring(&INCLUSION))
        .verified(reject.files, &[Axis::Consistency, Axis::Completeness, Axis::KeyStatus]);
}
