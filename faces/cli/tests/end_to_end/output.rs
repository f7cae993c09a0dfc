//! What is printed, and where the home is: JSON lines, tables, completions, man pages, colours, folders.

use crate::common::{GENERAL, Machine, Run, Step, Terminal, mickai, vectors};
use serde_json::Value;
use std::path::Path;

#[test]
fn every_listing_and_every_answer_is_json_when_asked() {
    let machine = Machine::with_model();
    let answer = machine.object(&["ask", "-m", GENERAL, "--max-tokens", "5", "hello"]);
    assert_eq!((&answer["stop"], &machine.object(&["log", "show", "last"])["facts"]["stop"]), (&Value::from("limit"), &Value::from("limit")), "{answer}");
    let lists: [(&[&str], &[&str], usize); 5] = [
        (&["log", "list"], &["index", "time_ms", "kind", "action", "outcome", "digest"], 5),
        (&["log", "list", "--kind", "intent", "--action", "generate", "--when", "last 2 hours"], &["index"], 1),
        (&["log", "tail", "-n", "2"], &["index", "digest"], 2),
        (&["model", "list"], &["name", "digest", "bytes", "embedded"], 2),
        (&["model", "show", GENERAL, "--tensors"], &["name", "shape", "type", "digest", "mean", "deviation", "min", "max"], 20),
    ];
    for (args, fields, count) in lists {
        let lines = machine.lines(args);
        assert_eq!(lines.len(), count, "{args:?}");
        for (line, field) in lines.iter().flat_map(|line| fields.iter().map(move |field| (line, field))) {
            assert!(line.get(field).is_some(), "{args:?} has {field}: {line}");
        }
    }
    assert!(machine.lines(&["doctor"]).iter().all(|check| check["state"] != "bad" && check["what"].is_string()));
    for args in [
        &["log", "show", "3", "--open"][..],
        &["log", "fsck"],
        &["log", "checkpoint"],
        &["model", "show", GENERAL],
        &["replay", "3"],
        &["key", "show"],
        &["ask", "what models do I have"],
    ] {
        assert!(machine.object(args).is_object(), "{args:?}");
    }
    let verdict = machine.run(&["log", "verify", "--json"]).code(2).lines();
    assert_eq!((&verdict[0]["verdict"], &verdict[0]["exit"]), (&Value::from("STALE"), &Value::from(2)));
    let jwk = machine.object(&["key", "show", "--jwk"]);
    assert_eq!((&jwk["kty"], &jwk["alg"]), (&Value::from("AKP"), &Value::from("ML-DSA-65")));
}

#[test]
fn tables_have_a_header_and_one_line_an_entry() {
    let machine = Machine::with_model();
    let first = |args: &[&str]| machine.run(args).ok().out.lines().next().unwrap().split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(first(&["model", "show", GENERAL, "--tensors"]), ["name", "shape", "type", "digest", "mean", "deviation", "min", "max"]);
    assert_eq!(first(&["log", "list"]), ["record", "time", "kind", "action", "outcome", "digest"]);
    assert_eq!(first(&["model", "list"]), ["name", "digest", "size", "from", "pin"]);
    assert_eq!(machine.run(&["log", "list"]).ok().out.lines().count(), 4);
    let tensors = machine.run(&["model", "show", GENERAL, "--tensors"]).ok();
    let row = tensors.out.lines().find(|line| line.starts_with("model.layers.0.self_attn.q_proj.weight")).unwrap();
    let cells: Vec<&str> = row.split_whitespace().collect();
    assert_eq!((cells.len(), cells[1], cells[2], cells[3].len()), (8, "64x64", "f32", 64), "{row}");
}

#[test]
fn completions_and_man_pages_are_generated_without_a_home() {
    let machine = Machine::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(machine.run(&["completions", shell]).ok().out.contains("checkpoint"), "{shell}");
    }
    machine.run(&["man", "pages"]).ok();
    for page in ["mickai.1", "mickai-ask.1", "mickai-log-verify.1", "mickai-model-import.1"] {
        assert!(std::fs::read_to_string(machine.folder().join("pages").join(page)).unwrap().contains(".TH"), "{page}");
    }
    assert!(!machine.home().exists());
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = machine.command(&mickai(), &["completions", "bash"]).stdout(full).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && said.starts_with("mickai: standard input or output: "), "{said}");
}

