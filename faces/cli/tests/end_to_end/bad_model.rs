//! Model files that are damaged, crafted, incomplete or of another kind: each is refused in words, in little memory, and nothing is taken in.

use crate::common::{GENERAL, Machine, Run, mickai, vectors};
use std::path::Path;

/// Address space for an import, in KiB: a count that is believed before it is checked goes beyond.
const MEMORY_KIB: &str = "4194304";

/// What becomes of a file's bytes; none: the file is left out.
type Edit<'a> = &'a dyn Fn(Vec<u8>) -> Option<Vec<u8>>;

fn good() -> Vec<u8> {
    std::fs::read(vectors(&format!("{GENERAL}.gguf"))).unwrap()
}

/// The file with `bytes` at `offset`.
fn with(offset: usize, bytes: &[u8]) -> Vec<u8> {
    let mut file = good();
    file[offset..offset + bytes.len()].copy_from_slice(bytes);
    file
}

/// Where this text ends for the first time.
fn after(text: &str) -> usize {
    let file = good();
    file.windows(text.len()).position(|window| window == text.as_bytes()).unwrap() + text.len()
}

/// The file with a text in place of another of the same length.
fn renamed(from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    with(after(from) - from.len(), to.as_bytes())
}

#[test]
fn bad_gguf_files_are_refused() {
    let machine = Machine::with_model();
    let most = u64::MAX.to_le_bytes();
    let large = (1_u64 << 40).to_le_bytes();
    // A GGUF file begins: magic, version u32, tensor count u64, metadata count u64, length of the first key u64.
    let cases: Vec<(&str, Vec<u8>, &[&str])> = vec![
        ("empty", Vec::new(), &["GGUF"]),
        ("cut in the header", good()[..100].to_vec(), &["fetch it again"]),
        ("cut in the metadata", good()[..after("tokenizer.ggml.tokens") + 500].to_vec(), &["metadata array elements", "fetch it again"]),
        ("cut in the tensors", good()[..good().len() - 4_096].to_vec(), &["cut off", "fetch it again"]),
        ("wrong magic", with(0, b"GGML"), &["not a GGUF file"]),
        ("another version", with(4, &99_u32.to_le_bytes()), &["GGUF version 99", "2 and 3"]),
        ("absurd tensor count", with(8, &most), &["tensors", "at most"]),
        ("absurd metadata count", with(16, &most), &["metadata entries", "at most"]),
        ("absurd key length", with(24, &large), &["fetch it again"]),
        ("absurd array", with(after("tokenizer.ggml.tokens") + 8, &large), &["at most"]),
        ("absurd shape", with(after("blk.0.attn_q.weight") + 4, &large), &["tensor elements", "at most"]),
        ("shape that overflows", with(after("blk.0.attn_q.weight") + 4, &[most, most].concat()), &["fetch it again"]),
        ("offset past the end", with(after("blk.0.attn_q.weight") + 24, &large), &["blk.0.attn_q.weight", "does not lie where"]),
        ("offset that overflows", with(after("blk.0.attn_q.weight") + 24, &(u64::MAX - 31).to_le_bytes()), &["blk.0.attn_q.weight"]),
        ("unknown tensor type", with(after("blk.0.attn_q.weight") + 20, &250_u32.to_le_bytes()), &["ggml type 250", "use a file in one of F32"]),
        ("a tensor doubled", renamed("blk.1.attn_q.weight", "blk.0.attn_q.weight"), &["twice"]),
        ("a tensor of another kind", renamed("blk.1.attn_q.weight", "blk.1.attn_z.weight"), &["not supported"]),
        ("unknown architecture", with(after("general.architecture") + 12, b"mamba"), &["architecture \"mamba\"", "llama and qwen2"]),
        ("no layers", renamed("llama.block_count", "llama.block_czunt"), &["block_count"]),
        ("no tokenizer", renamed("tokenizer.ggml.model", "tokenizer.ggml.mzdel"), &["no tokenizer", "tokenizer.json"]),
    ];
    for (name, bytes, words) in cases {
        std::fs::write(machine.path("bad.gguf"), bytes).unwrap();
        println!("{name}");
        refused(&machine, "bad.gguf", words);
    }
    nothing_was_taken_in(&machine);
}

