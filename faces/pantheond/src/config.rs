//! The file of a node: which chain, which key, where it listens, whom it speaks to. Paths in it are beside it.

use crate::failure::Failure;
use crate::file::read_within;
use crate::rpc::limits::{P2P_PORT, RPC_PORT, WRITE_PATIENCE};
use crate::rpc::{Options, Rate};
use mickai_proof::key::PublicKey;
use mickai_proof::limits::BROUGHT_KEY_BYTES_MAX;
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

const IDLE_MS: u64 = 500;
/// Below the time that a round's leader has.
const IDLE_MS_MAX: u64 = 1_500;

/// As it is written.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The genesis file.
    pub genesis: PathBuf,
    /// The node's key: its peers know it by it, and it votes with it where it has a seat.
    pub key: PathBuf,
    /// The folder of blocks and state.
    pub folder: PathBuf,
    /// Where peers reach it.
    #[serde(default = "listen")]
    pub listen: SocketAddr,
    /// Blocks that are kept before the newest snapshot; without it all are, as an archive does.
    #[serde(default)]
    pub kept_blocks: Option<u64>,
    /// Where nothing is kept yet: begin with a peer's snapshot, which proves itself, and fetch only the blocks after it.
    #[serde(default)]
    pub takes_snapshot: bool,
    /// Evidence against validators that vote twice is submitted at the cost of the account of the node's key, where that has enough.
    #[serde(default = "submits_evidence")]
    pub submits_evidence: bool,
    /// How long a proposer waits for transactions before it proposes an empty block.
    #[serde(default = "idle_ms")]
    pub idle_ms: u64,
    /// For programs.
    #[serde(default)]
    pub rpc: Rpc,
    /// Whom it speaks to, and nobody else.
    #[serde(default, rename = "peer")]
    pub peers: Vec<Peer>,
}

/// The RPC.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rpc {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Other machines may reach it: whoever can may read everything and send transactions.
    pub exposed: bool,
    /// Names besides those of its addresses under which programs may call it.
    pub names: Vec<String>,
    /// Requests a second from one address, when it has used up its burst.
    pub requests_per_second: u32,
    /// Requests at once from one address.
    pub burst: u32,
}

/// A peer.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// Its public key, PEM.
    pub key: PathBuf,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Default for Rpc {
    fn default() -> Self {
        let Rate { per_s, burst } = Rate::default();
        Self { listen: (Ipv4Addr::LOCALHOST, RPC_PORT).into(), exposed: false, names: Vec::new(), requests_per_second: per_s, burst }
    }
}

fn listen() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, P2P_PORT).into()
}

fn submits_evidence() -> bool {
    true
}

fn idle_ms() -> u64 {
    IDLE_MS
}

impl Config {
    /// Reads it; its paths are then those from where the program runs.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path).map_err(Failure::io(path))?;
        let mut config: Self = toml::from_str(&text).map_err(|source| Failure::Toml { path: path.to_owned(), source: Box::new(source) })?;
        if !(1..=IDLE_MS_MAX).contains(&config.idle_ms) {
            return Err(Failure::Text { path: path.to_owned(), field: "idle_ms", value: config.idle_ms.to_string(), wanted: "1 to 1500" });
        }
        let beside = |inner: &Path| path.parent().unwrap_or(Path::new("")).join(inner);
        config.genesis = beside(&config.genesis);
        config.key = beside(&config.key);
        config.folder = beside(&config.folder);
        config.peers.iter_mut().for_each(|peer| peer.key = beside(&peer.key));
        Ok(config)
    }

    /// How the RPC is to be.
    pub fn options(&self) -> Options {
        let Rpc { listen, exposed, names, requests_per_second, burst } = &self.rpc;
        let rate = Rate { per_s: *requests_per_second, burst: *burst };
        Options { address: *listen, is_exposed: *exposed, names: names.clone(), rate, patience: WRITE_PATIENCE }
    }
}

/// A public key from its PEM file. What stands around the key may be in another encoding than UTF-8.
pub fn public_key(path: &Path) -> Result<PublicKey, Failure> {
    let not_a_key = || Failure::Store(mickai_store::Error::NotAKey(path.to_owned()));
    let pem = read_within(path, BROUGHT_KEY_BYTES_MAX, |_| not_a_key())?;
    PublicKey::from_pem(&String::from_utf8_lossy(&pem)).map_err(|_| not_a_key())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_whatever_stands_above_it_and_nothing_else_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("peer.pub");
        let key = PublicKey::from_raw([7; mickai_proof::key::PUBLIC_KEY_LEN]);
        let read = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            public_key(&path)
        };
        // In Latin-1.
        assert_eq!(read(&[&b"the key of Zo\xeb\n"[..], key.to_pem().as_bytes()].concat()).unwrap(), key);
        // By its id nobody reaches a key.
        for none in [&b"Zo\xeb"[..], key.id().to_string().as_bytes(), b"\n".repeat(BROUGHT_KEY_BYTES_MAX + 1).as_slice()] {
            assert!(matches!(read(none), Err(Failure::Store(mickai_store::Error::NotAKey(at))) if at == path));
        }
    }
}
