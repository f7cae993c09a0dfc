//! Adapters: taken in for a model, chosen from the command line and over HTTP, on record, replayed, and verified by a stranger.

use crate::common::{GENERAL, Machine, Run, typescript_verifier, vectors};
use crate::serve::http::{Server, hello};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// The general model with its adapter on it, as it is asked for.
const TONE: &str = "llama-64.f32+tone";

/// A machine with the general model and one adapter for it, and so with five records.
pub fn machine() -> Machine {
    let machine = Machine::with_model();
    machine.run(&["adapter", "import", &vectors("llama-64-lora"), "--name", "tone", "--model", GENERAL]).ok().says(&["imported tone", GENERAL]);
    machine
}

fn ask(machine: &Machine, choice: &[&str]) -> Value {
    machine.object(&[&["ask", "--max-tokens", "8", "hello"], choice].concat())
}

#[test]
fn an_adapter_changes_answers_is_on_record_and_verifies() {
    let machine = machine();
    let listed = machine.object(&["adapter", "list"]);
    let names: Value = serde_json::from_slice(&std::fs::read(vectors("adapters.json")).unwrap()).unwrap();
    assert_eq!((&listed["id"], &listed["digest"], &listed["model_name"]), (&json!(TONE), &names["llama-64-lora"], &json!(GENERAL)));
    let shown = machine.object(&["adapter", "show", "tone"]);
    assert_eq!((&shown["rank"], &shown["scale"], &shown["projections"][0]), (&json!(8), &json!(2.0), &json!({ "name": "self_attn.q_proj", "layers": 2 })), "{shown}");
    machine.run(&["adapter", "show", TONE]).ok().says(&["rank", "mlp.down_proj (2 layers)"]);
    let plain = ask(&machine, &["-m", GENERAL]);
    let with = ask(&machine, &["-m", GENERAL, "--adapter", "tone"]);
    assert_ne!(plain["text"], with["text"]);
    assert_eq!(ask(&machine, &["-m", TONE])["text"], with["text"]);
    let intent = with["intent"]["index"].to_string();
    let record = machine.object(&["log", "show", &intent]);
    assert_eq!((&record["facts"]["adapter"], &record["facts"]["adapter_name"], &record["facts"]["model"]), (&listed["digest"], &json!("tone"), &listed["model"]), "{record}");
    assert_eq!(machine.object(&["log", "show", &plain["intent"]["index"].to_string()])["facts"]["adapter"], Value::Null);
    machine.run(&["replay", &intent]).ok().says(&["identical", TONE]);
    machine.run(&["profile", "-m", TONE, "--max-tokens", "3", "hello"]).ok();
    let imported = machine.lines(&["log", "list", "--action", "adapter.import"]);
    let import = machine.object(&["log", "show", &imported[0]["index"].to_string()]);
    assert_eq!((&import["actor"][0], &import["facts"]["adapter"], &import["facts"]["model_name"]), (&json!("operator"), &listed["digest"], &json!(GENERAL)), "{import}");
    // A stranger, in either language.
    std::fs::write(machine.path("operator.pub"), machine.run(&["key", "show", "--pem"]).ok().out).unwrap();
    std::fs::write(machine.path("pin.txt"), machine.run(&["log", "checkpoint"]).ok().out).unwrap();
    machine.run(&["log", "export", "-o", "case.oar", "--open", "all"]).ok();
    let args = ["verify", "case.oar", "--key", "operator.pub", "--checkpoint", "pin.txt"];
    machine.oar(&args).ok().says(&["VERIFIED"]);
    if let Some(verifier) = typescript_verifier("of records with adapters") {
        Run::of(machine.command(Path::new("node"), &[verifier.to_str().unwrap()]).args(args)).ok().says(&["VERIFIED"]);
    }
    machine.run(&["replay", "case.oar", "--record", &intent]).ok().says(&["identical"]);
    // Gone: what was recorded says what it wants.
    machine.run(&["adapter", "remove", "tone"]).ok().says(&["removed tone"]);
    machine.run(&["replay", &intent]).code(1).says(&["no adapter", listed["digest"].as_str().unwrap()]);
    machine.run(&["replay", &plain["intent"]["index"].to_string()]).ok();
    machine.run(&["ask", "-m", TONE, "hello"]).code(1).says(&["has no adapter \"tone\"", "mickai adapter import"]);
    assert_eq!(machine.lines(&["adapter", "list"]).len(), 0);
    machine.run(&["adapter", "import", &vectors("llama-64-lora.gguf"), "--name", "other", "--model", GENERAL]).ok();
    machine.run(&["replay", &intent]).ok().says(&["identical", "llama-64.f32+other"]);
    machine.assert_log_valid();
}

