//! From a fuzzer's few bytes to a key, a message and a signature: a valid one of Project Wycheproof or one made on the spot, then edits of its structure; or all of it as bytes.
//!
//! A mutation of 3,309 bytes hardly ever says something new of a signature. Here each byte of the input chooses: where from, which edit, at which place.

use super::parts::Parts;
use super::vectors;
use libcrux_ml_dsa::ml_dsa_65::{MLDSA65KeyPair, generate_key_pair, sign};
use mickai_proof::digest::RecordDigest;
use mickai_proof::key::{PUBLIC_KEY_LEN, PublicKey};
use mickai_proof::record::{Mode, decode};
use mickai_proof::signature::{SIGNATURE_LEN, from_cose, to_be_signed};
use std::path::Path;
use std::sync::OnceLock;
use wycheproof::{TestResult, mldsa_verify};

// The constants of FIPS 204, Tables 1 and 2, and the parts of a signature: c̃, z in 20 bits a coefficient, hint positions, ends of the hint's rows.
const GAMMA1: i32 = 1 << 19;
const BETA: i32 = 196;
const OMEGA: usize = 55;
const ROWS: usize = 6;
const COEFFICIENTS: usize = 5 * 256;
const CHALLENGE_LEN: usize = 48;
const HINT_AT: usize = SIGNATURE_LEN - OMEGA - ROWS;

/// The first byte of an input: from here on everything is bytes, from there on it is signed on the spot, below it is one of Wycheproof's.
const RAW: u8 = 255;
const SIGNED: u8 = 192;
/// Bytes of one edit: which, where, what.
const EDIT_LEN: usize = 4;
const EDITS_MAX: usize = 8;

/// What is said to be signed.
#[derive(Clone)]
pub struct Case {
    /// By whom.
    pub key: PublicKey,
    /// What.
    pub message: Vec<u8>,
    /// The signature.
    pub signature: Box<[u8; SIGNATURE_LEN]>,
}

/// The case of an input: source, a byte of choice, edits; or [`RAW`], key, signature, message. `None` where it is too short.
pub fn read(data: &[u8]) -> Option<Case> {
    let (&source, rest) = data.split_first()?;
    if source == RAW {
        let (key, rest) = rest.split_first_chunk::<PUBLIC_KEY_LEN>()?;
        let (signature, message) = rest.split_first_chunk::<SIGNATURE_LEN>()?;
        return Some(Case { key: PublicKey::from_raw(*key), message: message.to_vec(), signature: Box::new(*signature) });
    }
    let (&choice, edits) = rest.split_first()?;
    let known = known();
    let other = &known[usize::from(choice) % known.len()];
    let mut case = if source < SIGNED { known[usize::from(source) % known.len()].clone() } else { signed(source, choice, edits) };
    for edit in edits.as_chunks::<EDIT_LEN>().0.iter().take(EDITS_MAX) {
        let [which, high, low, what] = *edit;
        EDITS[usize::from(which) % EDITS.len()](&mut case, usize::from(u16::from_be_bytes([high, low])), what, other);
    }
    Some(case)
}

/// Changes a case at a place by a value; the last argument is another valid one.
type Edit = fn(&mut Case, usize, u8, &Case);

