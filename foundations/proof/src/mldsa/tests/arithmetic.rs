//! Transforms, products, high bits, hashing and sampling, at the ends of their ranges, on every path.

use super::super::batch::multiply;
use super::super::challenge::Challenges;
use super::super::hint;
use super::super::isa::{LANE_COUNT_MAX, Lanes, Portable, Task};
use super::super::keccak::{SHAKE_SUFFIX, SHAKE256_RATE, pad, shake256};
use super::super::key::Row;
use super::super::ntt::{Poly, inverse_ntt, ntt};
use super::super::params::{BETA, CHALLENGE_LEN, DEGREE, GAMMA1, K, L, Q, TAU};
use super::super::response;
use super::super::sponge::Sponge;
use super::{Isa, Random, plain};
use crate::signature::SIGNATURE_LEN;
use alloc::vec;
use alloc::vec::Vec;

/// A vector of the given values, lane by lane.
fn ints<S: Lanes>(lanes: S, values: &[i32; LANE_COUNT_MAX]) -> S::Ints {
    (0..S::COUNT).fold(lanes.int(0), |all, lane| lanes.or(all, lanes.and(lanes.int(values[lane]), lanes.int_mask(1 << lane))))
}

/// Sixteen polynomials with coefficients at the ends of ±`limit`: constant, alternating, in blocks, random.
fn extremes(limit: i32) -> [[i32; DEGREE]; LANE_COUNT_MAX] {
    let mut random = Random(u64::from(limit.unsigned_abs()));
    core::array::from_fn(|lane| {
        core::array::from_fn(|k| {
            let is_negative = match lane {
                0 => false,
                1 => true,
                2..=9 => k >> (lane - 2) & 1 == 1,
                _ => random.next() & 1 == 1,
            };
            let size = if lane < 13 { limit } else { i32::try_from(random.below(limit.unsigned_abs() as usize + 1)).unwrap() };
            if is_negative { -size } else { size }
        })
    })
}

struct Transform<'a> {
    input: &'a [[i32; DEGREE]; LANE_COUNT_MAX],
    is_inverse: bool,
}

impl Task for Transform<'_> {
    type Output = Vec<[i32; LANE_COUNT_MAX]>;

    #[inline(always)]
    fn run<S: Lanes>(self, lanes: S) -> Self::Output {
        let mut poly: Poly<S> = core::array::from_fn(|k| ints(lanes, &self.input.map(|poly| poly[k])));
        if self.is_inverse {
            inverse_ntt(lanes, &mut poly);
        } else {
            ntt(lanes, &mut poly);
        }
        poly.iter().map(|value| lanes.int_array(*value)).collect()
    }
}

/// The lanes that a path has, of what a task gave.
fn lane_count(isa: Isa) -> usize {
    struct Count;
    impl Task for Count {
        type Output = usize;
        fn run<S: Lanes>(self, _: S) -> usize {
            S::COUNT
        }
    }
    isa.run(Count)
}

#[test]
fn the_transform_is_the_definition_and_stays_in_its_bound() {
    for limit in [GAMMA1, Q - 1] {
        let input = extremes(limit);
        let expected = input.map(|poly| plain::ntt(&poly.map(i64::from)));
        for isa in Isa::available() {
            let output = isa.run(Transform { input: &input, is_inverse: false });
            for (k, values) in output.iter().enumerate() {
                for lane in 0..lane_count(isa) {
                    assert!(plain::is_same(values[lane], expected[lane][k]), "{} limit {limit} lane {lane} coefficient {k}", isa.name());
                    assert!(i64::from(values[lane]).abs() * 100 <= i64::from(limit) * 100 + 416 * i64::from(Q), "{} of limit {limit} leaves the bound", values[lane]);
                }
            }
        }
    }
}

/// At the largest input that `inverse_ntt` states, all of one sign, the sums grow to their bound. The portable path's arithmetic is checked for overflow here.
#[test]
fn the_inverse_undoes_the_transform_at_the_ends_of_its_range() {
    let input = extremes((i64::from(Q) * 59 / 100) as i32);
    for isa in Isa::available() {
        let output = isa.run(Transform { input: &input, is_inverse: true });
        for lane in 0..lane_count(isa) {
            let poly: plain::Poly = core::array::from_fn(|k| i64::from(output[k][lane]));
            assert!(poly.iter().all(|value| value.abs() * 100 < 51 * i64::from(Q)), "{} lane {lane}", isa.name());
            let back = plain::ntt(&poly);
            for k in 0..DEGREE {
                // The inverse also multiplies by 2³².
                assert!(plain::is_same((back[k] % i64::from(Q)) as i32, (i64::from(input[lane][k]) << 32) % i64::from(Q)), "{} lane {lane} coefficient {k}", isa.name());
            }
        }
    }
}