#[test]
fn what_does_not_fit_is_refused_with_both_shapes_and_leaves_no_record() {
    let machine = machine();
    machine.run(&["model", "import", &vectors("qwen2-64.f32.gguf"), "--name", "qwen"]).ok();
    machine.run(&["model", "import", &vectors("llama-256"), "--name", "wide"]).ok();
    let size = machine.lines(&["log", "list"]).len();
    let lora = vectors("llama-64-lora");
    for (path, model, words) in [
        (&lora, "wide", ["does not fit model wide", "[8, 160]", "[8, 256]"]),
        (&vectors("llama-64-lora.gguf"), "qwen", ["does not fit model qwen", "general.architecture", "llama"]),
        (&vectors("llama-64"), GENERAL, ["holds no adapter", "adapter_config.json", ".gguf"]),
        (&lora, "nobody", ["no model \"nobody\"", GENERAL, "import"]),
        (&lora, "mickai-bootstrap", ["embedded model", "takes no adapter", "another"]),
    ] {
        machine.run(&["adapter", "import", path, "--model", model]).code(1).says(&words);
    }
    machine.run(&["adapter", "import", &vectors("qwen2-64-lora"), "--model", "qwen", "--name", "a+b"]).code(1).says(&["plus signs", "--name"]);
    machine.run(&["ask", "--adapter", "tone", "hello"]).code(1).says(&["embedded model", "takes no adapter"]);
    machine.run(&["ask", "-m", "wide", "--adapter", "tone", "hello"]).code(1).says(&["model wide has no adapter \"tone\""]);
    machine.run(&["adapter", "show", "nobody"]).code(1).says(&["no adapter \"nobody\"", "tone"]);
    assert_eq!(machine.lines(&["log", "list"]).len(), size);
    // A model that goes leaves its adapters, which say so.
    machine.run(&["model", "rm", GENERAL]).ok();
    machine.run(&["adapter", "list"]).ok().says(&["not here"]);
    machine.assert_log_valid();
}

#[test]
fn where_there_are_pins_an_adapter_needs_one() {
    let machine = machine();
    machine.run(&["model", "pin", GENERAL]).ok();
    ask(&machine, &["-m", GENERAL]);
    machine.run(&["ask", "-m", TONE, "hello"]).code(1).says(&["adapter tone is not pinned", "(record ", "mickai adapter pin "]);
    let server = Server::start(&machine, &[]);
    let (status, code, _, message) = server.post("/v1/chat/completions", &hello(json!({ "model": TONE }))).refusal();
    assert_eq!((status, code), (403, json!("model_not_pinned")), "{message}");
    server.stop();
    machine.run(&["adapter", "pin", "tone"]).ok().says(&["pinned tone"]);
    assert_eq!(machine.object(&["adapter", "list"])["pinned"], true);
    assert_eq!(machine.lines(&["model", "list"]).len(), 2, "an adapter's pin is not a model that is missing");
    ask(&machine, &["-m", TONE]);
    machine.run(&["adapter", "unpin", "tone"]).ok();
    machine.run(&["ask", "-m", TONE, "hello"]).code(1).says(&["is not pinned"]);
    machine.assert_log_valid();
}

