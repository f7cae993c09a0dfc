//! A node's parts, put together over any runtime and network: the real ones, or simulated ones.

use crate::accuser::Accuser;
use crate::application::Application;
use crate::archive::{self, Archives};
use crate::chain::Chain;
use crate::delivery::{Delivery, Inbox, ends, inbox};
use crate::engines::{Engines, Lines, Store};
use crate::error::NodeError;
use crate::gossip::Gossip;
use crate::handle::Handle;
use crate::identity::{PrivateKey, PublicKey};
use crate::limits;
use crate::roster::Roster;
use crate::scheme::Scheme;
use crate::sealed::Sealed;
use crate::snapshot::{Keeper, Newest, Shelf, Snapshot, clear, fetch, incoming, open_newest, serve};
use crate::voted::{Marks, Voted};
use crate::votes;
use commonware_broadcast::buffered;
use commonware_consensus::marshal;
use commonware_consensus::marshal::core::{Actor, Floor};
use commonware_consensus::marshal::{Config, Start};
use commonware_consensus::types::Height as EngineHeight;
use commonware_cryptography::sha256::Digest;
use commonware_cryptography::{Digested, Signer};
use commonware_p2p::{Blocker, Provider, Receiver, Sender};
use commonware_parallel::Strategy;
use commonware_runtime::{Clock, Error as RuntimeError, Handle as Task, Metrics, Spawner, Storage};
use commonware_utils::channel::{mpsc, oneshot};
use commonware_utils::{NZDuration, NZUsize, NonZeroDuration};
use futures::future::{BoxFuture, pending, select_all};
use mickai_proof::pantheon::{Address, Genesis, Height};
use rand_core::CryptoRng;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

/// How long a node waits for others. All nodes of a chain should wait alike; none of it decides what is valid.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// For a round's block.
    pub leader: Duration,
    /// For a round to get on; above `leader`.
    pub certification: Duration,
    /// Between two votes to leave a round.
    pub retry: Duration,
    /// Before a leader who has been silent for so long is passed over at once; above `certification` and `retry`.
    pub skip: Duration,
    /// For an answer of a peer.
    pub fetch: NonZeroDuration,
    /// Before it is asked again.
    pub fetch_retry: Duration,
    /// How long a proposer waits for a transaction before it proposes an empty block; below `leader`.
    pub idle: Duration,
    /// By how much this node's clock is ahead, ms; behind where negative. Other than 0 only where a wrong clock is simulated.
    pub clock_ahead_ms: i64,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            leader: Duration::from_secs(2),
            certification: Duration::from_secs(4),
            retry: Duration::from_secs(5),
            skip: Duration::from_secs(15),
            fetch: NZDuration!(Duration::from_secs(2)),
            fetch_retry: Duration::from_millis(100),
            idle: Duration::from_millis(500),
            clock_ahead_ms: 0,
        }
    }
}

/// The channels of a node's network, by what they carry. Their numbers begin at 0, in the order of the fields, and are the same on every node.
pub struct Channels<S, R> {
    /// Votes, of one epoch each.
    pub votes: (S, R),
    /// Certificates, of one epoch each.
    pub certificates: (S, R),
    /// Questions for certificates, of one epoch each.
    pub resolver: (S, R),
    /// Questions for blocks.
    pub backfill: (S, R),
    /// Blocks that are proposed.
    pub blocks: (S, R),
    /// Transactions.
    pub transactions: (S, R),
    /// Snapshots.
    pub snapshots: (S, R),
}

/// Who a node is, and what it is made with.
pub struct Parts<B, P, T> {
    /// Where the chain begins.
    pub genesis: Genesis,
    /// Signs votes, and says who this node is.
    pub key: PrivateKey,
    /// Up to where that key has voted: beside it, and outside of what `name` begins.
    pub marks: Arc<dyn Marks>,
    /// Begins the name of everything that it stores.
    pub name: String,
    /// Shuts peers out that break the rules.
    pub blocker: B,
    /// Knows the peers.
    pub peers: P,
    /// Runs work side by side, or in order.
    pub strategy: T,
    /// How long it waits.
    pub timing: Timing,
    /// What it keeps.
    pub keeping: Keeping,
    /// Evidence against who votes twice is submitted at the cost of the account of `key`, where that has enough.
    pub submits_evidence: bool,
}

/// What a node keeps of the past.
#[derive(Clone, Copy, Debug)]
pub struct Keeping {
    /// Blocks between two snapshots, at least; they are taken at the ends of epochs.
    pub snapshot_blocks: u64,
    /// Time between two snapshots by the blocks' own times, ms, at least; a large one waits longer, so that it can be fetched before it is replaced.
    pub snapshot_ms: u64,
    /// How many blocks before a snapshot are kept. An archive keeps all: no number.
    pub kept_blocks: Option<u64>,
    /// A node without blocks takes a peer's snapshot, where one has any, and fetches only the blocks after it.
    pub takes_snapshot: bool,
}

