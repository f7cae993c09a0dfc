//! The policy is what its record says, it erases what is over and nothing else, and nobody trains on what it withholds.

use super::policy::PolicyError;
use super::*;
use crate::acts::{action, fact};
use crate::error::Error;
use crate::policy::authority;
use crate::settle::{Place, SettleChange};
use crate::system::System;
use mickai_proof::digest::Id;
use mickai_proof::record::{ActorClass, Fact, Kind, OutcomeCode};
use mickai_store::keys::Successor;
use mickai_store::{Appended, Clock, Custody, Draft, LogWriter, Revoking, SystemClock, fsck};
use std::time::Duration;

const DAY_MS: u64 = 86_400_000;
/// The time of the first record that a test makes.
const BEGUN_MS: u64 = 1_795_420_800_000;

/// The machine's clock with a wall of its own.
struct Wall(SystemClock, u64);

impl Clock for Wall {
    fn wall_ms(&self) -> u64 {
        self.1
    }

    fn boot_id(&self) -> Id {
        self.0.boot_id()
    }

    fn monotonic_ns(&self) -> u64 {
        self.0.monotonic_ns()
    }
}

fn system() -> (tempfile::TempDir, System) {
    let folder = tempfile::tempdir().unwrap();
    let system = System::open(&folder.path().join("home"), 1, Custody::default()).unwrap();
    (folder, system)
}

/// One act `action` on that day after the first, asked for with a key, with values under `prompt` and `prompt_tokens` in its intent and under `output` in its outcome. Gives the index of the intent.
fn act(system: &System, action: &str, day: u64) -> u64 {
    let clock = Wall(SystemClock::new().unwrap(), BEGUN_MS + day * DAY_MS);
    let mut log = LogWriter::open_with(system.home(), authority(), Box::new(clock), Duration::ZERO).unwrap();
    let draft = Draft::new(Kind::Intent, (ActorClass::Brain, Id::ZERO), authority(), action).fact(fact::IDEMPOTENCY, Fact::Bytes(vec![7; 32].into()));
    let permit = log.append_intent(draft, &[("prompt", b"hello"), ("prompt_tokens", b"12345678")]).unwrap();
    let act = log.begin(permit).unwrap();
    let intent = act.intent().index;
    log.close(act, OutcomeCode::Executed, Vec::new(), &[("output", b"hi")]).unwrap();
    intent
}

fn change(label: Option<&str>, action: Option<&str>, keep: Option<&str>, may_train: Option<bool>) -> Change {
    let scope = Scope { label: label.map(str::to_owned), action: action.map(str::to_owned) };
    Change { scope, keep: keep.map(|keep| Keep::parse(keep).unwrap()), may_train, ..Change::default() }
}

fn set(system: &System, change: Change) -> Retention {
    system.set_retention(change).unwrap().0.policy
}

fn labels(system: &System, index: u64) -> Vec<String> {
    let reader = system.reader().unwrap();
    system.vault(&reader).unwrap().unwrap().labels(index).unwrap()
}

fn damage(system: &System, index: u64) {
    std::fs::write(system.home().vault_path().join(format!("00000000/000/{index:08x}.v")), b"mickaiV1\xff").unwrap();
}

#[test]
fn spans_are_read_and_written_in_one_way() {
    for (text, seconds, written) in [
        ("0s", 0, "0s"),
        ("45s", 45, "45s"),
        ("60s", 60, "1m"),
        ("90m", 5_400, "90m"),
        ("24h", 86_400, "1d"),
        ("30d", 2_592_000, "30d"),
        ("2w", 1_209_600, "14d"),
        ("1y", 31_536_000, "365d"),
        ("0d", 0, "0s"),
    ] {
        let keep = Keep::parse(text).unwrap();
        assert_eq!((keep, keep.to_string().as_str()), (Keep::Seconds(seconds), written), "{text}");
        assert_eq!(Keep::parse(written), Some(keep));
    }
    assert_eq!(Keep::parse("forever").map(|keep| keep.to_string()).as_deref(), Some("forever"));
    for wrong in ["", "d", "30", "-1d", "+1d", "1.5d", "30 d", "30D", "ever", "1001y", "99999999999999999999d", "18446744073709551615w", "3€"] {
        assert_eq!(Keep::parse(wrong), None, "{wrong}");
    }
    let day = Keep::Seconds(86_400);
    assert!(!day.is_over(BEGUN_MS, BEGUN_MS + DAY_MS - 1) && day.is_over(BEGUN_MS, BEGUN_MS + DAY_MS));
    assert!(!day.is_over(u64::MAX, u64::MAX - 1) && !Keep::Forever.is_over(0, u64::MAX) && !day.is_over(BEGUN_MS + DAY_MS, BEGUN_MS));
}

