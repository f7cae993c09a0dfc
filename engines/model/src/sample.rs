//! Logits to one token: penalty, temperature, top-k, top-p, min-p and a draw, in that order, to the bit of `spec/tokens.md` ("Sampling").

use crate::error::{Misbehaved, Misuse, Result};
use crate::philox::philox4x64;
use crate::power::exponentials;
use crate::tokens::Token;

/// The name of these rules and of their generator, as it stands in records; other rules would have another.
pub const SAMPLER: &str = "mickai-sample-1";

/// How a token is chosen. Every parameter is an f32 as it stands in the record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SamplerConfig {
    /// Divides the logits; 0 takes the best token always ("greedy"). 0 to 100.
    pub temperature: f32,
    /// Keeps the k best tokens; 0 keeps all.
    pub top_k: u32,
    /// Keeps the fewest best tokens whose probabilities reach this; 1 keeps all. Above 0, at most 1.
    pub top_p: f32,
    /// Keeps tokens at least this probable, as a part of the best one's probability; 0 keeps all. 0 to 1.
    pub min_p: f32,
    /// Divides positive and multiplies negative logits of tokens that are in the context already; 1 changes nothing. Above 0, at most 100.
    pub repetition_penalty: f32,
}

impl SamplerConfig {
    /// The best token always.
    pub const GREEDY: Self = Self { temperature: 0.0, top_k: 0, top_p: 1.0, min_p: 0.0, repetition_penalty: 1.0 };

    /// Refuses parameters outside their ranges.
    pub fn check(&self) -> Result<()> {
        let ranges = [
            ("temperature", self.temperature, (0.0..=100.0).contains(&self.temperature)),
            ("top-p", self.top_p, self.top_p > 0.0 && self.top_p <= 1.0),
            ("min-p", self.min_p, (0.0..=1.0).contains(&self.min_p)),
            ("repetition penalty", self.repetition_penalty, self.repetition_penalty > 0.0 && self.repetition_penalty <= 100.0),
        ];
        match ranges.into_iter().find(|(_, _, fits)| !fits) {
            Some((parameter, value, _)) => Err(Misuse::Sampler { parameter, value }.into()),
            None => Ok(()),
        }
    }
}

/// Seed of the generator `philox4x64-10`; the whole randomness of a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(pub u64);

/// A set of tokens: one bit for each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenSet {
    words: Vec<u64>,
}

impl TokenSet {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn insert(&mut self, token: Token) {
        let word = token.index() / 64;
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        // The line above made room.
        self.words[word] |= 1 << (token.0 % 64);
    }

    pub fn contains(&self, token: Token) -> bool {
        self.words.get(token.index() / 64).is_some_and(|word| word >> (token.0 % 64) & 1 == 1)
    }

    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    pub fn clear(&mut self) {
        self.words.fill(0);
    }
}

/// Chooses tokens; keeps only room for its work, so the choice at a step depends on the seed and the step alone.
pub struct Sampler {
    config: SamplerConfig,
    seed: Seed,
    /// A candidate is one number: inverted order of its logit above its id, so that ascending is best first, ties by lowest id.
    keys: Vec<u64>,
    weights: Vec<f64>,
    sorted: Vec<u64>,
}

impl Sampler {
    /// Errors: [`Misuse::Sampler`] for a parameter outside its range.
    pub fn new(config: SamplerConfig, seed: Seed) -> Result<Self> {
        config.check()?;
        Ok(Self { config, seed, keys: Vec::new(), weights: Vec::new(), sorted: Vec::new() })
    }

    /// The token at output position `step` (from 0). `seen`: tokens of prompt and output so far; `allowed`: all, if `None`.
    ///
    /// Errors: [`Misbehaved::LogitNotFinite`]; [`Misuse::ConstraintDeadEnd`] if nothing is allowed.
    pub fn sample(&mut self, logits: &[f32], step: u64, seen: &TokenSet, allowed: Option<&TokenSet>) -> Result<Token> {
        check_finite(logits)?;
        let candidates = candidates(logits, self.config.repetition_penalty, seen, allowed);
        if self.config.temperature == 0.0 {
            return candidates.min().map(token_of).ok_or(Misuse::ConstraintDeadEnd.into());
        }
        self.keys.clear();
        self.keys.extend(candidates);
        self.sort();
        self.weigh()?;
        self.cut();
        Ok(self.draw(step))
    }

    /// Best first, the k best alone.
    fn sort(&mut self) {
        let k = self.config.top_k as usize;
        if k > 0 && k < self.keys.len() {
            self.keys.select_nth_unstable(k - 1);
            self.keys.truncate(k);
            self.keys.sort_unstable();
        } else {
            sort_by_logit(&mut self.keys, &mut self.sorted);
        }
    }

