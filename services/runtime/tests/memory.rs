//! One budget of memory for all that is open: whoever is idle makes room, and who is refused hears what is asked and what there is, and leaves no record.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use mickai_model::generate::Flow;
use mickai_model::tokens::Token;
use mickai_runtime::serve::{Begun, Caller, Desk, Gone, Heard, Listener, Order};
use mickai_runtime::{Allowance, Answered, Asked, Error, Input, Loaded, Said, Short, System, ToEmbed};
use mickai_store::Custody;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier};

const FIRST: &str = "llama-64.f32";
const TONE: &str = "llama-64.f32+tone";
const QUIET: &str = "llama-64.f32+quiet";
const SECOND: &str = "qwen2-64.f32";
/// Half of what the context of each takes.
const CACHE_BYTES: u64 = 512 << 10;
const ROOMY: u64 = 1 << 30;

fn vectors(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/vectors/model").join(name)
}

/// A home with two tiny models, and two adapters of the first that differ in their scale alone.
struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let machine = Self { folder: tempfile::tempdir().unwrap() };
        let system = machine.system();
        for model in [FIRST, SECOND] {
            system.import(&vectors(&format!("{model}.gguf")), None, None, &|_| Flow::Continue).unwrap();
        }
        let quiet = machine.folder.path().join("quiet");
        std::fs::create_dir(&quiet).unwrap();
        let config = std::fs::read_to_string(vectors("llama-64-lora/adapter_config.json")).unwrap();
        std::fs::write(quiet.join("adapter_config.json"), config.replace("\"lora_alpha\": 16", "\"lora_alpha\": 6")).unwrap();
        std::fs::copy(vectors("llama-64-lora/adapter_model.safetensors"), quiet.join("adapter_model.safetensors")).unwrap();
        for (path, name) in [(vectors("llama-64-lora"), "tone"), (quiet, "quiet")] {
            system.import_adapter(&path, Some(name), FIRST, &|_| Flow::Continue).unwrap();
        }
        machine
    }

    fn system(&self) -> System {
        System::open(&self.folder.path().join("home"), 1, Custody::default()).unwrap()
    }

    fn desk(&self, memory_bytes: u64) -> Desk {
        Desk::open(Arc::new(self.system()), Allowance { memory_bytes, cache_bytes: CACHE_BYTES }).unwrap()
    }

    fn act_count(&self) -> usize {
        self.system().acts().unwrap().len()
    }

    /// Bytes of a model's weights, and what an adapter takes.
    fn sizes(&self) -> (u64, u64, u64) {
        let desk = self.desk(ROOMY);
        let first = opened_bytes(&desk, FIRST);
        let adapter = opened_bytes(&desk, TONE);
        (first - CACHE_BYTES, opened_bytes(&desk, SECOND) - CACHE_BYTES, adapter)
    }
}

fn taken(desk: &Desk) -> u64 {
    desk.counts().memory_bytes
}

/// By how much more is taken once it is open.
fn opened_bytes(desk: &Desk, wanted: &str) -> u64 {
    let before = taken(desk);
    desk.model(wanted).unwrap();
    taken(desk) - before
}

fn open(desk: &Desk) -> Vec<String> {
    desk.counts().models.into_iter().map(|model| model.name).collect()
}

fn short(error: Error) -> Short {
    match error {
        Error::Short(short) => {
            let said = short.to_string();
            let there_is = if short.is_final() { short.max } else { short.free };
            assert!(said.contains(&short.asked.to_string()) && said.contains(&there_is.to_string()), "{said}");
            short
        }
        other => panic!("{other}"),
    }
}

fn refused(desk: &Desk, wanted: &str) -> Short {
    short(desk.model(wanted).err().unwrap())
}

/// Holds whatever runs on its model from the moment it begins.
struct Ear {
    held: Sender<()>,
    go: Receiver<()>,
    ended: Sender<Result<Answered, Error>>,
}

