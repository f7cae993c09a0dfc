//! `mickai chat` with somebody at the keyboard: two turns of one conversation, Ctrl-C in an answer, Ctrl-D at the end.

use crate::common::{GENERAL, Machine, Run, Step, Terminal, mickai};
use Step::{Sees, SeesBytes, Types};
use serde_json::Value;

const RECORD: &str = r"record \d+ [0-9a-f]{128}";
const PROMPT: &str = "> ";
const CTRL_C: &str = "\u{3}";
const CTRL_D: &str = "\u{4}";

#[test]
fn a_conversation_is_recorded_turn_by_turn() {
    let machine = Machine::with_model();
    let steps = [Sees(PROMPT), Types("hello\r"), Sees(RECORD), Sees(PROMPT), Types("and again\r"), Sees(RECORD), Sees(PROMPT), Types("/new\r"), Sees(PROMPT)];
    let end = [Types("afresh\r"), Sees(RECORD), Sees(PROMPT), Types(CTRL_D)];
    if !chatted(&machine, "40", steps.into_iter().chain(end).collect()) {
        return;
    }
    let (intents, outcomes) = (generations(&machine, "intent"), generations(&machine, "outcome"));
    assert_eq!((intents.len(), outcomes.len()), (3, 3));
    let prompts: Vec<&str> = intents.iter().filter_map(|intent| intent["opened"]["prompt"].as_str()).collect();
    let first = outcomes[0]["opened"]["output"].as_str().unwrap();
    assert_eq!(prompts, ["user: hello", &format!("user: hello\nassistant: {first}\nuser: and again"), "user: afresh"], "a turn knows those before it");
    machine.run(&["replay", &outcomes[1]["index"].to_string()]).ok().says(&["identical"]);
    machine.assert_log_valid();
}

#[test]
fn ctrl_c_stops_an_answer_and_is_on_record() {
    let machine = Machine::with_model();
    // An answer may be done before Ctrl-C comes; three times in a row it is not.
    let tries = (0..3).flat_map(|_| [Sees(PROMPT), Types("/new\r"), Sees(PROMPT), Types("hello\r"), SeesBytes(200), Types(CTRL_C), Sees(RECORD)]);
    if !chatted(&machine, "2000", tries.chain([Sees(PROMPT), Types(CTRL_D)]).collect()) {
        return;
    }
    let outcomes = generations(&machine, "outcome");
    let stops: Vec<&str> = outcomes.iter().filter_map(|outcome| outcome["facts"]["stop"].as_str()).collect();
    assert!(stops.len() == 3 && stops.contains(&"interrupted"), "{stops:?}");
    // What was said until then is on record, and is computed again as far as it went.
    let interrupted = outcomes.iter().find(|outcome| outcome["facts"]["stop"] == "interrupted").unwrap();
    assert_eq!(interrupted["outcome"], "executed");
    assert!(interrupted["facts"]["output_token_count"].as_str().unwrap().parse::<u32>().unwrap() < 1_997);
    machine.run(&["replay", &interrupted["index"].to_string()]).ok().says(&["identical"]);
    machine.assert_log_valid();
}

/// Has a conversation with the general model; `false` where no terminal can be had.
fn chatted(machine: &Machine, max_tokens: &str, steps: Vec<Step>) -> bool {
    let terminal = Terminal { machine, env: &[] };
    terminal.run(&mickai(), &["chat", "-m", GENERAL, "--max-tokens", max_tokens], &steps).map(Run::ok).is_some()
}

/// The records of generations, with what they commit to.
fn generations(machine: &Machine, kind: &str) -> Vec<Value> {
    let records = machine.lines(&["log", "list", "--kind", kind, "--action", "generate"]);
    records.iter().map(|record| machine.object(&["log", "show", &record["index"].to_string(), "--open"])).collect()
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
    let run = Run::of(&mut command).ok();
    assert_eq!(run.out.lines().filter(|line| line.starts_with("record ")).count(), 2, "{}", run.out);
}
