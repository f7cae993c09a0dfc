//! Values are shown to whom the operator chooses, erased for good on the operator's word or by the policy, and every verdict stays what it was.

use crate::common::{GENERAL, Machine, eventually};
use crate::crash::{Points, time_of};
use serde_json::{Value, json};
use std::path::PathBuf;

const ASK: [&str; 6] = ["ask", "-m", GENERAL, "--max-tokens", "3", "hello"];

/// Records 3 and 4 are an answer of the general model.
fn machine() -> Machine {
    let machine = Machine::with_model();
    machine.run(&ASK).ok();
    std::fs::write(machine.path("operator.pub"), machine.run(&["key", "show", "--pem"]).ok().out).unwrap();
    machine
}

fn vault_file(machine: &Machine, record: u64) -> PathBuf {
    machine.home().join(format!("vault/00000000/000/{record:08x}.v"))
}

fn opened(machine: &Machine, record: &str) -> Vec<String> {
    machine.object(&["log", "show", record, "--open"])["opened"].as_object().unwrap().keys().cloned().collect()
}

fn verified(machine: &Machine, bundle: &str) {
    machine.oar(&["verify", bundle, "--key", "operator.pub", "--checkpoint", "pin.txt"]).ok().says(&["VERIFIED"]);
}

#[test]
fn an_erasure_as_its_operator_sees_it() {
    let machine = machine();
    machine.run(&["log", "export", "--open", "all", "-o", "before.oar"]).ok();
    let erased = machine.run(&["erase", "3", "--field", "prompt"]).ok();
    erased.says(&["erased prompt, prompt_tokens of record 3; record 8 says so", "the same act still keeps output of record 4, output_tokens of record 4"]);
    // The record says which record erased what, and that record says what it erased.
    machine.run(&["log", "show", "3"]).ok().says(&["ERASED by record 8"]);
    let shown = machine.object(&["log", "show", "3", "--open"]);
    assert_eq!((&shown["erased"], &shown["opened"]), (&json!({ "prompt": 8, "prompt_tokens": 8 }), &json!({})));
    let record = machine.object(&["log", "show", "8"]);
    assert_eq!((&record["kind"], &record["action"], &record["actor"][0]), (&json!("erase"), &json!("erase"), &json!("operator")));
    assert_eq!((&record["facts"]["record"], &record["facts"]["labels"], &record["facts"]["record_digest"]), (&json!("3"), &json!("prompt, prompt_tokens"), &shown["digest"]));
    assert_eq!(record["causes"][0][0], 7);
    let outcome = machine.object(&["log", "show", "9"]);
    assert_eq!((&outcome["outcome"], &outcome["action"]), (&json!("executed"), &json!("erase")));
    assert!(!vault_file(&machine, 3).exists() && vault_file(&machine, 4).exists());
    assert_eq!(opened(&machine, "4"), ["output", "output_tokens"]);
    // Nothing about the log's own verdict changes.
    machine.run(&["log", "checkpoint", "-o", "pin.txt"]).ok();
    machine.run(&["log", "fsck"]).ok().says(&["clean", "2 not kept"]);
    let exported = machine.run(&["log", "export", "--open", "all", "-o", "after.oar"]).ok();
    exported.says(&["not shown: prompt of record 3, erased by record 8", "not shown: prompt_tokens of record 3, erased by record 8"]);
    verified(&machine, "after.oar");
    // The verdict is what it was, and lists what is gone.
    let verdict = machine.oar(&["verify", "after.oar", "--key", "operator.pub", "--checkpoint", "pin.txt", "--json"]).ok();
    assert_eq!(verdict.lines()[0]["scope"]["erased"], json!([[3, "prompt", 8], [3, "prompt_tokens", 8]]));
    machine.run(&["log", "verify"]).code(2).says(&["STALE completeness-unwitnessed", "erased: 3 prompt by 8, 3 prompt_tokens by 8"]);
    // What a replay lacks, it names; whoever was given the value before still has it.
    let gone = ["the prompt of record 3 was erased by record 8"];
    machine.run(&["replay", "3"]).code(1).says(&gone);
    machine.run(&["replay", "after.oar"]).code(1).says(&gone);
    machine.run(&["replay", "before.oar"]).ok().says(&["identical"]);
}

