//! Generations that go together, with adapters and without, in pieces, with proposals, parked and taken up again: each is what it is alone.
#![allow(clippy::unwrap_used, reason = "clippy knows test functions, but not their helpers, as tests")]

mod common;

use common::{LLAMA_F32, source};
use mickai_kernels::crew::Serial;
use mickai_kernels::isa::Isa;
use mickai_model::constrain::{Constrained, Constraint, Grammar, TokenOrder};
use mickai_model::file::{ModelFile, open_adapter_folder, open_gguf};
use mickai_model::forward::{Adapter, Decoder, Piece, Pool};
use mickai_model::generate::{Context, Flow, Generation, Inference, Progress, Proposals, Request, generate};
use mickai_model::sample::{SamplerConfig, Seed};
use mickai_model::tokens::Token;
use proptest::prelude::*;
use std::sync::Arc;

const CONTEXT_TOKENS: usize = 400;

/// Figures without end, in groups that repeat themselves easily.
struct Figures;

impl Grammar for Figures {
    type State = usize;

    fn start(&self) -> usize {
        0
    }

    fn step(&self, state: &usize, byte: u8) -> Option<usize> {
        let fits = if *state == 2 { byte == b',' } else { matches!(byte, b'1' | b'2') };
        fits.then_some((state + 1) % 3)
    }

    fn may_end(&self, _: &usize) -> bool {
        false
    }
}

/// What one generation is asked for.
#[derive(Clone, Debug)]
struct Case {
    prompt: Vec<Token>,
    request: Request,
    is_constrained: bool,
    /// Which of the bench's adapters; none where it has no such.
    adapter: usize,
}

/// Everything that came of it: the generation, and the logits behind each token.
#[derive(Default, PartialEq)]
struct Told {
    generation: Option<Generation>,
    shown: String,
    logits: Vec<(Token, Vec<u32>)>,
}

impl Told {
    fn hear(&mut self, progress: Progress<'_>) -> Flow {
        match progress {
            Progress::Token { token, text, logits } => {
                self.shown.push_str(text);
                self.logits.push((token, logits.iter().map(|x| x.to_bits()).collect()));
            }
            Progress::Rest { text } => self.shown.push_str(text),
            Progress::Prompt { done, total } => assert!(done <= total),
        }
        Flow::Continue
    }
}

fn case() -> impl Strategy<Value = Case> {
    let prompt = (prop::collection::vec(0u32..500, 1..7), 1usize..300).prop_map(|(period, len)| period.into_iter().cycle().take(len).map(Token).collect::<Vec<_>>());
    let sampler = (
        prop::sample::select(vec![0.0f32, 0.2, 0.7, 1.5]),
        prop::sample::select(vec![0u32, 1, 3]),
        prop::sample::select(vec![0.3f32, 1.0]),
        prop::sample::select(vec![1.0f32, 1.3]),
    );
    (prompt, sampler, 0u64..9, 0usize..60, any::<bool>(), 0usize..3).prop_map(
        |(prompt, (temperature, top_k, top_p, repetition_penalty), seed, output_tokens_max, is_constrained, adapter)| {
            let sampler = SamplerConfig { temperature, top_k, top_p, repetition_penalty, ..SamplerConfig::GREEDY };
            let stop_texts = vec!["2,22".to_owned()];
            Case { prompt, request: Request { sampler, seed: Seed(seed), output_tokens_max, stop_texts }, is_constrained, adapter }
        },
    )
}

struct Bench {
    model: ModelFile,
    order: Arc<TokenOrder>,
    adapters: [Arc<Adapter>; 2],
}

impl Bench {
    fn new() -> Self {
        let model = open_gguf(source(LLAMA_F32)).unwrap();
        let order = Arc::new(TokenOrder::new(&model.tokenizer));
        let adapter = |alpha: &str| {
            let config = include_str!("../../../spec/vectors/model/llama-64-lora/adapter_config.json").replace("\"lora_alpha\": 16", &format!("\"lora_alpha\": {alpha}"));
            let weights = &include_bytes!("../../../spec/vectors/model/llama-64-lora/adapter_model.safetensors")[..];
            let files = [("adapter_config.json".to_owned(), source(config.into_bytes())), ("adapter_model.safetensors".to_owned(), source(weights))];
            Arc::new(open_adapter_folder(&files.into(), &model.config).unwrap())
        };
        let adapters = [adapter("16"), adapter("5")];
        Self { order, adapters, model }
    }