const EDITS: [Edit; 20] = [
    |case, at, _, _| case.signature[at / 8 % SIGNATURE_LEN] ^= 1 << (at % 8),
    |case, at, what, _| case.signature[at % CHALLENGE_LEN] ^= what,
    |case, at, what, _| hint(case)[at % (OMEGA + ROWS)] = what,
    |case, at, what, _| hint(case)[OMEGA + at % ROWS] = what,
    |case, at, what, _| {
        let used = usize::from(hint(case)[OMEGA + ROWS - 1]).min(OMEGA);
        if used < OMEGA {
            hint(case)[used + at % (OMEGA - used)] = what;
        }
    },
    |case, at, what, _| edit_row(case, at, what, |row, place| row.insert(place, row[place])),
    |case, at, what, _| edit_row(case, at, what, |row, place| row.rotate_left(place)),
    |case, at, what, _| edit_row(case, at, what, |row, place| row.truncate(place)),
    |case, at, what, _| {
        with_rows(case, |rows| {
            let row = &mut rows[at % ROWS];
            row.push(what);
            row.sort_unstable();
            row.dedup();
        });
    },
    |case, at, what, _| with_rows(case, |rows| rows.swap(at % ROWS, usize::from(what) % ROWS)),
    |case, at, what, _| hint(case)[OMEGA + at % ROWS..].fill(what),
    |case, at, what, _| write_z(&mut case.signature, at % COEFFICIENTS, EXTREMES[usize::from(what) % EXTREMES.len()]),
    |case, at, what, _| write_z(&mut case.signature, at % COEFFICIENTS, i32::from(what) - 128),
    |case, at, what, _| (0..1 + at % COEFFICIENTS).for_each(|at| write_z(&mut case.signature, at, EXTREMES[usize::from(what) % EXTREMES.len()])),
    |case, _, _, other| case.signature[..CHALLENGE_LEN].copy_from_slice(&other.signature[..CHALLENGE_LEN]),
    |case, _, _, other| case.signature[HINT_AT..].copy_from_slice(&other.signature[HINT_AT..]),
    |case, _, _, other| case.key = other.key.clone(),
    |case, at, what, _| {
        let mut raw = *case.key.raw();
        raw[at % PUBLIC_KEY_LEN] ^= what;
        case.key = PublicKey::from_raw(raw);
    },
    |case, at, what, _| {
        let len = case.message.len().max(1);
        case.message.resize(len, 0);
        case.message[at % len] ^= what;
    },
    |case, at, what, _| case.message.resize(at % 300, what),
];

/// Values of a coefficient of z at its bound, at the end of its range, and in the middle.
const EXTREMES: [i32; 10] = [GAMMA1 - BETA - 1, GAMMA1 - BETA, GAMMA1 - BETA + 1, 1 + BETA - GAMMA1, BETA - GAMMA1, BETA - GAMMA1 - 1, GAMMA1, GAMMA1 - 1, 1 - GAMMA1, 0];

fn hint(case: &mut Case) -> &mut [u8] {
    &mut case.signature[HINT_AT..]
}

fn write_z(signature: &mut [u8; SIGNATURE_LEN], at: usize, value: i32) {
    let packed = (GAMMA1 - value).unsigned_abs();
    let place = CHALLENGE_LEN + at * 20 / 8;
    let [a, b, c, _] = packed.to_le_bytes();
    // Two coefficients share five bytes, so that each begins on a half.
    match at % 2 {
        0 => (signature[place], signature[place + 1], signature[place + 2]) = (a, b, signature[place + 2] & 0xf0 | c),
        _ => (signature[place], signature[place + 1], signature[place + 2]) = (signature[place] & 0x0f | a << 4, a >> 4 | b << 4, b >> 4 | c << 4),
    }
}

/// The rows of the hint to be changed, and packed again as far as they fit; nothing where they cannot be told apart.
fn with_rows(case: &mut Case, edit: impl FnOnce(&mut Vec<Vec<u8>>)) {
    let packed = hint(case);
    let (positions, ends) = packed.split_at_mut(OMEGA);
    let starts = [0].into_iter().chain(ends.iter().copied());
    let rows: Option<Vec<Vec<u8>>> = starts.zip(&*ends).map(|(start, end)| positions.get(usize::from(start)..usize::from(*end)).map(<[u8]>::to_vec)).collect();
    let Some(mut rows) = rows else { return };
    edit(&mut rows);
    positions.fill(0);
    let mut used = 0;
    for (row, end) in rows.iter().zip(ends) {
        for position in row.iter().take(OMEGA - used) {
            positions[used] = *position;
            used += 1;
        }
        *end = used as u8;
    }
}

