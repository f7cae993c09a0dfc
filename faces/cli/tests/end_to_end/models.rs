//! Models come, run, are measured and go; what names them is what they are, not the file they came in.

use crate::common::{GENERAL, Machine, vectors};

#[test]
fn the_same_weights_have_one_digest_in_either_format() {
    let machine = Machine::new();
    for (folder, gguf) in [("llama-64", "llama-64.f32.gguf"), ("qwen2-64", "qwen2-64.f32.gguf"), ("qwen2-64-untied", "qwen2-64-untied.f32.gguf")] {
        let other = Machine::new();
        let from_folder = machine.object(&["model", "import", &vectors(folder)]);
        let from_gguf = other.object(&["model", "import", &vectors(gguf)]);
        assert_eq!(from_folder["digest"], from_gguf["digest"], "{folder}");
        // And one answer.
        let digest = from_gguf["digest"].as_str().unwrap();
        let answer = |machine: &Machine| machine.object(&["ask", "-m", digest, "--max-tokens", "30", "hello"])["text"].clone();
        assert_eq!(answer(&machine), answer(&other), "{folder}");
    }
    let quantised = machine.object(&["model", "import", &vectors("llama-64.q8_0.gguf")]);
    let same = machine.lines(&["model", "list"]).iter().filter(|model| model["digest"] == quantised["digest"]).count();
    assert_eq!(same, 1, "quantised it is another model");
}

#[test]
fn a_model_that_is_there_already_keeps_its_name() {
    let machine = Machine::with_model();
    let again = machine.object(&["model", "import", &vectors("llama-64"), "--name", "another"]);
    assert_eq!(again["name"], GENERAL);
    assert_eq!(machine.lines(&["model", "list"]).len(), 2);
    machine.run(&["ask", "-m", again["name"].as_str().unwrap(), "--max-tokens", "2", "hello"]).ok();
}

/// The digest is of the weights; whoever brings another template with them wants that one.
#[test]
fn the_same_weights_with_another_template_are_not_taken_for_the_model() {
    let machine = Machine::with_model();
    let mut bytes = std::fs::read(vectors(&format!("{GENERAL}.gguf"))).unwrap();
    let at = bytes.windows(2).position(|two| two == b"{%").unwrap();
    bytes[at + 1] = b'#';
    std::fs::write(machine.path("other.gguf"), bytes).unwrap();
    let before = machine.lines(&["log", "list"]).len();
    machine.run(&["model", "import", "other.gguf"]).code(1).says(&["another chat template", "mickai model rm", "nothing was changed"]);
    assert_eq!(machine.lines(&["log", "list"]).len(), before);
    machine.run(&["model", "rm", GENERAL]).ok();
    machine.run(&["model", "import", "other.gguf"]).ok();
    machine.assert_log_valid();
}

#[test]
fn a_name_is_one_models() {
    let machine = Machine::new();
    for (folder, model) in [("a", GENERAL), ("b", "qwen2-64.f32")] {
        std::fs::create_dir(machine.path(folder)).unwrap();
        std::fs::copy(vectors(&format!("{model}.gguf")), machine.path(&format!("{folder}/model.gguf"))).unwrap();
    }
    let first = machine.object(&["model", "import", "a/model.gguf"])["digest"].as_str().unwrap().to_owned();
    let before = machine.lines(&["log", "list"]).len();
    machine.run(&["model", "import", "b/model.gguf"]).code(1).says(&["model", &first[..8], "--name"]);
    std::fs::copy(machine.path("b/model.gguf"), machine.path("mickai-bootstrap.gguf")).unwrap();
    machine.run(&["model", "import", "mickai-bootstrap.gguf"]).code(1).says(&["embedded model", "--name"]);
    assert_eq!((machine.lines(&["log", "list"]).len(), machine.lines(&["model", "list"]).len()), (before, 2));
    machine.run(&["model", "import", "b/model.gguf", "--name", "other"]).ok();
    // What is there already is taken in again under the name that it has.
    machine.run(&["model", "import", "b/model.gguf"]).ok();
    machine.run(&["ask", "-m", "model", "--max-tokens", "2", "hello"]).ok();
    machine.assert_log_valid();
}

#[test]
fn a_model_answers_by_name_and_by_digest_and_is_replayed_on_any_number_of_threads() {
    let machine = Machine::with_model();
    let digest = machine.object(&["model", "show", GENERAL])["digest"].as_str().unwrap().to_owned();
    let sampling = ["--temperature", "0.9", "--top-k", "40", "--top-p", "0.95", "--min-p", "0.01", "--repetition", "1.1", "--seed", "7", "--max-tokens", "60"];
    let ask = |model: &str, threads: &str| machine.object(&[&["ask", "--threads", threads, "-m", model], &sampling[..], &["tell me"]].concat());
    let (by_name, by_digest) = (ask(GENERAL, "1"), ask(&digest[..8], "8"));
    assert_eq!(by_name["text"], by_digest["text"], "one seed, one text");
    let record = by_name["intent"]["index"].to_string();
    for threads in ["1", "8"] {
        let replayed = machine.object(&["replay", &record, "--threads", threads]);
        assert_eq!((&replayed["identical"], &replayed["model"]), (&true.into(), &GENERAL.into()), "{replayed}");
    }
    let drawn = machine.object(&["ask", "-m", GENERAL, "--temperature", "1", "--max-tokens", "20", "hello"]);
    machine.run(&["replay", &drawn["outcome"]["index"].to_string()]).ok().says(&["identical"]);
    machine.assert_log_valid();
}

#[test]
fn a_removed_model_is_gone_and_its_answers_say_so() {
    let machine = Machine::with_model();
    machine.run(&["ask", "-m", GENERAL, "--max-tokens", "3", "hello"]).ok();
    let removed = machine.object(&["model", "rm", GENERAL]);
    assert_eq!(removed["name"], GENERAL);
    assert_eq!(machine.lines(&["model", "list"]).len(), 1);
    machine.run(&["model", "show", GENERAL]).code(1).says(&["no model", "mickai model import"]);
    machine.run(&["replay", "3"]).code(1).says(&["no model", removed["digest"].as_str().unwrap()]);
    machine.run(&["model", "rm", "mickai-bootstrap"]).code(1).says(&["cannot be removed"]);
    machine.run(&["model", "import", &vectors("llama-64")]).ok();
    // The same weights from the other format: what was recorded is computed again.
    machine.run(&["replay", "3"]).ok().says(&["identical"]);
    machine.assert_log_valid();
}

#[test]
fn the_doctor_says_what_a_model_takes_in_memory() {
    let machine = Machine::with_model();
    machine.run(&["doctor", "--model", GENERAL]).ok().says(&["resident set", "tensors"]);
    let memory = machine.object(&["doctor", "--model", GENERAL]);
    let bytes = |name: &str| memory[name].as_u64().unwrap();
    assert!(bytes("tensor_bytes") > 400_000 && bytes("resident_after_bytes") > bytes("resident_before_bytes"), "{memory}");
    // No second copy of the weights: what it takes beside them is the context and the tokenizer.
    assert!(bytes("resident_after_bytes") - bytes("resident_before_bytes") < bytes("tensor_bytes") + 64_000_000, "{memory}");
}
