//! ML-DSA-65 verification at speed: many signatures under one key, several at a time in the lanes of a vector register.
//!
//! *What it is.* FIPS 204's Algorithm 3 on public data, arranged for an audit: everything that the key alone decides is computed once ([`ExpandedKey`]), and each arithmetic step
//! is done for a group of signatures at once, one a lane. Signing is a library's work; so is every verification that decides against somebody: [`Verifier`] has the library repeat
//! each rejection, and a seeded sample of what was accepted.
//!
//! *What it never does.* Hold a secret: nothing here runs in constant time, and nothing needs to.
//!
//! *The life of one signature.* [`Verifier`] cuts its items into parts and hands them to the caller's crew; `batch` takes a group of them; `hint` and `response` unpack it, and
//! reject what is not canonical or too long; `keccak` hashes messages to μ; `challenge` samples c; `ntt` transforms z and c; `batch` multiplies them with the key's rows; `ntt`
//! transforms back; `hint` corrects and packs the high bits; `keccak` gives the c̃ that the signature must hold.
//!
//! *Invariants.* The verdict of an item depends on key, message and signature alone: not on the path ([`Isa`]), the crew, the seed, or its neighbours. Intermediate values keep to
//! the bounds that stand at each function; the portable path's arithmetic is checked for overflow in every profile that checks any.
//!
//! The same lanes hash pieces of one long message for [`crate::kt128`] (`turboshake`).
//!
//! *Start reading* at `batch`.

mod params;

mod field;

mod isa;
pub use isa::Isa;

mod ntt;

mod keccak;

mod turboshake;
pub(crate) use turboshake::{CHAINING_LEN, leaves, turboshake128};

mod sponge;

mod key;
pub use key::ExpandedKey;

mod response;

mod hint;

mod challenge;

mod batch;
pub use batch::{Item, verify_many};

mod verifier;
pub use verifier::{RecheckSeed, Verifier};

#[cfg(test)]
mod tests;
