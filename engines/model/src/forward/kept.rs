//! Pages that outlive their sequence, found again by what they follow from: the adapter and every token up to their end.

use super::page::Page;
use crate::digest::AdapterDigest;
use crate::tokens::Token;
use sha3::{Digest, Sha3_256};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The digest of everything before a page: the adapter, then all tokens. The weights are those of the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stem([u8; 32]);

impl Stem {
    /// Before the first page.
    pub(super) fn root(adapter: Option<AdapterDigest>) -> Self {
        Self(adapter.map_or([0; 32], |adapter| adapter.0))
    }

    /// Behind a page of these tokens.
    pub(super) fn then(&self, tokens: &[Token]) -> Self {
        let mut hash = Sha3_256::new_with_prefix(self.0);
        tokens.iter().for_each(|token| hash.update(token.0.to_le_bytes()));
        Self(hash.finalize().into())
    }
}

/// A page with the tokens of its positions, fewer than a page holds where its sequence ended inside.
struct KeptPage {
    tokens: Box<[Token]>,
    page: Arc<Page>,
    /// When it was last of use, later than the pages that follow it.
    used: u64,
}

/// All pages that are kept.
#[derive(Default)]
pub(super) struct Kept {
    by_stem: BTreeMap<Stem, Vec<KeptPage>>,
    clock: u64,
}

impl Kept {
    /// The page behind `stem` that begins as `tokens` do for longest, and for how many.
    pub(super) fn longest(&mut self, stem: Stem, tokens: &[Token]) -> Option<(Arc<Page>, usize)> {
        let common = |kept: &KeptPage| kept.tokens.iter().zip(tokens).take_while(|(a, b)| a == b).count();
        let (best, count) = self.by_stem.get(&stem)?.iter().map(|kept| (kept, common(kept))).max_by_key(|(_, count)| *count)?;
        (count > 0).then(|| (best.page.clone(), count))
    }

    /// Keeps a sequence's pages, the first behind `stems[0]` and so on, and marks those that are kept already as used now. Gives back what is of no more use.
    pub(super) fn keep(&mut self, stems: &[Stem], tokens: &[Token], pages: &[Arc<Page>], page_tokens: usize) -> Vec<Arc<Page>> {
        let mut spent = Vec::new();
        self.clock += pages.len() as u64 + 1;
        for (index, ((stem, tokens), page)) in stems.iter().zip(tokens.chunks(page_tokens)).zip(pages).enumerate() {
            let used = self.clock - index as u64;
            let siblings = self.by_stem.entry(*stem).or_default();
            match siblings.iter_mut().find(|kept| kept.tokens.starts_with(tokens)) {
                Some(kept) => kept.used = used,
                None => {
                    // A page whose tokens this one begins with is contained in it.
                    spent.extend(siblings.extract_if(.., |kept| tokens.starts_with(&kept.tokens)).map(|kept| kept.page));
                    siblings.push(KeptPage { tokens: tokens.into(), page: page.clone(), used });
                }
            }
        }
        spent
    }

    /// Lets go of the page that was of no use for longest, among those that no sequence holds.
    pub(super) fn evict(&mut self) -> Option<Arc<Page>> {
        let idle = self.by_stem.iter().flat_map(|(stem, siblings)| siblings.iter().enumerate().map(move |(index, kept)| (kept, *stem, index)));
        let (_, stem, index) = idle.filter(|(kept, ..)| Arc::strong_count(&kept.page) == 1).min_by_key(|(kept, ..)| kept.used)?;
        self.remove(stem, index)
    }

    /// Lets go of this page.
    pub(super) fn forget(&mut self, page: &Arc<Page>) -> Option<Arc<Page>> {
        let place = |(stem, siblings): (&Stem, &Vec<KeptPage>)| Some((*stem, siblings.iter().position(|kept| Arc::ptr_eq(&kept.page, page))?));
        let (stem, index) = self.by_stem.iter().find_map(place)?;
        self.remove(stem, index)
    }

    /// Pages kept, and how many of them no sequence holds.
    pub(super) fn counts(&self) -> (usize, usize) {
        let pages = || self.by_stem.values().flatten();
        (pages().count(), pages().filter(|kept| Arc::strong_count(&kept.page) == 1).count())
    }

    fn remove(&mut self, stem: Stem, index: usize) -> Option<Arc<Page>> {
        let siblings = self.by_stem.get_mut(&stem)?;
        let kept = siblings.swap_remove(index);
        if siblings.is_empty() {
            self.by_stem.remove(&stem);
        }
        Some(kept.page)
    }
}
