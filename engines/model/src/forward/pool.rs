//! The pages of all sequences of one model: bounded in bytes, promised before a sequence begins, kept after it ends for the next that begins alike.

use super::adapter::Adapter;
use super::kept::{Kept, Stem};
use super::page::{PAGE_TOKENS, Page, PageShape};
use super::sequence::Sequence;
use super::weights::Weights;
use crate::error::{Misuse, Result};
use crate::tokens::Token;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A handle on the pages of one model's sequences; clones are the same pool.
///
/// A page that no sequence needs any more stays with what is in it: a sequence that begins with the same tokens shares it instead of computing it again. Where room is wanted, the one
/// that was of no use for longest goes. Whether a page was computed or found changes no bit.
#[derive(Clone)]
pub struct Pool {
    inside: Arc<Inside>,
}

struct Inside {
    shape: PageShape,
    page_count_max: usize,
    weights: Arc<Weights>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Pages that exist, wherever they are.
    page_count: usize,
    /// Pages that open sequences may yet ask for or have.
    promised_count: usize,
    free: Vec<Page>,
    kept: Kept,
}

/// What a pool holds at the moment, in pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolUse {
    /// At most so many.
    pub page_count_max: usize,
    /// Promised to open sequences.
    pub promised_count: usize,
    /// Kept for sequences to come, those among them that an open one shares included.
    pub kept_count: usize,
    /// Held by open sequences, one that several share counted once.
    pub held_count: usize,
}

impl Pool {
    /// As many pages as `byte_count_max` has room for. They are taken from the system when they are first needed.
    pub fn new(weights: &Arc<Weights>, byte_count_max: usize) -> Self {
        Self::of_pages(weights, Self::pages_within(weights, byte_count_max))
    }

    pub(crate) fn of_pages(weights: &Arc<Weights>, page_count_max: usize) -> Self {
        let (shape, weights) = (PageShape::new(weights.config()), weights.clone());
        Self { inside: Arc::new(Inside { shape, page_count_max, weights, state: Mutex::default() }) }
    }

    /// A sequence of at most `tokens_max` tokens that holds the longest beginning of `prompt` which is at hand, but never its last token: that one's logits are wanted, so it is fed always.
    ///
    /// # Errors
    /// [`Misuse::ContextTooLong`] if the model was not made for so many; [`Misuse::CacheFull`] if as many pages are not to be had beside those that are promised.
    pub fn open(&self, prompt: &[Token], tokens_max: usize) -> Result<Sequence> {
        self.open_with(None, prompt, tokens_max)
    }

    /// As [`Pool::open`], with an adapter on all its tokens. What was computed with another adapter, or with none, is not found.
    ///
    /// # Errors
    /// As there, and [`Misuse::AdapterForeign`] if the adapter was made for models of another shape.
    pub fn open_with(&self, adapter: Option<Arc<Adapter>>, prompt: &[Token], tokens_max: usize) -> Result<Sequence> {
        if adapter.as_ref().is_some_and(|adapter| !adapter.fits(self.inside.weights.config())) {
            return Err(Misuse::AdapterForeign.into());
        }
        self.promise(tokens_max)?;
        if let Some(adapter) = &adapter {
            adapter.prepare();
        }
        let mut sequence = Sequence::new(self.clone(), tokens_max, adapter);
        sequence.recall(prompt.get(..prompt.len().min(tokens_max).saturating_sub(1)).unwrap_or(&[]));
        Ok(sequence)
    }

    /// Bytes of one page.
    pub fn page_byte_count(&self) -> usize {
        self.inside.shape.byte_count()
    }

    /// Pages that a sequence of so many tokens needs.
    pub fn pages_of(tokens: usize) -> usize {
        tokens.div_ceil(PAGE_TOKENS)
    }

    /// Pages that so many bytes have room for.
    pub fn pages_within(weights: &Weights, byte_count_max: usize) -> usize {
        byte_count_max / PageShape::new(weights.config()).byte_count()
    }

    /// Bytes of the pages that a sequence of so many tokens needs.
    pub fn bytes_of(weights: &Weights, tokens: usize) -> usize {
        Self::pages_of(tokens).saturating_mul(PageShape::new(weights.config()).byte_count())
    }

