//! One sequence of tokens with its keys and values, in pages of which full ones may be shared.

use super::adapter::Adapter;
use super::kept::Stem;
use super::page::{PAGE_TOKENS, Page};
use super::pool::Pool;
use super::weights::Weights;
use crate::error::{Misuse, Result};
use crate::tokens::Token;
use mickai_kernels::attention::Chunk;
use std::sync::Arc;

/// Tokens whose keys and values lie in pages of a [`Pool`]. When it ends, its pages stay for sequences that begin as it did.
pub struct Sequence {
    pool: Pool,
    tokens: Vec<Token>,
    tokens_max: usize,
    adapter: Option<Arc<Adapter>>,
    /// Those of all tokens, and of tokens to come once a step begins. One that is written to is held by nobody else.
    pages: Vec<Arc<Page>>,
    /// `stems[i]` is what page i follows from, for every page that is full and kept, and for the one after them.
    stems: Vec<Stem>,
}

impl Sequence {
    /// Empty; its pages are promised.
    pub(super) fn new(pool: Pool, tokens_max: usize, adapter: Option<Arc<Adapter>>) -> Self {
        let root = Stem::root(adapter.as_ref().map(|adapter| adapter.digest()));
        Self { pool, tokens: Vec::new(), tokens_max, adapter, pages: Vec::new(), stems: vec![root] }
    }

    /// Whether it is a sequence of these weights.
    pub(super) fn is_of(&self, weights: &Arc<Weights>) -> bool {
        self.pool.is_of(weights)
    }

    /// All tokens, those that were found instead of computed among them.
    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// Tokens that it holds at most.
    pub fn tokens_max(&self) -> usize {
        self.tokens_max
    }

    /// What is added to its projections.
    pub fn adapter(&self) -> Option<&Arc<Adapter>> {
        self.adapter.as_ref()
    }

    /// Forgets all but the first `count` tokens; does nothing if there are no more.
    pub fn truncate(&mut self, count: usize) {
        self.tokens.truncate(count);
        self.stems.truncate(self.tokens.len() / PAGE_TOKENS + 1);
        self.release();
    }

    /// Another sequence of the same tokens, of at most `tokens_max`, which shares all pages until one of the two goes on inside the last.
    ///
    /// # Errors
    /// Those of [`Pool::open`].
    pub fn fork(&self, tokens_max: usize) -> Result<Self> {
        self.pool.promise(tokens_max)?;
        let mut fork = Self::new(self.pool.clone(), tokens_max, self.adapter.clone());
        fork.tokens.extend(self.tokens.iter().take(tokens_max));
        fork.pages.extend_from_slice(&self.pages[..Pool::pages_of(fork.tokens.len())]);
        fork.stems.extend_from_slice(&self.stems[1..self.stems.len().min(fork.tokens.len() / PAGE_TOKENS + 1)]);
        Ok(fork)
    }

    /// Takes kept pages that begin as `tokens` do; the sequence is empty.
    pub(super) fn recall(&mut self, tokens: &[Token]) {
        while let Some((page, count)) = self.pool.recall(self.stem(), &tokens[self.tokens.len()..]) {
            self.tokens.extend_from_slice(&tokens[self.tokens.len()..][..count]);
            self.pages.push(page);
            if count < PAGE_TOKENS {
                // It is not full, so it will be written to: of a page that stays kept, a copy.
                if !self.own_last() {
                    self.truncate(self.tokens.len() - count);
                }
                return;
            }
            self.grow_stems();
        }
    }

    /// Makes the places of `count` more tokens ready to be written.
    pub(super) fn reserve(&mut self, count: usize) -> Result<()> {
        let asked_tokens = self.tokens.len() + count;
        if asked_tokens > self.tokens_max {
            return Err(Misuse::PromptTooLong { prompt_tokens: asked_tokens, context_tokens_max: self.tokens_max }.into());
        }
        self.keep_full();
        if !self.tokens.len().is_multiple_of(PAGE_TOKENS) && !self.own_last() {
            return Err(self.pool.full(1).into());
        }
        while self.pages.len() < Pool::pages_of(asked_tokens) {
            self.pages.push(self.pool.take().ok_or_else(|| self.pool.full(1))?);
        }
        Ok(())
    }

    /// Stores the keys and values of the token at `position` in one layer. Its place was reserved.
    pub(super) fn put(&mut self, layer: usize, position: usize, keys: &[f32], values: &[f32]) {
        let shape = self.pool.shape();
        let Some(page) = self.pages.get_mut(position / PAGE_TOKENS).and_then(Arc::get_mut) else { unreachable!("position {position} was not reserved") };
        shape.put(page, layer, position % PAGE_TOKENS, keys, values);
    }

    /// One head's keys and values in page `index`.
    pub(super) fn chunk(&self, layer: usize, kv_head: usize, index: usize) -> Chunk<'_> {
        self.pool.shape().chunk(&self.pages[index], layer, kv_head)
    }

    /// Takes in the tokens whose places have been written.
    pub(super) fn extend(&mut self, tokens: &[Token]) {
        self.tokens.extend_from_slice(tokens);
    }

    /// What the next page to be kept follows from.
    fn stem(&self) -> Stem {
        let Some(stem) = self.stems.last() else { unreachable!("the root is never truncated") };
        *stem
    }

    /// Keeps the pages that have become full.
    fn keep_full(&mut self) {
        let (kept, full) = (self.stems.len() - 1, self.tokens.len() / PAGE_TOKENS);
        if kept < full {
            self.grow_stems();
            self.pool.keep(&self.stems[kept..full], &self.tokens[kept * PAGE_TOKENS..full * PAGE_TOKENS], &self.pages[kept..full]);
        }
    }

    fn grow_stems(&mut self) {
        while self.stems.len() <= self.tokens.len() / PAGE_TOKENS {
            let start = (self.stems.len() - 1) * PAGE_TOKENS;
            self.stems.push(self.stem().then(&self.tokens[start..][..PAGE_TOKENS]));
        }
    }

    /// Sees to it that nobody else holds the last page with tokens, which is to be written to. `false` if there is no room for a copy.
    fn own_last(&mut self) -> bool {
        let index = self.tokens.len() / PAGE_TOKENS;
        if Arc::get_mut(&mut self.pages[index]).is_some() {
            return true;
        }
        let Some(mut copy) = self.pool.take() else {
            // Where all room is held, the page itself serves, unless another sequence has it.
            self.pool.forget(&self.pages[index]);
            return Arc::get_mut(&mut self.pages[index]).is_some();
        };
        let Some(room) = Arc::get_mut(&mut copy) else { unreachable!("nobody else has a page that was just taken") };
        self.pool.shape().copy(&self.pages[index], room, self.tokens.len() % PAGE_TOKENS);
        self.pool.give(std::mem::replace(&mut self.pages[index], copy));
        true
    }

    /// Gives back the pages behind the last token.
    fn release(&mut self) {
        for page in self.pages.drain(Pool::pages_of(self.tokens.len())..).collect::<Vec<_>>() {
            self.pool.give(page);
        }
    }
}

impl Drop for Sequence {
    fn drop(&mut self) {
        self.release();
        self.grow_stems();
        self.pool.keep(&self.stems, &self.tokens, &self.pages);
        self.pool.close(std::mem::take(&mut self.pages), self.tokens_max);
    }
}
