//! The other end of the RPC: what a wallet asks a node, over one connection that is kept.

mod http;

mod rpc;

mod events;

pub use events::{Events, height};
pub use rpc::{Rpc, text, whole};
