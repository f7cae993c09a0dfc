//! Repacked weights beside an imported model: kept by what the record says they are, made again when they are not that, and never what decides an answer.

use crate::common::{GENERAL, Machine, Running, eventually, mickai, vectors};
use serde_json::{Value, json};
use std::path::PathBuf;

const ASK: [&str; 8] = ["ask", "-m", GENERAL, "--seed", "5", "--max-tokens", "20", "tell me"];

fn folder(machine: &Machine) -> PathBuf {
    let digest = machine.object(&["model", "show", GENERAL])["digest"].as_str().unwrap().to_owned();
    machine.home().join("models").join(digest)
}

fn answer(machine: &Machine) -> Value {
    machine.object(&ASK)["text"].clone()
}

fn repacked(machine: &Machine) -> Value {
    machine.object(&["model", "verify", GENERAL])["repacked"].clone()
}

#[test]
fn an_import_says_on_record_what_the_repacked_weights_are() {
    let machine = Machine::new();
    let run = machine.run(&["model", "import", &vectors(&format!("{GENERAL}.gguf"))]).ok();
    let done: Vec<&str> = run.err.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(done, ["digest", "copy", "check", "repack", "write"], "{}", run.err);
    let facts = machine.object(&["log", "show", "2"])["facts"].clone();
    assert_eq!((facts["layout"].as_str(), facts["panels"].as_str().map(str::len)), (Some("3"), Some(64)), "{facts}");
    assert_eq!(repacked(&machine), "kept");
    // The panels, a line of text for each tensor, and its length: who reads the file sees of what it is.
    let panels = std::fs::read(folder(&machine).join("panels")).unwrap();
    let text = String::from_utf8_lossy(&panels);
    assert!(text.contains("mickai-panels 1 3 ") && text.contains(" model.norm.weight\n") && text.contains(" - model.layers.0.mlp.up_proj.weight\n"));
    let records = machine.lines(&["log", "list"]).len();
    machine.run(&["model", "verify", GENERAL]).ok().says(&["hashed", "kept, and on record"]);
    machine.run(&["model", "verify", "mickai-bootstrap"]).ok().says(&["repacked in memory"]);
    assert_eq!(machine.lines(&["log", "list"]).len(), records, "looking is no act");
    machine.assert_log_valid();
}