    fn inference(&self, case: &Case) -> Inference {
        Inference::new(&case.prompt, case.request.clone(), CONTEXT_TOKENS).unwrap().with_adapter(self.adapters.get(case.adapter).cloned())
    }

    fn constraint(&self, case: &Case) -> Option<Constrained<Figures>> {
        case.is_constrained.then(|| Constrained::new(Figures, self.order.clone()))
    }

    fn decoder(&self) -> Decoder {
        Decoder::new(self.model.weights(), Arc::new(Serial), Isa::best())
    }

    /// One token a step from the prompt on, in a context that held nothing before.
    fn plain(&self, case: &Case) -> Told {
        let mut told = Told::default();
        let pool = Pool::new(&self.model.weights(), usize::MAX);
        let (mut decoder, mut constraint) = (self.decoder(), self.constraint(case));
        let mut inference = self.inference(case);
        inference.admit(&pool).unwrap();
        while let Some(piece) = inference.piece(1) {
            let rows = decoder.step_one(piece).unwrap();
            inference.take(&rows, &self.model.tokenizer, constraint.as_mut().map(|c| c as &mut dyn Constraint), &mut |progress| told.hear(progress)).unwrap();
        }
        assert_eq!(inference.proposals(), Proposals::default());
        told.generation = Some(inference.finish());
        told
    }

    /// All together, as the plan says: how many tokens each may feed, and who is parked. The pool is small, so that pages are evicted all the time.
    fn together(&self, cases: &[Case], plan: &[u8]) -> (Vec<Told>, Proposals) {
        let weights = self.model.weights();
        let pool = Pool::new(&weights, 2 * cases.len() * Pool::new(&weights, usize::MAX).page_byte_count());
        let mut decoder = self.decoder();
        // The last word feeds whoever it meets, and every one meets every word in its turn: nobody is parked for ever.
        let words: Vec<u8> = plan.iter().copied().chain([49]).collect();
        let mut told: Vec<Told> = cases.iter().map(|_| Told::default()).collect();
        let mut constraints: Vec<_> = cases.iter().map(|case| self.constraint(case)).collect();
        let mut going: Vec<Inference> = cases.iter().map(|case| self.inference(case)).collect();
        for round in 0.. {
            if going.iter().all(Inference::is_ended) {
                break;
            }
            let mut stepped = Vec::new();
            let mut pieces: Vec<Piece<'_>> = Vec::new();
            for (index, inference) in going.iter_mut().enumerate() {
                let word = words[(round + index) % words.len()];
                if word.is_multiple_of(16) {
                    inference.park();
                } else {
                    inference.admit(&pool).unwrap();
                }
                if let Some(piece) = inference.piece([1, 2, 5, 300][usize::from(word / 16 % 4)]) {
                    stepped.push(index);
                    pieces.push(piece);
                }
            }
            for (index, rows) in stepped.into_iter().zip(decoder.step(&mut pieces)) {
                let constraint = constraints[index].as_mut().map(|c| c as &mut dyn Constraint);
                going[index].take(&rows.unwrap(), &self.model.tokenizer, constraint, &mut |progress| told[index].hear(progress)).unwrap();
            }
        }
        let sum = |sum: Proposals, one: Proposals| Proposals { proposed_count: sum.proposed_count + one.proposed_count, accepted_count: sum.accepted_count + one.accepted_count };
        let proposals = going.iter().map(Inference::proposals).fold(Proposals::default(), sum);
        going.into_iter().zip(&mut told).for_each(|(inference, told)| told.generation = Some(inference.finish()));
        assert_eq!((pool.usage().promised_count, pool.usage().held_count), (0, 0));
        (told, proposals)
    }
}

