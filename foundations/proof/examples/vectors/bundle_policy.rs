//! What the verifier brings beside a key: several references, times, a greatest age; and what records say was erased.

use crate::Files;
use crate::bundle::{Case, beats, one, small, three, trust};
use crate::common::log::{bytes, facts, text};
use crate::common::vector::{Kept, PolicyText};
use crate::common::{Log, Signer};
use mickai_proof::record::{Fact, Kind, Record};
use mickai_proof::verify::Axis::{self, Completeness, Consistency, Integrity};

pub fn write(files: &mut Files) {
    several_references(files);
    times(files);
    ages(files);
    erasures(files);
    misuses(files);
}

fn several_references(files: &mut Files) {
    let log = beats();
    let bundle = log.whole().bytes();
    let case = |name, why, policy| Case::new(name, why, bundle.clone(), policy);
    let key = || trust(&log.signer);
    case("references-two", "two references, the greater one of the log's size", key().pinned(&log, 3).pinned(&log, 1)).verified(files, &[]);
    case("references-upto", "judged up to the greater one", key().pinned_head(&log, 1).pinned(&log, 2).upto(2)).verified(files, &[]);
    case("references-after", "a log longer than both", key().pinned(&log, 2).pinned_head(&log, 1)).stale(files, "after-reference", &[Completeness]);
    let mut view = log.first(1);
    view.push(&view.draft(Kind::Deny, "export"));
    case("references-fork-smaller", "the smaller one is of another view", key().pinned(&log, 3).pinned(&view, 2)).invalid(files, "fork", 3, 20, Consistency);
    case("references-fork-equal", "two of one size that differ", key().pinned(&log, 2).pinned(&view, 2)).invalid(files, "fork", 3, 20, Consistency);
    case("references-truncated", "one that covers more than there is", key().pinned(&log, 1).referring(format!("9:{}", log.root(3)))).invalid(
        files,
        "truncated",
        3,
        20,
        Completeness,
    );
    let (part_log, part) = small();
    Case::new("references-partial", "a part of a log: the smaller one is not compared", part.bytes(), trust(&part_log.signer).pinned(&part_log, 7).pinned(&part_log, 2)).stale(
        files,
        "partial",
        &[Completeness, Axis::KeyStatus],
    );
}

fn at(log: &Log, index: usize) -> u64 {
    mickai_proof::record::decode(&log.records[index]).unwrap().wall_ms
}

fn times(files: &mut Files) {
    let log = beats();
    let bundle = log.whole().bytes();
    let kept = |size: usize, requested: Option<u64>, received: Option<u64>| Kept { checkpoint: log.note(size), requested, received };
    let strict = |kept: Kept| PolicyText { skew_ms: Some(0), ..trust(&log.signer).kept(kept) };
    let last = at(&log, 2);
    let case = |name, why, policy| Case::new(name, why, bundle.clone(), policy);
    let time = [Axis::Time, Completeness];
    case("time-received", "every record is older than the reference", strict(kept(3, None, Some(last))).requiring(&time)).timed(files, &[]);
    case("time-received-skew", "a clock that is five minutes ahead is allowed", trust(&log.signer).kept(kept(3, None, Some(last - 300_000)))).timed(files, &[]);
    case("time-too-late", "a record claims a time after the reference that covers it was received", strict(kept(3, None, Some(last - 1)))).invalid(
        files,
        "time-bounds",
        2,
        16,
        Axis::Time,
    );
    case("time-too-late-skew", "by more than five minutes", trust(&log.signer).kept(kept(3, None, Some(last - 300_001)))).invalid(files, "time-bounds", 2, 16, Axis::Time);
    case("time-backdated", "a record that the reference does not cover claims an earlier time", strict(kept(2, Some(last + 1), None))).invalid(
        files,
        "time-bounds",
        2,
        16,
        Axis::Time,
    );
    case("time-requested", "a record that the reference does not cover, at the very time", strict(kept(2, Some(last), None)).upto(2)).verified(files, &[]);
    case("time-partly", "the reference bounds two of three records", strict(kept(2, None, Some(last))).requiring(&[Axis::Time])).timed(files, &[Completeness]);
    let unbounded = strict(kept(3, None, None)).kept(kept(2, None, Some(last)));
    case("time-not-all", "no received reference covers the last record", unbounded.requiring(&[Axis::Time])).stale(files, "operator-claimed", &[]);
}

fn ages(files: &mut Files) {
    let log = beats();
    let last = at(&log, 2);
    let aged = |max_age_ms, now_ms| PolicyText { max_age_ms: Some(max_age_ms), now_ms: Some(now_ms), ..trust(&log.signer).pinned(&log, 3) };
    let case = |name, why, policy| Case::new(name, why, log.whole().bytes(), policy);
    case("age-within", "the newest record is exactly as old as it may be", aged(1_000, last + 1_000)).verified(files, &[]);
    case("age-too-old", "a millisecond older", aged(1_000, last + 1_001)).stale(files, "too-old", &[]);
    case("age-future", "a newest record that claims the future is not old", aged(0, last - 1)).verified(files, &[]);
    let bare = PolicyText { references: Vec::new(), ..aged(0, last + 1) };
    case("age-after-axes", "a required axis is named before the age", bare).stale(files, "completeness-unwitnessed", &[Consistency, Completeness]);
}