#[test]
fn over_http_an_adapter_is_a_model_of_its_own() {
    let machine = machine();
    let with = ask(&machine, &["-m", TONE]);
    let server = Server::start(&machine, &[]);
    let models = server.get("/v1/models").is(200).json();
    let last = &models["data"][2];
    assert_eq!((&last["id"], &last["digest"]), (&json!(TONE), &models["data"][1]["digest"]));
    assert_eq!(last["adapter"], machine.object(&["adapter", "list"])["digest"]);
    for path in ["/v1/models/llama-64.f32+tone", "/v1/models/llama-64.f32%2Btone"] {
        assert_eq!(server.get(path).is(200).json(), *last);
    }
    let chat = |model: &str| server.post("/v1/chat/completions", &hello(json!({ "model": model })));
    // All at once, and each gets its own.
    let (told, plain) = std::thread::scope(|scope| {
        let going = [TONE, GENERAL, TONE, GENERAL].map(|model| scope.spawn(move || chat(model).is(200).json()));
        let [a, b, c, d] = going.map(|one| one.join().unwrap());
        assert_eq!((&a["choices"], &b["choices"]), (&c["choices"], &d["choices"]));
        (a, b)
    });
    assert_eq!((&told["model"], &plain["model"]), (&json!(TONE), &json!(GENERAL)));
    assert_ne!(told["choices"], plain["choices"]);
    assert_eq!(told["choices"][0]["message"]["content"], with["text"]);
    let tags = server.get("/api/tags").is(200).json();
    assert_eq!((&tags["models"][2]["name"], &tags["models"][2]["adapter"]), (&json!(TONE), &last["adapter"]));
    assert_eq!(server.post("/api/show", &json!({ "model": TONE })).is(200).json()["model_info"]["mickai.adapter"], last["adapter"]);
    let options = json!({ "temperature": 0, "num_predict": 8 });
    let ollama = server.post("/api/chat", &json!({ "model": TONE, "messages": [{ "role": "user", "content": "hello" }], "stream": false, "options": options })).is(200).json();
    assert_eq!((&ollama["message"]["content"], &ollama["model"]), (&with["text"], &json!(TONE)));
    let embed = |model: &str| server.post("/v1/embeddings", &json!({ "model": model, "input": "hello" })).is(200).json();
    let (one, other) = (embed(TONE), embed(GENERAL));
    assert!(one["data"][0]["embedding"] != other["data"][0]["embedding"] && one["model"] == TONE);
    let response = server.post("/v1/responses", &json!({ "model": TONE, "input": "hello", "temperature": 0, "max_output_tokens": 6 })).is(200).json();
    let again = server.get(&format!("/v1/responses/{}", response["id"].as_str().unwrap())).is(200).json();
    assert_eq!((&response["model"], &again["model"], &response["output"]), (&json!(TONE), &json!(TONE), &again["output"]));
    let before = machine.lines(&["log", "list"]).len();
    for nobody in ["llama-64.f32+nobody", "nobody+tone", "mickai-bootstrap+tone"] {
        let (status, code, _, message) = chat(nobody).refusal();
        assert_eq!((status, code), (404, json!("model_not_found")), "{message}");
        server.get(&format!("/v1/models/{nobody}")).is(404);
        server.post("/api/chat", &json!({ "model": nobody, "messages": [{ "role": "user", "content": "hello" }] })).is(404);
    }
    assert_eq!(machine.lines(&["log", "list"]).len(), before);
    for told in [&told, &one] {
        machine.run(&["replay", &told["mickai"]["records"][0]["intent"]["index"].to_string()]).ok().says(&["identical", TONE]);
    }
    // Taken away while the server runs, it is not there any more.
    machine.run(&["adapter", "rm", "tone"]).ok();
    assert_eq!(chat(TONE).refusal().0, 404);
    assert_eq!(server.get("/v1/models").is(200).json()["data"].as_array().unwrap().len(), 2);
    server.stop();
    machine.assert_log_valid();
}

/// The official clients of OpenAI and Ollama choose an adapter as they choose a model.
#[test]
fn official_clients_choose_an_adapter_unmodified() {
    let Some(folder) = crate::serve::clients::folder("the Python clients of OpenAI and Ollama with an adapter") else { return };
    let machine = machine();
    let server = Server::start(&machine, &[]);
    let script = crate::serve::clients::script("adapter_clients.py");
    let mut command = Command::new(folder.join("bin/python"));
    crate::serve::clients::run(command.arg(script).env("MICKAI_TEST_ADAPTER", TONE), &server).says(&["2 passed"]);
    server.stop();
    machine.assert_log_valid();
}

/// A server starts beside it, too.
#[test]
fn a_model_with_a_broken_manifest_hides_no_adapters_of_others() {
    let machine = machine();
    machine.run(&["model", "import", &vectors("qwen2-64.f32.gguf"), "--name", "broken"]).ok();
    let digest = machine.object(&["model", "show", "broken"])["digest"].as_str().unwrap().to_owned();
    std::fs::write(machine.home().join("models").join(&digest).join("manifest.json"), b"{").unwrap();
    ask(&machine, &["-m", TONE]);
    let server = Server::start(&machine, &[]);
    server.post("/v1/chat/completions", &hello(json!({ "model": TONE }))).is(200);
    for wanted in ["broken", &digest] {
        let (status, code, _, message) = server.post("/v1/chat/completions", &hello(json!({ "model": wanted }))).refusal();
        assert_eq!((status, code), (503, json!("model_damaged")), "{message}");
    }
    server.stop();
    machine.assert_log_valid();
}
