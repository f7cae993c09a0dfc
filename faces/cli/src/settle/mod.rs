//! `mickai settle`: the newest checkpoint onto a chain: the home's own, or over the RPC of a node the one that the operator chose.

mod run;

mod reached;

mod told;

mod settler;

mod node;

pub use reached::reach;
pub use run::{automatic, settle};
pub use told::tell;