impl Listener for Ear {
    fn begun(&mut self, _: Begun) {
        self.held.send(()).unwrap();
        self.go.recv().unwrap();
    }

    fn heard(&mut self, _: Heard<'_>) -> Flow {
        Flow::Continue
    }

    fn ended(self: Box<Self>, ended: Result<Answered, Error>) {
        let _ = self.ended.send(ended);
    }
}

/// A generation that has begun and is held.
struct Held {
    go: Sender<()>,
    ended: Receiver<Result<Answered, Error>>,
}

impl Held {
    fn let_go(self) {
        self.go.send(()).unwrap();
        self.ended.recv().unwrap().unwrap();
    }
}

fn order(model: Arc<Loaded>, ear: Ear) -> (Order, Box<dyn Listener>) {
    let asked = Asked { said: Said::Text("hello".to_owned()), seed: Some(1), ..Asked::conversation(Vec::new(), 3) };
    (Order { model, asked, likely_count: None, shortens: false, caller: Caller(1), gone: Gone::default() }, Box::new(ear))
}

fn hold(desk: &Desk, model: Arc<Loaded>) -> Held {
    let ((held, is_held), (go, gone_on), (ended, told)) = (channel(), channel(), channel());
    desk.submit(vec![order(model, Ear { held, go: gone_on, ended })]).unwrap();
    is_held.recv().unwrap();
    Held { go, ended: told }
}

#[test]
fn an_idle_model_makes_room_and_a_busy_one_does_not() {
    let machine = Machine::new();
    let (first, second, _) = machine.sizes();
    // One byte too few for both.
    let max = first + second + 2 * CACHE_BYTES - 1;
    let desk = machine.desk(max);
    desk.model(FIRST).unwrap();
    assert_eq!((open(&desk), taken(&desk)), (vec![FIRST.to_owned()], first + CACHE_BYTES));
    desk.model(SECOND).unwrap();
    assert_eq!((open(&desk), taken(&desk)), (vec![SECOND.to_owned()], second + CACHE_BYTES));
    let busy = hold(&desk, desk.model(SECOND).unwrap());
    let acts = machine.act_count();
    let Short { asked, free, max: told, .. } = refused(&desk, FIRST);
    assert_eq!((asked, free, told), (CACHE_BYTES, CACHE_BYTES - 1, max));
    assert_eq!((machine.act_count(), taken(&desk)), (acts, second + CACHE_BYTES), "what is refused takes nothing");
    busy.let_go();
    desk.model(FIRST).unwrap();
    assert_eq!((open(&desk), taken(&desk)), (vec![FIRST.to_owned()], first + CACHE_BYTES));
    drop(desk);
    let roomier = machine.desk(max + 1);
    let _both = [FIRST, SECOND].map(|model| roomier.model(model).unwrap());
    assert_eq!(taken(&roomier), max + 1);
}

/// Whoever still has a model has its memory, whether or not it takes orders.
#[test]
fn a_model_is_counted_as_long_as_anyone_has_it() {
    let machine = Machine::new();
    let (first, second, _) = machine.sizes();
    let desk = machine.desk(first + second + CACHE_BYTES);
    let model = desk.model(FIRST).unwrap();
    desk.model(SECOND).unwrap();
    assert_eq!((open(&desk), taken(&desk)), (vec![SECOND.to_owned()], first + second + CACHE_BYTES));
    drop(model);
    assert_eq!(taken(&desk), second + CACHE_BYTES);
}

