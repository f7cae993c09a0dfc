//! Chains in miniature on which a log's checkpoint is settled, every part of the light proof open to change.

use super::Signer;
use super::log::{Log, next_after, recovery};
use super::pantheon::{PAN, address, certificate, entries, head, header, obols, prove, root, set};
use mickai_proof::checkpoint::Checkpoint;
use mickai_proof::digest::{ChainId, LogId, StateHash};
use mickai_proof::history::{Committed, Reign};
use mickai_proof::pantheon::light::Change;
use mickai_proof::pantheon::{Allocation, Amount, Attested, Entry, Genesis, GenesisHead, Header, Height, LightProof, LogEntry, StateKey};
use std::collections::BTreeMap;

/// A chain whose sets always have at least four seats, and change three times.
pub const WIDE: [&[u8]; 4] = [&[1, 2, 3, 4], &[2, 3, 4, 5], &[2, 3, 4, 5, 6, 7, 8], &[3, 4, 5, 6]];

/// What the first validators have, and one account the rest.
pub fn head_of(seeds: &[u8]) -> GenesisHead {
    let bond = 2_000_000 * PAN;
    let bonds = seeds.iter().map(|seed| (address(100 + seed), Signer::from_seed(*seed).key, obols(bond))).collect();
    let rest = Amount::SUPPLY.obols() - 500_000_000 * PAN - bond * seeds.len() as u64;
    Genesis::new(GenesisHead { bonds, ..head() }, vec![Allocation { to: address(10), amount: obols(rest) }]).unwrap().head
}

/// What such a chain is pinned by.
pub fn chain_of(seeds: &[u8]) -> ChainId {
    head_of(seeds).id()
}

/// The log as a chain knows it that was told of all its keys.
pub fn log_entry(log: &Log, checkpoint: Checkpoint) -> LogEntry {
    let reign = |(from, signer): &(usize, Signer)| Reign {
        key: signer.key.clone(),
        from: *from as u64,
        committed: Committed { next: if *from == 0 { super::log::next().id() } else { next_after(signer).id() }, recovery: recovery().id() },
    };
    let signature = Box::new(log.signer.sign(checkpoint.text().as_bytes()));
    let newest = Attested { size: checkpoint.size, root: checkpoint.root, key: log.reigns.len() as u64 - 1, signature, height: Height(7) };
    LogEntry { keys: log.reigns.iter().map(reign).collect(), revocations: Vec::new(), event: *log.events.last().unwrap_or(&0) as u64, fork: None, newest: Some(newest) }
}

/// A header of the chain that these sets follow.
pub fn header_of(sets: &[&[u8]], height: u64, (votes, follows): (usize, usize), state: StateHash) -> Header {
    Header { chain: chain_of(sets[0]), ..header(height, sets[votes], sets[follows], state, &[]) }
}

/// The proof of one key of a state.
pub fn light_proof(sets: &[&[u8]], state: &BTreeMap<StateKey, Entry>, keys: Vec<StateKey>) -> LightProof {
    let last = sets.len() - 1;
    let change = |at: usize| {
        let header = header_of(sets, 10 * (at as u64 + 1), (at, at + 1), StateHash([9; 32]));
        Change { certificate: certificate(&header, sets[at]), header, next: set(sets[at + 1]) }
    };
    let header = header_of(sets, 10 * last as u64 + 8, (last, last), root(state));
    LightProof {
        head: head_of(sets[0]),
        changes: (0..last).map(change).collect(),
        certificate: certificate(&header, sets[last]),
        header,
        entries: keys.into_iter().map(|key| prove(state, key)).collect(),
    }
}

/// A state that holds this of a log, among other things.
pub fn state_with(log: LogId, entry: LogEntry) -> BTreeMap<StateKey, Entry> {
    let mut state = entries();
    state.insert(StateKey::Log(log), Entry::Log(Box::new(entry)));
    state
}

/// The settlement of the first `size` records.
pub fn settlement(sets: &[&[u8]], log: &Log, size: usize) -> LightProof {
    settlement_of(sets, log, log_entry(log, log.checkpoint(size)))
}

/// The same, whatever the chain has of the log.
pub fn settlement_of(sets: &[&[u8]], log: &Log, entry: LogEntry) -> LightProof {
    light_proof(sets, &state_with(log.id, entry), vec![StateKey::Log(log.id)])
}
