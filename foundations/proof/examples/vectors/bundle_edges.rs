//! What a verifier notices only if it makes every one of its checks: heads and numbers changed alone, limits at their edge, facts where they mean nothing. Each was found by taking a check away.

use crate::Files;
use crate::bundle::{Case, INCLUSION, one, small, three, trust};
use crate::common::log::{bytes, next, next_after, recovery};
use crate::common::vector::{Kept, PolicyText};
use crate::common::{Log, Parts, Signer};
use crate::surgery::Fields;
use base64ct::{Base64, Encoding};
use mickai_proof::checkpoint::Checkpoint;
use mickai_proof::commitment::Opening;
use mickai_proof::digest::{Salt, TreeHash};
use mickai_proof::history::{Committed, KeyEvent, Revocation, Succession};
use mickai_proof::limits;
use mickai_proof::record::{Kind, decode};
use mickai_proof::verify::Axis::{Authenticity, Completeness, Consistency, Disclosure, Inclusion, Integrity, KeyStatus, Time};
use std::ops::Range;

pub fn write(files: &mut Files) {
    heads(files);
    trees(files);
    events(files);
    stops(files);
    keys(files);
    statements(files);
    policies(files);
    second_chunk(files);
    two_at_one_index(files);
}

fn heads(files: &mut Files) {
    let (log, parts) = small();
    let items = parts.items();
    let mut case = |name, why, item: usize, at: usize, byte: u8, index| {
        let mut items = items.clone();
        items[item][at] = byte;
        Case::new(name, why, items.concat(), trust(&log.signer)).invalid(files, "malformed-bundle", index, 2, Integrity);
    };
    case("keys-4-elements", "an array of four where the keys are, its content as it should be", 1, 0, 0x84, 3);
    case("keys-1-element", "an array of one where the keys are, its content as it should be", 1, 0, 0x81, 3);
    case("keys-numbered-6", "the keys with the number of a later part", 1, 1, 6, 3);
    case("left-numbered-6", "the left part with the number of a later part", 2, 1, 6, 3);
    case("chunk-numbered-6", "the chunk with the number of a later part", 3, 1, 6, 4);
    let mut named = |name, why, bundle: Vec<u8>| Case::new(name, why, bundle, trust(&log.signer)).unreadable(files, "not-a-bundle", None, 1);
    let replaced = |at: usize, byte: u8| {
        let mut whole = items.concat();
        whole[at] = byte;
        whole
    };
    named("header-1-element-named", "an array of one, though name and version follow", replaced(0, 0x81));
    named("header-numbered-1", "a first part with the number of the second", replaced(1, 1));
    named("magic-letter", "a letter of the name changed, all else as it should be", replaced(5, b'e'));
    let mut no_events = parts.items();
    no_events[1][0] = 0x83;
    no_events[1].push(0x80);
    Case::new("events-empty", "a list of no key events", no_events.concat(), trust(&log.signer)).invalid(files, "malformed-bundle", 3, 2, Integrity);
    let three = three();
    let mut whole = three.whole();
    whole.chunks[0].signatures[1][1_000] ^= 1;
    let items = whole.items();
    let cut = items[..3].concat();
    Case::new("first-signature-then-break", "a bad signature, and then the file breaks off", cut[..cut.len() - 1].to_vec(), trust(&three.signer)).invalid(
        files,
        "signature",
        1,
        14,
        Authenticity,
    );
}

fn trees(files: &mut Files) {
    let mut log = one();
    log.heartbeat();
    let smaller = Checkpoint { size: 1, ..log.checkpoint(2) };
    let parts = Parts { note: log.signer.sign_checkpoint(&smaller).into_bytes(), ..log.whole() };
    Case::new("root-of-more", "a signed checkpoint of one record with the root of two", parts.bytes(), trust(&log.signer)).invalid(files, "root", 2, 18, Inclusion);
    let (log, parts) = small();
    let most = Parts { right: vec![TreeHash([9; 32]); limits::PATH_NODES_MAX], ..parts };
    Case::new("right-64", "as many nodes on the right as there may be, none of which belongs there", most.bytes(), trust(&log.signer)).invalid(files, "root", 5, 18, Inclusion);
}

/// Genesis, beat, rotation, beat, beat.
fn rotated() -> Log {
    let mut log = one();
    log.heartbeat();
    log.rotate(&next());
    log.heartbeats(2);
    log
}

