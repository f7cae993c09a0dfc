//! Keys: the operator's signing key, the keys that come after it, the vault's key; at rest, in use, in copies (spec/keys.md).
//!
//! *The life of a key.* `files::create_missing` draws the seeds on the first run; [`OperatorKey`] signs with the current one, in this process or through a [`signer`] that alone holds it.
//! [`protect`] puts a [`Passphrase`] before the seed, [`export_recovery`] takes the next and the recovery seed off this machine, [`back_up`] and [`restore`] keep a copy of what a log cannot go on without. Where the current
//! seed is lost and there is no copy, a committed one takes over ([`crate::LogWriter::take_over`]).
//!
//! *Invariants.* A seed leaves memory wiped, and leaves the machine only encrypted or where the operator sends it. Nothing here signs bytes that a caller made. Looking at a home never asks for a passphrase.

mod fault;

mod seed;

mod passphrase;

mod protected;

mod recovery;

mod files;

mod custody;

mod operator;

mod keeping;

mod succession;

mod backup;

mod apart;

mod wallet;

mod voter;

mod well_known;

pub mod asking;

pub mod signer;

pub use apart::{make_file, public_of_file, seed_of_file};
pub use backup::{Backup, back_up, give_up_vault, restore};
pub use custody::Custody;
pub use fault::{KeyFault, PassphraseFault, SignerFault};
pub use files::is_protected;
pub use keeping::{Moved, export_recovery, import_recovery, protect, unprotect};
pub use operator::OperatorKey;
pub use passphrase::Passphrase;
pub use protected::{Content, Protected, ProtectedFault};
pub use recovery::parse_recovery;
pub use seed::{Seed, parse_pkcs8};
pub use succession::Successor;
pub use voter::Voter;
pub use wallet::Wallet;
pub use well_known::{InForce, WellKnown};

pub(crate) use files::{committed_keys, create_missing, vault_key};
pub(crate) use seed::random;
pub(crate) use succession::{Coming, destroy_unfinished, is_unsettled, settle};

#[cfg(test)]
mod tests;
