//! Seeded weight blocks, and what they hold, read a second time and differently than the paths do.

use super::Random;
use crate::element::ElementType;
use crate::half::f16_to_f32;

/// Bytes of seeded weights. Scales are f16 below 2 in magnitude and finite; all other bits are arbitrary.
pub(crate) fn weights(random: &mut Random, element: ElementType, rows: usize, columns: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..rows * columns / element.block_elements() {
        let mut block = match element {
            ElementType::F32 => random.value().to_le_bytes().to_vec(),
            _ => random.bytes(element.block_bytes()),
        };
        let scales: &[usize] = match element {
            ElementType::F32 => &[],
            ElementType::F16 | ElementType::Bf16 | ElementType::Q8_0 | ElementType::Q4_0 | ElementType::Q5_0 => &[1],
            ElementType::Q4_1 | ElementType::Q5_1 | ElementType::Q4K | ElementType::Q5K => &[1, 3],
            ElementType::Q6K => &[209],
            ElementType::Q8K => &[3],
        };
        scales.iter().for_each(|&high| block[high] &= 0xbf);
        bytes.extend(block);
    }
    bytes
}

/// The 32 integers of a group with its scale, minimum and factors, read a second time and differently: bit by bit from the layout.
pub(crate) fn integers(element: ElementType, row: &[u8], group: usize) -> (Vec<i32>, f32, Option<f32>, [i32; 2]) {
    let per_block = element.block_elements() / 32;
    let block = &row[group / per_block * element.block_bytes()..][..element.block_bytes()];
    let g = group % per_block;
    let half = |at: usize| f16_to_f32(u16::from(block[at]) + 256 * u16::from(block[at + 1]));
    let bits = |byte: usize, bit: usize, count: u32| i32::from(block[byte]) / (1 << bit) % (1 << count);
    match element {
        ElementType::Q8_0 => ((0..32).map(|i| (i32::from(block[2 + i]) + 128) % 256 - 128).collect(), half(0), None, [1; 2]),
        ElementType::Q4_0 => ((0..32).map(|i| bits(2 + i % 16, i / 16 * 4, 4) - 8).collect(), half(0), None, [1; 2]),
        ElementType::Q4_1 => ((0..32).map(|i| bits(4 + i % 16, i / 16 * 4, 4)).collect(), half(0), Some(-half(2)), [1; 2]),
        ElementType::Q5_0 => ((0..32).map(|i| bits(6 + i % 16, i / 16 * 4, 4) + 16 * bits(2 + i / 8, i % 8, 1) - 16).collect(), half(0), None, [1; 2]),
        ElementType::Q5_1 => ((0..32).map(|i| bits(8 + i % 16, i / 16 * 4, 4) + 16 * bits(4 + i / 8, i % 8, 1)).collect(), half(0), Some(-half(2)), [1; 2]),
        ElementType::Q4K | ElementType::Q5K => {
            let fives = element == ElementType::Q5K;
            let six = |low: usize, low_bit: usize, high: usize| if g < 4 { bits(low, 0, 6) } else { bits(low, low_bit, 4) + 16 * bits(high, 6, 2) };
            let (scale, min) = if g < 4 { (six(4 + g, 0, 0), six(8 + g, 0, 0)) } else { (six(8 + g, 0, g), six(8 + g, 4, 4 + g)) };
            let fifth = |i: usize| if fives { 16 * bits(16 + i, g, 1) } else { 0 };
            let start = if fives { 48 } else { 16 };
            ((0..32).map(|i| bits(start + g / 2 * 32 + i, g % 2 * 4, 4) + fifth(i)).collect(), half(0) * scale as f32, Some(half(2) * min as f32), [1; 2])
        }
        ElementType::Q6K => {
            let e = |i: usize| g % 4 * 32 + i; // 0..128 inside this half of the super-block
            let low = |i: usize| bits(g / 4 * 64 + e(i) % 64, e(i) / 64 * 4, 4);
            let high = |i: usize| bits(128 + g / 4 * 32 + e(i) % 32, e(i) / 32 * 2, 2);
            let factor = |h: usize| i32::from(block[192 + g * 2 + h] as i8);
            ((0..32).map(|i| low(i) + 16 * high(i) - 32).collect(), half(208), None, [factor(0), factor(1)])
        }
        ElementType::Q8K => {
            let scale = f32::from_bits((0..4).map(|i| u32::from(block[i]) << (8 * i)).sum());
            ((0..32).map(|i| (i32::from(block[4 + 32 * g + i]) + 128) % 256 - 128).collect(), scale, None, [1; 2])
        }
        ElementType::F32 | ElementType::F16 | ElementType::Bf16 => unreachable!(),
    }
}
