//! A Pantheon node: the ledger wired to a consensus engine, to peers and to a disk.
//!
//! *What it is.* A validator or a full node of one chain (spec/pantheon.md). Agreement, broadcast and archives are Commonware's; what a block does is `engines/ledger`'s; this crate is the rules between them,
//! the signatures, and the handshake of peers.
//!
//! *What it never does.* Change what a block does; open a connection to a peer that was not configured; trust a clock for more than when to propose, how long to wait, and whether an epoch began after this process did ([`voted`]).
//!
//! *The life of one transaction.* [`Handle::submit`] has `chain` look at what costs nothing, verify its signature, try it on the newest ledger and put it into the `mempool`; `gossip` carries it to the peers. When this node leads a round, `application` makes a block of what waits
//! and executes it; the other validators execute it too before they vote to notarize it (`scheme`, [`identity`]). What a quorum made final comes back through `delivery`, in order: `chain` keeps the ledger after it, `index` where its transactions stand.
//! At an epoch's end `engines` starts the next engine with the next voters. Whom it reports as having voted twice, `accuser` brings before the chain.
//!
//! *Invariants.* No vote to notarize a block that was not executed here; one to finalise it follows a quorum of those, and may come before this node has executed it. No vote at all in an epoch in which this key may have voted out of
//! another folder ([`voted`]). What is final is taken in once, in order, and acknowledged after. A final block that does not follow stops the node. What waits here of a peer, and what it proposes, take no more of the node's memory than
//! its share (`door`), and of ledgers after blocks that are not final a fixed number is kept; what the engine keeps of votes grows with the views since the newest final block, and no peer alone brings those about.
//!
//! *Start reading* at [`start`].

mod error;
pub use error::NodeError;

pub mod limits;

pub mod identity;

pub mod scheme;
pub use scheme::Scheme;

pub mod votes;

pub mod handshake;

mod sealed;
pub use sealed::Sealed;

mod calendar;

mod remembered;

mod first;

mod mempool;
pub use mempool::SubmitError;

mod index;
pub use index::Place;

mod chain;

mod application;

mod roster;

mod delivery;

mod archive;

pub mod voted;

mod engines;

mod gossip;

mod accuser;

mod light;

mod snapshot;

mod door;
pub use door::message_bytes_max;

mod handle;
pub use handle::{Handle, Status};

mod node;
pub use node::{Channels, Keeping, Parts, Timing, start};

mod launch;
pub use launch::{Node, Peer, Settings, launch};

#[cfg(test)]
mod trial;
