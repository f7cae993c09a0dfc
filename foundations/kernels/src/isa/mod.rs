//! Which instructions a kernel may use, and the primitives of each path. No path changes a bit.
//!
//! A path is a value of a type that implements [`Lanes`]; it exists only where the machine has the instructions, so that holding one is the proof that its primitives may run. The
//! operations above them are written once, generic over the path, and compiled for each inside a function that enables its instructions.

mod lanes;
pub(crate) use lanes::{LANES, Lanes};

mod path;
pub use path::Isa;
pub(crate) use path::{Path, on_isa};

mod scalar;
pub(crate) use scalar::Scalar;

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod primitives;

#[cfg(target_arch = "x86_64")]
mod ahead;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::Avx2;

#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::Avx512;

#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(target_arch = "aarch64")]
pub(crate) use neon::Neon;
