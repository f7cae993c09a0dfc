//! What others on this machine may ask of a running node.

use crate::chain::Chain;
use crate::engines::Store;
use crate::error::NodeError;
use crate::identity::PublicKey;
use crate::index::Place;
use crate::light;
use crate::mempool::SubmitError;
use crate::sealed::Sealed;
use commonware_consensus::types::Height as EngineHeight;
use commonware_utils::channel::mpsc;
use mickai_ledger::Ledger;
use mickai_proof::digest::{BlockId, ChainId, TransactionId};
use mickai_proof::pantheon::{Address, Certificate, Evidence, GenesisHead, Height, LightProof, StateKey, Transaction};
use std::sync::Arc;

/// A running node. Copies are the same one; every method may be called from any thread and any async runtime.
#[derive(Clone)]
pub struct Handle {
    chain: Arc<Chain>,
    store: Store,
    submissions: mpsc::UnboundedSender<Arc<Transaction>>,
    key: PublicKey,
    metrics: Option<Metrics>,
}

/// Writes down what the engine counts.
type Metrics = Arc<dyn Fn() -> String + Send + Sync>;

/// How a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// The newest final block.
    pub height: Height,
    /// Its id.
    pub tip: BlockId,
    /// When it was proposed, ms since 1970.
    pub time_ms: u64,
    /// The epoch of the next block.
    pub epoch: u64,
    /// Who votes on it.
    pub validator_count: usize,
    /// Does this node? It may have a seat and yet not vote in an epoch ([`crate::voted`]).
    pub is_validator: bool,
    /// Transactions that wait here.
    pub waiting_count: usize,
    /// Their bytes.
    pub waiting_bytes: usize,
}

impl Handle {
    pub(crate) fn new(chain: Arc<Chain>, store: Store, submissions: mpsc::UnboundedSender<Arc<Transaction>>, key: PublicKey) -> Self {
        Self { chain, store, submissions, key, metrics: None }
    }

    pub(crate) fn with_metrics(self, metrics: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self { metrics: Some(Arc::new(metrics)), ..self }
    }

    /// Nobody waits for a block any longer.
    pub(crate) fn close(&self) {
        self.chain.stop();
    }

    /// What the engine and the network count, in Prometheus' text format; nothing in a simulation.
    pub fn metrics(&self) -> String {
        self.metrics.as_ref().map_or_else(String::new, |metrics| metrics())
    }

    /// Of which chain.
    pub fn chain(&self) -> ChainId {
        self.chain.id()
    }

    /// Where it begins.
    pub fn genesis(&self) -> &GenesisHead {
        self.chain.head()
    }

    /// The node's own key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The ledger after the newest final block; it shares everything with the node's.
    pub fn ledger(&self) -> Ledger {
        self.chain.newest()
    }

    /// How the node is.
    pub fn status(&self) -> Status {
        let ledger = self.ledger();
        let (waiting_count, waiting_bytes) = self.chain.mempool_size();
        Status {
            height: ledger.height(),
            tip: ledger.tip(),
            time_ms: ledger.time_ms(),
            epoch: self.chain.calendar().epoch(Height(ledger.height().0.saturating_add(1))),
            validator_count: ledger.validators().keys().len(),
            is_validator: ledger.validators().keys().contains(self.key.key()) && self.chain.signs(),
            waiting_count,
            waiting_bytes,
        }
    }

    /// Takes a transaction in and sends it to the peers; one that waits here is sent to them again, for whoever missed it.
    ///
    /// # Errors
    /// [`SubmitError`]: what the next block would say, or why it cannot wait.
    pub fn submit(&self, transaction: Transaction) -> Result<TransactionId, SubmitError> {
        let transaction = Arc::new(transaction);
        let taken = self.chain.submit(transaction.clone(), true);
        let sent = match &taken {
            Ok(_) => Some(transaction),
            // The one whose signature was verified, whatever stands under this one.
            Err(SubmitError::Known(id)) => self.chain.waiting(*id),
            Err(_) => None,
        };
        sent.into_iter().try_for_each(|transaction| self.submissions.send(transaction)).map_err(|_| SubmitError::Stopped)?;
        taken
    }