fn assert_equal(cases: &[Case], plain: &[Told], together: &[Told]) {
    for ((case, plain), told) in cases.iter().zip(plain).zip(together) {
        assert_eq!(plain.generation, told.generation, "{case:?}");
        assert!(plain.shown == told.shown && plain.logits == told.logits, "{case:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_generation_is_what_it_is_alone(cases in prop::collection::vec(case(), 1..5), plan in prop::collection::vec(any::<u8>(), 3..40)) {
        let bench = Bench::new();
        let plain: Vec<Told> = cases.iter().map(|case| bench.plain(case)).collect();
        assert_equal(&cases, &plain, &bench.together(&cases, &plan).0);
    }
}

/// Proposals are made, taken and refused, so that the property above means something.
#[test]
fn proposals_are_taken_and_refused() {
    let bench = Bench::new();
    let request = |temperature| Request { sampler: SamplerConfig { temperature, ..SamplerConfig::GREEDY }, seed: Seed(3), output_tokens_max: 200, stop_texts: Vec::new() };
    let prompt: Vec<Token> = [17, 3, 99, 240].into_iter().cycle().take(40).map(Token).collect();
    let cases = [(0.0, true), (0.6, true), (1.0, true), (0.0, false), (0.5, false)].map(|(temperature, is_constrained)| Case {
        prompt: prompt.clone(),
        request: request(temperature),
        is_constrained,
        adapter: 2,
    });
    let plain: Vec<Told> = cases.iter().map(|case| bench.plain(case)).collect();
    let (told, proposals) = bench.together(&cases, &[49]);
    assert_equal(&cases, &plain, &told);
    assert!(proposals.accepted_count > 50 && proposals.proposed_count > proposals.accepted_count + 20, "{proposals:?}");
}

/// A context that has run others before gives what a new one gives.
#[test]
fn a_context_that_is_used_again_and_again_changes_nothing() {
    let bench = Bench::new();
    let context = || Context::new(bench.model.weights(), CONTEXT_TOKENS, Arc::new(Serial), Isa::best()).unwrap();
    let mut used = context();
    let base: Vec<Token> = (0..280).map(|i| Token(i * 7 % 500)).collect();
    let request = Request { sampler: SamplerConfig { temperature: 0.8, ..SamplerConfig::GREEDY }, seed: Seed(5), output_tokens_max: 30, stop_texts: Vec::new() };
    for (start, len) in [(0, 270), (0, 280), (0, 100), (5, 250), (0, 275), (5, 270)] {
        let run = |context: &mut Context| {
            let mut told = Told::default();
            told.generation = Some(generate(context, &bench.model.tokenizer, &base[start..len], &request, None, &mut |progress| told.hear(progress)).unwrap());
            told
        };
        assert!(run(&mut used) == run(&mut context()), "{start}..{len}");
    }
}

/// Several answers to one prompt share its pages, whenever they join, and each is what it is alone.
#[test]
fn answers_to_one_prompt_share_its_pages() {
    let bench = Bench::new();
    let weights = bench.model.weights();
    let prompt: Vec<Token> = (0..300).map(|i| Token(i * 13 % 500)).collect();
    let request = |seed| Request { sampler: SamplerConfig { temperature: 0.9, ..SamplerConfig::GREEDY }, seed: Seed(seed), output_tokens_max: 20, stop_texts: Vec::new() };
    let cases: Vec<Case> = (0..4).map(|seed| Case { prompt: prompt.clone(), request: request(seed), is_constrained: false, adapter: 2 }).collect();
    // So many tokens of the prompt are fed when the others join.
    for fed in [0, 100, 256, 299, 300] {
        let pool = Pool::new(&weights, usize::MAX);
        let mut decoder = bench.decoder();
        let mut told: Vec<Told> = cases.iter().map(|_| Told::default()).collect();
        let mut going: Vec<Inference> = cases.iter().map(|case| bench.inference(case)).collect();
        let (first, others) = going.split_first_mut().unwrap();
        first.admit(&pool).unwrap();
        if let Some(piece) = Some(fed).filter(|&fed| fed > 0).and_then(|fed| first.piece(fed)) {
            let rows = decoder.step_one(piece).unwrap();
            first.take(&rows, &bench.model.tokenizer, None, &mut |progress| told[0].hear(progress)).unwrap();
        }
        for other in others {
            other.admit_beside(first, &pool).unwrap();
            assert_eq!(other.recalled_count(), fed.min(299));
        }
        assert_eq!(pool.usage().held_count, Pool::pages_of(fed));
        while going.iter().any(|inference| !inference.is_ended()) {
            let (indexes, mut pieces): (Vec<usize>, Vec<Piece<'_>>) = going.iter_mut().enumerate().filter_map(|(index, one)| Some((index, one.piece(64)?))).unzip();
            for (index, rows) in indexes.into_iter().zip(decoder.step(&mut pieces)) {
                going[index].take(&rows.unwrap(), &bench.model.tokenizer, None, &mut |progress| told[index].hear(progress)).unwrap();
            }
        }
        // One shared page and a page of each, unless they had computed the first themselves.
        assert_eq!(pool.usage().held_count, if fed < 256 { 8 } else { 5 });
        going.into_iter().zip(&mut told).for_each(|(inference, told)| told.generation = Some(inference.finish()));
        let plain: Vec<Told> = cases.iter().map(|case| bench.plain(case)).collect();
        assert_equal(&cases, &plain, &told);
    }
}

/// One prompt with two adapters and with none: no page of one serves another, one by one or beside each other, and each is what it is alone.
#[test]
fn adapters_share_no_page() {
    let bench = Bench::new();
    let prompt: Vec<Token> = (0..300).map(|i| Token(i * 13 % 500)).collect();
    let request = Request { sampler: SamplerConfig { temperature: 0.9, ..SamplerConfig::GREEDY }, seed: Seed(4), output_tokens_max: 20, stop_texts: Vec::new() };
    let cases: Vec<Case> = (0..3).map(|adapter| Case { prompt: prompt.clone(), request: request.clone(), is_constrained: false, adapter }).collect();
    let plain: Vec<Told> = cases.iter().map(|case| bench.plain(case)).collect();
    let generations: Vec<_> = plain.iter().map(|told| told.generation.clone().unwrap().output_tokens).collect();
    assert!(generations[0] != generations[1] && generations[1] != generations[2] && generations[0] != generations[2]);
    let (pool, mut decoder) = (Pool::new(&bench.model.weights(), usize::MAX), bench.decoder());
    for (round, found) in [(0, 0), (1, prompt.len() - 1)] {
        let mut told: Vec<Told> = cases.iter().map(|_| Told::default()).collect();
        for (case, told) in cases.iter().zip(&mut told) {
            let mut inference = bench.inference(case);
            inference.admit(&pool).unwrap();
            assert_eq!(inference.recalled_count(), found, "round {round}, adapter {}", case.adapter);
            while let Some(piece) = inference.piece(64) {
                let rows = decoder.step_one(piece).unwrap();
                inference.take(&rows, &bench.model.tokenizer, None, &mut |progress| told.hear(progress)).unwrap();
            }
            told.generation = Some(inference.finish());
        }
        assert_equal(&cases, &plain, &told);
    }
    let pool = Pool::new(&bench.model.weights(), usize::MAX);
    let mut going: Vec<Inference> = cases.iter().map(|case| bench.inference(case)).collect();
    going[0].admit(&pool).unwrap();
    let rows = decoder.step_one(going[0].piece(290).unwrap()).unwrap();
    going[0].take(&rows, &bench.model.tokenizer, None, &mut |_| Flow::Continue).unwrap();
    let (first, others) = going.split_first_mut().unwrap();
    for other in others {
        assert_ne!(other.adapter(), first.adapter());
        other.admit_beside(first, &pool).unwrap();
        assert_eq!(other.recalled_count(), 0);
    }
    drop(going);
    assert_equal(&cases, &plain, &bench.together(&cases, &[49]).0);
}
