//! What somebody on the cable sees: two nodes connect and talk through a recorder, and all that it has in the clear is the handshake as spec/handshake.md says it.
//!
//! *What this shows.* The first bytes of a connection are the four messages with good ML-DSA-65 signatures by the two nodes' keys; of what they say to each other afterwards, a transaction
//! and a vote, no sixteen bytes appear, the same message twice never looks the same; a node that authenticates itself in the engine's own, classical way gets no connection, on either end; and a peer whose records and frames are
//! written here by the spec's words is heard by a node, and hears it.
//! *What it does not show.* That ChaCha20-Poly1305 is secure, or that lengths and times say nothing: they do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test")]

#[path = "../examples/handshake_vectors/forge.rs"]
mod forge;

#[path = "../examples/handshake_vectors/stream.rs"]
mod stream;

#[path = "../../../engines/ledger/tests/common/mod.rs"]
mod common;

use commonware_codec::Encode;
use commonware_consensus::simplex::types::{Finalize, Proposal, Vote};
use commonware_consensus::types::{Epoch, Round, View};
use commonware_cryptography::{ChaCha20Poly1305, Signer as _, ed25519};
use commonware_p2p::authenticated::lookup;
use commonware_p2p::{Address, AddressableManager as _, Receiver as _, Recipients, Sender as _};
use commonware_runtime::deterministic::{Config, Context, Runner};
use commonware_runtime::{Buf as _, Clock as _, IoBuf, Listener as _, Network as _, Quota, Runner as _, Sink, Spawner as _, Stream, Supervisor as _};
use commonware_stream::Handshake as _;
use commonware_stream::cups::{self, Cups};
use commonware_stream::sake::{self, Sake};
use commonware_utils::ordered::Map;
use commonware_utils::{NZU32, NZUsize};
use futures::future::{Either, select};
use mickai_node::handshake::{ACCEPT_LEN, CHALLENGE_LEN, CONFIRM_LEN, HELLO_LEN, PeerHandshake, namespace};
use mickai_node::identity::{PrivateKey, SEED_LEN};
use mickai_node::scheme::Scheme;
use mickai_node::votes;
use mickai_proof::digest::{BlockId, ChainId};
use mickai_proof::pantheon::Action;
use mickai_proof::signature;
use std::collections::HashSet;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use stream::HEADER_LEN;
use zeroize::Zeroizing;

/// What one connection carried.
#[derive(Default)]
struct Recording {
    to_listener: Vec<u8>,
    to_dialler: Vec<u8>,
}

const KNOCK: &[u8] = b"is anybody there, behind this recorder?";

type Recordings = Arc<Mutex<Vec<Recording>>>;

fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_seed_bytes(&Zeroizing::new([seed; SEED_LEN]))
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// Copies one direction, and writes it down first.
async fn copy(mut from: impl Stream, mut to: impl Sink, kept: impl Fn(&[u8])) {
    while let Ok(first) = from.recv(1).await {
        let more = from.peek(1 << 16).len();
        let mut received = first;
        let mut bytes = vec![0; 1 + more];
        received.copy_to_slice(&mut bytes[..1]);
        if more > 0 {
            let Ok(mut rest) = from.recv(more).await else { return };
            rest.copy_to_slice(&mut bytes[1..]);
        }
        kept(&bytes);
        if to.send(bytes).await.is_err() {
            return;
        }
    }
}

/// Stands at `at` for the node at `node`, and keeps everything.
fn record(context: &Context, at: SocketAddr, node: SocketAddr, recordings: Recordings) {
    context.child("recorder").spawn(move |context| async move {
        let mut listener = context.bind(at).await.unwrap();
        while let Ok((_, to_dialler, from_dialler)) = listener.accept().await {
            let Ok((to_listener, from_listener)) = context.dial(node).await else { continue };
            let index = {
                let mut all = recordings.lock().unwrap();
                all.push(Recording::default());
                all.len() - 1
            };
            let (one, other) = (recordings.clone(), recordings.clone());
            context.child("there").spawn(move |_| copy(from_dialler, to_listener, move |bytes| one.lock().unwrap()[index].to_listener.extend(bytes)));
            context.child("back").spawn(move |_| copy(from_listener, to_dialler, move |bytes| other.lock().unwrap()[index].to_dialler.extend(bytes)));
        }
    });
}

/// A transaction and a vote, as nodes send them.
fn said(chain: &common::Chain) -> [Vec<u8>; 2] {
    let rich = common::Signer::new(10);
    let transaction = chain.transaction(&rich, Action::Transfer { to: common::Signer::new(11).address(), amount: common::obols(1) });
    let scheme = Scheme::signer(chain.ledger.chain(), chain.ledger.validators(), key(1)).unwrap();
    let proposal = Proposal::new(Round::new(Epoch::zero(), View::new(3)), View::new(2), votes::digest(BlockId([9; 32])));
    [transaction.encode(), Vote::Finalize(Finalize::sign(&scheme, proposal).unwrap()).encode().to_vec()]
}

type Key = mickai_node::identity::PublicKey;