struct Multiply<'a> {
    rows: &'a [[Row; K]; DEGREE],
    vectors: &'a [[[i32; DEGREE]; LANE_COUNT_MAX]; L + 1],
}

impl Task for Multiply<'_> {
    type Output = Vec<Vec<[i32; LANE_COUNT_MAX]>>;

    #[inline(always)]
    fn run<S: Lanes>(self, lanes: S) -> Self::Output {
        let vectors: Vec<Poly<S>> = self.vectors.iter().map(|vector| core::array::from_fn(|k| ints(lanes, &vector.map(|poly| poly[k])))).collect();
        let mut w = vec![[lanes.int(0); DEGREE]; K];
        multiply(lanes, self.rows, &vectors, &mut w);
        w.iter().map(|poly| poly.iter().map(|value| lanes.int_array(*value)).collect()).collect()
    }
}

#[test]
fn products_are_sums_of_six_at_the_ends_of_their_range() {
    let factors = extremes(Q / 2);
    let rows: [[Row; K]; DEGREE] = core::array::from_fn(|k| core::array::from_fn(|row| core::array::from_fn(|column| factors[(row + 3 * column) % LANE_COUNT_MAX][k])));
    let vectors: [_; L + 1] = core::array::from_fn(|column| if column == 0 { extremes(5 * Q) } else { extremes(4 * Q + i32::try_from(column).unwrap()) });
    for isa in Isa::available() {
        let w = isa.run(Multiply { rows: &rows, vectors: &vectors });
        for (row, k) in (0..K).flat_map(|row| (0..DEGREE).map(move |k| (row, k))) {
            for lane in 0..lane_count(isa) {
                let sum: i64 = (0..=L).map(|column| i64::from(rows[k][row][column]) * i64::from(vectors[column][lane][k])).sum();
                assert!(plain::is_same((i64::from(centered_product(w[row][k][lane])) % i64::from(Q)) as i32, sum), "{} row {row} coefficient {k} lane {lane}", isa.name());
                assert!(i64::from(w[row][k][lane]).abs() * 100 < 59 * i64::from(Q));
            }
        }
    }
}

/// value·2³² mod q.
fn centered_product(value: i32) -> i32 {
    ((i64::from(value) << 32) % i64::from(Q)) as i32
}

struct HighBits;

impl Task for HighBits {
    type Output = ();

    /// Every residue, from both of its representatives, with the hint in every other lane.
    #[inline(always)]
    fn run<S: Lanes>(self, lanes: S) {
        for r in 0..Q {
            let expected = [plain::use_hint(true, i64::from(r)) as i32, plain::use_hint(false, i64::from(r)) as i32];
            let high = lanes.int_array(hint::high_bits(lanes, lanes.int(r), lanes.int_mask(0x5555)));
            assert!(high[..S::COUNT].chunks(2).all(|pair| pair == expected), "{r}: {high:?}");
            if r > Q - 1_000_000 {
                let high = lanes.int_array(hint::high_bits(lanes, lanes.int(r - Q), lanes.int_mask(0x5555)));
                assert!(high[..S::COUNT].chunks(2).all(|pair| pair == expected), "{r} − q: {high:?}");
            }
        }
    }
}

#[test]
fn high_bits_are_the_standards_for_every_residue() {
    Isa::available().for_each(|isa| isa.run(HighBits));
}

struct Unpack<'a>(&'a [[u8; SIGNATURE_LEN]; LANE_COUNT_MAX]);

impl Task for Unpack<'_> {
    type Output = u16;

    #[inline(always)]
    fn run<S: Lanes>(self, lanes: S) -> u16 {
        response::unpack(lanes, &self.0.each_ref(), &mut [[lanes.int(0); DEGREE]; L + 1])
    }
}

