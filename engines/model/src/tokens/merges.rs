//! Byte-pair merging: the pieces of a text as tokens, by the merges of a vocabulary, in the order in which Hugging Face's `tokenizers` makes them.
//!
//! Every byte is a token to begin with. Of all neighbours that a merge joins, those of the most urgent merge are joined first, and of those the leftmost; then again, until no merge joins any two.
//! Why it is not theirs that does it: theirs is built from texts, several for each merge, and for a vocabulary of 150,000 that takes longer than to read the weights.

use super::buckets::{Buckets, hash_of};
use super::vocabulary::{Token, Vocabulary};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Behind the last symbol, and before the first.
const NONE: u32 = u32::MAX;

/// Merges found by the pair that they join, and the token of every byte.
pub(super) struct Merges {
    by_pair: Buckets<Merge>,
    of_bytes: [Token; 256],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Merge {
    pair: u64,
    /// Its place among the merges: the lower, the more urgent.
    rank: u32,
    made: Token,
}

/// A token of a piece that is being merged, in a list of those that are left.
#[derive(Clone, Copy)]
struct Symbol {
    token: Token,
    before: u32,
    behind: u32,
    is_gone: bool,
}

/// What one text needs while it is encoded, used again for each of its pieces.
#[derive(Default)]
pub(super) struct Desk {
    symbols: Vec<Symbol>,
    /// Rank, place of the left one, and what they make: the most urgent first, then the leftmost.
    waiting: BinaryHeap<Reverse<(u32, u32, Token)>>,
}

impl Merges {
    pub fn new(vocabulary: &Vocabulary) -> Self {
        let merges = vocabulary.merges.iter().zip(vocabulary.made()).enumerate();
        // The limits keep the count below u32.
        let merges: Vec<Merge> = merges.map(|(rank, (&(left, right), &made))| Merge { pair: pair(left, right), rank: rank as u32, made }).collect();
        let by_pair = Buckets::new(&merges, |merge| hash_of(merge.pair), |a, b| (a.pair, a.rank).cmp(&(b.pair, b.rank)));
        // A vocabulary has every byte.
        let of_byte = |byte: usize| vocabulary.token(&[byte as u8]).unwrap_or(Token(NONE));
        Self { by_pair, of_bytes: std::array::from_fn(of_byte) }
    }

    /// Of a pair that is written twice, the later one counts.
    fn find(&self, left: Token, right: Token) -> Option<&Merge> {
        let pair = pair(left, right);
        self.by_pair.last(hash_of(pair), |merge| merge.pair > pair).filter(|merge| merge.pair == pair)
    }

    /// Adds the tokens of a piece, which is shorter than 4 GiB.
    pub fn encode(&self, piece: &[u8], desk: &mut Desk, tokens: &mut Vec<Token>) {
        let Desk { symbols, waiting } = desk;
        symbols.clear();
        waiting.clear();
        let count = piece.len() as u32;
        let symbol = |(place, byte): (u32, &u8)| Symbol {
            token: self.of_bytes[usize::from(*byte)],
            before: place.checked_sub(1).unwrap_or(NONE),
            behind: if place + 1 < count { place + 1 } else { NONE },
            is_gone: false,
        };
        symbols.extend((0..count).zip(piece).map(symbol));
        for left in 0..count.saturating_sub(1) {
            self.wait(symbols, left, left + 1, waiting);
        }
        while let Some(Reverse((_, left, made))) = waiting.pop() {
            let Some(&Symbol { token, before, behind, is_gone: false }) = symbols.get(left as usize) else { continue };
            let Some(&right) = symbols.get(behind as usize) else { continue };
            // What waited may have been joined otherwise since.
            if self.find(token, right.token).is_none_or(|merge| merge.made != made) {
                continue;
            }
            symbols[behind as usize].is_gone = true;
            symbols[left as usize] = Symbol { token: made, before, behind: right.behind, is_gone: false };
            if let Some(next) = symbols.get_mut(right.behind as usize) {
                next.before = left;
            }
            self.wait(symbols, before, left, waiting);
            self.wait(symbols, left, right.behind, waiting);
        }
        tokens.extend(symbols.iter().filter(|symbol| !symbol.is_gone).map(|symbol| symbol.token));
    }

    /// Has two neighbours wait for their merge, if there are two, and one that joins them.
    fn wait(&self, symbols: &[Symbol], left: u32, right: u32, waiting: &mut BinaryHeap<Reverse<(u32, u32, Token)>>) {
        if let (Some(first), Some(second)) = (symbols.get(left as usize), symbols.get(right as usize))
            && let Some(merge) = self.find(first.token, second.token)
        {
            waiting.push(Reverse((merge.rank, left, merge.made)));
        }
    }
}

fn pair(left: Token, right: Token) -> u64 {
    u64::from(left.0) << 32 | u64::from(right.0)
}

#[cfg(test)]
mod tests;
