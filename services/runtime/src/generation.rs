//! One recorded inference: the prompt is rendered, the intent is durable, the model runs under the permit, the outcome closes it.

use crate::acts::{STOP_INTERRUPTED, action, fact, label};
use crate::error::{Error, Result};
use crate::executor::{Done, Failed};
use crate::models::Loaded;
use crate::policy;
use crate::system::System;
use crate::verbs::Form;
use jiff::civil::Date as Day;
use mickai_kernels::ARITHMETIC;
use mickai_model::constrain::{Constrained, Constraint, TokenOrder};
use mickai_model::forward::Session;
use mickai_model::generate::{Context, Flow, Generation, Progress, Request, StopReason, generate};
use mickai_model::sample::{SAMPLER, SamplerConfig, Seed};
use mickai_model::tokens::{Date, Message, Prompt, Role, Token};
use mickai_proof::cbor::{Major, Reader, write_head, write_text};
use mickai_proof::digest::Id;
use mickai_proof::limits::VALUE_BYTES_MAX;
use mickai_proof::record::{ActorClass, Fact, Kind};
use mickai_store::{Appended, Draft, Running};

/// The name of the verbs' form in records (spec/record.md "Genesis, intent, outcome, seal").
pub(crate) const CONSTRAINT_VERBS: &str = "verbs-1";

/// The word for an end that some limit made.
const STOP_LIMIT: &str = "limit";

/// Bytes of text after which a generation ends: a value that is committed to holds no more, and the last token may still be long.
const OUTPUT_BYTES_MAX: usize = VALUE_BYTES_MAX - 65_536;

/// What is asked of a model.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The conversation; its last message is the operator's.
    pub messages: Vec<Message>,
    /// How tokens are chosen.
    pub sampler: SamplerConfig,
    /// The seed; drawn from the system when absent.
    pub seed: Option<u64>,
    /// At most this many tokens come out.
    pub token_count_max: usize,
    /// Decode by the form of the verbs.
    pub verbs: bool,
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
        let session = Session::new(model.file.weights(), model.file.config.context_tokens_max, self.crew(), self.isa())?;
        Ok(Context::new(session))
    }

    /// Generates under a permit and records it. `each` hears every token and may stop it.
    ///
    /// # Errors
    /// Before the intent: a prompt that is too long or cannot be rendered, a log that cannot be written. After it the outcome `failed` is recorded before the error is returned.
    pub fn generate(&self, model: &Loaded, context: &mut Context, asked: &Asked, each: &mut dyn FnMut(Progress<'_>) -> Flow) -> Result<Answered> {
        let day = today()?;
        let prompt = render(model, &asked.messages, day)?;
        let request = Request { sampler: asked.sampler, seed: Seed(asked.seed.map_or_else(random_seed, Ok)?), output_tokens_max: asked.token_count_max, stop_texts: Vec::new() };
        asked.sampler.check()?;
        let mut executor = self.executor()?;
        let openings = [(label::PROMPT, prompt_value(&asked.messages)), (label::PROMPT_TOKENS, token_bytes(&prompt.tokens))];
        let openings: Vec<(&str, &[u8])> = openings.iter().map(|(label, value)| (*label, value.as_slice())).collect();
        let permit = executor.permit(intent(model, asked, &request, &prompt, day), &openings)?;
        let form = asked.verbs.then(|| Form::new(last_content(&asked.messages)));
        let performed = executor.run(permit, |act, _| {
            let failed = |error| Failed { error: Box::new(error), facts: vec![(fact::STOP.to_owned(), Fact::Text("error".into()))] };
            let Ran { generation, stop } = run(act, model, context, &prompt.tokens, &request, form.as_ref(), each).map_err(failed)?;
            let facts = vec![(fact::OUTPUT_TOKEN_COUNT.to_owned(), Fact::Uint(generation.output_tokens.len() as u64)), (fact::STOP.to_owned(), Fact::Text(stop.into()))];
            let openings = vec![(label::OUTPUT, generation.text.clone().into_bytes()), (label::OUTPUT_TOKENS, token_bytes(&generation.output_tokens))];
            Ok(Done { value: generation, facts, openings })
        })?;
        Ok(Answered { intent: performed.intent, outcome: performed.outcome, generation: performed.value })
    }
}

