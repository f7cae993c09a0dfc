//! What the tests share: keys from fixed seeds, a genesis, transactions, and validators on simulated links.
#![allow(dead_code, unreachable_pub, reason = "each program that includes this module uses a part of it")]

use commonware_codec::varint::UInt;
use commonware_codec::{DecodeExt, ReadExt};
use commonware_consensus::simplex::types::Vote as EngineVote;
use commonware_cryptography::sha256::Digest;
use commonware_p2p::Recipients;
use commonware_p2p::simulated::{self, Link, Oracle, SplitOrigin};
use commonware_parallel::Sequential;
use commonware_runtime::deterministic::Context;
use commonware_runtime::{Error as RuntimeError, Handle as TaskHandle, IoBuf, Quota, Spawner, Storage, Supervisor};
use commonware_utils::{NZU32, NZUsize, probability};
use futures::future::BoxFuture;
use libcrux_ml_dsa::ml_dsa_65::{MLDSA65SigningKey, generate_key_pair, sign};
use mickai_node::identity::{PrivateKey, PublicKey};
use mickai_node::voted::{Marks, unused};
use mickai_node::{Channels, Handle, Keeping, NodeError, Parts, Scheme, Timing, limits, message_bytes_max, start, votes};
use mickai_proof::digest::{ChainId, TreeHash};
use mickai_proof::key;
use mickai_proof::pantheon::{Action, Address, Allocation, Amount, Body, BondKey, Evidence, Genesis, GenesisHead, Height, Network, Params, Transaction, Vote, VoteKind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub const PAN: u64 = 1_000_000_000;
pub const BOND: u64 = 2_000_000 * PAN;
pub const FEE: u64 = 100_000;
/// The channel of questions for blocks and of answers to them.
const BACKFILL: u64 = 3;

/// An account's key pair, from a seed of one repeated byte.
pub struct Account {
    pub key: key::PublicKey,
    secret: MLDSA65SigningKey,
}

impl Account {
    pub fn new(seed: u8) -> Self {
        let pair = generate_key_pair([seed; 32]);
        Self { key: key::PublicKey::from_raw(*pair.verification_key.as_ref()), secret: pair.signing_key }
    }

    pub fn address(&self) -> Address {
        Address::of(&self.key)
    }

    pub fn sign(&self, message: &[u8]) -> [u8; 3_309] {
        *sign(&self.secret, message, b"", [0; 32]).unwrap().as_ref()
    }

    pub fn vote(&self, chain: ChainId, kind: VoteKind) -> Vote {
        Vote { signature: Box::new(self.sign(&kind.message(chain))), kind }
    }

    pub fn bond_key(&self, chain: ChainId, account: Address) -> BondKey {
        BondKey { key: self.key.clone(), proof: Box::new(self.sign(&BondKey::message(chain, account))) }
    }

    /// The transaction of this number; the first one reveals the key.
    pub fn transaction(&self, chain: ChainId, nonce: u64, action: Action) -> Transaction {
        self.paying(chain, nonce, FEE, action)
    }

    /// The same for so many obols.
    pub fn paying(&self, chain: ChainId, nonce: u64, fee: u64, action: Action) -> Transaction {
        let body = Body { chain, sender: self.address(), nonce, fee: Amount::from_obols(fee), expires: Height(1_000_000), action };
        let signature = self.sign(&body.message());
        body.sign_with((nonce == 0).then(|| self.key.clone()), &signature)
    }

    pub fn transfer(&self, chain: ChainId, nonce: u64, to: Address, obols: u64) -> Transaction {
        self.transaction(chain, nonce, Action::Transfer { to, amount: Amount::from_obols(obols) })
    }
}

/// The key of validator `seed`: the same pair as the account's of that seed.
pub fn validator_key(seed: u8) -> PrivateKey {
    PrivateKey::from_seed_bytes(&zeroize::Zeroizing::new([seed; 32]))
}

/// Validators of seeds 1 to n, whose accounts are those of seeds 101 to 100 + n. Account 90 has nearly everything, 91 and 92 ten million PAN each, 93 one.
/// The accounts of the validators, and of one more, have enough for another bond; those of the keys that vote have a PAN, which pays for evidence.
pub fn genesis(validators: u8, seats_max: u64, epoch_blocks: u64) -> Genesis {
    let params = Params {
        seats_min: u64::from(validators.min(4)),
        seats_max,
        epoch_blocks,
        unbonding_epochs: 1,
        bond_min: Amount::from_obols(1_000_000 * PAN),
        fee_base: Amount::from_obols(1_000),
        fee_byte: Amount::from_obols(1),
        treasury_share: 2_500,
    };
    let bonds: Vec<_> = (1..=validators).map(|seed| (Account::new(100 + seed).address(), Account::new(seed).key, Amount::from_obols(BOND))).collect();
    let allocation = |seed, obols| Allocation { to: Account::new(seed).address(), amount: Amount::from_obols(obols) };
    let mut allocations = vec![allocation(91, 10_000_000 * PAN), allocation(92, 10_000_000 * PAN), allocation(93, PAN)];
    allocations.extend((1..=validators + 1).flat_map(|seed| [allocation(100 + seed, BOND + PAN), allocation(seed, PAN)]));
    let given = allocations.iter().map(|allocation| allocation.amount.obols()).sum::<u64>() + u64::from(validators) * BOND;
    allocations.push(allocation(90, Amount::SUPPLY.obols() - given));
    let head = GenesisHead {
        network: Network::Test,
        name: "trial".into(),
        time_ms: 0,
        params,
        bonds,
        treasury: Amount::ZERO,
        allocation_count: 0,
        allocated: Amount::ZERO,
        allocations: TreeHash([0; 32]),
    };
    Genesis::new(head, allocations).unwrap()
}

/// The marks of a key on the simulated disk: in the name of a file, which is there or is not.
pub struct StoredMarks<E> {
    context: E,
    partition: String,
}

impl<E: Storage> StoredMarks<E> {
    /// Those beside a key, made unless they are there.
    pub async fn made(context: E, key: &str) -> Arc<Self> {
        let marks = Self { context, partition: format!("beside-{key}") };
        if marks.newest().await.is_none() {
            marks.write(unused()).await.unwrap();
        }
        Arc::new(marks)
    }

    /// Where some were, and are gone.
    pub fn lost(context: E, key: &str) -> Arc<Self> {
        Arc::new(Self { context, partition: format!("beside-{key}-again") })
    }

    /// The name of the newest file: its number, then what is written.
    async fn newest(&self) -> Option<Vec<u8>> {
        match self.context.scan(&self.partition).await {
            Ok(names) => names.into_iter().max(),
            Err(RuntimeError::PartitionMissing(_)) => None,
            Err(why) => panic!("{why}"),
        }
    }
}

impl<E: Storage> Marks for StoredMarks<E> {
    fn read(&self) -> BoxFuture<'_, Result<Option<Vec<u8>>, NodeError>> {
        Box::pin(async { Ok(self.newest().await.map(|name| name[8..].to_vec())) })
    }

    fn write(&self, bytes: Vec<u8>) -> BoxFuture<'_, Result<(), NodeError>> {
        Box::pin(async move {
            let before = self.newest().await;
            let number = before.as_ref().map_or(0, |name| u64::from_be_bytes(*name.first_chunk().unwrap()) + 1);
            drop(self.context.open(&self.partition, &[&number.to_be_bytes()[..], &bytes].concat()).await.unwrap());
            if let Some(before) = before {
                self.context.remove(&self.partition, Some(&before)).await.unwrap();
            }
            Ok(())
        })
    }
}

