//! The folder of a devnet: keys, genesis, and a file for each node.

use crate::config::{Config, Peer, Rpc};
use crate::failure::Failure;
use crate::genesis;
use mickai_node::voted::MarkFile;
use mickai_proof::digest::TreeHash;
use mickai_proof::key::PublicKey;
use mickai_proof::pantheon::{Address, Allocation, Amount, Genesis, GenesisHead, Network, Params};
use mickai_store::keys::{make_file, public_of_file};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

const GENESIS: &str = "genesis.cbor";
const SENDERS: &str = "senders";
/// Below the ports that systems hand out to whoever connects, so that a validator finds its own again.
const PORTS: std::ops::Range<u16> = 20_000..30_000;
/// What each validator puts up, what the account of its node's key has for evidence, and what each sender has; PAN.
const BOND: u64 = 10_000_000;
const PETTY_CASH: u64 = 1;
const PURSE: u64 = 1_000_000;
/// One machine's own programs may ask as often as they like.
const RATE: u32 = 1_000_000;

/// A devnet's folder.
pub struct Folder {
    /// Where.
    pub path: PathBuf,
    /// The nodes' files, by their number.
    pub configs: Vec<PathBuf>,
    /// Keys of accounts that send under load.
    pub senders: Vec<PathBuf>,
    /// What the chain begins with.
    pub genesis: Genesis,
}

/// How a new one is to be.
pub struct Wanted {
    /// Validators.
    pub validators: usize,
    /// Accounts that send under load.
    pub senders: usize,
    /// Blocks of an epoch.
    pub epoch_blocks: u64,
}

impl Folder {
    /// The devnet of a folder, made if there is none.
    pub fn open(path: &Path, wanted: &Wanted) -> Result<Self, Failure> {
        if !path.join(GENESIS).exists() {
            make(path, wanted)?;
        }
        let genesis = genesis::read(&path.join(GENESIS))?;
        let configs = (0..genesis.head.bonds.len()).map(|at| validator(path, at).join("node.toml")).collect();
        let senders = senders(path, &genesis)?;
        Ok(Self { path: path.to_owned(), configs, senders, genesis })
    }

    /// The wallet of the account that has most.
    pub fn wallet(&self) -> PathBuf {
        self.path.join("wallet.p8")
    }
}

/// The keys of accounts that send, in order. A start that was cut off, for more of them, may have left others there, and what was not written to its end: genesis gives those nothing.
fn senders(path: &Path, genesis: &Genesis) -> Result<Vec<PathBuf>, Failure> {
    let folder = path.join(SENDERS);
    let mut senders = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(Failure::io(&folder))? {
        let file = entry.map_err(Failure::io(&folder))?.path();
        if file.extension().is_none_or(|extension| extension != "p8") {
            continue;
        }
        let account = Address::of(&public_of_file(&file)?);
        // By ascending address.
        if genesis.allocations.binary_search_by_key(&account, |one| one.to).is_ok() {
            senders.push(file);
        }
    }
    senders.sort();
    Ok(senders)
}

fn validator(path: &Path, at: usize) -> PathBuf {
    path.join(format!("validator-{at}"))
}

