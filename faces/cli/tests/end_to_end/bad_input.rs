//! What cannot be done is said, with what to do about it, and leaves the log as it was.

use crate::common::{GENERAL, Machine, Run, mickai, not_checked, program_answers};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

#[test]
fn a_prompt_longer_than_the_context_is_refused_with_both_numbers() {
    let machine = Machine::with_model();
    let context = machine.object(&["model", "show", GENERAL])["context_tokens"].as_u64().unwrap();
    std::fs::write(machine.path("prompt"), "word and word ".repeat(2_000)).unwrap();
    for model in [GENERAL, "mickai-bootstrap"] {
        let context = if model == GENERAL { context } else { machine.object(&["model", "show", model])["context_tokens"].as_u64().unwrap() };
        let mut command = machine.command(&mickai(), &["ask", "-m", model, "-"]);
        command.stdin(std::fs::File::open(machine.path("prompt")).unwrap());
        let refused = Run::of(&mut command).code(1).says(&[&context.to_string(), "shorten"]);
        let numbers = refused.err.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse::<u64>().ok());
        assert!(numbers.into_iter().any(|number| number > context), "{}", refused.err);
    }
    assert_eq!(machine.lines(&["log", "list"]).len(), 3, "an act that could never begin is not on record");
    machine.assert_log_valid();
}

#[test]
fn what_is_not_there_is_named_and_so_is_what_is() {
    let machine = Machine::with_model();
    std::fs::write(machine.path("there.oar"), "mine").unwrap();
    std::fs::write(machine.path("garbage"), "no checkpoint").unwrap();
    let cases: [(&[&str], i32, &[&str]); 22] = [
        (&["ask", ""], 64, &["something to ask"]),
        (&["ask", "-"], 64, &["something to ask"]),
        (&["ask", "-m", "nobody", "hello"], 1, &["no model \"nobody\"", GENERAL, "mickai model import"]),
        (&["model", "show", "nobody"], 1, &["no model", GENERAL]),
        (&["model", "rm", "nobody"], 1, &["no model", GENERAL]),
        (&["model", "import", "nowhere.gguf"], 1, &["nowhere.gguf"]),
        (&["doctor", "--model", "nobody"], 1, &["no model"]),
        (&["log", "show", "999"], 1, &["no record \"999\"", "0 to 2"]),
        (&["log", "show", "ffffffffffff"], 1, &["no record", "0 to 2"]),
        (&["log", "export", "-o", "new.oar", "--record", "999"], 1, &["no record \"999\""]),
        (&["log", "export", "-o", "new.oar", "--range", "5-9"], 1, &["no records in that range"]),
        (&["log", "export", "-o", "new.oar", "--range", "nine"], 64, &["FIRST-LAST"]),
        (&["log", "export", "-o", "there.oar"], 1, &["there.oar exists", "another name"]),
        (&["log", "checkpoint", "-o", "there.oar"], 1, &["there.oar exists"]),
        (&["log", "list", "--when", "gibberish o'clock"], 64, &["gibberish"]),
        (&["log", "verify", "--checkpoint", "garbage"], 64, &["checkpoint"]),
        (&["log", "verify", "--checkpoint", "no-such-file"], 64, &["checkpoint"]),
        (&["replay", "999"], 1, &["no record \"999\""]),
        (&["replay", "1"], 1, &["not part of a generation"]),
        (&["replay", "1", "--record", "2"], 64, &["--record \"2\"", "bundle"]),
        (&["replay", "last", "--record", "2"], 64, &["--record \"2\"", "bundle"]),
        (&["replay", "there.oar"], 4, &["there.oar", "oar verify"]),
    ];
    for (args, exit, words) in cases {
        machine.run(args).code(exit).says(words);
    }
    assert_eq!(std::fs::read_to_string(machine.path("there.oar")).unwrap(), "mine");
    assert!(!machine.folder().join("new.oar").exists());
    assert_eq!(machine.lines(&["log", "list"]).len(), 3, "nothing was begun");
    machine.assert_log_valid();
}

