//! What a machine can do at most, by the primitives that the products are made of: the rates that a measured operation is held against. Nothing here reaches a result.
//!
//! Whoever calls has the clock. Each function does a known amount of work and says how much; its values depend on all of it, so that no part can be left out.
#![allow(clippy::needless_range_loop, reason = "loops over a few registers: an index unrolls, where an iterator might leave a closure that is not compiled for the path")]

use crate::crew::{Crew, run_parts};
use crate::isa::{Isa, LANES, Lanes, on_isa};
use crate::memory::LINE;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that one hand reads in one go.
const PART_BYTES: usize = 1 << 20;
/// Lines of weights that are multiplied again and again: a few kilobytes, which the nearest cache holds.
const LINES: usize = 64;
/// Products between two looks of [`Lanes::settle`]: weights below 16 may be added up eight times.
const SETTLE: usize = 8;

/// Work done, and a value that depends on all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// Bytes read, or multiply-adds.
    pub amount: u64,
    /// What came out.
    pub value: u64,
}

/// Reads all whole lines of `bytes` once, each hand a mebibyte at a time, as a product reads its weights.
pub fn read(isa: Isa, crew: &dyn Crew, bytes: &[u8]) -> Done {
    let (lines, _) = bytes.as_chunks::<LINE>();
    let parts: Vec<&[[u8; LINE]]> = lines.chunks(PART_BYTES / LINE).collect();
    let value = AtomicU64::new(0);
    if !parts.is_empty() {
        run_parts(crew, parts.len(), &|part| _ = value.fetch_xor(read_part(isa, parts[part]), Ordering::Relaxed));
    }
    Done { amount: size_of_val(lines) as u64, value: value.into_inner() }
}

/// Multiplies 8-bit integers into 32-bit sums, `part_count` times `rounds` rounds.
pub fn integer_products(isa: Isa, crew: &dyn Crew, part_count: usize, rounds: usize) -> Done {
    products(crew, part_count, &|| integer_part(isa, rounds))
}

/// Multiplies and adds f32 with one rounding, likewise.
pub fn float_products(isa: Isa, crew: &dyn Crew, part_count: usize, rounds: usize) -> Done {
    products(crew, part_count, &|| float_part(isa, rounds))
}

fn products(crew: &dyn Crew, part_count: usize, part: &(dyn Fn() -> Done + Sync)) -> Done {
    let (amount, value) = (AtomicU64::new(0), AtomicU64::new(0));
    run_parts(crew, part_count.max(1), &|_| {
        let done = part();
        amount.fetch_add(done.amount, Ordering::Relaxed);
        value.fetch_xor(done.value, Ordering::Relaxed);
    });
    Done { amount: amount.into_inner(), value: value.into_inner() }
}

on_isa!(fn read_part(lines: &[[u8; LINE]]) -> u64 = read_on);
on_isa!(fn integer_part(rounds: usize) -> Done = integers_on);
on_isa!(fn float_part(rounds: usize) -> Done = floats_on);

/// Four lines at a time, a sum of 64 bits for each eight bytes of them.
#[inline(always)]
fn read_on<S: Lanes>(lanes: S, lines: &[[u8; LINE]]) -> u64 {
    const ABREAST: usize = 4;
    let mut sums = [[0u64; LINE / 8]; ABREAST];
    let (fours, rest) = lines.as_chunks::<ABREAST>();
    for four in fours {
        for l in 0..ABREAST {
            lanes.prefetch(&four[l]);
            add(&mut sums[l], &four[l]);
        }
    }
    for line in rest {
        add(&mut sums[0], line);
    }
    sums.iter().flatten().fold(0, |all, &sum| all ^ sum)
}

#[inline(always)]
fn add(sums: &mut [u64; LINE / 8], line: &[u8; LINE]) {
    let (words, _) = line.as_chunks::<8>();
    for w in 0..LINE / 8 {
        sums[w] = sums[w].wrapping_add(u64::from_le_bytes(words[w]));
    }
}

#[inline(always)]
fn integers_on<S: Lanes>(lanes: S, rounds: usize) -> Done {
    if S::WIDE { integers::<S, 12>(lanes, rounds) } else { integers::<S, 4>(lanes, rounds) }
}

