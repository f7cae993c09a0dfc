//! The journey of one answer, row by row as the table in ARCHITECTURE.md has it, from a prompt to the same verdict by two programs.

use crate::common::{Machine, Run, typescript_verifier};
use serde_json::Value;
use std::path::Path;

#[test]
fn golden_path() {
    let machine = Machine::new();
    a_prompt_becomes_an_answer_and_two_records(&machine);
    the_records_say_what_ran(&machine);
    records_become_a_checkpoint(&machine);
    all_becomes_a_bundle(&machine);
    the_bundle_gets_its_verdict(&machine);
    another_program_gives_the_same_verdict(&machine);
    one_changed_byte_is_never_verified(&machine);
    the_answer_is_computed_again(&machine);
}

/// prompt → tokens → logits → text, act → record.
fn a_prompt_becomes_an_answer_and_two_records(machine: &Machine) {
    let asked = machine.run(&["ask", "what has run on this machine so far?"]).ok();
    let last = asked.out.lines().last().unwrap().to_owned();
    let records = machine.lines(&["log", "list"]);
    let kinds: Vec<&str> = records.iter().filter_map(|record| record["kind"].as_str()).collect();
    assert_eq!(kinds, ["genesis", "intent", "outcome"]);
    let digest = records[2]["digest"].as_str().unwrap();
    assert_eq!(digest.len(), 128);
    assert_eq!(last, format!("record 2 {digest}"), "the answer names its record and the digest");
    assert!(asked.err.lines().any(|line| line.starts_with("log.list")), "what was understood is shown: {}", asked.err);
}

fn the_records_say_what_ran(machine: &Machine) {
    let intent = machine.object(&["log", "show", "1"]);
    let models = machine.lines(&["model", "list"]);
    let facts = &intent["facts"];
    assert_eq!(facts["model"], models[0]["digest"]);
    assert_eq!(intent["actor"], serde_json::json!(["brain", models[0]["digest"]]));
    for name in ["tokenizer", "template", "edges"] {
        assert_eq!(facts[name].as_str().map(str::len), Some(64), "{name} by its digest: {facts}");
    }
    for name in ["arithmetic", "sampler", "seed", "temperature", "top_k", "top_p", "min_p", "repetition", "prompt_token_count", "token_count_max", "constraint"] {
        assert!(facts[name].is_string(), "{name} is on record: {facts}");
    }
    assert!(intent["commitments"]["prompt"].is_string() && intent["commitments"]["prompt_tokens"].is_string());
    let outcome = machine.object(&["log", "show", "2"]);
    assert_eq!((&outcome["intent"], &outcome["outcome"], &outcome["facts"]["stop"]), (&intent["digest"], &Value::from("executed"), &Value::from("end")));
    assert!(outcome["facts"]["output_token_count"].as_str().unwrap().parse::<u64>().unwrap() > 0);
    let opened = machine.object(&["log", "show", "1", "--open"]);
    assert_eq!(opened["opened"]["prompt"], "user: what has run on this machine so far?");
}

fn records_become_a_checkpoint(machine: &Machine) {
    machine.run(&["log", "checkpoint", "-o", "pin.txt"]).ok();
    let note = std::fs::read_to_string(machine.path("pin.txt")).unwrap();
    let lines: Vec<&str> = note.lines().collect();
    let log = machine.object(&["log", "show", "1"])["log"].as_str().unwrap().to_owned();
    assert_eq!((lines[0], lines[1]), (format!("mickai.log/{log}").as_str(), "3"));
}

fn all_becomes_a_bundle(machine: &Machine) {
    machine.run(&["log", "export", "--open", "all", "-o", "case.oar"]).ok().says(&["case.oar: 3 records from 0"]);
    let pem = machine.run(&["key", "show", "--pem"]).ok().out;
    assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----\n"));
    std::fs::write(machine.path("operator.pub"), pem).unwrap();
}

fn the_bundle_gets_its_verdict(machine: &Machine) {
    machine.oar(&["verify", "case.oar", "--key", "operator.pub"]).code(2).says(&["STALE completeness-unwitnessed"]);
    machine.oar(&["verify", "case.oar", "--key", "operator.pub", "--checkpoint", "pin.txt"]).ok().says(&["VERIFIED", "completeness", "pass"]);
    // The operator's own check goes by the same rules.
    machine.run(&["log", "verify", "--checkpoint", "pin.txt"]).code(2).says(&["after-reference"]);
}

/// The TypeScript verifier, on the same bundle with the same policies.
fn another_program_gives_the_same_verdict(machine: &Machine) {
    let Some(verifier) = typescript_verifier("on the golden path") else { return };
    for policy in [&[][..], &["--key", "operator.pub"], &["--key", "operator.pub", "--checkpoint", "pin.txt"]] {
        let args = [&["verify", "case.oar", "--json"], policy].concat();
        let ours = machine.oar(&args);
        let theirs = Run::of(&mut machine.command(Path::new("node"), &[&[verifier.to_str().unwrap()], args.as_slice()].concat()));
        assert_eq!(ours.exit(), theirs.exit(), "{policy:?}\n{}{}", theirs.out, theirs.err);
        let (ours, theirs) = (without_sentence(ours.lines()), without_sentence(theirs.lines()));
        assert!(ours[0]["axes"]["integrity"]["state"] == "pass" && ours == theirs, "{policy:?}\n{ours:?}\n{theirs:?}");
    }
}

/// The report without its sentence for people, which each verifier words itself.
fn without_sentence(mut report: Vec<Value>) -> Vec<Value> {
    for scope in report.iter_mut().filter_map(|report| report["scope"].as_object_mut()) {
        assert!(scope.remove("text").is_some_and(|text| text.as_str().is_some_and(|text| text.contains("records 0–2 of log "))));
    }
    report
}

fn one_changed_byte_is_never_verified(machine: &Machine) {
    let mut bytes = std::fs::read(machine.path("case.oar")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(machine.path("changed.oar"), bytes).unwrap();
    let verdict = machine.oar(&["verify", "changed.oar", "--key", "operator.pub", "--checkpoint", "pin.txt"]);
    assert!(matches!(verdict.exit(), Some(1 | 4)), "{verdict:?}");
    machine.run(&["replay", "changed.oar"]).code(1).says(&["nothing was replayed"]);
}

/// From the vault and from the bundle, also where neither the log nor the vault of the operator is.
fn the_answer_is_computed_again(machine: &Machine) {
    machine.run(&["replay", "1"]).ok().says(&["identical"]);
    machine.run(&["replay", "case.oar"]).ok().says(&["identical"]);
    let elsewhere = Machine::new();
    let replayed = elsewhere.object(&["replay", &machine.path("case.oar")]);
    assert_eq!((&replayed["identical"], &replayed["record"]), (&Value::from(true), &Value::from(1)));
    let facts = elsewhere.object(&["log", "show", "last"])["facts"].clone();
    assert_eq!(facts["identical"], "1", "the replay is on record: {facts}");
    machine.assert_log_valid();
}
