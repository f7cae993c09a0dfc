//! Every element type against a plain reference on every path, and the accumulated hashes of the spec.

use super::*;
use crate::columns::turn;
use crate::crew::Serial;
use crate::dequantise::dequantise;
use crate::element::ElementType;
use crate::memory::Room;
use crate::quantise::{Block, quantise};
use crate::testing::blocks::{integers, weights};
use crate::testing::{Random, check_hash};

/// The formula of the spec, term by term. The integers come from the dequantiser's view of the block at scale 1.
fn reference(matrix: &Matrix<'_>, x: &[f32], blocks: &[Block], row: usize) -> f32 {
    let mut acc = 0f32;
    if matrix.element.block_elements() == 1 {
        let mut w = vec![0.0; matrix.columns];
        dequantise(matrix.element, matrix.row(row), &mut w);
        w.iter().zip(x).for_each(|(&w, &x)| acc = w.mul_add(x, acc));
        return acc;
    }
    for (group, x) in blocks.iter().enumerate() {
        let (q, scale, min, factors) = integers(matrix.element, matrix.row(row), group);
        let values = x.values();
        let s: i32 = (0..BLOCK).map(|i| factors[i / 16] * q[i] * i32::from(values[i])).sum();
        assert!(s.abs() < 1 << 24);
        acc = (s as f32).mul_add(scale * x.scale, acc);
        if let Some(min) = min {
            acc = (-min).mul_add(x.sum, acc);
        }
    }
    acc
}

/// Repacks, prepares the columns as the type needs them, and multiplies.
fn product(isa: Isa, crew: &dyn Crew, matrix: &Matrix<'_>, values: &[f32], bias: Option<&[f32]>, rows: usize) -> Vec<f32> {
    let count = values.len() / matrix.columns;
    let mut packed = Room::new(matrix.panel_bytes().unwrap());
    pack(crew, matrix, &mut packed);
    let (mut blocks, mut turned) = (Vec::new(), Vec::new());
    if matrix.element.is_quantised() {
        blocks.resize(values.len() / BLOCK, Block::ZERO);
        quantise(isa, crew, values, matrix.columns, &mut blocks);
    } else {
        turned.resize(values.len(), 0.0);
        turn(crew, values, matrix.columns, &mut turned);
    }
    let mut out = vec![f32::NAN; rows * count];
    let product = Product { weights: Panels::new(matrix, &packed), bias, out: &mut out };
    multiply(isa, crew, &Columns { values: &turned, blocks: &blocks, count }, [product]);
    out
}

/// The same by the formula, one output after another.
fn expected(matrix: &Matrix<'_>, map: RowMap, values: &[f32], bias: Option<&[f32]>, rows: usize) -> Vec<f32> {
    let mut out = vec![f32::NAN; rows * values.len() / matrix.columns];
    for (values, out) in values.chunks(matrix.columns).zip(out.chunks_mut(rows)) {
        let mut blocks = vec![Block::ZERO; if matrix.element.is_quantised() { values.len() / BLOCK } else { 0 }];
        if matrix.element.is_quantised() {
            quantise(Isa::SCALAR, &Serial, values, matrix.columns, &mut blocks);
        }
        for row in 0..rows {
            let (sum, output) = (reference(matrix, values, &blocks, row), map.output(row));
            out[output] = bias.map_or(sum, |bias| sum + bias[output]);
        }
    }
    out
}

fn check(element: ElementType) {
    check_hash(&format!("product, {}", element.name()), |random, isa, check| {
        let quantised = element.block_elements() > 1;
        let (rows, count) = (2 * (1 + random.below(11)), 1 + random.below(5));
        let columns = if quantised { element.block_elements().max(32) * (1 + random.below(2)) } else { 1 + random.below(40) };
        let bytes = weights(random, element, rows, columns);
        let map = if random.below(2) == 0 { RowMap::Same } else { RowMap::RotaryPairs { head_width: rows } };
        let matrix = Matrix::new(&bytes, element, rows, columns, map).unwrap();
        let values = random.values(columns * count);
        let bias = (random.below(2) == 0).then(|| random.values(rows));
        let out = product(isa, &Serial, &matrix, &values, bias.as_deref(), rows);
        (out, check.then(|| expected(&matrix, map, &values, bias.as_deref(), rows)))
    });
}

/// Every size of tile, more panels than run side by side, and parts done in any order.
#[test]
fn large_products_agree_with_the_reference() {
    struct Backwards;
    impl Crew for Backwards {
        fn run(&self, part_count: usize, part: &(dyn Fn(usize) + Sync)) {
            (0..part_count).rev().for_each(part);
        }
    }
    let mut random = Random(4);
    for element in ElementType::ALL {
        let (rows, columns) = (16 * 9 + 3, 2 * element.block_elements().max(32));
        let bytes = weights(&mut random, element, rows, columns);
        let matrix = Matrix::new(&bytes, element, rows, columns, RowMap::Same).unwrap();
        for count in [1, 2, 3, 6, 8, 9, 11, 12, 13, 31] {
            let (values, bias) = (random.values(columns * count), random.values(rows));
            let bits = |values: Vec<f32>| values.into_iter().map(f32::to_bits).collect::<Vec<_>>();
            let want = bits(expected(&matrix, RowMap::Same, &values, Some(&bias), rows));
            for isa in Isa::available() {
                assert!(bits(product(isa, &Backwards, &matrix, &values, Some(&bias), rows)) == want, "{} {count} {}", element.name(), isa.name());
            }
        }
    }
}

