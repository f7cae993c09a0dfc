//! What a step does to whom, counted in steps: nothing here depends on time.

use super::*;
use crate::adapters::LoadedAdapter;
use crate::generation::Asked;
use crate::models::open_files;
use crate::said::Said;
use crate::serve::order::{Gone, Heard, Listener};
use crate::serve::recorder::Recorder;
use crate::system::System;
use mickai_kernels::crew::Serial;
use mickai_model::generate::Flow;
use mickai_model::sample::SamplerConfig;
use mickai_proof::record::OutcomeCode;
use mickai_store::Custody;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;

/// A home, the tiny general model, and a crew that can be told to fail.
struct Bench {
    _folder: tempfile::TempDir,
    recorder: Recorder,
    model: Arc<Loaded>,
    crew: Arc<Faulty>,
    pool: Pool,
}

/// Panics in the parts that it is told to.
#[derive(Default)]
struct Faulty {
    /// Operations until one fails; none does at 0.
    fails_in: AtomicUsize,
    /// Every operation fails from then on.
    fails_always: std::sync::atomic::AtomicBool,
}

impl Crew for Faulty {
    fn run(&self, part_count: usize, part: &(dyn Fn(usize) + Sync)) {
        let left = self.fails_in.load(Ordering::Relaxed);
        self.fails_in.store(left.saturating_sub(1), Ordering::Relaxed);
        assert!(left != 1 && !self.fails_always.load(Ordering::Relaxed), "the crew was told to fail");
        Serial.run(part_count, part);
    }
}

/// What one generation said: tokens so far.
#[derive(Clone, Default)]
struct Ear {
    tokens: Arc<Mutex<Vec<Token>>>,
    /// Panics at this many tokens.
    fails_at: Option<usize>,
    gone: Gone,
}

impl Listener for Ear {
    fn begun(&mut self, _: Begun) {}

    fn heard(&mut self, heard: Heard<'_>) -> Flow {
        let mut tokens = self.tokens.lock().unwrap();
        tokens.extend(heard.token);
        let count = tokens.len();
        drop(tokens);
        assert!(self.fails_at != Some(count), "the listener was told to fail");
        Flow::Continue
    }

    fn ended(self: Box<Self>, _: Result<crate::generation::Answered>) {}
}

impl Ear {
    fn count(&self) -> usize {
        self.tokens.lock().unwrap().len()
    }
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let system = System::open(&folder.path().join("home"), 1, Custody::default()).unwrap();
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/vectors/model/llama-64.f32.gguf");
        let model = Arc::new(Loaded::new("tiny".to_owned(), open_files(&[path]).unwrap(), false).unwrap());
        let pool = Pool::new(&model.file.weights(), 64 << 20);
        Self { _folder: folder, recorder: Recorder::new(Arc::new(system)).unwrap(), model, crew: Arc::default(), pool }
    }

    fn batch(&self) -> Batch {
        Batch::new(self.model.clone(), self.pool.clone(), self.crew.clone(), Isa::best())
    }

    fn entering(&self, caller: u64, words: &str, count: usize, ear: &Ear) -> Entering {
        // Not a conversation, into which a template writes the day: no day may have another answer.
        self.going_on_from(Said::Text(words.to_owned()), caller, count, ear)
    }

    fn going_on_from(&self, said: Said, caller: u64, count: usize, ear: &Ear) -> Entering {
        let sampler = SamplerConfig { temperature: 1.0, ..SamplerConfig::GREEDY };
        let asked = Asked { said, seed: Some(7), sampler, ..Asked::conversation(Vec::new(), count) };
        let prepared = Prepared::new(&self.model, asked).unwrap();
        let (sender, receiver) = channel();
        let (draft, openings) = prepared.intent(&self.model);
        self.recorder.begin(self.model.clone(), draft, openings, move |act| sender.send(act).unwrap());
        let act = receiver.recv().unwrap().unwrap();
        Entering { prepared, act, caller: Caller(caller), voice: Voice::new(Box::new(ear.clone()), ear.gone.clone(), None) }
    }

    /// The tokens of a generation that nothing runs beside.
    fn alone(&self, words: &str, count: usize) -> Vec<Token> {
        let (mut batch, ear) = (self.batch(), Ear::default());
        batch.enter(self.entering(0, words, count, &ear));
        while !batch.is_empty() {
            self.close(batch.step());
        }
        ear.tokens.lock().unwrap().clone()
    }

    /// Closes the acts that ended; gives their codes and how many tokens came out.
    fn close(&self, stepped: Stepped) -> Vec<(OutcomeCode, usize)> {
        let (sender, receiver) = channel();
        let close = |ended: Ended| {
            let sender = sender.clone();
            let told = move |closed: Result<mickai_store::Appended>| sender.send(closed.unwrap()).unwrap();
            let (code, facts, openings, count) = match ended.ran {
                Ok(done) => (OutcomeCode::Executed, done.facts, done.openings, done.value.output_tokens.len()),
                Err(failed) => (OutcomeCode::Failed, failed.facts, Vec::new(), 0),
            };
            self.recorder.close(ended.act, code, facts, openings, told);
            receiver.recv().unwrap();
            (code, count)
        };
        stepped.ended.into_iter().map(close).collect()
    }
}

