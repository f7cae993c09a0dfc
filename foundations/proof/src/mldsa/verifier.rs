//! The verifier that answers for its verdicts: in lanes first, and by the library again wherever it matters.

use super::batch::{Item, verify_many};
use super::isa::Isa;
use super::keccak::SHAKE256_RATE;
use super::key::ExpandedKey;
use super::sponge::Sponge;
use crate::crew::Crew;
use crate::key::PublicKey;
use crate::signature;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Items of one part: as many as the bits of a word, which is how a part reports.
const PART_ITEMS: usize = 64;

/// With fewer items than this the library alone is faster than expanding the key and filling the lanes.
const LANE_ITEMS_MIN: usize = 4;

/// One acceptance in this many is repeated by the library.
const RECHECK_ONE_IN: u32 = 1_000;

/// Decides which acceptances the library repeats. Fresh randomness keeps those who made the signatures from knowing; any value gives the same verdicts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RecheckSeed(pub [u8; 32]);

/// Verifies signatures under one key.
///
/// Every rejection, and a seeded 1 in 1,000 of the acceptances, is repeated by the library ([`signature::verify`]), whose word is final; [`Verifier::disagreements`] counts where
/// it was another.
pub struct Verifier {
    key: PublicKey,
    /// Made when the first batch is large enough to need it.
    expanded: Option<Box<ExpandedKey>>,
    isa: Isa,
    crew: Arc<dyn Crew>,
    seed: RecheckSeed,
    /// Batches so far: tells the samples of one batch from those of the next.
    batch_count: u64,
    rechecks: u64,
    disagreements: u64,
}

impl Verifier {
    /// A verifier for signatures by `key`, on the instructions `isa`, with the hands of `crew`.
    pub fn new(key: PublicKey, isa: Isa, crew: Arc<dyn Crew>, seed: RecheckSeed) -> Self {
        Self { key, expanded: None, isa, crew, seed, batch_count: 0, rechecks: 0, disagreements: 0 }
    }

    /// The key under which this verifies.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// For each item: does its signature cover its message (pure ML-DSA-65, empty context string)? Equal with every path, crew and seed.
    pub fn verify_all(&mut self, items: &[Item<'_>]) -> Vec<bool> {
        if items.len() < LANE_ITEMS_MIN {
            return items.iter().map(|item| by_library(&self.key, item)).collect();
        }
        let expanded: &ExpandedKey = self.expanded.get_or_insert_with(|| Box::new(ExpandedKey::new(&self.key)));
        let (isa, seed, batch, key) = (self.isa, self.seed, self.batch_count, &self.key);
        self.batch_count += 1;
        let parts: Vec<&[Item<'_>]> = items.chunks(PART_ITEMS).collect();
        let reports: Vec<Report> = parts.iter().map(|_| Report::default()).collect();
        let verify_part = |part: usize| {
            let (Some(items), Some(report)) = (parts.get(part), reports.get(part)) else { return };
            let fast = verify_many(expanded, isa, items);
            report.write(&judge(&fast, &sampled(seed, batch, part, items.len()), &mut |at| by_library(key, &items[at])));
        };
        self.crew.run(parts.len(), &verify_part);
        // A crew that forgot a part must not turn its items into rejections.
        (0..parts.len()).filter(|part| !reports[*part].is_written()).for_each(verify_part);
        let mut verdicts = Vec::with_capacity(items.len());
        for (items, report) in parts.iter().zip(&reports) {
            let judged = report.read();
            self.rechecks += u64::from(judged.rechecked.count_ones());
            self.disagreements += u64::from(judged.overruled.count_ones());
            verdicts.extend((0..items.len()).map(|at| judged.accepted >> at & 1 == 1));
        }
        verdicts
    }

    /// How many verdicts the library was asked to repeat.
    pub fn rechecks(&self) -> u64 {
        self.rechecks
    }

    /// How many verdicts the library overruled: anything but zero is a fault of this module or of the library, and worth reporting.
    pub fn disagreements(&self) -> u64 {
        self.disagreements
    }
}

/// What became of one part's items, a bit for each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Judged {
    pub(super) accepted: u64,
    pub(super) rechecked: u64,
    pub(super) overruled: u64,
}

/// Takes `fast`'s word for an acceptance that is not sampled, and the library's for everything else.
pub(super) fn judge(fast: &[bool], sampled: &[bool], library: &mut dyn FnMut(usize) -> bool) -> Judged {
    let mut judged = Judged::default();
    for (at, (is_accepted, is_sampled)) in fast.iter().zip(sampled).enumerate() {
        let bit = 1 << at;
        let mut is_accepted = *is_accepted;
        if !is_accepted || *is_sampled {
            let library_accepts = library(at);
            judged.rechecked |= bit;
            judged.overruled |= if library_accepts == is_accepted { 0 } else { bit };
            is_accepted = library_accepts;
        }
        judged.accepted |= if is_accepted { bit } else { 0 };
    }
    judged
}

/// Which items of a part are sampled: from SHAKE256(seed ‖ batch ‖ part), four bytes an item, so that the choice depends on nothing else.
pub(super) fn sampled(seed: RecheckSeed, batch: u64, part: usize, count: usize) -> Vec<bool> {
    let input = [&seed.0[..], &batch.to_be_bytes(), &(part as u64).to_be_bytes()].concat();
    let mut sponge = Sponge::new(input, SHAKE256_RATE);
    let mut out = Vec::with_capacity(count + SHAKE256_RATE / 4);
    while out.len() < count {
        let block = sponge.next_block();
        out.extend(block.as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes) < u32::MAX / RECHECK_ONE_IN));
    }
    out.truncate(count);
    out
}

fn by_library(key: &PublicKey, item: &Item<'_>) -> bool {
    signature::verify(key, item.message, item.signature)
}

/// Where a part leaves what it found, whoever runs it, and however often.
#[derive(Default)]
struct Report {
    accepted: AtomicU64,
    rechecked: AtomicU64,
    overruled: AtomicU64,
    is_written: AtomicBool,
}

impl Report {
    fn write(&self, judged: &Judged) {
        self.accepted.store(judged.accepted, Ordering::Relaxed);
        self.rechecked.store(judged.rechecked, Ordering::Relaxed);
        self.overruled.store(judged.overruled, Ordering::Relaxed);
        // After the three, for whoever sees it.
        self.is_written.store(true, Ordering::Release);
    }

    fn is_written(&self) -> bool {
        self.is_written.load(Ordering::Acquire)
    }

    fn read(&self) -> Judged {
        let load = |bits: &AtomicU64| bits.load(Ordering::Relaxed);
        Judged { accepted: load(&self.accepted), rechecked: load(&self.rechecked), overruled: load(&self.overruled) }
    }
}
