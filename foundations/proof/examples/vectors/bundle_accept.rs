//! Bundles that are VERIFIED or STALE.

use crate::Files;
use crate::bundle::{Case, INCLUSION, beats, one, small, three, trust};
use crate::common::log::facts;
use crate::common::vector::PolicyText;
use crate::common::{Log, Parts};
use mickai_proof::checkpoint::Checkpoint;
use mickai_proof::record::{Fact, Kind, Mode, OutcomeCode, Record};
use mickai_proof::verify::Axis::{Authenticity, Completeness, Consistency, KeyStatus, Pairing};
use std::borrow::Cow;

pub fn write(files: &mut Files) {
    references(files);
    requirements(files);
    without_key(files);
    openings(files);
    open_intents(files);
    partial(files);
    sealed(files);
    kinds(files);
    chunks(files);
    rebuilt(files);
}

/// The encoding, which the crate's writer has to give too.
fn bytes(parts: &Parts) -> Vec<u8> {
    let bytes = parts.bytes();
    assert_eq!(bytes, parts.by_writer());
    bytes
}

fn references(files: &mut Files) {
    let log = three();
    let key = &log.signer;
    let bundle = bytes(&log.whole());
    let case = |name, why, policy| Case::new(name, why, bundle.clone(), policy);
    case("three-records-pinned", "genesis, intent and outcome, and the checkpoint that the verifier kept", trust(key).by_pem(key).pinned(&log, 3)).verified(files, &[]);
    case("three-records-pinned-key-id", "the same, the key known by its id alone", trust(key).pinned(&log, 3)).verified(files, &[]);
    case("three-records-pinned-head", "the same, the reference as SIZE:ROOT", trust(key).pinned_head(&log, 3)).verified(files, &[]);
    let lined = trust(key).referring(format!("3:{}\n", log.root(3)));
    case("three-records-pinned-head-line", "the same, the reference as a line of a file: one LF after SIZE:ROOT", lined).verified(files, &[]);
    case("three-records-bare", "nothing outside the operator's control says how many records there are", trust(key).by_pem(key)).stale(
        files,
        "completeness-unwitnessed",
        &[Consistency, Completeness],
    );
    case("three-records-bare-completeness", "the same, when only completeness is asked for", trust(key).requiring(&[Completeness])).stale(
        files,
        "completeness-unwitnessed",
        &[Consistency, Completeness],
    );
    Case::new("last-record-dropped-bare", "the outcome is gone and the operator signed the shorter log: nothing kept shows it", bytes(&log.first(2).whole()), trust(key)).stale(
        files,
        "completeness-unwitnessed",
        &[Consistency, Completeness, Pairing],
    );
}

fn requirements(files: &mut Files) {
    let log = beats();
    let key = &log.signer;
    let bundle = bytes(&log.whole());
    let case = |name, why, policy| Case::new(name, why, bundle.clone(), policy);
    case("inclusion-only", "no reference, and none required", trust(key).requiring(&INCLUSION)).verified(files, &[Consistency, Completeness]);
    case("require-nothing", "a policy that requires no axis", trust(key).requiring(&[])).verified(files, &[Consistency, Completeness]);
    case("require-time", "time is the operator's claim until something anchors it", trust(key).pinned(&log, 3).requiring(&[mickai_proof::verify::Axis::Time])).stale(
        files,
        "operator-claimed",
        &[],
    );
    case("after-reference", "the log has grown since the reference was made", trust(key).pinned(&log, 2)).stale(files, "after-reference", &[Completeness]);
    case("upto", "the same, judged up to the reference", trust(key).pinned(&log, 2).upto(2)).verified(files, &[]);
    case("upto-head", "the same with SIZE:ROOT", trust(key).pinned_head(&log, 1).upto(1)).verified(files, &[]);
    case("upto-all", "up to the last record", trust(key).pinned(&log, 3).upto(3)).verified(files, &[]);
}

fn without_key(files: &mut Files) {
    let log = beats();
    let bundle = bytes(&log.whole());
    let case = |name, why, policy| Case::new(name, why, bundle.clone(), policy);
    case("self-asserted-key", "the key is the bundle's own", PolicyText::default()).stale(files, "self-asserted-key", &[Authenticity, Consistency, Completeness, KeyStatus]);
    case("self-asserted-key-pinned", "a reference does not make the bundle's key a trusted one", PolicyText::default().pinned(&log, 3)).stale(
        files,
        "self-asserted-key",
        &[Authenticity, KeyStatus],
    );
    case("self-asserted-key-required-less", "not even when neither authenticity nor the key is asked about", PolicyText::default().pinned(&log, 3).requiring(&[Consistency]))
        .stale(files, "self-asserted-key", &[Authenticity, KeyStatus]);
}

