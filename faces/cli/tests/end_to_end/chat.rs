//! `mickai chat` with somebody at the keyboard: two turns of one conversation, Ctrl-C in an answer, Ctrl-D at the end.

use crate::common::{GENERAL, Machine, Step, Terminal, mickai};
use Step::{Sees, SeesBytes, Types};
use serde_json::Value;

const RECORD: &str = r"record \d+ [0-9a-f]{128}";
const PROMPT: &str = "> ";
const CTRL_C: &str = "\u{3}";
const CTRL_D: &str = "\u{4}";

#[test]
fn a_conversation_is_recorded_turn_by_turn_and_can_be_interrupted() {
    let machine = Machine::with_model();
    let mut steps = vec![Sees(PROMPT), Types("hello\r"), Sees(RECORD), Sees(PROMPT), Types("and again\r"), Sees(RECORD)];
    // An answer may be done before Ctrl-C comes; three times in a row it is not.
    for _ in 0..3 {
        steps.extend([Sees(PROMPT), Types("/new\r"), Sees(PROMPT), Types("go on\r"), Sees("\n"), SeesBytes(40), Types(CTRL_C), Sees(RECORD)]);
    }
    steps.extend([Sees(PROMPT), Types(CTRL_D)]);
    let terminal = Terminal { machine: &machine, env: &[] };
    let Some(run) = terminal.run(&mickai(), &["chat", "-m", GENERAL, "--max-tokens", "300"], &steps) else { return };
    run.ok();

    let records = machine.lines(&["log", "list"]);
    let of = |kind: &str| -> Vec<Value> {
        let fitting = records.iter().filter(|record| record["kind"] == kind && record["action"] == "generate");
        fitting.map(|record| machine.object(&["log", "show", &record["index"].to_string(), "--open"])).collect()
    };
    let (intents, outcomes) = (of("intent"), of("outcome"));
    assert_eq!((intents.len(), outcomes.len()), (5, 5));
    let stops: Vec<&str> = outcomes.iter().filter_map(|outcome| outcome["facts"]["stop"].as_str()).collect();
    assert!(!stops[..2].contains(&"interrupted") && stops[2..].contains(&"interrupted"), "{stops:?}");
    assert_eq!(intents[0]["opened"]["prompt"], "user: hello");
    let (first, second) = (outcomes[0]["opened"]["output"].as_str().unwrap(), intents[1]["opened"]["prompt"].as_str().unwrap());
    assert_eq!(second, format!("user: hello\nassistant: {first}\nuser: and again"), "the second turn knows the first");

    // What was said until then is on record, and is computed again as far as it went.
    let interrupted = outcomes.iter().find(|outcome| outcome["facts"]["stop"] == "interrupted").unwrap();
    machine.run(&["replay", &interrupted["index"].to_string()]).ok().says(&["identical"]);
    machine.assert_log_valid();
}

#[test]
fn a_chat_with_the_embedded_model_performs_verbs() {
    let machine = Machine::new();
    let steps = [Sees(PROMPT), Types("/help\r"), Sees("/new begins"), Sees(PROMPT), Types("what models do I have\r"), Sees(RECORD), Sees(PROMPT), Types("/exit\r")];
    let terminal = Terminal { machine: &machine, env: &[] };
    let Some(run) = terminal.run(&mickai(), &["chat"], &steps) else { return };
    run.ok().says(&["mickai-bootstrap"]);
    assert_eq!(machine.lines(&["log", "list"]).len(), 3);
}

#[test]
fn a_chat_on_a_pipe_ends_with_its_input() {
    let machine = Machine::with_model();
    let mut command = machine.command(&mickai(), &["chat", "-m", GENERAL, "--max-tokens", "5"]);
    std::fs::write(machine.path("lines"), "hello\nagain\n").unwrap();
    command.stdin(std::fs::File::open(machine.path("lines")).unwrap());
    let run = crate::common::Run::of(&mut command).ok();
    assert_eq!(run.out.lines().filter(|line| line.starts_with("record ")).count(), 2, "{}", run.out);
}
