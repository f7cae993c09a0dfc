//! Writes a snapshot now and then, forgets older ones, and prunes the blocks that it makes unnecessary.

use super::file::{Snapshot, is_taken, keep, retain};
use crate::chain::Chain;
use crate::engines::Store;
use crate::error::NodeError;
use crate::light;
use crate::limits;
use crate::node::Keeping;
use commonware_consensus::types::Height as EngineHeight;
use commonware_runtime::{Clock, Storage};
use commonware_utils::channel::ring;
use mickai_ledger::Ledger;
use mickai_proof::pantheon::Height;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// The snapshots that peers may have: the newest, the one before, and any that somebody is in the middle of. Copies share them.
pub(crate) struct Shelf<B> {
    shown: Arc<Mutex<Vec<Shown<B>>>>,
}

/// How long after a peer read of it a snapshot stays where it is.
const READ_LATELY: Duration = Duration::from_secs(30);

/// Copies share the file.
pub(super) struct Shown<B> {
    pub(super) height: Height,
    pub(super) blob: Arc<B>,
    pub(super) byte_count: u64,
    /// When a peer read of it last.
    read: Option<SystemTime>,
}

impl<B> Clone for Shelf<B> {
    fn clone(&self) -> Self {
        Self { shown: self.shown.clone() }
    }
}

impl<B> Clone for Shown<B> {
    fn clone(&self) -> Self {
        Self { height: self.height, blob: self.blob.clone(), byte_count: self.byte_count, read: self.read }
    }
}

