//! How the memory is asked for weights before their use, where each is used once. It reaches no result.
#![allow(unsafe_code)]

use std::arch::x86_64::{__cpuid, _MM_HINT_T0, _MM_HINT_T1, _mm_prefetch};
use std::sync::OnceLock;

/// Into which cache, and how far before the use: some hundred nanoseconds of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ahead {
    /// The nearest.
    First,
    /// The second, which is faster on Intel's processors.
    Second,
}

impl Ahead {
    /// What is best on this machine.
    pub(super) fn of_machine() -> Self {
        // Asked once: under a hypervisor the instruction takes tens of microseconds.
        static OURS: OnceLock<Ahead> = OnceLock::new();
        *OURS.get_or_init(|| {
            let vendor = __cpuid(0);
            let name = [vendor.ebx, vendor.edx, vendor.ecx].map(u32::to_le_bytes);
            if name.as_flattened() == b"GenuineIntel" { Self::Second } else { Self::First }
        })
    }

    /// Asks for the line that lies behind `line`.
    #[inline(always)]
    pub(super) fn ask(self, line: &[u8; 64]) {
        let start: *const i8 = line.as_ptr().cast();
        match self {
            // SAFETY: every processor of this architecture has the instruction, and it reads nothing.
            Self::First => unsafe { _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(8192)) },
            // SAFETY: as above.
            Self::Second => unsafe { _mm_prefetch::<_MM_HINT_T1>(start.wrapping_add(4096)) },
        }
    }
}
