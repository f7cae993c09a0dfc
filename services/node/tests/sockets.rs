//! Four validators over real sockets and disks: they pay, one is stopped and comes back, one comes back without its disk and votes again.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod common;

use common::{Account, genesis, validator_key};
use futures::executor::block_on;
use mickai_node::voted::MarkFile;
use mickai_node::{Keeping, Node, Peer, Settings, Timing, launch};
use mickai_proof::pantheon::Height;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::path::Path;

/// Addresses that nobody listens at.
fn addresses(count: usize) -> Vec<SocketAddr> {
    let held: Vec<_> = (0..count).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()).collect();
    held.iter().map(|listener| listener.local_addr().unwrap()).collect()
}

fn node(folder: &Path, at: usize, addresses: &[SocketAddr]) -> Node {
    let others = (0..addresses.len()).filter(|other| *other != at);
    let peers = others.map(|other| Peer { key: Account::new(other as u8 + 1).key, address: addresses[other] }).collect();
    let marks = MarkFile::beside(&folder.join(format!("{at}.p8")));
    marks.make().unwrap();
    let settings = Settings {
        folder: folder.join(at.to_string()),
        genesis: genesis(4, 4, 10),
        key: validator_key(at as u8 + 1),
        marks,
        listen: addresses[at],
        peers,
        timing: Timing::default(),
        keeping: Keeping::default(),
        submits_evidence: true,
        threads: NonZeroUsize::MIN,
    };
    launch(settings).unwrap()
}

fn reach(node: &Node, height: Height) {
    let mut at = node.handle().status().height;
    while at < height {
        at = block_on(node.handle().wait(at)).unwrap();
    }
}

#[test]
fn validators_stop_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let addresses = addresses(4);
    let mut nodes: Vec<_> = (0..4).map(|at| node(folder.path(), at, &addresses)).collect();
    let (rich, other) = (Account::new(90), Account::new(91));
    let chain = nodes[0].handle().chain();
    let id = nodes[1].handle().submit(rich.transfer(chain, 0, other.address(), 7)).unwrap();
    let mut at = Height(0);
    while nodes[2].handle().locate(id).is_none() {
        at = block_on(nodes[2].handle().wait(at)).unwrap();
    }
    assert_eq!(nodes[2].handle().history(other.address(), 10).len(), 1);
    assert!(nodes[2].handle().metrics().lines().any(|line| line == "node_accuser_submitted_total 0"));
    // One stops: the others go on. It comes back to where they are.
    nodes.remove(3).stop().unwrap();
    let height = nodes[0].handle().status().height;
    reach(&nodes[0], Height(height.0 + 15));
    nodes.push(node(folder.path(), 3, &addresses));
    reach(&nodes[3], nodes[0].handle().status().height);
    // Without its disk it fetches everything again.
    nodes.remove(3).stop().unwrap();
    std::fs::remove_dir_all(folder.path().join("3")).unwrap();
    nodes.push(node(folder.path(), 3, &addresses));
    let height = nodes[0].handle().status().height;
    reach(&nodes[3], height);
    for at in 1..=height.0 {
        let ids: Vec<_> = nodes.iter().map(|node| block_on(node.handle().block(Height(at))).map(|block| block.id())).collect();
        assert!(ids.iter().flatten().all(|id| Some(*id) == ids[3]), "a fork at {at}: {ids:?}");
    }
    assert!(nodes[0].handle().metrics().contains("finalized_height"));
    // Its mark was beside its key, not on that disk: it votes again from the next epoch on, and the others need it to.
    reach(&nodes[3], Height(nodes[3].handle().status().height.0 + 11));
    nodes.remove(0).stop().unwrap();
    reach(&nodes[0], Height(nodes[0].handle().status().height.0 + 3));
    assert!(nodes.iter().all(|node| node.handle().evidence().is_empty()));
}
