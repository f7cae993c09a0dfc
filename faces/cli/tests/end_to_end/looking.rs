//! Looking at a home: makes none, works on a damaged one, and loses nothing when whoever looks goes away.

use super::common::{GENERAL, Machine, mickai};
use std::io::Read;
use std::process::Stdio;

#[test]
fn a_mistyped_home_is_said_and_not_made() {
    let machine = Machine::new();
    let looks: [&[&str]; 10] = [
        &["log", "list"],
        &["log", "verify"],
        &["log", "fsck"],
        &["key", "show"],
        &["doctor"],
        &["model", "show", "mickai-bootstrap"],
        &["model", "verify", "mickai-bootstrap"],
        &["adapter", "list"],
        &["adapter", "show", "tone"],
        &["retention", "run", "--dry-run"],
    ];
    // What there is nothing of in a new home.
    let takes: [&[&str]; 7] = [
        &["erase", "1", "--all"],
        &["replay", "1"],
        &["model", "rm", GENERAL],
        &["model", "unpin", "mickai-bootstrap"],
        &["adapter", "remove", "tone"],
        &["adapter", "unpin", "tone"],
        &["retention", "run"],
    ];
    for args in looks.into_iter().chain(takes) {
        machine.run(args).code(1).says(&["no home at", "mickai ask"]);
    }
    // The model that every machine has is listed all the same.
    machine.run(&["model", "list"]).ok().says(&["mickai-bootstrap", "embedded", "no home at"]);
    assert_eq!(machine.object(&["model", "list"])["embedded"], true);
    assert!(!machine.home().exists());
}

#[test]
fn a_damaged_log_is_shown_by_the_command_that_its_error_names() {
    let machine = Machine::with_model();
    let segment = machine.home().join("log/00000000.seg");
    let mut bytes = std::fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    machine.run(&["log", "list"]).code(1).says(&["mickai log fsck"]);
    machine.run(&["log", "verify"]).code(1).says(&["damaged"]);
    machine.run(&["log", "fsck"]).code(1).says(&["damaged"]);
    machine.run(&["doctor"]).code(1).says(&["bad", "damaged"]);
}

#[test]
fn the_last_record_is_missed_too() {
    let machine = Machine::with_model();
    let segment = machine.home().join("log/00000000.seg");
    let bytes = std::fs::read(&segment).unwrap();
    std::fs::write(&segment, &bytes[..bytes.len() - 10]).unwrap();
    machine.run(&["log", "verify"]).code(1);
    machine.run(&["log", "fsck"]).code(1);
}

#[test]
fn a_reader_that_goes_away_leaves_no_act_open() {
    let machine = Machine::with_model();
    let mut child = machine.command(&mickai(), &["ask", "-m", GENERAL, "hello"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut first = [0];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(machine.open_intents(), Vec::<u64>::new());
    let last = machine.object(&["log", "show", "last"]);
    assert_eq!(last["outcome"], "executed");
    assert_eq!(last["facts"]["stop"], "interrupted");
}

#[test]
fn a_reader_that_goes_away_changes_no_code() {
    let machine = Machine::new();
    let ask = ["ask", "did anything change in the log?"];
    machine.run(&ask).code(2).says(&["STALE completeness-unwitnessed"]);
    for args in [&ask[..], &["log", "verify"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let status = machine.command(&mickai(), args).stdout(writer).stderr(Stdio::null()).status().unwrap();
        assert_eq!(status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn a_bundle_without_a_generation_is_not_replayed_in_silence() {
    let machine = Machine::with_model();
    machine.run(&["log", "export", "-o", "case.oar"]).ok();
    machine.run(&["replay", "case.oar"]).code(1).says(&["no generation"]);
    // What a record may be called is a record, whatever file is called so.
    for name in ["1", "beefbeefbeef", "bundle"] {
        std::fs::copy(machine.path("case.oar"), machine.path(name)).unwrap();
        machine.run(&["replay", &format!("./{name}")]).code(1).says(&["no generation"]);
    }
    machine.run(&["replay", "1"]).code(1).says(&["record 1 is not part of a generation"]);
    machine.run(&["replay", "beefbeefbeef"]).code(1).says(&["no record \"beefbeefbeef\""]);
    machine.run(&["replay", "bundle"]).code(1).says(&["no generation"]);
}