fn openings(files: &mut Files) {
    let log = three();
    let mut some = log.whole();
    some.chunks[0].openings = log.openings[..1].to_vec();
    Case::new("opened-prompt", "the prompt is shown", bytes(&some), trust(&log.signer).pinned(&log, 3)).verified(files, &[]);
    let mut all = log.whole();
    all.chunks[0].openings.clone_from(&log.openings);
    Case::new("opened-all", "everything is shown", bytes(&all), trust(&log.signer).pinned(&log, 3)).verified(files, &[]);
    let mut log = one();
    let mut record = log.draft(Kind::Deny, "export");
    log.commit(&mut record, &[("b", b""), ("aa", &[0; 300]), ("A", b"\xff")]);
    log.push(&record);
    let mut parts = log.whole();
    parts.chunks[0].openings.clone_from(&log.openings);
    Case::new("opened-order", "openings in the order of map keys, one of an empty value", bytes(&parts), trust(&log.signer).pinned(&log, 2)).verified(files, &[]);
}

fn open_intents(files: &mut Files) {
    let mut log = one();
    log.intent();
    let bundle = bytes(&log.whole());
    let pinned = || trust(&log.signer).pinned(&log, 2);
    Case::new("open-intent", "an intent without an outcome is listed, not condemned", bundle.clone(), pinned()).verified(files, &[Pairing]);
    Case::new("open-intent-required", "unless the policy asks for pairing", bundle, pinned().requiring(&[Consistency, Pairing])).stale(files, "open-intents", &[Pairing]);
    Case::new("upto-before-open-intent", "pairing looks at the whole bundle, also when less of it is in scope", log.whole().bytes(), trust(&log.signer).pinned(&log, 1).upto(1))
        .verified(files, &[Pairing]);
    let mut many = one();
    for _ in 0..17 {
        many.intent();
    }
    Case::new("open-intents-17", "one open intent more than a report lists", bytes(&many.whole()), trust(&many.signer).pinned(&many, 18)).verified(files, &[Pairing]);
    let mut unknown = log.draft(Kind::Outcome, "generate");
    unknown.closes = Some((log.digest(1), OutcomeCode::Unknown));
    log.push(&unknown);
    Case::new("outcome-unknown", "a crash: the outcome says that nobody knows", bytes(&log.whole()), trust(&log.signer).pinned(&log, 3)).verified(files, &[]);
}

fn partial(files: &mut Files) {
    let (log, parts) = small();
    let key = &log.signer;
    let bundle = bytes(&parts);
    let case = |name, why, policy| Case::new(name, why, bundle.clone(), policy);
    case("partial-middle", "two records of seven, and no more asked than that they are of the log", trust(key).requiring(&INCLUSION))
        .verified(files, &[Consistency, Completeness, KeyStatus]);
    case("partial-bare", "the same under the usual policy", trust(key)).stale(files, "completeness-unwitnessed", &[Consistency, Completeness, KeyStatus]);
    case("partial-completeness", "the same when completeness alone is asked for", trust(key).requiring(&[Completeness])).stale(
        files,
        "partial",
        &[Consistency, Completeness, KeyStatus],
    );
    case("partial-pinned", "the reference is the checkpoint's own tree, but the rest was not looked at", trust(key).pinned(&log, 7)).stale(
        files,
        "partial",
        &[Completeness, KeyStatus],
    );
    case("partial-pinned-consistency", "the same when completeness is not asked for", trust(key).pinned(&log, 7).requiring(&[Consistency]))
        .verified(files, &[Completeness, KeyStatus]);
    case("partial-pinned-smaller", "a smaller reference cannot be compared with a part", trust(key).pinned(&log, 2)).stale(
        files,
        "partial",
        &[Consistency, Completeness, KeyStatus],
    );
    case("partial-upto", "nor does asking up to it help", trust(key).pinned(&log, 2).upto(2)).stale(files, "partial", &[Consistency, Completeness, KeyStatus]);
    for (name, why, range) in [
        ("partial-single", "one record with its audit path", 4..5),
        ("partial-tail", "the last two records: nothing to the right", 5..7),
        ("partial-last", "the last record", 6..7),
        ("partial-second", "the second record: one node to the left", 1..2),
        ("partial-head", "genesis and the next: nothing to the left", 0..2),
        ("partial-all-but-first", "everything but genesis", 1..7),
        ("partial-all-but-last", "everything but the last record", 0..6),
    ] {
        Case::new(name, why, bytes(&log.range(range)), trust(key).requiring(&INCLUSION)).verified(files, &[Consistency, Completeness, KeyStatus]);
    }
    let claimed = log.signer.sign_checkpoint(&Checkpoint { size: 8, ..log.checkpoint(7) });
    let claimed = Parts { note: claimed.into_bytes(), ..parts.clone() };
    Case::new(
        "partial-size-claimed",
        "a signed size that the nodes fit as well as the true one: a part shows that its records are under the root, not how many others are",
        claimed.bytes(),
        trust(key).requiring(&INCLUSION),
    )
    .verified(files, &[Consistency, Completeness, KeyStatus]);
    let three = three();
    Case::new("partial-outcome", "an outcome whose intent the bundle does not hold is passed over", bytes(&three.range(2..3)), trust(&three.signer).requiring(&INCLUSION))
        .verified(files, &[Consistency, Completeness, KeyStatus]);
    Case::new("partial-intent", "an intent whose outcome the bundle does not hold is open", bytes(&three.range(1..2)), trust(&three.signer).requiring(&INCLUSION))
        .verified(files, &[Consistency, Completeness, KeyStatus, Pairing]);
}

