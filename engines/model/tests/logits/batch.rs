//! Several sequences in one step: each gets the bits that it gets alone, and what goes wrong with one stays with it.

use crate::vectors::{gguf, session, weights};
use mickai_kernels::crew::Serial;
use mickai_kernels::element::ElementType;
use mickai_kernels::isa::Isa;
use mickai_model::error::{Misbehaved, Misuse};
use mickai_model::forward::{Decoder, PAGE_TOKENS, Piece, Pool, Sequence, Wanted, Weights};
use mickai_model::tensor::{RowOrder, Tensor};
use mickai_model::tokens::Token;
use std::sync::Arc;

fn tokens(count: usize, factor: usize) -> Vec<Token> {
    (0..count).map(|i| Token((i * factor % 500) as u32)).collect()
}

fn bits(row: &[f32]) -> Vec<u32> {
    row.iter().map(|x| x.to_bits()).collect()
}

/// The logits of the last of these tokens, of a context of their own.
fn alone(weights: &Arc<Weights>, tokens: &[Token]) -> Vec<u32> {
    let mut session = session(weights);
    session.feed(tokens).unwrap();
    bits(session.logits())
}

fn decoder(weights: &Arc<Weights>) -> Decoder {
    Decoder::new(weights.clone(), Arc::new(Serial), Isa::best())
}

/// A pool of so many pages.
fn pool(weights: &Arc<Weights>, page_count: usize) -> Pool {
    let page_bytes = Pool::new(weights, usize::MAX).page_byte_count();
    Pool::new(weights, page_count * page_bytes + page_bytes / 2)
}

fn last(decoder: &mut Decoder, sequence: &mut Sequence, tokens: &[Token]) -> Vec<u32> {
    bits(decoder.step_one(Piece { sequence, tokens, wanted: Wanted::Last }).unwrap().logits(0).unwrap())
}

#[test]
fn pieces_of_every_size_go_together() {
    let weights = weights(&gguf("llama-64.q8_0"));
    let pool = pool(&weights, 8);
    let mut decoder = decoder(&weights);
    // Prompts of 300, 1, 17 and 70 tokens, cut anywhere, then one token each.
    let all = [tokens(301, 37), tokens(2, 5), tokens(18, 11), tokens(71, 3)];
    let cuts = [[200, 100], [0, 1], [16, 1], [33, 37]];
    let mut sequences: Vec<Sequence> = all.iter().map(|_| pool.open(&[], 310).unwrap()).collect();
    for step in 0..3 {
        let begin = |i: usize| cuts[i][..step.min(2)].iter().sum::<usize>();
        let count = |i: usize| cuts[i].get(step).copied().unwrap_or(1);
        let mut pieces: Vec<Piece<'_>> = Vec::new();
        for (i, sequence) in sequences.iter_mut().enumerate().filter(|(i, _)| count(*i) > 0) {
            let wanted = if step == 1 && i == 3 { Wanted::Every } else { Wanted::Last };
            pieces.push(Piece { sequence, tokens: &all[i][begin(i)..][..count(i)], wanted });
        }
        let got: Vec<Vec<u32>> = decoder.step(&mut pieces).into_iter().map(|rows| rows.map(|rows| bits(rows.logits(rows.count() - 1).unwrap())).unwrap()).collect();
        let want: Vec<Vec<u32>> = (0..4).filter(|&i| count(i) > 0).map(|i| alone(&weights, &all[i][..begin(i) + count(i)])).collect();
        assert!(got == want, "step {step}");
    }
}

#[test]
fn every_row_and_its_state_are_those_of_one_at_a_time() {
    let weights = weights(&gguf("qwen2-64.q8_0"));
    let (pool, tokens) = (pool(&weights, 3), tokens(20, 7));
    let mut decoder = decoder(&weights);
    let (mut one, mut two, mut three) = (pool.open(&[], 20).unwrap(), pool.open(&[], 20).unwrap(), pool.open(&[], 20).unwrap());
    let mut pieces = [
        Piece { sequence: &mut one, tokens: &tokens, wanted: Wanted::States },
        Piece { sequence: &mut two, tokens: &tokens, wanted: Wanted::Every },
        Piece { sequence: &mut three, tokens: &tokens, wanted: Wanted::Nothing },
    ];
    let [states, every, nothing] = <[_; 3]>::try_from(decoder.step(&mut pieces)).ok().unwrap().map(|rows| rows.unwrap());
    assert_eq!((states.states().len(), states.count(), every.states().len(), every.count(), nothing.states().len(), nothing.count()), (20, 0, 20, 20, 0, 0));
    assert!(states.states().zip(every.states()).all(|(a, b)| bits(a) == bits(b)));
    for row in 0..20 {
        assert_eq!(bits(every.logits(row).unwrap()), alone(&weights, &tokens[..=row]), "row {row}");
    }
}

