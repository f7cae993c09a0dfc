//! The simulated network of one seed, and honest nodes on it.

use super::common::{StoredMarks, quota, timing, validator_key};
use super::plan::Plan;
use commonware_p2p::simulated::{self, Link, Oracle, Receiver, Sender};
use commonware_parallel::Sequential;
use commonware_runtime::deterministic::Context;
use commonware_runtime::{Handle as Task, Spawner as _, Supervisor as _};
use commonware_utils::{NZUsize, Probability};
use mickai_node::identity::{PrivateKey, PublicKey};
use mickai_node::{Channels, Handle, Keeping, Parts, Timing, message_bytes_max, start};
use mickai_proof::pantheon::Genesis;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

pub type Said = Sender<PublicKey, Context>;
pub type Heard = Receiver<PublicKey>;

/// All nodes of a seed, linked with each other: the validators first, then the one that joins.
pub struct Network {
    pub oracle: Oracle<PublicKey, Context>,
    pub keys: Vec<PrivateKey>,
    pub genesis: Genesis,
    /// What the clock of the last place is off by.
    clock_ahead_ms: i64,
    /// Nodes submit evidence by themselves.
    pub submits_evidence: bool,
    /// How many messages were forged.
    pub forged: Arc<AtomicUsize>,
}

/// A running node; it ends when the task is aborted.
pub struct Running {
    pub handle: Handle,
    pub task: Task<()>,
}

impl Network {
    pub async fn new(context: &Context, plan: &Plan, genesis: Genesis) -> Self {
        let count = plan.validators + u8::from(plan.joins);
        let keys: Vec<_> = (1..=count).map(validator_key).collect();
        let config =
            simulated::Config { max_size: message_bytes_max(), max_peers_per_set: NZUsize!(usize::from(count) + 1), disconnect_on_block: false, tracked_peer_sets: NZUsize!(1) };
        let publics: Vec<PublicKey> = keys.iter().map(|key| key.public().clone()).collect();
        let (network, oracle) = simulated::Network::new_with_peers(context.child("network"), config, publics).await;
        network.start();
        let network = Self { oracle, keys, genesis, clock_ahead_ms: plan.clock_ahead_ms, submits_evidence: true, forged: Arc::default() };
        network.link(|_, _| true, &link(plan.latency, plan.jitter, plan.loss_percent)).await;
        network
    }

    /// Links every pair of places that `chosen` chooses.
    pub async fn link(&self, chosen: impl Fn(usize, usize) -> bool, link: &Link) {
        for (a, b) in self.pairs().filter(|(a, b)| chosen(*a, *b)) {
            // A pair that is linked already gets the new link.
            let (from, to) = (self.public(a), self.public(b));
            let _ = self.oracle.remove_link(from.clone(), to.clone()).await;
            self.oracle.add_link(from, to, link.clone()).await.expect("both are peers");
        }
    }

    pub async fn cut(&self, chosen: impl Fn(usize, usize) -> bool) {
        for (a, b) in self.pairs().filter(|(a, b)| chosen(*a, *b)) {
            let _ = self.oracle.remove_link(self.public(a), self.public(b)).await;
        }
    }

    fn pairs(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let count = self.keys.len();
        (0..count).flat_map(move |a| (0..count).map(move |b| (a, b))).filter(|(a, b)| a != b)
    }

    pub fn public(&self, at: usize) -> PublicKey {
        self.keys[at].public().clone()
    }

    /// A channel of a place.
    pub async fn channel(&self, at: usize, number: u64) -> (Said, Heard) {
        self.oracle.control(self.public(at)).register(number, quota(number)).await.expect("the place is a peer")
    }

    pub async fn channels(&self, at: usize) -> Channels<Said, Heard> {
        Channels {
            votes: self.channel(at, 0).await,
            certificates: self.channel(at, 1).await,
            resolver: self.channel(at, 2).await,
            backfill: self.channel(at, 3).await,
            blocks: self.channel(at, 4).await,
            transactions: self.channel(at, 5).await,
            snapshots: self.channel(at, 6).await,
        }
    }

    /// The very node that runs on real sockets, under the name that its disk has. That an honest one ends is a failure of the run.
    pub async fn run<S, R>(&self, context: &Context, at: usize, name: String, is_honest: bool, channels: Channels<S, R>) -> Running
    where
        S: commonware_p2p::Sender<PublicKey = PublicKey>,
        R: commonware_p2p::Receiver<PublicKey = PublicKey>,
    {
        let parts = Parts {
            genesis: self.genesis.clone(),
            key: self.keys[at].clone(),
            // A cheat may run two nodes with one key, each with marks of its own.
            marks: StoredMarks::made(context.child("marks"), &if is_honest { format!("node-{at}") } else { name.clone() }).await,
            name,
            blocker: self.oracle.control(self.public(at)),
            peers: self.oracle.manager(),
            strategy: Sequential,
            timing: Timing { clock_ahead_ms: if at + 1 == self.keys.len() { self.clock_ahead_ms } else { 0 }, ..timing() },
            keeping: Keeping::default(),
            submits_evidence: self.submits_evidence,
        };
        let (sender, receiver) = futures::channel::oneshot::channel();
        let task = context.child("node").with_attribute("at", at).spawn(move |context| async move {
            let (handle, ended) = start(context, parts, channels).await.unwrap_or_else(|why| panic!("node {at} does not start: {why}"));
            sender.send(handle).ok();
            let why = ended.await;
            assert!(!is_honest, "node {at} ended: {why}");
        });
        Running { handle: receiver.await.expect("the node starts"), task }
    }

    /// On its first disk, or on a later one.
    pub async fn honest(&self, context: &Context, at: usize, disk: u32) -> Running {
        self.run(context, at, format!("node-{at}-disk-{disk}"), true, self.channels(at).await).await
    }
}

pub fn link(latency: Duration, jitter: Duration, loss_percent: u64) -> Link {
    Link { latency, jitter, success_rate: Probability::new(100 - loss_percent, 100).expect("at most a hundred") }
}