/// The conversation through the model's own template, as on `day`.
pub(crate) fn render(model: &Loaded, messages: &[Message], day: Day) -> Result<Prompt> {
    let date = u16::try_from(day.year()).ok().zip(u8::try_from(day.month()).ok().zip(u8::try_from(day.day()).ok()));
    let (year, (month, day)) = date.ok_or(Error::Clock)?;
    let prompt = model.file.require_template()?.render(messages, Date::new(year, month, day)?, &model.file.tokenizer)?;
    let (prompt_token_count, context_token_count) = (prompt.tokens.len(), model.file.config.context_tokens_max);
    // Refused here so that no record speaks of an act that could never begin.
    if prompt_token_count >= context_token_count {
        return Err(Error::PromptTooLong { prompt_token_count, context_token_count });
    }
    Ok(prompt)
}

fn today() -> Result<Day> {
    let day = jiff::Zoned::now().date();
    if (1..=9999).contains(&day.year()) { Ok(day) } else { Err(Error::Clock) }
}

/// What came out, and the recorded word for why it ended.
pub(crate) struct Ran {
    pub generation: Generation,
    pub stop: &'static str,
}

/// Runs the model; the same for a first time and for a replay. Text that no record could commit to ends it, as its other limits do.
pub(crate) fn run(
    _act: &Running,
    model: &Loaded,
    context: &mut Context,
    prompt: &[Token],
    request: &Request,
    form: Option<&Form>,
    each: &mut dyn FnMut(Progress<'_>) -> Flow,
) -> Result<Ran> {
    let (mut byte_count, mut is_full) = (0, false);
    let mut bounded = |progress: Progress<'_>| {
        if let Progress::Token { text, .. } = progress {
            byte_count += text.len();
            is_full |= byte_count > OUTPUT_BYTES_MAX;
        }
        let flow = each(progress);
        if is_full { Flow::Stop } else { flow }
    };
    let tokenizer = &model.file.tokenizer;
    let generation = match form {
        None => generate(context, tokenizer, prompt, request, None, &mut bounded)?,
        Some(form) => {
            let order = TokenOrder::new(tokenizer);
            let mut constraint = Constrained::new(form, &order, tokenizer);
            generate(context, tokenizer, prompt, request, Some(&mut constraint as &mut dyn Constraint), &mut bounded)?
        }
    };
    let stop = if is_full { STOP_LIMIT } else { stop_name(generation.stop_reason) };
    Ok(Ran { generation, stop })
}

fn intent(model: &Loaded, asked: &Asked, request: &Request, prompt: &Prompt, day: Day) -> Draft {
    let sampler = &request.sampler;
    let mut draft = Draft::new(Kind::Intent, (ActorClass::Brain, Id(model.digest.0)), policy::authority(), action::GENERATE)
        .fact(fact::MODEL, Fact::Bytes(model.digest.0.to_vec().into()))
        .fact(fact::MODEL_NAME, Fact::Text(model.name.clone().into()))
        .fact(fact::TOKENIZER, Fact::Bytes(model.file.tokenizer.digest().0.to_vec().into()))
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
    if let Some(template) = model.file.template() {
        draft = draft.fact(fact::TEMPLATE, Fact::Bytes(template.digest().0.to_vec().into()));
    }
    if asked.verbs {
        draft = draft.fact(fact::CONSTRAINT, Fact::Text(CONSTRAINT_VERBS.into()));
    }
    draft
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

/// The messages as deterministic CBOR: `[+ [role, content]]`.
fn prompt_value(messages: &[Message]) -> Vec<u8> {
    let mut out = Vec::new();
    write_head(&mut out, Major::Array, messages.len() as u64);
    for message in messages {
        write_head(&mut out, Major::Array, 2);
        write_text(&mut out, message.role.name());
        write_text(&mut out, &message.content);
    }
    out
}

/// The messages of a prompt value.
pub(crate) fn messages_of(prompt: &[u8]) -> Option<Vec<Message>> {
    let mut reader = Reader::new(prompt);
    let count = reader.array().ok()?;
    let message = |_| {
        reader.array().ok().filter(|&elements| elements == 2)?;
        let role = reader.text().ok()?;
        let role = [Role::System, Role::User, Role::Assistant].into_iter().find(|known| known.name() == role)?;
        Some(Message { role, content: reader.text().ok()?.to_owned() })
    };
    (0..count).map(message).collect()
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

/// What the operator asked: the content of the last message of the role user.
pub(crate) fn last_content(messages: &[Message]) -> &str {
    messages.iter().rev().find(|message| message.role == Role::User).map_or("", |message| &message.content)
}

fn random_seed() -> Result<u64> {
    let mut bytes = [0; 8];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Error::Entropy)?;
    Ok(u64::from_be_bytes(bytes))
}