#[test]
fn a_piece_that_cannot_go_on_fails_alone() {
    let weights = weights(&gguf("llama-64.q4_0"));
    let pool = pool(&weights, 3);
    let mut decoder = decoder(&weights);
    let (mut good, mut short, mut unknown) = (pool.open(&[], 40).unwrap(), pool.open(&[], 5).unwrap(), pool.open(&[], 5).unwrap());
    let tokens = tokens(30, 13);
    let mut pieces = [
        Piece { sequence: &mut short, tokens: &tokens[..6], wanted: Wanted::Last },
        Piece { sequence: &mut good, tokens: &tokens, wanted: Wanted::Last },
        Piece { sequence: &mut unknown, tokens: &[Token(3), Token(512)], wanted: Wanted::Every },
    ];
    let [first, second, third] = <[_; 3]>::try_from(decoder.step(&mut pieces)).ok().unwrap();
    assert_eq!(first.err(), Some(Misuse::PromptTooLong { prompt_tokens: 6, context_tokens_max: 5 }.into()));
    assert_eq!(bits(second.unwrap().logits(0).unwrap()), alone(&weights, &tokens));
    assert_eq!(third.err(), Some(Misuse::TokenUnknown(512).into()));
    assert_eq!((short.tokens().len(), good.tokens().len(), unknown.tokens().len()), (0, 30, 0));
    assert_eq!(last(&mut decoder, &mut short, &tokens[..5]), alone(&weights, &tokens[..5]));
}

/// A token whose row of the embedding table is not a number spoils its own sequence alone.
#[test]
fn a_row_that_is_no_number_fails_alone() {
    let mut model = gguf("qwen2-64-untied.f32");
    let name = "model.embed_tokens.weight";
    let mut bytes = model.tensors[name].bytes().to_vec();
    let shape = model.tensors[name].shape.clone();
    bytes[77 * shape[1] * 4..][..4].copy_from_slice(&f32::NAN.to_le_bytes());
    let range = 0..bytes.len();
    model.tensors.insert(name.into(), Tensor::new(name.into(), shape, ElementType::F32, RowOrder::Canonical, Arc::new(bytes), range).unwrap());
    let weights = weights(&model);
    let pool = pool(&weights, 2);
    let mut decoder = decoder(&weights);
    let (mut bad, mut good) = (pool.open(&[], 9).unwrap(), pool.open(&[], 9).unwrap());
    let tokens = tokens(8, 3);
    let mut pieces =
        [Piece { sequence: &mut bad, tokens: &[Token(1), Token(2), Token(77)], wanted: Wanted::Every }, Piece { sequence: &mut good, tokens: &tokens, wanted: Wanted::Last }];
    let [spoilt, fine] = <[_; 2]>::try_from(decoder.step(&mut pieces)).ok().unwrap().map(|rows| rows.unwrap());
    assert_eq!(spoilt.logits(2).err(), Some(Misbehaved::LogitNotFinite { index: 0 }.into()));
    assert_eq!(bits(spoilt.logits(1).unwrap()), alone(&weights, &[Token(1), Token(2)]));
    assert_eq!(bits(fine.logits(0).unwrap()), alone(&weights, &tokens));
    bad.truncate(2);
    assert_eq!(last(&mut decoder, &mut bad, &[Token(5)]), alone(&weights, &[Token(1), Token(2), Token(5)]));
}

