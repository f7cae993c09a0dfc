//! One consensus engine for each epoch: started when its voters are known, ended when the next begins.

use crate::application::Application;
use crate::archive;
use crate::calendar::Calendar;
use crate::chain::Chain;
use crate::door::Taken;
use crate::error::NodeError;
use crate::first::first;
use crate::identity::{PrivateKey, PublicKey};
use crate::limits;
use crate::node::{Timing, now_ms};
use crate::roster::Roster;
use crate::scheme::Scheme;
use crate::sealed::Sealed;
use crate::voted::{Entrance, Voted};
use crate::votes;
use commonware_actor::Feedback;
use commonware_consensus::Reporter;
use commonware_consensus::marshal::core::Mailbox;
use commonware_consensus::marshal::standard::{Inline, Standard};
use commonware_consensus::simplex::elector::RoundRobin;
use commonware_consensus::simplex::types::Activity;
use commonware_consensus::simplex::{Config, Engine, Floor, ForwardPolicy, SkipBudget, SkipPolicy};
use commonware_consensus::types::{Epoch, Height as EngineHeight};
use commonware_cryptography::Sha256;
use commonware_cryptography::sha256::Digest;
use commonware_p2p::utils::mux::{Builder, MuxHandle, Muxer};
use commonware_p2p::{Blocker, Message, Receiver, Sender};
use commonware_parallel::Strategy;
use commonware_runtime::buffer::paged::CacheRef;
use commonware_runtime::{Clock, Handle, Metrics, Spawner, Storage};
use commonware_utils::NZUsize;
use commonware_utils::channel::mpsc;
use commonware_utils::vec::NonEmptyVec;
use futures::future::{Either, pending};
use mickai_proof::digest::BlockId;
use rand_core::CryptoRng;
use std::sync::Arc;

pub(crate) type Store = Mailbox<Scheme, Standard<Sealed>>;

/// The three channels that an epoch's engine has a part of.
pub(crate) struct Lines<S, R> {
    pub(crate) votes: (S, R),
    pub(crate) certificates: (S, R),
    pub(crate) resolver: (S, R),
}

/// What every epoch's engine is made of.
pub(crate) struct Engines<E, B, T> {
    pub(crate) context: E,
    pub(crate) chain: Arc<Chain>,
    pub(crate) roster: Roster,
    /// Signs, in the epochs in which it may.
    pub(crate) key: PrivateKey,
    pub(crate) voted: Voted<E>,
    pub(crate) store: Store,
    pub(crate) application: Application<T>,
    pub(crate) blocker: B,
    pub(crate) timing: Timing,
    pub(crate) cache: CacheRef,
}

struct Muxes<S: Sender> {
    votes: MuxHandle<S>,
    certificates: MuxHandle<S>,
    resolver: MuxHandle<S>,
}

