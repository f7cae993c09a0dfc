//! Bundles of logs whose key changed: rotations, revocations, and the proofs of those that lie outside the range (spec/keys.md "Key events").

use crate::Files;
use crate::bundle::{Case, INCLUSION, one, trust};
use crate::common::log::{bytes, facts, next, next_after, recovery};
use crate::common::{Log, Parts, Signer};
use mickai_proof::digest::TreeHash;
use mickai_proof::history::Revocation;
use mickai_proof::record::{Fact, Kind, Record};
use mickai_proof::verify::Axis::{Authenticity, Completeness, Consistency, Inclusion, Integrity, KeyStatus};

pub fn write(files: &mut Files) {
    rotations(files);
    forged_rotations(files);
    revocations(files);
    forged_revocations(files);
    parts_of_logs(files);
    broken_events(files);
    unfitting_events(files);
    statements(files);
}

/// Genesis, a sealed record, a rotation, a sealed record.
fn rotated() -> Log {
    let mut log = one();
    log.heartbeat();
    log.rotate(&next());
    log.heartbeat();
    log
}

/// A revocation of the first key, from index 2 on.
fn of_first(log: &Log, since_ms: Option<u64>) -> Revocation {
    Revocation { revoked: log.reigns[0].1.id(), effective: 2, since_ms }
}

fn set(record: &mut Record<'static>, name: &'static str, fact: Fact<'static>) {
    record.facts.retain(|(label, _)| label != name);
    record.facts.extend(facts(vec![(name, fact)]));
    record.facts.sort_by(|(a, _), (b, _)| (a.len(), a).cmp(&(b.len(), b)));
}

fn without(record: &mut Record<'static>, name: &str) {
    record.facts.retain(|(label, _)| label != name);
}

/// The encoding, which the crate's writer has to give too.
fn encoded(parts: &Parts) -> Vec<u8> {
    let bytes = parts.bytes();
    assert_eq!(bytes, parts.by_writer());
    bytes
}

fn rotations(files: &mut Files) {
    let log = rotated();
    let first = &log.reigns[0].1;
    let bundle = encoded(&log.whole());
    let case = |name, why, policy| Case::new(name, why, bundle.clone(), policy);
    case("rotated", "the next key took over; the verifier trusts the first", trust(first).pinned(&log, 4)).verified(files, &[]);
    case("rotated-trusting-second", "the verifier trusts the second key: what it signed covers what came before", trust(&log.signer).pinned(&log, 4)).verified(files, &[]);
    case("rotated-old-pin", "a note that the first key signed before the rotation", trust(&log.signer).pinned(&log, 2).upto(2)).verified(files, &[]);
    case(
        "rotated-old-pin-by-pem",
        "the same, the second key as PEM: the note names the first, which the bundle brings",
        trust(&log.signer).by_pem(&log.signer).pinned(&log, 2).upto(2),
    )
    .verified(files, &[]);
    case("rotated-other-key", "the verifier trusts neither", trust(&recovery()).pinned(&log, 4)).invalid(files, "unknown-key", 0, 13, Authenticity);
    case("rotated-self-asserted", "no key is brought", Default::default()).stale(files, "self-asserted-key", &[Authenticity, Consistency, Completeness, KeyStatus]);
    let mut both = trust(first);
    both.keys.push(recovery().id().to_string());
    case("rotated-one-of-two", "one of two trusted keys is the log's", both.pinned(&log, 4)).verified(files, &[]);
    let mut twice = rotated();
    twice.rotate(&next_after(&next()));
    twice.intent();
    Case::new("rotated-twice", "three keys", encoded(&twice.whole()), trust(first).pinned(&twice, 6)).verified(files, &[mickai_proof::verify::Axis::Pairing]);
    let at_end = rotated().first(3);
    Case::new("rotated-last", "the rotation is the last record: the new key signs the checkpoint", encoded(&at_end.whole()), trust(first).pinned(&at_end, 3)).verified(files, &[]);
    let mut old = rotated().whole();
    old.note = first.sign_checkpoint(&log.checkpoint(4)).into_bytes();
    Case::new("rotated-checkpoint-by-old", "the checkpoint after a rotation by the key before it", old.bytes(), trust(first)).invalid(files, "checkpoint-key", 4, 17, Authenticity);
    let mut old = rotated().first(3);
    old.signer = first.clone();
    old.push(&old.draft(Kind::Deny, "export"));
    Case::new("rotated-record-by-old", "a record after a rotation by the key before it", old.whole().bytes(), trust(first)).invalid(files, "unknown-key", 3, 13, Authenticity);
    let mut early = one();
    early.signer = next();
    early.push(&early.draft(Kind::Deny, "export"));
    let keys = vec![first.key.to_spki(), next().key.to_spki()];
    Case::new("rotated-record-before", "the committed next key signs before any rotation", Parts { keys, ..early.whole() }.bytes(), trust(first)).invalid(
        files,
        "unknown-key",
        1,
        13,
        Authenticity,
    );
}