/// So wide that activations are gone through in several spans, and so few rows that half a panel is empty.
#[test]
fn wide_products_agree_with_the_reference() {
    let mut random = Random(6);
    for (element, columns) in [(ElementType::F32, 16_384), (ElementType::Q8_0, 1 << 15)] {
        let (rows, count) = (3, 25);
        let bytes = weights(&mut random, element, rows, columns);
        let matrix = Matrix::new(&bytes, element, rows, columns, RowMap::Same).unwrap();
        let values = random.values(columns * count);
        let want = expected(&matrix, RowMap::Same, &values, None, rows);
        for isa in Isa::available() {
            let have = product(isa, &Serial, &matrix, &values, None, rows);
            assert!(want.iter().zip(&have).all(|(a, b)| a.to_bits() == b.to_bits()), "{} {}", element.name(), isa.name());
        }
    }
}

/// Whatever a row's bits are, its panel gives back the values that its file has.
#[test]
fn rows_are_read_back_from_panels() {
    let mut random = Random(5);
    for element in ElementType::ALL {
        let (rows, columns) = (32 + 6, 2 * element.block_elements().max(32));
        let bytes = random.bytes(rows * columns / element.block_elements() * element.block_bytes());
        for map in [RowMap::Same, RowMap::RotaryPairs { head_width: rows }] {
            let matrix = Matrix::new(&bytes, element, rows, columns, map).unwrap();
            let mut packed = Room::new(matrix.panel_bytes().unwrap());
            pack(&Serial, &matrix, &mut packed);
            let panels = Panels::new(&matrix, &packed);
            for row in 0..rows {
                let (mut want, mut have) = (vec![0.0; columns], vec![0.0; columns]);
                dequantise(element, matrix.row(row), &mut want);
                panels.read_row(map.output(row), &mut have);
                // One NaN is like another: an operation on one may give either's bits.
                let same = |(a, b): (&f32, &f32)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
                assert!(want.iter().zip(&have).all(same), "{} row {row}", element.name());
            }
        }
    }
}

#[test]
fn hash_of_f32() {
    check(ElementType::F32);
}

#[test]
fn hash_of_f16() {
    check(ElementType::F16);
}

#[test]
fn hash_of_bf16() {
    check(ElementType::Bf16);
}

#[test]
fn hash_of_q8_0() {
    check(ElementType::Q8_0);
}

#[test]
fn hash_of_q4_0() {
    check(ElementType::Q4_0);
}

#[test]
fn hash_of_q4_k() {
    check(ElementType::Q4K);
}

#[test]
fn hash_of_q6_k() {
    check(ElementType::Q6K);
}

#[test]
fn hash_of_q4_1() {
    check(ElementType::Q4_1);
}

#[test]
fn hash_of_q5_0() {
    check(ElementType::Q5_0);
}

#[test]
fn hash_of_q5_1() {
    check(ElementType::Q5_1);
}

#[test]
fn hash_of_q5_k() {
    check(ElementType::Q5K);
}

#[test]
fn hash_of_q8_k() {
    check(ElementType::Q8K);
}

/// The example that opens `spec/arithmetic.md`.
#[test]
fn example_of_the_spec() {
    let mut block = [0u8; 34];
    block[1] = 0x38; // f16 of 0.5
    (block[2], block[3]) = (3, (-2i8) as u8);
    let matrix = Matrix::new(&block, ElementType::Q8_0, 1, 32, RowMap::Same).unwrap();
    let values: [f32; 32] = std::array::from_fn(|i| [1.0, 0.25].get(i).copied().unwrap_or(0.0));
    for isa in Isa::available() {
        let mut blocks = [Block::ZERO];
        quantise(isa, &Serial, &values, 32, &mut blocks);
        assert_eq!((blocks[0].scale.to_bits(), &blocks[0].values()[..3]), (0x3c01_0204, &[127, 32, 0][..]));
        assert_eq!(product(isa, &Serial, &matrix, &values, None, 1)[0].to_bits(), 0x3f9f_bf7f);
    }
}

/// The largest integers that the types can hold stay exact in f32: |s| < 2²⁴.
#[test]
fn extreme_integers_stay_exact() {
    let mut block = [0u8; 210];
    block[192..208].fill(0x80); // factors −128, weights −32
    block[209] = 0x3c; // scale 1
    let matrix = Matrix::new(&block, ElementType::Q6K, 1, 256, RowMap::Same).unwrap();
    for isa in Isa::available() {
        let out = product(isa, &Serial, &matrix, &[1.0; 256], None, 1);
        assert!((f64::from(out[0]) - 256.0 * 32.0 * 128.0).abs() < 1.0, "{}", out[0]);
    }
}

#[test]
fn a_matrix_of_the_wrong_shape_is_refused() {
    let new = |bytes: usize, element, rows, columns, map| Matrix::new(&vec![0; bytes], element, rows, columns, map).is_some();
    assert!(new(34 * 4, ElementType::Q8_0, 2, 64, RowMap::Same));
    assert!(!new(34 * 4, ElementType::Q8_0, 2, 48, RowMap::Same));
    assert!(!new(34 * 4 - 1, ElementType::Q8_0, 2, 64, RowMap::Same));
    assert!(!new(0, ElementType::F32, usize::MAX, 64, RowMap::Same));
    assert!(!new(6 * 4, ElementType::F32, 6, 1, RowMap::RotaryPairs { head_width: 4 }));
    assert!(!new(0, ElementType::F32, 2, 0, RowMap::Same));
}
