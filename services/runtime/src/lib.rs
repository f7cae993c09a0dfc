//! The operating system: which models there are, who may do what, what is recorded of it, and how it is run again.
//!
//! *What it is.* [`System`] holds a home, the models and the machine's threads, and performs the system's acts: generate, replay, import, remove, export, erase, the retention policy. Each is recorded before it begins and after it ends, by one `executor`.
//!
//! *What it never does.* It speaks no HTTP and prints nothing; it defines no bytes that a stranger checks (that is `mickai_proof`) and no arithmetic (that is `mickai_kernels`).
//!
//! *The life of one request.* [`System::generate`] renders the prompt, has the store write a signed `intent`, lets the model run under the permit, and closes it with an `outcome`. A request to
//! the embedded model becomes a [`verbs::Call`], which [`verbs::Performer`] turns into an [`verbs::Answer`] from real data, through [`when`] where it speaks of time.
//!
//! *Invariants.* No act without a durable intent, and none that policy refuses; the refusal is on record. Functions with a side effect take a [`mickai_store::Running`]. A time or a record that cannot be resolved is said, never guessed.
//!
//! *Start reading* at [`System`], then `generation`.

mod error;

mod policy;

mod crew;

pub mod acts;

mod machine;

mod memory;

mod models;

mod adapters;

mod pins;

mod repacked;

mod in_force;

mod look;

mod system;

mod executor;

mod said;

mod grammar;

mod schema;

mod room;

mod bound;

mod generation;

mod embedding;

mod recorded;

mod replay;

mod bundle;

mod open;

mod export;

mod verify;

mod models_change;

mod adapters_change;

mod models_look;

mod erase;

pub mod retention;

pub mod settle;

mod keys;

mod doctor;

pub mod profile;

pub mod serve;

pub mod when;

pub mod verbs;

pub use adapters::{ListedAdapter, LoadedAdapter};
pub use adapters_change::AdapterChanged;
pub use bound::Bound;
pub use bundle::Case;
pub use crew::Threads;
pub use doctor::{Check, CheckState, Memory};
pub use embedding::{Embedded, Input, ToEmbed};
pub use erase::{Fields, ValuesErased};
pub use error::{Error, Result};
pub use export::{Exported, Form, FormError, Missing, Selection};
pub use generation::{Answered, Asked, Key, Taken};
pub use grammar::{Grammar, GrammarError};
pub use keys::{KeyChanged, give_up_vault, lacks_operator_key, restore_keys, take_over};
pub use memory::{Allowance, Short};
pub use models::{EMBEDDED, EMBEDDED_NAME, Listed, Loaded};
pub use models_change::{ImportStep, ModelChanged, Phase};
pub use models_look::{Found, Verified, diff};
pub use open::Open;
pub use pins::{PinError, Pins};
pub use policy::Refusal;
pub use replay::{Compared, Divergence, ReplayOf, Replayed};
pub use said::{GIVEN, Said};
pub use schema::{SchemaError, SchemaFault, check_schemas};
pub use system::System;