/// Short waits: simulated time costs nothing, but each round of it does.
pub fn timing() -> Timing {
    Timing {
        idle: Duration::from_millis(100),
        leader: Duration::from_secs(1),
        certification: Duration::from_secs(2),
        retry: Duration::from_secs(3),
        skip: Duration::from_secs(11),
        ..Timing::default()
    }
}

/// How often a node may send on a channel: about missing blocks as often as over real sockets.
pub fn quota(channel: u64) -> Quota {
    match channel {
        BACKFILL => Quota::per_second(NZU32!(limits::BACKFILL_PER_SECOND)).allow_burst(NZU32!(limits::BACKFILL_BURST)),
        _ => Quota::per_second(NZU32!(limits::MESSAGES_PER_SECOND)),
    }
}

/// A network of these nodes, all linked.
pub struct World {
    pub oracle: Oracle<PublicKey, Context>,
    pub genesis: Genesis,
    pub keys: Vec<PrivateKey>,
    /// What each node keeps.
    pub keeping: Keeping,
    /// What the clock of each node that starts is off by.
    pub clock_ahead_ms: i64,
    pub said: Said,
}

/// Every vote that left a node, with the node's place: what a stranger who keeps everything could show.
#[derive(Clone, Default)]
pub struct Said(Arc<Mutex<Vec<(usize, IoBuf)>>>);

impl Said {
    /// Passes on what one place sends on one channel.
    fn tap(&self, at: usize, is_votes: bool) -> impl Fn(SplitOrigin, &Recipients<PublicKey>, &IoBuf) -> Option<Recipients<PublicKey>> + Clone + Send + Sync + 'static + use<> {
        let said = self.0.clone();
        move |_, whom, message| {
            if is_votes {
                said.lock().unwrap().push((at, message.clone()));
            }
            Some(whom.clone())
        }
    }

    /// Two votes of one node that contradict each other, and how many votes were looked at.
    pub fn contradiction(&self) -> (Option<[VoteKind; 2]>, usize) {
        let mut kinds: Vec<(usize, Vote)> = self.0.lock().unwrap().iter().map(|(at, message)| (*at, vote(message.clone()))).collect();
        kinds.sort_by(|(a, one), (b, other)| (a, one.kind.round(), &one.kind).cmp(&(b, other.kind.round(), &other.kind)));
        kinds.dedup_by(|(a, one), (b, other)| a == b && one.kind == other.kind);
        let of_one_round = kinds.chunk_by(|(a, one), (b, other)| a == b && one.kind.round() == other.kind.round());
        let pairs = of_one_round.flat_map(|votes| votes.iter().enumerate().flat_map(|(at, one)| votes[at + 1..].iter().map(move |other| [&one.1, &other.1])));
        let contradicts = |[a, b]: &[&Vote; 2]| {
            let (a, b) = if a.kind <= b.kind { (*a, *b) } else { (*b, *a) };
            Evidence { voter: Address([0; 32]), a: a.clone(), b: b.clone() }.contradicts()
        };
        (pairs.into_iter().find(contradicts).map(|pair| pair.map(|vote| vote.kind)), kinds.len())
    }
}

