//! The tiny models of `spec/vectors/model`, opened; and a crew of threads.

use mickai_kernels::crew::{Crew, Resident, Serial};
use mickai_kernels::isa::Isa;
use mickai_model::file::{ModelFile, open_folder, open_gguf};
use mickai_model::forward::{Session, Weights};
use mickai_model::tensor::Source;
use mickai_model::tokens::Token;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../spec/vectors/model").join(name)
}

fn source(path: PathBuf) -> Source {
    Arc::new(std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
}

pub fn gguf(name: &str) -> ModelFile {
    open_gguf(source(path(&format!("{name}.gguf")))).unwrap()
}

pub fn folder(name: &str) -> ModelFile {
    let entries = std::fs::read_dir(path(name)).unwrap().map(|entry| entry.unwrap());
    open_folder(entries.map(|entry| (entry.file_name().into_string().unwrap(), source(entry.path()))).collect::<BTreeMap<_, _>>()).unwrap()
}

pub fn weights(model: &ModelFile) -> Arc<Weights> {
    Arc::new(Weights::bind(&model.config, &model.tensors).unwrap())
}

/// A serial session on the fastest path.
pub fn session(weights: &Arc<Weights>) -> Session {
    Session::new(weights.clone(), weights.config().context_tokens_max, Arc::new(Serial), Isa::best()).unwrap()
}

/// A prompt, its greedy continuation and the float64 logits of every position but the last.
pub struct Reference {
    pub prompt: Vec<Token>,
    pub greedy: Vec<Token>,
    /// `[position][vocabulary]`.
    pub logits: Vec<f32>,
}

pub fn reference(name: &str) -> Reference {
    let facts: serde_json::Value = serde_json::from_slice(&std::fs::read(path(&format!("{name}.json"))).unwrap()).unwrap();
    let tokens = |key: &str| facts[key].as_array().unwrap().iter().map(|token| Token(token.as_u64().unwrap() as u32)).collect();
    let bytes = std::fs::read(path(&format!("{name}.logits.f32"))).unwrap();
    Reference { prompt: tokens("prompt"), greedy: tokens("greedy"), logits: bytes.as_chunks().0.iter().map(|&x| f32::from_le_bytes(x)).collect() }
}

impl Reference {
    /// The first `count` tokens of prompt and continuation.
    pub fn tokens(&self, count: usize) -> Vec<Token> {
        self.prompt.iter().chain(&self.greedy).copied().take(count).collect()
    }
}

/// A crew of `count` threads.
pub fn threads(count: usize) -> Arc<dyn Crew> {
    let resident = Arc::new(Resident::new());
    let lend = |_| {
        let resident = resident.clone();
        std::thread::spawn(move || resident.serve())
    };
    let hands = (1..count).map(lend).collect();
    Arc::new(Threads { resident, hands })
}

struct Threads {
    resident: Arc<Resident>,
    hands: Vec<JoinHandle<()>>,
}

impl Crew for Threads {
    fn run(&self, part_count: usize, part: &(dyn Fn(usize) + Sync)) {
        self.resident.run(part_count, part);
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.resident.dismiss();
        self.hands.drain(..).for_each(|hand| hand.join().unwrap());
    }
}