fn vectors() -> serde_json::Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/vectors/privacy/policies.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_policy_is_one_text_and_the_narrowest_rule_counts() {
    let vectors = vectors();
    for case in vectors["accept"].as_array().unwrap() {
        let text = case["text"].as_str().unwrap();
        let policy = Retention::parse(text).unwrap_or_else(|| panic!("{}", case["reason"]));
        assert_eq!((policy.text().as_str(), policy.digest().to_string().as_str()), (text, case["digest"].as_str().unwrap()));
        for expected in case["rules"].as_array().unwrap() {
            let (label, action) = (expected["label"].as_str().unwrap(), expected["action"].as_str().unwrap());
            let rule = policy.rule(label, action);
            assert_eq!((rule.keep.to_string().as_str(), rule.may_train), (expected["keep"].as_str().unwrap(), expected["train"].as_bool().unwrap()), "{label} {action}");
            assert_eq!(policy.rule_among(label, action, std::iter::once(label)), rule);
        }
    }
    let default = Retention::default();
    assert_eq!((default.text().as_str(), default.forgets()), (vectors["accept"][1]["text"].as_str().unwrap(), false));
}

#[test]
fn any_other_text_is_no_policy() {
    let vectors = vectors();
    for case in vectors["reject"].as_array().unwrap() {
        assert_eq!(Retention::parse(case["text"].as_str().unwrap()), None, "{}", case["reason"]);
    }
    // Cut anywhere but after a rule, or with any byte changed to another letter, it is another text or none.
    let text = vectors["accept"][0]["text"].as_str().unwrap();
    let first = text.find("train no\n").unwrap() + 9;
    for cut in 0..text.len() {
        assert_eq!(Retention::parse(&text[..cut]).is_some(), cut >= first && text[..cut].ends_with('\n'), "{cut}");
        let mut changed = text.as_bytes().to_vec();
        changed[cut] ^= 1;
        let changed = String::from_utf8(changed).unwrap();
        assert!(Retention::parse(&changed).is_none_or(|policy| policy.text() == changed), "{changed}");
    }
}

#[test]
fn changes_that_make_no_sense_are_refused_and_begin_nothing() {
    let (_folder, system) = system();
    let long = "x".repeat(65);
    let error = |change: Change| match system.set_retention(change) {
        Err(Error::Retention(error)) => error,
        other => panic!("{:?}", other.map(drop)),
    };
    assert_eq!(error(Change::default()), PolicyError::NoChange);
    assert_eq!(error(change(Some("prompt"), None, None, None)), PolicyError::NoChange);
    assert_eq!(error(Change { is_automatic: Some(true), ..change(Some("prompt"), None, None, None) }), PolicyError::NoChange);
    assert_eq!(error(change(Some("prompt_tokens"), None, Some("1d"), None)), PolicyError::Tokens("prompt_tokens".to_owned()));
    for name in ["", "two words", "line\nbreak", "nul\0", &long] {
        assert_eq!(error(change(Some(name), None, Some("1d"), None)), PolicyError::Name(name.to_owned()));
        assert_eq!(error(change(None, Some(name), Some("1d"), None)), PolicyError::Name(name.to_owned()));
    }
    let removal = |label: Option<&str>| Change { is_removal: true, ..change(label, None, None, None) };
    assert_eq!(error(removal(None)), PolicyError::Default);
    assert!(matches!(error(removal(Some("prompt"))), PolicyError::NoRule(_)));
    assert_eq!((system.reader().unwrap().size(), system.home().retention().unwrap()), (1, None));
}