fn sealed(files: &mut Files) {
    let mut log = one();
    log.heartbeats(3);
    log.seal();
    let pinned = |log: &Log| trust(&log.signer).pinned(log, log.records.len());
    Case::new("sealed", "three sealed records and the seal that covers them", bytes(&log.whole()), pinned(&log)).verified(files, &[]);
    log.heartbeat();
    Case::new("sealed-tail", "a sealed record after the last seal: the checkpoint covers it", bytes(&log.whole()), pinned(&log)).verified(files, &[]);
    log.seal();
    Case::new("sealed-twice", "two seals, the second over the first and what came after it", bytes(&log.whole()), pinned(&log)).verified(files, &[]);
    Case::new("sealed-partial", "a seal whose signatures cannot be recomputed, and one whose can", bytes(&log.range(4..7)), trust(&log.signer).requiring(&INCLUSION))
        .verified(files, &[Consistency, Completeness, KeyStatus]);
    let mut log = three();
    let mut detail = Record { mode: Mode::Sealed, causes: vec![(1, log.digest(1))], ..log.draft(Kind::Detail, "token") };
    log.commit(&mut detail, &[("token", &[9, 0, 0, 0])]);
    log.push(&detail);
    log.seal();
    let mut parts = log.whole();
    parts.chunks[0].openings = log.openings[4..].to_vec();
    Case::new("sealed-detail-opened", "a sealed detail of the generation, opened", bytes(&parts), pinned(&log)).verified(files, &[]);
}

fn kinds(files: &mut Files) {
    let mut log = one();
    let mut record = log.draft(Kind::Deny, "export");
    record.facts = facts(vec![("n", Fact::Uint(u64::MAX))]);
    record.wall_ms = u64::MAX;
    record.extensions = vec![(Cow::Borrowed("x"), Cow::Borrowed(&[0x81, 0x80]))];
    log.push(&record);
    log.push(&log.draft(Kind::Terminal, "close"));
    Case::new("terminal", "a denial with an extension and the largest numbers, then the end of the log", bytes(&log.whole()), trust(&log.signer).pinned(&log, 3))
        .verified(files, &[]);
    let log = one();
    Case::new("genesis-alone", "the smallest whole bundle", bytes(&log.whole()), trust(&log.signer).pinned(&log, 1)).verified(files, &[]);
}

/// A log of 1,025 records, all but its genesis and its last sealed, and the last a seal: two chunks.
pub fn long() -> Log {
    let mut log = one();
    log.heartbeats(1_023);
    log.seal();
    log
}

fn chunks(files: &mut Files) {
    let log = long();
    Case::new("chunk-boundary", "1,025 records: a full chunk and one of a single seal over the first", bytes(&log.whole()), trust(&log.signer).pinned_head(&log, 1_025))
        .verified(files, &[]);
}

fn rebuilt(files: &mut Files) {
    let mut log = Log::with_genesis(&one().signer, |genesis| genesis.wall_ms += 86_400_000);
    log.heartbeats(2);
    Case::new("rebuilt-bare", "the whole log written anew with the same key: nothing kept shows it", bytes(&log.whole()), trust(&log.signer)).stale(
        files,
        "completeness-unwitnessed",
        &[Consistency, Completeness],
    );
}