fn events(files: &mut Files) {
    let log = rotated();
    let first = log.reigns[0].1.clone();
    let ask = || trust(&first).requiring(&INCLUSION);
    Case::new("events-rotation-only", "a part of a log that only rotated its key", log.range(3..4).bytes(), ask()).verified(files, &[Consistency, Completeness, KeyStatus]);
    let edited = |range, edit: &dyn Fn(&mut Parts)| {
        let mut parts = log.range(range);
        edit(&mut parts);
        parts.bytes()
    };
    let beyond = edited(1..2, &|parts| parts.events[1].index = 1 << 53);
    Case::new("events-index-2-53", "an event at index 2^53", beyond, ask()).invalid(files, "malformed-bundle", 1, 2, Integrity);
    let most = edited(1..2, &|parts| parts.events[1].index = limits::INDEX_MAX);
    Case::new("events-index-most", "an event at the greatest index, which is not its own", most, ask()).invalid(files, "index", limits::INDEX_MAX, 5, Integrity);
    let garbage = edited(3..4, &|parts| parts.events[1].record = vec![0xa0]);
    Case::new("events-record-malformed", "an event that is no record", garbage, ask()).invalid(files, "malformed-record", 2, 3, Integrity);
    let (part_log, part) = small();
    let time = decode(&part_log.records[6]).unwrap().wall_ms;
    let kept = Kept { checkpoint: part_log.note(7), requested: None, received: Some(time) };
    let timed = trust(&part_log.signer).kept(kept).requiring(&[Integrity, Inclusion, Time]);
    Case::new("time-part", "a part of a log, and a reference of its checkpoint's size that was received", part.bytes(), timed).timed(files, &[Completeness, KeyStatus]);
}

/// An opening names any index: what failed before a chunk, or in it, is the verdict all the same.
fn stops(files: &mut Files) {
    let log = rotated();
    let ask = || trust(&log.reigns[0].1).requiring(&INCLUSION);
    // The rotation becomes an epoch, a kind that is reserved, and something is opened that no record of the range committed to.
    let opened = |range: Range<usize>, index: u64| {
        let mut parts = log.range(range);
        parts.events[1].record = Fields::of(&parts.events[1].record).set(7, &[8]).bytes();
        parts.chunks[0].openings = vec![Opening { index, label: "prompt".to_owned(), salt: Salt([7; 32]), value: Vec::new() }];
        parts.bytes()
    };
    let before = opened(3..4, 1);
    Case::new("events-reserved-then-opening", "an event that cannot be judged, an opening of a lower index", before, ask()).unreadable(files, "unsupported-kind", Some(2), 3);
    let after = opened(1..2, 100);
    Case::new("opening-then-events-reserved", "an opening of no record, then an event that cannot be judged", after, ask()).invalid(files, "opening", 100, 15, Disclosure);
}

fn keys(files: &mut Files) {
    let first = Signer::from_seed(1);
    let mut told = one();
    let mut denied = told.draft(Kind::Deny, "export");
    denied.facts = crate::common::log::facts(vec![("revoked", bytes(&first.id().0))]);
    told.push(&denied);
    Case::new("revoked-told-elsewhere", "a record that is no revocation and has a fact of that name", told.whole().bytes(), trust(&first).pinned(&told, 2)).verified(files, &[]);
    let mut superfluous = rotated();
    let to = Succession { key: next_after(&next()).key, committed: Committed { next: first.id(), recovery: recovery().id() } };
    let mut record = superfluous.draft(Kind::Revoke, "key.revoke");
    record.facts = KeyEvent::Revoke { revocation: Revocation { revoked: first.id(), effective: 2, since_ms: None }, to: Some(to) }.to_facts();
    superfluous.push(&record);
    Case::new("revocation-of-older-with-successor", "the key in force revokes an older one, and names a successor", superfluous.whole().bytes(), trust(&first)).invalid(
        files,
        "key-event",
        5,
        16,
        Authenticity,
    );
    let mut adjacent = rotated();
    adjacent.revoke(Revocation { revoked: first.id(), effective: 1, since_ms: None });
    adjacent.succeed_with(&next_after(&next()), 3, None, |_| ());
    Case::new(
        "revoked-adjacent",
        "two keys, revoked up to where the one ends and from where the other begins: one run",
        adjacent.whole().bytes(),
        trust(&first).pinned(&adjacent, 7),
    )
    .revoked(files, &[]);
}