#[test]
fn a_change_is_on_record_whole_and_in_the_home_as_a_copy() {
    let (_folder, system) = system();
    assert_eq!(set(&system, change(Some("prompt"), None, Some("30d"), None)).version, 1);
    set(&system, change(Some("prompt"), Some("generate"), None, Some(true)));
    let policy = set(&system, Change { is_automatic: Some(true), ..Change::default() });
    // What a change does not name stays: the rule of the action took its span from that of the label.
    assert_eq!(
        policy.text(),
        "mickai-retention 1\nversion 3\nautomatic yes\nkeep forever train no\nkeep 30d train no label prompt\nkeep 30d train yes label prompt action generate\n"
    );
    let reader = system.reader().unwrap();
    let entry = reader.entry(5).unwrap().unwrap();
    let record = entry.decode().unwrap();
    assert_eq!((&*record.action, record.kind, record.causes.first().map(|(index, _)| *index)), (action::RETENTION_SET, Kind::Intent, Some(3)));
    assert_eq!(record.fact(fact::RETENTION).and_then(Fact::as_text), Some(policy.text().as_str()));
    assert_eq!(record.fact(fact::RETENTION_DIGEST).and_then(Fact::as_bytes), Some(&policy.digest().0[..]));
    assert_eq!(system.home().retention().unwrap().as_deref(), Some(policy.text().as_bytes()));
    let removed = set(&system, Change { is_removal: true, ..change(Some("prompt"), None, None, None) });
    assert_eq!((removed.version, removed.rule("prompt", "replay").keep), (4, Keep::Forever));
}

/// The copy was changed by hand, or taken away: what is on record stays in force, and the difference is said.
#[test]
fn a_changed_copy_changes_nothing() {
    let (_folder, system) = system();
    let policy = set(&system, change(Some("prompt"), None, Some("30d"), None));
    assert!(system.retention().unwrap().is_copy_same);
    for bytes in [&b"mickai-retention 1\nversion 9\nautomatic yes\nkeep 0s train yes\n"[..], b"\xff", b""] {
        std::fs::write(system.home().retention_path(), bytes).unwrap();
        let in_force = system.retention().unwrap();
        assert_eq!((in_force.policy, in_force.is_copy_same), (policy.clone(), false));
    }
    std::fs::remove_file(system.home().retention_path()).unwrap();
    assert!(!system.retention().unwrap().is_copy_same);
    // The next change writes it anew, from the record.
    assert_eq!(set(&system, change(None, None, None, Some(true))).version, 2);
    assert!(system.retention().unwrap().is_copy_same);
}

/// The orderings of `in_force.rs`: killed before and after the copy was written, and an act that failed.
#[test]
fn a_change_that_was_cut_off_is_in_force_and_one_that_failed_is_not() {
    for (code, version) in [
        (None, 2),
        (Some(OutcomeCode::Unknown), 2),
        (Some(OutcomeCode::Executed), 2),
        (Some(OutcomeCode::Failed), 1),
        (Some(OutcomeCode::TimedOut), 1),
        (Some(OutcomeCode::NotAttempted), 1),
    ] {
        let (_folder, system) = system();
        let first = system.set_retention(change(Some("prompt"), None, Some("30d"), None)).unwrap().1.0;
        let text = "mickai-retention 1\nversion 2\nautomatic no\nkeep 1d train no\n";
        let mut log = system.writer().unwrap();
        let draft = Draft::new(Kind::Intent, (ActorClass::Operator, Id::ZERO), authority(), action::RETENTION_SET);
        let draft = draft.fact(fact::RETENTION, Fact::Text(text.into())).cause(first.index, first.digest);
        let permit = log.append_intent(draft, &[]).unwrap();
        let act = log.begin(permit).unwrap();
        match code {
            None | Some(OutcomeCode::Unknown) => drop(act),
            Some(code) => drop(log.close(act, code, Vec::new(), &[]).unwrap()),
        }
        drop(log);
        if code == Some(OutcomeCode::Unknown) {
            // The next start closes it.
            drop(system.writer().unwrap());
        }
        let in_force = system.retention().unwrap();
        assert_eq!((in_force.policy.version, in_force.is_copy_same), (version, version == 1), "{code:?}");
        assert_eq!(set(&system, change(None, None, None, Some(true))).version, version + 1);
    }
}

