//! What the engine asks of a validator: a block to propose, and whether another's block may be voted for.

use crate::chain::Chain;
use crate::first::first;
use crate::identity::PublicKey;
use crate::limits;
use crate::node::now_ms;
use crate::scheme::Scheme;
use crate::sealed::Sealed;
use crate::votes;
use commonware_consensus::Application as EngineApplication;
use commonware_consensus::marshal::ancestry::Ancestry;
use commonware_consensus::simplex::types::Context;
use commonware_cryptography::sha256::Digest;
use commonware_cryptography::{Digested, Digestible};
use commonware_parallel::Strategy;
use commonware_runtime::Clock;
use futures::StreamExt;
use futures::future::pending;
use mickai_ledger::{Ledger, Slot};
use mickai_proof::pantheon::{Address, Header};
use std::sync::Arc;
use std::time::Duration;

/// Proposes and judges by the chain. Copies share it.
#[derive(Clone)]
pub(crate) struct Application<T> {
    pub(crate) chain: Arc<Chain>,
    pub(crate) strategy: T,
    /// How long a proposer waits for a first transaction before it proposes an empty block.
    pub(crate) idle: Duration,
    /// What its clock is off by.
    pub(crate) clock_ahead_ms: i64,
}

type Slots = Context<Digest, PublicKey>;

impl<T: Strategy> Application<T> {
    /// The ledger after the newest block of `ancestry`: known, or executed now from the newest one that is. `None` where the engine's store ends before.
    async fn ledger_after(&self, mut ancestry: impl Ancestry<Sealed>) -> Option<Ledger> {
        let mut path = Vec::new();
        let mut ledger = loop {
            let block = ancestry.next().await?;
            if let Some(ledger) = self.chain.after(block.inner().id()) {
                break ledger;
            }
            path.push(block);
        };
        while let Some(block) = path.pop() {
            ledger = self.execute(ledger, block).await?;
        }
        Some(ledger)
    }

    /// On the strategy's threads, where it has some.
    async fn execute(&self, parent: Ledger, block: Digested<Sealed>) -> Option<Ledger> {
        let chain = self.chain.clone();
        let size = block.inner().block().map_or(0, |block| block.transactions.len());
        let work = move |strategy: T| match chain.execute(&parent, block.inner(), &strategy) {
            Ok(ledger) => Some(ledger),
            Err(why) => {
                tracing::warn!(block = ?block.inner(), %why, "a block is refused");
                None
            }
        };
        self.strategy.spawn(size, work).await
    }

    /// Waits until there is something to propose, but no longer than `idle`.
    async fn work(&self, clock: &impl Clock, parent: &Ledger) {
        let Some(signal) = self.chain.work(parent) else { return };
        first(signal, clock.sleep(self.idle)).await;
    }

    /// Until the header's time is no more than a second ahead of this node's clock.
    async fn wait_for(&self, clock: &impl Clock, header: &Header) {
        let latest = now_ms(clock, self.clock_ahead_ms).saturating_add(limits::AHEAD_MS_MAX);
        if let Some(early) = header.time_ms.checked_sub(latest) {
            clock.sleep(Duration::from_millis(early)).await;
        }
    }
}

impl<E: Clock, T: Strategy> EngineApplication<E> for Application<T> {
    type SigningScheme = Scheme;
    type Context = Slots;
    type Block = Sealed;
    type Input = ();

    async fn propose(&mut self, (clock, context): (E, Slots), ancestry: impl Ancestry<Sealed>, (): ()) -> Option<Digested<Sealed>> {
        let parent = self.ledger_after(ancestry).await?;
        self.work(&clock, &parent).await;
        let proposer = account_of(&parent, &context.leader)?;
        let slot = Slot { view: context.round.view().get(), time_ms: now_ms(&clock, self.clock_ahead_ms), proposer };
        let (chain, size) = (self.chain.clone(), self.chain.mempool_size().0);
        let sealed = self.strategy.spawn(size, move |_| chain.assemble(&parent, slot)).await;
        match sealed {
            Ok(sealed) => {
                let digest = sealed.digest();
                Some(Digested::precomputed(sealed, digest))
            }
            Err(why) => {
                tracing::error!(%why, "no block can be made");
                None
            }
        }
    }

    /// False only for what will be false for ever; a block whose time has not come, or whose ancestors are not here, waits.
    async fn verify(&mut self, (clock, context): (E, Slots), mut ancestry: impl Ancestry<Sealed>) -> bool {
        let Some(sealed) = ancestry.next().await else { return pending().await };
        let Some(header) = sealed.inner().block().map(|block| block.header.clone()) else { return false };
        let round = votes::round(context.round);
        if header.epoch != round.epoch || header.view != round.view {
            return false;
        }
        let Some(parent) = self.ledger_after(ancestry).await else { return pending().await };
        if account_of(&parent, &context.leader) != Some(header.proposer) {
            return false;
        }
        self.wait_for(&clock, &header).await;
        self.execute(parent, sealed).await.is_some()
    }
}

/// The account that has the seat of this key on the next block.
fn account_of(parent: &Ledger, leader: &PublicKey) -> Option<Address> {
    parent.state().seats().iter().find(|seat| seat.key == *leader.key()).map(|seat| seat.account)
}