/// A node of the network at its port, with its one peer at another; what it says and what it hears.
fn start(
    context: Context,
    chain: ChainId,
    own: (u8, u16),
    peer: (u8, u16),
) -> (impl commonware_p2p::Sender<PublicKey = Key>, impl commonware_p2p::Receiver<PublicKey = Key>, lookup::Oracle<Key>) {
    let upgrader = Cups::<_, ChaCha20Poly1305>::new(PeerHandshake::new(key(own.0)), cups::Version::V1);
    let config = lookup::Config::local(upgrader, &namespace(chain), address(own.1), NZUsize!(4), 1 << 16, NZUsize!(64));
    let (mut network, mut oracle) = lookup::Network::new(context.child("network"), config);
    let peers: Map<_, Address> = [(key(own.0).public().clone(), address(own.1).into()), (key(peer.0).public().clone(), address(peer.1).into())].try_into().unwrap();
    oracle.track(0, peers);
    let (sender, receiver) = network.register(0, Quota::per_second(NZU32!(100)));
    network.start();
    (sender, receiver, oracle)
}

#[test]
fn all_that_is_in_the_clear_is_the_handshake() {
    let chain = common::Chain::with(common::params(), &[1, 2]);
    let (id, said) = (chain.ledger.chain(), said(&chain));
    let recordings = Recordings::default();
    let kept = recordings.clone();
    let sent = said.clone();
    Runner::new(Config::new().with_seed(3).with_timeout(Some(Duration::from_secs(120)))).start(|context| async move {
        // Each node finds the other behind a recorder.
        record(&context, address(4_001), address(3_001), kept.clone());
        record(&context, address(4_002), address(3_002), kept.clone());
        let (mut one, _heard, _one) = start(context.child("one"), id, (1, 3_001), (2, 4_002));
        let (_said, mut other, _other) = start(context.child("two"), id, (2, 3_002), (1, 4_001));
        let peer = key(2).public().clone();
        // What is sent before there is a connection is lost: the first message is sent until it comes through.
        loop {
            one.send(Recipients::One(peer.clone()), IoBuf::from(KNOCK.to_vec()), true);
            if let Either::Left((Ok(_), _)) = select(pin!(other.recv()), pin!(context.sleep(Duration::from_millis(500)))).await {
                break;
            }
        }
        for message in [&sent[0], &sent[1], &sent[0]] {
            one.send(Recipients::One(peer.clone()), IoBuf::from(message.clone()), true);
            let (from, mut bytes) = other.recv().await.unwrap();
            let mut heard = vec![0; bytes.remaining()];
            bytes.copy_to_slice(&mut heard);
            assert!(from == *key(1).public() && heard == **message);
        }
    });
    let recordings = recordings.lock().unwrap();
    let connected: Vec<_> = recordings.iter().filter(|recording| recording.to_listener.len() >= HELLO_LEN + CONFIRM_LEN).collect();
    assert!(!connected.is_empty());
    for recording in &connected {
        check_handshake(id, recording);
    }
    assert!(connected.iter().any(|recording| recording.to_listener.len() + recording.to_dialler.len() > HELLO_LEN + ACCEPT_LEN + said.concat().len()));
    for recording in recordings.iter() {
        nothing_shows(recording, &said);
    }
}

/// The four messages, by the formulas of the spec.
fn check_handshake(chain: ChainId, recording: &Recording) {
    let network = [namespace(chain), b"_STREAM".to_vec()].concat();
    let (challenge, hello) = (&recording.to_dialler[..CHALLENGE_LEN], &recording.to_listener[..HELLO_LEN]);
    let accept = &recording.to_dialler[CHALLENGE_LEN..CHALLENGE_LEN + ACCEPT_LEN];
    assert!(challenge.starts_with(forge::DOMAIN) && hello.starts_with(forge::DOMAIN));
    let keys = [key(1).public().clone(), key(2).public().clone()];
    let dialler = keys.iter().find(|key| key[..] == hello[17..1_969]).unwrap();
    let listener = keys.iter().find(|key| *key != dialler).unwrap();
    let t1 = forge::t1(&network, listener, &challenge[17..], dialler, &hello[1_969..2_001], &hello[2_001..3_185]);
    let is_signed =
        |key: &Key, domain: &[u8], transcript: &[u8], signed: &[u8]| signature::verify(key.key(), &[domain, &forge::sha3_256(&[transcript])].concat(), signed.try_into().unwrap());
    assert!(is_signed(dialler, forge::HELLO, &t1, &hello[3_185..]));
    let t2 = [&t1[..], &hello[3_185..], &accept[..1_120]].concat();
    assert!(is_signed(listener, forge::ACCEPT, &t2, &accept[1_120..4_429]));
}

async fn bytes(stream: &mut impl Stream, length: usize) -> Vec<u8> {
    stream.recv(length).await.unwrap().coalesce().as_ref().to_vec()
}

