//! What an erase record names is gone, whenever the process that wrote it was killed; everything else stays.

use super::*;
use crate::home::Home;
use crate::log::{Finding, LogReader, fsck};
use crate::testing::{heartbeat, intent, killed, new_home, writer};
use mickai_proof::record::OutcomeCode;

const PROMPT: &[u8] = b"what nobody shall read again";

/// A home whose record 1 keeps three values and whose record 2 keeps one; its writer holds the lock.
fn home() -> (tempfile::TempDir, Home, LogWriter) {
    let (folder, home) = new_home();
    let mut log = writer(&home).unwrap();
    let permit = log.append_intent(intent(), &[("prompt", PROMPT), ("prompt_tokens", b"1234"), ("other", b"stays")]).unwrap();
    let act = log.begin(permit).unwrap();
    log.close(act, OutcomeCode::Executed, Vec::new(), &[("output", b"hi")]).unwrap();
    (folder, home, log)
}

/// Record `record` of that log with those labels.
fn of(home: &Home, record: u64, labels: &[&str]) -> Erasure {
    let entry = LogReader::open(home).unwrap().entry(record).unwrap().unwrap();
    Erasure { record, digest: entry.digest(), labels: labels.iter().map(|label| (*label).to_owned()).collect() }
}

fn begun(log: &mut LogWriter) -> Running {
    let permit = log.append_intent(Draft { action: "erase".to_owned(), ..intent() }, &[]).unwrap();
    log.begin(permit).unwrap()
}

/// What is kept and what is on record as erased: (labels of record 1, labels of record 2, erased of record 1).
fn kept(home: &Home) -> (Vec<String>, Vec<String>, Vec<(String, u64)>) {
    let log = writer(home).unwrap();
    let erased = log.erased().of(1).map(|(label, by)| (label.to_owned(), by)).collect();
    (log.vault().labels(1).unwrap(), log.vault().labels(2).unwrap(), erased)
}

#[test]
fn an_erasure_reads_like_this() {
    let (_folder, home, mut log) = home();
    let act = begun(&mut log);
    // In any order, and one twice: the record says them in the order of map keys.
    let appended = log.erase(&act, &[of(&home, 1, &["prompt_tokens", "prompt", "prompt"])]).unwrap();
    log.close(act, OutcomeCode::Executed, Vec::new(), &[]).unwrap();
    assert_eq!((appended.len(), appended[0].index, log.erased().by(1, "prompt"), log.erased().by(1, "other")), (1, 4, Some(4), None));
    let reader = LogReader::open(&home).unwrap();
    let (intent, entry) = (reader.entry(3).unwrap().unwrap(), reader.entry(4).unwrap().unwrap());
    let record = entry.decode().unwrap();
    assert_eq!(Erasure::of(&record), Some(of(&home, 1, &["prompt", "prompt_tokens"])));
    assert_eq!((&*record.action, record.causes.as_slice(), record.kind), ("erase", &[(3, intent.digest())][..], Kind::Erase));
    drop(log);
    assert_eq!(kept(&home), (vec!["other".to_owned()], vec!["output".to_owned()], vec![("prompt".to_owned(), 4), ("prompt_tokens".to_owned(), 4)]));
    let report = fsck(&home, &mut |_| {}).unwrap();
    assert!(report.is_clean(), "{:?}", report.findings);
    assert_eq!((report.openings, report.unopened), (2, 2));
}

