//! A node over real sockets, and peers that use up what it has: memory, and places for handshakes.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "../examples/handshake_vectors/stream.rs"]
mod stream;

mod common;

use common::{Account, genesis, validator_key};
use mickai_node::handshake::{ACCEPT_LEN, CHALLENGE_LEN, Dialler, DiallerRandom, namespace};
use mickai_node::voted::MarkFile;
use mickai_node::{Keeping, Node, Peer, Settings, Timing, launch, limits};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{Duration, Instant};
use stream::{Direction, HEADER_LEN, directions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use zeroize::Zeroizing;

/// Where a peer is: the last byte of its address is its key's seed. Linux has all of 127.0.0.0/8 on the loopback.
fn ip(seed: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, seed)
}

/// A chain's only validator, of seed 1, with these peers.
fn node(folder: &Path, peers: &[u8]) -> (Node, SocketAddr) {
    let free = |ip| TcpListener::bind((ip, 0)).unwrap().local_addr().unwrap();
    let listen = free(ip(1));
    let marks = MarkFile::beside(&folder.join("node.p8"));
    marks.make().unwrap();
    let settings = Settings {
        folder: folder.join("data"),
        genesis: genesis(1, 4, 10),
        key: validator_key(1),
        marks,
        listen,
        peers: peers.iter().map(|seed| Peer { key: Account::new(*seed).key, address: free(ip(*seed)) }).collect(),
        timing: Timing::default(),
        keeping: Keeping::default(),
        submits_evidence: false,
        threads: NonZeroUsize::MIN,
    };
    let node = launch(settings).unwrap();
    while TcpStream::connect(listen).is_err() {}
    (node, listen)
}

/// A connection from this address.
async fn open(from: u8, node: SocketAddr) -> io::Result<tokio::net::TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((ip(from), 0).into())?;
    socket.connect(node).await
}

/// A peer that has connected, and what it says and hears by.
struct Connected {
    stream: tokio::net::TcpStream,
    back: Direction,
    there: Direction,
}

/// Connects from an address as the peer of this seed.
async fn connect(from: u8, seed: u8, node: &Node, address: SocketAddr) -> io::Result<Connected> {
    let mut stream = open(from, address).await?;
    let mut challenge = [0; CHALLENGE_LEN];
    stream.read_exact(&mut challenge).await?;
    let network = [namespace(node.handle().chain()), b"_STREAM".to_vec()].concat();
    let random = DiallerRandom { x25519: Zeroizing::new([3; 32]), kem: Zeroizing::new([4; 64]), rnd: Zeroizing::new([5; 32]) };
    let key = validator_key(seed);
    let (hello, dialled) = Dialler::new(&key, validator_key(1).public().clone(), &network).unwrap().hello(&challenge, random).unwrap();
    stream.write_all(&hello[..]).await?;
    let mut accept = [0; ACCEPT_LEN];
    stream.read_exact(&mut accept).await?;
    let (confirm, session) = dialled.confirm(&accept).unwrap();
    stream.write_all(&confirm).await?;
    let [back, there] = directions(&session.transcript());
    Ok(Connected { stream, back, there })
}

/// The same as that peer, and sends a message that the node sends back. Tried again as fast as an address may: at times the node is trying to reach the peer itself, or has just tried, and keeps no connection from it.
async fn connect_and_echo(seed: u8, node: &Node, address: SocketAddr, message: &[u8]) -> Connected {
    let mut pace = tokio::time::interval(Duration::from_secs(1) / limits::HANDSHAKES_PER_SECOND);
    loop {
        pace.tick().await;
        if let Ok(mut connected) = connect(seed, seed, node, address).await
            && connected.echo(message).await.is_ok()
        {
            return connected;
        }
    }
}

/// The same without a message: the handshake alone, as often as may be at once.
async fn shakes_hands(seed: u8, node: &Node, address: SocketAddr) -> bool {
    for _ in 0..limits::HANDSHAKES_PER_SECOND {
        if connect(seed, seed, node, address).await.is_ok() {
            return true;
        }
    }
    false
}

