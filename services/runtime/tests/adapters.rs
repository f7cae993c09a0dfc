//! Adapters on record and beside each other: each answer is what it is alone, names what made it, and runs again.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use mickai_kernels::isa::Isa;
use mickai_model::generate::Flow;
use mickai_model::sample::SamplerConfig;
use mickai_model::tokens::Token;
use mickai_runtime::acts::Act;
use mickai_runtime::serve::{Begun, Caller, Desk, Gone, Heard, Listener, Order};
use mickai_runtime::{Allowance, Answered, Asked, EMBEDDED_NAME, Error, Input, Loaded, PinError, ReplayOf, Said, System, ToEmbed};
use mickai_store::{Custody, Error as StoreError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

const MODEL: &str = "llama-64.f32";
/// What can be asked for: the model alone, and with each of its adapters.
const CHOICES: [&str; 3] = [MODEL, "llama-64.f32+tone", "llama-64.f32+quiet"];

fn vectors(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/vectors/model").join(name)
}

/// A home with the tiny model and two adapters for it, which differ in their scale alone.
struct Machine {
    folder: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let machine = Self { folder: tempfile::tempdir().unwrap() };
        let system = machine.system(1);
        system.import(&vectors(&format!("{MODEL}.gguf")), None, None, &|_| Flow::Continue).unwrap();
        system.import_adapter(&vectors("llama-64-lora"), Some("tone"), MODEL, &|_| Flow::Continue).unwrap();
        let quiet = machine.altered("quiet", |config| config.replace("\"lora_alpha\": 16", "\"lora_alpha\": 6"));
        system.import_adapter(&quiet, None, MODEL, &|_| Flow::Continue).unwrap();
        machine
    }

    fn system(&self, threads: usize) -> System {
        System::open(&self.folder.path().join("home"), threads, Custody::default()).unwrap()
    }

    fn desk(&self, threads: usize, isa: Isa, cache_bytes: u64) -> Desk {
        let allowance = Allowance { memory_bytes: 1 << 30, cache_bytes };
        Desk::open(Arc::new(self.system(threads).with_isa(isa.name()).unwrap()), allowance).unwrap()
    }

    /// The adapter of the vectors with other settings, in a folder of that name.
    fn altered(&self, name: &str, change: impl Fn(String) -> String) -> PathBuf {
        let folder = self.folder.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        let config = std::fs::read_to_string(vectors("llama-64-lora/adapter_config.json")).unwrap();
        let changed = change(config.clone());
        assert_ne!(changed, config);
        std::fs::write(folder.join("adapter_config.json"), changed).unwrap();
        std::fs::copy(vectors("llama-64-lora/adapter_model.safetensors"), folder.join("adapter_model.safetensors")).unwrap();
        folder
    }
}

struct Ear {
    tokens: Vec<Token>,
    ended: Sender<Result<(Vec<Token>, u64), Error>>,
}

impl Listener for Ear {
    fn begun(&mut self, _: Begun) {}

    fn heard(&mut self, heard: Heard<'_>) -> Flow {
        self.tokens.extend(heard.token);
        Flow::Continue
    }

    fn ended(self: Box<Self>, ended: Result<Answered, Error>) {
        let Self { tokens, ended: sender } = *self;
        let _ = sender.send(ended.map(|answered| {
            assert_eq!(tokens, answered.generation.output_tokens);
            (tokens, answered.intent.index)
        }));
    }
}

type Ended = Receiver<Result<(Vec<Token>, u64), Error>>;

fn submit(desk: &Desk, model: &Arc<Loaded>, asked: Asked, caller: u64) -> Ended {
    let (sender, ended) = channel();
    let order = Order { model: model.clone(), asked, likely_count: None, shortens: false, caller: Caller(caller), gone: Gone::default() };
    desk.submit(vec![(order, Box::new(Ear { tokens: Vec::new(), ended: sender }))]).unwrap();
    ended
}

/// Greedy and sampled, short prompts and such as fill a page, most of them alike; no template, so that no day has another answer.
fn asked(index: usize) -> Asked {
    let words = if index.is_multiple_of(2) {
        "the same beginning of everything that follows here, and of more. ".repeat(6) + &(index / 4).to_string()
    } else {
        format!("what is {}", index / 4)
    };
    let sampler = if index.is_multiple_of(3) { SamplerConfig::GREEDY } else { SamplerConfig { temperature: 1.1, top_k: 40, ..SamplerConfig::GREEDY } };
    Asked { said: Said::Text(words), seed: Some(index as u64), sampler, ..Asked::conversation(Vec::new(), 4 + index % 13) }
}

