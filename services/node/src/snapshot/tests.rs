//! Snapshots on a simulated disk and from simulated peers: what is not good is refused and stays, and a peer who lies is left in time.

#[path = "../../../../engines/ledger/tests/common/mod.rs"]
mod common;

use super::Shelf;
use super::exchange::{Message, fetch, incoming, serve};
use super::file::{Bounds, Snapshot, Unread, is_taken, keep, open_newest, read};
use crate::error::{NodeError, SnapshotFault};
use crate::identity::{PrivateKey, PublicKey};
use crate::limits;
use common::{BOND, Chain, PAN, Signer, certify, obols, params};
use commonware_p2p::simulated::{self, Link, Network, Oracle};
use commonware_p2p::{Receiver as _, Recipients, Sender as _};
use commonware_runtime::deterministic::{Config, Context, FaultConfig, PartialWriteMode, ResizeConfig, Runner, WriteConfig};
use commonware_runtime::{Blob as _, Clock as _, Quota, Runner as _, Spawner as _, Storage as _, Supervisor as _, WriteOptions};
use commonware_utils::{NZU32, NZUsize, probability};
use mickai_ledger::{BlockError, Ledger, Library};
use mickai_proof::digest::ChainId;
use mickai_proof::pantheon::light::Change;
use mickai_proof::pantheon::{Action, Address, Body, Entry, Height, LightProof, PantheonError, Params};
use std::sync::Arc;
use std::time::Duration;

const PARTITION: &str = "node-snapshots";

/// A chain with the light proof of its newest block, and all its changes.
struct Proven {
    chain: Chain,
    changes: Vec<Change>,
}

impl Proven {
    /// One seat, which validator 1 has at first; validator 2 comes with the first turn.
    fn new(epoch_blocks: u64) -> Self {
        Self { chain: Chain::with(Params { seats_max: 1, epoch_blocks, ..params() }, &[1]), changes: Vec::new() }
    }

    fn id(&self) -> ChainId {
        self.chain.ledger.chain()
    }

    /// The seed of who has the seat.
    fn seated(&self) -> u8 {
        let key = &self.chain.ledger.validators().keys()[0];
        if *key == Signer::new(1).key { 1 } else { 2 }
    }

    /// One more block, with a step up of the bond of who has no seat where `is_turn`.
    fn grow(&mut self, is_turn: bool) {
        let seated = self.seated();
        let (rich, account) = (Signer::new(10), |seed: u8| Signer::new(100 + seed));
        let bond = |seed: u8| self.chain.ledger.state().validator(account(seed).address()).map_or(0, |validator| validator.bond.obols());
        let (from, action) = match self.chain.ledger.height() {
            Height(0) => (rich, Action::Transfer { to: account(1).address(), amount: obols(1_000 * PAN) }),
            Height(1) => (rich, Action::Transfer { to: account(2).address(), amount: obols(2 * BOND) }),
            _ if is_turn => {
                let other = 3 - seated;
                let key = (bond(other) == 0).then(|| Signer::new(other).bond_key(self.id(), account(other).address()));
                (account(other), Action::Bond { amount: obols(bond(seated).saturating_sub(bond(other)) + 1), key })
            }
            _ => (rich, Action::Transfer { to: Signer::new(11).address(), amount: obols(1) }),
        };
        let transaction = self.chain.sign(&from, Body { expires: Height(1_000_000), ..self.chain.body(&from, action) });
        let (_, rejected) = self.chain.push(vec![transaction], &Library);
        assert!(rejected.is_empty(), "{rejected:?}");
        let header = self.chain.blocks.last().unwrap().header.clone();
        if header.next != header.validators {
            let certificate = certify(&header, &[seated], 1);
            self.changes.push(Change { header, certificate, next: self.chain.ledger.validators().clone() });
        }
    }

    fn proof(&self) -> LightProof {
        let header = self.chain.blocks.last().unwrap().header.clone();
        let changes: Vec<_> = self.changes.iter().filter(|change| change.header.height < header.height).cloned().collect();
        let set = changes.last().map_or_else(|| self.chain.genesis.head.validators().unwrap(), |change| change.next.clone());
        let voter = if set.keys()[0] == Signer::new(1).key { 1 } else { 2 };
        let certificate = certify(&header, &[voter], 1);
        LightProof { head: self.chain.genesis.head.clone(), changes, header, certificate, entries: Vec::new() }
    }