impl Connected {
    async fn say(&mut self, channel: u8, message: &[u8]) -> io::Result<()> {
        let mut frame = vec![0, channel];
        let mut length = message.len();
        while length > 0x7f {
            frame.push(length as u8 | 0x80);
            length >>= 7;
        }
        frame.push(length as u8);
        frame.extend(message);
        let record = self.there.record(&frame);
        self.stream.write_all(&record).await
    }

    async fn hear(&mut self) -> io::Result<Vec<u8>> {
        let mut header = [0; HEADER_LEN];
        self.stream.read_exact(&mut header).await?;
        let mut body = vec![0; self.back.length(&header)];
        self.stream.read_exact(&mut body).await?;
        Ok(self.back.open(&body))
    }

    /// Sends a transaction, and waits until the node, who passes on what is new to it, sends it back.
    async fn echo(&mut self, message: &[u8]) -> io::Result<()> {
        self.say(TRANSACTIONS, message).await?;
        while !self.hear().await?.ends_with(message) {}
        Ok(())
    }
}

const TRANSACTIONS: u8 = 5;

fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
}

#[test]
fn a_peer_that_sends_too_large_a_message_is_shut_out() {
    let folder = tempfile::tempdir().unwrap();
    let (node, address) = node(folder.path(), &[2]);
    let (rich, chain) = (Account::new(90), node.handle().chain());
    let message = |nonce| {
        let transaction = rich.transfer(chain, nonce, Account::new(91).address(), 7).encode();
        [&(transaction.len() as u32).to_be_bytes()[..], &transaction].concat()
    };
    run(async {
        let mut peer = connect_and_echo(2, &node, address, &message(0)).await;
        // The largest message is taken, whatever is in it.
        peer.say(TRANSACTIONS, &vec![0; limits::GOSSIP_BYTES_MAX]).await.unwrap();
        peer.echo(&message(1)).await.unwrap();
        // One more byte, and the connection ends, and the next is not taken.
        let _ = peer.say(TRANSACTIONS, &vec![0; limits::GOSSIP_BYTES_MAX + 1]).await;
        while peer.hear().await.is_ok() {}
        assert!(connect(2, 2, &node, address).await.is_err());
    });
    let shut_out = validator_key(2).public().to_string();
    assert!(node.handle().metrics().lines().any(|line| line.contains("blocked") && line.contains(&shut_out)));
    node.stop().unwrap();
}

#[test]
fn stalled_handshakes_of_one_address_leave_the_others_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let (node, address) = node(folder.path(), &[2, 3]);
    run(async {
        // Takes whatever places it gets, and says nothing: a hundred tries a second, for most of a handshake's time.
        let mut stalled = Vec::new();
        let mut pace = tokio::time::interval(Duration::from_millis(10));
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(2_500) {
            pace.tick().await;
            // Where the node has closed it already, there may not even be a connection.
            let Ok(mut stream) = open(2, address).await else { continue };
            if stream.read_u8().await.is_ok() {
                stalled.push(stream);
            }
        }
        let places = limits::HANDSHAKES_PER_SECOND as usize..=limits::HANDSHAKES_PER_ADDRESS as usize;
        assert!(places.contains(&stalled.len()), "{}", stalled.len());
        assert!(shakes_hands(3, &node, address).await);
    });
    node.stop().unwrap();
}

#[test]
fn an_address_that_is_no_peers_hears_nothing_and_a_peer_is_taken_only_from_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let (node, address) = node(folder.path(), &[2, 3]);
    run(async {
        // Closed before the first byte, or reset where this end was slower.
        let heard = async { open(9, address).await?.read_u8().await };
        assert!(heard.await.is_err());
        assert!(connect(3, 2, &node, address).await.is_err());
        assert!(shakes_hands(2, &node, address).await);
    });
    node.stop().unwrap();
}
