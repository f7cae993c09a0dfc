//! One recorded inference: the prompt is rendered, the intent is durable, the model runs under the permit, the outcome closes it.

use crate::acts::{STOP_INTERRUPTED, action, fact, label};
use crate::adapters::LoadedAdapter;
use crate::bound::{Bound, Ready};
use crate::error::{Error, Result};
use crate::executor::{Done, Executor, Failed};
use crate::models::Loaded;
use crate::policy;
use crate::said::Said;
use crate::system::System;
use jiff::civil::Date as Day;
use mickai_kernels::ARITHMETIC;
use mickai_model::digest::{EdgesOf, edges};
use mickai_model::forward::Rows;
use mickai_model::generate::{Context, Flow, Generation, Inference, Progress, Request, StopReason, generate};
use mickai_model::sample::{SAMPLER, SamplerConfig, Seed};
use mickai_model::tokens::{ChatTemplate, Message, Prompt, Token};
use mickai_proof::cbor::{Major, Reader, write_head, write_text};
use mickai_proof::digest::Id;
use mickai_proof::limits::VALUE_BYTES_MAX;
use mickai_proof::record::{ActorClass, Fact, Kind};
use mickai_store::{Appended, Draft, Running};
use std::sync::Arc;

/// The word for an end that some limit made.
const STOP_LIMIT: &str = "limit";

/// Bytes of text after which a generation ends: a value that is committed to holds no more, and the last token may still be long.
const OUTPUT_BYTES_MAX: usize = VALUE_BYTES_MAX - 65_536;

/// Tokens after which a generation ends, however little they spell: one value holds no more of them.
const OUTPUT_TOKENS_MAX: usize = VALUE_BYTES_MAX / size_of::<u32>();

/// What is asked of a model.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What it goes on from.
    pub said: Said,
    /// How tokens are chosen.
    pub sampler: SamplerConfig,
    /// The seed; drawn from the system when absent.
    pub seed: Option<u64>,
    /// At most this many tokens come out.
    pub token_count_max: usize,
    /// Any of these texts ends the answer and is not part of it.
    pub stop_texts: Vec<String>,
    /// What decoding is held to.
    pub bound: Bound,
    /// The request as a face took it, kept with the prompt.
    pub request: Option<Taken>,
}

/// A request as a face took it: what came over the wire, and whether it may be asked for again. Clones share the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Its bytes.
    pub bytes: Arc<[u8]>,
    /// The answer may be asked for by its id.
    pub is_stored: bool,
    /// The key under which the same request gets the same answer.
    pub key: Option<Key>,
}

/// A key as records have it: a digest that tells one caller's key for one route from every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(pub [u8; 32]);

impl Asked {
    /// The likeliest answer to a conversation, held to nothing.
    pub fn conversation(messages: Vec<Message>, token_count_max: usize) -> Self {
        let said = Said::Conversation(messages);
        Self { said, sampler: SamplerConfig::GREEDY, seed: None, token_count_max, stop_texts: Vec::new(), bound: Bound::Free, request: None }
    }
}

/// A generation and the two records that tell of it.
#[derive(Debug)]
pub struct Answered {
    /// The record before it.
    pub intent: Appended,
    /// The record after it.
    pub outcome: Appended,
    /// What came out.
    pub generation: Generation,
}

impl System {
    /// An empty context on a model, which generations of one conversation share.
    ///
    /// # Errors
    /// When the model does not allow it.
    pub fn context(&self, model: &Loaded) -> Result<Context> {
        Ok(Context::new(model.file.weights(), model.file.config.context_tokens_max, self.crew(), self.isa())?)
    }

    /// The log in hand, for an act that runs this model: pins allow it and what is on it, and its repacked weights are on record.
    pub(crate) fn executor_for(&self, model: &Loaded) -> Result<Executor> {
        let mut executor = self.executor()?;
        self.refuse_unpinned(&executor, model)?;
        self.record_panels(&mut executor, model)?;
        Ok(executor)
    }