#[test]
fn a_peer_that_speaks_by_the_spec_is_heard_and_hears() {
    let chain = ChainId([1; 32]);
    let network = [namespace(chain), b"_STREAM".to_vec()].concat();
    Runner::new(Config::new().with_seed(5).with_timeout(Some(Duration::from_secs(120)))).start(|context| async move {
        let (mut says, mut hears, _node) = start(context.child("node"), chain, (2, 3_002), (1, 3_001));
        // A ping, then two messages on channel 0, the second longer than one byte of a varint says.
        let long = vec![7; 300];
        let frames = [&[1][..], b"\x00\x00\x05there", &[&[0, 0, 0xac, 0x02][..], &long].concat()];
        // Where the node is trying to reach this peer itself, or has just tried, it keeps no connection from it.
        let (mut stream, mut back, _sink) = loop {
            context.sleep(Duration::from_millis(100)).await;
            let Ok((mut sink, mut stream)) = context.dial(address(3_002)).await else { continue };
            let dialled = PeerHandshake::new(key(1)).dial(context.child("dialler"), &network, key(2).public().clone(), &mut stream, &mut sink).await;
            if let Ok(session) = dialled {
                let [back, mut there] = stream::directions(&session);
                for frame in frames {
                    drop(sink.send(there.record(frame)).await);
                }
                if let Either::Left((Ok((from, message)), _)) = select(pin!(hears.recv()), pin!(context.sleep(Duration::from_millis(300)))).await {
                    assert!(from == *key(1).public() && message.as_ref() == b"there");
                    break (stream, back, sink);
                }
            }
        };
        let (from, message) = hears.recv().await.unwrap();
        assert!(from == *key(1).public() && message.as_ref() == long);
        says.send(Recipients::One(key(1).public().clone()), IoBuf::from(b"back"), true);
        let mut frames = Vec::new();
        while frames.last().is_none_or(|frame: &Vec<u8>| frame == &[1]) {
            let length = back.length(&bytes(&mut stream, HEADER_LEN).await);
            frames.push(back.open(&bytes(&mut stream, length).await));
        }
        assert_eq!(frames.last().unwrap(), b"\x00\x00\x04back");
    });
}

/// No sixteen bytes of what was said, and no sixteen bytes twice.
fn nothing_shows(recording: &Recording, said: &[Vec<u8>]) {
    let records = [recording.to_listener.get(HELLO_LEN..).unwrap_or_default(), recording.to_dialler.get(CHALLENGE_LEN + ACCEPT_LEN..).unwrap_or_default()];
    let mut seen = HashSet::new();
    for window in records.iter().flat_map(|direction| direction.windows(16)) {
        assert!(seen.insert(window), "the same bytes twice");
    }
    let whole: HashSet<_> = [&recording.to_listener, &recording.to_dialler].into_iter().flat_map(|direction| direction.windows(16)).collect();
    // Every ML-DSA signature ends with zeros.
    for window in said.iter().flat_map(|message| message.windows(16)).filter(|window| **window != [0; 16]) {
        assert!(!whole.contains(window), "what was said is in the clear");
    }
}

/// Does a handshake end well before the deadline that everybody gives it who calls one? Two that wait for each other end by it.
async fn connects<T, E>(context: &Context, handshake: impl Future<Output = Result<T, E>>) -> bool {
    matches!(select(pin!(handshake), pin!(context.sleep(Duration::from_secs(5)))).await, Either::Left((Ok(_), _)))
}

#[test]
fn a_classical_handshake_connects_to_nobody() {
    let network = [namespace(ChainId([1; 32])), b"_STREAM".to_vec()].concat();
    let classical = |seed| Sake {
        signer: ed25519::PrivateKey::from_seed(seed),
        synchrony_bound: Duration::from_secs(5),
        max_handshake_age: Duration::from_secs(10),
        version: sake::Version::V1,
    };
    Runner::new(Config::new().with_seed(4).with_timeout(Some(Duration::from_secs(120)))).start(|context| async move {
        // It dials us.
        let mut listener = context.bind(address(3_001)).await.unwrap();
        let (mut sink, mut stream) = context.dial(address(3_001)).await.unwrap();
        let (_, mut ours_sink, mut ours_stream) = listener.accept().await.unwrap();
        let expected = ed25519::PrivateKey::from_seed(2).public_key();
        let theirs = classical(1).dial(context.child("dialler"), &network, expected, &mut stream, &mut sink);
        let ours = PeerHandshake::new(key(1)).listen(context.child("listener"), &network, |_| async { true }, &mut ours_stream, &mut ours_sink);
        assert_eq!(futures::join!(connects(&context, theirs), connects(&context, ours)), (false, false));

        // We dial it.
        let (mut sink, mut stream) = context.dial(address(3_001)).await.unwrap();
        let (_, mut theirs_sink, mut theirs_stream) = listener.accept().await.unwrap();
        let theirs = classical(1).listen(context.child("listener"), &network, |_| async { true }, &mut theirs_stream, &mut theirs_sink);
        let ours = PeerHandshake::new(key(1)).dial(context.child("dialler"), &network, key(2).public().clone(), &mut stream, &mut sink);
        assert_eq!(futures::join!(connects(&context, theirs), connects(&context, ours)), (false, false));
    });
}