const LONG: &str = "the quick brown fox jumps over the lazy dog and then it does so once more, ";

#[test]
fn a_long_prompt_does_not_keep_others_from_decoding() {
    let bench = Bench::new();
    let (mut batch, short, long) = (bench.batch(), Ear::default(), Ear::default());
    batch.enter(bench.entering(1, "hello", 40, &short));
    while short.count() == 0 && !batch.is_empty() {
        batch.step();
    }
    let words = LONG.repeat(12);
    let entering = bench.entering(2, &words, 4, &long);
    let prompt_count = entering.prepared.prompt.tokens.len();
    batch.enter(entering);
    let (mut steps, mut rows_most) = (0, 0);
    while long.count() == 0 {
        let before = short.count();
        let stepped = batch.step();
        assert!(short.count() > before, "step {steps} gave no token to who decodes");
        rows_most = rows_most.max(stepped.rows);
        steps += 1;
    }
    assert!(steps > 1 && rows_most <= super::super::limits::READ_BESIDE_TOKENS + DECODED_ROWS, "{prompt_count} {steps} {rows_most}");
}

#[test]
fn who_goes_away_is_gone_with_the_next_step_and_so_are_their_pages() {
    let bench = Bench::new();
    let (mut batch, stays, goes) = (bench.batch(), Ear::default(), Ear::default());
    batch.enter(bench.entering(1, "hello", 6, &stays));
    batch.enter(bench.entering(2, &LONG.repeat(3), 1000, &goes));
    while goes.count() == 0 && !batch.is_empty() {
        bench.close(batch.step());
    }
    let promised = bench.pool.usage().promised_count;
    goes.gone.set();
    let heard = goes.count();
    let ended = batch.step();
    assert_eq!((ended.ended.len(), goes.count()), (1, heard));
    assert_eq!(bench.close(ended), [(OutcomeCode::Executed, heard)]);
    assert!(bench.pool.usage().promised_count < promised);
    while !batch.is_empty() {
        bench.close(batch.step());
    }
    let usage = bench.pool.usage();
    assert_eq!((usage.promised_count, usage.held_count), (0, 0), "{usage:?}");
    assert_eq!(stays.tokens.lock().unwrap().as_slice(), bench.alone("hello", 6));
}

#[test]
fn answers_to_one_prompt_read_it_once() {
    let bench = Bench::new();
    let words = LONG.repeat(4);
    let (mut batch, ears) = (bench.batch(), [Ear::default(), Ear::default(), Ear::default()]);
    let mut prompt_count = 0;
    for ear in &ears {
        let entering = bench.entering(1, &words, 5, ear);
        prompt_count = entering.prepared.prompt.tokens.len();
        batch.enter(entering);
    }
    let (mut rows, mut reused) = (0, 0);
    while !batch.is_empty() {
        let stepped = batch.step();
        rows += stepped.rows;
        reused += stepped.reused;
        bench.close(stepped);
    }
    assert_eq!(reused, 2 * (prompt_count - 1));
    // What is proposed and not taken is fed too.
    assert!((prompt_count..prompt_count + 3 * 5 * DECODED_ROWS).contains(&rows), "{rows} {prompt_count}");
    let alone = bench.alone(&words, 5);
    assert!(ears.iter().all(|ear| *ear.tokens.lock().unwrap() == alone));
}

/// One prompt is the beginning of the other: who reads on waits for what both share, not for the other's answer.
#[test]
fn who_goes_on_from_anothers_prompt_does_not_wait_for_their_answer() {
    let bench = Bench::new();
    let (mut batch, first, second) = (bench.batch(), Ear::default(), Ear::default());
    let (short, long) = (bench.going_on_from(Said::Text(LONG.repeat(2).trim_end().to_owned()), 1, 200, &first), bench.going_on_from(Said::Text(LONG.repeat(4)), 2, 5, &second));
    assert!(long.prepared.prompt.tokens.starts_with(&short.prepared.prompt.tokens));
    batch.enter(short);
    batch.enter(long);
    let mut reused = 0;
    while second.count() == 0 && !batch.is_empty() {
        let stepped = batch.step();
        reused += stepped.reused;
        bench.close(stepped);
    }
    assert!(first.count() < 20, "{} tokens of the first came before one of the second", first.count());
    assert!(reused > 0);
}

#[test]
fn a_fault_that_comes_once_harms_nobody() {
    let bench = Bench::new();
    let words = ["hello", "what is this", &LONG.repeat(2)];
    let alone = words.map(|words| bench.alone(words, 12));
    for fails_in in [1, 9, 40, 77] {
        let (mut batch, ears) = (bench.batch(), words.map(|_| Ear::default()));
        for (caller, (words, ear)) in words.iter().zip(&ears).enumerate() {
            batch.enter(bench.entering(caller as u64, words, 12, ear));
        }
        let mut codes = Vec::new();
        for step in 0.. {
            if step == 4 {
                bench.crew.fails_in.store(fails_in, Ordering::Relaxed);
            }
            codes.extend(bench.close(batch.step()));
            if batch.is_empty() {
                break;
            }
        }
        assert_eq!(bench.crew.fails_in.load(Ordering::Relaxed), 0, "no fault came");
        assert!(codes.iter().all(|(code, _)| *code == OutcomeCode::Executed), "{fails_in} {codes:?}");
        let told = ears.map(|ear| ear.tokens.lock().unwrap().clone());
        assert_eq!(told, alone, "{fails_in}");
    }
}