#[test]
fn pages_are_promised_kept_shared_and_taken_again() {
    let weights = weights(&gguf("llama-64.q8_0"));
    let pool = pool(&weights, 4);
    let mut decoder = decoder(&weights);
    let tokens = tokens(600, 37);
    let usage = |promised_count, kept_count, held_count| mickai_model::forward::PoolUse { page_count_max: 4, promised_count, kept_count, held_count };

    let mut first = pool.open(&tokens, 600).unwrap();
    assert_eq!(pool.usage(), usage(3, 0, 0));
    let full = pool.open(&tokens, 2 * PAGE_TOKENS).err().unwrap();
    assert_eq!(full, Misuse::CacheFull { asked_pages: 2, promised_pages: 3, page_count_max: 4 }.into());
    assert!(["4 pages", "3 are promised", "2 more"].iter().all(|part| full.to_string().contains(part)), "{full}");
    last(&mut decoder, &mut first, &tokens[..599]);
    drop(first);
    assert_eq!(pool.usage(), usage(0, 3, 0));

    // Everything but the last token is found; the last page is a copy, the others are shared.
    let mut again = pool.open(&tokens, 600).unwrap();
    assert_eq!((again.tokens().len(), pool.usage()), (599, usage(3, 3, 3)));
    assert_eq!(last(&mut decoder, &mut again, &tokens[599..]), alone(&weights, &tokens));
    drop(again);

    // Another end: one page and part of the next are found. Whatever is in the way of the new pages goes.
    let mut other = tokens[..300].to_vec();
    other.extend_from_slice(&tokens[..500]);
    let mut beside = pool.open(&other, 800).unwrap();
    assert_eq!((beside.tokens().len(), pool.usage().promised_count), (300, 4));
    assert_eq!(last(&mut decoder, &mut beside, &other[300..]), alone(&weights, &other));
    assert_eq!(pool.usage().held_count, 4);
    drop(beside);

    // Tokens that nothing begins with are computed.
    let mut new = pool.open(&tokens[7..], 40).unwrap();
    assert_eq!(new.tokens().len(), 0);
    assert_eq!(last(&mut decoder, &mut new, &tokens[7..47]), alone(&weights, &tokens[7..47]));
}

/// Sequences that fit into the context one by one, and not all together.
#[test]
fn a_step_may_have_more_rows_than_a_context() {
    let mut model = gguf("llama-64.q8_0");
    model.config.context_tokens_max = 40;
    let weights = weights(&model);
    let pool = pool(&weights, 8);
    let mut decoder = decoder(&weights);
    let all = [tokens(39, 37), tokens(39, 5), tokens(39, 11), tokens(39, 3)];
    let mut sequences: Vec<Sequence> = all.iter().map(|_| pool.open(&[], 40).unwrap()).collect();
    let mut pieces: Vec<Piece<'_>> = sequences.iter_mut().zip(&all).map(|(sequence, tokens)| Piece { sequence, tokens, wanted: Wanted::Last }).collect();
    let got: Vec<Vec<u32>> = decoder.step(&mut pieces).into_iter().map(|rows| bits(rows.unwrap().logits(0).unwrap())).collect();
    let want: Vec<Vec<u32>> = all.iter().map(|tokens| alone(&weights, tokens)).collect();
    assert!(got == want);
}

#[test]
fn forks_share_pages_until_they_part() {
    let weights = weights(&gguf("qwen2-64-untied.q4_0"));
    let pool = pool(&weights, 6);
    let mut decoder = decoder(&weights);
    let tokens = tokens(330, 29);
    let mut trunk = pool.open(&[], 400).unwrap();
    last(&mut decoder, &mut trunk, &tokens);
    let mut branches = [trunk.fork(400).unwrap(), trunk.fork(400).unwrap()];
    assert_eq!(pool.usage().held_count, 2);
    branches[1].truncate(329);
    let ends: [&[Token]; 3] = [&[Token(1), Token(2)], &[Token(3)], &[Token(4), Token(5), Token(6)]];
    let mut pieces: Vec<Piece<'_>> =
        std::iter::once(&mut trunk).chain(&mut branches).zip(ends).map(|(sequence, tokens)| Piece { sequence, tokens, wanted: Wanted::Last }).collect();
    let got: Vec<Vec<u32>> = decoder.step(&mut pieces).into_iter().map(|rows| bits(rows.unwrap().logits(0).unwrap())).collect();
    let want = [(330, 0), (330, 1), (329, 2)].map(|(kept, end)| alone(&weights, &[&tokens[..kept], ends[end]].concat()));
    assert!(got == want);
    assert_eq!(pool.usage().held_count, 4);
    assert_eq!(pool.usage().promised_count, 6);
    drop((trunk, branches));
    assert_eq!((pool.usage().promised_count, pool.usage().held_count), (0, 0));
}