    async fn keep(&self, context: &Context, partition: &str) -> Vec<u8> {
        let light = self.proof().encode();
        keep(context, partition, &light, &self.chain.ledger).await.unwrap();
        light
    }
}

fn run<F: Future<Output = ()>>(test: impl FnOnce(Context) -> F) {
    Runner::new(Config::new().with_seed(7).with_timeout(Some(Duration::from_secs(20_000)))).start(test);
}

async fn files(context: &Context, partition: &str) -> usize {
    context.scan(partition).await.map_or(0, |names| names.len())
}

async fn damage(context: &Context, height: u64, offset: u64) {
    let (blob, _) = context.open(PARTITION, &height.to_be_bytes()).await.unwrap();
    let mut byte = blob.read_at(offset, 1, Default::default()).await.unwrap().coalesce().as_ref().to_vec();
    byte[0] ^= 1;
    blob.write_at(offset, byte, WriteOptions::default()).await.unwrap();
    blob.sync().await.unwrap();
}

#[test]
fn more_changes_than_a_light_proof_holds_are_read_again() {
    run(|context| async move {
        let mut proven = Proven::new(1);
        while proven.changes.len() <= mickai_proof::limits::LIGHT_CHANGES_MAX {
            proven.grow(true);
        }
        proven.grow(false);
        let light = proven.keep(&context, PARTITION).await;
        assert!(LightProof::parse(&light).is_err(), "no light client takes it");
        assert!(is_taken(&light, 1) && !is_taken(&light, limits::SNAPSHOT_BYTES_MAX + 1));
        let snapshot = open_newest(&context, PARTITION, proven.id()).await.unwrap().unwrap();
        assert_eq!((snapshot.ledger.tip(), snapshot.is_shown), (proven.chain.ledger.tip(), true));
        drop(snapshot);
        // A peer's limits are others than one's own.
        let (blob, byte_count) = context.open(PARTITION, &proven.chain.ledger.height().0.to_be_bytes()).await.unwrap();
        let bounds = Bounds { changes: 10, ..Bounds::PEER };
        assert!(matches!(read(Arc::new(blob), byte_count, proven.id(), bounds).await, Err(Unread::Fault(SnapshotFault::Malformed))));
    });
}

#[test]
fn what_is_not_good_stops_the_start_and_stays() {
    run(|context| async move {
        let mut proven = Proven::new(3);
        (0..3).for_each(|_| proven.grow(false));
        let light = proven.keep(&context, PARTITION).await;
        (0..3).for_each(|_| proven.grow(true));
        proven.keep(&context, PARTITION).await;
        let opened = async |chain| open_newest(&context, PARTITION, chain).await.map(|found| found.map(|snapshot| snapshot.ledger.height().0));
        assert_eq!(opened(proven.id()).await.unwrap(), Some(6));
        // Another genesis file, a changed vote, a changed entry.
        let other = opened(ChainId([9; 32])).await;
        assert!(matches!(other, Err(NodeError::Snapshot { height: Height(6), why: SnapshotFault::Proof(why) }) if matches!(why.error, PantheonError::GenesisDigest { .. })));
        for offset in [32 + light.len() as u64 - 50, 32 + proven.proof().encode().len() as u64 + 40] {
            damage(&context, 6, offset).await;
            assert!(matches!(opened(proven.id()).await, Err(NodeError::Snapshot { height: Height(6), .. })), "{offset}");
            damage(&context, 6, offset).await;
        }
        assert_eq!((opened(proven.id()).await.unwrap(), files(&context, PARTITION).await), (Some(6), 2), "nothing was removed");
        // A damaged head is no reason to remove it either: each number of it, and the begin.
        for offset in [0, 3, 15, 16, 20, 23, 24, 28, 31] {
            damage(&context, 6, offset).await;
            assert!(matches!(opened(proven.id()).await, Err(NodeError::Snapshot { height: Height(6), .. })), "{offset}");
            damage(&context, 6, offset).await;
        }
        // Nor are a head that says more than there is, and a part of one.
        let whole = bytes(&context, PARTITION, Height(6)).await.len() as u64;
        for left in [whole - 1, 32, 31, 20, 1] {
            let (blob, _) = context.open(PARTITION, &6_u64.to_be_bytes()).await.unwrap();
            blob.resize(left).await.unwrap();
            blob.sync().await.unwrap();
            drop(blob);
            assert!(matches!(opened(proven.id()).await, Err(NodeError::Snapshot { height: Height(6), .. })), "{left}");
            proven.keep(&context, PARTITION).await;
        }
        assert_eq!((opened(proven.id()).await.unwrap(), files(&context, PARTITION).await), (Some(6), 2), "nothing was removed");
    });
}