#[test]
fn a_value_passes_neither_for_a_line_of_ours_nor_for_a_command_to_the_terminal() {
    let machine = Machine::with_model();
    machine.run(&["ask", "-m", GENERAL, "--max-tokens", "2", "a\u{1b}[2J\u{202e}\nopened     output = forged"]).ok();
    let shown = machine.run(&["log", "show", "3", "--open"]).ok().out;
    assert!(shown.contains("a\\u{1b}[2J\\u{202e}\n           opened     output = forged"), "{shown}");
    assert!(!shown.contains(['\u{1b}', '\u{202e}']) && !shown.lines().any(|line| line.starts_with("opened     output")), "{shown}");
    let opened = machine.object(&["log", "show", "3", "--open"])["opened"]["prompt"].clone();
    assert!(opened.as_str().unwrap().contains("a\u{1b}[2J\u{202e}\nopened     output = forged"), "{opened}");
}

/// `2>&1 | true`: what is being done goes on, and ends with its code.
#[test]
fn nobody_at_standard_error_changes_nothing() {
    let machine = Machine::new();
    let model = vectors(&format!("{GENERAL}.gguf"));
    for (args, exit) in
        [(&["model", "import", &model][..], 0), (&["log", "list", "--when", "today"], 0), (&["model", "show", "nobody"], 1), (&["log", "list", "--when", "gibberish o'clock"], 64)]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = machine.command(&mickai(), args).stderr(writer).output().unwrap();
        assert_eq!(output.status.code(), Some(exit), "{args:?}");
    }
    assert!(machine.open_intents().is_empty());
    machine.assert_log_valid();
}

#[test]
fn no_colour_where_none_is_wanted() {
    let machine = Machine::new();
    let coloured = |env: &[(&str, &str)], args: &[&str]| {
        let shown = Terminal { machine: &machine, env }.run(&mickai(), args, &[] as &[Step])?;
        Some(shown.out.contains("\u{1b}[1m") || shown.out.contains("\u{1b}[3") || shown.out.contains("\u{1b}[4m"))
    };
    let Some(plain) = coloured(&[("NO_COLOR", "1")], &["--help"]) else { return };
    assert!(!plain);
    assert_eq!(coloured(&[], &["--help"]), Some(true), "a terminal gets emphasis, or this test sees nothing");
    assert_eq!(coloured(&[("NO_COLOR", "1")], &["ask", "what models do I have"]), Some(false));
    assert_eq!(coloured(&[("NO_COLOR", "1")], &["log", "fsck"]), Some(false));
}

#[test]
fn the_home_is_where_the_flag_the_variable_or_the_standard_says() {
    let machine = Machine::new();
    let made = |setting: &dyn Fn(&mut std::process::Command), args: &[&str], wanted: &str| {
        let mut command = machine.command(&mickai(), &[args, &["log", "checkpoint"]].concat());
        command.env_remove("MICKAI_HOME").env("HOME", machine.path("user"));
        setting(&mut command);
        Run::of(&mut command).ok();
        let home = machine.folder().join(wanted);
        assert!(home.join("format").is_file(), "{wanted}");
        std::fs::remove_dir_all(home).unwrap();
    };
    made(&|_| {}, &[], "user/.local/share/mickai");
    made(&|command| _ = command.env("XDG_DATA_HOME", machine.path("data")), &[], "data/mickai");
    made(&|command| _ = command.env("XDG_DATA_HOME", "relative"), &[], "user/.local/share/mickai");
    made(&|command| _ = command.env("XDG_DATA_HOME", machine.path("data")).env("MICKAI_HOME", machine.path("variable")), &[], "variable");
    made(&|command| _ = command.env("MICKAI_HOME", machine.path("variable")), &["--home", "flag"], "flag");
    made(&|_| {}, &["--home", "./a/new/folder"], "a/new/folder");
}

#[test]
fn cargo_run_means_mickai() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut command = std::process::Command::new(env!("CARGO"));
    command.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]).current_dir(root);
    let metadata = Run::of(&mut command).ok().lines().remove(0);
    assert_eq!(metadata["workspace_default_members"], metadata["workspace_members"], "no default-members");
    let packages = metadata["packages"].as_array().unwrap();
    let defaults: Vec<(&str, &str)> = packages.iter().filter_map(|package| Some((package["name"].as_str()?, package["default_run"].as_str()?))).collect();
    assert_eq!(defaults, [("mickai-cli", "mickai")]);
}