#[test]
fn a_fault_of_one_is_that_ones_and_a_fault_of_all_is_everybodys() {
    let bench = Bench::new();
    let (mut batch, good, bad) = (bench.batch(), Ear::default(), Ear { fails_at: Some(3), ..Ear::default() });
    batch.enter(bench.entering(1, "hello", 8, &good));
    batch.enter(bench.entering(2, "hello there", 8, &bad));
    let mut codes = Vec::new();
    while !batch.is_empty() {
        codes.extend(bench.close(batch.step()));
    }
    assert_eq!(codes.iter().map(|(code, _)| *code).collect::<Vec<_>>(), [OutcomeCode::Failed, OutcomeCode::Executed]);
    assert_eq!(good.tokens.lock().unwrap().as_slice(), bench.alone("hello", 8));
    batch.enter(bench.entering(1, "hello", 8, &Ear::default()));
    batch.enter(bench.entering(2, "hello there", 8, &Ear::default()));
    bench.crew.fails_always.store(true, Ordering::Relaxed);
    assert_eq!(bench.close(batch.step()), [(OutcomeCode::Failed, 0); 2]);
    bench.crew.fails_always.store(false, Ordering::Relaxed);
    assert!(batch.is_empty());
    assert_eq!(bench.pool.usage().promised_count, 0);
    assert_eq!(bench.alone("hello", 8).as_slice(), good.tokens.lock().unwrap().as_slice());
}

/// One prompt with two adapters and with none: nobody waits for what serves them nothing, no page of one is another's, and each is what it is alone.
#[test]
fn other_adapters_are_not_waited_for() {
    let bench = Bench::new();
    let adapter = |alpha: &str| {
        let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/vectors/model/llama-64-lora");
        let folder = tempfile::tempdir().unwrap();
        let paths = ["adapter_config.json", "adapter_model.safetensors"].map(|name| (vectors.join(name), folder.path().join(name)));
        let config = std::fs::read_to_string(&paths[0].0).unwrap().replace("\"lora_alpha\": 16", &format!("\"lora_alpha\": {alpha}"));
        std::fs::write(&paths[0].1, config).unwrap();
        std::fs::copy(&paths[1].0, &paths[1].1).unwrap();
        let adapter = crate::adapters::open_adapter(&paths.map(|(_, path)| path), &bench.model.file.config, "tiny").unwrap();
        Arc::new(LoadedAdapter { name: alpha.to_owned(), model: bench.model.digest, adapter: Arc::new(adapter), share: None })
    };
    let adapters = [None, Some(adapter("16")), Some(adapter("5"))];
    let words = LONG.repeat(4);
    let entering = |adapter: &Option<Arc<LoadedAdapter>>, ear: &Ear| {
        let mut entering = bench.entering(1, &words, 8, ear);
        entering.prepared.adapter.clone_from(adapter);
        entering
    };
    let run = |adapters: &[Option<Arc<LoadedAdapter>>]| {
        let (mut batch, ears) = (bench.batch(), adapters.iter().map(|_| Ear::default()).collect::<Vec<_>>());
        adapters.iter().zip(&ears).for_each(|(adapter, ear)| drop(batch.enter(entering(adapter, ear))));
        let (mut reused, mut begun) = (0, None);
        while !batch.is_empty() {
            let stepped = batch.step();
            reused += stepped.reused;
            begun.get_or_insert(batch.slots.iter().filter(|slot| slot.is_admitted).count());
            bench.close(stepped);
        }
        (reused, begun.unwrap(), ears.into_iter().map(|ear| ear.tokens.lock().unwrap().clone()).collect::<Vec<_>>())
    };
    let (reused, begun, together) = run(&adapters);
    assert_eq!((reused, begun), (0, 3), "all read from the first step on, each for itself");
    // The second time each finds its own.
    let prompt_count = bench.entering(1, &words, 8, &Ear::default()).prepared.prompt.tokens.len();
    assert_eq!(run(&adapters), (3 * (prompt_count - 1), 3, together.clone()));
    for (adapter, said) in adapters.iter().zip(&together) {
        // Another home, another pool.
        let alone = Bench::new();
        let (mut batch, ear) = (alone.batch(), Ear::default());
        let mut entering = alone.entering(1, &words, 8, &ear);
        entering.prepared.adapter.clone_from(adapter);
        batch.enter(entering);
        while !batch.is_empty() {
            alone.close(batch.step());
        }
        assert_eq!(*ear.tokens.lock().unwrap(), *said);
    }
    assert!(together[0] != together[1] && together[1] != together[2]);
}
