//! `cargo xtask bench NAME`: measures on this machine, compares with a goal, and keeps the lines.

mod run;

mod bar;

mod machine;

mod program;

mod oar;

mod engine;

mod perplexity;

mod serve;

mod pantheon;

mod devnet;

pub(crate) use engine::Wanted;
pub(crate) use program::example;
pub(crate) use run::{Bench, run};
