//! Durable bytes: record segments, keys at rest, the vault of values, and model files.
//!
//! *What it is.* Everything that Mickai keeps on disk, under one folder, the *home*. The runtime hands in drafts of records and gets back places in a signed, chained, fsynced log.
//!
//! *What it never does.* It does not decide what a record means, does not know model formats, opens no socket but that of a signer on the same machine, and never gives its key anything to sign that it did not build itself.
//!
//! *The life of one record.* The caller fills a [`Draft`] and hands it to a [`LogWriter`] or, among many callers, an [`Appender`]. The sequencer adds index, chain, clocks and key id and encodes it
//! with `mickai_proof`; secret values go into the [`Vault`]; a signer signs with the [`OperatorKey`]; the syncing thread appends its frame to a segment, with one fsync for all that is ready, and
//! only then is the caller answered. Records of mode sealed get their seal within a second. [`LogReader`] finds records again without any lock, [`Index`] and [`tiles`] find them quickly and are
//! never believed, and [`fsck`] recomputes everything.
//!
//! *Invariants.* One writer at a time ([`Lock`]). What was acknowledged is never lost silently: a torn tail is cut only where it provably was never acknowledged, anything else refuses to start.
//! A key is never overwritten. Files appear whole or not at all.
//!
//! *Start reading* at [`Home`], then `segment`, then [`LogWriter`].

pub mod limits;

mod error;

mod disk;

mod beside;

mod clock;

mod lock;

mod home;

pub mod keys;

mod segment;

mod vault;

mod retention;

mod settlement;

mod own_chain;

mod log;

mod index;

pub mod tiles;

mod map;

mod models;

pub use beside::{left_beside, partial, partial_file, publish};
pub use clock::{Clock, SystemClock};
pub use error::{Damage, Error, Misuse};
pub use home::Home;
pub use index::{Index, Query};
pub use keys::{Custody, KeyFault, OperatorKey, Passphrase, PassphraseFault};
pub use lock::{Holder, Lock};
pub use log::{
    Appended, Appender, Draft, Entries, Entry, Finding, Head, KeyAccount, LogReader, LogWriter, OpenIntent, Pending, Permit, Report, Revoking, Running, Succeeded, TakenOver,
    TornTail, fsck, key_account,
};
pub use map::{Mapped, map, read_ahead};
pub use models::{AboutAdapter, AdapterManifest, AdapterStore, Incoming, Manifest, ManifestFile, Model, ModelStore, PanelFile, Progress, StoredAdapter};
pub use own_chain::{ChainFiles, ChainWriter};
pub use vault::{Erased, Erasure, Opened, Vault};

#[cfg(test)]
mod testing;
