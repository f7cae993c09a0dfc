//! Many callers at once get what each would get alone, and what is on record of it runs again on other threads and other instructions.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

use mickai_kernels::isa::Isa;
use mickai_model::generate::Flow;
use mickai_model::sample::SamplerConfig;
use mickai_model::tokens::{Message, Role, Token};
use mickai_runtime::serve::{Begun, Caller, Counts, Desk, Full, Gone, Heard, Listener, Order};
use mickai_runtime::{Allowance, Answered, Asked, Bound, EMBEDDED_NAME, Error, Grammar, Loaded, ReplayOf, System};
use mickai_store::{Custody, LogReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

const GENERAL: &str = "llama-64.f32";

/// A home with the embedded model and the tiny general one.
struct Machine {
    _folder: tempfile::TempDir,
    home: PathBuf,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let machine = Self { home: folder.path().join("home"), _folder: folder };
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../spec/vectors/model/{GENERAL}.gguf"));
        machine.system(1).import(&path, None, None, &|_| Flow::Continue).unwrap();
        machine
    }

    fn system(&self, threads: usize) -> System {
        System::open(&self.home, threads, Custody::default()).unwrap()
    }

    fn desk(&self, threads: usize, isa: Isa, cache_bytes: u64) -> Desk {
        let allowance = Allowance { memory_bytes: 1 << 30, cache_bytes };
        Desk::open(Arc::new(self.system(threads).with_isa(isa.name()).unwrap()), allowance).unwrap()
    }
}

/// What came of one order.
#[derive(Clone, Debug, PartialEq)]
struct Said {
    tokens: Vec<Token>,
    /// As it was told piece by piece, and as it was told at the end.
    text: (String, String),
    /// The bits of every log-probability that was told.
    likely: Vec<u64>,
}

struct Ear {
    said: Said,
    hold: Option<Hold>,
    ended: Sender<Result<(Said, u64), Error>>,
}

impl Listener for Ear {
    fn begun(&mut self, _: Begun) {}

    fn heard(&mut self, heard: Heard<'_>) -> Flow {
        self.said.tokens.extend(heard.token);
        self.said.text.0 += heard.text;
        if let Some(likely) = heard.likely {
            self.said.likely.push(likely.logprob.to_bits());
            self.said.likely.extend(likely.best.iter().map(|(token, logprob)| logprob.to_bits() ^ u64::from(token.0)));
        }
        if self.said.tokens.len() >= HELD_AT
            && let Some(hold) = self.hold.take()
        {
            hold.held.send(hold.index).unwrap();
            hold.go.recv().unwrap();
        }
        Flow::Continue
    }

    fn ended(self: Box<Self>, ended: Result<Answered, Error>) {
        let mut said = self.said;
        let _ = self.ended.send(ended.map(|answered| {
            assert_eq!(said.tokens, answered.generation.output_tokens);
            said.text.1 = answered.generation.text;
            (said, answered.intent.index)
        }));
    }
}

/// Tokens after which a generation that is held comes to a halt, with all that run beside it.
const HELD_AT: usize = 5;

/// How a generation is held until the test has looked.
struct Hold {
    index: usize,
    held: Sender<usize>,
    go: Receiver<()>,
}

/// An order that is under way.
struct Going {
    gone: Gone,
    ended: Receiver<Result<(Said, u64), Error>>,
}

impl Going {
    fn said(self) -> (Said, u64) {
        self.ended.recv().unwrap().unwrap()
    }
}

fn order(model: &Arc<Loaded>, asked: Asked, caller: u64, hold: Option<Hold>) -> ((Order, Box<dyn Listener>), Going) {
    let (gone, (ended, told)) = (Gone::default(), channel());
    let order = Order { model: model.clone(), asked, likely_count: Some(2), shortens: false, caller: Caller(caller), gone: gone.clone() };
    let ear = Ear { said: Said { tokens: Vec::new(), text: Default::default(), likely: Vec::new() }, hold, ended };
    ((order, Box::new(ear)), Going { gone, ended: told })
}

fn submit(desk: &Desk, model: &Arc<Loaded>, asked: Asked, caller: u64) -> Going {
    let (order, going) = order(model, asked, caller, None);
    desk.submit(vec![order]).unwrap();
    going
}

fn conversation(words: String, count: usize) -> Asked {
    Asked::conversation(vec![Message { role: Role::User, content: words }], count)
}