/// Whatever becomes of the file, the answer is the model's, and afterwards the file is what it was.
#[test]
fn damaged_weights_are_made_again() {
    let machine = Machine::with_model();
    let other = Machine::new();
    other.run(&["model", "import", &vectors("qwen2-64.f32.gguf"), "--name", GENERAL]).ok();
    let (path, text) = (folder(&machine).join("panels"), answer(&machine));
    let good = std::fs::read(&path).unwrap();
    let others = std::fs::read(folder(&other).join("panels")).unwrap();
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    let last = good.len() - 1;
    let cases: [(&str, Option<Vec<u8>>); 11] = [
        ("gone", None),
        ("empty", Some(Vec::new())),
        ("cut in the panels", Some(good[..good.len() / 2].to_vec())),
        ("cut in the head", Some(good[..last - 40].to_vec())),
        ("longer", Some([&good[..], b"x"].concat())),
        ("longer before the head", Some([&good[..100], &good[50..]].concat())),
        ("another first bit", Some(flipped(0))),
        ("another bit of a weight", Some(flipped(good.len() / 3))),
        ("another bit of the head", Some(flipped(last - 200))),
        ("another length of the head", Some(flipped(last))),
        ("another model's", Some(others)),
    ];
    for (name, bytes) in cases {
        match bytes {
            Some(bytes) => std::fs::write(&path, bytes).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        assert_eq!(answer(&machine), text, "{name}");
        assert_eq!(std::fs::read(&path).unwrap(), good, "{name}");
        assert_eq!(repacked(&machine), "kept", "{name}");
    }
    std::fs::write(&path, flipped(7)).unwrap();
    assert_eq!((repacked(&machine), repacked(&machine)), (json!("made_again"), json!("kept")));
    // A folder in its place cannot be written over: the model runs without.
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert_eq!(answer(&machine), text);
    machine.assert_log_valid();
}

/// The head of the file names the digests of all tensors, so it could be made to fit any model; the record is what it cannot fit.
#[test]
fn weights_that_fit_themselves_but_not_the_record_are_not_taken() {
    let machine = Machine::with_model();
    let (folder, text) = (folder(&machine), answer(&machine));
    // Zeros in the place of all weights, the head as it was.
    let mut bytes = std::fs::read(folder.join("panels")).unwrap();
    let head = bytes.windows(14).position(|window| window == b"mickai-panels ").unwrap();
    bytes[..head].fill(0);
    std::fs::write(folder.join("panels"), &bytes).unwrap();
    assert_eq!(answer(&machine), text);
    assert_ne!(std::fs::read(folder.join("panels")).unwrap(), bytes);
}

/// What a run does not read cannot change it; whoever looks at all of the model sees it.
#[test]
fn a_changed_weight_changes_no_answer_and_is_found_by_verify() {
    let machine = Machine::with_model();
    let tensors = |machine: &Machine| machine.lines(&["model", "show", GENERAL, "--tensors"]);
    let (folder, text, before) = (folder(&machine), answer(&machine), tensors(&machine));
    let file = folder.join("model").join(format!("{GENERAL}.gguf"));
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let changed: Vec<_> = before.iter().zip(tensors(&machine)).filter(|(before, after)| before["digest"] != after["digest"]).collect();
    assert!(matches!(&changed[..], [(before, _)] if before["name"].as_str().unwrap().contains("_proj.weight")), "{changed:?}");
    assert_eq!(answer(&machine), text);
    machine.run(&["replay", "last"]).ok().says(&["identical"]);
    machine.run(&["model", "verify", GENERAL]).code(1).says(&["were changed after its import"]);
    std::fs::remove_file(folder.join("panels")).unwrap();
    machine.run(&ASK).code(1).says(&["were changed after its import"]);
    machine.run(&["model", "import", &vectors(&format!("{GENERAL}.gguf"))]).code(1).says(&["were changed after its import", "remove it"]);
}

/// A home whose model was imported before anything was kept: the first act that runs it puts its weights on record, once.
#[test]
fn weights_that_no_record_speaks_of_are_put_on_record() {
    let machine = Machine::with_model();
    let text = answer(&machine);
    // A log that never heard of the model, as far as its weights go: that of a new home with the same folder.
    let older = Machine::new();
    older.run(&["ask", "what models do I have"]).ok();
    let target = older.home().join("models").join(folder(&machine).file_name().unwrap());
    std::fs::create_dir_all(target.join("model")).unwrap();
    for name in ["manifest.json".to_owned(), format!("model/{GENERAL}.gguf")] {
        std::fs::copy(folder(&machine).join(&name), target.join(&name)).unwrap();
    }
    assert_eq!(repacked(&older), "unrecorded");
    assert!(!target.join("panels").exists());
    assert_eq!(answer(&older), text);
    assert_eq!(repacked(&older), "kept");
    assert_eq!(answer(&older), text);
    let acts: Vec<Value> = older.lines(&["log", "list", "--action", "model.repack"]);
    assert_eq!(acts.len(), 2, "{acts:?}");
    let intent = older.object(&["log", "show", &acts[0]["index"].to_string()]);
    assert_eq!((&intent["kind"], &intent["actor"][0], &acts[1]["outcome"]), (&json!("intent"), &json!("system"), &json!("executed")), "{intent}");
    older.assert_log_valid();
}

/// Ctrl-C, or the end of the session, in the middle: nothing half stays, and the record says that it failed.
#[test]
fn an_import_that_is_interrupted_leaves_nothing() {
    let machine = Machine::new();
    machine.run(&["ask", "what models do I have"]).ok();
    wide_model(&machine);
    for signal in ["INT", "TERM"] {
        // It may be done before the signal comes; then it is tried again.
        let caught = (0..20).any(|_| {
            let mut import = Running::start(&mut machine.command(&mickai(), &["model", "import", "wide"]));
            let models = machine.home().join("models");
            let is_copying = || std::fs::read_dir(&models).unwrap().next().is_some();
            eventually("the copy to begin", || (is_copying() || !import.is_running()).then_some(()));
            if import.is_running() {
                import.signal(signal);
            }
            let run = import.end();
            let is_caught = run.exit() == Some(130);
            if is_caught {
                run.says(&["stopped", "nothing is left behind"]);
                assert_eq!(std::fs::read_dir(&models).unwrap().count(), 0, "{signal}");
            } else {
                run.ok();
                machine.run(&["model", "rm", "wide"]).ok();
            }
            is_caught
        });
        assert!(caught, "twenty imports were quicker than SIG{signal}");
        let last = machine.lines(&["log", "list"]).pop().unwrap();
        assert_eq!((&last["action"], &last["outcome"]), (&json!("model.import"), &json!("failed")), "{last}");
    }
    machine.run(&["model", "import", "wide"]).ok();
    machine.run(&["model", "verify", "wide"]).ok();
    machine.assert_log_valid();
}

/// A folder `wide`: the tiny Qwen with a feed-forward layer so wide that taking it in takes a while. Its weights are zeros, which the file system need not store.
fn wide_model(machine: &Machine) {
    const FFN: u64 = 8_192;
    let target = machine.folder().join("wide");
    std::fs::create_dir(&target).unwrap();
    for entry in std::fs::read_dir(vectors("qwen2-64")).unwrap().map(Result::unwrap) {
        std::fs::copy(entry.path(), target.join(entry.file_name())).unwrap();
    }
    let settings = target.join("config.json");
    let mut config: Value = serde_json::from_slice(&std::fs::read(&settings).unwrap()).unwrap();
    config["intermediate_size"] = json!(FFN);
    std::fs::write(&settings, config.to_string()).unwrap();
    let weights = target.join("model.safetensors");
    let bytes = std::fs::read(&weights).unwrap();
    let (len, rest) = bytes.split_first_chunk::<8>().unwrap();
    let mut header: Value = serde_json::from_slice(&rest[..usize::try_from(u64::from_le_bytes(*len)).unwrap()]).unwrap();
    let mut end = 0;
    for (name, tensor) in header.as_object_mut().unwrap().iter_mut().filter(|(name, _)| *name != "__metadata__") {
        if name.contains(".mlp.") {
            let (rows, columns) = if name.contains("down_proj") { (64, FFN) } else { (FFN, 64) };
            tensor["shape"] = json!([rows, columns]);
        }
        let count: u64 = tensor["shape"].as_array().unwrap().iter().map(|size| size.as_u64().unwrap()).product();
        tensor["data_offsets"] = json!([end, end + 4 * count]);
        end += 4 * count;
    }
    let header = header.to_string();
    std::fs::write(&weights, [&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat()).unwrap();
    std::fs::OpenOptions::new().write(true).open(&weights).unwrap().set_len(8 + header.len() as u64 + end).unwrap();
}