#[test]
fn the_rest_of_a_record_goes_later_and_once_only() {
    let machine = machine();
    machine.run(&["erase", "4", "--field", "output_tokens"]).ok().says(&["erased output_tokens of record 4"]);
    assert_eq!(opened(&machine, "4"), ["output"]);
    machine.run(&["erase", "4", "--field", "output_tokens"]).code(1).says(&["erased already, by record 6"]);
    machine.run(&["erase", "4", "--all"]).ok().says(&["erased output of record 4"]);
    machine.run(&["erase", "4", "--all"]).code(1).says(&["erased already"]);
    machine.run(&["erase", "last", "--all"]).code(1).says(&["commits to no values"]);
    machine.assert_log_valid();
}

#[test]
fn what_cannot_be_erased_is_said_and_nothing_begins() {
    let machine = machine();
    let size = machine.lines(&["log", "list"]).len();
    let long = "x".repeat(300);
    let cases: [(&[&str], i32, &[&str]); 11] = [
        (&["erase", "3"], 64, &["--field", "--all"]),
        (&["erase", "--all"], 64, &["RECORD"]),
        (&["erase", "3", "--all", "--field", "prompt"], 64, &["cannot be used with"]),
        (&["erase", "3", "--field", "output"], 1, &["record 3 has no value \"output\"", "prompt, prompt_tokens"]),
        (&["erase", "3", "--field", "prompt,secret"], 1, &["no value \"secret\""]),
        (&["erase", "3", "--field", &long], 1, &["no value"]),
        (&["erase", "3", "--field", ""], 1, &["no value \"\""]),
        (&["erase", "0", "--all"], 1, &["commits to no values"]),
        (&["erase", "999", "--all"], 1, &["no record \"999\"", "0 to 4"]),
        (&["erase", "18446744073709551615", "--all"], 1, &["no record"]),
        (&["erase", "../../etc", "--all"], 1, &["no record"]),
    ];
    for (args, exit, words) in cases {
        machine.run(args).code(exit).says(words);
    }
    assert_eq!(machine.lines(&["log", "list"]).len(), size);
    // A value that is gone without a record is not called erased.
    std::fs::remove_file(vault_file(&machine, 3)).unwrap();
    machine.run(&["erase", "3", "--all"]).code(1).says(&["the vault does not have the prompt of record 3"]);
    machine.run(&["replay", "3"]).code(1).says(&["the prompt of record 3 is not here"]);
    machine.run(&["log", "export", "--open", "prompt", "-o", "case.oar"]).ok().says(&["not shown: prompt of record 3, which the vault does not have"]);
    // Nor is a file that cannot be read.
    std::fs::write(vault_file(&machine, 4), b"mickaiV1\xff").unwrap();
    machine.run(&["erase", "4", "--all"]).code(1).says(&["not a vault file", "mickai log fsck"]);
    machine.run(&["log", "fsck"]).code(1).says(&["record 4"]);
    machine.assert_log_valid();
}

#[test]
fn an_old_copy_of_the_vault_brings_nothing_back() {
    let machine = machine();
    let before = std::fs::read(vault_file(&machine, 3)).unwrap();
    machine.run(&["erase", "3", "--all"]).ok();
    std::fs::write(vault_file(&machine, 3), before).unwrap();
    machine.run(&["log", "fsck"]).ok().says(&["2 erased values are still here"]);
    // Whoever acts next destroys it again; signing a checkpoint opens the log for writing, and adds no record.
    let size = machine.lines(&["log", "list"]).len();
    machine.run(&["log", "checkpoint"]).ok();
    assert!(!vault_file(&machine, 3).exists());
    assert_eq!(machine.lines(&["log", "list"]).len(), size);
}

/// Killed at six points of an erasure: afterwards the record says ERASED and the value is gone, or neither.
#[test]
fn an_erasure_killed_anywhere_is_whole_or_not_at_all() {
    let machine = machine();
    let whole = time_of(&machine, &["erase", "3", "--field", "prompt"]);
    let mut points = Points(0x6572_6173_6521);
    for sixth in 0..6 {
        machine.run(&ASK).ok();
        let records = machine.lines(&["log", "list"]);
        let intent = records[records.len() - 2]["index"].as_u64().unwrap();
        machine.start(&["erase", &intent.to_string(), "--all"]).kill_after(points.within(whole, sixth, 6));
        machine.run(&["log", "checkpoint"]).ok();
        let shown = machine.object(&["log", "show", &intent.to_string(), "--open"]);
        let (erased, opened) = (shown["erased"].as_object().unwrap().len(), shown["opened"].as_object().unwrap().len());
        assert!((erased, opened) == (2, 0) || (erased, opened) == (0, 2), "{shown}");
        assert_eq!(vault_file(&machine, intent).exists(), opened == 2);
        assert!(machine.open_intents().iter().all(|open| *open < intent), "the next start closed it");
        machine.run(&["log", "fsck"]).ok();
    }
    machine.assert_log_valid();
}

