//! In the crate's own tests, what the library accepted once is not asked again: a bundle is changed at a hundred thousand places, and most of its signatures stay as they were.

use super::{SIGNATURE_LEN, ask};
use crate::key::PublicKey;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// By signature, the key and the message of the question.
type Accepted = BTreeMap<Box<[u8; SIGNATURE_LEN]>, (PublicKey, Vec<u8>)>;

thread_local! {
    static ACCEPTED: RefCell<Accepted> = const { RefCell::new(BTreeMap::new()) };
}

/// As in the product, with a memory of acceptances in each thread.
pub fn verify(key: &PublicKey, message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> bool {
    let is_known = |accepted: &Accepted| accepted.get(signature).is_some_and(|(known_key, known)| known_key == key && known == message);
    if ACCEPTED.with_borrow(is_known) {
        return true;
    }
    let is_good = ask(key, message, signature);
    if is_good {
        ACCEPTED.with_borrow_mut(|accepted| accepted.insert(Box::new(*signature), (key.clone(), message.to_vec())));
    }
    is_good
}
