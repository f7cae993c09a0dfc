//! Where the log cannot be written nothing happens: no file appears, none goes, no value is erased.

use crate::common::{GENERAL, Machine, Run, mickai, not_checked, program_answers};
use std::path::Path;

/// The acts with a side effect that a person would see.
const ACTS: [&[&str]; 5] =
    [&["log", "export", "-o", "case.oar"], &["model", "rm", GENERAL], &["erase", "3", "--all"], &["retention", "set", "prompt", "--keep", "0s"], &["ask", "-m", GENERAL, "hello"]];

fn machine() -> Machine {
    let machine = Machine::with_model();
    machine.run(&["ask", "-m", GENERAL, "--max-tokens", "3", "hello"]).ok();
    machine
}

fn nothing_happened(machine: &Machine, act: &[&str]) {
    assert_eq!(machine.lines(&["log", "list"]).len(), 5, "{act:?}");
    assert!(!machine.folder().join("case.oar").exists(), "{act:?}");
    assert_eq!(machine.lines(&["model", "list"]).len(), 2, "{act:?}");
    assert!(!machine.home().join("retention").exists(), "{act:?}");
    assert_eq!(machine.object(&["log", "show", "3", "--open"])["opened"].as_object().unwrap().len(), 2, "{act:?}");
}

/// No file may grow beyond the segment's length, so the intent is refused as on a full disk.
#[test]
fn a_full_log_permits_nothing() {
    let machine = machine();
    let segment = std::fs::metadata(machine.home().join("log/00000000.seg")).unwrap().len();
    let script = format!("ulimit -f {} && trap '' XFSZ && exec \"$0\" \"$@\"", segment / 1_024);
    for act in ACTS {
        let program = mickai();
        let args = [&["-c", &script, program.to_str().unwrap()], act].concat();
        let said = Run::of(&mut machine.command(Path::new("bash"), &args)).code(1);
        assert!(said.err.contains("cannot write") && said.out.is_empty(), "{act:?}: {said:?}");
        nothing_happened(&machine, act);
    }
    machine.run(&["log", "fsck"]).ok();
    machine.assert_log_valid();
}

#[test]
fn a_read_only_home_permits_nothing() {
    let isolated = ["--user", "--map-root-user", "--mount", "--"];
    if !program_answers("unshare", &[&isolated[..], &["true"]].concat()) {
        not_checked("acts on a home that cannot be written: the kernel refuses to make a namespace");
        return;
    }
    let machine = machine();
    let script = "mount --bind \"$MICKAI_HOME\" \"$MICKAI_HOME\" && mount -o remount,ro,bind \"$MICKAI_HOME\" && exec \"$0\" \"$@\"";
    for act in ACTS {
        let program = mickai();
        let args = [&isolated[..], &["sh", "-c", script, program.to_str().unwrap()], act].concat();
        let said = Run::of(&mut machine.command(Path::new("unshare"), &args)).code(1);
        assert!(said.err.contains("ead-only") && said.out.is_empty(), "{act:?}: {said:?}");
        nothing_happened(&machine, act);
    }
    machine.assert_log_valid();
}