/// Only what was never written to its end goes; then the one before is the newest.
#[test]
fn a_snapshot_whose_writing_was_cut_off_goes() {
    run(|context| async move {
        let mut proven = Proven::new(3);
        (0..3).for_each(|_| proven.grow(false));
        proven.keep(&context, PARTITION).await;
        (0..3).for_each(|_| proven.grow(false));
        // The head comes last: nothing of it, its first bytes, or nothing at all of the file.
        for written in [Some(0), Some(1), Some(15), Some(16), Some(17), Some(23), Some(24), None] {
            proven.keep(&context, PARTITION).await;
            let mut head = bytes(&context, PARTITION, Height(6)).await[..32].to_vec();
            let (blob, _) = context.open(PARTITION, &6_u64.to_be_bytes()).await.unwrap();
            match written {
                Some(written) => {
                    head[written..].fill(0);
                    blob.write_at(0, head, WriteOptions::default()).await.unwrap();
                }
                None => blob.resize(0).await.unwrap(),
            }
            blob.sync().await.unwrap();
            drop(blob);
            let newest = open_newest(&context, PARTITION, proven.id()).await.unwrap().unwrap();
            assert_eq!((newest.ledger.height(), files(&context, PARTITION).await), (Height(3), 1), "{written:?}");
        }
    });
}

/// Well-formed, and nobody's.
fn entry() -> Vec<u8> {
    Entry::Voter(Address([7; 32])).encode()
}

/// Behind a genuine proof, in the form of a snapshot: pairs whose paths part at the last bit, so that each pair is more than 200 branches of a tree.
fn forged(file: &[u8], entry: &[u8]) -> Vec<u8> {
    let light_bytes = u64::from_be_bytes(file[24..32].try_into().unwrap()) as usize;
    let mut forged = file[..32 + light_bytes].to_vec();
    for (pair, last) in (0..1_000_u32).flat_map(|pair| [(pair, 0), (pair, 1)]) {
        let mut path = [0; 32];
        path[..4].copy_from_slice(&pair.to_be_bytes());
        path[31] = last;
        forged.extend(path);
        forged.extend((entry.len() as u32).to_be_bytes());
        forged.extend(entry);
    }
    let byte_count = forged.len() as u64;
    forged[16..24].copy_from_slice(&byte_count.to_be_bytes());
    forged
}

/// The root comes first: what is no entry at all is refused for not being the block's, because nobody looked.
#[test]
fn of_a_peers_entries_nothing_is_made_before_their_root_is_the_blocks() {
    run(|context| async move {
        let mut proven = Proven::new(3);
        (0..3).for_each(|_| proven.grow(false));
        proven.keep(&context, PARTITION).await;
        let genuine = bytes(&context, PARTITION, Height(3)).await;
        let state = proven.chain.ledger.state().root();
        let refused = async |entry: &[u8]| {
            let file = forged(&genuine, entry);
            let byte_count = file.len() as u64;
            let (blob, _) = context.open("forged", b"file").await.unwrap();
            blob.resize(0).await.unwrap();
            blob.write_at(0, file, WriteOptions::default()).await.unwrap();
            read(Arc::new(blob), byte_count, proven.id(), Bounds::PEER).await.err()
        };
        let shortest = Entry::Roster(Vec::new()).encode();
        assert_eq!(Entry::parse(&shortest), Ok(Entry::Roster(Vec::new())));
        for entry in [&entry()[..], &b"no entry"[..], &shortest[..]] {
            assert!(matches!(refused(entry).await, Some(Unread::Fault(SnapshotFault::State(BlockError::State { found, root }))) if found == state && root != state));
        }
        // What is shorter than any entry is not even hashed.
        for short in [&shortest[1..], &shortest[shortest.len()..]] {
            assert!(matches!(refused(short).await, Some(Unread::Fault(SnapshotFault::Malformed))));
        }
        let (blob, byte_count) = context.open(PARTITION, &3_u64.to_be_bytes()).await.unwrap();
        assert!(read(Arc::new(blob), byte_count, proven.id(), Bounds::PEER).await.is_ok());
    });
}