#[test]
fn an_export_shows_what_is_chosen() {
    let machine = machine();
    machine.run(&ASK).ok();
    machine.run(&["log", "checkpoint", "-o", "pin.txt"]).ok();
    // An export's own records come after what it exports, so the same records are exported each time.
    let cases: [(&str, usize, Value); 6] = [
        ("prompt", 4, json!("prompt")),
        ("3:prompt", 2, json!("3:prompt")),
        ("3:prompt,6:output", 4, json!("3:prompt, 6:output")),
        ("3:prompt_tokens", 1, json!("3:prompt_tokens")),
        ("all", 8, json!("all")),
        ("5:all,prompt", 4, json!("5:all, prompt")),
    ];
    for (place, (open, count, fact)) in cases.into_iter().enumerate() {
        let name = format!("case{place}.oar");
        machine.run(&["log", "export", "--range", "0-6", "--open", open, "-o", &name]).ok();
        let verdict = machine.oar(&["verify", &name, "--key", "operator.pub", "--require", "integrity,authenticity,inclusion", "--json"]).ok();
        assert_eq!(verdict.lines()[0]["scope"]["opened"], count, "{open}");
        // Who was shown what is on record.
        let records = machine.lines(&["log", "list"]);
        let intent = machine.object(&["log", "show", &(records.len() - 2).to_string()]);
        assert_eq!((&intent["action"], &intent["facts"]["open"]), (&json!("log.export"), &fact));
    }
    let size = machine.lines(&["log", "list"]).len();
    let wrong: [(&str, i32, &[&str]); 6] = [
        ("promt", 1, &["no record of the selection has a value \"promt\"", "output, output_tokens, prompt, prompt_tokens"]),
        ("3:output", 1, &["no record of the selection has a value \"3:output\""]),
        ("999:all", 1, &["no record of the selection"]),
        ("x:prompt", 64, &["\"x:prompt\" names no value", "12:prompt"]),
        ("", 64, &["names no value"]),
        (&vec!["prompt"; 65].join(","), 64, &["at most 64"]),
    ];
    for (open, exit, words) in wrong {
        machine.run(&["log", "export", "--open", open, "-o", "wrong.oar"]).code(exit).says(words);
    }
    assert_eq!(machine.lines(&["log", "list"]).len(), size);
    assert!(!machine.folder().join("wrong.oar").exists());
    // The first of them was made at the size of the pin.
    verified(&machine, "case0.oar");
}

#[test]
fn retention_as_its_operator_sees_it() {
    let machine = machine();
    machine.run(&["retention", "show"]).ok().says(&["policy version 0: nobody has set one", "keep forever, do not train on it: default", "generate", "prompt_tokens"]);
    machine.run(&["retention", "run"]).ok().says(&["nothing is due"]);
    machine.run(&["retention", "set", "output", "--keep", "30d", "--train", "yes"]).ok().says(&["policy version 1: record 5", "keep 30d, may train on it: label output"]);
    machine.run(&["retention", "run"]).ok().says(&["nothing is due"]);
    let set = machine.object(&["retention", "set", "prompt", "--action", "generate", "--keep", "0s"]);
    assert_eq!((&set["version"], &set["rules"][1], &set["intent"]), (&json!(2), &json!({ "label": "output", "action": null, "keep": "30d", "train": true }), &json!(7)));
    assert_eq!(machine.object(&["log", "show", "7"])["facts"]["retention"].as_str().unwrap().as_bytes(), std::fs::read(machine.home().join("retention")).unwrap());
    let shown = machine.object(&["retention", "show"]);
    let row = |label: &str| shown["held"].as_array().unwrap().iter().find(|row| row["label"] == label).unwrap().clone();
    assert_eq!((&row("prompt")["due"], &row("prompt")["keep"], &row("output")["due"], &row("output")["train"]), (&json!(1), &json!("0s"), &json!(0), &json!(true)));
    machine.run(&["retention", "run", "--dry-run"]).ok().says(&["would erase 2 values of 1 records"]);
    assert_eq!(opened(&machine, "3").len(), 2);
    machine.run(&["retention", "run"]).ok().says(&["erased 2 values of 1 records", "records 9 to 11 say so"]);
    machine.run(&["log", "show", "3"]).ok().says(&["ERASED by record 10"]);
    // The act was done under the policy that wanted it.
    let (intent, policy) = (machine.object(&["log", "show", "9"]), machine.object(&["retention", "show"]));
    assert_eq!((&intent["authority"], &intent["action"]), (&json!([policy["digest"], 2]), &json!("retention.run")));
    assert_eq!(opened(&machine, "4").len(), 2);
    machine.run(&["retention", "set", "prompt", "--action", "generate", "--remove"]).ok();
    assert_eq!(machine.object(&["retention", "show"])["rules"].as_array().unwrap().len(), 2);
    machine.assert_log_valid();
}