impl Default for Keeping {
    fn default() -> Self {
        Self { snapshot_blocks: 1_000, snapshot_ms: 600_000, kept_blocks: None, takes_snapshot: false }
    }
}

/// Starts a node: reads what it stored, makes the chain of it, and takes part from there.
///
/// The second value resolves when the node cannot go on. With it all tasks that vote are aborted; a step that one of them is in the middle of, on another thread, comes to its end.
///
/// # Errors
/// [`NodeError`], of what is stored, or of genesis.
pub async fn start<E, S, R, B, P, T>(context: E, parts: Parts<B, P, T>, channels: Channels<S, R>) -> Result<(Handle, impl Future<Output = NodeError>), NodeError>
where
    E: Clock + CryptoRng + Spawner + Storage + Metrics,
    S: Sender<PublicKey = PublicKey>,
    R: Receiver<PublicKey = PublicKey>,
    B: Blocker<PublicKey = PublicKey> + Sync,
    P: Provider<PublicKey = PublicKey>,
    T: Strategy,
{
    let clock_ahead_ms = parts.timing.clock_ahead_ms;
    let started_ms = now_ms(&context, clock_ahead_ms);
    let chain = Arc::new(Chain::new(&parts.genesis)?);
    let voted = Voted::open(context.child("voted"), parts.name.clone(), (chain.id(), Address::of(parts.key.public().key())), parts.marks.clone(), started_ms).await?;
    let roster = Roster::default();
    let (epoch_sender, epochs) = mpsc::unbounded_channel();
    let (end_sender, ends) = ends();
    let delivery = Delivery { chain: chain.clone(), roster: roster.clone(), epochs: epoch_sender, ends: end_sender };
    let archives = Archives::open(&context, &parts.name, chain.id()).await?;
    let partition = format!("{}-snapshots", parts.name);
    // What was being fetched when the node ended is fetched again.
    clear(&context, &incoming(&partition)).await?;
    let mut snapshots = channels.snapshots;
    let mut snapshot = open_newest(&context, &partition, chain.id()).await?;
    if snapshot.is_none() && parts.keeping.takes_snapshot && archives.is_empty() {
        snapshot = fetch(&context, &partition, chain.id(), &mut snapshots).await?;
    }
    let beginning = beginning(&delivery, snapshot.as_ref(), &parts.strategy).await;
    let shelf = Shelf::new(snapshot.as_ref());
    let newest = snapshot.as_ref().map(Newest::of);
    let serving = context.child("snapshots").spawn({
        let shelf = shelf.clone();
        move |context| serve(context, shelf, snapshots)
    });

    let (cache, oldest) = (archives.cache.clone(), archives.first());
    let (inbox, delivered) = inbox();
    let (store, floor, stores) = open_store(&context, &parts, &chain, roster.clone(), archives, beginning, inbox, channels.blocks, channels.backfill).await;
    restore(&delivery, &store, oldest, &floor).await?;
    let begin = chain.epoch();
    let delivery = context.child("delivery").spawn(move |_| delivery.run(delivered));
    let keeper = Keeper { context: context.child("keeper"), partition, chain: chain.clone(), store: store.clone(), shelf, newest, keeping: parts.keeping };
    let keeping = context.child("keeping").spawn(move |_| keeper.run(ends));
    let engines = Engines {
        context: context.child("engines"),
        chain: chain.clone(),
        roster,
        key: parts.key.clone(),
        voted,
        store: store.clone(),
        application: Application { chain: chain.clone(), strategy: parts.strategy.clone(), idle: parts.timing.idle, clock_ahead_ms },
        blocker: parts.blocker.clone(),
        timing: parts.timing,
        cache,
    };
    let lines = Lines { votes: channels.votes, certificates: channels.certificates, resolver: channels.resolver };
    let (engines_ended, engines) = spawn_engines(context.child("engines"), move |context| Engines { context, ..engines }.run(lines, begin, epochs));
    let (submissions, submitted) = mpsc::unbounded_channel();
    let gossip = Gossip { chain: chain.clone(), strategy: parts.strategy, blocker: parts.blocker };
    let gossip = context.child("gossip").spawn(move |_| gossip.run(channels.transactions, submitted));
    if parts.submits_evidence {
        let context = context.child("accuser");
        let accuser = Accuser::new(&context, chain.clone(), parts.key.clone(), submissions.clone());
        context.spawn(move |_| accuser.run());
    }

    let others = [("store", stores.0), ("broadcast", stores.1), ("snapshots", serving), ("keeping", keeping), ("gossip", gossip)];
    let others = others.map(|(name, task)| part(name, async { task.await.map(Ok) }));
    // Why a block was not taken in says more than what ended after it.
    let all: Vec<_> = std::iter::once(part("delivery", delivery)).chain(others).chain([engines_ended]).collect();
    // Gossip ends with the last who could submit: this one stays as long as the node.
    let open = submissions.clone();
    let ended = async move {
        let why = end(all, engines).await;
        drop(open);
        why
    };
    Ok((Handle::new(chain, store, submissions, parts.key.public_key()), ended))
}

