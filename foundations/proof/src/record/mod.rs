//! The record: one signed fact about one act, as a value and as its only encoding (spec/record.md).

mod kind;

mod value;

mod encode;

mod decode;

pub use decode::{RecordError, decode, kind_of};
pub use encode::encode;
pub use kind::{ActorClass, Kind, Mode, OutcomeCode};
pub use value::{Fact, Record};