/// Not a conversation, into which a template writes the day: no day may have another answer.
fn text(words: String, count: usize) -> Asked {
    Asked { said: mickai_runtime::Said::Text(words), ..conversation(String::new(), count) }
}

/// Orders of every sort: greedy and sampled, long prompts and short ones, alike and not, held to something and not.
fn orders(count: usize) -> Vec<Asked> {
    let one = |index: usize| {
        let words = match index % 5 {
            0 => "hello".to_owned(),
            1 => format!("what is {index}"),
            2 => "the same beginning of everything that follows here, and of more. ".repeat(8) + &index.to_string(),
            3 => "na ".repeat(1 + index % 50),
            _ => format!("tell me {} more times", index % 7),
        };
        let sampler =
            if index.is_multiple_of(3) { SamplerConfig::GREEDY } else { SamplerConfig { temperature: 1.25, top_k: 40, top_p: 0.95, min_p: 0.0, repetition_penalty: 1.1 } };
        let asked = Asked { seed: Some(index as u64), sampler, stop_texts: vec!["zq".to_owned()], ..text(words, 3 + index % 23) };
        if index % 11 == 4 { Asked { bound: Bound::Grammar(Grammar::new("start: /[a-z ]{2,9}/".to_owned())), ..asked } } else { asked }
    };
    (0..count).map(one).collect()
}

fn cache(desk: &Desk) -> mickai_model::forward::PoolUse {
    desk.counts().models.first().unwrap().cache
}

#[test]
fn answers_beside_others_are_those_of_one_alone() {
    let machine = Machine::new();
    let asked = orders(40);
    let alone: Vec<Said> = {
        let desk = machine.desk(1, Isa::best(), 64 << 20);
        let model = desk.model(GENERAL).unwrap();
        asked.iter().map(|asked| submit(&desk, &model, asked.clone(), 0).said().0).collect()
    };
    // A cache that holds all, and one in which few fit at a time.
    for (threads, isa, cache_bytes) in [(2, Isa::SCALAR, 64 << 20), (3, Isa::best(), 64 << 20), (1, Isa::best(), 3 << 20)] {
        let desk = machine.desk(threads, isa, cache_bytes);
        let model = desk.model(GENERAL).unwrap();
        for warm in [false, true] {
            let going: Vec<Going> = asked.iter().enumerate().map(|(index, asked)| submit(&desk, &model, asked.clone(), index as u64 % 5)).collect();
            for (index, (going, alone)) in going.into_iter().zip(&alone).enumerate() {
                assert_eq!(going.said().0, *alone, "order {index}, {threads} threads, {}, {cache_bytes} bytes, warm: {warm}", isa.name());
            }
        }
        let Counts { models, .. } = desk.counts();
        let counts = models.first().unwrap();
        assert!(counts.reused_tokens > 0 && counts.step_rows > counts.steps, "{counts:?}");
        assert_eq!((counts.cache.promised_count, counts.cache.held_count), (0, 0), "{counts:?}");
    }
}

/// Two hundred generations made under load, with clients that go away between them; then a new process's worth of state, one thread instead of three, and each slower path of this machine.
#[test]
fn what_was_made_under_load_runs_again_on_other_threads_and_instructions() {
    const COUNT: usize = 200;
    let machine = Machine::new();
    let mut intents = Vec::new();
    {
        let desk = machine.desk(3, Isa::best(), 16 << 20);
        let (general, embedded) = (desk.model(GENERAL).unwrap(), desk.model(EMBEDDED_NAME).unwrap());
        let mut going: Vec<Going> = Vec::new();
        for (index, asked) in orders(COUNT - 20).into_iter().enumerate() {
            going.push(submit(&desk, &general, asked, index as u64 % 9));
            if index % 9 == 0 {
                let words = ["what models do I have", "what happened yesterday"][index / 9 % 2].to_owned();
                going.push(submit(&desk, &embedded, Asked { bound: Bound::Verbs, ..conversation(words, 64) }, 1));
            }
            if index % 6 == 0 {
                // Nobody waits for this one's end.
                let left = submit(&desk, &general, conversation("and so on".to_owned(), 400), 9);
                left.gone.set();
            }
        }
        assert_eq!(going.len(), COUNT);
        intents.extend(going.into_iter().map(|going| going.said().1));
    }
    let slower: Vec<Isa> = Isa::available().filter(|isa| *isa != Isa::best()).collect();
    let isas = if slower.is_empty() { vec![Isa::best()] } else { slower };
    let systems: Vec<System> = isas.iter().map(|isa| machine.system(1).with_isa(isa.name()).unwrap()).collect();
    let identical = intents.iter().zip(systems.iter().cycle()).filter(|(intent, system)| {
        let replayed = system.replay(&ReplayOf::Record(**intent), None, &mut |_| Flow::Continue).unwrap();
        replayed.is_identical()
    });
    assert_eq!(identical.count(), COUNT);
}