fn statements(files: &mut Files) {
    let mut log = rotated();
    let first = log.reigns[0].1.clone();
    log.rotate(&next_after(&next()));
    let revocation = Revocation { revoked: first.id(), effective: 2, since_ms: None };
    let with = |statements: Vec<Vec<u8>>| PolicyText {
        revocations: statements.iter().map(|statement| Base64::encode_string(statement)).collect(),
        ..trust(&first).pinned(&log, log.records.len())
    };
    let bundle = log.whole().bytes();
    let case = |name, why, policy| Case::new(name, why, bundle.clone(), policy);
    case("statement-by-third", "of the first key, by the third", with(vec![log.signer.state(log.id, &revocation)])).revoked(files, &[]);
    let good = next().state(log.id, &revocation);
    let changed = |at: usize, byte: u8| {
        let mut statement = good.clone();
        statement[at] = byte;
        with(vec![statement])
    };
    case("misuse-statement-9-elements", "an array of nine, its content as it should be", changed(0, 0x89)).misuse(files, "misuse-revocation");
    case("misuse-statement-name", "a letter of its name changed, which is not what was signed", changed(3, b'e')).misuse(files, "misuse-revocation");
    case("misuse-statement-version-2", "another version, which is not what was signed", changed(16, 2)).misuse(files, "misuse-revocation");
    assert_eq!((good[0], &good[2..16], good[16]), (0x88, &b"oar-revocation"[..], 1));
    case("misuse-statements-17", "seventeen statements", with(vec![good; 17])).misuse(files, "misuse-revocation");
}

fn policies(files: &mut Files) {
    let log = one();
    let most = limits::POLICY_ITEMS_MAX;
    let case = |name, why, policy| Case::new(name, why, log.whole().bytes(), policy);
    let many = PolicyText { keys: vec![log.signer.id().to_string(); most], ..PolicyText::default() };
    case("policy-keys-16", "as many keys as a policy may have", many.pinned(&log, 1)).verified(files, &[]);
    let many = (0..most).fold(trust(&log.signer), |policy, _| policy.pinned_head(&log, 1));
    case("policy-references-16", "as many references as a policy may have", many).verified(files, &[]);
    let beyond = |size: u64| format!("{size}:{}", log.root(1));
    let two = trust(&log.signer).referring(beyond(9)).referring(beyond(5));
    case("references-truncated-two", "two references that cover more than there is: the smaller one is told", two).invalid(files, "truncated", 1, 20, Completeness);
    let most = PolicyText { skew_ms: Some(limits::INDEX_MAX), ..trust(&log.signer).pinned(&log, 1) };
    case("policy-number-most", "the greatest number that a policy may hold", most).verified(files, &[]);
}

/// A rotation in the second chunk, and an event after the range that follows from it.
fn second_chunk(files: &mut Files) {
    let mut log = one();
    let first = log.signer.clone();
    log.heartbeats(limits::CHUNK_RECORDS as usize);
    log.rotate(&next());
    let end = log.records.len();
    log.revoke(Revocation { revoked: first.id(), effective: end as u64, since_ms: None });
    Case::new("events-second-chunk", "an event after the range that follows from one in its second chunk", log.range(0..end).bytes(), trust(&first).requiring(&INCLUSION))
        .verified(files, &[Consistency, Completeness, KeyStatus]);
}

/// Two failures of one record: what is found later in the file is the earlier step.
fn two_at_one_index(files: &mut Files) {
    let mut log = one();
    let intent = log.intent();
    log.erase(intent, &["prompt"]);
    log.edit_last(|record| drop(record.facts.pop()));
    let mut parts = log.whole();
    parts.chunks[0].signatures[2][1_000] ^= 1;
    Case::new("first-step-erase", "an erase record without the digest of the record, and a bad signature beside it", parts.bytes(), trust(&log.signer)).invalid(
        files,
        "signature",
        2,
        14,
        Authenticity,
    );
    let log = three();
    let mut parts = log.whole();
    let mut opening = log.openings[0].clone();
    opening.value.push(0);
    parts.chunks[0].openings = vec![opening];
    parts.chunks[0].signatures[1][1_000] ^= 1;
    Case::new("first-step-opening", "a record opened wrongly, and a bad signature beside it", parts.bytes(), trust(&log.signer)).invalid(files, "signature", 1, 14, Authenticity);
}
