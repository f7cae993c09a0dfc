//! A node over real sockets and a real disk, on threads of its own.

use crate::door::{self, Kind, message_bytes_max};
use crate::error::NodeError;
use crate::handle::Handle;
use crate::handshake::{PeerHandshake, namespace};
use crate::identity::{PrivateKey, PublicKey};
use crate::limits;
use crate::node::{Channels, Keeping, Parts, Timing, start};
use crate::voted::MarkFile;
use commonware_cryptography::ChaCha20Poly1305;
use commonware_p2p::authenticated::lookup;
use commonware_p2p::{Address, AddressableManager};
use commonware_runtime::{Metrics, Quota, Runner, Strategizer, Supervisor, tokio};
use commonware_stream::cups::{Cups, Version};
use commonware_utils::channel::oneshot;
use commonware_utils::ordered::Map;
use commonware_utils::{NZU32, NZUsize};
use mickai_proof::digest::ChainId;
use mickai_proof::key;
use mickai_proof::pantheon::Genesis;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What begins the name of everything that a node stores.
const NAME: &str = "pantheon";

/// A node that this one connects to, and takes connections from.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Who it is.
    pub key: key::PublicKey,
    /// Where it listens.
    pub address: SocketAddr,
}

/// How to run a node.
pub struct Settings {
    /// Where it keeps blocks and votes. It belongs to one node of one chain.
    pub folder: PathBuf,
    /// Where the chain begins.
    pub genesis: Genesis,
    /// Signs votes, and says who this node is. A key votes in one place: two nodes with one key contradict each other, and lose the bond.
    pub key: PrivateKey,
    /// Up to where that key has voted; beside the key, never in `folder`.
    pub marks: MarkFile,
    /// Where it takes connections.
    pub listen: SocketAddr,
    /// Everybody it talks to; it opens no other connection, and takes none from elsewhere.
    pub peers: Vec<Peer>,
    /// How long it waits.
    pub timing: Timing,
    /// What it keeps.
    pub keeping: Keeping,
    /// Evidence against who votes twice is submitted at the cost of the account of `key`, where that has enough.
    pub submits_evidence: bool,
    /// Threads for consensus, and as many for signatures.
    pub threads: NonZeroUsize,
}

/// A node that runs. Dropped, it stops.
pub struct Node {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), NodeError>>>,
}

impl Node {
    /// What it may be asked.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Stops it, and waits until it has.
    ///
    /// # Errors
    /// Why it had ended before.
    pub fn stop(mut self) -> Result<(), NodeError> {
        self.end()
    }

    /// Waits until it ends by itself, which it does only when it cannot go on.
    ///
    /// # Errors
    /// Why.
    pub fn wait(mut self) -> Result<(), NodeError> {
        self.thread.take().map_or(Ok(()), joined)
    }

    fn end(&mut self) -> Result<(), NodeError> {
        if let Some(stop) = self.stop.take() {
            // Where nobody hears it, the node has ended.
            let _ = stop.send(());
        }
        self.thread.take().map_or(Ok(()), joined)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Err(why) = self.end() {
            tracing::error!(%why, "the node had ended");
        }
    }
}

fn joined(thread: JoinHandle<Result<(), NodeError>>) -> Result<(), NodeError> {
    // The panic has said itself why.
    thread.join().unwrap_or(Err(NodeError::Ended))
}

/// Starts a node, and returns when it has read what it stored and takes part.
///
/// # Errors
/// [`NodeError`], of the settings, of genesis, or of what is stored.
pub fn launch(settings: Settings) -> Result<Node, NodeError> {
    let peers = addresses(&settings)?;
    let (stop, stopped) = oneshot::channel();
    let (ready, started) = mpsc::channel();
    let thread = thread::Builder::new().name(NAME.into()).spawn(move || run(settings, peers, &ready, stopped)).map_err(NodeError::Thread)?;
    match started.recv() {
        Ok(handle) => Ok(Node { handle, stop: Some(stop), thread: Some(thread) }),
        // The sender was dropped: the node ended first.
        Err(mpsc::RecvError) => Err(joined(thread).err().unwrap_or(NodeError::Ended)),
    }
}

/// Every peer once, and this node itself.
fn addresses(settings: &Settings) -> Result<Map<PublicKey, Address>, NodeError> {
    let found = settings.peers.len() + 1;
    if found > limits::PEERS_MAX {
        return Err(NodeError::PeersTooMany { found, max: limits::PEERS_MAX });
    }
    let mut addresses = BTreeMap::from([(settings.key.public().clone(), Address::from(settings.listen))]);
    for peer in &settings.peers {
        if addresses.insert(PublicKey::from(peer.key.clone()), Address::from(peer.address)).is_some() {
            return Err(NodeError::PeerTwice(peer.key.clone()));
        }
    }
    Ok(Map::from_iter_dedup(addresses))
}