    /// Pages that it holds at most.
    pub fn page_count_max(&self) -> usize {
        self.inside.page_count_max
    }

    /// Pages that nobody is promised.
    pub fn free_count(&self) -> usize {
        self.inside.page_count_max - self.state().promised_count
    }

    /// What it holds now; looks at every page.
    pub fn usage(&self) -> PoolUse {
        let state = self.state();
        let (kept_count, idle_count) = state.kept.counts();
        let held_count = state.page_count - state.free.len() - idle_count;
        PoolUse { page_count_max: self.inside.page_count_max, promised_count: state.promised_count, kept_count, held_count }
    }

    /// Bytes of all pages that exist.
    pub fn byte_count(&self) -> usize {
        self.state().page_count * self.page_byte_count()
    }

    /// Whether its pages are of these weights.
    pub(super) fn is_of(&self, weights: &Arc<Weights>) -> bool {
        Arc::ptr_eq(&self.inside.weights, weights)
    }

    pub(super) fn shape(&self) -> PageShape {
        self.inside.shape
    }

    /// Promises the pages of a sequence.
    pub(super) fn promise(&self, tokens_max: usize) -> Result<()> {
        let (page_count_max, context_tokens_max) = (self.inside.page_count_max, self.inside.weights.config().context_tokens_max);
        if tokens_max > context_tokens_max {
            return Err(Misuse::ContextTooLong { asked_tokens: tokens_max, context_tokens_max }.into());
        }
        let (mut state, asked_pages) = (self.state(), Self::pages_of(tokens_max));
        if asked_pages > page_count_max - state.promised_count {
            drop(state);
            return Err(self.full(asked_pages).into());
        }
        state.promised_count += asked_pages;
        Ok(())
    }

    /// That so many pages are not to be had.
    pub(super) fn full(&self, asked_pages: usize) -> Misuse {
        Misuse::CacheFull { asked_pages, promised_pages: self.state().promised_count, page_count_max: self.inside.page_count_max }
    }

    /// An empty page, whatever is in it. `None` if all that may exist are held: a sequence that keeps within its promise never sees that, but for a copy of a page that is kept.
    pub(super) fn take(&self) -> Option<Arc<Page>> {
        let mut state = self.state();
        if let Some(page) = state.free.pop() {
            return Some(Arc::new(page));
        }
        if state.page_count < self.inside.page_count_max {
            state.page_count += 1;
            drop(state);
            return Some(Arc::new(self.inside.shape.page()));
        }
        // Nobody but `kept` held it, so it is as good as new.
        state.kept.evict()
    }

    /// Gives a page back; it is free once nobody holds it.
    pub(super) fn give(&self, page: Arc<Page>) {
        self.state().give(page);
    }

    /// The kept page behind `stem` that begins as `tokens` do for longest, and for how many.
    pub(super) fn recall(&self, stem: Stem, tokens: &[Token]) -> Option<(Arc<Page>, usize)> {
        self.state().kept.longest(stem, tokens)
    }

    /// Keeps pages for sequences that begin as this one does.
    pub(super) fn keep(&self, stems: &[Stem], tokens: &[Token], pages: &[Arc<Page>]) {
        let mut state = self.state();
        let spent = state.kept.keep(stems, tokens, pages, PAGE_TOKENS);
        spent.into_iter().for_each(|page| state.give(page));
    }

    /// Keeps this page no longer.
    pub(super) fn forget(&self, page: &Arc<Page>) {
        let mut state = self.state();
        if let Some(page) = state.kept.forget(page) {
            state.give(page);
        }
    }

    /// A sequence is over.
    pub(super) fn close(&self, pages: Vec<Arc<Page>>, tokens_max: usize) {
        let mut state = self.state();
        pages.into_iter().for_each(|page| state.give(page));
        state.promised_count -= Self::pages_of(tokens_max);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No step between two lines leaves a state that the next one could not go on from.
        self.inside.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn give(&mut self, page: Arc<Page>) {
        self.free.extend(Arc::into_inner(page));
    }
}
