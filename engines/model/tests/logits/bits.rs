//! One digest of all logits, however the work was cut: `spec/arithmetic.md`, "The digests of whole runs".

use crate::vectors::{gguf, reference, session, threads, weights};
use mickai_kernels::crew::Crew;
use mickai_kernels::isa::Isa;
use mickai_model::forward::{Decoder, Piece, Pool, Sequence, Session, Wanted, Weights};
use mickai_model::tokens::Token;
use sha3::{Digest, Sha3_256};
use std::sync::Arc;

fn digest(weights: &Arc<Weights>, tokens: &[Token], crew: &Arc<dyn Crew>, isa: Isa, chunk: usize) -> String {
    let mut session = Session::new(weights.clone(), tokens.len(), crew.clone(), isa).unwrap();
    let mut hash = Sha3_256::new();
    for tokens in tokens.chunks(chunk) {
        session.feed_each(tokens, &mut |_, row| row.iter().for_each(|x| hash.update(x.to_le_bytes()))).unwrap();
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `want` is the SHA3-256 over the logits (f32, little-endian, position after position) of the first 64 tokens of the model's vector.
/// The test is the same in debug and release builds, so both are held to it. Changing a digest is a new arithmetic version.
fn check(name: &str, element: &str, want: &str) {
    let weights = weights(&gguf(&format!("{name}.{element}")));
    let tokens = reference(name).tokens(64);
    for count in [1, 2, 3, 8] {
        let crew = threads(count);
        for isa in Isa::available() {
            for chunk in [1, 7, 64] {
                let got = digest(&weights, &tokens, &crew, isa, chunk);
                assert_eq!(got, want, "{}, {count} threads, chunks of {chunk}", isa.name());
            }
        }
    }
}

#[test]
fn digest_of_f32() {
    check("llama-64", "f32", "8c74aaea218ffcd301e1db4fd7718e357b1478cfff275e6dec619a94478194b2");
}

#[test]
fn digest_of_f16() {
    check("llama-64", "f16", "14e94e826f3a4bb57ec596d85a99ef8cb770917c9d675a094889295840219ed9");
}

#[test]
fn digest_of_bf16() {
    check("qwen2-64-untied", "bf16", "354a986b3881a34127a67c89a5cdfcbe8227d4ea17b955efd731ea547f890abd");
}

#[test]
fn digest_of_q8_0() {
    check("qwen2-64", "q8_0", "4acd3f089ef150e4d36672bb4008b410a5d5ea800a5306d667824a9fe36e271a");
}

#[test]
fn digest_of_q4_0() {
    check("llama-64", "q4_0", "2b8fdf8510abc318005bb6532f98fbd13bb2cf3ff4ea58dbf8ee9a4377a11b9b");
}

#[test]
fn digest_of_q4_k() {
    check("llama-256", "q4_k", "61cda6c5e32dbaf15a3db299e0d5362f0c481b9f9bf675c59eebc12821c15e20");
}

#[test]
fn digest_of_q6_k() {
    check("llama-256", "q6_k", "c01f9993c8c49e1c8992cd9a8705bc4bec84e366dd1bc8a67207ae209432c27d");
}

/// One way to compute the logits of a sequence.
struct Way<'a> {
    crew: &'a Arc<dyn Crew>,
    isa: Isa,
    /// Tokens of one piece.
    chunk: usize,
    /// Other sequences that go along in every step.
    neighbours: usize,
}

/// The digest of all logits of `tokens`, computed twice: in an empty pool, and again behind what the first time left in it.
fn digests(weights: &Arc<Weights>, tokens: &[Token], way: &Way<'_>) -> [String; 2] {
    const KEPT: usize = 420;
    let pool = Pool::new(weights, usize::MAX);
    let mut decoder = Decoder::new(weights.clone(), way.crew.clone(), way.isa);
    let mut others: Vec<Sequence> = (0..way.neighbours).map(|_| pool.open(&[], tokens.len()).unwrap()).collect();
    let mut rows: Vec<Vec<u8>> = Vec::new();
    let mut found = Vec::new();
    for kept in [0, KEPT] {
        let mut sequence = pool.open(&tokens[..(kept + 1).min(tokens.len())], tokens.len()).unwrap();
        assert_eq!(sequence.tokens().len(), kept);
        rows.truncate(kept);
        for tokens in tokens[kept..].chunks(way.chunk) {
            let mut pieces = vec![Piece { sequence: &mut sequence, tokens, wanted: Wanted::Every }];
            // Each neighbour is of another length, and says something else.
            let one = |i: usize, other: &Sequence| [Token((other.tokens().len() * (i + 3) % 500) as u32); 4];
            let theirs: Vec<[Token; 4]> = others.iter().enumerate().map(|(i, other)| one(i, other)).collect();
            let going = others.iter_mut().zip(&theirs).enumerate();
            pieces.extend(going.map(|(i, (sequence, tokens))| Piece { sequence, tokens: &tokens[..i % 2 + 1], wanted: [Wanted::Last, Wanted::Nothing, Wanted::States][i % 3] }));
            // The one in question is not always the first.
            let place = pieces.len() / 2;
            pieces.swap(0, place);
            let mine = decoder.step(&mut pieces).swap_remove(place).unwrap();
            rows.extend((0..mine.count()).map(|row| mine.logits(row).unwrap().iter().flat_map(|x| x.to_le_bytes()).collect()));
            others.iter_mut().filter(|other| other.tokens().len() + 4 > other.tokens_max()).for_each(|other| other.truncate(0));
        }
        let mut hash = Sha3_256::new();
        rows.iter().for_each(|row| hash.update(row));
        found.push(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect());
    }
    found.try_into().unwrap()
}

/// All logits of 530 tokens, more than any page or batch: one digest over every number of threads, size of piece, number of neighbours and set of instructions, in a cold cache and a warm one.
#[test]
fn one_digest_however_the_work_is_cut_and_beside_whom() {
    const Q4_0: (&str, &str) = ("llama-64.q4_0", "3240ecb61608d04cf3c79516916fe5b0ac149416751582880111f5f5f4e0206f");
    const BF16: (&str, &str) = ("qwen2-64-untied.bf16", "163c20bf4ee66fcd692d2d607d3744d4dd19279837b9ef91db62dfa89899e6e3");
    let all: (&[usize], &[usize], &[usize]) = (&[1, 2, 3, 8], &[1, 7, 64, 512], &[0, 3, 7]);
    let some: (&[usize], &[usize], &[usize]) = (&[1, 3], &[7, 512], &[0, 7]);
    for ((name, want), (thread_counts, chunks, neighbour_counts)) in [(Q4_0, all), (BF16, some)] {
        let weights = weights(&gguf(name));
        let tokens: Vec<Token> = (0..530).map(|i| Token(i * 41 % 500)).collect();
        for &count in thread_counts {
            let crew = &threads(count);
            for isa in Isa::available() {
                for (&chunk, &neighbours) in chunks.iter().flat_map(|chunk| neighbour_counts.iter().map(move |count| (chunk, count))) {
                    let got = digests(&weights, &tokens, &Way { crew, isa, chunk, neighbours });
                    assert_eq!(got, [want, want], "{name} {}, {count} threads, pieces of {chunk}, {neighbours} neighbours", isa.name());
                }
            }
        }
    }
}

/// Past 256 positions attention merges chunks, and past as many tokens a feed is cut inside; neither may show, nor what was there before a truncation.
#[test]
fn long_contexts_and_truncation_change_nothing() {
    let weights = weights(&gguf("llama-64.q8_0"));
    let tokens: Vec<Token> = (0..600).map(|i| Token(i * 37 % 500)).collect();
    let bits = |session: &Session| session.logits().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    let mut whole = session(&weights);
    whole.feed(&tokens).unwrap();
    let mut single = Session::new(weights.clone(), 600, threads(3), Isa::SCALAR).unwrap();
    tokens.iter().for_each(|&token| single.feed(&[token]).unwrap());
    assert_eq!(bits(&whole), bits(&single));

    whole.truncate(300);
    assert!(whole.logits().is_empty() && whole.position() == 300);
    whole.feed(&[Token(1); 200]).unwrap();
    assert_ne!(bits(&whole), bits(&single));
    whole.truncate(300);
    whole.feed(&tokens[300..]).unwrap();
    assert_eq!(bits(&whole), bits(&single));
}
