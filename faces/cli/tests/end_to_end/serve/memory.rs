//! How much memory a server may take, as the operator says it and as callers hear of it.

use super::http::{Server, hello};
use crate::common::Machine;
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
    let metrics = server.get("/metrics").is(200).body;
    assert!(metrics.contains("mickai_memory_bytes_max 1000\n") && metrics.contains("mickai_memory_bytes 0\n"), "{metrics}");
    assert_eq!(machine.lines(&["log", "list"]).len(), before);
    server.stop();
}
