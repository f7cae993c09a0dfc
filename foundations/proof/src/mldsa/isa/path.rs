//! The paths of this machine: found once, forceable, and without influence on any verdict.

use super::{Portable, Task};
#[cfg(target_arch = "x86_64")]
use super::{avx2::Avx2, avx512::Avx512};
use crate::mldsa::keccak::absorb_one;

/// A set of instructions that this machine is known to have. A value exists only where the machine has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isa(Path);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Path {
    Portable(Portable),
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
}

impl Isa {
    /// The path that every machine has: the slowest, and the reference of the others.
    pub const PORTABLE: Self = Self(Path::Portable(Portable));

    /// All paths of this machine, slowest first; the first is always [`Isa::PORTABLE`]. Asks the processor, and nothing else.
    pub fn available() -> impl DoubleEndedIterator<Item = Self> {
        let candidates = [
            Some(Path::Portable(Portable)),
            #[cfg(target_arch = "x86_64")]
            Avx2::detect().map(Path::Avx2),
            #[cfg(target_arch = "x86_64")]
            Avx512::detect().map(Path::Avx512),
        ];
        candidates.into_iter().flatten().map(Self)
    }

    /// The fastest path of this machine.
    pub fn best() -> Self {
        Self::available().next_back().unwrap_or(Self::PORTABLE)
    }

    /// The path of that name, if this machine has it.
    pub fn named(name: &str) -> Option<Self> {
        Self::available().find(|isa| isa.name() == name)
    }

    /// The name on screen and in measurements.
    pub const fn name(self) -> &'static str {
        match self.0 {
            Path::Portable(_) => "portable",
            #[cfg(target_arch = "x86_64")]
            Path::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Path::Avx512(_) => "avx512",
        }
    }

    /// Absorbs blocks of one message into Keccak's state (FIPS 202, §4). A path without instructions for it does what every machine can.
    pub(crate) fn absorb<const RATE: usize>(self, state: &mut [u64; 25], blocks: &[[u8; RATE]]) {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Path::Avx512(path) => path.absorb(state, blocks),
            _ => absorb_one(Portable, state, blocks),
        }
    }

    /// Runs the work, compiled for this path.
    pub(in crate::mldsa) fn run<T: Task>(self, task: T) -> T::Output {
        match self.0 {
            Path::Portable(lanes) => task.run(lanes),
            #[cfg(target_arch = "x86_64")]
            Path::Avx2(lanes) => lanes.run(task),
            #[cfg(target_arch = "x86_64")]
            Path::Avx512(lanes) => lanes.run(task),
        }
    }
}
