//! `pantheon devnet`: a chain of one's own on this machine, each validator a process, everything in one folder.
//!
//! *What a start may find in the folder.* Nothing, or no `genesis.cbor`: it is made anew, the genesis file last. A genesis file: everything it needs was written before it, and the chain goes on where it was.

mod make;

mod children;

mod senders;

mod load;

mod figures;

mod run;

pub use run::devnet;
