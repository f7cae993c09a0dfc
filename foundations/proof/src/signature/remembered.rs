//! In the crate's own tests, what the library accepted once is not asked again: a bundle is changed at a hundred thousand places, and most of its signatures stay as they were.

use super::{SIGNATURE_LEN, ask};
use crate::digest::sha256;
use crate::key::PublicKey;
use std::cell::RefCell;
use std::collections::BTreeSet;

thread_local! {
    static ACCEPTED: RefCell<BTreeSet<[u8; 32]>> = const { RefCell::new(BTreeSet::new()) };
}

/// As in the product, with a memory of acceptances in each thread. A key's id names the whole key.
pub fn verify(key: &PublicKey, message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> bool {
    let question = sha256(&[&key.id().0, signature, message]);
    if ACCEPTED.with_borrow(|accepted| accepted.contains(&question)) {
        return true;
    }
    let is_good = ask(key, message, signature);
    if is_good {
        ACCEPTED.with_borrow_mut(|accepted| accepted.insert(question));
    }
    is_good
}