fn make(path: &Path, wanted: &Wanted) -> Result<(), Failure> {
    let ports = free_ports(2 * wanted.validators)?;
    let address = |port: Option<&u16>| SocketAddr::from((Ipv4Addr::LOCALHOST, port.copied().unwrap_or_default()));
    let mut bonds = Vec::new();
    for at in 0..wanted.validators {
        let folder = validator(path, at);
        let voter = key(&folder.join("node.p8"))?;
        // Without a genesis it has voted nowhere yet, even where an earlier try made the key.
        MarkFile::beside(&folder.join("node.p8")).make().map_err(Failure::Node)?;
        std::fs::write(folder.join("node.pub"), voter.to_pem()).map_err(Failure::io(&folder))?;
        bonds.push((Address::of(&key(&folder.join("account.p8"))?), voter, pan(BOND)));
    }
    for at in 0..wanted.validators {
        let peers = (0..wanted.validators).filter(|other| *other != at);
        let peers = peers.map(|other| Peer { key: format!("../validator-{other}/node.pub").into(), address: address(ports.get(2 * other)) }).collect();
        let rpc = Rpc { listen: address(ports.get(2 * at + 1)), requests_per_second: RATE, burst: RATE, ..Rpc::default() };
        let config = Config {
            genesis: PathBuf::from("..").join(GENESIS),
            key: "node.p8".into(),
            folder: "data".into(),
            listen: address(ports.get(2 * at)),
            kept_blocks: None,
            takes_snapshot: false,
            submits_evidence: true,
            idle_ms: 500,
            rpc,
            peers,
        };
        let file = validator(path, at).join("node.toml");
        let text = toml::to_string(&config).map_err(|_| Failure::Text { path: file.clone(), field: "node", value: String::new(), wanted: "a path that is text" })?;
        std::fs::write(&file, text).map_err(Failure::io(&file))?;
    }
    let mut allocations: Vec<_> = bonds.iter().map(|(_, voter, _)| Allocation { to: Address::of(voter), amount: pan(PETTY_CASH) }).collect();
    for at in 0..wanted.senders {
        let file = path.join(SENDERS).join(format!("{at:04}.p8"));
        allocations.push(Allocation { to: Address::of(&key(&file)?), amount: pan(PURSE) });
    }
    let given = pan((BOND + PETTY_CASH) * wanted.validators as u64 + PURSE * wanted.senders as u64);
    let rest = Amount::SUPPLY.checked_sub(given).unwrap_or_default();
    allocations.push(Allocation { to: Address::of(&key(&path.join("wallet.p8"))?), amount: rest });
    let genesis = Genesis::new(head(wanted, bonds), allocations)?;
    // Last, and whole: whoever finds it finds everything.
    let (file, beside) = (path.join(GENESIS), path.join(".genesis.tmp"));
    std::fs::write(&beside, genesis.encode()).and_then(|()| std::fs::rename(&beside, &file)).map_err(Failure::io(&file))
}

fn head(wanted: &Wanted, bonds: Vec<(Address, PublicKey, Amount)>) -> GenesisHead {
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0));
    GenesisHead {
        network: Network::Test,
        name: "devnet".into(),
        time_ms: now_ms,
        params: Params {
            seats_min: 1,
            seats_max: 21,
            epoch_blocks: wanted.epoch_blocks,
            unbonding_epochs: 2,
            bond_min: pan(1_000_000),
            fee_base: Amount::from_obols(1_000),
            fee_byte: Amount::from_obols(1),
            treasury_share: 2_000,
        },
        bonds,
        treasury: Amount::ZERO,
        allocation_count: 0,
        allocated: Amount::ZERO,
        allocations: TreeHash([0; 32]),
    }
}

fn pan(whole: u64) -> Amount {
    Amount::from_obols(whole * mickai_proof::pantheon::OBOLS_PER_PAN)
}

/// The key of a file, made if an earlier try did not come so far.
fn key(path: &Path) -> Result<PublicKey, Failure> {
    if path.exists() { Ok(public_of_file(path)?) } else { Ok(make_file(path, None)?) }
}

/// Ports that nobody listens on now, each tried.
fn free_ports(count: usize) -> Result<Vec<u16>, Failure> {
    // Two devnets that begin together look in different places.
    let span = PORTS.end - PORTS.start;
    let start = u16::try_from(u64::from(std::process::id()) * 127 % u64::from(span)).unwrap_or(0);
    let mut held = Vec::new();
    for offset in 0..span {
        let port = PORTS.start + (start + offset) % span;
        held.extend(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok().map(|listener| (port, listener)));
        if held.len() == count {
            return Ok(held.into_iter().map(|(port, _)| port).collect());
        }
    }
    let source = std::io::ErrorKind::AddrInUse.into();
    Err(Failure::Serve(crate::rpc::ServeError::Listen { address: (Ipv4Addr::LOCALHOST, PORTS.start).into(), source }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_start_left_that_was_cut_off_sends_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let sender = |at: usize| path.join(SENDERS).join(format!("{at:04}.p8"));
        // One that was to have four, and wrote the fourth when it ended.
        (0..3).for_each(|at| drop(make_file(&sender(at), None).unwrap()));
        std::fs::write(path.join(SENDERS).join(".0003.p8.tmp"), b"half").unwrap();
        let wanted = Wanted { validators: 1, senders: 2, epoch_blocks: 10 };
        let of = |folder: Folder| (folder.configs.len(), folder.senders);
        let expected = (1, vec![sender(0), sender(1)]);
        assert_eq!(of(Folder::open(path, &wanted).unwrap()), expected);
        // And when it goes on.
        assert_eq!(of(Folder::open(path, &wanted).unwrap()), expected);
    }
}