/// A log whose second record is a rotation, changed by `edit` before both keys sign; the listed keys are those that the record names.
fn forged(to: &Signer, edit: impl FnOnce(&mut Record<'static>)) -> Log {
    let mut log = one();
    log.rotate_with(to, edit);
    log
}

fn forged_rotations(files: &mut Files) {
    let first = Signer::from_seed(1);
    let thief = Signer::from_seed(2);
    let mut case = |name, why, log: &Log, reason| Case::new(name, why, log.whole().bytes(), trust(&first)).invalid(files, reason, 1, 16, Authenticity);
    case("rotation-forged", "a thief of the key in force names a key of their own: it was not committed", &forged(&thief, |_| ()), "pre-rotation");
    case("rotation-to-recovery", "a rotation to the recovery key, which only a revocation puts in force", &forged(&recovery(), |_| ()), "pre-rotation");
    case("rotation-recovery-changed", "a rotation that names another recovery key", &forged(&next(), |record| set(record, "recovery", bytes(&thief.id().0))), "pre-rotation");
    case("rotation-next-changed", "another next key than the one that the new key signed", &forged(&next(), |record| set(record, "next", bytes(&thief.id().0))), "rotation-proof");
    let by_thief = forged(&next(), |record| set(record, "proof", bytes(&thief.sign(b"oar-rotate-v1\0"))));
    case("rotation-proof-by-thief", "the next key's name alone, which genesis does not hide, is not its signature", &by_thief, "rotation-proof");
    case("rotation-proof-missing", "no proof", &forged(&next(), |record| without(record, "proof")), "key-event");
    case("rotation-proof-short", "a proof of 3,308 bytes", &forged(&next(), |record| set(record, "proof", bytes(&[7; 3_308]))), "key-event");
    case("rotation-key-missing", "no key", &forged(&next(), |record| without(record, "key")), "key-event");
    case("rotation-key-raw", "a key that is not a SubjectPublicKeyInfo", &forged(&next(), |record| set(record, "key", bytes(next().key.raw()))), "key-event");
    case("rotation-next-text", "a next key id that is a text", &forged(&next(), |record| set(record, "next", crate::common::log::text("next"))), "key-event");
    let itself = forged(&first, |_| ());
    Case::new("rotation-to-itself", "a rotation to the key in force, which would be listed twice", itself.whole().bytes(), trust(&first)).invalid(
        files,
        "malformed-bundle",
        0,
        2,
        Integrity,
    );
    let keys = vec![first.key.to_spki(), next().key.to_spki()];
    Case::new("rotation-to-itself-listed-once", "the same, another key listed", Parts { keys, ..itself.whole() }.bytes(), trust(&first)).invalid(
        files,
        "key-history",
        1,
        16,
        Authenticity,
    );
    let mut moved = one();
    moved.rotate(&next());
    let proof = mickai_proof::record::decode(&moved.records[1]).unwrap().fact("proof").unwrap().as_bytes().unwrap().to_vec();
    let mut elsewhere = one();
    elsewhere.heartbeat();
    elsewhere.rotate_with(&next(), |record| set(record, "proof", Fact::Bytes(proof.into())));
    Case::new("rotation-proof-moved", "the proof of a rotation at another place", elsewhere.whole().bytes(), trust(&first)).invalid(files, "rotation-proof", 2, 16, Authenticity);
}

fn revocations(files: &mut Files) {
    let log = rotated();
    let first = log.reigns[0].1.clone();
    let early = log.draft(Kind::Heartbeat, "beat").wall_ms - 3_500;
    let mut lost = log.clone();
    lost.revoke(Revocation { effective: 3, ..of_first(&log, None) });
    let case = |name, why, log: &Log, policy| Case::new(name, why, encoded(&log.whole()), policy);
    case("revoked-retired", "a key that was rotated away is revoked from after its last record on: nothing it signed is in doubt", &lost, trust(&first).pinned(&lost, 5))
        .verified(files, &[]);
    let mut stolen = log.clone();
    stolen.revoke(of_first(&log, Some(early)));
    case("revoked-since", "it may have been stolen, and nothing outside saw its records before", &stolen, trust(&first).pinned(&stolen, 5)).revoked(files, &[]);
    let seen = |size, received| crate::common::vector::Kept { checkpoint: stolen.note(size), requested: None, received: Some(received) };
    case("revoked-seen-before", "a reference that was received before the theft covers two of its three records", &stolen, trust(&first).kept(seen(2, early)).pinned(&stolen, 5))
        .revoked(files, &[]);
    case("revoked-seen-later", "a reference that was received a millisecond after it", &stolen, trust(&first).kept(seen(2, early + 1)).pinned(&stolen, 5)).revoked(files, &[]);
    case("revoked-upto-before", "what is in scope was seen before the theft", &stolen, trust(&first).kept(seen(2, early)).upto(2)).timed(files, &[]);
    let mut backdated = one();
    backdated.heartbeat();
    let now = backdated.draft(Kind::Deny, "export");
    let theft = now.wall_ms - 500;
    backdated.push(&Record { wall_ms: theft - 3_600_000, ..now });
    backdated.succeed_with(&recovery(), 3, Some(theft), |_| ());
    let before = crate::common::vector::Kept { checkpoint: backdated.note(2), requested: None, received: Some(theft) };
    case(
        "revoked-backdated",
        "the thief's record says that it is an hour older than the theft, and nothing saw it then",
        &backdated,
        trust(&first).kept(before).pinned(&backdated, 4),
    )
    .revoked(files, &[]);
    case("revoked-not-required", "whatever is required", &stolen, trust(&first).requiring(&INCLUSION)).revoked(files, &[Consistency, Completeness]);
    case("revoked-self-asserted", "also without a key", &stolen, crate::common::vector::PolicyText::default()).revoked(files, &[Authenticity, Consistency, Completeness]);
    let mut taken = one();
    taken.heartbeat();
    let (mut by_next, mut by_recovery) = (taken.clone(), taken.clone());
    by_next.succeed_with(&next(), 2, None, |_| ());
    by_next.heartbeat();
    case("revoked-in-force", "the key in force is revoked by the next, which succeeds it", &by_next, trust(&first).pinned(&by_next, 4)).verified(files, &[]);
    by_recovery.succeed_with(&recovery(), 1, None, |_| ());
    case("revoked-by-recovery", "by the recovery key, and what the thief signed since index 1 is worth nothing", &by_recovery, trust(&first).pinned(&by_recovery, 3))
        .revoked(files, &[]);
    case("revoked-trusting-successor", "the same, when the verifier trusts the recovery key", &by_recovery, trust(&recovery()).pinned(&by_recovery, 3)).revoked(files, &[]);
    case("revoked-upto", "index 0 alone was signed before", &by_recovery, trust(&first).pinned(&by_recovery, 1).upto(1)).verified(files, &[]);
    taken.succeed_with(&next(), 0, None, |_| ());
    case("revoked-from-0", "nothing that the first key signed counts", &taken, trust(&first).pinned(&taken, 3)).revoked(files, &[]);
    let mut twice = rotated();
    twice.revoke(Revocation { effective: 2, ..of_first(&log, None) });
    twice.revoke(Revocation { effective: 1, ..of_first(&log, None) });
    twice.revoke(Revocation { effective: 3, ..of_first(&log, None) });
    case("revoked-thrice", "of several revocations the one that leaves least", &twice, trust(&first).pinned(&twice, 7)).revoked(files, &[]);
    let mut two = rotated();
    two.revoke(of_first(&log, None));
    two.succeed_with(&next_after(&next()), 4, None, |_| ());
    case("revoked-two-keys", "runs of two keys", &two, trust(&first).pinned(&two, 6)).revoked(files, &[]);
}

fn forged_revocations(files: &mut Files) {
    let first = Signer::from_seed(1);
    let thief = Signer::from_seed(2);
    let mut case = |name, why, log: &Log, reason, index, step| Case::new(name, why, log.whole().bytes(), trust(&first)).invalid(files, reason, index, step, Authenticity);
    let taken = |by: &Signer, edit: &dyn Fn(&mut Record<'static>)| {
        let mut log = one();
        log.succeed_with(by, 1, None, edit);
        log
    };
    case("revocation-forged", "a stranger revokes the key in force and succeeds it", &taken(&thief, &|_| ()), "pre-rotation", 1, 16);
    let mut own = one();
    own.succeed_with(&next(), 1, None, |record| record.key_id = first.id());
    own.signatures[1] = first.sign_record(own.id, &own.records[1]);
    case("revocation-by-revoked", "the key in force signs its own revocation", &own, "unknown-key", 1, 13);
    let mut alone = one();
    alone.revoke(Revocation { revoked: first.id(), effective: 1, since_ms: None });
    case("revocation-without-successor", "the key in force is revoked and nobody succeeds it", &alone, "unknown-key", 1, 13);
    case("revocation-effective-later", "effective after the revocation itself", &taken(&next(), &|record| set(record, "effective", Fact::Uint(2))), "key-event", 1, 16);
    let timeless = taken(&next(), &|record| set(record, "since", crate::common::log::text("then")));
    case("revocation-since-text", "a since that is a text", &timeless, "key-event", 1, 16);
    let mut of_older_timeless = rotated();
    let revocation = of_first(&of_older_timeless, None);
    of_older_timeless.revoke(revocation);
    of_older_timeless.edit_last(|record| set(record, "since", crate::common::log::text("then")));
    case("revocation-of-older-since-text", "the same of an older key", &of_older_timeless, "key-event", 4, 16);
    let mut of_older = rotated();
    of_older.revoke(Revocation { revoked: thief.id(), effective: 1, since_ms: None });
    case("revocation-of-stranger", "a key that this log never had", &of_older, "key-event", 4, 16);
    let mut of_coming = rotated();
    of_coming.revoke(Revocation { revoked: next_after(&next()).id(), effective: 1, since_ms: None });
    case("revocation-of-next", "a key that is committed and not yet in force", &of_coming, "key-event", 4, 16);
    let mut superfluous = rotated();
    let successor = next_after(&next());
    superfluous.succeed_with(&successor, 3, None, |record| set(record, "revoked", bytes(&first.id().0)));
    superfluous.signer = next();
    case("revocation-superfluous-successor", "a successor where an older key is revoked", &superfluous, "unknown-key", 4, 13);
    let mut partly = rotated();
    partly.revoke(revocation);
    partly.edit_last(|record| set(record, "next", bytes(&thief.id().0)));
    case("revocation-part-of-successor", "a committed key without a key", &partly, "key-event", 4, 16);
}

/// Parts of a log of nine records with two rotations and a revocation: genesis 0, rotate 2, rotate 5, revoke 7.
fn long() -> Log {
    let mut log = rotated();
    log.heartbeat();
    log.rotate(&next_after(&next()));
    log.heartbeat();
    log.revoke(Revocation { effective: 3, ..of_first(&log, None) });
    log.heartbeat();
    log
}

fn parts_of_logs(files: &mut Files) {
    let log = long();
    let first = &log.reigns[0].1;
    let ask = || trust(first).requiring(&INCLUSION);
    let unchecked = [Consistency, Completeness, KeyStatus];
    for (name, why, range) in [
        ("events-around", "key events before and after the range", 3..5),
        ("events-before", "a range at the end: all key events before it", 8..9),
        ("events-after", "a range at the beginning, which holds genesis", 0..2),
        ("events-in-range", "a rotation inside the range", 4..7),
        ("events-rotation-alone", "the rotation itself", 2..3),
        ("events-genesis-alone", "genesis alone", 0..1),
        ("events-revocation-alone", "the revocation itself", 7..8),
    ] {
        Case::new(name, why, encoded(&log.range(range)), ask()).verified(files, &unchecked);
    }
    Case::new("events-pinned", "a part whose reference is of the checkpoint's size", encoded(&log.range(3..5)), trust(&log.signer).pinned(&log, 9).requiring(&INCLUSION))
        .verified(files, &[Completeness, KeyStatus]);
    Case::new("events-key-status", "a revocation may lie outside: a part of a log says nothing of it", encoded(&log.range(3..5)), trust(first).requiring(&[KeyStatus]))
        .stale(files, "partial", &unchecked);
    let mut seen = rotated();
    let time = seen.draft(Kind::Heartbeat, "beat").wall_ms;
    seen.revoke(of_first(&seen, Some(time)));
    let kept = |size| crate::common::vector::Kept { checkpoint: seen.note(size), requested: None, received: Some(time) };
    Case::new("events-seen-uncompared", "an older reference shows nothing of a part that was not compared with it", encoded(&seen.range(1..2)), trust(first).kept(kept(2)))
        .revoked(files, &[Consistency, Completeness]);
    let mut revoked = rotated();
    revoked.revoke(of_first(&revoked, None));
    Case::new("events-revoked", "a part whose records are revoked by an event outside it", encoded(&revoked.range(2..4)), trust(first))
        .revoked(files, &[Consistency, Completeness]);
    let mut no_genesis = log.range(3..5);
    no_genesis.events.clear();
    no_genesis.keys.truncate(1);
    Case::new("events-left-out", "a part without its key events: the record names a key that is not listed", no_genesis.bytes(), trust(first)).invalid(
        files,
        "unknown-key",
        3,
        13,
        Authenticity,
    );
}

fn broken_events(files: &mut Files) {
    let log = long();
    let first = log.reigns[0].1.clone();
    let mut case = |name, why, edit: &dyn Fn(&mut Parts), reason, index, step, axis| {
        let mut parts = log.range(3..5);
        edit(&mut parts);
        Case::new(name, why, parts.bytes(), trust(&first)).invalid(files, reason, index, step, axis);
    };
    case("events-path-flipped", "a bit of a path flipped", &|parts| parts.events[1].path[0].0[0] ^= 1, "event-path", 5, 18, Inclusion);
    case("events-path-short", "a path without its last node", &|parts| parts.events[0].path.truncate(1), "event-path", 5, 18, Inclusion);
    case("events-path-long", "a node too many", &|parts| parts.events[0].path.push(TreeHash([7; 32])), "event-path", 5, 18, Inclusion);
    case("events-signature", "a bit of an event's signature flipped", &|parts| parts.events[1].signature[3_000] ^= 1, "signature", 2, 14, Authenticity);
    case("events-signature-stripped", "an event without its signature", &|parts| parts.events[0].signature.clear(), "signing-mode", 0, 11, Authenticity);
    case(
        "events-signature-later",
        "an event after the range by another key",
        &|parts| parts.events[2].signature = parts.events[1].signature.clone(),
        "malformed-signature",
        5,
        12,
        Authenticity,
    );
    case("events-record", "a bit of an event's record flipped: its chain digest", &|parts| parts.events[1].record[60] ^= 1, "signature", 2, 14, Authenticity);
    case(
        "events-other-kind",
        "an event that is no key event",
        &|parts| {
            parts.events[3].record = log.records[8].clone();
            parts.events[3].signature = log.signatures[8].clone();
            parts.events[3].index = 8;
        },
        "key-history",
        8,
        16,
        Authenticity,
    );
    case("events-index", "an event at another index than its own", &|parts| parts.events[3].index = 8, "index", 8, 5, Integrity);
    case("events-missing-last-change", "the second rotation left out: its key was listed", &|parts| drop(parts.events.remove(2)), "unknown-key", 7, 13, Authenticity);
    case("events-missing-first-change", "the first rotation left out", &|parts| drop(parts.events.remove(1)), "unknown-key", 3, 13, Authenticity);
    case("events-missing-genesis", "genesis left out", &|parts| drop(parts.events.remove(0)), "malformed-bundle", 3, 2, Integrity);
    case("events-in-range-listed", "an event that the range holds", &|parts| parts.events[2].index = 4, "malformed-bundle", 3, 2, Integrity);
    case("events-first-listed", "an event at the first index of the range", &|parts| parts.events[2].index = 3, "malformed-bundle", 3, 2, Integrity);
    case("events-order", "events out of order", &|parts| parts.events.swap(2, 3), "malformed-bundle", 3, 2, Integrity);
    case("events-twice", "an event twice", &|parts| parts.events.insert(3, parts.events[3].clone()), "malformed-bundle", 3, 2, Integrity);
    case("keys-left-over", "a listed key that no event puts in force", &|parts| parts.keys.push(recovery().key.to_spki()), "key-history", 5, 16, Authenticity);
    case("keys-other-order", "the listed keys in another order", &|parts| parts.keys.swap(1, 2), "key-history", 2, 16, Authenticity);
    case("keys-missing", "a key that is not listed", &|parts| drop(parts.keys.pop()), "key-history", 5, 16, Authenticity);
}

/// Listed keys and events that do not fit each other, or the log.
fn unfitting_events(files: &mut Files) {
    let first = Signer::from_seed(1);
    let mut two = crate::bundle::small().1;
    two.keys.push(next().key.to_spki());
    Case::new("keys-without-events", "two keys and no event", two.bytes(), trust(&first)).invalid(files, "key-history", 5, 16, Authenticity);
    let (log, mut idle) = crate::bundle::small();
    idle.events = vec![mickai_proof::bundle::EventProof {
        index: 0,
        record: log.records[0].clone(),
        signature: log.signatures[0].clone(),
        path: mickai_proof::merkle::path_ranges(0, 7)
            .into_iter()
            .map(|range| mickai_proof::merkle::root_of(&log.leaves(range.start as usize..range.end as usize)).unwrap())
            .collect(),
    }];
    Case::new("events-of-nothing", "genesis listed where no key ever changed: a byte more than the format gives", idle.bytes(), trust(&first)).invalid(
        files,
        "key-history",
        5,
        16,
        Authenticity,
    );
    let mut closed = rotated();
    closed.push(&closed.draft(Kind::Terminal, "close"));
    closed.revoke(of_first(&closed, None));
    Case::new("events-after-terminal", "a key event after the range, whose last record closed the log", closed.range(4..5).bytes(), trust(&first)).invalid(
        files,
        "after-terminal",
        5,
        7,
        Integrity,
    );
    let rotated = rotated();
    let mut alone = rotated.range(2..4);
    alone.events.clear();
    Case::new("events-rotation-without-genesis", "a rotation in the range and no genesis: what was committed is not known", alone.bytes(), trust(&first)).invalid(
        files,
        "key-history",
        2,
        16,
        Authenticity,
    );
}

fn statements(files: &mut Files) {
    use base64ct::{Base64, Encoding};
    let log = rotated();
    let first = log.reigns[0].1.clone();
    let stated = |by: &Signer, revocation: &Revocation| Base64::encode_string(&by.state(log.id, revocation));
    let with = |statement: String| {
        let mut policy = trust(&first).pinned(&log, 4);
        policy.revocations = vec![statement];
        policy
    };
    let bundle = encoded(&log.whole());
    let case = |name, why, policy| Case::new(name, why, bundle.clone(), policy);
    let revocation = of_first(&log, None);
    case("statement-by-next", "a statement that the log does not tell, by the key that was next", with(stated(&next(), &revocation))).revoked(files, &[]);
    case("statement-by-recovery", "by the recovery key", with(stated(&recovery(), &revocation))).revoked(files, &[]);
    case("statement-by-stranger", "by a stranger: passed over", with(stated(&Signer::from_seed(2), &revocation))).verified(files, &[]);
    case("statement-by-itself", "by the revoked key itself: passed over", with(stated(&first, &revocation))).verified(files, &[]);
    let own = Log::with_genesis(&first, |genesis| set(genesis, "next", bytes(&first.id().0)));
    let by_itself = Revocation { revoked: first.id(), effective: 0, since_ms: None };
    let mut policy = trust(&first).pinned(&own, 1);
    policy.revocations = vec![Base64::encode_string(&first.state(own.id, &by_itself))];
    Case::new("statement-by-itself-committed", "by the revoked key, which its genesis names as the next: passed over", own.whole().bytes(), policy).verified(files, &[]);
    case("statement-of-stranger", "of a key that the log never had", with(stated(&next(), &Revocation { revoked: recovery().id(), ..revocation }))).verified(files, &[]);
    case("statement-of-other-log", "of another log", with(Base64::encode_string(&next().state(mickai_proof::digest::LogId([7; 32]), &revocation)))).verified(files, &[]);
    case(
        "statement-in-force",
        "of the key in force, by the one that is next",
        with(stated(&next_after(&next()), &Revocation { revoked: next().id(), effective: 3, since_ms: None })),
    )
    .revoked(files, &[]);
    case("statement-since", "with a time, and nothing outside that saw the records before", with(stated(&next(), &of_first(&log, Some(1))))).revoked(files, &[]);
    let mut part = with(stated(&recovery(), &Revocation { revoked: first.id(), effective: 0, since_ms: None }));
    part.references.clear();
    part.require = Some(vec!["key-status".to_owned()]);
    let simple = crate::bundle::small();
    let unproven = Revocation { revoked: first.id(), effective: 0, since_ms: None };
    part.revocations = vec![Base64::encode_string(&recovery().state(simple.0.id, &unproven))];
    Case::new("statement-unproven", "a part of a log without genesis: nobody can tell whether that key may revoke", simple.1.bytes(), part).stale(
        files,
        "revocation-unproven",
        &[Consistency, Completeness, KeyStatus],
    );
    let itself = Base64::encode_string(&first.state(simple.0.id, &unproven));
    let part = crate::common::vector::PolicyText { revocations: vec![itself], require: Some(vec!["key-status".to_owned()]), ..trust(&first) };
    Case::new("statement-by-itself-part", "a part of a log without genesis, and a statement by the revoked key itself: passed over", simple.1.bytes(), part).stale(
        files,
        "partial",
        &[Consistency, Completeness, KeyStatus],
    );
    let whole = Base64::decode_vec(&stated(&next(), &revocation)).unwrap();
    let mut misuse = |name, why, bytes: Vec<u8>| Case::new(name, why, bundle.clone(), with(Base64::encode_string(&bytes))).misuse(files, "misuse-revocation");
    misuse("misuse-statement-cut", "a statement cut short", whole[..whole.len() - 1].to_vec());
    misuse("misuse-statement-longer", "a byte after it", [&whole[..], &[0]].concat());
    let mut flipped = whole.clone();
    flipped[3_000] ^= 1;
    misuse("misuse-statement-flipped", "a bit of its signature or key flipped", flipped);
    misuse("misuse-statement-bundle", "a bundle in its place", bundle.clone());
}
