//! Settling: the newest checkpoint goes to a chain, and what the chain's validators signed comes back into the home, for bundles (spec/pantheon.md). Where nobody chose one, it is a chain of one in the home itself ([`own`]).
//!
//! The act has an intent before anything is sent and an outcome with block and seats after the proof was verified; where something was sent and no proof was had, nobody knows how it ended. Where it goes, and when of its own accord, is a decision on record, as pins are.

mod settler;

mod lacking;

mod act;

mod config;

mod due;

mod contradiction;

mod bundles;

pub mod own;

pub use act::{Settlement, SettlementKept};
pub use config::{Cadence, Place, SettleChange, Settling};
pub(crate) use due::{Look, Terms};
pub use settler::{SettleError, Settler};