fn run(settings: Settings, peers: Map<PublicKey, Address>, ready: &mpsc::Sender<Handle>, stopped: oneshot::Receiver<()>) -> Result<(), NodeError> {
    let _held = settings.marks.lock()?;
    let config = tokio::Config::new()
        .with_storage_directory(settings.folder.clone())
        .with_worker_threads(settings.threads.get())
        .with_tcp_nodelay(Some(true))
        .with_read_write_timeout(Duration::from_secs(limits::SILENCE_SECONDS));
    tokio::Runner::new(config).start(|context| async move {
        let chain = settings.genesis.head.id();
        let config = network_config(&settings, chain);
        let (mut network, mut oracle) = lookup::Network::new(context.child("network"), config);
        oracle.track(0, peers);
        let mut open = |number, kind: Kind| {
            let (sender, receiver) = network.register(number, kind.quota());
            let door = context.child("door").with_attribute("channel", number);
            (sender, door::open(door, receiver, oracle.clone(), kind.bytes_max()))
        };
        // The numbers are in spec/handshake.md "After the handshake".
        let channels = Channels {
            votes: open(0, Kind::Votes),
            certificates: open(1, Kind::Votes),
            resolver: open(2, Kind::Votes),
            backfill: open(3, Kind::Backfill),
            blocks: open(4, Kind::Blocks),
            transactions: open(5, Kind::Transactions),
            snapshots: open(6, Kind::Snapshots),
        };
        network.start();
        let strategy = context.child("strategy").strategy(settings.threads);
        let parts = Parts {
            genesis: settings.genesis,
            key: settings.key,
            marks: Arc::new(settings.marks),
            name: NAME.into(),
            blocker: oracle.clone(),
            peers: oracle,
            strategy,
            timing: settings.timing,
            keeping: settings.keeping,
            submits_evidence: settings.submits_evidence,
        };
        let (handle, ended) = start(context.child("node"), parts, channels).await?;
        let metrics = context.child("metrics");
        let handle = handle.with_metrics(move || metrics.encode());
        // Who asked for the node is gone where nobody hears this; then it stops at once.
        let _ = ready.send(handle.clone());
        let end = crate::first::first(stopped, ended).await;
        handle.close();
        match end {
            futures::future::Either::Left(_) => Ok(()),
            futures::future::Either::Right(why) => Err(why),
        }
    })
}

fn network_config(settings: &Settings, chain: ChainId) -> lookup::Config<Cups<PeerHandshake, ChaCha20Poly1305>> {
    let handshake = Cups::new(PeerHandshake::new(settings.key.clone()), Version::V1);
    // This node is one of them.
    let peers_max = NonZeroUsize::MIN.saturating_add(settings.peers.len());
    // Each address has its own share of the handshakes, and together they have all of them. At most 255 addresses.
    let addresses: BTreeSet<_> = settings.peers.iter().map(|peer| peer.address.ip()).collect();
    let handshakes_max = NZU32!(limits::HANDSHAKES_PER_ADDRESS).saturating_mul(NonZeroU32::new(addresses.len() as u32).unwrap_or(NonZeroU32::MIN));
    lookup::Config {
        // The operator configured every address himself, and several nodes may share one.
        allow_private_ips: true,
        allow_dns: false,
        // A connection from an address that is no peer's is closed before its first byte.
        bypass_ip_check: false,
        handshake_timeout: Duration::from_secs(limits::HANDSHAKE_SECONDS.into()),
        max_concurrent_handshakes: handshakes_max,
        allowed_handshake_rate_per_ip: Quota::per_second(NZU32!(limits::HANDSHAKES_PER_SECOND)),
        // None: every address is a peer's, and what one of them tries must not count against its neighbours.
        allowed_handshake_rate_per_subnet: Quota::per_second(NZU32!(1_000_000_000)),
        peer_connection_cooldown: Duration::from_secs(limits::DIAL_AGAIN_SECONDS),
        dial_frequency: Duration::from_millis(limits::DIAL_EVERY_MS),
        dial_timeout: Duration::from_secs(limits::DIAL_SECONDS),
        ping_frequency: Duration::from_secs(limits::PING_SECONDS),
        block_duration: Duration::from_hours(limits::SHUT_OUT_HOURS),
        tracked_peer_sets: NZUsize!(1),
        ..lookup::Config::recommended(handshake, &namespace(chain), settings.listen, peers_max, message_bytes_max(), NZUsize!(limits::OUTGOING_MAX))
    }
}
