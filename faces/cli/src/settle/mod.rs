//! `mickai settle`: the newest checkpoint onto a chain, over the RPC of the node that the operator chose.

mod run;

mod settler;

mod node;

pub use run::{automatic, settle};