/// One of the rows that have something in them, at one of its places.
fn edit_row(case: &mut Case, at: usize, what: u8, edit: impl FnOnce(&mut Vec<u8>, usize)) {
    with_rows(case, |rows| {
        let mut filled: Vec<_> = rows.iter_mut().filter(|row| !row.is_empty()).collect();
        let count = filled.len();
        if count > 0 {
            let row = &mut *filled[at % count];
            edit(row, usize::from(what) % row.len());
        }
    });
}

/// A message that is the edits themselves, signed by one of 16 keys.
fn signed(source: u8, choice: u8, message: &[u8]) -> Case {
    static PAIRS: OnceLock<Vec<MLDSA65KeyPair>> = OnceLock::new();
    let pairs = PAIRS.get_or_init(|| (0..16).map(|seed| generate_key_pair([seed; 32])).collect());
    let pair = &pairs[usize::from(source) % pairs.len()];
    let signature = sign(&pair.signing_key, message, b"", [choice; 32]).unwrap();
    Case { key: PublicKey::from_raw(*pair.verification_key.as_ref()), message: message.to_vec(), signature: Box::new(*signature.as_ref()) }
}

/// Wycheproof's valid signatures without a context.
fn known() -> &'static [Case] {
    static KNOWN: OnceLock<Vec<Case>> = OnceLock::new();
    KNOWN.get_or_init(|| wycheproofs().into_iter().filter_map(|(case, is_valid)| is_valid.then_some(case)).collect())
}

/// Wycheproof's vectors without a context whose lengths are those of a key and a signature.
fn wycheproofs() -> Vec<(Case, bool)> {
    let set = mldsa_verify::TestSet::load(mldsa_verify::TestName::MlDsa65Verify).unwrap();
    let mut cases = Vec::new();
    for group in &set.test_groups {
        let Ok(raw) = <[u8; PUBLIC_KEY_LEN]>::try_from(group.pubkey.as_ref()) else { continue };
        for test in group.tests.iter().filter(|test| test.ctx.as_ref().is_none_or(|context| context.as_ref().is_empty())) {
            let Ok(signature) = <[u8; SIGNATURE_LEN]>::try_from(test.sig.as_ref()) else { continue };
            let case = Case { key: PublicKey::from_raw(raw), message: test.msg.to_vec(), signature: Box::new(signature) };
            cases.push((case, test.result == TestResult::Valid));
        }
    }
    cases
}

/// Each edit of some sources, Wycheproof's vectors as bytes, and the signatures of this project's own.
pub fn seeds(folder: &Path) -> Vec<Vec<u8>> {
    let raw = |case: &Case| [&[RAW][..], case.key.raw(), &case.signature[..], &case.message].concat();
    let mut seeds: Vec<_> = wycheproofs().iter().map(|(case, _)| raw(case)).collect();
    for source in [0, 1, 2, 3, SIGNED, SIGNED + 1] {
        seeds.push(vec![source, 0]);
        for which in 0..EDITS.len() as u8 {
            seeds.extend([[0, 0, 1], [1, 44, 57], [7, 208, 3]].map(|[high, low, what]| vec![source, which, which, high, low, what]));
        }
    }
    for (_, bundle) in vectors::bundles(folder).iter().filter(|(_, bundle)| bundle.len() < 10_000) {
        seeds.extend(signed_records(bundle).iter().map(raw));
    }
    seeds.sort();
    seeds.dedup();
    seeds
}

fn signed_records(bundle: &[u8]) -> Vec<Case> {
    let (parts, _) = Parts::read(bundle, bundle.len());
    let mut cases = Vec::new();
    for (record, beside) in parts.records.iter().zip(&parts.signatures) {
        let Ok(read) = decode(record) else { continue };
        let key = parts.keys.iter().find(|key| key.id() == read.key_id).filter(|_| read.mode == Mode::Each);
        if let (Some(key), Some(signature), Some(header)) = (key, from_cose(read.key_id, beside), parts.header) {
            cases.push(Case { key: key.clone(), message: to_be_signed(read.key_id, header.log, RecordDigest::of(record)), signature: Box::new(*signature) });
        }
    }
    cases
}
