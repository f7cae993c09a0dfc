//! The RPC of a node: JSON over HTTP, on this machine unless told otherwise.
//!
//! *The life of one request.* `server` takes the connection and asks `guard` and `rate` whether it may be answered, whatever it asks for; `routes` finds its line in the one table; `ask` reads what it says; `answer` asks
//! the [`Chain`]; `view` makes JSON of it. `events` follows the final blocks for as long as somebody listens.
//!
//! *Invariants.* `shape` describes what is taken and given, and `/openapi.json` is made of it. Whatever is sent, no status is 500 or above, but for `/ready` of a node that is not.

pub mod limits;

mod chain;

pub mod routes;

pub mod ask;

mod answer;

pub mod view;

mod values;

mod events;

mod shape;

mod shapes;

mod openapi;

mod refused;

mod reply;

mod sending;

mod guard;

mod rate;

mod metrics;

mod server;

mod patient;

mod error;

pub use chain::{Chain, Later, NotShown, NotTaken, Standing};
pub use error::ServeError;
pub use openapi::document;
pub use rate::Rate;
pub use refused::Refused;
pub use server::{Options, Stop, serve};
