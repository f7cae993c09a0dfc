//! The API over HTTP: JSON in, JSON out.
//!
//! *What it is.* The shapes that other people's tools speak (OpenAI's and Ollama's), translated into orders for [`mickai_runtime::serve::Desk`] and back. Each answer names the records that tell of it.
//!
//! *What it never does.* It holds no logic: what may run, in which order, and what is recorded of it is the runtime's. It sends nothing to anybody who did not ask.
//!
//! *The life of one request.* `server` takes the connection; `routes` finds its line in the one table; `guard` looks at its host, origin and key; `body` reads what it brings; its `shape` is checked; a module of `openai`, `ollama` or `own`
//! makes an order of it; `going` hears of the generation; the answer leaves as one JSON value or as events.
//!
//! *Invariants.* What `shape` does not name has no effect, and the answer says so. Every answer of a model comes after its outcome is durable; of a stream, the last event does. A client that goes away,
//! or stops reading, stops what it ordered.
//!
//! *Start reading* at `routes`, then `openai::chat`.
// The names of fields and variants say what they are; what needs more has it.
#![allow(missing_docs)]

mod server;

mod files;

mod socket;

mod patient;

mod guard;

mod routes;

mod shape;

mod body;

mod call;

mod going;

mod embed;

mod openai;

mod ollama;

mod own;

mod talk;

mod tools;

mod sampling;

mod idempotent;

mod openapi;

mod reply;

mod refused;

mod metrics;

mod places;

mod app;

mod tls;

pub mod limits;

mod error;

pub use app::{ApiKey, App, Options};
pub use error::Error;
pub use server::serve;
pub use tls::api_keys;
