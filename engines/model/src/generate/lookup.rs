//! Prompt lookup: where the last tokens stood before, what followed them there may follow again.
//!
//! A proposal decides nothing: its rows are computed together with the token that is due, and the sampler chooses from them as it would have one by one. What it would not have chosen is
//! forgotten.

use crate::tokens::Token;
use std::collections::BTreeMap;

/// Tokens that must have stood together before.
const NGRAM: usize = 3;
/// Tokens of one proposal at most.
const PROPOSED_MAX: usize = 8;
/// Proposals that are left out at most after one that was wrong at once.
const PAUSE_MAX: u32 = 64;

/// The tokens of one generation by what stood before them, and how well proposals have done.
pub(super) struct Lookup {
    /// Where what followed these tokens last begins.
    places: BTreeMap<[Token; NGRAM], usize>,
    learned_count: usize,
    /// Tokens of the next proposal at most.
    depth: usize,
    pause: u32,
    next_pause: u32,
}

impl Default for Lookup {
    fn default() -> Self {
        Self { places: BTreeMap::new(), learned_count: NGRAM, depth: 2, pause: 0, next_pause: 1 }
    }
}

impl Lookup {
    /// Appends to `out` what may follow `tokens`, which are those of the call before and more; at most `count_max`, often nothing.
    pub(super) fn propose(&mut self, tokens: &[Token], count_max: usize, out: &mut Vec<Token>) {
        for end in self.learned_count..tokens.len() {
            if let Some(before) = tokens[..end].last_chunk() {
                self.places.insert(*before, end);
            }
        }
        self.learned_count = self.learned_count.max(tokens.len());
        let Some(&place) = tokens.last_chunk().and_then(|last| self.places.get(last)) else { return };
        if self.pause > 0 {
            self.pause -= 1;
            return;
        }
        let start = out.len();
        for index in place..place + self.depth.min(count_max) {
            // What is repeated may reach its own end.
            let token = tokens.get(index).copied().unwrap_or_else(|| out[start + index - tokens.len()]);
            out.push(token);
        }
    }

    /// How many of the proposed tokens were chosen: with luck more are proposed, without it fewer, and less often.
    pub(super) fn learn(&mut self, proposed_count: usize, accepted_count: usize) {
        if proposed_count == 0 {
            return;
        }
        if accepted_count == 0 {
            (self.depth, self.pause, self.next_pause) = (2, self.next_pause, PAUSE_MAX.min(2 * self.next_pause));
            return;
        }
        self.next_pause = 1;
        self.depth = if accepted_count == proposed_count { PROPOSED_MAX.min(2 * self.depth) } else { accepted_count + 1 };
    }
}