/// As on a full disk: the next one has another name, and would find no more room than this one.
#[test]
fn a_snapshot_that_cannot_be_written_leaves_nothing() {
    run(|context| async move {
        let mut proven = Proven::new(3);
        (0..3).for_each(|_| proven.grow(false));
        proven.keep(&context, PARTITION).await;
        let always = probability!(1.0);
        let faults = [
            FaultConfig::default().open(always),
            FaultConfig::default().resize(ResizeConfig { failure_rate: always, partial_rate: always }),
            FaultConfig::default().write(WriteConfig { failure_rate: always, retention_rate: always, mode: PartialWriteMode::Prefix }),
            FaultConfig::default().sync(always),
        ];
        for fault in faults {
            (0..3).for_each(|_| proven.grow(false));
            let light = proven.proof().encode();
            *context.storage_fault_config().write() = fault;
            let kept = keep(&context, PARTITION, &light, &proven.chain.ledger).await;
            *context.storage_fault_config().write() = FaultConfig::default();
            assert!(matches!(kept, Err(NodeError::Disk(_))));
            assert_eq!(files(&context, PARTITION).await, 1);
        }
        let newest = open_newest(&context, PARTITION, proven.id()).await.unwrap().unwrap();
        assert_eq!(newest.ledger.height(), Height(3));
        drop(newest);
        // With room again it is written.
        proven.keep(&context, PARTITION).await;
        assert_eq!(open_newest(&context, PARTITION, proven.id()).await.unwrap().unwrap().ledger.tip(), proven.chain.ledger.tip());
    });
}

#[test]
fn a_block_within_an_epoch_is_no_beginning() {
    run(|context| async move {
        let mut proven = Proven::new(3);
        (0..4).for_each(|_| proven.grow(false));
        proven.keep(&context, PARTITION).await;
        let found = open_newest(&context, PARTITION, proven.id()).await.err().unwrap();
        assert!(matches!(found, NodeError::Snapshot { height: Height(4), why: SnapshotFault::WithinEpoch }), "{found}");
    });
}

/// How a peer lies who offers a newer snapshot than everybody else.
#[derive(Clone, Copy, Debug)]
enum Lie {
    /// It sends nothing.
    Silence,
    /// It sends a byte at a time, just before it is asked again.
    Drops,
    /// It sends what is asked for, of nothing.
    Zeros,
    /// Its proof is genuine, and zeros follow for ever.
    Tail,
    /// Its block does not end an epoch.
    WithinEpoch,
    /// Its proof is genuine, and its entries are others, whose tree would take hundreds of times their bytes.
    Forged,
}

type Lines = (simulated::Sender<PublicKey, Context>, simulated::Receiver<PublicKey>);

fn key(seed: u8) -> PublicKey {
    PrivateKey::from_seed_bytes(&zeroize::Zeroizing::new([seed; 32])).public().clone()
}

async fn lines(oracle: &Oracle<PublicKey, Context>, seed: u8) -> Lines {
    oracle.control(key(seed)).register(0, Quota::per_second(NZU32!(1_000))).await.unwrap()
}

/// Who fetches, who lies, and who does not: seeds 1 to 3.
async fn network(context: &Context) -> [Lines; 3] {
    let config = simulated::Config { max_size: 2 << 20, max_peers_per_set: NZUsize!(4), disconnect_on_block: false, tracked_peer_sets: NZUsize!(1) };
    let (network, oracle) = Network::new_with_peers(context.child("network"), config, vec![key(1), key(2), key(3)]).await;
    network.start();
    for (a, b) in [(1, 2), (2, 1), (1, 3), (3, 1)] {
        let link = Link { latency: Duration::from_millis(20), jitter: Duration::ZERO, success_rate: probability!(1.0) };
        oracle.add_link(key(a), key(b), link).await.unwrap();
    }
    [lines(&oracle, 1).await, lines(&oracle, 2).await, lines(&oracle, 3).await]
}