    /// Generates under a permit and records it. `each` hears every token and may stop it.
    ///
    /// # Errors
    /// Before the intent: a prompt that is too long or cannot be rendered, a grammar that cannot be used, a log that cannot be written. After it the outcome `failed` is recorded before the error is
    /// returned.
    pub fn generate(&self, model: &Loaded, context: &mut Context, asked: &Asked, each: &mut dyn FnMut(Progress<'_>) -> Flow) -> Result<Answered> {
        let mut prepared = Prepared::new(model, asked.clone())?;
        let mut executor = self.executor_for(model)?;
        let (draft, openings) = prepared.intent(model);
        let permit = executor.permit(draft, &borrowed(&openings))?;
        let performed = executor.run(permit, |act, _| prepared.run(act, model, context, each))?;
        Ok(Answered { intent: performed.intent, outcome: performed.outcome, generation: performed.value })
    }
}

/// A generation about to be recorded and run: its tokens, its seed, and the grammar compiled.
pub(crate) struct Prepared {
    asked: Asked,
    day: Day,
    /// What runs on the model.
    pub adapter: Option<Arc<LoadedAdapter>>,
    pub prompt: Prompt,
    pub request: Request,
    ready: Ready,
}

/// Values that a record commits to, with their labels.
pub(crate) type Openings = Vec<(&'static str, Vec<u8>)>;

/// As the log takes them.
pub(crate) fn borrowed(openings: &Openings) -> Vec<(&str, &[u8])> {
    openings.iter().map(|(label, value)| (*label, value.as_slice())).collect()
}

impl Prepared {
    /// Refuses whatever could not begin, before any record speaks of it.
    pub fn new(model: &Loaded, asked: Asked) -> Result<Self> {
        Self::beside(model, asked, None)
    }

    /// The same, beside one of the same model that has not begun: where both are held to one grammar, it is compiled once.
    pub fn beside(model: &Loaded, asked: Asked, other: Option<&Self>) -> Result<Self> {
        let day = today()?;
        let prompt = asked.said.render(model, day)?;
        asked.sampler.check()?;
        let ready = match other {
            Some(Self { asked: Asked { bound, .. }, ready: Ready::Grammar(held), .. }) if *bound == asked.bound => Ready::Grammar(Box::new(held.copy())),
            _ => asked.bound.ready(model, &asked.said)?,
        };
        let seed = Seed(asked.seed.map_or_else(random_seed, Ok)?);
        let request = Request { sampler: asked.sampler, seed, output_tokens_max: asked.token_count_max, stop_texts: asked.stop_texts.clone() };
        Ok(Self { asked, day, adapter: model.adapter.clone(), prompt, request, ready })
    }

    /// Bytes that it holds while it waits.
    pub fn byte_count(&self) -> usize {
        let request = self.asked.request.as_ref().map_or(0, |taken| taken.bytes.len());
        // What it is compiled to has no size that the library tells.
        let grammar = if let Bound::Grammar(grammar) = &self.asked.bound { grammar.text().len() * 2 } else { 0 };
        self.prompt.text.len() * 2 + self.prompt.tokens.len() * size_of::<Token>() + request + grammar
    }

    /// Tokens that it comes to at most, its prompt among them.
    pub fn tokens_max(&self, model: &Loaded) -> usize {
        self.prompt.tokens.len().saturating_add(self.request.output_tokens_max).min(model.file.config.context_tokens_max)
    }

    /// The record before it, and the values that it commits to.
    pub fn intent(&self, model: &Loaded) -> (Draft, Openings) {
        let asked = &self.asked;
        let mut openings = vec![(label::PROMPT, asked.said.value()), (label::PROMPT_TOKENS, token_bytes(&self.prompt.tokens))];
        if !asked.stop_texts.is_empty() {
            openings.push((label::STOP_TEXTS, texts_value(&asked.stop_texts)));
        }
        if let Bound::Grammar(grammar) = &asked.bound {
            openings.push((label::GRAMMAR, grammar.text().as_bytes().to_vec()));
        }
        if let Some(taken) = &asked.request {
            openings.push((label::REQUEST, taken.bytes.to_vec()));
        }
        (intent(model, self), openings)
    }

    /// Runs it while its act runs.
    pub fn run(&mut self, act: &Running, model: &Loaded, context: &mut Context, each: &mut dyn FnMut(Progress<'_>) -> Flow) -> std::result::Result<Done<Generation>, Failed> {
        Ok(run(act, model, context, &self.prompt.tokens, &self.request, &mut self.ready, each).map_err(failed)?.done())
    }

    /// Begins it while its act runs, to go on in steps beside others.
    ///
    /// # Errors
    /// None that [`Prepared::new`] lets through.
    pub fn start(self, _act: &Running, model: &Loaded) -> Result<Ongoing> {
        let inference = Inference::new(&self.prompt.tokens, self.request, model.file.config.context_tokens_max)?;
        let inference = inference.with_adapter(self.adapter.as_ref().map(|loaded| loaded.adapter.clone()));
        Ok(Ongoing { inference, _adapter: self.adapter, ready: self.ready, filled: Filled::default() })
    }
}

/// A generation between two steps.
pub(crate) struct Ongoing {
    /// What it goes on with.
    pub inference: Inference,
    /// Its memory is counted as long as this runs.
    _adapter: Option<Arc<LoadedAdapter>>,
    ready: Ready,
    filled: Filled,
}

impl Ongoing {
    /// Goes on with what came of its last piece.
    ///
    /// # Errors
    /// A model that misbehaves; it cannot go on then.
    pub fn take(&mut self, rows: &Rows<'_>, model: &Loaded, each: &mut dyn FnMut(Progress<'_>) -> Flow) -> Result<()> {
        let Self { inference, ready, filled, .. } = self;
        let mut bounded = |progress: Progress<'_>| filled.hear(progress, each);
        Ok(inference.take(rows, &model.file.tokenizer, ready.constraint(), &mut bounded)?)
    }

    /// What is recorded of it.
    pub fn done(self) -> Done<Generation> {
        let generation = self.inference.finish();
        let stop = self.filled.stop(&generation);
        Ran { generation, stop }.done()
    }
}

/// More text, or more tokens, than a record could commit to: that ends a generation as its other limits do.
#[derive(Default)]
struct Filled {
    byte_count: usize,
    token_count: usize,
    is_full: bool,
}

impl Filled {
    fn hear(&mut self, progress: Progress<'_>, each: &mut dyn FnMut(Progress<'_>) -> Flow) -> Flow {
        if let Progress::Token { text, .. } = progress {
            self.byte_count += text.len();
            self.token_count += 1;
            self.is_full |= self.byte_count > OUTPUT_BYTES_MAX || self.token_count >= OUTPUT_TOKENS_MAX;
        }
        let flow = each(progress);
        if self.is_full { Flow::Stop } else { flow }
    }

    fn stop(&self, generation: &Generation) -> &'static str {
        if self.is_full { STOP_LIMIT } else { stop_name(generation.stop_reason) }
    }
}

