//! No socket is opened: the kernel is asked, not the code.

use crate::common::{GENERAL, Machine, Run, mickai, not_checked, oar, program_answers, vectors};
use std::path::Path;

/// A trace of the network calls of one program, with its end.
fn traced(machine: &Machine, program: &Path, args: &[&str]) -> (Run, String) {
    let trace = machine.path("trace");
    let flags = ["-f", "-e", "trace=%network", "-o", &trace, "--"];
    let program = program.to_str().unwrap();
    let run = Run::of(&mut machine.command(Path::new("strace"), &[&flags[..], &[program], args].concat()));
    let trace = std::fs::read_to_string(trace).unwrap();
    assert!(trace.contains("+++ exited with"), "the trace has no end: {trace}");
    (run, trace)
}

fn has_internet(trace: &str) -> bool {
    trace.contains("AF_INET")
}

#[test]
fn ask_replay_and_verify_open_no_internet_socket() {
    if !program_answers("strace", &["-f", "-o", "/dev/null", "-e", "trace=%network", "true"]) {
        not_checked("that ask, replay and oar verify open no socket: strace is not here, or the kernel refuses to trace");
        return;
    }
    let machine = Machine::new();
    // A check that cannot fail is none: this program does open such a socket, to nobody.
    let (_, canary) = traced(&machine, Path::new("python3"), &["-c", "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM)"]);
    assert!(has_internet(&canary), "strace does not see sockets: {canary}");

    let mut acts = vec![(mickai(), vec!["ask", "what has run on this machine so far?"], 0)];
    let model = vectors(&format!("{GENERAL}.gguf"));
    acts.push((mickai(), vec!["model", "import", &model], 0));
    acts.push((mickai(), vec!["ask", "-m", GENERAL, "--max-tokens", "20", "hello"], 0));
    acts.push((mickai(), vec!["replay", "1"], 0));
    acts.push((mickai(), vec!["replay", "5"], 0));
    acts.push((mickai(), vec!["log", "export", "--open", "all", "-o", "case.oar"], 0));
    acts.push((mickai(), vec!["replay", "case.oar", "--record", "1"], 0));
    acts.push((mickai(), vec!["log", "verify"], 2));
    acts.push((mickai(), vec!["settle"], 0));
    acts.push((mickai(), vec!["doctor"], 0));
    acts.push((oar(), vec!["verify", "case.oar"], 2));
    for (program, args, exit) in acts {
        let (run, trace) = traced(&machine, &program, &args);
        run.code(exit);
        assert!(!has_internet(&trace), "{args:?} opens a socket: {trace}");
    }
}

#[test]
fn all_works_where_there_is_no_network_at_all() {
    let isolated = ["--user", "--map-root-user", "--net", "--"];
    if !program_answers("unshare", &[&isolated[..], &["true"]].concat()) {
        not_checked("that ask and oar verify work without a network: the kernel refuses to make a namespace");
        return;
    }
    let machine = Machine::new();
    let run = |program: &Path, args: &[&str]| Run::of(&mut machine.command(Path::new("unshare"), &[&isolated[..], &[program.to_str().unwrap()], args].concat()));
    run(&mickai(), &["ask", "what has run on this machine so far?"]).ok().says(&["record 2 "]);
    run(&mickai(), &["replay", "1"]).ok().says(&["identical"]);
    run(&mickai(), &["settle"]).ok().says(&["settled on a chain of one: completeness still unwitnessed"]);
    run(&mickai(), &["log", "export", "-o", "case.oar"]).ok();
    run(&oar(), &["verify", "case.oar"]).code(2).says(&["STALE self-asserted-key"]);
}
