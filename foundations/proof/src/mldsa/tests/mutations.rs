//! Ways to alter a signature or its message: at random, and where a verifier is likely to be wrong.

use super::super::params::{BETA, CHALLENGE_LEN, DEGREE, GAMMA1, K, L, OMEGA};
use super::Random;
use super::arithmetic::write_z;
use crate::signature::SIGNATURE_LEN;
use alloc::vec::Vec;

/// A message and what is said to sign it.
#[derive(Clone)]
pub(super) struct Case {
    pub(super) message: Vec<u8>,
    pub(super) signature: [u8; SIGNATURE_LEN],
    /// How it was made.
    pub(super) how: &'static str,
}

/// Alters the case; the last argument is another valid one under the same key.
pub(super) type Mutation = fn(&mut Case, &mut Random, &Case);

pub(super) const ALL: [(&str, Mutation); 26] = [
    ("unaltered", |_, _, _| {}),
    ("a bit anywhere", |case, random, _| flip(&mut case.signature, random)),
    ("a bit of the challenge", |case, random, _| flip(&mut case.signature[..CHALLENGE_LEN], random)),
    ("a bit of the hint", |case, random, _| flip(hint(case), random)),
    ("a bit of a row's end", |case, random, _| flip(&mut hint(case)[OMEGA..], random)),
    ("a byte of the hint", |case, random, _| {
        let (at, value) = (random.below(OMEGA + K), random.next() as u8);
        hint(case)[at] = value;
    }),
    ("a position twice", |case, random, _| with_row(case, random, |row| row.push(row[row.len() - 1]))),
    ("the first position twice", |case, random, _| with_row(case, random, |row| row.insert(0, row[0]))),
    ("positions out of order", |case, random, _| with_row(case, random, |row| row.rotate_left(1))),
    ("positions reversed", |case, random, _| with_row(case, random, |row| row.reverse())),
    ("a position less", |case, random, _| with_row(case, random, |row| row.truncate(row.len() - 1))),
    ("a position more", |case, random, _| {
        let more = random.next() as u8;
        with_row(case, random, |row| {
            row.push(more);
            row.sort_unstable();
            row.dedup();
        });
    }),
    ("a position moved to the next row", |case, random, _| {
        let row = random.below(K - 1);
        hint(case)[OMEGA + row] = hint(case)[OMEGA + row].saturating_sub(1);
    }),
    ("padding that is not zero", |case, random, _| {
        let (end, value) = (usize::from(hint(case)[OMEGA + K - 1]), random.next() as u8 | 1);
        if end < OMEGA {
            let at = end + random.below(OMEGA - end);
            hint(case)[at] = value;
        }
    }),
    ("an end past ω", |case, random, _| {
        let row = random.below(K);
        hint(case)[OMEGA + row..].fill([56, 57, 61, 128, 255][row % 5]);
    }),
    ("ω positions and more", |case, _, _| hint(case).fill(56)),
    ("ends that fall", |case, random, _| {
        let row = 1 + random.below(K - 1);
        hint(case).swap(OMEGA + row, OMEGA + row - 1);
    }),
    ("no hint", |case, _, _| hint(case).fill(0)),
    ("z at the bound", |case, random, _| {
        let value = (GAMMA1 - BETA + [-1, 0, 1][random.below(3)]) * [-1, 1][random.below(2)];
        write_z(&mut case.signature, random.below(L * DEGREE), value);
    }),
    ("z at the end of its range", |case, random, _| {
        let value = [GAMMA1, 1 - GAMMA1, GAMMA1 - 1, 0][random.below(4)];
        write_z(&mut case.signature, random.below(L * DEGREE), value);
    }),
    ("all of z at one value", |case, random, _| {
        let value = [GAMMA1 - BETA - 1, 1 + BETA - GAMMA1, 0, GAMMA1][random.below(4)];
        (0..L * DEGREE).for_each(|at| write_z(&mut case.signature, at, value));
    }),
    ("another's challenge", |case, _, other| case.signature[..CHALLENGE_LEN].copy_from_slice(&other.signature[..CHALLENGE_LEN])),
    ("another's hint", |case, _, other| case.signature[SIGNATURE_LEN - OMEGA - K..].copy_from_slice(&other.signature[SIGNATURE_LEN - OMEGA - K..])),
    ("one byte throughout", |case, random, _| case.signature.fill([0, 1, 0xff][random.below(3)])),
    ("a byte of the message", |case, random, _| {
        let at = random.below(case.message.len());
        case.message[at] ^= 1 << random.below(8);
    }),
    ("another length of message", |case, random, _| {
        let length = [0, case.message.len() - 1, case.message.len() + 1, 69, 70, 71, 1_000][random.below(7)];
        case.message.resize(length, 0);
    }),
];

fn hint(case: &mut Case) -> &mut [u8] {
    &mut case.signature[SIGNATURE_LEN - OMEGA - K..]
}

fn flip(bytes: &mut [u8], random: &mut Random) {
    let at = random.below(bytes.len());
    bytes[at] ^= 1 << random.below(8);
}

/// Alters the positions of one row that has at least two, if there is one, and packs the hint again; what does not fit is left off.
fn with_row(case: &mut Case, random: &mut Random, alter: impl FnOnce(&mut Vec<u8>)) {
    let packed = hint(case);
    let mut start = 0;
    let mut rows: Vec<Vec<u8>> = Vec::new();
    for row in 0..K {
        let end = usize::from(packed[OMEGA + row]);
        rows.push(packed[start..end].to_vec());
        start = end;
    }
    let candidates: Vec<usize> = (0..K).filter(|row| rows[*row].len() > 1).collect();
    let Some(row) = candidates.get(random.below(candidates.len().max(1))) else { return };
    alter(&mut rows[*row]);
    packed.fill(0);
    let mut end = 0;
    for (row, positions) in rows.iter().enumerate() {
        for position in positions.iter().take(OMEGA - end) {
            packed[end] = *position;
            end += 1;
        }
        packed[OMEGA + row] = end as u8;
    }
}