/// What cannot be read is named, and the code says that not all is erased.
#[test]
fn a_run_that_could_not_erase_everything_is_no_success() {
    let machine = machine();
    machine.run(&["retention", "set", "default", "--keep", "0s"]).ok();
    std::fs::write(vault_file(&machine, 3), b"mickaiV1\xff").unwrap();
    let unreadable = "the vault files of records [3] cannot be read";
    machine.run(&["retention", "run", "--dry-run"]).code(1).says(&["would erase 2 values of 1 records", unreadable]);
    machine.run(&["retention", "run"]).code(1).says(&["erased 2 values of 1 records", unreadable, "mickai log fsck"]);
    assert!(!vault_file(&machine, 4).exists());
}

#[test]
fn an_automatic_policy_erases_before_the_next_act() {
    let machine = machine();
    machine.run(&["retention", "set", "--automatic", "yes"]).ok().says(&["at the start of every process that acts"]);
    machine.run(&["retention", "set", "default", "--keep", "0s"]).ok();
    // Looking changes nothing.
    machine.run(&["retention", "show"]).ok().says(&["4 values", "are due"]);
    assert_eq!(opened(&machine, "4").len(), 2);
    machine.run(&ASK).ok().says(&["retention: erased 4 values of 2 records", "record 14 "]);
    machine.run(&["log", "show", "4"]).ok().says(&["ERASED by record 11"]);
    assert_eq!(machine.object(&["log", "show", "9"])["actor"], json!(["system", "0".repeat(64)]));
    machine.run(&["retention", "set", "--automatic", "no"]).ok();
    assert_eq!(opened(&machine, "14").len(), 2);
    machine.run(&["log", "fsck"]).ok();
    machine.assert_log_valid();
}

#[test]
fn a_policy_that_cannot_be_is_refused() {
    let machine = machine();
    let size = machine.lines(&["log", "list"]).len();
    let cases: [(&[&str], i32, &[&str]); 11] = [
        (&["retention", "set"], 64, &["LABEL"]),
        (&["retention", "set", "prompt"], 64, &["nothing to change"]),
        (&["retention", "set", "prompt", "--keep", "a while"], 64, &["--keep \"a while\"", "30d"]),
        (&["retention", "set", "prompt", "--keep", "-3d"], 64, &["-3"]),
        (&["retention", "set", "prompt", "--keep", "99999999999999999999y"], 64, &["30d"]),
        (&["retention", "set", "prompt", "--train", "maybe"], 64, &["yes"]),
        (&["retention", "set", "prompt_tokens", "--keep", "3d"], 64, &["set the rule for prompt"]),
        (&["retention", "set", "two words", "--keep", "3d"], 64, &["\"two words\"", "no white space"]),
        (&["retention", "set", "prompt", "--remove"], 64, &["no rule for label prompt"]),
        (&["retention", "set", "default", "--remove"], 64, &["can be changed and not removed"]),
        (&["retention", "run", "--when", "now"], 64, &["--when"]),
    ];
    for (args, exit, words) in cases {
        machine.run(args).code(exit).says(words);
    }
    assert_eq!(machine.lines(&["log", "list"]).len(), size);
    // A copy that somebody changed decides nothing, and is said.
    machine.run(&["retention", "set", "prompt", "--keep", "30d"]).ok();
    std::fs::write(machine.home().join("retention"), "mickai-retention 1\nversion 2\nautomatic yes\nkeep 0s train yes\n").unwrap();
    machine.run(&["retention", "show"]).ok().says(&["is not the policy on record", "keep 30d"]);
    machine.run(&["retention", "run"]).ok().says(&["nothing is due"]);
    machine.run(&ASK).ok();
    assert_eq!(opened(&machine, "3").len(), 2);
    machine.run(&["doctor"]).ok().says(&["retention", "is not the policy on record"]);
}

/// While one process writes, an erasure waits for it like every act, and looking does not.
#[test]
fn an_erasure_waits_for_its_turn() {
    let machine = machine();
    let (long, _) = machine.held();
    machine.run(&["retention", "show"]).ok();
    let erasure = machine.start(&["erase", "3", "--all"]);
    eventually("the erasure to wait", || machine.has_at_its_lock(&erasure).then_some(()));
    long.end().ok();
    erasure.end().ok();
    machine.assert_log_valid();
}