fn act(system: &System, index: u64) -> Act {
    system.acts().unwrap().into_iter().find(|act| act.intent.index == index).unwrap()
}

fn replay(system: &System, index: u64) -> Result<bool, Error> {
    Ok(system.replay(&ReplayOf::Record(index), None, &mut |_| Flow::Continue)?.is_identical())
}

/// Every request with each adapter and without, alone in a process of its own; then all beside each other, twice, on other threads and instructions and with little room. Each gives what it gives
/// alone, is on record with its adapter, and runs again.
#[test]
fn beside_each_other_each_is_what_it_is_alone() {
    const COUNT: usize = 12;
    let machine = Machine::new();
    let alone: Vec<Vec<Vec<Token>>> = {
        let of = |choice: &str, index: usize| {
            let desk = machine.desk(1, Isa::best(), 64 << 20);
            let model = desk.model(choice).unwrap();
            submit(&desk, &model, asked(index), 0).recv().unwrap().unwrap().0
        };
        (0..COUNT).map(|index| CHOICES.map(|choice| of(choice, index)).to_vec()).collect()
    };
    assert!(alone.iter().filter(|said| said[0] != said[1] && said[1] != said[2] && said[0] != said[2]).count() > COUNT / 2, "adapters make a difference");
    let mut intents = Vec::new();
    for (threads, isa, cache_bytes) in [(2, Isa::best(), 64 << 20), (1, Isa::SCALAR, 2 << 20)] {
        let desk = machine.desk(threads, isa, cache_bytes);
        let models = CHOICES.map(|choice| desk.model(choice).unwrap());
        for warm in [false, true] {
            let going: Vec<(usize, usize, Ended)> = (0..COUNT)
                .flat_map(|index| models.iter().enumerate().map(move |(choice, model)| (index, choice, model)))
                .map(|(index, choice, model)| (index, choice, submit(&desk, model, asked(index), index as u64 % 5)))
                .collect();
            for (index, choice, ended) in going {
                let (said, intent) = ended.recv().unwrap().unwrap();
                assert_eq!(said, alone[index][choice], "request {index} of {}, {threads} threads, {}, {cache_bytes} bytes, warm: {warm}", CHOICES[choice], isa.name());
                intents.push((choice, intent));
            }
        }
        let counts = desk.counts();
        assert_eq!(counts.models.len(), 1, "one model, whatever is on it");
        let of_model = counts.models.first().unwrap();
        assert_eq!(of_model.name, MODEL);
        assert!(of_model.reused_tokens > 0 && of_model.step_rows > of_model.steps, "{of_model:?}");
    }
    let system = machine.system(3);
    let listed = system.models_and_adapters().unwrap();
    for (choice, intent) in intents.iter().step_by(5) {
        let act = act(&system, *intent);
        let wanted = listed.iter().find(|one| one.name == CHOICES[*choice]).unwrap();
        assert_eq!((act.intent.bytes("model"), act.intent.text("model_name")), (Some(&wanted.digest.0[..]), Some(MODEL)));
        assert_eq!(act.intent.bytes("adapter"), wanted.adapter.as_ref().map(|adapter| &adapter.0[..]));
        assert_eq!(act.intent.text("adapter_name"), [None, Some("tone"), Some("quiet")][*choice]);
        assert!(replay(&system, *intent).unwrap());
    }
}

/// One context, as a chat has it, and then a replay with the recorded adapter, another one, and none at all.
#[test]
fn a_replay_uses_the_recorded_adapter_or_says_which_is_missing() {
    let machine = Machine::new();
    let system = machine.system(1);
    let models = CHOICES.map(|choice| system.model(choice).unwrap());
    let mut context = system.context(&models[0]).unwrap();
    let mut ask = |model: &Loaded| system.generate(model, &mut context, &asked(2), &mut |_| Flow::Continue).unwrap();
    let first = models.each_ref().map(&mut ask);
    let again = models.each_ref().map(&mut ask);
    for (first, again) in first.iter().zip(&again) {
        assert_eq!(first.generation, again.generation);
    }
    assert_ne!(first[0].generation.output_tokens, first[1].generation.output_tokens);
    assert!(first.iter().all(|answered| replay(&system, answered.intent.index).unwrap()));
    let tone = first[1].intent.index;
    let digest = models[1].adapter.as_ref().unwrap().digest();
    let removed = system.remove_adapter("tone").unwrap();
    assert_eq!((removed.digest, removed.model.1.as_deref()), (digest, Some(MODEL)));
    let before = system.reader().unwrap().size();
    let Err(error @ Error::NoAdapter { .. }) = replay(&system, tone) else { panic!("it is gone") };
    assert!(error.to_string().contains(&digest.to_string()), "{error}");
    assert_eq!(system.reader().unwrap().size(), before, "what could not begin is not on record");
    assert!(replay(&system, first[0].intent.index).unwrap() && replay(&system, first[2].intent.index).unwrap());
    // The same matrices from the other format, for the same model or for another of its shape, under whatever name.
    system.import_adapter(&vectors("llama-64-lora.gguf"), Some("again"), MODEL, &|_| Flow::Continue).unwrap();
    assert!(replay(&system, tone).unwrap());
    system.remove_adapter("again").unwrap();
    system.import(&vectors("llama-64.q8_0.gguf"), Some("small"), None, &|_| Flow::Continue).unwrap();
    system.import_adapter(&vectors("llama-64-lora"), Some("again"), "small", &|_| Flow::Continue).unwrap();
    assert!(replay(&system, tone).unwrap());
    // A replay is itself on record with it.
    let last = system.acts().unwrap().pop().unwrap();
    assert_eq!((last.action.as_str(), last.intent.bytes("adapter")), ("replay", Some(&digest.0[..])));
}