async fn lie(context: Context, (mut sender, mut receiver): Lines, lie: Lie, file: Vec<u8>, genuine_height: Height) {
    let mut height = Height(u64::MAX / 2);
    let mut byte_count = 40 << 20;
    match lie {
        Lie::Tail => height = genuine_height,
        Lie::WithinEpoch | Lie::Forged => (height, byte_count) = (genuine_height, file.len() as u64),
        Lie::Silence | Lie::Drops | Lie::Zeros => {}
    }
    while let Ok((peer, message)) = receiver.recv().await {
        let answer = match (Message::parse(message.as_ref()), lie) {
            (Some(Message::Which), _) => Message::This { height, byte_count }.encode(),
            (Some(Message::BytesFrom { offset, .. }), Lie::Drops) => {
                context.sleep(Duration::from_millis(1_900)).await;
                Message::Bytes { height, offset, bytes: &[1] }.encode()
            }
            (Some(Message::BytesFrom { offset, .. }), Lie::Zeros | Lie::Tail | Lie::WithinEpoch | Lie::Forged) => {
                let count = (byte_count - offset).min(1 << 20) as usize;
                let mut bytes = if matches!(lie, Lie::Zeros) { Vec::new() } else { file.get(offset as usize..).unwrap_or_default().to_vec() };
                bytes.resize(count, 0);
                if matches!(lie, Lie::Tail) && offset == 0 {
                    bytes[16..24].copy_from_slice(&u64::to_be_bytes(byte_count));
                }
                Message::Bytes { height, offset, bytes: &bytes }.encode()
            }
            _ => continue,
        };
        sender.send(Recipients::One(peer), answer, false);
    }
}

async fn bytes(context: &Context, partition: &str, height: Height) -> Vec<u8> {
    let (blob, byte_count) = context.open(partition, &height.0.to_be_bytes()).await.unwrap();
    blob.read_at(0, byte_count as usize, Default::default()).await.unwrap().coalesce().as_ref().to_vec()
}

#[test]
fn a_peer_who_lies_costs_little_time() {
    for found in [Lie::Silence, Lie::Drops, Lie::Zeros, Lie::Tail, Lie::WithinEpoch, Lie::Forged] {
        run(|context| async move {
            let mut proven = Proven::new(3);
            (0..3).for_each(|_| proven.grow(false));
            let (id, honest) = (proven.id(), proven.chain.ledger.clone());
            proven.keep(&context, "honest").await;
            let more = if matches!(found, Lie::WithinEpoch) { 1 } else { 3 };
            (0..more).for_each(|_| proven.grow(false));
            proven.keep(&context, "liar").await;
            let height = proven.chain.ledger.height();
            let file = bytes(&context, "liar", height).await;
            let file = if matches!(found, Lie::Forged) { forged(&file, &entry()) } else { file };
            let [mut joiner, liar, server] = network(&context).await;
            context.child("liar").spawn(move |context| lie(context, liar, found, file, height));
            let snapshot = open_newest(&context, "honest", id).await.unwrap();
            let shelf = Shelf::new(snapshot.as_ref());
            context.child("honest").spawn(move |context| serve(context, shelf, server));
            let began = context.current();
            let taken: Snapshot<_> = fetch(&context, PARTITION, id, &mut joiner).await.unwrap().unwrap();
            let took = context.current().duration_since(began).unwrap();
            assert_eq!(taken.ledger.tip(), honest.tip(), "{found:?}");
            assert!(took < Duration::from_secs(70), "{found:?}: {took:?}");
            assert_eq!((files(&context, &incoming(PARTITION)).await, files(&context, PARTITION).await), (0, 1), "{found:?}");
            drop(taken);
            let again: Ledger = open_newest(&context, PARTITION, id).await.unwrap().unwrap().ledger;
            assert_eq!(again.state().root(), honest.state().root());
        });
    }
}