fn erasures(files: &mut Files) {
    let mut log = three();
    let by = log.erase(1, &["prompt", "prompt_tokens"]);
    let mut parts = log.whole();
    parts.chunks[0].openings = log.openings.iter().filter(|opening| opening.label == "output").cloned().collect();
    Case::new("erased", "two fields are gone, and the records say so", parts.bytes(), trust(&log.signer).pinned(&log, by + 1)).verified(files, &[]);
    let mut shown = log.whole();
    shown.chunks[0].openings = log.openings[..1].to_vec();
    Case::new("erased-and-opened", "somebody kept a copy: it fits all the same", shown.bytes(), trust(&log.signer).pinned(&log, 4)).verified(files, &[]);
    let mut many = three();
    for _ in 0..9 {
        many.erase(1, &["prompt", "prompt_tokens"]);
    }
    Case::new("erased-18", "more fields than a report lists", many.whole().bytes(), trust(&many.signer).pinned(&many, 12)).verified(files, &[]);
    let mut odd = one();
    odd.erase(0, &["a\"\\\u{1}\u{202e}\u{1f600}b", "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}"]);
    Case::new("erased-odd-labels", "labels that a terminal should not show as they are", odd.whole().bytes(), trust(&odd.signer).pinned(&odd, 2)).verified(files, &[]);
    let mut case = |name, why, edit: &dyn Fn(&mut Record<'static>)| {
        let log = Log::new(&Signer::from_seed(1));
        let mut record = log.draft(Kind::Erase, "erase");
        record.facts = facts(vec![("record", Fact::Uint(0)), ("record_digest", bytes(&log.digest(0).0)), ("labels", Fact::List(vec![text("prompt")]))]);
        edit(&mut record);
        let mut log = log;
        log.push(&record);
        Case::new(name, why, log.whole().bytes(), trust(&log.signer)).invalid(files, "erase", 1, 16, Integrity);
    };
    let set = |record: &mut Record<'static>, name: &'static str, fact: Fact<'static>| {
        let place = record.facts.iter().position(|(label, _)| label == name).unwrap();
        record.facts[place].1 = fact;
    };
    case("erase-itself", "of itself", &|record| set(record, "record", Fact::Uint(1)));
    case("erase-digest-short", "a digest of 32 bytes", &|record| set(record, "record_digest", bytes(&[7; 32])));
    case("erase-no-labels", "of no field", &|record| set(record, "labels", Fact::List(Vec::new())));
    case("erase-label-number", "a label that is a number", &|record| set(record, "labels", Fact::List(vec![Fact::Uint(1)])));
    case("erase-label-empty", "an empty label", &|record| set(record, "labels", Fact::List(vec![text("")])));
    case("erase-label-twice", "a label twice", &|record| set(record, "labels", Fact::List(vec![text("prompt"), text("prompt")])));
    case("erase-label-order", "labels out of order", &|record| set(record, "labels", Fact::List(vec![text("prompt_tokens"), text("prompt")])));
    case("erase-facts-missing", "no facts", &|record| record.facts.clear());
}

fn misuses(files: &mut Files) {
    let log = one();
    let key = || trust(&log.signer);
    let mut misuse = |name, why, policy, reason| Case::new(name, why, log.whole().bytes(), policy).misuse(files, reason);
    let backwards = Kept { checkpoint: log.note(1), requested: Some(2), received: Some(1) };
    misuse("misuse-received-before-requested", "a reference that was received before it was asked for", key().kept(backwards), "misuse-reference");
    misuse("misuse-references-17", "seventeen references", (0..17).fold(key(), |policy, _| policy.pinned(&log, 1)), "misuse-reference");
    misuse("misuse-keys-17", "seventeen keys", PolicyText { keys: vec![log.signer.id().to_string(); 17], ..PolicyText::default() }, "misuse-key");
    misuse("misuse-age", "a greatest age and no clock", PolicyText { max_age_ms: Some(1), ..key() }, "misuse-age");
    misuse("misuse-upto-smaller", "up to the size of a reference that is not the greatest", key().pinned(&log, 1).referring(format!("2:{}", log.root(1))).upto(1), "misuse-upto");
    misuse("misuse-revocation-base64", "a statement that is no base64", PolicyText { revocations: vec!["*".to_owned()], ..key() }, "misuse-revocation");
    misuse("misuse-number", "a number above 2^53−1", PolicyText { skew_ms: Some(1 << 53), ..key() }, "misuse-policy");
}
