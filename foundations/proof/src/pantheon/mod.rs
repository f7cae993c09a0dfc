//! Pantheon, the chain on which checkpoints settle, as far as a stranger checks it (spec/pantheon.md).
//!
//! *The life of one settlement.* An operator's checkpoint goes into a [`Transaction`]; a [`Block`] holds it; its [`Header`] commits to the transactions and to the state after them; a
//! quorum of the [`ValidatorSet`] signs the header's digest, and that is the [`Certificate`]; a [`StateProof`] shows an [`Entry`] under the header's state root; [`LightProof`] puts
//! all of it into one file, from the genesis digest on.
//!
//! *Invariants.* Every type here has one encoding, and `parse` refuses all others. Nothing here decides what a transaction does: that is the state machine's, in `engines/ledger`.
//!
//! *Start reading* at [`light`].

pub mod light;

mod error;

mod amount;

mod address;

mod form;

mod action;

mod transaction;

mod block;

mod header;

mod validators;

mod vote;

mod certificate;

mod genesis;

mod entry;

mod log_entry;

mod state;

pub use action::{Action, Attestation, BondKey};
pub use address::{Address, Network};
pub use amount::{Amount, AmountError, OBOLS_PER_PAN};
pub use block::{Block, transactions_root};
pub use certificate::Certificate;
pub use entry::{Account, Entry, Name, Seat, Totals, Unbonding, Validator};
pub use error::{PantheonError, Part};
pub use genesis::{Allocation, Genesis, GenesisHead, Params};
pub use header::{Header, Height};
pub use light::{LightProof, LightVerdict};
pub use log_entry::{Attested, LogEntry};
pub use state::{EMPTY, StateKey, StateProof, leaf_hash, node_hash, value_hash};
pub use transaction::{Body, Transaction};
pub use validators::{ValidatorSet, quorum};
pub use vote::{Evidence, Proposal, Round, Vote, VoteKind};

#[cfg(test)]
mod tests;