#[test]
fn who_goes_away_frees_what_they_had_and_is_on_record() {
    let machine = Machine::new();
    let desk = machine.desk(1, Isa::best(), 64 << 20);
    let model = desk.model(GENERAL).unwrap();
    let (held, halts) = channel();
    let begin = |index: usize| {
        let (release, go) = channel();
        let hold = Hold { index, held: held.clone(), go };
        let (order, going) = order(&model, text(format!("go on and on {index}"), usize::MAX), index as u64, Some(hold));
        desk.submit(vec![order]).unwrap();
        (going, release)
    };
    let going: Vec<(Going, Sender<()>)> = (0..6).map(begin).collect();
    for _ in &going {
        let (leaving, release) = &going[halts.recv().unwrap()];
        assert!(cache(&desk).promised_count > 0);
        leaving.gone.set();
        release.send(()).unwrap();
    }
    for (going, _) in going {
        going.said();
    }
    assert_eq!((cache(&desk).promised_count, cache(&desk).held_count), (0, 0));
    let counts = desk.counts();
    let counts = counts.models.first().unwrap();
    assert_eq!((counts.executed, counts.interrupted, counts.failed, counts.running), (6, 6, 0, 0));
}

#[test]
fn limits_are_refused_at_the_door_with_their_numbers_and_leave_no_record() {
    // Half of what the model's context takes.
    const CACHE_BYTES: u64 = 512 << 10;
    let machine = Machine::new();
    let desk = machine.desk(1, Isa::best(), CACHE_BYTES);
    let model = desk.model(GENERAL).unwrap();
    let page_bytes = desk.counts().models.first().map_or(0, |model| model.page_bytes);
    let page_count = CACHE_BYTES / page_bytes;
    let records = || LogReader::open(machine.system(1).home()).unwrap().size();
    let before = records();
    let context = model.file.config.context_tokens_max as u64;
    assert!(context > page_count * 256);
    // What was said does not fit; what was not said is as much as does.
    let (too_much, _) = order(&model, text("hello".to_owned(), context as usize), 1, None);
    let refused = desk.submit(vec![too_much]).unwrap_err();
    assert!(matches!(refused, Error::TooMuch { asked, max, .. } if max == page_count * page_bytes && asked == context.div_ceil(256) * page_bytes), "{refused}");
    let many = (0..65).map(|_| order(&model, text("hello".to_owned(), 1), 1, None).0).collect();
    let refused = desk.submit(many).unwrap_err();
    assert!(matches!(refused, Error::Full(Full::PerCaller { waiting: 0, max: 64 })), "{refused}");
    assert_eq!(records(), before);
    assert_eq!(desk.counts().refused, 1);
    let going = submit(&desk, &model, text("hello".to_owned(), usize::MAX), 1);
    assert!(going.said().0.tokens.len() as u64 <= page_count * 256);
    assert!(records() > before);
}

#[test]
fn callers_share_the_places_and_the_end_lets_what_runs_go_on() {
    let machine = Machine::new();
    let desk = machine.desk(1, Isa::best(), 64 << 20);
    let model = desk.model(GENERAL).unwrap();
    let many: Vec<_> = (0..64).map(|index| order(&model, Asked { seed: Some(index), ..text("take your time".to_owned(), 300) }, 1, None)).collect();
    let (orders, greedy): (Vec<_>, Vec<_>) = many.into_iter().unzip();
    desk.submit(orders).unwrap();
    let (_, its_record) = submit(&desk, &model, text("hello".to_owned(), 2), 2).said();
    desk.close();
    drop(desk);
    // Nothing came to whoever was still waiting in line.
    let records: Vec<u64> = greedy.into_iter().filter_map(|going| going.ended.recv().ok()).map(|ended| ended.unwrap().1).collect();
    assert!(records.len() >= 24, "{}", records.len());
    assert!(records.iter().filter(|record| **record < its_record).count() < 64, "the other waited for all");
    assert!(machine.system(1).acts().unwrap().iter().all(|act| act.outcome.is_some()));
}
