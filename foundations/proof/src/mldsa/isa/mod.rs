//! Which instructions verification may use, and the primitives of each path: the only place of this crate with `unsafe`.
//!
//! A path is a value of a type that implements [`Lanes`]; it exists only where the machine has the instructions, so that holding one is the proof that its primitives may run. The
//! arithmetic above them is written once, generic over the path, and compiled for each inside a function that enables its instructions.

mod lanes;
pub(in crate::mldsa) use lanes::{HASH_COUNT_MAX, KeccakWords, LANE_COUNT_MAX, Lanes, Task};

mod path;
pub use path::Isa;

mod portable;
pub(in crate::mldsa) use portable::Portable;

#[cfg(target_arch = "x86_64")]
mod primitives;

#[cfg(target_arch = "x86_64")]
mod avx2;

#[cfg(target_arch = "x86_64")]
mod avx512;
