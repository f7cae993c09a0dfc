//! `mickai model diff`: what differs between two models, in words and in numbers.

use crate::common::{GENERAL, Machine, vectors};
use serde_json::{Value, json};

fn diff(machine: &Machine, first: &str, second: &str, code: i32) -> Value {
    let mut lines = machine.run(&["model", "diff", first, second, "--json"]).code(code).lines();
    assert_eq!(lines.len(), 1);
    lines.remove(0)
}

fn tensor<'a>(diff: &'a Value, name: &str) -> &'a Value {
    diff["tensors"].as_array().unwrap().iter().find(|tensor| tensor["name"] == name).unwrap()
}

#[test]
fn the_same_weights_differ_in_nothing_whatever_the_file() {
    let machine = Machine::new();
    // GGUF stores rows of queries and keys in another order than the folder; no home is needed, and none is made.
    let same = diff(&machine, &vectors("llama-64"), &vectors("llama-64.f32.gguf"), 0);
    assert_eq!(same["same"], true, "{same}");
    assert!(!machine.home().exists());
    machine.run(&["model", "diff", &vectors("llama-64"), &vectors("llama-64.f32.gguf")]).ok().says(&["20 of 20 tensors are the same"]);
}

/// The figures of some tensors, as numpy has them in float64 from the values of gguf's own dequantiser (`spec/vectors/model/diff.py`).
#[test]
fn figures_are_those_that_numpy_has() {
    let machine = Machine::with_model();
    let found = diff(&machine, GENERAL, &vectors("llama-64.q8_0.gguf"), 1);
    let expected: Value = serde_json::from_str(include_str!("../../../../spec/vectors/model/diff.json")).unwrap();
    for (name, expected) in expected.as_object().unwrap() {
        let tensor = tensor(&found, name);
        assert_eq!((&tensor["first"]["type"], &tensor["second"]["type"]), (&json!("f32"), &json!("q8_0")), "{tensor}");
        for figure in ["values", "changed"] {
            assert_eq!(tensor["change"][figure], expected[figure], "{name} {figure}");
        }
        for figure in ["abs_max", "abs_mean", "relative_l2", "cosine"] {
            let (have, want) = (tensor["change"][figure].as_f64().unwrap(), expected[figure].as_f64().unwrap());
            assert!((have - want).abs() <= 1e-12 * want.abs(), "{name} {figure}: {have} {want}");
        }
    }
    let norm = tensor(&found, "model.norm.weight");
    assert_eq!((&norm["same"], &norm["change"]["changed"]), (&json!(true), &json!(0)));
    machine.run(&["model", "diff", GENERAL, &vectors("llama-64.q8_0.gguf")]).code(1).says(&["f32 -> q8_0", "relative L2", "model.layers.1.self_attn.q_proj.weight"]);
}

#[test]
fn models_of_different_shapes_say_what_is_missing_and_what_is_another() {
    let machine = Machine::new();
    let found = diff(&machine, &vectors("qwen2-64"), &vectors("qwen2-64-untied"), 1);
    let head = tensor(&found, "lm_head.weight");
    assert_eq!((&head["first"], &head["change"]), (&Value::Null, &Value::Null));
    assert!(found["settings"].as_array().unwrap().contains(&json!({ "name": "tied", "first": "true", "second": "false" })), "{found}");
    let found = diff(&machine, &vectors("llama-64"), &vectors("llama-256"), 1);
    let embedding = tensor(&found, "model.embed_tokens.weight");
    assert!(embedding["change"].is_null() && embedding["first"]["shape"] != embedding["second"]["shape"], "{embedding}");
    machine.run(&["model", "diff", &vectors("llama-64"), &vectors("qwen2-64")]).code(1).says(&["architecture: llama -> qwen2", "tokenizer: ", "none"]);
    machine.run(&["model", "diff", &vectors("llama-64"), "nobody"]).code(1).says(&["nobody"]);
    let machine = Machine::with_model();
    machine.run(&["model", "diff", GENERAL, "nobody"]).code(1).says(&["no model \"nobody\""]);
    assert_eq!(machine.lines(&["log", "list"]).len(), 3, "looking is no act");
}
