//! Every type that a stranger must be able to check, and the one function that checks them.
//!
//! *What it is.* The Open Audit Record as bytes: records, signatures, the Merkle tree, checkpoints, bundles, and [`verify::Verifier`], which turns a bundle and a policy into a
//! verdict.
//!
//! *What it never does.* I/O, clocks, randomness, threads. It does not panic on any input.
//!
//! *The life of one record.* A caller fills [`record::Record`] and [`record::encode`]s it; [`digest::RecordDigest::of`] names it; [`signature::to_be_signed`] gives what the key
//! signs, and [`mldsa::Verifier`] verifies many signatures at a time; its bytes become a leaf of [`merkle::Frontier`]; the tree's root stands in a [`checkpoint::Checkpoint`];
//! [`bundle::Writer`] puts all of it into one file; [`verify::Verifier`] reads that file, knowing nothing but a key.
//! Where operators settle their checkpoints is [`pantheon`]: a chain that a stranger follows from one digest.
//! The forms that tools of others read are [`tiles`], [`receipt`], [`statement`] and [`view`].
//!
//! *Invariants.* A decoded value encodes to the bytes it came from. Everything is bounded by [`limits`]. The normative pages are `spec/{record,checkpoint,bundle,keys,verdict,pantheon}.md`;
//! step numbers in the code are those of `spec/verdict.md`.
//!
//! *Start reading* at [`record`], then [`verify`].
#![cfg_attr(not(test), no_std)]

extern crate alloc;

// The programs under `tests/common` say the crate's name, also as a part of the crate's own tests.
#[cfg(test)]
extern crate self as mickai_proof;

pub mod limits;

pub mod digest;

pub mod cbor;

pub mod record;

pub mod key;

pub mod signature;

pub mod crew;

pub mod mldsa;

pub mod kt128;

pub mod history;

pub mod commitment;

pub mod merkle;

pub mod checkpoint;

pub mod fork;

pub mod bundle;

pub mod verify;

pub mod tiles;

pub mod receipt;

pub mod pantheon;

pub mod json;

pub mod statement;

pub mod view;

#[cfg(test)]
mod testing;