#[test]
fn bad_folders_are_refused() {
    let machine = Machine::with_model();
    let cases: Vec<(&str, &str, Edit<'_>, &[&str])> = vec![
        ("no tokenizer", "tokenizer.json", &|_| None, &["tokenizer"]),
        ("no settings", "config.json", &|_| None, &["config.json"]),
        ("no weights", "model.safetensors", &|_| None, &["safetensors"]),
        ("unknown architecture", "config.json", &|bytes| Some(swapped(bytes, "\"llama\"", "\"mamba\"")), &["\"mamba\"", "llama and qwen2"]),
        ("no JSON", "config.json", &|bytes| Some(bytes[..40].to_vec()), &["config.json", "line"]),
        ("another width", "config.json", &|bytes| Some(swapped(bytes, "\"hidden_size\": 64", "\"hidden_size\": 72")), &["different models"]),
        ("absurd header", "model.safetensors", &|bytes| Some([&(1_u64 << 60).to_le_bytes(), &bytes[8..]].concat()), &["fetch it again"]),
        ("cut weights", "model.safetensors", &|bytes| Some(bytes[..bytes.len() - 100].to_vec()), &["fetch it again"]),
    ];
    for (name, file, edit, words) in cases {
        println!("{name}");
        folder(&machine, file, edit);
        refused(&machine, "bad", words);
    }
    std::fs::remove_dir_all(machine.path("bad")).unwrap();
    std::fs::create_dir(machine.path("bad")).unwrap();
    refused(&machine, "bad", &["config.json"]);
    nothing_was_taken_in(&machine);
}

#[test]
fn a_model_without_a_template_is_taken_in_and_says_so_when_asked() {
    let machine = Machine::new();
    machine.run(&["ask", "what models do I have"]).ok();
    std::fs::write(machine.path("bare.gguf"), renamed("tokenizer.chat_template", "tokenizer.chat_templatz")).unwrap();
    machine.run(&["model", "import", "bare.gguf"]).ok();
    machine.run(&["ask", "-m", "bare", "hello"]).code(1).says(&["no chat template", "instruction-tuned"]);
    assert_eq!(machine.lines(&["log", "list"]).len(), 5);
    machine.assert_log_valid();
}

#[test]
fn a_model_that_was_changed_after_its_import_is_another() {
    let machine = Machine::with_model();
    machine.run(&["ask", "-m", GENERAL, "--max-tokens", "3", "hello"]).ok();
    let digest = machine.object(&["model", "show", GENERAL])["digest"].as_str().unwrap().to_owned();
    let file = machine.home().join("models").join(&digest).join("model").join(format!("{GENERAL}.gguf"));
    let mut bytes = std::fs::read(&file).unwrap();
    let last = bytes.len() - 2;
    bytes[last] ^= 1;
    let mut permissions = std::fs::metadata(&file).unwrap().permissions();
    #[allow(clippy::permissions_set_readonly_false, reason = "a file of this test's own folder")]
    permissions.set_readonly(false);
    std::fs::set_permissions(&file, permissions).unwrap();
    std::fs::write(&file, bytes).unwrap();
    for args in [&["model", "show", GENERAL][..], &["ask", "-m", &digest, "hello"], &["replay", "3"], &["doctor", "--model", GENERAL]] {
        machine.run(args).code(1).says(&["were changed after its import", &digest, "import it again"]);
    }
    machine.run(&["model", "rm", GENERAL]).ok();
    machine.run(&["model", "import", &vectors(&format!("{GENERAL}.gguf"))]).ok();
    machine.run(&["replay", "3"]).ok().says(&["identical"]);
    machine.assert_log_valid();
}

/// An import in little memory, refused with these words.
#[track_caller]
fn refused(machine: &Machine, path: &str, words: &[&str]) {
    let script = format!("ulimit -v {MEMORY_KIB} && exec \"$0\" --threads 2 model import {path}");
    let program = mickai();
    let args = ["-c", &script, program.to_str().unwrap()];
    let run = Run::of(&mut machine.command(Path::new("sh"), &args)).code(1).says(words);
    assert!(run.err.starts_with("mickai: "), "{}", run.err);
}

fn nothing_was_taken_in(machine: &Machine) {
    assert_eq!(machine.lines(&["model", "list"]).len(), 2);
    assert_eq!(std::fs::read_dir(machine.home().join("models")).unwrap().count(), 1, "no half copies");
    assert_eq!(machine.lines(&["log", "list"]).len(), 3, "what is no model is refused before anything is recorded");
    machine.assert_log_valid();
}

/// A copy of the model's folder as `bad`, with one file changed or left out.
fn folder(machine: &Machine, changed: &str, edit: Edit<'_>) {
    let target = machine.folder().join("bad");
    let _ = std::fs::remove_dir_all(&target);
    std::fs::create_dir(&target).unwrap();
    for entry in std::fs::read_dir(vectors("llama-64")).unwrap().map(Result::unwrap) {
        let name = entry.file_name();
        let bytes = std::fs::read(entry.path()).unwrap();
        if let Some(bytes) = if name == changed { edit(bytes) } else { Some(bytes) } {
            std::fs::write(target.join(name), bytes).unwrap();
        }
    }
}

fn swapped(bytes: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1).into_bytes()
}
