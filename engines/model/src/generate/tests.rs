//! The loop on a tiny model of the vectors, and the writer on its own.

use super::writer::Writer;
use super::*;
use crate::constrain::{Constrained, Grammar, TokenOrder};
use crate::error::{Error, Misuse};
use crate::file::{ModelFile, open_gguf};
use crate::sample::TokenSet;
use mickai_kernels::crew::Serial;
use mickai_kernels::isa::Isa;
use std::sync::Arc;

const MODEL: &[u8] = include_bytes!("../../../../spec/vectors/model/llama-64.f32.gguf");
const FACTS: &str = include_str!("../../../../spec/vectors/model/llama-64.json");

fn model() -> ModelFile {
    open_gguf(Arc::new(MODEL)).unwrap()
}

fn context(model: &ModelFile, context_tokens: usize) -> Context {
    Context::new(model.weights(), context_tokens, Arc::new(Serial), Isa::best()).unwrap()
}

fn facts(key: &str) -> Vec<Token> {
    let facts: serde_json::Value = serde_json::from_str(FACTS).unwrap();
    facts[key].as_array().unwrap().iter().map(|id| Token(id.as_u64().unwrap() as u32)).collect()
}

fn request(output_tokens_max: usize) -> Request {
    Request { sampler: SamplerConfig::GREEDY, seed: Seed(0), output_tokens_max, stop_texts: Vec::new() }
}

fn quiet(_: Progress<'_>) -> Flow {
    Flow::Continue
}

#[test]
fn greedy_tokens_are_the_references() {
    let (model, prompt, greedy) = (model(), facts("prompt"), facts("greedy"));
    let generation = generate(&mut context(&model, 128), &model.tokenizer, &prompt, &request(64), None, &mut quiet).unwrap();
    // The reference goes on behind an end token; the loop does not.
    let ends = &model.tokenizer.roles().eos;
    let until = greedy.iter().position(|token| ends.contains(token)).unwrap_or(greedy.len());
    assert_eq!(generation.output_tokens, greedy[..until]);
    assert_eq!(generation.prompt_tokens, prompt);
    assert_eq!(generation.text, model.tokenizer.decode(&generation.output_tokens).unwrap());
    let reason = greedy.get(until).map_or(StopReason::TokenLimit, |&token| StopReason::EndToken(token));
    assert_eq!(generation.stop_reason, reason);
}

#[test]
fn what_is_shown_is_the_text() {
    let (model, prompt) = (model(), facts("prompt"));
    let mut sampled = request(40);
    sampled.sampler = SamplerConfig { temperature: 1.0, ..SamplerConfig::GREEDY };
    sampled.stop_texts = vec!["never in it".to_owned(), "e".to_owned()];
    for seed in 0..20 {
        sampled.seed = Seed(seed);
        let (mut shown, mut tokens) = (String::new(), Vec::new());
        let generation = generate(&mut context(&model, 128), &model.tokenizer, &prompt, &sampled, None, &mut |progress| {
            match progress {
                Progress::Token { token, text, .. } => {
                    tokens.push(token);
                    shown.push_str(text);
                }
                Progress::Rest { text } => shown.push_str(text),
                Progress::Prompt { done, total } => assert_eq!((done, total), (24, 24)),
            }
            Flow::Continue
        });
        let generation = generation.unwrap();
        assert_eq!((shown, tokens), (generation.text.clone(), generation.output_tokens));
        assert!(!generation.text.contains('e'));
    }
}

#[test]
fn a_reused_context_changes_nothing() {
    let (model, prompt) = (model(), facts("prompt"));
    let mut reused = context(&model, 200);
    let first = generate(&mut reused, &model.tokenizer, &prompt, &request(8), None, &mut quiet).unwrap();
    let longer = [&prompt[..], &first.output_tokens, &prompt[..5]].concat();
    let again = generate(&mut reused, &model.tokenizer, &longer, &request(8), None, &mut quiet).unwrap();
    let fresh = generate(&mut context(&model, 200), &model.tokenizer, &longer, &request(8), None, &mut quiet).unwrap();
    assert_eq!(again, fresh);
    let back = generate(&mut reused, &model.tokenizer, &prompt, &request(8), None, &mut quiet).unwrap();
    assert_eq!(back, first);
}

