//! What the tests share: a folder with the binary beside it, a chain of one that makes a block of each transaction, and a client that hides nothing.

mod devnet;

mod http;

mod liar;

mod machine;

mod solo;

pub use devnet::{Devnet, eventually, kill};
pub use http::{Answer, PATIENCE, Server, asked};
pub use liar::Liar;
pub use machine::{Machine, Run, not_checked};
pub use solo::{Signer, Solo};