impl<E, B, T> Engines<E, B, T>
where
    E: Clock + CryptoRng + Spawner + Storage + Metrics,
    B: Blocker<PublicKey = PublicKey> + Sync,
    T: Strategy,
{
    /// Enters the newest epoch that `begin` and `epochs` name, again and again; one that is past by then is not entered.
    ///
    /// # Errors
    /// [`NodeError::PartEnded`] where the network or an engine ended; those of [`Voted::enter`].
    pub(crate) async fn run<S, R>(mut self, lines: Lines<S, R>, begin: u64, mut epochs: mpsc::UnboundedReceiver<u64>) -> Result<(), NodeError>
    where
        S: Sender<PublicKey = PublicKey>,
        R: Receiver<PublicKey = PublicKey>,
    {
        let (mux, votes, mut strangers) = Muxer::builder(self.context.child("mux_votes"), lines.votes.0, lines.votes.1).with_backup().build();
        mux.start();
        let (mux, certificates) = Muxer::new(self.context.child("mux_certificates"), lines.certificates.0, lines.certificates.1);
        mux.start();
        let (mux, resolver) = Muxer::new(self.context.child("mux_resolver"), lines.resolver.0, lines.resolver.1);
        mux.start();
        let mut muxes = Muxes { votes, certificates, resolver };
        let mut current = newest(begin, &mut epochs);
        let mut engine = self.enter(current, &mut muxes).await?;
        loop {
            match first(first(epochs.recv(), strangers.recv()), ended(&mut engine)).await {
                Either::Left(Either::Left(Some(next))) => {
                    let next = newest(next, &mut epochs);
                    if next > current {
                        if let Some(engine) = engine.take() {
                            engine.abort();
                        }
                        current = next;
                        engine = self.enter(next, &mut muxes).await?;
                    }
                }
                Either::Left(Either::Right(Some((epoch, message)))) => self.hear(current, epoch, message),
                // What hands in the epochs has ended, and says itself why.
                Either::Left(Either::Left(None)) => pending().await,
                Either::Left(Either::Right(None)) => return Err(NodeError::PartEnded("network")),
                Either::Right(()) => return Err(NodeError::PartEnded("engine")),
            }
        }
    }

    /// A vote of an epoch that has not begun here: its sender can show that this one has ended.
    fn hear(&self, current: u64, epoch: u64, (peer, _): Message<PublicKey>) {
        if epoch > current
            && let Some(last) = self.chain.calendar().last_height(current)
        {
            self.store.hint_finalized(EngineHeight::new(last.0), NonEmptyVec::new(peer));
        }
    }

    /// Starts an epoch's engine; `None` where the chain here has gone on meanwhile: then another epoch is named.
    async fn enter<S: Sender<PublicKey = PublicKey>>(&mut self, epoch: u64, muxes: &mut Muxes<S>) -> Result<Option<Handle<()>>, NodeError> {
        let (Some(scheme), Some(base)) = (self.roster.get(epoch), self.chain.base(epoch)) else {
            return if self.chain.epoch() > epoch { Ok(None) } else { Err(NodeError::EpochUnknown(epoch)) };
        };
        let base_ms = if self.is_behind() { None } else { Some(base.time_ms) };
        let Entrance { may_sign, journal } = self.voted.enter(epoch, base_ms).await?;
        let scheme = match scheme.signing(self.key.clone()) {
            Some(signer) if may_sign => signer,
            Some(_) => {
                tracing::warn!(epoch, "this node has a seat and does not vote in this epoch: it may have voted in it before, and does not have what it said");
                (*scheme).clone()
            }
            None => (*scheme).clone(),
        };
        self.chain.set_signs(may_sign);
        // Each epoch has another number: nobody else has registered it.
        let closed = |_| NodeError::PartEnded("network");
        let taken = |(sender, receiver)| (sender, Taken(receiver));
        let votes = muxes.votes.register(epoch).await.map(taken).map_err(closed)?;
        let certificates = muxes.certificates.register(epoch).await.map(taken).map_err(closed)?;
        let resolver = muxes.resolver.register(epoch).await.map(taken).map_err(closed)?;
        tracing::info!(epoch, "an epoch begins");
        let config = self.config(epoch, scheme, base.block, journal);
        let context = self.context.child("engine").with_attribute("epoch", epoch);
        Ok(Some(Engine::new(context, config).start(votes, certificates, resolver)))
    }

    /// Is this node's clock behind what a quorum let the newest block say? Genesis says what somebody chose.
    fn is_behind(&self) -> bool {
        let (newest, now_ms) = (self.chain.newest(), now_ms(&self.context, self.timing.clock_ahead_ms));
        let is_behind = newest.height().0 > 0 && newest.time_ms() > now_ms.saturating_add(limits::BEHIND_MS_MAX);
        if is_behind {
            tracing::warn!(
                newest_ms = newest.time_ms(),
                now_ms,
                "this node's clock is behind the chain's: set it, and start the node again; until then no epoch counts as begun after the start"
            );
        }
        is_behind
    }

    #[expect(clippy::type_complexity, reason = "the engine's configuration names everything that it is made of")]
    fn config(
        &self,
        epoch: u64,
        scheme: Scheme,
        before: BlockId,
        partition: String,
    ) -> Config<Scheme, RoundRobin<Sha256>, B, Digest, Wrapped<E, T>, Wrapped<E, T>, Witness<Wrapped<E, T>>, T> {
        let context = self.context.child("application").with_attribute("epoch", epoch);
        let wrapped = Inline::new(context, self.application.clone(), self.store.clone(), self.chain.calendar());
        let timing = &self.timing;
        Config {
            reporter: Witness { inner: wrapped.clone(), chain: self.chain.clone(), scheme: scheme.clone() },
            scheme,
            elector: RoundRobin::default(),
            blocker: self.blocker.clone(),
            automaton: wrapped.clone(),
            relay: wrapped,
            // Evidence of one who votes twice late is worth its memory: of each seat and view two votes, some 7 kB each, from `VIEW_RETENTION` before the newest final block's view to the next one. No peer alone brings views about.
            track_historical_votes: true,
            strategy: self.application.strategy.clone(),
            partition,
            mailbox_size: NZUsize!(limits::MAILBOX_MAX),
            epoch: Epoch::new(epoch),
            floor: Floor::Genesis(votes::digest(before)),
            replay_buffer: archive::REPLAY_BUFFER,
            write_buffer: archive::WRITE_BUFFER,
            page_cache: self.cache.clone(),
            leader_timeout: timing.leader,
            certification_timeout: timing.certification,
            timeout_retry: timing.retry,
            view_retention: limits::VIEW_RETENTION,
            skip: SkipPolicy::Enabled { timeout: timing.skip, budget: SkipBudget::Participants },
            fetch_timeout: timing.fetch,
            fetch_retry_delay: timing.fetch_retry,
            forward: ForwardPolicy::SilentVoters,
        }
    }
}

/// The last of all that were named.
fn newest(named: u64, epochs: &mut mpsc::UnboundedReceiver<u64>) -> u64 {
    std::iter::from_fn(|| epochs.try_recv().ok()).fold(named, u64::max)
}

/// When the engine ends by itself; never where there is none.
async fn ended(engine: &mut Option<Handle<()>>) {
    match engine {
        // Why, its own messages say.
        Some(engine) => drop(engine.await),
        None => pending().await,
    }
}

type Wrapped<E, T> = Inline<E, Scheme, Application<T>, Sealed, Calendar>;

/// Hears what the engine reports, keeps evidence against who votes twice, and passes it on.
#[derive(Clone)]
pub(crate) struct Witness<R> {
    inner: R,
    chain: Arc<Chain>,
    scheme: Scheme,
}

impl<R: Reporter<Activity = Activity<Scheme, Digest>>> Reporter for Witness<R> {
    type Activity = Activity<Scheme, Digest>;

    fn report(&mut self, activity: Self::Activity) -> Feedback {
        if let Some(evidence) = votes::evidence(&activity, &self.scheme, self.chain.id()) {
            tracing::warn!("a validator voted twice");
            self.chain.accuse(evidence);
        }
        self.inner.report(activity)
    }
}
