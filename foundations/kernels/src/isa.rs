//! Which instructions a kernel may use: found once, forceable, and without influence on any result.

/// A set of instructions that this machine is known to have. A value exists only where the machine has it, so that holding one is proof enough
/// for the kernels to use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isa(pub(crate) Path);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    /// What every machine of this architecture has, with the fused multiply-add computed in software.
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Avx2Fma,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Isa {
    /// The path that every machine has. It is the slowest and the reference of the others.
    pub const SCALAR: Self = Self(Path::Scalar);

    /// All paths of this machine, slowest first; the first is always [`Isa::SCALAR`].
    pub fn available() -> impl DoubleEndedIterator<Item = Self> {
        let candidates = [
            Some(Path::Scalar),
            #[cfg(target_arch = "x86_64")]
            (std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")).then_some(Path::Avx2Fma),
            #[cfg(target_arch = "x86_64")]
            has_avx512().then_some(Path::Avx512),
            #[cfg(target_arch = "aarch64")]
            Some(Path::Neon),
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
            Path::Scalar => "scalar",
            #[cfg(target_arch = "x86_64")]
            Path::Avx2Fma => "avx2+fma",
            #[cfg(target_arch = "x86_64")]
            Path::Avx512 => "avx512",
            #[cfg(target_arch = "aarch64")]
            Path::Neon => "neon",
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn has_avx512() -> bool {
    use std::arch::is_x86_feature_detected as has;
    has!("avx2") && has!("fma") && has!("avx512f") && has!("avx512bw") && has!("avx512vl") && has!("avx512dq")
}

/// How a path multiplies and adds with one rounding.
pub(crate) trait Fused {
    fn fma(a: f32, b: f32, c: f32) -> f32;
}

/// By the machine's instruction; used only inside functions compiled for a machine that has it.
pub(crate) struct Hard;

impl Fused for Hard {
    #[inline(always)]
    fn fma(a: f32, b: f32, c: f32) -> f32 {
        a.mul_add(b, c)
    }
}

/// In software, so that a machine without the instruction needs no libm and rounds the same.
pub(crate) struct Soft;

impl Fused for Soft {
    /// The product of two f32 is exact in f64; the sum is rounded to odd there, so that the rounding to f32 is the only one that shows
    /// (S. Boldo, G. Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms using rounding to odd", 2008).
    #[inline(always)]
    fn fma(a: f32, b: f32, c: f32) -> f32 {
        let product = f64::from(a) * f64::from(b);
        let addend = f64::from(c);
        let sum = product + addend;
        // Knuth's two-sum: `error` is exactly what the addition lost; NaN where the sum is not finite.
        let back = sum - product;
        let error = (product - (sum - back)) + (addend - back);
        let bits = sum.to_bits();
        let away = (error > 0.0) == (sum > 0.0);
        let odd = if away { bits.wrapping_add(1) } else { bits.wrapping_sub(1) };
        let inexact = (error < 0.0) | (error > 0.0);
        let adjust = inexact & (bits & 1 == 0);
        f64::from_bits(if adjust { odd } else { bits }) as f32
    }
}

/// Makes `fn $name(isa, …)` that runs the generic `$body` compiled for the instructions of `isa`.
macro_rules! on_isa {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $out:ty)? = $body:ident) => {
        $(#[$meta])*
        #[allow(unsafe_code, clippy::too_many_arguments)]
        $vis fn $name(isa: $crate::isa::Isa, $($arg: $type),*) $(-> $out)? {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2($($arg: $type),*) $(-> $out)? {
                $body::<$crate::isa::Hard>($($arg),*)
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512vl,avx512dq")]
            fn avx512($($arg: $type),*) $(-> $out)? {
                $body::<$crate::isa::Hard>($($arg),*)
            }
            match isa.0 {
                $crate::isa::Path::Scalar => $body::<$crate::isa::Soft>($($arg),*),
                #[cfg(target_arch = "x86_64")]
                // SAFETY: an `Isa` of this kind exists only where `Isa::available` found these features.
                $crate::isa::Path::Avx2Fma => unsafe { avx2($($arg),*) },
                #[cfg(target_arch = "x86_64")]
                // SAFETY: as above.
                $crate::isa::Path::Avx512 => unsafe { avx512($($arg),*) },
                // Every 64-bit ARM has a fused multiply-add and NEON: nothing to enable.
                #[cfg(target_arch = "aarch64")]
                $crate::isa::Path::Neon => $body::<$crate::isa::Hard>($($arg),*),
            }
        }
    };
}
pub(crate) use on_isa;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;

    /// The software path against the standard library's on arbitrary bits: subnormals, infinities, cancellation, halfway cases.
    #[test]
    fn software_fma_rounds_once() {
        let mut random = Random(1);
        let check = |a: f32, b: f32, c: f32| {
            let (got, want) = (Soft::fma(a, b, c), a.mul_add(b, c));
            assert!(got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan(), "{a:e} {b:e} {c:e}: {got:e} {want:e}");
        };
        for _ in 0..200_000 {
            let [a, b, c] = std::array::from_fn(|_| f32::from_bits(random.next() as u32));
            check(a, b, c);
            check(a, b, -(a * b));
            check(a, b, c * f32::EPSILON * a * b);
            check(1.0 + f32::EPSILON * (random.next() % 8) as f32, 1.0 + f32::EPSILON * (random.next() % 8) as f32, f32::EPSILON * 0.5);
            check(a % 1e-20, b % 1e-20, f32::from_bits((random.next() % 100) as u32));
        }
    }

    #[test]
    fn every_machine_has_the_scalar_path_and_names_are_unique() {
        assert_eq!(Isa::available().next(), Some(Isa::SCALAR));
        for isa in Isa::available() {
            assert_eq!(Isa::named(isa.name()), Some(isa));
        }
    }
}