/// What is recorded of a generation that could not go on.
pub(crate) fn failed(error: Error) -> Failed {
    Failed { error: Box::new(error), facts: vec![(fact::STOP.to_owned(), Fact::Text("error".into()))] }
}

/// The day that a template is told.
pub(crate) fn today() -> Result<Day> {
    let day = jiff::Zoned::now().date();
    if (1..=9999).contains(&day.year()) { Ok(day) } else { Err(Error::Clock) }
}

/// What came out, and the recorded word for why it ended.
pub(crate) struct Ran {
    pub generation: Generation,
    pub stop: &'static str,
}

impl Ran {
    fn done(self) -> Done<Generation> {
        let Self { generation, stop } = self;
        let facts = vec![(fact::OUTPUT_TOKEN_COUNT.to_owned(), Fact::Uint(generation.output_tokens.len() as u64)), (fact::STOP.to_owned(), Fact::Text(stop.into()))];
        let openings = vec![(label::OUTPUT, generation.text.clone().into_bytes()), (label::OUTPUT_TOKENS, token_bytes(&generation.output_tokens))];
        Done { value: generation, facts, openings }
    }
}

/// Runs the model; the same for a first time and for a replay.
pub(crate) fn run(
    _act: &Running,
    model: &Loaded,
    context: &mut Context,
    prompt: &[Token],
    request: &Request,
    ready: &mut Ready,
    each: &mut dyn FnMut(Progress<'_>) -> Flow,
) -> Result<Ran> {
    let mut filled = Filled::default();
    let mut bounded = |progress: Progress<'_>| filled.hear(progress, each);
    context.use_adapter(model.added());
    let generation = generate(context, &model.file.tokenizer, prompt, request, ready.constraint(), &mut bounded)?;
    let stop = filled.stop(&generation);
    Ok(Ran { generation, stop })
}

fn intent(model: &Loaded, prepared: &Prepared) -> Draft {
    let Prepared { asked, day, adapter, prompt, request, .. } = prepared;
    let (sampler, template) = (&request.sampler, template_of(model, &asked.said));
    let mut draft = Draft::new(Kind::Intent, (ActorClass::Brain, Id(model.digest.0)), policy::authority(), action::GENERATE)
        .fact(fact::MODEL, Fact::Bytes(model.digest.0.to_vec().into()))
        .fact(fact::MODEL_NAME, Fact::Text(model.model_name.clone().into()))
        .fact(fact::TOKENIZER, Fact::Bytes(model.file.tokenizer.digest().0.to_vec().into()))
        .fact(fact::EDGES, Fact::Bytes(edges(&model.file, EdgesOf::Generation(template)).0.to_vec().into()))
        .fact(fact::ARITHMETIC, Fact::Text(ARITHMETIC.into()))
        .fact(fact::SAMPLER, Fact::Text(SAMPLER.into()))
        .fact(fact::DAY, Fact::Text(day.to_string().into()))
        .fact(fact::SEED, Fact::Bytes(request.seed.0.to_be_bytes().to_vec().into()))
        .fact(fact::TEMPERATURE, Fact::real(sampler.temperature))
        .fact(fact::TOP_K, Fact::Uint(u64::from(sampler.top_k)))
        .fact(fact::TOP_P, Fact::real(sampler.top_p))
        .fact(fact::MIN_P, Fact::real(sampler.min_p))
        .fact(fact::REPETITION, Fact::real(sampler.repetition_penalty))
        .fact(fact::TOKEN_COUNT_MAX, Fact::Uint(request.output_tokens_max as u64))
        .fact(fact::PROMPT_TOKEN_COUNT, Fact::Uint(prompt.tokens.len() as u64));
    draft = with_adapter(draft, adapter.as_deref());
    if let Some(template) = template {
        draft = draft.fact(fact::TEMPLATE, Fact::Bytes(template.digest().0.to_vec().into()));
    }
    if let Some(name) = asked.bound.name() {
        draft = draft.fact(fact::CONSTRAINT, Fact::Text(name.into()));
    }
    if !asked.stop_texts.is_empty() {
        draft = draft.fact(fact::STOP_TEXT_COUNT, Fact::Uint(asked.stop_texts.len() as u64));
    }
    if asked.request.as_ref().is_some_and(|taken| taken.is_stored) {
        draft = draft.fact(fact::STORED, Fact::Uint(1));
    }
    match &asked.request {
        Some(taken) => idempotency(draft, taken),
        None => draft,
    }
}

/// The template that writes what is said; none writes a text.
pub(crate) fn template_of<'a>(model: &'a Loaded, said: &Said) -> Option<&'a ChatTemplate> {
    match said {
        Said::Conversation(_) => model.file.template(),
        Said::Text(_) => None,
    }
}

