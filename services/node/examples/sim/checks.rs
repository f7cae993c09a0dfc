//! What must hold of every run, seen from outside the engines: the final blocks of all honest nodes, executed again by a ledger of its own.

use mickai_ledger::{Ledger, Library};
use mickai_node::Handle;
use mickai_proof::digest::TransactionId;
use mickai_proof::pantheon::{Address, Amount, Block, Genesis, Height};
use std::collections::{BTreeMap, BTreeSet};

/// Final blocks by height, as far as anybody honest has come; kept across restarts.
#[derive(Default)]
pub struct History {
    blocks: BTreeMap<u64, Block>,
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
    pub fn check(&self, genesis: &Genesis) -> Result<Ledger, String> {
        let mut ledger = Ledger::new(genesis).map_err(|why| why.to_string())?;
        let (mut nonces, mut seen): (BTreeMap<Address, u64>, BTreeSet<TransactionId>) = Default::default();
        for (height, block) in &self.blocks {
            ledger = ledger.execute(block, &Library).map_err(|why| format!("an invalid block is final at {height}: {why}"))?.ledger;
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
        Ok(ledger)
    }
}
