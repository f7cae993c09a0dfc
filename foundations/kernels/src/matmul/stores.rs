//! How the integers of a group of 32 columns and sixteen rows lie in a panel, and the sums of their products.
//!
//! Weights are stored unsigned, four columns of a row beside each other: what is added to make them so is taken off the sum by the sum of the activations.

use crate::isa::Lanes;
use crate::quantise::Block;

/// The integers of one width.
pub(super) trait Store {
    /// One group: `[…][row][4 columns]`.
    type Group;

    /// The groups at the start of a panel.
    fn groups(panel: &[u8]) -> &[Self::Group];
    /// As [`Store::groups`].
    fn groups_mut(panel: &mut [u8]) -> &mut [Self::Group];
    /// Puts the signed integers of a row.
    fn put(q: &[i8; 32], row: usize, out: &mut Self::Group);
    /// The signed integers of a row, as they were put.
    fn row(group: &Self::Group, row: usize) -> [i8; 32];
    /// `f32(s)` for each row and column: s = Σ w.q · x.q; with factors, f₀ times the sum of the first half and f₁ times that of the second. Exact.
    /// `COLD`: the group comes from memory, and those behind it are asked for, a few lines where as many were used: those that are asked for together wait for each other.
    fn sums<S: Lanes, const C: usize, const COLD: bool>(lanes: S, group: &Self::Group, x: &[Block; C], factors: Option<[S::Floats; 2]>) -> [S::Floats; C];
}

/// Asks for what lies behind these lines.
#[inline(always)]
fn ask<S: Lanes, const COLD: bool>(lanes: S, lines: &[[u8; 64]]) {
    if COLD {
        for line in lines {
            lanes.prefetch(line);
        }
    }
}

/// The sums that products are added to, with what weights that are stored plus `OFFSET` add too much taken off.
#[inline(always)]
fn start<S: Lanes, const OFFSET: i8, const C: usize>(lanes: S, x: &[Block; C]) -> [S::Partial; C] {
    const { assert!(OFFSET % 8 == 0) };
    let mut sums = [lanes.start(0); C];
    if OFFSET != 0 {
        for c in 0..C {
            sums[c] = lanes.start(x[c].less_8.wrapping_mul(i32::from(OFFSET / 8)));
        }
    }
    sums
}

/// Puts the low four bits of 32 integers of a row: columns 0 … 15 into the low halves, 16 … 31 into the high ones.
fn put_nibbles(q: &[u8; 32], row: usize, out: &mut [[u8; 64]]) {
    for (i, pair) in q[..16].iter().zip(&q[16..]).enumerate() {
        out[i / 4][row * 4 + i % 4] = pair.0 & 15 | pair.1 << 4;
    }
}

/// What [`put_nibbles`] put.
fn nibbles(group: &[[u8; 64]], row: usize) -> [u8; 32] {
    std::array::from_fn(|column| group[column % 16 / 4][row * 4 + column % 4] >> (column / 16 * 4) & 15)
}

/// Four bits, stored plus `OFFSET`: byte `[g][row][i]` holds columns `4g + i` and `16 + 4g + i`.
pub(super) struct Nibbles<const OFFSET: i8>;

impl<const OFFSET: i8> Store for Nibbles<OFFSET> {
    type Group = [[u8; 64]; 4];

    #[inline(always)]
    fn groups(panel: &[u8]) -> &[Self::Group] {
        panel.as_chunks().0.as_chunks().0
    }

    fn groups_mut(panel: &mut [u8]) -> &mut [Self::Group] {
        panel.as_chunks_mut().0.as_chunks_mut().0
    }

    fn put(q: &[i8; 32], row: usize, out: &mut Self::Group) {
        put_nibbles(&q.map(|q| (q + OFFSET).cast_unsigned()), row, out);
    }

    fn row(group: &Self::Group, row: usize) -> [i8; 32] {
        nibbles(group, row).map(|q| q.cast_signed() - OFFSET)
    }

    #[inline(always)]
    fn sums<S: Lanes, const C: usize, const COLD: bool>(lanes: S, group: &Self::Group, x: &[Block; C], _: Option<[S::Floats; 2]>) -> [S::Floats; C] {
        let mut sums = start::<S, OFFSET, C>(lanes, x);
        for g in 0..4 {
            let both = lanes.quads(&group[g]);
            let (low, high) = (lanes.low_nibbles(both), lanes.high_nibbles(both));
            for c in 0..C {
                sums[c] = lanes.dot(sums[c], low, x[c].q[g]);
            }
            for c in 0..C {
                sums[c] = lanes.dot(sums[c], high, x[c].q[4 + g]);
            }
            ask::<S, COLD>(lanes, &group[g..=g]);
        }
        floats(lanes, sums)
    }
}