/// As it goes over the channel of votes: the epoch, then the engine's message.
fn vote(mut message: IoBuf) -> Vote {
    let _epoch: u64 = UInt::read(&mut message).unwrap().into();
    match EngineVote::<Scheme, Digest>::decode(message).unwrap() {
        EngineVote::Notarize(vote) => votes::notarize(&vote),
        EngineVote::Nullify(vote) => votes::nullify(&vote),
        EngineVote::Finalize(vote) => votes::finalize(&vote),
    }
    .unwrap()
}

pub fn good_link() -> Link {
    Link { latency: Duration::from_millis(20), jitter: Duration::from_millis(5), success_rate: probability!(1.0) }
}

impl World {
    pub async fn new(context: &Context, genesis: Genesis, seeds: &[u8]) -> Self {
        let world = Self::unlinked(context, genesis, seeds).await;
        world.link_all(&good_link()).await;
        world
    }

    pub async fn unlinked(context: &Context, genesis: Genesis, seeds: &[u8]) -> Self {
        let keys: Vec<_> = seeds.iter().map(|seed| validator_key(*seed)).collect();
        let config = simulated::Config { max_size: message_bytes_max(), max_peers_per_set: NZUsize!(seeds.len() + 1), disconnect_on_block: true, tracked_peer_sets: NZUsize!(1) };
        let publics: Vec<PublicKey> = keys.iter().map(|key| key.public().clone()).collect();
        let (network, oracle) = simulated::Network::new_with_peers(context.child("network"), config, publics).await;
        network.start();
        Self { oracle, genesis, keys, keeping: Keeping::default(), clock_ahead_ms: 0, said: Said::default() }
    }

    pub async fn link_all(&self, link: &Link) {
        for a in &self.keys {
            for b in &self.keys {
                if a.public() != b.public() {
                    self.oracle.add_link(a.public().clone(), b.public().clone(), link.clone()).await.unwrap();
                }
            }
        }
    }

    /// Cuts the node of this place off.
    pub async fn part(&self, at: usize) {
        for other in self.keys.iter().filter(|key| key.public() != self.keys[at].public()) {
            let (one, two) = (self.keys[at].public().clone(), other.public().clone());
            self.oracle.remove_link(one.clone(), two.clone()).await.unwrap();
            self.oracle.remove_link(two, one).await.unwrap();
        }
    }

    /// And links it again.
    pub async fn join(&self, at: usize) {
        for other in self.keys.iter().filter(|key| key.public() != self.keys[at].public()) {
            let (one, two) = (self.keys[at].public().clone(), other.public().clone());
            self.oracle.add_link(one.clone(), two.clone(), good_link()).await.unwrap();
            self.oracle.add_link(two, one, good_link()).await.unwrap();
        }
    }

    /// Runs the node of this place; the task ends with the reason when it cannot go on.
    pub async fn node(&self, context: &Context, at: usize) -> (Handle, TaskHandle<()>) {
        let name = format!("node-{at}");
        let marks = StoredMarks::made(context.child("marks"), &name).await;
        self.node_in(context, at, &name, marks).await
    }

    /// The same with another folder, or other marks.
    pub async fn node_in(&self, context: &Context, at: usize, folder: &str, marks: Arc<dyn Marks>) -> (Handle, TaskHandle<()>) {
        let key = self.keys[at].clone();
        let control = self.oracle.control(key.public().clone());
        let (control, said) = (&control, &self.said);
        let channel = async |number| {
            let (sender, receiver) = control.register(number, quota(number)).await.unwrap();
            (sender.split_with(said.tap(at, number == 0)).0, receiver)
        };
        let channels = Channels {
            votes: channel(0).await,
            certificates: channel(1).await,
            resolver: channel(2).await,
            backfill: channel(3).await,
            blocks: channel(4).await,
            transactions: channel(5).await,
            snapshots: channel(6).await,
        };
        let parts = Parts {
            genesis: self.genesis.clone(),
            key,
            marks,
            name: folder.into(),
            blocker: control.clone(),
            peers: self.oracle.manager(),
            strategy: Sequential,
            timing: Timing { clock_ahead_ms: self.clock_ahead_ms, ..timing() },
            keeping: self.keeping,
            submits_evidence: true,
        };
        let (sender, receiver) = futures::channel::oneshot::channel();
        let task = context.child("node").with_attribute("at", at).spawn(move |context| async move {
            let (handle, ended) = start(context, parts, channels).await.unwrap();
            sender.send(handle).ok();
            let why = ended.await;
            panic!("node {at}: {why}");
        });
        (receiver.await.unwrap(), task)
    }
}