#[test]
fn embeddings_take_an_adapter_and_run_again() {
    let machine = Machine::new();
    let desk = machine.desk(1, Isa::best(), 64 << 20);
    let embed = |choice: &str| {
        let asked = ToEmbed { inputs: vec![Input::Text("hello".to_owned()), Input::Tokens(vec![Token(7); 300])], dimension_count: None, shortens: false, request: None };
        desk.embed(desk.enter_embedding(desk.model(choice).unwrap()).unwrap().prepared(&asked).unwrap(), &Gone::default(), &mut |_| {}).unwrap()
    };
    let made = CHOICES.map(embed);
    assert!(made[0].vectors != made[1].vectors && made[1].vectors != made[2].vectors);
    let intents = made.map(|made| made.records[0].0.index);
    drop(desk);
    let system = machine.system(2);
    assert!(intents.iter().all(|intent| replay(&system, *intent).unwrap()));
    assert_eq!(intents.map(|intent| act(&system, intent).intent.bytes("adapter").is_some()), [false, true, true]);
    system.remove_adapter("tone").unwrap();
    assert!(matches!(replay(&system, intents[1]), Err(Error::NoAdapter { .. })));
}

#[test]
fn what_is_asked_for_is_a_model_and_one_of_its_adapters() {
    let machine = Machine::new();
    let system = machine.system(1);
    let names: Vec<String> = system.models_and_adapters().unwrap().into_iter().map(|one| one.name).collect();
    assert_eq!(names, [EMBEDDED_NAME, MODEL, "llama-64.f32+quiet", "llama-64.f32+tone"]);
    let tone = system.model("llama-64.f32+tone").unwrap();
    let (adapter, model) = (tone.adapter.as_ref().unwrap().digest().to_string(), tone.digest.to_string());
    for wanted in [format!("{MODEL}+{}", &adapter[..8]), format!("{}+tone", &model[..8]), format!("{model}+{adapter}")] {
        assert_eq!(system.model(&wanted).unwrap().name, "llama-64.f32+tone", "{wanted}");
    }
    assert_eq!(system.model_with(MODEL, Some("tone")).unwrap().name, "llama-64.f32+tone");
    let refused = |wanted: &str| system.model(wanted).err().unwrap();
    assert!(matches!(refused("llama-64.f32+nobody"), Error::NoAdapter { wanted, model: Some(model), known } if wanted == "nobody" && model == MODEL && known == ["quiet", "tone"]));
    assert!(matches!(refused("nobody+tone"), Error::NoModel { wanted, .. } if wanted == "nobody+tone"));
    assert!(matches!(refused("mickai-bootstrap+tone"), Error::EmbeddedAdapter));
    assert!(matches!(refused("+tone"), Error::NoModel { .. }));
    // A model of that very name goes before, and the adapter has its digest still.
    system.import(&vectors("llama-64.q8_0.gguf"), Some("llama-64.f32+tone"), None, &|_| Flow::Continue).unwrap();
    assert!(system.model("llama-64.f32+tone").unwrap().adapter.is_none());
    assert!(system.model(&format!("{MODEL}+{}", &adapter[..8])).unwrap().adapter.is_some());
    // An adapter is one model's.
    assert!(matches!(system.model("llama-64.f32+tone+tone"), Err(Error::NoAdapter { .. })));
}

