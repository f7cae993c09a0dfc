//! Pins: once there is one, a model without runs nowhere, and nothing but the record decides it.

use crate::common::{GENERAL, Machine, vectors};
use crate::serve::http::{Server, hello};
use serde_json::json;

const EMBEDDED: &str = "mickai-bootstrap";
const ASK: [&str; 6] = ["ask", "-m", GENERAL, "--max-tokens", "3", "hello"];
const UNPINNED: [&str; 2] = ["is not pinned, and only pinned models run here (record ", "`mickai model pin "];

#[test]
fn from_the_first_pin_on_only_pinned_models_run() {
    let machine = Machine::with_model();
    machine.run(&ASK).ok();
    let act = |model: &str| machine.run(&["ask", "-m", model, "what models do I have"]);
    let pinned = machine.object(&["model", "pin", EMBEDDED]);
    let size = machine.lines(&["log", "list"]).len();
    for args in [&ASK[..], &["chat", "-m", GENERAL], &["replay", "3"], &["doctor", "--model", GENERAL]] {
        machine.run(args).code(1).says(&UNPINNED).says(&[&pinned["intent"].to_string()]);
    }
    assert_eq!(machine.lines(&["log", "list"]).len(), size, "what does not begin is not on record");
    act(EMBEDDED).ok();
    // Looking at it is not running it.
    machine.run(&["model", "show", GENERAL]).ok();
    machine.run(&["model", "verify", GENERAL]).ok();
    machine.run(&["model", "pin", GENERAL]).ok().says(&["pinned"]);
    machine.run(&ASK).ok();
    machine.run(&["replay", "3"]).ok().says(&["identical"]);
    // The embedded model is no exception.
    machine.run(&["model", "unpin", EMBEDDED]).ok();
    act(EMBEDDED).code(1).says(&UNPINNED).says(&[EMBEDDED]);
    let pins: Vec<_> = machine.lines(&["model", "list"]).iter().map(|model| (model["name"].clone(), model["pinned"].clone())).collect();
    assert_eq!(pins, [(json!(EMBEDDED), json!(false)), (json!(GENERAL), json!(true))]);
    machine.run(&["model", "unpin", GENERAL]).ok().says(&["no pin is left: every model runs"]);
    act(EMBEDDED).ok();
    machine.assert_log_valid();
}

#[test]
fn a_pin_is_an_act_that_says_all_pins() {
    let machine = Machine::with_model();
    let digest = machine.object(&["model", "show", GENERAL])["digest"].as_str().unwrap().to_owned();
    let absent = "ab".repeat(32);
    machine.run(&["model", "pin", &digest[..12]]).ok();
    machine.run(&["model", "pin", &absent]).ok();
    let acts = machine.lines(&["log", "list", "--action", "model.pin"]);
    let of = |act: usize| machine.object(&["log", "show", &acts[act]["index"].to_string()]);
    let (first, second) = (of(0), of(2));
    assert_eq!((&first["kind"], &first["actor"][0], &first["facts"]["pins"]), (&json!("intent"), &json!("operator"), &json!(digest)), "{first}");
    let mut both = [digest.clone(), absent.clone()];
    both.sort();
    assert_eq!(second["facts"]["pins"], both.join(", "), "{second}");
    machine.run(&["model", "list"]).ok().says(&[&absent, "not here"]);
    machine.run(&["model", "pin", GENERAL]).code(1).says(&["is pinned already"]);
    machine.run(&["model", "pin", "nobody"]).code(1).says(&["no model \"nobody\""]);
    machine.run(&["model", "unpin", EMBEDDED]).code(1).says(&["no one pin is", &digest]);
    machine.run(&["model", "unpin", &absent[..8]]).ok();
    assert_eq!(machine.lines(&["log", "list", "--action", "model.unpin"]).len(), 2);
    machine.assert_log_valid();
}

#[test]
fn a_model_can_be_pinned_before_it_comes_and_another_says_that_it_has_none() {
    let machine = Machine::new();
    let known = Machine::with_model();
    let digest = known.object(&["model", "show", GENERAL])["digest"].as_str().unwrap().to_owned();
    machine.run(&["model", "pin", &digest]).ok();
    machine.run(&["model", "import", &vectors("qwen2-64.f32.gguf")]).ok().says(&["it is not pinned", "mickai model pin "]);
    machine.run(&["model", "import", &vectors(&format!("{GENERAL}.gguf"))]).ok();
    machine.run(&ASK).ok();
    machine.run(&["ask", "-m", "qwen2-64.f32", "hello"]).code(1).says(&UNPINNED);
    machine.run(&["model", "rm", GENERAL]).ok();
    machine.run(&["model", "list"]).ok().says(&[&digest, "not here"]);
}

