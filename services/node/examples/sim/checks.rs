//! What must hold of every run, seen from outside the engines: the final blocks of all honest nodes, executed again by a ledger of its own.

use mickai_ledger::{Ledger, Library};
use mickai_node::Handle;
use mickai_proof::checkpoint::Checkpoint;
use mickai_proof::digest::{LogId, TransactionId};
use mickai_proof::pantheon::{Action, Address, Amount, Block, Genesis, Height};
use std::collections::{BTreeMap, BTreeSet};

/// Final blocks by height, as far as anybody honest has come; kept across restarts.
#[derive(Default)]
pub struct History {
    blocks: BTreeMap<u64, Block>,
}

/// What the final blocks came to.
pub struct Judged {
    pub ledger: Ledger,
    /// Checkpoints that they settled.
    pub settled: usize,
    /// How often there were more validators than before.
    pub grown: usize,
    /// How often there were fewer.
    pub shrunk: usize,
}

impl History {
    /// Takes in what the nodes have.
    ///
    /// # Errors
    /// Two blocks at one height.
    pub async fn add(&mut self, nodes: &[&Handle]) -> Result<(), String> {
        for (at, node) in nodes.iter().enumerate() {
            for height in 1..=node.status().height.0 {
                let sealed = node.block(Height(height)).await.ok_or_else(|| format!("node {at} has lost block {height}"))?;
                let block = sealed.block().ok_or("a final block without a header")?;
                let known = self.blocks.entry(height).or_insert_with(|| block.clone());
                if known.header.id() != block.header.id() {
                    return Err(format!("FORK at height {height}: {} and {}", known.header.id(), block.header.id()));
                }
            }
        }
        Ok(())
    }

    /// Puts a block where it would be the next final one, whatever it is.
    pub fn plant(&mut self, block: Block) {
        self.blocks.insert(block.header.height.0, block);
    }

    pub fn height(&self) -> u64 {
        self.blocks.len() as u64
    }

    /// Executes everything again and looks at every block.
    ///
    /// # Errors
    /// What does not hold.
    pub fn check(&self, genesis: &Genesis) -> Result<Judged, String> {
        let newest = self.logs()?;
        let mut ledger = Ledger::new(genesis).map_err(|why| why.to_string())?;
        let (mut nonces, mut seen): (BTreeMap<Address, u64>, BTreeSet<TransactionId>) = Default::default();
        let (mut grown, mut shrunk) = (0, 0);
        for (height, block) in &self.blocks {
            let seats_before = ledger.validators().keys().len();
            ledger = ledger.execute(block, &Library).map_err(|why| format!("an invalid block is final at {height}: {why}"))?.ledger;
            let seats = ledger.validators().keys().len();
            (grown, shrunk) = (grown + usize::from(seats > seats_before), shrunk + usize::from(seats < seats_before));
            let totals = ledger.state().audit().ok_or_else(|| format!("the entries do not add up at {height}"))?;
            if totals.sum() != u128::from(Amount::SUPPLY.obols()) || totals != ledger.state().totals() {
                return Err(format!("the supply at {height} is {}", totals.sum()));
            }
            for transaction in &block.transactions {
                let next = nonces.entry(transaction.body().sender).or_default();
                if transaction.body().nonce != *next || !seen.insert(transaction.id()) {
                    return Err(format!("a transaction is final twice, or out of its order, at {height}"));
                }
                *next += 1;
            }
        }
        for (log, last) in newest {
            let held = ledger.state().log(log).and_then(|entry| entry.newest.as_ref()).map(|newest| (newest.size, newest.root));
            if held != Some((last.size, last.root)) {
                return Err(format!("log {log} was settled last with {} records, the state has {held:?}", last.size));
            }
        }
        Ok(Judged { ledger, settled: self.checkpoints().count(), grown, shrunk })
    }

    /// The newest checkpoint of every log, by what stands in the blocks, whatever a ledger says of it.
    ///
    /// # Errors
    /// A log that shrinks, or has two roots of one size.
    pub fn logs(&self) -> Result<BTreeMap<LogId, Checkpoint>, String> {
        let mut newest: BTreeMap<LogId, Checkpoint> = BTreeMap::new();
        for (height, next) in self.checkpoints() {
            match newest.insert(next.log, *next) {
                Some(before) if next.size < before.size => return Err(format!("log {} SHRINKS at height {height}: from {} records to {}", next.log, before.size, next.size)),
                Some(before) if next.size == before.size && next.root != before.root => {
                    return Err(format!("log {} FORKS at height {height}: two roots of {} records", next.log, next.size));
                }
                Some(_) | None => (),
            }
        }
        Ok(newest)
    }

    /// Everything that was settled, in its order, each with the height of its block.
    fn checkpoints(&self) -> impl Iterator<Item = (u64, &Checkpoint)> {
        self.blocks.iter().flat_map(|(height, block)| {
            let actions = block.transactions.iter().map(|transaction| &transaction.body().action);
            let attested = actions.filter_map(|action| if let Action::Attest(attestations) = action { Some(attestations) } else { None });
            attested.flatten().map(|attestation| (*height, &attestation.checkpoint))
        })
    }
}