/// The steps of one erasure of two records, and a copy of the home after each of them: what a kill there leaves.
#[test]
fn killed_after_each_step_the_next_start_completes_what_is_on_record() {
    let (_folder, home, mut log) = home();
    let erasures = [of(&home, 1, &["prompt", "prompt_tokens"]), of(&home, 2, &["output"])];
    let act = begun(&mut log);
    let mut copies = vec![("the intent", killed(&home), false)];
    let drafts: Vec<Draft> = erasures.iter().map(|erasure| erasure.draft(&act)).collect();
    log.append_all(drafts).unwrap();
    copies.push(("the erase records", killed(&home), true));
    log.vault().erase(1, &mut |label| label.starts_with("prompt")).unwrap();
    copies.push(("the first file", killed(&home), true));
    // Half of a new file beside the old one.
    let half = disk::temporary_beside(&log.vault().path(2));
    std::fs::write(&half, b"mickaiV1\x06out").unwrap();
    copies.push(("half a file", killed(&home), true));
    log.vault().erase(2, &mut |_| true).unwrap();
    assert!(!half.exists(), "it goes with the last value of its record");
    copies.push(("the second file", killed(&home), true));
    std::fs::write(&half, b"mickaiV1\x06out").unwrap();
    copies.push(("the second file, and not yet the half one", killed(&home), true));
    std::fs::remove_file(&half).unwrap();
    log.close(act, OutcomeCode::Executed, Vec::new(), &[]).unwrap();
    copies.push(("the outcome", killed(&home), true));
    let unfinished: Vec<u64> = copies.iter().map(|(_, (_, copy), _)| fsck(copy, &mut |_| {}).unwrap().unfinished).collect();
    assert_eq!(unfinished, [0, 3, 1, 1, 0, 0, 0]);
    for (step, (_folder, copy), is_erased) in copies {
        let (first, second, erased) = kept(&copy);
        let whole = if is_erased { (1, 0, 2) } else { (3, 1, 0) };
        assert_eq!((first.len(), second.len(), erased.len()), whole, "after {step}");
        assert!(!copy.path().join(half.strip_prefix(home.path()).unwrap()).exists(), "after {step}");
        let report = fsck(&copy, &mut |_| {}).unwrap();
        assert!(report.is_clean() && report.open_intents.is_empty() && report.unfinished == 0, "after {step}: {:?}", report.findings);
    }
}

#[test]
fn an_old_copy_of_the_vault_does_not_bring_values_back() {
    let (_folder, home, mut log) = home();
    let path = log.vault().path(1);
    let before = std::fs::read(&path).unwrap();
    let act = begun(&mut log);
    log.erase(&act, &[of(&home, 1, &["prompt"])]).unwrap();
    log.close(act, OutcomeCode::Executed, Vec::new(), &[]).unwrap();
    drop(log);
    std::fs::write(&path, before).unwrap();
    assert_eq!(kept(&home).0, ["other", "prompt_tokens"]);
}

/// Damage is for `fsck` to name and for nobody to guess around; it stops no writer.
#[test]
fn a_vault_file_that_cannot_be_read_is_left_and_named() {
    let (_folder, home, mut log) = home();
    let path = log.vault().path(1);
    let act = begun(&mut log);
    log.erase(&act, &[of(&home, 1, &["prompt"])]).unwrap();
    std::fs::write(&path, b"mickaiV1\xff").unwrap();
    assert!(matches!(log.erase(&act, &[of(&home, 1, &["other"])]), Err(Error::Damaged { what: Damage::VaultForm, .. })));
    drop((log, act));
    drop(writer(&home).unwrap());
    assert_eq!(std::fs::read(&path).unwrap(), b"mickaiV1\xff");
    assert!(matches!(&fsck(&home, &mut |_| {}).unwrap().findings[..], [Finding::Vault { index: 1, .. }, ..]));
}

#[test]
fn what_is_no_erasure_is_refused_and_destroys_nothing() {
    let (_folder, home, mut log) = home();
    let act = begun(&mut log);
    let size = log.size();
    let of_later = Erasure { record: size, ..of(&home, 1, &["prompt"]) };
    for wrong in [of(&home, 1, &[]), of(&home, 1, &[""]), of(&home, 1, &[&"x".repeat(65)]), of_later] {
        assert!(matches!(log.erase(&act, &[of(&home, 2, &["output"]), wrong]), Err(Error::Misuse(Misuse::Kind(Kind::Erase)))));
    }
    // Nor can an erase record of another form be appended by other ways.
    let good = of(&home, 1, &["prompt"]).draft(&act);
    let without = |name: &str| Draft { facts: good.facts.iter().filter(|(known, _)| known != name).cloned().collect(), ..good.clone() };
    let wrong = [
        without("record"),
        without("record_digest"),
        without("labels"),
        without("labels").fact("labels", Fact::List(vec![Fact::Text("prompt".into()), Fact::Text("a".into())])),
        without("labels").fact("labels", Fact::List(vec![Fact::Uint(1)])),
        Draft { kind: Kind::Erase, ..heartbeat() },
    ];
    for draft in wrong {
        assert!(matches!(log.append(draft), Err(Error::Misuse(Misuse::Kind(Kind::Erase)))));
    }
    assert_eq!((log.size(), log.vault().labels(1).unwrap().len(), log.vault().labels(2).unwrap().len()), (size, 3, 1));
}
