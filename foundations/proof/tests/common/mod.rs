//! What the tests and the example `vectors` share: the vectors as files, logs made from fixed seeds, and bundles taken apart into their parts.
#![allow(dead_code, unused_imports, unreachable_pub, reason = "each program that includes this module uses a part of it")]

pub mod log;
pub mod pantheon;
pub mod parts;
pub mod seeded;
pub mod seeded_pantheon;
pub mod settled;
pub mod tamper;
pub mod vector;

pub use log::{Log, Signer};
pub use parts::Parts;