#[test]
fn a_run_erases_what_is_over_and_nothing_else() {
    let (_folder, system) = system();
    let (old, young, replayed) = (act(&system, "generate", 0), act(&system, "generate", 20), act(&system, "replay", 0));
    let now_ms = BEGUN_MS + 30 * DAY_MS;
    assert_eq!(system.run_retention(now_ms, false).unwrap().records, None, "without a policy everything is kept");
    set(&system, change(Some("prompt"), Some("generate"), Some("30d"), None));
    let set_by = system.retention().unwrap().set_by;
    let size = system.reader().unwrap().size();
    let rehearsed = system.run_retention(now_ms, true).unwrap();
    assert_eq!((rehearsed.record_count, rehearsed.field_count, rehearsed.byte_count, system.reader().unwrap().size()), (1, 2, 13, size));
    assert_eq!(system.run_retention(now_ms - 1, false).unwrap().records, None, "not a millisecond early");
    let run = system.run_retention(now_ms, false).unwrap();
    let (intent, outcome) = run.records.unwrap();
    assert_eq!((run.field_count, outcome.index), (2, intent.index + 2));
    assert_eq!((labels(&system, old).len(), labels(&system, young).len(), labels(&system, replayed).len(), labels(&system, old + 1).len()), (0, 2, 2, 1));
    let reader = system.reader().unwrap();
    let entry = reader.entry(intent.index).unwrap().unwrap();
    let record = entry.decode().unwrap();
    let policy = system.retention().unwrap().policy;
    assert_eq!((record.authority, record.actor.0), ((policy.digest(), policy.version), ActorClass::Operator));
    assert_eq!(record.causes, set_by.map(|Appended { index, digest }| (index, digest)).into_iter().collect::<Vec<_>>());
    assert_eq!(system.erased().unwrap().by(old, "prompt_tokens"), Some(intent.index + 1));
    assert_eq!(system.run_retention(now_ms, false).unwrap().records, None, "once is enough");
    assert!(fsck(system.home(), &mut |_| {}).unwrap().is_clean());
}

#[test]
fn what_is_held_is_counted_by_action_and_label() {
    let (_folder, system) = system();
    let (first, second) = (act(&system, "generate", 0), act(&system, "generate", 5));
    set(&system, change(Some("output"), None, Some("3d"), Some(true)));
    system.erase(first, &crate::Fields::Labels(vec!["prompt".to_owned()]), None).unwrap();
    let lost = system.home().vault_path().join(format!("00000000/000/{second:08x}.v"));
    std::fs::remove_file(lost).unwrap();
    let survey = system.held(&system.retention().unwrap().policy, BEGUN_MS + 4 * DAY_MS).unwrap();
    let row = |label: &str| &survey.held[&("generate".to_owned(), label.to_owned())];
    let counts = |held: &Held| (held.count, held.byte_count, held.oldest_ms, held.due_count, held.erased_count, held.lost_count);
    assert_eq!(counts(row("output")), (2, 4, Some(BEGUN_MS), 1, 0, 0));
    assert_eq!(counts(row("prompt")), (0, 0, None, 0, 1, 1));
    assert_eq!(counts(row("prompt_tokens")), (0, 0, None, 0, 1, 1));
    assert_eq!((row("output").rule.keep.to_string().as_str(), row("output").rule.may_train), ("3d", true));
    assert_eq!((survey.held.len(), survey.due.len(), survey.unreadable.len()), (3, 1, 0));
}

/// A vault file that cannot be read is named and left; the others are erased all the same.
#[test]
fn damage_does_not_keep_the_rest_from_being_erased() {
    let (_folder, system) = system();
    let (first, second) = (act(&system, "generate", 0), act(&system, "generate", 0));
    damage(&system, first);
    set(&system, change(None, None, Some("1d"), None));
    let run = system.run_retention(BEGUN_MS + DAY_MS, false).unwrap();
    assert_eq!((run.unreadable, run.record_count), (vec![first], 3));
    assert!(labels(&system, second).is_empty());
}

