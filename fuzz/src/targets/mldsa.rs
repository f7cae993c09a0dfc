//! Verification in lanes: on every path of the machine what libcrux and aws-lc-rs say, signature by signature, wherever in a group it lies.

use super::harness::{Held, Target, ensure};
use super::signed_cases::{self, Case};
use aws_lc_rs::signature::{ML_DSA_65, ParsedPublicKey};
use mickai_proof::mldsa::{ExpandedKey, Isa, Item, verify_many};
use mickai_proof::signature::{SIGNATURE_LEN, verify};

/// The target. Its input is what [`signed_cases::read`] takes.
pub const TARGET: Target = Target { name: "mldsa", holds: |data| holds(data, verify_many), canary: |data| holds(data, canary), seeds: signed_cases::seeds, case_count: 3_000 };

type Many = fn(&ExpandedKey, Isa, &[Item<'_>]) -> Vec<bool>;

fn holds(data: &[u8], many: Many) -> Held {
    let Some(Case { key, message, signature }) = signed_cases::read(data) else { return Ok(()) };
    let is_good = verify(&key, &message, &signature);
    let by_aws_lc = ParsedPublicKey::new(&ML_DSA_65, key.raw()).is_ok_and(|key| key.verify_sig(&message, &signature[..]).is_ok());
    ensure(by_aws_lc == is_good, "libcrux and aws-lc-rs differ")?;
    // Each third item is another message under the same signature: lanes may not mix, nor fill up with what a group lacks.
    let other = [&message[..], &[0]].concat();
    let count = 1 + data.iter().map(|byte| usize::from(*byte)).sum::<usize>() % 17;
    let items: Vec<_> = (0..count).map(|at| Item { message: if at % 3 == 1 { &other } else { &message }, signature: &signature }).collect();
    let expected: Vec<_> = (0..count).map(|at| is_good && at % 3 != 1).collect();
    let expanded = ExpandedKey::new(&key);
    for isa in Isa::available() {
        ensure(many(&expanded, isa, &items) == expected, "the lanes and the libraries differ")?;
    }
    Ok(())
}

/// Passes over what lies behind the last hint, as decoders do that forget FIPS 204 Algorithm 21 line 16.
fn canary(key: &ExpandedKey, isa: Isa, items: &[Item<'_>]) -> Vec<bool> {
    const HINTS_MAX: usize = 55;
    const COUNT: usize = 6;
    let cleared = |item: &Item<'_>| {
        let mut signature = *item.signature;
        let hints = &mut signature[SIGNATURE_LEN - HINTS_MAX - COUNT..];
        let used = usize::from(hints[HINTS_MAX + COUNT - 1]).min(HINTS_MAX);
        hints[used..HINTS_MAX].fill(0);
        signature
    };
    let cleared: Vec<_> = items.iter().map(cleared).collect();
    let items: Vec<_> = items.iter().zip(&cleared).map(|(item, signature)| Item { message: item.message, signature }).collect();
    verify_many(key, isa, &items)
}