/// Five bits, stored plus `OFFSET`: [`Nibbles`], and a plane whose byte `[row][i]` holds at bit j the fifth bit of column `4j + i`.
pub(super) struct Fives<const OFFSET: i8>;

impl<const OFFSET: i8> Store for Fives<OFFSET> {
    type Group = [[u8; 64]; 5];

    #[inline(always)]
    fn groups(panel: &[u8]) -> &[Self::Group] {
        panel.as_chunks().0.as_chunks().0
    }

    fn groups_mut(panel: &mut [u8]) -> &mut [Self::Group] {
        panel.as_chunks_mut().0.as_chunks_mut().0
    }

    fn put(q: &[i8; 32], row: usize, out: &mut Self::Group) {
        let q = q.map(|q| (q + OFFSET).cast_unsigned());
        put_nibbles(&q, row, out);
        for (column, q) in q.into_iter().enumerate() {
            out[4][row * 4 + column % 4] |= (q >> 4) << (column / 4);
        }
    }

    fn row(group: &Self::Group, row: usize) -> [i8; 32] {
        let low = nibbles(group, row);
        std::array::from_fn(|column| {
            let fifth = group[4][row * 4 + column % 4] >> (column / 4) & 1;
            (low[column] | fifth << 4).cast_signed() - OFFSET
        })
    }

    #[inline(always)]
    fn sums<S: Lanes, const C: usize, const COLD: bool>(lanes: S, group: &Self::Group, x: &[Block; C], _: Option<[S::Floats; 2]>) -> [S::Floats; C] {
        let mut sums = start::<S, OFFSET, C>(lanes, x);
        let plane = lanes.quads(&group[4]);
        let both = [lanes.quads(&group[0]), lanes.quads(&group[1]), lanes.quads(&group[2]), lanes.quads(&group[3])];
        let weights = [
            lanes.with_plane::<4, 0, 16>(lanes.low_nibbles(both[0]), plane),
            lanes.with_plane::<3, 0, 16>(lanes.low_nibbles(both[1]), plane),
            lanes.with_plane::<2, 0, 16>(lanes.low_nibbles(both[2]), plane),
            lanes.with_plane::<1, 0, 16>(lanes.low_nibbles(both[3]), plane),
            lanes.with_plane::<0, 0, 16>(lanes.high_nibbles(both[0]), plane),
            lanes.with_plane::<0, 1, 16>(lanes.high_nibbles(both[1]), plane),
            lanes.with_plane::<0, 2, 16>(lanes.high_nibbles(both[2]), plane),
            lanes.with_plane::<0, 3, 16>(lanes.high_nibbles(both[3]), plane),
        ];
        // Four times 31 may be added before a settling.
        for g in 0..8 {
            for c in 0..C {
                sums[c] = lanes.dot(sums[c], weights[g], x[c].q[g]);
            }
            if g < 5 {
                ask::<S, COLD>(lanes, &group[g..=g]);
            }
            if g == 3 {
                for c in 0..C {
                    sums[c] = lanes.settle(sums[c]);
                }
            }
        }
        floats(lanes, sums)
    }
}

/// Six bits, stored plus 32, with a factor for each half: [`Nibbles`], and two planes whose bytes `[row][i]` hold at bits 2j and 2j + 1 the high bits of
/// columns `4j + i` and `16 + 4j + i`.
pub(super) struct Sixes;

impl Store for Sixes {
    type Group = [[u8; 64]; 6];

    #[inline(always)]
    fn groups(panel: &[u8]) -> &[Self::Group] {
        panel.as_chunks().0.as_chunks().0
    }

    fn groups_mut(panel: &mut [u8]) -> &mut [Self::Group] {
        panel.as_chunks_mut().0.as_chunks_mut().0
    }

    fn put(q: &[i8; 32], row: usize, out: &mut Self::Group) {
        let q = q.map(|q| (q + 32).cast_unsigned());
        put_nibbles(&q, row, out);
        for (column, q) in q.into_iter().enumerate() {
            out[4 + column / 16][row * 4 + column % 4] |= (q >> 4) << (column % 16 / 4 * 2);
        }
    }

    fn row(group: &Self::Group, row: usize) -> [i8; 32] {
        let low = nibbles(group, row);
        std::array::from_fn(|column| {
            let high = group[4 + column / 16][row * 4 + column % 4] >> (column % 16 / 4 * 2) & 3;
            (low[column] | high << 4).cast_signed() - 32
        })
    }