/// Of this node, ms since 1970.
pub(crate) fn now_ms(clock: &impl Clock, ahead_ms: i64) -> u64 {
    let since = clock.current().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX).saturating_add_signed(ahead_ms)
}

/// Resolves when a part of the node ends, with why; none does while the node is well.
fn part(name: &'static str, task: impl Future<Output = Result<Result<(), NodeError>, RuntimeError>> + Send + 'static) -> BoxFuture<'static, NodeError> {
    Box::pin(async move {
        match task.await {
            Ok(Err(why)) => why,
            Ok(Ok(())) | Err(_) => NodeError::PartEnded(name),
        }
    })
}

/// Runs the engines: the part of the node that they are, and their task, below which is what they spawn. That task does not end with them: one that ends says so before what is below it is aborted, and one that is aborted says so after.
fn spawn_engines<E: Spawner, F>(context: E, run: impl FnOnce(E) -> F + Send + 'static) -> (BoxFuture<'static, NodeError>, Task<()>)
where
    F: Future<Output = Result<(), NodeError>> + Send + 'static,
{
    let (sender, ended) = oneshot::channel();
    let task = context.spawn(move |context| async move {
        // Who no longer waits for it knows that the node has ended.
        let _ = sender.send(run(context).await);
        pending::<()>().await;
    });
    (part("epochs", async { ended.await.map_err(|_| RuntimeError::Closed) }), task)
}

/// Resolves when the first part of the node has ended, with why, and what the engines spawned is aborted.
async fn end(parts: Vec<BoxFuture<'static, NodeError>>, engines: Task<()>) -> NodeError {
    let (why, ..) = select_all(parts).await;
    engines.abort();
    // Until what is below it is aborted; it has nothing to say itself.
    let _ = engines.await;
    why
}

type Beginning = Start<Scheme, Digest, Digested<Sealed>>;

/// Where the chain and the engine's store go on from, whatever the last end of the node left:
///
/// ```text
/// no snapshot                              genesis; `restore` executes all that is here
/// a snapshot, and blocks after it          the snapshot; `restore` executes the rest
/// a snapshot, and no block after it        the snapshot: it was just fetched, or written for the newest block
/// a snapshot above what the store says     the snapshot: the store had not yet noted that its block was taken in, and moves up to it
///   was taken in
/// blocks above what the store says were    they are delivered again, and those that are in the state already change nothing
///   taken in
/// ```
async fn beginning<B>(delivery: &Delivery, snapshot: Option<&Snapshot<B>>, strategy: &impl Strategy) -> Beginning {
    let chain = &delivery.chain;
    let floor = snapshot.and_then(|snapshot| {
        let proof = &snapshot.proof;
        let finalization = votes::finalization(&proof.certificate, proof.header.id(), snapshot.voters.keys().len())?;
        let epoch = chain.calendar().epoch(snapshot.ledger.height());
        delivery.roster.insert(epoch, Scheme::verifier(chain.id(), &snapshot.voters));
        delivery.roster.insert(epoch.saturating_add(1), Scheme::verifier(chain.id(), snapshot.ledger.validators()));
        chain.resume(snapshot.ledger.clone(), proof);
        Some(Start::Floor(finalization))
    });
    if let Some(floor) = floor {
        return floor;
    }
    delivery.roster.insert(0, Scheme::verifier(chain.id(), chain.newest().validators()));
    Start::Genesis(Digested::compute(Sealed::genesis(chain.id()), strategy).await)
}

