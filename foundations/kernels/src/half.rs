//! The two 16-bit floats that weights are stored in, widened exactly.

/// The value of an IEEE 754 binary16. Exact for every finite input; infinities and NaNs stay what they are.
#[inline(always)]
pub fn f16_to_f32(bits: u16) -> f32 {
    // The exponent field is moved into place and re-biased by a multiplication, which also normalises subnormals: exact, and free of branches.
    const REBIAS: f32 = f32::from_bits((127 + 112) << 23);
    let magnitude = u32::from(bits & 0x7fff) << 13;
    let finite = (f32::from_bits(magnitude) * REBIAS).to_bits();
    let special = magnitude | 0x7f80_0000;
    let wide = if bits & 0x7c00 == 0x7c00 { special } else { finite };
    f32::from_bits(wide | u32::from(bits & 0x8000) << 16)
}

/// The value of a bfloat16: the upper half of a binary32.
#[inline(always)]
pub fn bf16_to_f32(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By the definition: (-1)^s · 2^(e-25) · (1024 + m), or 2^-24 · m; every power of two here is exact in f64.
    fn reference(bits: u16) -> f64 {
        let (exponent, mantissa) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
        let magnitude = if exponent == 0 { mantissa * 2f64.powi(-24) } else { (1024.0 + mantissa) * 2f64.powi(exponent - 25) };
        if bits >> 15 == 1 { -magnitude } else { magnitude }
    }

    #[test]
    fn all_65536_values_are_widened_exactly() {
        for bits in 0..=u16::MAX {
            let got = f16_to_f32(bits);
            match bits & 0x7fff {
                0x7c00 => assert_eq!(got.abs(), f32::INFINITY),
                0x7c01.. => assert!(got.is_nan()),
                _ => assert_eq!(f64::from(got).to_bits(), reference(bits).to_bits(), "{bits:#x}"),
            }
        }
    }
}