#[test]
fn endings() {
    let (model, prompt) = (model(), facts("prompt"));
    let run = |context_tokens, limit| generate(&mut context(&model, context_tokens), &model.tokenizer, &prompt, &request(limit), None, &mut quiet);
    let full = run(27, 64).unwrap();
    assert_eq!((full.output_tokens.len(), full.stop_reason), (3, StopReason::ContextFull));
    assert_eq!(run(128, 2).unwrap().stop_reason, StopReason::TokenLimit);
    assert_eq!(run(128, 0).unwrap().output_tokens, []);
    let long = run(24, 1).unwrap_err();
    assert_eq!(long, Error::Misuse(Misuse::PromptTooLong { prompt_tokens: 24, context_tokens_max: 24 }));
    assert_eq!(long.to_string(), "the prompt has 24 tokens and the model's context holds 24, answer included; shorten the prompt");
    let empty = generate(&mut context(&model, 24), &model.tokenizer, &[], &request(1), None, &mut quiet);
    assert_eq!(empty.unwrap_err(), Misuse::PromptEmpty.into());
    let stops = |count: usize| {
        let mut heard = 0;
        generate(&mut context(&model, 128), &model.tokenizer, &prompt, &request(9), None, &mut |_| {
            heard += 1;
            if heard > count { Flow::Stop } else { Flow::Continue }
        })
    };
    let (early, later) = (stops(0).unwrap(), stops(3).unwrap());
    assert_eq!((early.output_tokens.len(), early.stop_reason), (0, StopReason::Interrupted));
    assert_eq!((later.output_tokens.len(), later.stop_reason), (3, StopReason::Interrupted));
}

/// `{"n":` one to three figures `}`.
struct Figures;

impl Grammar for Figures {
    type State = usize;

    fn start(&self) -> usize {
        0
    }

    fn step(&self, state: &usize, byte: u8) -> Option<usize> {
        const HEAD: &[u8] = b"{\"n\":";
        match HEAD.get(*state) {
            Some(&want) => (byte == want).then_some(state + 1),
            None if *state == 99 => None,
            None if byte == b'}' && *state > HEAD.len() => Some(99),
            None => (byte.is_ascii_digit() && *state < HEAD.len() + 3).then_some(state + 1),
        }
    }

    fn may_end(&self, state: &usize) -> bool {
        *state == 99
    }
}

#[test]
fn a_constrained_answer_fits_the_grammar() {
    let (model, prompt) = (model(), facts("prompt"));
    let order = Arc::new(TokenOrder::new(&model.tokenizer));
    for seed in 0..12 {
        let mut constraint = Constrained::new(Figures, order.clone());
        let mut sampled = request(32);
        sampled.seed = Seed(seed);
        sampled.sampler = SamplerConfig { temperature: if seed == 0 { 0.0 } else { 1.5 }, ..SamplerConfig::GREEDY };
        let generation = generate(&mut context(&model, 64), &model.tokenizer, &prompt, &sampled, Some(&mut constraint), &mut quiet).unwrap();
        assert!(matches!(generation.stop_reason, StopReason::EndToken(_)), "{generation:?}");
        let figures = generation.text.strip_prefix("{\"n\":").and_then(|rest| rest.strip_suffix('}')).unwrap();
        assert!((1..=3).contains(&figures.len()) && figures.bytes().all(|b| b.is_ascii_digit()), "{figures}");
    }
}

/// The adversary is a file that calls the brace an end token: it is text where the answer may not end.
#[test]
fn an_end_token_that_is_text_cuts_no_constrained_answer() {
    const KEY: &[u8] = b"tokenizer.ggml.eos_token_id";
    let brace = model().tokenizer.encode_text("}").unwrap()[0];
    let mut bytes = MODEL.to_vec();
    // Behind the key, the type of the value.
    let at = bytes.windows(KEY.len()).position(|window| window == KEY).unwrap() + KEY.len() + 4;
    bytes[at..at + 4].copy_from_slice(&brace.0.to_le_bytes());
    let model = open_gguf(Arc::new(bytes)).unwrap();
    assert!(model.tokenizer.roles().eos.contains(&brace));
    let order = Arc::new(TokenOrder::new(&model.tokenizer));
    for seed in 0..6 {
        let mut constraint = Constrained::new(Figures, order.clone());
        let mut sampled = request(32);
        sampled.seed = Seed(seed);
        sampled.sampler = SamplerConfig { temperature: 1.5, ..SamplerConfig::GREEDY };
        let generation = generate(&mut context(&model, 64), &model.tokenizer, &facts("prompt"), &sampled, Some(&mut constraint), &mut quiet).unwrap();
        assert!(matches!(generation.stop_reason, StopReason::EndToken(_)), "{generation:?}");
        assert!(generation.text.starts_with("{\"n\":") && generation.text.ends_with('}'), "{}", generation.text);
    }
}