#[test]
fn wrong_usage_is_64() {
    let machine = Machine::new();
    let unknown: [&[&str]; 9] = [
        &[],
        &["frobnicate"],
        &["ask"],
        &["log", "list", "--colour"],
        &["ask", "--temperature", "warm", "hello"],
        &["key", "show", "--pem", "--jwk"],
        &["--threads", "many", "doctor"],
        &["--threads", "100000", "doctor"],
        &["log", "export"],
    ];
    for args in unknown {
        let said = machine.run(args).code(64);
        assert!(said.err.contains("sage: mickai") || said.err.contains("--help"), "{args:?}: {}", said.err);
    }
    assert!(!machine.home().exists(), "no home for a command that was not understood");
    machine.run(&["--help"]).ok().says(&["Sovereign", "--home"]);
    machine.run(&["--version"]).ok();
}

#[test]
fn a_sampler_out_of_range_is_refused_before_the_record() {
    let machine = Machine::with_model();
    for flags in [["--temperature", "-1"], ["--temperature", "NaN"], ["--top-p", "2"], ["--min-p", "7"], ["--repetition", "0"]] {
        let flag = format!("{}={}", flags[0], flags[1]);
        let said = machine.run(&["ask", "-m", GENERAL, &flag, "hello"]);
        assert!(matches!(said.exit(), Some(1 | 64)), "{flag}: {said:?}");
        said.says(&[flags[0].trim_start_matches("--").split('-').next().unwrap()]);
    }
    assert_eq!(machine.lines(&["log", "list"]).len(), 3);
}

#[test]
fn nothing_is_changed_when_nobody_can_say_yes() {
    let machine = Machine::with_model();
    let mut changing = 0;
    for words in ["export everything to case.oar", "give me a pin to keep, in case.oar", "load /data/llama.gguf"] {
        let said = machine.run(&["ask", words]);
        if said.out.starts_with("not done") {
            said.code(1).says(&["would ", "--yes"]);
            changing += 1;
        }
    }
    assert!(changing > 0, "the embedded model understood none of these as a change");
    assert!(!machine.folder().join("case.oar").exists());
    let records = machine.lines(&["log", "list"]);
    let of_kind = |kind: &'static str| records.iter().skip(3).filter(move |record| record["kind"] == kind);
    assert!(of_kind("intent").all(|record| record["action"] == "generate"), "{records:?}");
    // That it was refused is on record, with the request that led to it.
    assert_eq!(of_kind("deny").count(), changing);
    for denied in of_kind("deny") {
        let denied = machine.object(&["log", "show", &denied["index"].to_string()]);
        assert_eq!((&denied["facts"], &denied["actor"][0]), (&serde_json::json!({ "reason": "unconfirmed" }), &"operator".into()));
        assert_eq!(denied["causes"][0][0], denied["index"].as_u64().unwrap() - 1);
    }
    machine.assert_log_valid();
}

#[test]
fn a_home_that_cannot_be_used_is_said() {
    let machine = Machine::new();
    std::fs::write(machine.path("file"), "").unwrap();
    machine.run(&["--home", "file", "doctor"]).code(1).says(&["file is not a home"]);
    machine.run(&["--home", "file/home", "doctor"]).code(1).says(&["file/home"]);
    std::fs::create_dir_all(machine.path("full/of")).unwrap();
    machine.run(&["--home", "full", "doctor"]).code(1).says(&["not a home of Mickai", "empty or a new folder"]);

    let isolated = ["--user", "--map-root-user", "--mount", "--"];
    if !program_answers("unshare", &[&isolated[..], &["true"]].concat()) {
        not_checked("a home on a disk that cannot be written: the kernel refuses to make a namespace");
        return;
    }
    std::fs::create_dir(machine.path("disk")).unwrap();
    let script = "mount -t tmpfs -o ro none disk && exec \"$0\" --home disk/home ask hello";
    let program = mickai();
    let args = [&isolated[..], &["sh", "-c", script, program.to_str().unwrap()]].concat();
    Run::of(&mut machine.command(Path::new("unshare"), &args)).code(1).says(&["disk/home", "ead-only"]);
}

#[test]
fn secrets_that_others_can_read_are_refused() {
    let machine = Machine::with_model();
    for secret in ["keys/operator.p8", "keys/vault.key", "recovery.mickai"] {
        let path = machine.home().join(secret);
        let mode = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        mode(0o644);
        machine.run(&["log", "list"]).code(1).says(&[secret, "chmod 600"]);
        mode(0o600);
    }
    machine.assert_log_valid();
}
