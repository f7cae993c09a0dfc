//! A chain of one validator in the home: where checkpoints settle unless the operator chose another chain. It needs no peer, no socket and no process of its own, and it witnesses nothing.
//!
//! *The life of one settlement.* `perform` of [`OwnChain`] takes the chain's lock, reads genesis and tip, and has `mickai_ledger` assemble and execute a block of one transaction, which the operator's account
//! signs. The block is made durable, then the tip that names it. `light` reads the durable tip again, has the one seat vote for it, and shows the log's entry under it. These are the bytes of
//! spec/pantheon.md, so a verifier treats them as those of any chain, and counts the seats.
//!
//! *Invariants.* A vote is for nothing but a durable tip, and a tip never goes back: of no height are two blocks signed, whenever this process ends. Who settles twice at once waits. What it costs does not grow with the chain.

mod fault;

mod genesis;

mod after;

mod chain;

pub use chain::{OwnChain, OwnStanding};
pub use fault::OwnFault;

pub(super) use chain::make;