#[test]
fn what_does_not_fit_or_was_changed_is_refused() {
    let machine = Machine::new();
    let system = machine.system(1);
    system.import(&vectors("llama-256"), Some("wide"), None, &|_| Flow::Continue).unwrap();
    let size = system.reader().unwrap().size();
    let import = |path: &Path, model: &str| system.import_adapter(path, Some("new"), model, &|_| Flow::Continue);
    let unfit = import(&vectors("llama-64-lora"), "wide").err().unwrap();
    assert!(matches!(unfit, Error::AdapterUnfit { .. }));
    // Both shapes.
    let said = unfit.to_string();
    assert!(said.contains("does not fit model wide") && said.contains("[8, 160]") && said.contains("[8, 256]"), "{said}");
    assert!(matches!(import(&vectors("qwen2-64-lora"), "wide").err().unwrap(), Error::AdapterUnfit { .. }));
    assert!(matches!(import(&vectors("llama-64.f32.gguf"), MODEL).err().unwrap(), Error::AdapterUnfit { .. }));
    assert!(matches!(import(&vectors("llama-64"), MODEL), Err(Error::Store(StoreError::NoAdapterFiles(_)))));
    assert!(matches!(import(&vectors("llama-64-lora"), EMBEDDED_NAME), Err(Error::EmbeddedAdapter)));
    assert!(matches!(import(&vectors("llama-64-lora"), "nobody"), Err(Error::NoModel { .. })));
    let third = machine.altered("third", |config| config.replace("\"lora_alpha\": 16", "\"lora_alpha\": 7"));
    assert!(matches!(system.import_adapter(&third, Some("tone"), MODEL, &|_| Flow::Continue), Err(Error::Store(StoreError::AdapterNameTaken { .. }))));
    assert!(matches!(system.import_adapter(&third, Some("a+b"), MODEL, &|_| Flow::Continue), Err(Error::Store(StoreError::AdapterName))));
    assert!(matches!(system.import_adapter(&third, None, MODEL, &|_| Flow::Stop), Err(Error::Store(StoreError::Stopped))));
    assert_eq!((system.reader().unwrap().size(), system.adapters().unwrap().len()), (size, 2), "what is refused at the door is not on record");
    // Again: it is what it was called.
    assert_eq!(system.import_adapter(&vectors("llama-64-lora.gguf"), Some("other"), MODEL, &|_| Flow::Continue).unwrap().name, "tone");
    let listed = system.adapters().unwrap();
    let tone = listed.iter().find(|one| one.name == "tone").unwrap();
    let file = machine.folder.path().join(format!("home/adapters/{}-{}/adapter/adapter_model.safetensors", tone.digest, tone.model));
    let mut bytes = std::fs::read(&file).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&file, bytes).unwrap();
    assert!(matches!(system.model("llama-64.f32+tone"), Err(Error::AdapterAltered { want, have, .. }) if want == tone.digest && have != want));
    assert!(matches!(system.look_at_adapter("tone"), Err(Error::AdapterAltered { .. })));
}

/// Where there are pins, an adapter needs one beside its model's; a desk that has both open hears of it.
#[test]
fn an_adapter_without_a_pin_does_not_run() {
    let machine = Machine::new();
    let system = machine.system(1);
    let desk = machine.desk(1, Isa::best(), 64 << 20);
    let models = CHOICES.map(|choice| desk.model(choice).unwrap());
    models.iter().for_each(|model| drop(submit(&desk, model, asked(1), 0).recv().unwrap().unwrap()));
    drop(desk);
    system.pin(MODEL).unwrap();
    let pinned = system.pin_adapter("tone").unwrap();
    assert_eq!(act(&system, pinned.records.0.index).action, "adapter.pin");
    let unpinned = |error: Error| matches!(error, Error::Pins(PinError::UnpinnedAdapter { ref name, .. }) if name == "quiet");
    assert!(system.model(CHOICES[0]).is_ok() && system.model(CHOICES[1]).is_ok());
    assert!(unpinned(system.model(CHOICES[2]).err().unwrap()));
    let desk = machine.desk(1, Isa::best(), 64 << 20);
    let models = CHOICES.map(|choice| desk.model(choice).unwrap());
    let ended = models.each_ref().map(|model| submit(&desk, model, asked(1), 0).recv().unwrap());
    let [alone, tone, quiet] = ended;
    assert!(alone.is_ok() && tone.is_ok() && unpinned(quiet.err().unwrap()));
    drop(desk);
    // A pinned adapter lets no model run.
    system.unpin(MODEL).unwrap();
    assert!(matches!(system.model(CHOICES[1]), Err(Error::Pins(PinError::Unpinned { .. }))));
    assert!(system.pins().unwrap().are_set() && !system.pins_of_models().unwrap().are_set());
    system.unpin_adapter("tone").unwrap();
    assert!(system.model(CHOICES[2]).is_ok());
}
