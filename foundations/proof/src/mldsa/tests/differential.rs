//! The lanes against libcrux and aws-lc-rs on thousands of seeded cases: valid, altered, forged under keys that allow it; and every challenge against plain arithmetic.

use super::super::batch::{VerifyMany, Work, verify_many};
use super::super::isa::{Lanes, Task};
use super::super::params::{BETA, CHALLENGE_LEN, DEGREE, GAMMA1, HINT_LEN, L, OMEGA};
use super::arithmetic::write_z;
use super::mutations::{self, Case};
use super::{ExpandedKey, Isa, Item, Random, plain};
use crate::key::{PUBLIC_KEY_LEN, PublicKey};
use crate::signature::{self, SIGNATURE_LEN};
use alloc::vec::Vec;
use aws_lc_rs::signature::{ML_DSA_65, ParsedPublicKey};
use libcrux_ml_dsa::ml_dsa_65::{MLDSA65KeyPair, generate_key_pair, sign};

/// Both libraries and every path agree on each case; gives how many they accept.
fn check(key: &PublicKey, cases: &[Case]) -> usize {
    let (aws_lc, expanded) = (ParsedPublicKey::new(&ML_DSA_65, key.raw()).unwrap(), ExpandedKey::new(key));
    let expected: Vec<bool> = cases.iter().map(|case| signature::verify(key, &case.message, &case.signature)).collect();
    let items = items(cases);
    let by_path: Vec<(Isa, Vec<bool>)> = Isa::available().map(|isa| (isa, verify_many(&expanded, isa, &items))).collect();
    for (at, (case, expected)) in cases.iter().zip(&expected).enumerate() {
        assert_eq!(aws_lc.verify_sig(&case.message, &case.signature).is_ok(), *expected, "aws-lc-rs, case {at}: {}", case.how);
        for (isa, verdicts) in &by_path {
            assert_eq!(verdicts[at], *expected, "{}, case {at}: {}", isa.name(), case.how);
        }
    }
    expected.iter().filter(|holds| **holds).count()
}

fn items(cases: &[Case]) -> Vec<Item<'_>> {
    cases.iter().map(|case| Item { message: &case.message, signature: &case.signature }).collect()
}

fn key_of(pair: &MLDSA65KeyPair) -> PublicKey {
    PublicKey::from_raw(*pair.verification_key.as_ref())
}

/// Signatures over messages of 1 to 300 bytes.
fn signed(pair: &MLDSA65KeyPair, count: usize, random: &mut Random) -> Vec<Case> {
    let one = |_| {
        let message: Vec<u8> = (0..1 + random.below(300)).map(|_| random.next() as u8).collect();
        let signature = sign(&pair.signing_key, &message, b"", random.bytes()).unwrap();
        Case { signature: *signature.as_ref(), message, how: "signed" }
    };
    (0..count).map(one).collect()
}

#[test]
fn altered_signatures_and_messages_are_judged_alike() {
    let mut random = Random(11);
    let mut accepted = 0;
    for _ in 0..3 {
        let pair = generate_key_pair(random.bytes());
        let valid = signed(&pair, 12, &mut random);
        let mut cases = Vec::new();
        for _ in 0..40 {
            for (how, alter) in mutations::ALL {
                let (mut case, other) = (valid[random.below(12)].clone(), &valid[random.below(12)]);
                alter(&mut case, &mut random, other);
                cases.push(Case { how, ..case });
            }
        }
        accepted += check(&key_of(&pair), &cases);
    }
    // "unaltered" alone is accepted 120 times.
    assert!((120..400).contains(&accepted), "{accepted}");
}

/// Among so many signatures some have a coefficient that is exactly the largest allowed.
#[test]
fn many_signatures_are_accepted_and_some_of_them_only_just() {
    let mut random = Random(12);
    let pair = generate_key_pair(random.bytes());
    let cases = signed(&pair, 1_500, &mut random);
    assert_eq!(check(&key_of(&pair), &cases), cases.len());
    let at_the_bound = cases.iter().filter(|case| (0..L * DEGREE).any(|at| read_z(&case.signature, at).abs() == GAMMA1 - BETA - 1)).count();
    assert!(at_the_bound > 0, "no signature is at the bound");
}

/// Keys that nobody made: t1 at its ends and in patterns, altered and random bytes.
#[test]
fn signatures_under_other_keys_are_judged_alike() {
    let mut random = Random(13);
    let pair = generate_key_pair(random.bytes());
    let valid = signed(&pair, 20, &mut random);
    for round in 0..24 {
        let mut raw = *key_of(&pair).raw();
        match round {
            0 => raw[32..].fill(0),
            1 => raw[32..].fill(0xff),
            2 => raw.fill(0),
            3 => raw.fill(0xff),
            4 => raw = random.bytes(),
            _ => raw[random.below(PUBLIC_KEY_LEN)] ^= 1 << random.below(8),
        }
        assert_eq!(check(&PublicKey::from_raw(raw), &valid), 0);
    }
    assert_eq!(check(&key_of(&pair), &valid), valid.len());
}

