//! The face of Pantheon: the binary `pantheon`, with its node's RPC, its wallet and its devnet.
//!
//! *What it is.* Commands for people and an RPC for programs, over a node that is `services/node`'s and rules that are `engines/ledger`'s.
//!
//! *What it never does.* It decides nothing about a chain, opens no connection but to a node's configured peers and to the RPC that it is told, and shows no secret.
//!
//! *The life of one transfer.* `wallet send` asks the RPC for the account and for genesis, which says the fees; `transact` makes and signs a transaction and posts it; `rpc::server` takes the connection, `rpc::ask` reads the
//! transaction, [`rpc::Chain`] hands it to the node or says the reason why not; the wallet listens to the events until a block that holds it is final.
//!
//! *Invariants.* What a stranger sends is bounded before it is read, and never ends in a status of 500 or above. Every refusal has a code of its own and the values that offend. Amounts are whole obols.
//!
//! *Start reading* at `args`, then `rpc::routes`.

// The names of fields and variants say what they are; what needs more has it.
#![allow(missing_docs)]

mod args;

mod failure;

mod out;

mod command;

mod passphrase;

mod key;

mod config;

mod file;

mod genesis;

pub mod rpc;

mod client;

mod transact;

mod wallet;

mod look;

mod light;

mod doctor;

mod node;

mod devnet;

mod reference;

pub use command::main;
