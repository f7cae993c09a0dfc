//! Writes a snapshot now and then, forgets the one before, and prunes the blocks that it makes unnecessary.

use super::file::{Snapshot, create, remove_below, write};
use crate::chain::Chain;
use crate::engines::Store;
use crate::error::NodeError;
use crate::light;
use commonware_consensus::types::Height as EngineHeight;
use commonware_runtime::Storage;
use commonware_utils::channel::mpsc;
use mickai_ledger::Ledger;
use mickai_proof::pantheon::Height;
use std::sync::{Arc, Mutex, PoisonError};

/// The snapshots that peers may have: the newest, and the one before, which somebody may be in the middle of.
pub(crate) struct Shelf<B> {
    shown: Arc<Mutex<Vec<Shown<B>>>>,
}

/// How many there are at most.
const SHOWN_MAX: usize = 2;

/// Copies share the file.
pub(super) struct Shown<B> {
    pub(super) height: Height,
    pub(super) blob: Arc<B>,
    pub(super) byte_count: u64,
}

impl<B> Clone for Shelf<B> {
    fn clone(&self) -> Self {
        Self { shown: self.shown.clone() }
    }
}

impl<B> Clone for Shown<B> {
    fn clone(&self) -> Self {
        Self { height: self.height, blob: self.blob.clone(), byte_count: self.byte_count }
    }
}

impl<B> Shelf<B> {
    pub(crate) fn new(snapshot: Option<&Snapshot<B>>) -> Self {
        let shown = snapshot.map(|snapshot| Shown { height: snapshot.ledger.height(), blob: snapshot.blob.clone(), byte_count: snapshot.byte_count });
        Self { shown: Arc::new(Mutex::new(shown.into_iter().collect())) }
    }

    pub(super) fn newest(&self) -> Option<Shown<B>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).last().cloned()
    }

    pub(super) fn at(&self, height: Height) -> Option<Shown<B>> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).iter().find(|shown| shown.height == height).cloned()
    }

    /// Puts a newer one there; gives the lowest height that is still shown.
    fn put(&self, newer: Shown<B>) -> Height {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = newer.height;
        shown.push(newer);
        if shown.len() > SHOWN_MAX {
            shown.remove(0);
        }
        shown.first().map_or(newest, |oldest| oldest.height)
    }
}

/// Keeps one node's snapshots.
pub(crate) struct Keeper<E: Storage> {
    pub(crate) context: E,
    pub(crate) partition: String,
    pub(crate) chain: Arc<Chain>,
    pub(crate) store: Store,
    pub(crate) shelf: Shelf<E::Blob>,
    /// Blocks between two snapshots, at least.
    pub(crate) every_blocks: u64,
    /// How many blocks before a snapshot are kept; all of them where there is no number.
    pub(crate) kept_blocks: Option<u64>,
}

impl<E: Storage> Keeper<E> {
    /// Takes the ledgers at the ends of epochs, until there are no more. What fails is said and tried again at the next one: a node can do without.
    pub(crate) async fn run(self, mut ends: mpsc::UnboundedReceiver<Ledger>) {
        while let Some(mut ledger) = ends.recv().await {
            while let Ok(later) = ends.try_recv() {
                ledger = later;
            }
            let last = self.shelf.newest().map_or(Height(0), |shown| shown.height);
            if ledger.height().0 < last.0.saturating_add(self.every_blocks) {
                continue;
            }
            if let Err(why) = self.keep(&ledger).await {
                tracing::warn!(height = ledger.height().0, %why, "no snapshot");
            }
        }
    }

    async fn keep(&self, ledger: &Ledger) -> Result<(), NodeError> {
        let height = ledger.height();
        let proof = light::prove(&self.chain, &self.store, ledger, &[]).await?.ok_or(NodeError::NoCertificate)?;
        let blob = create(&self.context, &self.partition, height).await?;
        let byte_count = write(&blob, &proof, ledger).await?;
        let oldest = self.shelf.put(Shown { height, blob: Arc::new(blob), byte_count });
        remove_below(&self.context, &self.partition, oldest).await?;
        tracing::info!(height = height.0, byte_count, "a snapshot was written");
        if let Some(lowest) = self.kept_blocks.and_then(|kept| height.0.checked_sub(kept)) {
            self.store.prune(EngineHeight::new(lowest));
            self.chain.forget(Height(lowest));
        }
        Ok(())
    }
}
