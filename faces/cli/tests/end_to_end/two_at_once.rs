//! Two programs on one home: a second writer waits or says who holds the log; readers are never refused.

use crate::common::{GENERAL, Machine, eventually};

const LONG: [&str; 6] = ["ask", "-m", GENERAL, "--max-tokens", "2000", "hello"];
const SHORT: [&str; 6] = ["ask", "-m", GENERAL, "--max-tokens", "5", "hello"];

#[test]
fn readers_are_never_refused_and_a_second_writer_waits() {
    let machine = Machine::with_model();
    let (mut first, intent) = machine.held();
    for args in [&["log", "list"][..], &["log", "tail", "-n", "2"], &["log", "show", "last"], &["model", "list"], &["key", "show"], &["doctor"]] {
        machine.run(args).ok();
    }
    let verdict = machine.run(&["log", "verify"]).code(2);
    assert!(verdict.out.contains("open-intents") || verdict.out.contains("completeness-unwitnessed"), "{}", verdict.out);
    machine.run(&["log", "fsck"]).ok();
    assert!(first.is_running(), "all of that was read while the first was writing");

    let second = machine.start(&SHORT);
    eventually("the second to wait", || machine.has_at_its_lock(&second).then_some(()));
    first.end().ok();
    second.end().ok();
    let records = machine.lines(&["log", "list"]);
    let kinds: Vec<&str> = records[intent as usize..].iter().filter_map(|record| record["kind"].as_str()).collect();
    assert_eq!(kinds, ["intent", "outcome", "intent", "outcome"], "one after the other");
    machine.assert_log_valid();
}

#[test]
fn a_second_writer_that_waited_long_enough_says_who_holds_the_log() {
    let machine = Machine::with_model();
    let (first, intent) = machine.held();
    let holder = format!("held by mickai (process {})", first.id());
    machine.run(&SHORT).code(1).says(&[&holder, "try again"]);
    first.end().ok();
    assert_eq!(machine.lines(&["log", "list"]).len() as u64, intent + 2, "the second wrote nothing");
    machine.assert_log_valid();
}

#[test]
fn two_asks_at_once_both_answer() {
    let machine = Machine::with_model();
    let both = [machine.start(&SHORT), machine.start(&LONG)];
    for one in both {
        one.end().ok();
    }
    assert_eq!(machine.lines(&["log", "list"]).iter().filter(|record| record["outcome"] == "executed").count(), 3);
    assert!(machine.open_intents().is_empty());
    machine.assert_log_valid();
}

#[test]
fn an_ask_that_is_interrupted_says_so_on_record() {
    let machine = Machine::with_model();
    let (first, intent) = machine.held();
    first.signal("INT");
    first.end().code(130).says(&["record "]);
    let outcome = machine.object(&["log", "show", &(intent + 1).to_string()]);
    assert_eq!((&outcome["outcome"], &outcome["facts"]["stop"]), (&"executed".into(), &"interrupted".into()));
    machine.assert_log_valid();
}

/// What was stopped compared nothing, and those of the same bundle behind it do not begin.
#[test]
fn a_replay_that_is_interrupted_says_nothing_of_the_record() {
    let machine = Machine::with_model();
    machine.run(&LONG).ok();
    machine.run(&LONG).ok();
    machine.run(&["log", "export", "--open", "all", "-o", "case.oar"]).ok();
    let records = || machine.lines(&["log", "list"]);
    // The first may be done before the signal comes; then it is tried again.
    let is_caught = (0..20).any(|_| {
        let count = records().len();
        let mut replay = machine.start(&["replay", "case.oar"]);
        eventually("its intent", || (!machine.open_intents().is_empty() || !replay.is_running()).then_some(()));
        if replay.is_running() {
            replay.signal("INT");
        }
        let (exit, records) = (replay.end().exit(), records());
        exit == Some(130) && records.len() == count + 2 && records.last().is_some_and(|last| last["outcome"] == "failed")
    });
    assert!(is_caught, "twenty replays were quicker than SIGINT, or went on");
    machine.assert_log_valid();
}

#[test]
fn an_ask_that_is_interrupted_says_so_to_programs() {
    let machine = Machine::with_model();
    // It may be done before the signal comes; then it is tried again.
    let caught = (0..20).find_map(|_| {
        let mut ask = machine.start(&[&LONG[..], &["--json"]].concat());
        eventually("its intent", || (!machine.open_intents().is_empty() || !ask.is_running()).then_some(()));
        if ask.is_running() {
            ask.signal("INT");
        }
        let run = ask.end();
        (run.exit() == Some(130)).then(|| run.lines().pop()).flatten()
    });
    let answer = caught.expect("twenty answers were quicker than SIGINT");
    assert_eq!((&answer["stop"], &answer["text"].is_string()), (&"interrupted".into(), &true), "{answer}");
    machine.assert_log_valid();
}