    /// Probabilities relative to the best token's.
    fn weigh(&mut self) -> Result<()> {
        let best = f64::from(logit_of(*self.keys.first().ok_or(Misuse::ConstraintDeadEnd)?));
        let temperature = f64::from(self.config.temperature);
        self.weights.clear();
        self.weights.extend(self.keys.iter().map(|&key| (f64::from(logit_of(key)) - best) / temperature));
        exponentials(&mut self.weights);
        Ok(())
    }

    /// Top-p, then min-p: each keeps a prefix, the best token always.
    fn cut(&mut self) {
        if self.config.top_p < 1.0 {
            let total: f64 = in_order(&self.weights);
            let goal = f64::from(self.config.top_p) * total;
            let mut sum = 0.0;
            let reached = self.weights.iter().position(|weight| {
                sum += weight;
                sum >= goal
            });
            self.weights.truncate(reached.map_or(self.weights.len(), |last| last + 1));
        }
        let least = f64::from(self.config.min_p);
        let kept = self.weights.iter().take_while(|&&weight| weight >= least).count();
        self.weights.truncate(kept.max(1));
    }

    fn draw(&self, step: u64) -> Token {
        let [word, ..] = philox4x64([step, 0, 0, 0], [self.seed.0, 0]);
        let part = (word >> 11) as f64 * (1.0 / 9_007_199_254_740_992.0);
        let goal = part * in_order(&self.weights);
        let mut sum = 0.0;
        let drawn = self.weights.iter().position(|weight| {
            sum += weight;
            sum > goal
        });
        // Rounding may leave the sum at the goal: the last candidate then.
        let index = drawn.unwrap_or(self.weights.len() - 1);
        // There are at least as many keys as weights, and `cut` keeps one.
        token_of(self.keys[index])
    }
}

/// Refuses logits that are infinite or no numbers.
pub(crate) fn check_finite(logits: &[f32]) -> Result<()> {
    // All at once first: looking for one takes many times as long.
    if logits.iter().fold(true, |finite, logit| finite & logit.is_finite()) {
        return Ok(());
    }
    let index = logits.iter().position(|logit| !logit.is_finite()).unwrap_or(0);
    Err(Misbehaved::LogitNotFinite { index }.into())
}

/// The keys of the tokens that may come, in order of their ids.
fn candidates(logits: &[f32], penalty: f32, seen: &TokenSet, allowed: Option<&TokenSet>) -> impl Iterator<Item = u64> {
    let is_allowed = move |token: &Token| allowed.is_none_or(|set| set.contains(*token));
    // A vocabulary has fewer than 2³² rows.
    let tokens = logits.iter().enumerate().map(|(index, &logit)| (Token(index as u32), logit));
    tokens.filter(move |(token, _)| is_allowed(token)).map(move |(token, logit)| {
        let penalised = match penalty != 1.0 && seen.contains(token) {
            true if logit > 0.0 => logit / penalty,
            true => logit * penalty,
            false => logit,
        };
        key(penalised, token)
    })
}

/// Sorts keys whose ids ascend, with room for a copy of them: by the eleven lowest bits of the logit, then by the next, then by the rest, each time keeping the order of equals. For a
/// vocabulary that takes a sixth of the time that comparisons take.
fn sort_by_logit(keys: &mut Vec<u64>, room: &mut Vec<u64>) {
    const BITS: u32 = 11;
    const DIGITS: u32 = 3;
    room.clear();
    room.resize(keys.len(), 0);
    for digit in 0..DIGITS {
        let bucket = |key: u64| (key >> (32 + digit * BITS)) as usize & ((1 << BITS) - 1);
        let mut places = [0usize; 1 << BITS];
        keys.iter().for_each(|&key| places[bucket(key)] += 1);
        let mut start = 0;
        for place in &mut places {
            start += std::mem::replace(place, start);
        }
        for &key in &*keys {
            let place = &mut places[bucket(key)];
            // The counts add up to the number of keys.
            room[*place] = key;
            *place += 1;
        }
        std::mem::swap(keys, room);
    }
}

/// The sum from +0.0, one addition after another.
fn in_order(weights: &[f64]) -> f64 {
    weights.iter().fold(0.0, |sum, weight| sum + weight)
}

/// Ascending keys are descending logits, then ascending ids; −0 counts as +0.
fn key(logit: f32, token: Token) -> u64 {
    let bits = (logit + 0.0).to_bits();
    let ascending = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
    u64::from(!ascending) << 32 | u64::from(token.0)
}

fn logit_of(key: u64) -> f32 {
    let ascending = !((key >> 32) as u32);
    f32::from_bits(if ascending >> 31 == 1 { ascending ^ 1 << 31 } else { !ascending })
}

fn token_of(key: u64) -> Token {
    Token(key as u32)
}

#[cfg(test)]
mod tests;