/// Whoever stops among tokens that were proposed leaves none in the sequence that did not come out.
#[test]
fn an_end_forgets_what_was_proposed() {
    let model = model();
    let prompt = facts("prompt").repeat(3);
    for stop_after in 1..16 {
        let mut context = context(&model, 200);
        let mut inference = Inference::new(&prompt, request(40), 200).unwrap();
        inference.admit(&context.pool).unwrap();
        let mut heard = 0;
        while let Some(piece) = inference.piece(PROMPT_PIECE) {
            let rows = context.decoder.step_one(piece).unwrap();
            let mut each = |progress: Progress<'_>| {
                heard += usize::from(matches!(progress, Progress::Token { .. }));
                if heard < stop_after { Flow::Continue } else { Flow::Stop }
            };
            inference.take(&rows, &model.tokenizer, None, &mut each).unwrap();
        }
        let token_count = inference.known_count() + inference.missing_count();
        assert_eq!(token_count, prompt.len() + inference.finish().output_tokens.len(), "{stop_after}");
    }
}

/// The mask of every state along a text, against asking the grammar token by token.
#[test]
fn masks_are_those_of_one_token_at_a_time() {
    let model = model();
    let order = Arc::new(TokenOrder::new(&model.tokenizer));
    let mut constraint = Constrained::new(Figures, order.clone());
    let mut state = Some(0);
    for byte in b"{\"n\":42}" {
        let mut allowed = TokenSet::new();
        constraint.allow(&mut allowed);
        for (token, entry) in model.tokenizer.vocabulary().iter() {
            let normal = entry.kind == crate::tokens::vocabulary::TokenKind::Normal;
            let fits = normal && entry.bytes.iter().try_fold(state.unwrap(), |s, &b| Figures.step(&s, b)).is_some();
            assert_eq!(allowed.contains(token), fits, "{token:?}");
        }
        let token = model.tokenizer.encode_text(&char::from(*byte).to_string()).unwrap()[0];
        constraint.advance(token).unwrap();
        state = Figures.step(&state.unwrap(), *byte);
    }
    let mut allowed = TokenSet::new();
    constraint.allow(&mut allowed);
    assert!(constraint.may_end() && model.tokenizer.roles().eos.iter().all(|&end| allowed.contains(end)));
}

#[test]
fn stop_texts_are_never_shown() {
    let stops = ["\n\nUser:".to_owned(), "é!".to_owned(), String::new()];
    let check = |pieces: &[&[u8]], want: &str, stopped: Option<usize>| {
        let mut writer = Writer::default();
        let mut shown = String::new();
        for piece in pieces {
            if writer.stopped.is_none() {
                shown.push_str(&writer.push(piece, &stops));
            }
        }
        shown.push_str(&writer.finish());
        assert_eq!((shown.as_str(), writer.text.as_str(), writer.stopped), (want, want, stopped));
    };
    check(&[b"Hi\n", b"\nUs", b"er: no"], "Hi", Some(0));
    check(&[b"Hi\n", b"\nUs", b"ed"], "Hi\n\nUsed", None);
    check(&[b"a\xc3", b"\xa9", b"!b"], "a", Some(1));
    check(&[b"a\xc3", b"\xa9", b"?"], "aé?", None);
    check(&[b"x\n\nUser:y\xc3"], "x", Some(0));
    let mut writer = Writer::default();
    assert_eq!(writer.push(b"Hi\n\nUs", &stops), "Hi");
    assert_eq!(writer.push(b"ed", &stops), "\n\nUsed");
}