#[test]
fn an_automatic_policy_is_enforced_once_by_every_process_that_acts() {
    let (folder, system) = system();
    let index = act(&system, "generate", 0);
    set(&system, change(None, None, Some("1d"), None));
    drop(system.executor().unwrap());
    assert_eq!((system.enforced().is_none(), labels(&system, index).len()), (true, 2), "not unless the policy says so");
    set(&system, Change { is_automatic: Some(true), ..Change::default() });
    assert_eq!(labels(&system, index).len(), 2, "setting it is about later");
    let next = System::open(&folder.path().join("home"), 1, Custody::default()).unwrap();
    drop(next.executor().unwrap());
    let run = next.enforced().unwrap();
    assert_eq!((run.field_count, labels(&next, index).len()), (3, 0));
    let intent = run.records.unwrap().0.index;
    let entry = next.reader().unwrap().entry(intent).unwrap().unwrap();
    assert_eq!(entry.decode().unwrap().actor, (ActorClass::System, Id::ZERO));
    let size = next.reader().unwrap().size();
    drop(next.executor().unwrap());
    assert_eq!(next.reader().unwrap().size(), size);
}

/// Whichever act is the first of a process. A revocation alone waits for nothing.
#[test]
fn settling_and_rotating_enforce_the_policy_as_any_act_does() {
    let (folder, system) = system();
    set(&system, Change { is_automatic: Some(true), ..change(None, None, Some("0s"), None) });
    let acts: [fn(&System); 3] = [
        |system| {
            system.set_settling(SettleChange { place: Some(Place::Own), every: None }).unwrap();
        },
        |system| {
            let mut own = system.own_chain(&system.settling().unwrap()).unwrap();
            system.settle(&mut own).unwrap();
        },
        |system| {
            system.rotate_key(None).unwrap();
        },
    ];
    for perform in acts {
        let index = act_with(&system, "generate", &["prompt"]);
        let next = System::open(&folder.path().join("home"), 1, Custody::default()).unwrap();
        perform(&next);
        assert_eq!((next.enforced().unwrap().field_count, labels(&next, index).len()), (1, 0));
    }
    let index = act_with(&system, "generate", &["prompt"]);
    let next = System::open(&folder.path().join("home"), 1, Custody::default()).unwrap();
    next.revoke_key(None, Revoking { key: None, effective: None, since_ms: None, successor: Successor::Next }, None, None).unwrap();
    assert_eq!((next.enforced().is_none(), labels(&next, index).len()), (true, 1));
}

#[test]
fn nobody_trains_on_what_the_policy_withholds_or_what_is_erased() {
    let (_folder, system) = system();
    let index = act(&system, "generate", 0);
    assert!(!system.may_train("prompt", index).unwrap(), "no is what holds when nobody has said anything");
    set(&system, change(Some("prompt"), None, None, Some(true)));
    assert!(system.may_train("prompt", index).unwrap() && system.may_train("prompt_tokens", index).unwrap());
    assert!(!system.may_train("output", index + 1).unwrap());
    set(&system, change(Some("prompt"), Some("generate"), None, Some(false)));
    assert!(!system.may_train("prompt", index).unwrap());
    set(&system, change(Some("prompt"), Some("generate"), None, Some(true)));
    system.erase(index, &crate::Fields::All, None).unwrap();
    assert!(!system.may_train("prompt", index).unwrap());
    assert!(matches!(system.may_train("output", index), Err(Error::NoField { .. })));
    assert!(matches!(system.may_train("prompt", 999), Err(Error::NoRecord { .. })));
}

/// One act `action` now, with a value under each of these labels in its intent and none in its outcome. Gives the index of the intent.
fn act_with(system: &System, action: &str, labels: &[&str]) -> u64 {
    let mut log = system.writer().unwrap();
    let openings: Vec<(&str, &[u8])> = labels.iter().map(|label| (*label, &b"said"[..])).collect();
    let permit = log.append_intent(Draft::new(Kind::Intent, (ActorClass::Brain, Id::ZERO), authority(), action), &openings).unwrap();
    let act = log.begin(permit).unwrap();
    let intent = act.intent().index;
    log.close(act, OutcomeCode::Executed, Vec::new(), &[]).unwrap();
    intent
}