/// Under t1 = 0 the product c·t1 vanishes, so anybody can choose z and hint freely and take the challenge that fits. What is accepted then depends on the norm and on the hint's
/// form alone, and z can be as extreme as a verifier ever meets.
#[test]
fn forgeries_under_a_zero_key_are_judged_alike() {
    let mut random = Random(14);
    let mut raw = [0; PUBLIC_KEY_LEN];
    raw[..32].copy_from_slice(&random.bytes::<32>());
    let key = PublicKey::from_raw(raw);
    let mut cases: Vec<Case> = (0..800).map(|round| forged_draft(round, &mut random)).collect();
    let challenges = Isa::PORTABLE.run(Challenges(VerifyMany { key: &ExpandedKey::new(&key), context: b"", context_len: 0, items: &items(&cases) }));
    for (round, (case, challenge)) in cases.iter_mut().zip(challenges).enumerate() {
        case.signature[..CHALLENGE_LEN].copy_from_slice(&challenge);
        // Since c does not matter here, only the last comparison can see these.
        if round % 7 == 3 {
            let at = [0, CHALLENGE_LEN - 1, random.below(CHALLENGE_LEN)][random.below(3)];
            case.signature[at] ^= 1 << random.below(8);
            case.how = "a bit of the challenge";
        }
    }
    let accepted = check(&key, &cases);
    assert!((250..650).contains(&accepted), "{accepted}");
}

/// Everything of a signature but its challenge.
fn forged_draft(round: usize, random: &mut Random) -> Case {
    let bound = GAMMA1 - BETA;
    let mut signature = [0; SIGNATURE_LEN];
    let how = ["random", "all at one end", "alternating ends", "random ends", "one coefficient over", "one coefficient at the end of its range"][round % 6];
    for at in 0..L * DEGREE {
        let any = i32::try_from(random.below(2 * bound.unsigned_abs() as usize - 1)).unwrap() - bound + 1;
        let ends = [bound - 1, 1 - bound];
        write_z(
            &mut signature,
            at,
            match round % 6 {
                1 => ends[round / 6 % 2],
                2 => ends[at >> (round / 6 % 11) & 1],
                3 => ends[random.below(2)],
                _ => any,
            },
        );
    }
    let at = random.below(L * DEGREE);
    match round % 6 {
        4 => write_z(&mut signature, at, [bound, -bound, bound + 1][round / 6 % 3]),
        5 => write_z(&mut signature, at, [GAMMA1, 1 - GAMMA1][round / 6 % 2]),
        _ => {}
    }
    let hint = &mut signature[SIGNATURE_LEN - HINT_LEN..];
    match round / 6 % 4 {
        // The first ω coefficients of one row.
        0 => {
            (0..OMEGA).for_each(|at| hint[at] = at as u8);
            hint[OMEGA + round % 6..].fill(OMEGA as u8);
        }
        // A full hint, the last coefficients of the last row.
        1 => {
            (0..OMEGA).for_each(|at| hint[at] = (DEGREE - OMEGA + at) as u8);
            hint[HINT_LEN - 1] = OMEGA as u8;
        }
        _ => {}
    }
    Case { message: random.bytes::<40>().to_vec(), signature, how }
}

/// The challenge that each item's signature should hold.
struct Challenges<'a>(VerifyMany<'a>);

impl Task for Challenges<'_> {
    type Output = Vec<[u8; CHALLENGE_LEN]>;

    #[inline(always)]
    fn run<S: Lanes>(self, lanes: S) -> Self::Output {
        let mut work = Work::new(lanes);
        let mut out = Vec::new();
        for chunk in self.0.items.chunks(S::COUNT) {
            self.0.verify_group(lanes, &core::array::from_fn(|lane| chunk.get(lane).unwrap_or(&chunk[0])), &mut work);
            out.extend(work.blocks.iter().take(chunk.len()).map(|block| <[u8; CHALLENGE_LEN]>::try_from(&block[..CHALLENGE_LEN]).unwrap()));
        }
        out
    }
}

/// A rejection alone would hide wrong arithmetic: here the challenges themselves are compared, for random keys and signatures, and for those at the ends.
#[test]
fn challenges_are_those_of_plain_arithmetic() {
    let mut random = Random(15);
    for round in 0..5 {
        let mut raw: [u8; PUBLIC_KEY_LEN] = random.bytes();
        if round < 2 {
            raw[32..].fill([0xff, 0][round]);
        }
        let cases: Vec<Case> = (0..6)
            .map(|at| {
                let mut case = forged_draft(3 * round + at, &mut random);
                case.signature[..CHALLENGE_LEN].copy_from_slice(&random.bytes::<CHALLENGE_LEN>());
                case
            })
            .collect();
        let key = ExpandedKey::new(&PublicKey::from_raw(raw));
        let plain: Vec<_> = cases.iter().map(|case| plain::challenge(&raw, &case.message, &case.signature).0).collect();
        for isa in Isa::available() {
            let ours = isa.run(Challenges(VerifyMany { key: &key, context: b"", context_len: 0, items: &items(&cases) }));
            assert!(ours == plain, "{} round {round}", isa.name());
        }
    }
}

#[test]
fn any_count_of_items_is_judged_and_each_at_its_place() {
    let mut random = Random(16);
    let pair = generate_key_pair(random.bytes());
    let (key, valid) = (ExpandedKey::new(&key_of(&pair)), signed(&pair, 40, &mut random));
    for isa in Isa::available() {
        for count in 0..=40usize {
            for bad in [0, count / 2, count.saturating_sub(1)] {
                let mut cases = valid[..count].to_vec();
                if let Some(case) = cases.get_mut(bad) {
                    case.message.push(0);
                }
                let expected: Vec<bool> = (0..count).map(|at| at != bad).collect();
                assert_eq!(verify_many(&key, isa, &items(&cases)), expected, "{} {bad} of {count}", isa.name());
            }
        }
    }
}

fn read_z(signature: &[u8; SIGNATURE_LEN], at: usize) -> i32 {
    let bytes = &signature[CHALLENGE_LEN + 20 * at / 8..];
    let packed = u32::from(bytes[0]) | u32::from(bytes[1]) << 8 | u32::from(bytes[2]) << 16;
    GAMMA1 - (packed >> (4 * (at % 2)) & 0xf_ffff) as i32
}