/// A file whose name is another model's digest, a name that is, and a manifest of a home of before that has such a name: the digest means what has it.
#[test]
fn nothing_is_called_by_another_models_digest() {
    let machine = Machine::with_model();
    machine.run(&ASK).ok();
    let digest = machine.object(&["model", "show", GENERAL])["digest"].as_str().unwrap().to_owned();
    let stolen = format!("{digest}.gguf");
    std::fs::copy(vectors("qwen2-64.f32.gguf"), machine.path(&stolen)).unwrap();
    let size = machine.lines(&["log", "list"]).len();
    machine.run(&["model", "import", &stolen]).code(1).says(&["64 hex digits", "--name"]);
    for name in [digest.clone(), digest.to_uppercase(), format!("{digest}+tone")] {
        machine.run(&["model", "import", &stolen, "--name", &name]).code(1).says(&["64 hex digits", "--name"]);
    }
    assert_eq!(machine.lines(&["log", "list"]).len(), size, "what has no name is refused before anything is recorded");
    let other = machine.object(&["model", "import", &stolen, "--name", "other"])["digest"].as_str().unwrap().to_owned();
    let manifest = machine.home().join("models").join(&other).join("manifest.json");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replace("\"name\":\"other\"", &format!("\"name\":\"{digest}\""))).unwrap();
    assert_eq!(machine.lines(&["model", "list"])[1..].iter().filter(|model| model["name"] == digest.as_str()).count(), 1);
    assert_eq!(machine.object(&["model", "pin", &digest])["digest"], digest.as_str());
    machine.run(&["ask", "-m", &other, "--max-tokens", "3", "hello"]).code(1).says(&UNPINNED);
    machine.run(&["ask", "-m", &digest, "--max-tokens", "3", "hello"]).ok();
    machine.run(&["replay", "3"]).ok().says(&["identical"]);
    machine.run(&["model", "pin", &other]).ok();
    assert_eq!(machine.object(&["model", "unpin", &digest])["digest"], digest.as_str());
    machine.run(&ASK).code(1).says(&UNPINNED);
    machine.assert_log_valid();
}

/// A pin is of a digest, and so are a removal and an import: what a manifest says, and whether it reads, is for people.
#[test]
fn a_broken_manifest_hides_one_model_and_no_pin() {
    let machine = Machine::with_model();
    machine.run(&["model", "import", &vectors("qwen2-64.f32.gguf")]).ok();
    let digest = machine.object(&["model", "show", GENERAL])["digest"].as_str().unwrap().to_owned();
    std::fs::write(machine.home().join("models").join(&digest).join("manifest.json"), b"{").unwrap();
    for args in [&ASK[..], &["model", "list"], &["model", "show", &digest], &["model", "rm", GENERAL]] {
        machine.run(args).code(1).says(&["remove the folder", &digest, "import it again"]);
    }
    machine.run(&["ask", "-m", "qwen2-64.f32", "--max-tokens", "3", "hello"]).ok();
    machine.run(&["model", "pin", &digest]).ok();
    machine.run(&["ask", "-m", "qwen2-64.f32", "--max-tokens", "3", "hello"]).code(1).says(&UNPINNED);
    machine.run(&["model", "unpin", &digest]).ok();
    machine.run(&["model", "rm", &digest]).ok().says(&["removed", &digest]);
    machine.run(&["model", "import", &vectors(&format!("{GENERAL}.gguf"))]).ok();
    machine.run(&ASK).ok();
    machine.assert_log_valid();
}

/// A server that has the model open already hears of a pin as well.
#[test]
fn a_server_refuses_what_is_not_pinned() {
    let machine = Machine::with_model();
    machine.run(&["model", "pin", EMBEDDED]).ok();
    let server = Server::start(&machine, &[]);
    let (status, code, _, message) = server.post("/v1/chat/completions", &hello(json!({}))).refusal();
    assert_eq!((status, code), (403, json!("model_not_pinned")), "{message}");
    server.stop();
    machine.run(&["model", "pin", GENERAL]).ok();
    let server = Server::start(&machine, &[]);
    server.post("/v1/chat/completions", &hello(json!({ "max_tokens": 3 }))).is(200);
    // The log is free again when nothing has happened for a while; a writer waits for it.
    machine.run(&["model", "unpin", GENERAL]).ok();
    let (status, code, _, message) = server.post("/v1/chat/completions", &hello(json!({ "max_tokens": 3 }))).refusal();
    assert_eq!((status, code), (403, json!("model_not_pinned")), "{message}");
    server.stop();
    machine.assert_log_valid();
}
