//! Pantheon's state machine: what each transaction does to accounts, logs, names and the set of validators (spec/pantheon.md).
//!
//! *What it is.* A pure function: [`Ledger::execute`] takes a block and gives the ledger after it, with what happened, or the reason why there is none. [`Ledger::begin`] makes
//! one, transaction by transaction. A ledger never changes; the one after it shares with it what is the same, so that a node keeps several at little cost: those after its newest blocks, final or not.
//!
//! *What it never does.* Agree with others, read a clock, keep a file, know a socket. Which of two blocks counts, and whether a proposer's time is plausible, is for the node.
//!
//! *The life of one transaction.* `execute` opens a `Draft` over the state; `admit` checks size, chain, expiry, fee, nonce, key and signature; one module of `actions` does what it
//! says; if any of it is refused, the draft goes back to where it was. At an epoch's end `epoch` returns what was unbonded and seats the next validators. `supply` then counts
//! what every changed entry holds, and `trie` gives the state root.
//!
//! *Invariants.* Balances, bonds, unbonding and treasury come to 5 × 10¹⁸ obols after every block: a block that would break it is refused, whatever it says. The same blocks give
//! the same states everywhere: no floats, no clocks, no order that is not the state's.
//!
//! *Start reading* at `execute`.
#![no_std]

extern crate alloc;

mod rejection;
pub use rejection::{BlockError, Rejection};

mod execute;
pub use execute::{Effect, Executed, Ledger};

mod assemble;
pub use assemble::{Assembled, Making, Slot};

mod admit;
pub use admit::{Library, SignatureCheck};

mod actions;

mod epoch;

mod draft;

mod supply;

mod state;
pub use state::State;

mod trie;
pub use trie::RootStream;