/// z with one coefficient at the bound, in each lane by turn, at the first, the last and some other places.
#[test]
fn the_norm_is_held_to_its_bound_in_every_lane() {
    let bound = GAMMA1 - BETA;
    for isa in Isa::available() {
        for lane in 0..lane_count(isa) {
            for at in [0, 1, 255, 256, 640, 1_278, L * DEGREE - 1] {
                for (value, is_short) in [(bound - 1, true), (bound, false), (bound + 1, false), (GAMMA1, false), (1 - bound, true), (-bound, false), (1 - GAMMA1, false)] {
                    let mut signatures = [[0; SIGNATURE_LEN]; LANE_COUNT_MAX];
                    signatures.iter_mut().for_each(|signature| (0..L * DEGREE).for_each(|at| write_z(signature, at, 0)));
                    write_z(&mut signatures[lane], at, value);
                    let all = ((1u32 << lane_count(isa)) - 1) as u16;
                    let expected = if is_short { all } else { all & !(1 << lane) };
                    assert_eq!(isa.run(Unpack(&signatures)), expected, "{} lane {lane} coefficient {at} value {value}", isa.name());
                }
            }
        }
    }
}

/// Packs coefficient `at` of z.
pub(super) fn write_z(signature: &mut [u8; SIGNATURE_LEN], at: usize, value: i32) {
    let packed = (GAMMA1 - value).unsigned_abs();
    for bit in 0..20 {
        let place = 20 * at + bit;
        let byte = &mut signature[CHALLENGE_LEN + place / 8];
        *byte = *byte & !(1 << (place % 8)) | ((packed >> bit & 1) as u8) << (place % 8);
    }
}

struct Hash<'a>(&'a [&'a [u8]; LANE_COUNT_MAX]);

impl Task for Hash<'_> {
    type Output = [[u8; SHAKE256_RATE]; LANE_COUNT_MAX];

    #[inline(always)]
    fn run<S: Lanes>(self, lanes: S) -> Self::Output {
        let mut out = [[0; SHAKE256_RATE]; LANE_COUNT_MAX];
        shake256(lanes, self.0, &mut out);
        out
    }
}

#[test]
fn shake_gives_the_published_digests() {
    let start = |rate| crate::digest::hex(&Sponge::new(Vec::new(), rate).next_block()[..32]);
    assert_eq!(start(136), "46b9dd2b0ba88d13233b3feb743eeb243fcd52ea62b81b82b50c27646ed5762f");
    assert_eq!(start(168), "7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26");
}

/// Around the ends of blocks, with a long neighbour in each lane by turn.
#[test]
fn lanes_of_different_lengths_hash_as_alone() {
    let mut random = Random(3);
    for round in 0..40 {
        let messages: Vec<Vec<u8>> =
            (0..LANE_COUNT_MAX).map(|lane| (0..if lane == round % LANE_COUNT_MAX { 1_000 } else { 125 + random.below(30) }).map(|_| random.next() as u8).collect()).collect();
        let padded: Vec<Vec<u8>> = messages
            .iter()
            .cloned()
            .map(|mut message| {
                pad(&mut message, SHAKE_SUFFIX, SHAKE256_RATE);
                message
            })
            .collect();
        let slices = core::array::from_fn(|lane| padded[lane].as_slice());
        for isa in Isa::available() {
            let out = isa.run(Hash(&slices));
            for lane in 0..lane_count(isa) {
                assert_eq!(&out[lane][..], Sponge::new(messages[lane].clone(), 136).next_block(), "{} lane {lane}", isa.name());
            }
        }
    }
}

/// A first block that is all refused, or that ends one short, makes the sampler go on with the blocks that follow it.
#[test]
fn sampling_goes_on_where_the_first_block_ends() {
    let challenge = [5; CHALLENGE_LEN];
    let mut after = Sponge::new(challenge.to_vec(), 136);
    after.next_block();
    let after: Vec<u8> = (0..3).flat_map(|_| after.next_block().to_vec()).collect();
    for taken in [0, 1, TAU - 1, TAU] {
        let mut first = [0xff; SHAKE256_RATE];
        first[..8].copy_from_slice(&0x0123_4567_89ab_cdef_u64.to_le_bytes());
        (0..taken).for_each(|at| first[8 + 2 * at] = (37 * at) as u8 % 200);
        let expected = plain::sample_in_ball_from(&mut [&first[..], &after].concat());
        for lane in 0..LANE_COUNT_MAX {
            let mut challenges = Challenges::NONE;
            challenges.sample((lane + 1) % LANE_COUNT_MAX, &[7; SHAKE256_RATE], &challenge);
            challenges.sample(lane, &first, &challenge);
            if lane < Portable::COUNT {
                let mut poly = [Portable.int(0); DEGREE];
                challenges.write(Portable, &mut poly);
                assert!(poly.iter().zip(expected).all(|(value, expected)| i64::from(value[lane]) == expected), "taken {taken} lane {lane}");
            }
        }
    }
}