#[test]
fn what_never_fits_is_refused_for_good() {
    let machine = Machine::new();
    let (first, _, adapter) = machine.sizes();
    let desk = machine.desk(first - 1);
    let Short { asked, max, .. } = refused(&desk, FIRST);
    assert_eq!((asked, max, taken(&desk)), (first, first - 1, 0));
    // Keys and values make do with what is left; an adapter does not.
    let desk = machine.desk(first + CACHE_BYTES - 1);
    desk.model(FIRST).unwrap();
    assert_eq!(taken(&desk), first + CACHE_BYTES - 1);
    let refusal = refused(&desk, TONE);
    assert!(refusal.is_final());
    assert_eq!((refusal.asked, refusal.max), (first + CACHE_BYTES - 1 + adapter, first + CACHE_BYTES - 1));
}

#[test]
fn whoever_asks_at_once_shares_one_adapter() {
    const COUNT: usize = 8;
    let machine = Machine::new();
    let (first, _, adapter) = machine.sizes();
    let (desk, at_once) = (machine.desk(ROOMY), Barrier::new(COUNT));
    desk.model(FIRST).unwrap();
    let ask = || {
        at_once.wait();
        desk.model(TONE).unwrap()
    };
    let models: Vec<Arc<Loaded>> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..COUNT).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().map(|asking| asking.join().unwrap()).collect()
    });
    let adapters: Vec<_> = models.iter().map(|model| model.adapter.as_ref().unwrap()).collect();
    assert!(adapters.iter().all(|open| Arc::ptr_eq(open, adapters[0])));
    assert_eq!(taken(&desk), first + CACHE_BYTES + adapter);
}

#[test]
fn an_adapter_is_counted_as_long_as_an_order_has_it() {
    let machine = Machine::new();
    let (first, _, adapter) = machine.sizes();
    let desk = machine.desk(first + CACHE_BYTES + adapter);
    let runs = hold(&desk, desk.model(TONE).unwrap());
    assert_eq!(taken(&desk), first + CACHE_BYTES + adapter);
    let refusal = refused(&desk, QUIET);
    assert!(!refusal.is_final());
    assert_eq!((refusal.asked, refusal.free), (adapter, 0));
    runs.let_go();
    // Its model does not make room for it; the other adapter does.
    let quiet = desk.model(QUIET).unwrap();
    assert_eq!((open(&desk), taken(&desk)), (vec![FIRST.to_owned()], first + CACHE_BYTES + adapter));
    assert!(!refused(&desk, TONE).is_final());
    assert_eq!(open(&desk), [FIRST]);
    drop(quiet);
    hold(&desk, desk.model(TONE).unwrap()).let_go();
}

/// All pages that inputs take together count, not the longest input.
#[test]
fn embeddings_have_their_share() {
    let machine = Machine::new();
    let (first, ..) = machine.sizes();
    let max = first + CACHE_BYTES;
    let desk = machine.desk(max);
    let model = desk.model(FIRST).unwrap();
    let page_bytes = desk.counts().models.first().unwrap().page_bytes;
    let page_count = CACHE_BYTES / page_bytes;
    let embed = |input_count: usize| {
        let inputs = vec![Input::Tokens(vec![Token(7); page_count as usize * 256]); input_count];
        let asked = ToEmbed { inputs, dimension_count: None, shortens: false, request: None };
        desk.embed(desk.enter_embedding(model.clone())?.prepared(&asked)?, &Gone::default(), &mut |_| {})
    };
    let acts = machine.act_count();
    let refusal = short(embed(2).unwrap_err());
    assert_eq!((refusal.asked, refusal.max), (first + 2 * page_count * page_bytes, max));
    assert_eq!((machine.act_count(), taken(&desk)), (acts, max));
    // Its idle model makes room for one, and has it back for the next generation.
    assert_eq!(embed(1).unwrap().vectors.len(), 1);
    assert_eq!((open(&desk).len(), taken(&desk)), (0, first));
    let busy = hold(&desk, model.clone());
    assert_eq!(taken(&desk), max);
    let refusal = short(embed(1).unwrap_err());
    assert_eq!((refusal.asked, refusal.free), (page_count * page_bytes, 0));
    busy.let_go();
    assert_eq!(embed(1).unwrap().vectors.len(), 1);
}
