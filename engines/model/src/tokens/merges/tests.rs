//! Merging makes the tokens that Hugging Face's implementation makes, of vocabularies that contradict themselves as well.

use super::*;
use crate::tokens::alphabet::tests::bytes_text;
use crate::tokens::vocabulary::{Entry, PreTokenizer, TokenKind};
use proptest::prelude::*;
use tokenizers::Model;
use tokenizers::models::bpe::{BPE, Vocab};

/// Every byte, and the tokens that these merges make; the halves of a merge are numbers of tokens before it, however large.
fn vocabulary(joined: &[(u32, u32)], again: &[u32]) -> Vocabulary {
    let mut bytes: Vec<Vec<u8>> = (0..=255).map(|byte| vec![byte]).collect();
    let mut merges = Vec::new();
    for &(left, right) in joined {
        // Mostly of few letters, so that they meet.
        let half = |number: u32| if number.is_multiple_of(3) { 97 + number as usize % 4 } else { number as usize % bytes.len() };
        let (left, right) = (half(left), half(right));
        let made = [bytes[left].as_slice(), &bytes[right]].concat();
        if made.len() <= 32 {
            if !bytes.contains(&made) {
                bytes.push(made);
            }
            merges.push((Token(left as u32), Token(right as u32)));
        }
    }
    // Some pairs are written twice.
    if !merges.is_empty() {
        let repeated: Vec<_> = again.iter().map(|place| merges[*place as usize % merges.len()]).collect();
        merges.extend(repeated);
    }
    let entries = bytes.into_iter().map(|bytes| Entry { bytes: bytes.into(), kind: TokenKind::Normal }).collect();
    Vocabulary::new(entries, merges, PreTokenizer::Qwen2.defaults()).unwrap()
}

fn theirs(vocabulary: &Vocabulary) -> BPE {
    let text = |token: Token| bytes_text(vocabulary.bytes(token).unwrap());
    let vocab: Vocab = vocabulary.iter().map(|(token, entry)| (bytes_text(&entry.bytes), token.0)).collect();
    let merges: Vec<_> = vocabulary.merges.iter().map(|(left, right)| (text(*left), text(*right))).collect();
    BPE::builder().vocab_and_merges(vocab, merges).build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_tokens_are_theirs(
        joined in prop::collection::vec(any::<(u32, u32)>(), 0..60),
        again in prop::collection::vec(any::<u32>(), 0..4),
        pieces in prop::collection::vec(prop::collection::vec(prop_oneof![8 => 97..101_u8, 1 => any::<u8>()], 0..40), 1..12),
    ) {
        let vocabulary = vocabulary(&joined, &again);
        let (ours, theirs, mut desk) = (Merges::new(&vocabulary), theirs(&vocabulary), Desk::default());
        for piece in pieces {
            let mut tokens = Vec::new();
            ours.encode(&piece, &mut desk, &mut tokens);
            let expected: Vec<Token> = theirs.tokenize(&bytes_text(&piece)).unwrap().into_iter().map(|token| Token(token.id)).collect();
            prop_assert_eq!(tokens, expected, "{:?}", piece);
        }
    }
}