/// The engine's store of blocks, with what brings blocks to it; the last are the tasks of both.
#[expect(clippy::too_many_arguments, reason = "each is another part of the node, used up here")]
async fn open_store<E, S, R, B, P, T>(
    context: &E,
    parts: &Parts<B, P, T>,
    chain: &Chain,
    provider: Roster,
    archives: Archives<E>,
    beginning: Beginning,
    inbox: Inbox,
    blocks: (S, R),
    backfill: (S, R),
) -> (Store, Floor, (Task<()>, Task<()>))
where
    E: Clock + CryptoRng + Spawner + Storage + Metrics,
    S: Sender<PublicKey = PublicKey>,
    R: Receiver<PublicKey = PublicKey>,
    B: Blocker<PublicKey = PublicKey> + Sync,
    P: Provider<PublicKey = PublicKey>,
    T: Strategy,
{
    let mailbox_size = NZUsize!(limits::MAILBOX_MAX);
    let config = Config {
        provider,
        epocher: chain.calendar(),
        start: beginning,
        partition_prefix: format!("{}-store", parts.name),
        mailbox_size,
        view_retention: limits::VIEW_RETENTION,
        prunable_items_per_section: archive::ITEMS_PER_SECTION,
        page_cache: archives.cache,
        replay_buffer: archive::REPLAY_BUFFER,
        key_write_buffer: archive::WRITE_BUFFER,
        value_write_buffer: archive::WRITE_BUFFER,
        block_codec_config: chain.id(),
        max_repair: NZUsize!(limits::REPAIRS_MAX),
        max_pending_acks: NZUsize!(limits::DELIVERIES_MAX),
        strategy: parts.strategy.clone(),
    };
    let (actor, store, floor) = Actor::init(context.child("store"), archives.certificates, archives.blocks, config).await;
    let config = buffered::Config {
        public_key: parts.key.public_key(),
        mailbox_size,
        deque_size: limits::PROPOSALS_KEPT,
        priority: true,
        codec_config: chain.id(),
        peer_provider: parts.peers.clone(),
        strategy: parts.strategy.clone(),
    };
    let (broadcast, buffer) = buffered::Engine::new(context.child("broadcast"), config);
    let broadcast = broadcast.start(blocks);
    let config = marshal::resolver::p2p::Config {
        public_key: parts.key.public_key(),
        peer_provider: parts.peers.clone(),
        blocker: parts.blocker.clone(),
        mailbox_size,
        fetch_timeout: parts.timing.fetch,
        fetch_retry_delay: parts.timing.fetch_retry,
        priority_requests: false,
        priority_responses: false,
    };
    let resolver = marshal::resolver::p2p::init(context.child("backfill"), config, backfill);
    let actor = actor.start(inbox, buffer, resolver);
    (store, floor, (actor, broadcast))
}

/// Indexes the blocks before the snapshot that are here, and executes again what was taken in after it, or after genesis, before the node last ended. Signatures are not verified again (see `archive`).
///
/// # Errors
/// [`NodeError::Missing`] where one of those is not here, which only a change of the folder from outside explains: blocks above the newest snapshot are never pruned. [`NodeError::Final`].
async fn restore(delivery: &Delivery, store: &Store, oldest: Option<u64>, floor: &Floor) -> Result<(), NodeError> {
    let Some(processed) = floor.processed() else { return Ok(()) };
    let from = delivery.chain.newest().height().0.saturating_add(1);
    for height in oldest.unwrap_or(from)..from {
        // One that lies between two that are here, and is not, was never fetched.
        if let Some(block) = store.get_block(EngineHeight::new(height)).await {
            block.inner().block().into_iter().for_each(|block| delivery.chain.recall(block));
        }
    }
    for height in from..=processed.height().get() {
        let block = store.get_block(EngineHeight::new(height)).await.ok_or(NodeError::Missing(Height(height)))?;
        delivery.take(block.inner())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{end, spawn_engines};
    use crate::error::NodeError;
    use commonware_runtime::{Clock as _, Runner as _, Spawner as _, Supervisor as _, deterministic};
    use futures::future::{BoxFuture, pending};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    const STEP: Duration = Duration::from_millis(10);

    /// Why a node ended whose engines, and another part, end by themselves after so many steps. What the engines spawned goes no step further: it is spawned as an epoch's engine is by what runs the engines, and its voter by the engine.
    fn ended(engines_after: u32, part_after: u32) -> NodeError {
        deterministic::Runner::default().start(|context| async move {
            let steps = Arc::new(AtomicUsize::new(0));
            let counted = steps.clone();
            let (engines_ended, engines) = spawn_engines(context.child("engines"), move |context| async move {
                context.child("engine").spawn(move |context| async move {
                    context.child("voter").spawn(move |context| async move {
                        for _ in 0..1_000 {
                            context.sleep(STEP).await;
                            counted.fetch_add(1, Ordering::Relaxed);
                        }
                    });
                    pending::<()>().await;
                });
                context.sleep(engines_after * STEP).await;
                Err(NodeError::EpochUnknown(7))
            });
            let clock = context.child("part");
            let part: BoxFuture<'static, NodeError> = Box::pin(async move {
                clock.sleep(part_after * STEP).await;
                NodeError::Ended
            });
            let why = end(vec![part, engines_ended], engines).await;
            let taken = steps.load(Ordering::Relaxed);
            assert!(taken > 0);
            context.sleep(10 * STEP).await;
            assert_eq!(steps.load(Ordering::Relaxed), taken);
            why
        })
    }

    #[test]
    fn what_the_engines_spawned_has_ended_when_the_node_says_so() {
        assert!(matches!(ended(500, 10), NodeError::Ended));
        assert!(matches!(ended(10, 500), NodeError::EpochUnknown(7)));
    }
}