/// The body of a request says its prompt again.
#[test]
fn a_request_is_erased_with_what_it_says_and_also_alone() {
    let (_folder, system) = system();
    let erase = |index: u64, named: &str| system.erase(index, &crate::Fields::Labels(vec![named.to_owned()]), None);
    let generation = ["grammar", "prompt", "prompt_tokens", "request", "stop_texts"];
    let cases: [(&str, &[&str], &str, &[&str]); 5] = [
        ("generate", &generation, "prompt", &["grammar", "stop_texts"]),
        ("generate", &generation, "grammar", &["prompt", "prompt_tokens", "stop_texts"]),
        ("generate", &generation, "stop_texts", &["grammar", "prompt", "prompt_tokens"]),
        ("generate", &generation, "request", &["grammar", "prompt", "prompt_tokens", "stop_texts"]),
        ("embed", &["inputs", "inputs_tokens", "request"], "inputs", &[]),
    ];
    for (action, labels_before, named, left) in cases {
        let index = act_with(&system, action, labels_before);
        erase(index, named).unwrap();
        assert_eq!(labels(&system, index), left, "{named}");
    }
    // What the record does not commit to is not erased, whatever its request says.
    let index = act_with(&system, "generate", &["prompt", "request"]);
    assert!(matches!(erase(index, "grammar"), Err(Error::NoField { .. })));
    // The request alone, and then what is left of what it said.
    assert_eq!(erase(index, "request").unwrap().labels, ["request"]);
    assert_eq!(erase(index, "prompt").unwrap().labels, ["prompt"]);
}

#[test]
fn what_the_other_record_still_keeps_is_said() {
    let (_folder, system) = system();
    let index = act(&system, "generate", 0);
    let erase = |index: u64, named: &str| system.erase(index, &crate::Fields::Labels(vec![named.to_owned()]), None).unwrap();
    assert_eq!(erase(index, "prompt").remaining, [(index + 1, "output".to_owned())]);
    assert!(erase(index + 1, "output").remaining.is_empty());
}

/// The outcome's file, and that of an answer that was kept for its key.
#[test]
fn damage_of_other_records_keeps_no_value_from_being_erased() {
    let (_folder, system) = system();
    let index = act(&system, "generate", 0);
    let intent = system.reader().unwrap().entry(index).unwrap().unwrap();
    let draft = Draft::new(Kind::Detail, (ActorClass::System, Id::ZERO), authority(), action::ANSWER).cause(index, intent.digest());
    let answer = system.writer().unwrap().append_with(draft, &[("output", b"hi")]).unwrap();
    damage(&system, index + 1);
    damage(&system, answer.index);
    // One that can be read, beside it.
    let draft = Draft::new(Kind::Detail, (ActorClass::System, Id::ZERO), authority(), action::ANSWER).cause(index, intent.digest());
    let other = system.writer().unwrap().append_with(draft, &[("output", b"hi")]).unwrap();
    let erased = system.erase(index, &crate::Fields::All, None).unwrap();
    assert_eq!((labels(&system, index).len(), erased.answers, erased.remaining.len()), (0, vec![other.index], 0));
    // Of a record whose own file cannot be read nothing is erased, and that is said.
    assert!(matches!(system.erase(index + 1, &crate::Fields::All, None), Err(Error::Store(mickai_store::Error::Damaged { .. }))));
}

#[test]
fn a_request_is_kept_no_longer_than_what_it_says() {
    let (_folder, system) = system();
    let (generation, embedding) = (act_with(&system, "generate", &["prompt", "request"]), act_with(&system, "embed", &["inputs", "request"]));
    set(&system, change(Some("prompt"), None, Some("1d"), None));
    set(&system, change(Some("request"), None, Some("90d"), Some(true)));
    assert!(!system.may_train("request", generation).unwrap(), "nobody trains on its prompt");
    let later_ms = crate::acts::now_ms() + 2 * DAY_MS;
    let survey = system.held(&system.retention().unwrap().policy, later_ms).unwrap();
    let keep = |action: &str| survey.held[&(action.to_owned(), "request".to_owned())].rule.keep.to_string();
    assert_eq!((keep("generate"), keep("embed")), ("1d".to_owned(), "90d".to_owned()));
    assert_eq!(system.run_retention(later_ms, false).unwrap().field_count, 2);
    assert_eq!((labels(&system, generation).len(), labels(&system, embedding).len()), (0, 2));
}
