//! Validators that cheat, one file each: the first sentence says how. Each runs until its context ends.

mod start;

mod lines;

mod double_voter;

mod equivocator;

pub mod flooder;

mod forger;

mod invalid_proposer;

mod replayer;

mod twin;

mod withholder;

mod yes_sayer;

use lines::{framed, hear, say, unframed};
pub use start::start;