    #[inline(always)]
    fn sums<S: Lanes, const C: usize, const COLD: bool>(lanes: S, group: &Self::Group, x: &[Block; C], factors: Option<[S::Floats; 2]>) -> [S::Floats; C] {
        let both = [lanes.quads(&group[0]), lanes.quads(&group[1]), lanes.quads(&group[2]), lanes.quads(&group[3])];
        let (low_plane, high_plane) = (lanes.quads(&group[4]), lanes.quads(&group[5]));
        let low = [
            lanes.with_plane::<4, 0, 48>(lanes.low_nibbles(both[0]), low_plane),
            lanes.with_plane::<2, 0, 48>(lanes.low_nibbles(both[1]), low_plane),
            lanes.with_plane::<0, 0, 48>(lanes.low_nibbles(both[2]), low_plane),
            lanes.with_plane::<0, 2, 48>(lanes.low_nibbles(both[3]), low_plane),
        ];
        let high = [
            lanes.with_plane::<4, 0, 48>(lanes.high_nibbles(both[0]), high_plane),
            lanes.with_plane::<2, 0, 48>(lanes.high_nibbles(both[1]), high_plane),
            lanes.with_plane::<0, 0, 48>(lanes.high_nibbles(both[2]), high_plane),
            lanes.with_plane::<0, 2, 48>(lanes.high_nibbles(both[3]), high_plane),
        ];
        let [f0, f1] = factors.unwrap_or([lanes.splat(1.0); 2]);
        let mut out = [lanes.splat(0.0); C];
        let mut sums = [lanes.start(0); C];
        for c in 0..C {
            sums[c] = lanes.start(x[c].less_32[1]);
        }
        dots(lanes, &high, 4, x, &mut sums);
        ask::<S, COLD>(lanes, &group[..3]);
        for c in 0..C {
            out[c] = lanes.mul(f1, lanes.to_floats(lanes.total(sums[c])));
            sums[c] = lanes.start(x[c].less_32[0]);
        }
        dots(lanes, &low, 0, x, &mut sums);
        ask::<S, COLD>(lanes, &group[3..]);
        // Both products and their sum are integers below 2²⁴: exact.
        for c in 0..C {
            out[c] = lanes.fma(f0, lanes.to_floats(lanes.total(sums[c])), out[c]);
        }
        out
    }
}

/// Adds the products of sixteen columns, from quad `first` of the activations on, with six-bit weights, of which twice 63 may be added before a settling.
#[inline(always)]
fn dots<S: Lanes, const C: usize>(lanes: S, weights: &[S::Quads; 4], first: usize, x: &[Block; C], sums: &mut [S::Partial; C]) {
    for g in 0..4 {
        for c in 0..C {
            sums[c] = lanes.dot(sums[c], weights[g], x[c].q[first + g]);
        }
        if g == 1 {
            for c in 0..C {
                sums[c] = lanes.settle(sums[c]);
            }
        }
    }
}

/// Eight bits, stored plus 128: byte `[g][row][i]` is column `4g + i`.
pub(super) struct Bytes;

impl Store for Bytes {
    type Group = [[u8; 64]; 8];

    #[inline(always)]
    fn groups(panel: &[u8]) -> &[Self::Group] {
        panel.as_chunks().0.as_chunks().0
    }

    fn groups_mut(panel: &mut [u8]) -> &mut [Self::Group] {
        panel.as_chunks_mut().0.as_chunks_mut().0
    }

    fn put(q: &[i8; 32], row: usize, out: &mut Self::Group) {
        for (column, q) in q.iter().enumerate() {
            out[column / 4][row * 4 + column % 4] = q.cast_unsigned() ^ 0x80;
        }
    }

    fn row(group: &Self::Group, row: usize) -> [i8; 32] {
        std::array::from_fn(|column| (group[column / 4][row * 4 + column % 4] ^ 0x80).cast_signed())
    }

    #[inline(always)]
    fn sums<S: Lanes, const C: usize, const COLD: bool>(lanes: S, group: &Self::Group, x: &[Block; C], _: Option<[S::Floats; 2]>) -> [S::Floats; C] {
        let mut sums = [lanes.start_bytes(0); C];
        for c in 0..C {
            sums[c] = lanes.start_bytes(x[c].less_128);
        }
        for g in 0..8 {
            let weights = lanes.bytes(&group[g]);
            for c in 0..C {
                sums[c] = lanes.dot_bytes(sums[c], weights, x[c].q[g]);
            }
            ask::<S, COLD>(lanes, &group[g..=g]);
        }
        let mut out = [lanes.splat(0.0); C];
        for c in 0..C {
            out[c] = lanes.to_floats(sums[c]);
        }
        out
    }
}

#[inline(always)]
fn floats<S: Lanes, const C: usize>(lanes: S, sums: [S::Partial; C]) -> [S::Floats; C] {
    let mut out = [lanes.splat(0.0); C];
    for c in 0..C {
        out[c] = lanes.to_floats(lanes.total(sums[c]));
    }
    out
}
