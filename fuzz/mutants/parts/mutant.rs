//! The switch: which mutant is on. Copied into the switchable proof as its module `mutant`.

use crate::key::PublicKey;
use crate::signature::SIGNATURE_LEN;
use libcrux_ml_dsa::ml_dsa_65::{MLDSA65Signature, MLDSA65VerificationKey, verify};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// Questions that one run may ask before it counts as one that does not end.
const QUESTIONS_MAX: u64 = 60_000_000;

std::thread_local! {
    static ON: Cell<usize> = Cell::new(std::env::var("MUTANT").ok().and_then(|number| number.parse().ok()).unwrap_or(0));
    static ASKED: Cell<u64> = const { Cell::new(0) };
    static IS_LIMITED: Cell<bool> = const { Cell::new(false) };
    static KNOWN: RefCell<BTreeMap<Vec<u8>, bool>> = const { RefCell::new(BTreeMap::new()) };
}

/// Turns one mutant on, in this thread; 0 for none. From here on a run may ask so many questions and no more.
pub fn set(number: usize) {
    ON.set(number);
    ASKED.set(0);
    IS_LIMITED.set(true);
}

/// Is this one on?
pub fn is(number: usize) -> bool {
    if IS_LIMITED.get() {
        ASKED.set(ASKED.get() + 1);
        assert!(ASKED.get() < QUESTIONS_MAX, "does not end");
    }
    ON.get() == number
}

/// A check with two mutants.
pub fn switched(yes: usize, no: usize, value: bool) -> bool {
    is(yes) || (value && !is(no))
}

/// The library's answer, remembered.
pub fn remembered(key: &PublicKey, message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> bool {
    let question = [&key.id().0, message, signature].concat();
    if let Some(known) = KNOWN.with_borrow(|known| known.get(&question).copied()) {
        return known;
    }
    let answer = verify(&MLDSA65VerificationKey::new(*key.raw()), message, b"", &MLDSA65Signature::new(*signature)).is_ok();
    KNOWN.with_borrow_mut(|known| known.insert(question, answer));
    answer
}