    /// A transaction that waits.
    pub fn waiting(&self, id: TransactionId) -> Option<Arc<Transaction>> {
        self.chain.waiting(id)
    }

    /// A final block; none for genesis, and where it was pruned.
    pub async fn block(&self, at: Height) -> Option<Sealed> {
        if at > self.ledger().height() {
            return None;
        }
        let block = self.store.get_block(EngineHeight::new(at.0)).await?;
        Some(block.inner().clone()).filter(|sealed| sealed.block().is_some())
    }

    /// A final block by its id.
    pub async fn block_by_id(&self, id: BlockId) -> Option<Sealed> {
        self.block(self.chain.height_of(id)?).await
    }

    /// Where a final transaction stands; none where its block was pruned.
    pub fn locate(&self, id: TransactionId) -> Option<Place> {
        self.chain.locate(id)
    }

    /// The final transactions that an account sent, or that gave it something, the newest first, as far as their blocks are kept.
    pub fn history(&self, of: Address, count_max: usize) -> Vec<Place> {
        self.history_from(of, 0, count_max)
    }

    /// The same without the `from` newest.
    pub fn history_from(&self, of: Address, from: usize, count_max: usize) -> Vec<Place> {
        self.chain.history(of, from, count_max)
    }

    /// The lowest final block from this height on that is kept; none where only genesis, or what a snapshot stands on, lies there.
    pub fn kept_from(&self, at: Height) -> Option<Height> {
        self.chain.kept_from(at)
    }

    /// Validators that voted twice, with what shows it, since the node started.
    pub fn evidence(&self) -> Vec<Evidence> {
        self.chain.evidence()
    }

    /// Waits for a final block above `above`; `None` where the node has stopped.
    pub async fn wait(&self, above: Height) -> Option<Height> {
        loop {
            match self.chain.watch(above) {
                Ok(height) => return Some(height),
                Err(signal) => signal.await.ok()?,
            };
        }
    }

    /// That a block is final; not for every block there is one: a later one's says it too.
    pub async fn certificate(&self, at: Height) -> Option<Certificate> {
        light::certificate(&self.store, at).await
    }

    /// How often validators changed before the newest final block: its light proof passes through every change of them. Whoever makes one for others asks this first, and then [`Self::light_bytes`].
    pub fn change_count(&self) -> usize {
        self.chain.turn_count()
    }

    /// Bytes of those changes in the light proof that [`Self::light`] would give now, nearly: what stands around them is not counted. Nothing is copied for it.
    ///
    /// # Errors
    /// As [`Self::light`].
    pub async fn light_bytes(&self) -> Result<usize, NodeError> {
        for ledger in self.chain.finals().into_iter().filter(|ledger| ledger.height().0 > 0) {
            if let Some(byte_count) = light::byte_count(&self.chain, &self.store, &ledger).await? {
                return Ok(byte_count);
            }
        }
        Err(NodeError::NoCertificate)
    }

    /// Shows entries of the state, from genesis on, by the newest final block that has a certificate here, however many bytes that takes.
    ///
    /// # Errors
    /// [`NodeError::NoCertificate`] in the first moments of a node; [`NodeError::Missing`] where blocks at which validators changed were pruned.
    pub async fn light(&self, keys: &[StateKey]) -> Result<LightProof, NodeError> {
        for ledger in self.chain.finals().into_iter().filter(|ledger| ledger.height().0 > 0) {
            if let Some(proof) = light::prove(&self.chain, &self.store, &ledger, keys).await? {
                return Ok(proof);
            }
        }
        Err(NodeError::NoCertificate)
    }
}