impl<B> Shelf<B> {
    pub(crate) fn new(snapshot: Option<&Snapshot<B>>) -> Self {
        let shown = snapshot.filter(|snapshot| snapshot.is_shown);
        let shown = shown.map(|snapshot| Shown { height: snapshot.ledger.height(), blob: snapshot.blob.clone(), byte_count: snapshot.byte_count, read: None });
        Self { shown: Arc::new(Mutex::new(shown.into_iter().collect())) }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Shown<B>>> {
        // The list is whole between any two steps.
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn newest(&self) -> Option<Shown<B>> {
        self.lock().last().cloned()
    }

    /// The one of this height, for a peer who reads of it now.
    pub(super) fn read(&self, height: Height, now: SystemTime) -> Option<Shown<B>> {
        let mut shown = self.lock();
        let found = shown.iter_mut().find(|shown| shown.height == height)?;
        found.read = Some(now);
        Some(found.clone())
    }

    fn heights(&self) -> Vec<Height> {
        self.lock().iter().map(|shown| shown.height).collect()
    }

    /// Puts a newer one there, and takes away what is neither among the newest nor read.
    fn put(&self, newer: Shown<B>, now: SystemTime) {
        let mut shown = self.lock();
        shown.push(newer);
        let old = shown.len().saturating_sub(limits::SNAPSHOTS_SHOWN);
        let is_read = |shown: &Shown<B>| shown.read.is_some_and(|read| now.duration_since(read).is_ok_and(|since| since < READ_LATELY));
        let (mut at, mut pinned) = (0, 0);
        shown.retain(|one| {
            at += 1;
            let stays = at > old || is_read(one) && pinned < limits::SNAPSHOTS_PINNED;
            pinned += usize::from(at <= old && stays);
            stays
        });
    }
}

/// The newest snapshot, shown or not.
#[derive(Clone, Copy)]
pub(crate) struct Newest {
    height: Height,
    /// When its block was proposed, ms since 1970.
    time_ms: u64,
    byte_count: u64,
}

impl Newest {
    pub(crate) fn of<B>(snapshot: &Snapshot<B>) -> Self {
        Self { height: snapshot.ledger.height(), time_ms: snapshot.ledger.time_ms(), byte_count: snapshot.byte_count }
    }

    /// Is one due with this block? By blocks and by time; a large one stays for as long as the slowest peer may take to fetch it.
    fn is_followed_by(self, ledger: &Ledger, keeping: &Keeping) -> bool {
        let fetched_ms = self.byte_count.saturating_mul(1_000) / limits::SNAPSHOT_BYTES_PER_SECOND_MIN;
        let from_ms = self.time_ms.saturating_add(keeping.snapshot_ms.max(fetched_ms));
        ledger.height().0 >= self.height.0.saturating_add(keeping.snapshot_blocks) && ledger.time_ms() >= from_ms
    }
}

/// Keeps one node's snapshots.
pub(crate) struct Keeper<E: Storage> {
    pub(crate) context: E,
    pub(crate) partition: String,
    pub(crate) chain: Arc<Chain>,
    pub(crate) store: Store,
    pub(crate) shelf: Shelf<E::Blob>,
    pub(crate) newest: Option<Newest>,
    pub(crate) keeping: Keeping,
}

impl<E: Clock + Storage> Keeper<E> {
    /// Takes the ledgers at the ends of epochs, until there are no more. What fails is said and tried again at the next one: a node can do without.
    pub(crate) async fn run(mut self, mut ends: ring::Receiver<Ledger>) {
        while let Some(ledger) = ends.recv().await {
            if self.newest.is_some_and(|newest| !newest.is_followed_by(&ledger, &self.keeping)) || ledger.height().0 < self.keeping.snapshot_blocks {
                continue;
            }
            if let Err(why) = self.keep(&ledger).await {
                tracing::warn!(height = ledger.height().0, %why, "no snapshot");
            }
        }
    }

    async fn keep(&mut self, ledger: &Ledger) -> Result<(), NodeError> {
        let height = ledger.height();
        let proof = light::prove(&self.chain, &self.store, ledger, &[]).await?.ok_or(NodeError::NoCertificate)?.encode();
        let (blob, byte_count) = keep(&self.context, &self.partition, &proof, ledger).await?;
        self.newest = Some(Newest { height, time_ms: ledger.time_ms(), byte_count });
        let is_shown = is_taken(&proof, byte_count);
        if is_shown {
            self.shelf.put(Shown { height, blob: Arc::new(blob), byte_count, read: None }, self.context.current());
        }
        let mut heights = self.shelf.heights();
        heights.push(height);
        retain(&self.context, &self.partition, &heights).await?;
        tracing::info!(height = height.0, byte_count, is_shown, "a snapshot was written");
        // What nobody can begin with is no reason to drop the blocks before it.
        if let Some(lowest) = self.keeping.kept_blocks.filter(|_| is_shown).and_then(|kept| height.0.checked_sub(kept)) {
            self.store.prune(EngineHeight::new(lowest));
            self.chain.forget(Height(lowest));
        }
        if !is_shown {
            tracing::warn!(
                height = height.0,
                byte_count,
                "the snapshot is larger than peers take, or validators changed more often than they follow: it is not shown, and nothing is pruned"
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(shelf: &Shelf<()>, height: u64, at_s: u64) -> Vec<u64> {
        shelf.put(Shown { height: Height(height), blob: Arc::new(()), byte_count: 1, read: None }, SystemTime::UNIX_EPOCH + Duration::from_secs(at_s));
        shelf.heights().iter().map(|height| height.0).collect()
    }

    #[test]
    fn what_is_read_stays_until_it_is_not() {
        let shelf: Shelf<()> = Shelf::new(None);
        assert_eq!((put(&shelf, 1, 0), put(&shelf, 2, 100), put(&shelf, 3, 200)), (vec![1], vec![1, 2], vec![2, 3]));
        assert!(shelf.read(Height(2), SystemTime::UNIX_EPOCH + Duration::from_secs(290)).is_some());
        assert_eq!(put(&shelf, 4, 300), [2, 3, 4]);
        assert!(shelf.read(Height(2), SystemTime::UNIX_EPOCH + Duration::from_secs(390)).is_some());
        assert_eq!((put(&shelf, 5, 400), put(&shelf, 6, 500)), (vec![2, 4, 5], vec![5, 6]));
        assert!(shelf.read(Height(2), SystemTime::UNIX_EPOCH).is_none());
    }
}
