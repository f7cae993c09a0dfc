//! A stored row as f32: `value_i = (scale · factor_i) · q_i − min`, each operation rounded once (`spec/arithmetic.md`, "Dequantisation").
//!
//! Used for embedding rows, norms and biases. The values are those of the dequantiser in PyPI's `gguf`, bit for bit.

use crate::blocks::{Q4_0, Q4_1, Q4K, Q5_0, Q5_1, Q5K, Q6K, Q8_0, Q8K, Quantised, Unfolded};
use crate::element::ElementType;
use crate::half::{bf16_to_f32, f16_to_f32};

/// Reads `out.len()` elements. `bytes` must be exactly what that many elements of this type take; panics otherwise.
pub fn dequantise(element: ElementType, bytes: &[u8], out: &mut [f32]) {
    let block = element.block_elements();
    assert!(out.len().is_multiple_of(block), "{} elements are not whole blocks of {block}", out.len());
    assert_eq!(bytes.len(), out.len() / block * element.block_bytes(), "bytes of a row of {} elements", out.len());
    match element {
        ElementType::F32 => out.iter_mut().zip(bytes.as_chunks().0).for_each(|(y, &x)| *y = f32::from_le_bytes(x)),
        ElementType::F16 => out.iter_mut().zip(bytes.as_chunks().0).for_each(|(y, &x)| *y = f16_to_f32(u16::from_le_bytes(x))),
        ElementType::Bf16 => out.iter_mut().zip(bytes.as_chunks().0).for_each(|(y, &x)| *y = bf16_to_f32(u16::from_le_bytes(x))),
        ElementType::Q8_0 => groups::<Q8_0>(bytes, out),
        ElementType::Q4_0 => groups::<Q4_0>(bytes, out),
        ElementType::Q4_1 => groups::<Q4_1>(bytes, out),
        ElementType::Q5_0 => groups::<Q5_0>(bytes, out),
        ElementType::Q5_1 => groups::<Q5_1>(bytes, out),
        ElementType::Q4K => groups::<Q4K>(bytes, out),
        ElementType::Q5K => groups::<Q5K>(bytes, out),
        ElementType::Q6K => groups::<Q6K>(bytes, out),
        ElementType::Q8K => groups::<Q8K>(bytes, out),
    }
}

fn groups<W: Quantised>(bytes: &[u8], out: &mut [f32]) {
    for (block, out) in W::blocks(bytes).iter().zip(out.chunks_exact_mut(32 * W::GROUPS)) {
        for (group, out) in out.as_chunks_mut().0.iter_mut().enumerate() {
            values::<W>(&W::unfold(block, group), out);
        }
    }
}

/// The values of a group.
#[inline(always)]
pub(crate) fn values<W: Quantised>(unfolded: &Unfolded, out: &mut [f32; 32]) {
    for (i, value) in out.iter_mut().enumerate() {
        let scaled = unfolded.scale * f32::from(unfolded.factors[i / 16]) * f32::from(unfolded.q[i]);
        *value = if W::HAS_MIN { scaled - unfolded.min } else { scaled };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::blocks::{integers, weights};
    use crate::testing::check_hash;

    /// The formula of the spec, value by value; floats by the definition of their bits.
    fn reference(element: ElementType, bytes: &[u8], count: usize) -> Vec<f32> {
        let low_first = |bytes: &[u8]| bytes.iter().rev().fold(0, |bits, &byte| bits << 8 | u32::from(byte));
        match element {
            ElementType::F32 => bytes.chunks(4).map(|bytes| f32::from_bits(low_first(bytes))).collect(),
            ElementType::Bf16 => bytes.chunks(2).map(|bytes| f32::from_bits(low_first(bytes) << 16)).collect(),
            ElementType::F16 => bytes.chunks(2).map(|bytes| f16_to_f32(low_first(bytes) as u16)).collect(),
            _ => (0..count / 32).flat_map(|group| group_values(element, bytes, group)).collect(),
        }
    }

    fn group_values(element: ElementType, bytes: &[u8], group: usize) -> Vec<f32> {
        let (q, scale, min, factors) = integers(element, bytes, group);
        let scaled = |(i, q): (usize, i32)| (scale * factors[i / 16] as f32) * q as f32;
        q.into_iter().enumerate().map(scaled).map(|value| min.map_or(value, |min| value - min)).collect()
    }

    #[test]
    fn hashes_of_dequantise() {
        for element in ElementType::ALL {
            check_hash(&format!("dequantisation, {}", element.name()), |random, _, check| {
                let count = element.block_elements() * (1 + random.below(if element.is_quantised() { 2 } else { 40 }));
                let bytes = weights(random, element, 1, count);
                let mut out = vec![f32::NAN; count];
                dequantise(element, &bytes, &mut out);
                (out, check.then(|| reference(element, &bytes, count)))
            });
        }
    }

    fn unhex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
    }

    /// Blocks of arbitrary bits and what PyPI's `gguf` makes of them: `spec/vectors/model/make.py`.
    #[test]
    fn values_are_those_of_gguf() {
        let cases: serde_json::Value = serde_json::from_str(include_str!("../../../spec/vectors/model/blocks.json")).unwrap();
        // gguf does not dequantise q8_k.
        for element in ElementType::ALL.into_iter().filter(|element| element.is_quantised() && *element != ElementType::Q8K) {
            let name = element.name();
            let cases = cases[name].as_array().unwrap();
            assert!(cases.len() >= 16);
            for case in cases {
                let mut out = vec![0.0; element.block_elements()];
                dequantise(element, &unhex(case["bytes"].as_str().unwrap()), &mut out);
                let got: Vec<u8> = out.iter().flat_map(|x| x.to_le_bytes()).collect();
                assert_eq!(got, unhex(case["values"].as_str().unwrap()), "{name}");
            }
        }
    }
}
