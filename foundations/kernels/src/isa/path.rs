//! The paths of this machine: found once, forceable, and without influence on any result.

#[cfg(target_arch = "aarch64")]
use super::Neon;
use super::Scalar;
#[cfg(target_arch = "x86_64")]
use super::{Avx2, Avx512};

/// A set of instructions that this machine is known to have. A value exists only where the machine has it, so that holding one is proof enough
/// for the kernels to use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isa(pub(crate) Path);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    Scalar(Scalar),
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    #[cfg(target_arch = "aarch64")]
    Neon(Neon),
}

impl Isa {
    /// The path that every machine has. It is the slowest and the reference of the others.
    pub const SCALAR: Self = Self(Path::Scalar(Scalar));

    /// All paths of this machine, slowest first; the first is always [`Isa::SCALAR`]. Asks the processor, and nothing else.
    pub fn available() -> impl DoubleEndedIterator<Item = Self> {
        let candidates = [
            Some(Path::Scalar(Scalar)),
            #[cfg(target_arch = "x86_64")]
            Avx2::detect().map(Path::Avx2),
            #[cfg(target_arch = "x86_64")]
            Avx512::detect().map(Path::Avx512),
            #[cfg(target_arch = "aarch64")]
            Neon::detect().map(Path::Neon),
        ];
        candidates.into_iter().flatten().map(Self)
    }

    /// The fastest path of this machine.
    pub fn best() -> Self {
        Self::available().next_back().unwrap_or(Self::SCALAR)
    }

    /// The path of that name, if this machine has it.
    pub fn named(name: &str) -> Option<Self> {
        Self::available().find(|isa| isa.name() == name)
    }

    /// The name on screen and in measurements.
    pub const fn name(self) -> &'static str {
        match self.0 {
            Path::Scalar(_) => "scalar",
            #[cfg(target_arch = "x86_64")]
            Path::Avx2(_) => "avx2+fma",
            #[cfg(target_arch = "x86_64")]
            Path::Avx512(_) => "avx512+vnni",
            #[cfg(target_arch = "aarch64")]
            Path::Neon(_) => "neon+dotprod",
        }
    }
}

/// Makes `fn $name(isa, …)` that runs the generic `$body(lanes, …)` compiled for the instructions of `isa`. Bodies are `#[inline(always)]`, and so is all that they call on the
/// way to a primitive: code that is not inlined is not compiled for the path's instructions. Closures are not sure to be, so they call no primitive of vectors.
macro_rules! on_isa {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $out:ty)? = $body:ident) => {
        $(#[$meta])*
        #[allow(unsafe_code, clippy::too_many_arguments)]
        $vis fn $name(isa: $crate::isa::Isa, $($arg: $type),*) $(-> $out)? {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,f16c")]
            fn avx2(lanes: $crate::isa::Avx2, $($arg: $type),*) $(-> $out)? {
                $body(lanes, $($arg),*)
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
            fn avx512(lanes: $crate::isa::Avx512, $($arg: $type),*) $(-> $out)? {
                $body(lanes, $($arg),*)
            }
            #[cfg(target_arch = "aarch64")]
            #[target_feature(enable = "neon,dotprod")]
            fn neon(lanes: $crate::isa::Neon, $($arg: $type),*) $(-> $out)? {
                $body(lanes, $($arg),*)
            }
            match isa.0 {
                $crate::isa::Path::Scalar(lanes) => $body(lanes, $($arg),*),
                #[cfg(target_arch = "x86_64")]
                // SAFETY: a value of this path exists only where `detect` found these instructions.
                $crate::isa::Path::Avx2(lanes) => unsafe { avx2(lanes, $($arg),*) },
                #[cfg(target_arch = "x86_64")]
                // SAFETY: as above.
                $crate::isa::Path::Avx512(lanes) => unsafe { avx512(lanes, $($arg),*) },
                #[cfg(target_arch = "aarch64")]
                // SAFETY: as above.
                $crate::isa::Path::Neon(lanes) => unsafe { neon(lanes, $($arg),*) },
            }
        }
    };
}
pub(crate) use on_isa;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_machine_has_the_scalar_path_and_names_are_unique() {
        assert_eq!(Isa::available().next(), Some(Isa::SCALAR));
        for isa in Isa::available() {
            assert_eq!(Isa::named(isa.name()), Some(isa));
        }
        assert_eq!(Isa::named("abacus"), None);
    }
}
