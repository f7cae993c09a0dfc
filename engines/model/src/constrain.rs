//! Constrained decoding: a grammar over bytes decides, token by token, which tokens of the vocabulary may come next.

use crate::error::Result;
use crate::sample::TokenSet;
use crate::tokens::vocabulary::TokenKind;
use crate::tokens::{Token, Tokenizer};
use std::sync::Arc;

/// What a text may look like, byte by byte. A state stands for everything that was written so far.
pub trait Grammar {
    type State: Clone;

    /// The state before the first byte.
    fn start(&self) -> Self::State;

    /// The state after one more byte; `None` if the text may not go on with it.
    fn step(&self, state: &Self::State, byte: u8) -> Option<Self::State>;

    /// Whether the text may end here.
    fn may_end(&self, state: &Self::State) -> bool;
}

/// What a generation asks before every token. [`Constrained`] is the one for a [`Grammar`].
pub trait Constraint {
    /// Fills `allowed` with the tokens that may come next, end tokens among them where the text may end.
    fn allow(&mut self, allowed: &mut TokenSet);

    /// Whether the text may end here.
    fn may_end(&self) -> bool;

    /// Goes on with a token that was allowed.
    fn advance(&mut self, token: Token) -> Result<()>;
}

/// The vocabulary in the order of its bytes, with the length of the beginning that each token shares with the one before it.
///
/// Walking it in order, the grammar sees every distinct beginning once: a vocabulary of 150,000 tokens costs as many steps as it has
/// beginnings that the grammar accepts, and one look per token.
pub struct TokenOrder {
    tokens: Vec<(Box<[u8]>, Token)>,
    /// Where each token of the vocabulary stands among `tokens`, if it does.
    places: Vec<Option<u32>>,
    shared: Vec<usize>,
    ends: Vec<Token>,
}

impl TokenOrder {
    /// Normal tokens only: a constrained text holds no control tokens but the one that ends it.
    pub fn new(tokenizer: &Tokenizer) -> Self {
        let normal = tokenizer.vocabulary().iter().filter(|(_, entry)| entry.kind == TokenKind::Normal);
        let mut tokens: Vec<(Box<[u8]>, Token)> = normal.map(|(token, entry)| (entry.bytes.clone(), token)).collect();
        tokens.sort();
        let common = |a: &[u8], b: &[u8]| a.iter().zip(b).take_while(|(x, y)| x == y).count();
        let pairs = tokens.windows(2).map(|pair| common(&pair[0].0, &pair[1].0));
        let shared = std::iter::once(0).chain(pairs).collect();
        let mut places = vec![None; tokenizer.vocabulary().entries.len()];
        // A vocabulary has fewer than 2²⁰ entries.
        tokens.iter().enumerate().for_each(|(place, (_, token))| places[token.index()] = Some(place as u32));
        Self { tokens, places, shared, ends: tokenizer.roles().eos.iter().copied().collect() }
    }

    /// The bytes of a normal token.
    fn bytes(&self, token: Token) -> Option<&[u8]> {
        let place = (*self.places.get(token.index())?)?;
        self.tokens.get(place as usize).map(|(bytes, _)| &**bytes)
    }

    /// Inserts every token all of whose bytes the grammar accepts from `state` on.
    fn fill<G: Grammar>(&self, grammar: &G, state: &G::State, allowed: &mut TokenSet) {
        // states[d] is the state after the first d bytes of the token at hand.
        let mut states = vec![state.clone()];
        // The number of bytes before the one that was refused: tokens that share it are refused too.
        let mut refused: Option<usize> = None;
        for ((bytes, token), &shared) in self.tokens.iter().zip(&self.shared) {
            if refused.is_some_and(|depth| shared > depth) {
                continue;
            }
            refused = None;
            states.truncate(shared + 1);
            for &byte in bytes.iter().skip(states.len() - 1) {
                match states.last().and_then(|state| grammar.step(state, byte)) {
                    Some(next) => states.push(next),
                    None => {
                        refused = Some(states.len() - 1);
                        break;
                    }
                }
            }
            if refused.is_none() {
                allowed.insert(*token);
            }
        }
    }
}

/// A text in the making under a grammar.
pub struct Constrained<G: Grammar> {
    grammar: G,
    order: Arc<TokenOrder>,
    /// `None` once a token went where the grammar cannot follow.
    state: Option<G::State>,
}

impl<G: Grammar> Constrained<G> {
    /// An empty text.
    pub fn new(grammar: G, order: Arc<TokenOrder>) -> Self {
        let state = Some(grammar.start());
        Self { grammar, order, state }
    }
}

impl<G: Grammar> Constraint for Constrained<G> {
    fn allow(&mut self, allowed: &mut TokenSet) {
        allowed.clear();
        let Some(state) = &self.state else { return };
        self.order.fill(&self.grammar, state, allowed);
        if self.grammar.may_end(state) {
            self.order.ends.iter().for_each(|&end| allowed.insert(end));
        }
    }

    fn may_end(&self) -> bool {
        self.state.as_ref().is_some_and(|state| self.grammar.may_end(state))
    }

    fn advance(&mut self, token: Token) -> Result<()> {
        let (state, bytes) = (self.state.take(), self.order.bytes(token));
        self.state = state.zip(bytes).and_then(|(state, bytes)| bytes.iter().try_fold(state, |state, &byte| self.grammar.step(&state, byte)));
        Ok(())
    }
}
