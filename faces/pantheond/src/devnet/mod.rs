//! `pantheon devnet`: a chain of one's own on this machine, each validator a process, everything in one folder.
//!
//! *What a start may find in the folder.* Nothing, or no `genesis.cbor`: it is made anew, the genesis file last. A genesis file: everything it needs was written before it, and the chain goes on where it was. Keys of senders that genesis gives nothing, and what was not written to its end, are of an earlier start that was cut off, and are passed over.

mod make;

mod children;

mod senders;

mod load;

mod figures;

mod run;

#[cfg(test)]
mod trial;

pub use run::devnet;