/// With what says which adapter runs on the model.
pub(crate) fn with_adapter(draft: Draft, adapter: Option<&LoadedAdapter>) -> Draft {
    match adapter {
        Some(adapter) => draft.fact(fact::ADAPTER, Fact::Bytes(adapter.digest().0.to_vec().into())).fact(fact::ADAPTER_NAME, Fact::Text(adapter.name.clone().into())),
        None => draft,
    }
}

/// With the key that an act was asked for with, by which its answer is found.
pub(crate) fn idempotency(draft: Draft, taken: &Taken) -> Draft {
    match taken.key {
        Some(key) => draft.fact(fact::IDEMPOTENCY, Fact::Bytes(key.0.to_vec().into())),
        None => draft,
    }
}

/// The word for why it ended (spec/record.md).
fn stop_name(reason: StopReason) -> &'static str {
    match reason {
        StopReason::EndToken(_) | StopReason::Complete => "end",
        StopReason::TokenLimit | StopReason::ContextFull => STOP_LIMIT,
        StopReason::StopText(_) => "stop",
        StopReason::Interrupted => STOP_INTERRUPTED,
    }
}

/// Texts as deterministic CBOR: `[+ text]`.
fn texts_value(texts: &[String]) -> Vec<u8> {
    let mut out = Vec::new();
    write_head(&mut out, Major::Array, texts.len() as u64);
    texts.iter().for_each(|text| write_text(&mut out, text));
    out
}

/// The texts of such a value.
pub(crate) fn texts_of(value: &[u8]) -> Option<Vec<String>> {
    let mut reader = Reader::new(value);
    let count = reader.array().ok()?;
    (0..count).map(|_| reader.text().ok().map(str::to_owned)).collect()
}

/// Token ids as u32, little-endian.
pub(crate) fn token_bytes(tokens: &[Token]) -> Vec<u8> {
    tokens.iter().flat_map(|token| token.0.to_le_bytes()).collect()
}

/// Token ids from u32, little-endian; `None` if the bytes are not a whole number of them.
pub(crate) fn tokens_of(bytes: &[u8]) -> Option<Vec<Token>> {
    let (tokens, rest) = bytes.as_chunks::<4>();
    rest.is_empty().then(|| tokens.iter().map(|bytes| Token(u32::from_le_bytes(*bytes))).collect())
}

fn random_seed() -> Result<u64> {
    let mut bytes = [0; 8];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Error::Entropy)?;
    Ok(u64::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_tokens_as_a_value_holds_end_a_generation_whatever_they_spell() {
        let mut filled = Filled::default();
        let silent = Progress::Token { token: Token(7), text: "", logits: &[] };
        let end = (1..=OUTPUT_TOKENS_MAX + 1).find(|_| filled.hear(silent, &mut |_| Flow::Continue) == Flow::Stop);
        assert_eq!(end, Some(OUTPUT_TOKENS_MAX));
        let output_tokens = vec![Token(7); OUTPUT_TOKENS_MAX];
        assert_eq!(token_bytes(&output_tokens).len(), VALUE_BYTES_MAX);
        let generation = Generation { prompt_tokens: Vec::new(), output_tokens, text: String::new(), stop_reason: StopReason::Interrupted };
        assert_eq!(filled.stop(&generation), STOP_LIMIT);
    }
}
