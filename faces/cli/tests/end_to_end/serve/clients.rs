//! The official clients, unmodified, as `cargo xtask setup` installs them: PyPI's `openai` and `ollama`, npm's `openai`; and `schemathesis` over `/openapi.json`.

use super::http::Server;
use super::records::settled;
use crate::common::{GENERAL, Machine, Run, not_checked, vectors};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A model whose answers go on for longer than any client takes to leave.
pub const ENDLESS: &str = "endless";
/// Its context, in tokens.
const ENDLESS_TOKENS: u32 = 65_536;

/// Where `cargo xtask setup` puts them; `None`, and a line that says so, where it has not run.
pub fn folder(what: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/clients");
    let is_there = folder.join("bin/python").exists() && folder.join("node_modules/openai").exists();
    if !is_there {
        not_checked(&format!("{what}: the clients are not here, `cargo xtask setup` installs them"));
    }
    is_there.then_some(folder)
}

/// A client's script must end well and say what it did.
pub fn run(command: &mut Command, server: &Server) -> Run {
    Run::of(
        command
            .env("MICKAI_URL", server.url())
            .env("MICKAI_TEST_MODEL", GENERAL)
            .env("MICKAI_TEST_ENDLESS", ENDLESS)
            .env_remove("OPENAI_API_KEY")
            .env_remove("http_proxy")
            .env_remove("HTTP_PROXY"),
    )
    .ok()
}

/// A machine with the general model, and the same with a context that nobody waits for the end of.
pub fn machine_with_endless() -> Machine {
    let machine = Machine::with_model();
    let mut file = std::fs::read(vectors(&format!("{GENERAL}.gguf"))).unwrap();
    let name = b"llama.context_length";
    let value = file.windows(name.len()).position(|bytes| bytes == name).unwrap() + name.len() + size_of::<u32>();
    file[value..][..size_of::<u32>()].copy_from_slice(&ENDLESS_TOKENS.to_le_bytes());
    // Nor is it the same model, which how long it may go on would not make it: the last bit of the last weight is another.
    let last = file.len() - size_of::<f32>();
    file[last] ^= 1;
    let path = machine.path(&format!("{ENDLESS}.gguf"));
    std::fs::write(&path, file).unwrap();
    machine.run(&["model", "import", &path]).ok();
    machine
}

/// Of all generations, so many were interrupted: those that each script's `cancellation` left. Looked at before the server ends, which would interrupt them too.
fn assert_interrupted(machine: &Machine, count: usize) {
    settled(machine, 0);
    let outcomes = machine.lines(&["log", "list", "--kind", "outcome", "--action", "generate"]);
    let stop = |outcome: &serde_json::Value| machine.object(&["log", "show", &outcome["index"].to_string()])["facts"]["stop"].clone();
    assert_eq!(outcomes.iter().filter(|outcome| stop(outcome) == "interrupted").count(), count);
}

/// Every act has ended, whatever ran beside it, and the log holds.
fn assert_all_closed(machine: &Machine) {
    assert_eq!(machine.object(&["log", "fsck"])["open_intents"], serde_json::json!([]));
    machine.assert_log_valid();
}

pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/end_to_end/serve").join(name)
}

#[test]
fn the_official_clients_of_python_work_unmodified() {
    let Some(folder) = folder("the Python clients of OpenAI and Ollama") else { return };
    let machine = machine_with_endless();
    let server = Server::start(&machine, &[]);
    let python = folder.join("bin/python");
    run(Command::new(&python).arg(script("openai_client.py")), &server).says(&["11 passed"]);
    run(Command::new(&python).arg(script("ollama_client.py")), &server).says(&["8 passed"]);
    assert_interrupted(&machine, 2);
    server.stop();
    assert_all_closed(&machine);
}

#[test]
fn the_official_client_of_node_works_unmodified() {
    let Some(folder) = folder("the Node client of OpenAI") else { return };
    let machine = machine_with_endless();
    let server = Server::start(&machine, &[]);
    run(Command::new("node").args(["--input-type=module", "-e", include_str!("openai_client.mjs")]).current_dir(&folder), &server).says(&["8 passed"]);
    assert_interrupted(&machine, 1);
    server.stop();
    assert_all_closed(&machine);
}

#[test]
fn everything_in_the_document_is_tried_and_nothing_breaks() {
    let Some(folder) = folder("the API by schemathesis") else { return };
    let machine = Machine::with_model();
    let server = Server::start(&machine, &["--max-tokens", "2"]);
    let document = format!("{}/openapi.json", server.url());
    let config = script("schemathesis.toml");
    let mut command = Command::new(folder.join("bin/schemathesis"));
    command.args(["--config-file", config.to_str().unwrap(), "run", &document, "--checks", "all"]).current_dir(machine.folder());
    // Of 23 operations it leaves out one, GET /openapi.json: that is where it reads of the others.
    let operations = server.get("/openapi.json").is(200).json()["paths"].as_object().unwrap().values().map(|methods| methods.as_object().unwrap().len()).sum::<usize>();
    let run = run(command.env("SCHEMATHESIS_HOOKS", script("schemathesis_hooks.py")), &server);
    run.says(&[&format!("Selected: {0}/{0}", operations - 1), &format!("Tested: {}", operations - 1)]);
    server.stop();
    assert_all_closed(&machine);
}

#[test]
fn arbitrary_schemas_are_held_to_or_refused() {
    let Some(folder) = folder("schemas by schemathesis") else { return };
    let machine = Machine::with_model();
    let server = Server::start(&machine, &["--max-tokens", "2"]);
    let document = format!("{}/openapi.json", server.url());
    let config = script("schemathesis_schemas.toml");
    let mut command = Command::new(folder.join("bin/schemathesis"));
    command.args(["--config-file", config.to_str().unwrap(), "run", &document, "--checks", "all"]).current_dir(machine.folder());
    for path in ["/v1/chat/completions", "/v1/responses", "/api/chat", "/api/generate"] {
        command.args(["--include-path", path]);
    }
    command.env("SCHEMATHESIS_HOOKS", script("schemathesis_hooks.py")).env("MICKAI_TEST_SCHEMAS", "arbitrary");
    run(&mut command, &server).says(&["Tested: 4"]);
    server.stop();
    assert_all_closed(&machine);
}