/// As the products of weight blocks go, `C` columns at a time, without their scales.
#[inline(always)]
fn integers<S: Lanes, const C: usize>(lanes: S, rounds: usize) -> Done {
    let weights: [[u8; LINE]; LINES] = std::array::from_fn(|line| std::array::from_fn(|i| ((line * 5 + i) & 15) as u8));
    let x: [[u8; 4]; C] = std::array::from_fn(|c| [1, 2, 3, c as u8]);
    let mut all = [lanes.splat(0.0); C];
    for _ in 0..rounds {
        let (weights, x) = (black_box(&weights), black_box(x));
        let mut sums = [lanes.start(0); C];
        for (index, line) in weights.iter().enumerate() {
            let line = lanes.quads(line);
            for c in 0..C {
                sums[c] = lanes.dot(sums[c], line, x[c]);
            }
            if index % SETTLE == SETTLE - 1 {
                for c in 0..C {
                    sums[c] = lanes.settle(sums[c]);
                }
            }
        }
        for c in 0..C {
            all[c] = lanes.add(all[c], lanes.to_floats(lanes.total(sums[c])));
        }
    }
    Done { amount: (rounds * LINES * C * LINE) as u64, value: folded(lanes, all) }
}

#[inline(always)]
fn floats_on<S: Lanes>(lanes: S, rounds: usize) -> Done {
    if S::WIDE { floats::<S, 12>(lanes, rounds) } else { floats::<S, 4>(lanes, rounds) }
}

/// As the products of float weights go, `C` columns at a time.
#[inline(always)]
fn floats<S: Lanes, const C: usize>(lanes: S, rounds: usize) -> Done {
    let weights: [[f32; LANES]; LINES] = std::array::from_fn(|line| std::array::from_fn(|i| 1.0 / (1 + line + i) as f32));
    let x: [f32; C] = std::array::from_fn(|c| 1.0 / (1 + c) as f32);
    let mut sums = [lanes.splat(0.0); C];
    for _ in 0..rounds {
        let (weights, x) = (black_box(&weights), black_box(x));
        for line in weights {
            let line = lanes.load(line);
            for c in 0..C {
                sums[c] = lanes.fma(line, lanes.splat(x[c]), sums[c]);
            }
        }
    }
    Done { amount: (rounds * LINES * C * LANES) as u64, value: folded(lanes, sums) }
}

#[inline(always)]
fn folded<S: Lanes, const C: usize>(lanes: S, sums: [S::Floats; C]) -> u64 {
    let mut folded = 0;
    for c in 0..C {
        let mut values = [0.0; LANES];
        lanes.store(sums[c], &mut values);
        for value in values {
            folded ^= u64::from(value.to_bits()).rotate_left(c as u32);
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crew::Serial;
    use crate::testing::Random;

    /// The work is done: every line counts in what is read, and the sums are those of plain loops.
    #[test]
    fn nothing_is_left_out() {
        for isa in Isa::available() {
            for len in [0, 63, 64, 1000, 3 * PART_BYTES + 700] {
                let mut bytes = Random(7).bytes(len);
                let done = read(isa, &Serial, &bytes);
                assert_eq!(done.amount, (len / LINE * LINE) as u64, "{}", isa.name());
                for at in (0..len / LINE * LINE).step_by(1 + len / 13) {
                    bytes[at] ^= 1;
                    assert_ne!(read(isa, &Serial, &bytes).value, done.value, "{} byte {at} of {len}", isa.name());
                    bytes[at] ^= 1;
                }
            }
            let columns = |wide: usize, narrow: usize| if isa.name() == "avx512+vnni" { wide } else { narrow } as u64;
            let (integers, floats) = (integer_products(isa, &Serial, 3, 5), float_products(isa, &Serial, 3, 5));
            assert_eq!((integers.amount, floats.amount), (3 * 5 * 64 * 64 * columns(12, 4), 3 * 5 * 64 * 16 * columns(12, 4)), "{}", isa.name());
            // Three equal parts fold to one.
            assert_eq!(integers.value, integer_products(isa, &Serial, 1, 5).value, "{}", isa.name());
            assert_eq!(float_products(isa, &Serial, 1, 1).value, float_reference(columns(12, 4) as usize), "{}", isa.name());
        }
    }

    fn float_reference(columns: usize) -> u64 {
        let sum = |c: usize, lane: usize| (0..LINES).fold(0f32, |sum, line| (1.0 / (1 + line + lane) as f32).mul_add(1.0 / (1 + c) as f32, sum));
        (0..columns).flat_map(|c| (0..LANES).map(move |lane| (c, lane))).fold(0, |all, (c, lane)| all ^ u64::from(sum(c, lane).to_bits()).rotate_left(c as u32))
    }
}
