//! How much memory a server may take, as the operator says it and as callers hear of it.

use super::http::{Server, hello};
use crate::common::{GENERAL, Machine, vectors};
use serde_json::json;

#[test]
fn what_does_not_fit_is_refused_with_both_numbers() {
    let machine = Machine::with_model();
    machine.run(&["serve", "--memory-bytes", "1000", "--cache-bytes", "1001"]).code(1).says(&["1001", "1000"]);
    let before = machine.lines(&["log", "list"]).len();
    let server = Server::start(&machine, &["--memory-bytes", "1000"]);
    for (path, body) in [("/v1/chat/completions", hello(json!({}))), ("/v1/embeddings", json!({ "model": "llama-64.f32", "input": "hello" }))] {
        let (status, code, _, message) = server.post(path, &body).refusal();
        assert_eq!((status, code), (413, json!("too_large")), "{message}");
        assert!(message.contains("there are 1000 in all") && message.contains("--memory-bytes"), "{message}");
    }
    // What takes none is told all the same.
    assert_eq!(server.post("/api/show", &json!({ "model": GENERAL })).is(200).json()["model_info"]["llama.context_length"], 2048);
    let metrics = server.get("/metrics").is(200).body;
    assert!(metrics.contains("mickai_memory_bytes_max 1000\n") && metrics.contains("mickai_memory_bytes 0\n"), "{metrics}");
    assert_eq!(machine.lines(&["log", "list"]).len(), before);
    server.stop();
}

/// Clients ask of every model that they list what it is: more than may be open, and none is closed for that.
#[test]
fn looking_at_models_opens_none_and_closes_none() {
    let machine = Machine::with_model();
    for other in ["llama-64.bf16", "llama-64.q8_0", "llama-256.q4_k", "qwen2-64.f32", "qwen2-64.q8_0"] {
        machine.run(&["model", "import", &vectors(&format!("{other}.gguf"))]).ok();
    }
    let server = Server::start(&machine, &[]);
    let open = || {
        let metrics = server.get("/metrics").is(200).body;
        let memory = metrics.lines().find(|line| line.starts_with("mickai_memory_bytes ")).unwrap().to_owned();
        (server.get("/api/ps").is(200).json(), memory)
    };
    let look = || {
        let listed = server.get("/v1/models").is(200).json()["data"].as_array().unwrap().clone();
        assert_eq!(listed.len(), 7);
        for model in listed {
            for field in ["model", "name"] {
                let shown = server.post("/api/show", &json!({ field: model["id"] })).is(200).json();
                assert_eq!((&shown["model_info"]["mickai.digest"], shown["template"].is_string()), (&model["digest"], true), "{model}");
            }
        }
    };
    let before = open();
    assert_eq!(before.0, json!({ "models": [] }));
    look();
    assert_eq!(open(), before);
    for model in ["llama-64.q8_0", GENERAL] {
        server.post("/v1/chat/completions", &hello(json!({ "model": model }))).is(200);
    }
    let before = open();
    let names: Vec<_> = before.0["models"].as_array().unwrap().iter().map(|model| &model["name"]).collect();
    assert_eq!(names, ["llama-64.q8_0", GENERAL]);
    look();
    assert_eq!(open(), before);
    server.stop();
}
