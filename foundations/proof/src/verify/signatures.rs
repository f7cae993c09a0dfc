//! Steps 10 (a seal's signatures) and 11 to 14: what lies beside each record.

use super::Reason;
use super::chain::Pending;
use super::hashing::{Hash, Hashing};
use crate::digest::LogId;
use crate::key::PublicKey;
use crate::mldsa::Item;
use crate::record::Mode;
use crate::signature::{self, SIGNATURE_LEN};
use alloc::boxed::Box;
use alloc::vec::Vec;

/// A signature whose form is right, to be verified with the others of its chunk.
#[derive(Clone)]
pub(super) struct Due {
    pub index: u64,
    pub key: PublicKey,
    pub message: Vec<u8>,
    pub signature: Box<[u8; SIGNATURE_LEN]>,
}

impl Due {
    /// What the lanes take.
    pub fn item(&self) -> Item<'_> {
        Item { message: &self.message, signature: &self.signature }
    }

    /// Step 14, by the library.
    pub fn verifies(&self) -> bool {
        signature::verify(&self.key, &self.message, &self.signature)
    }
}

/// Checks signatures in index order and remembers those that the next seal must name.
#[derive(Clone)]
pub(super) struct Signatures {
    log: LogId,
    is_trusted: bool,
    hashing: Hashing,
    since_seal: Hash,
    /// Whether `since_seal` holds all of them: from index 0, or from a seal in this bundle.
    is_complete: bool,
}

impl Signatures {
    /// `is_trusted`: one of the bundle's keys is one that the policy names, or the policy names none.
    pub fn new(log: LogId, is_trusted: bool, first: u64, hashing: Hashing) -> Self {
        Self { log, is_trusted, hashing, since_seal: hashing.start(), is_complete: first == 0 }
    }

    /// Checks what lies beside `record` but for step 14; `fail` is told each reason found.
    pub fn check(&mut self, index: u64, record: &Pending, beside: &[u8], fail: &mut dyn FnMut(Reason)) -> Option<Due> {
        if let Some(named) = &record.sealed_signatures {
            let since_seal = core::mem::replace(&mut self.since_seal, self.hashing.start());
            if self.is_complete && since_seal.finish() != *named {
                fail(Reason::Seal);
            }
            self.is_complete = true;
        }
        self.since_seal.update(beside);
        self.check_form(index, record, beside, fail)
    }

    /// Steps 11 to 13; gives what step 14 has to verify.
    pub fn check_form(&self, index: u64, record: &Pending, beside: &[u8], fail: &mut dyn FnMut(Reason)) -> Option<Due> {
        if (record.mode == Mode::Each) == beside.is_empty() {
            fail(Reason::SigningMode);
        }
        let signature = signature::from_cose(record.key_id, beside);
        if record.mode == Mode::Each && signature.is_none() {
            fail(Reason::MalformedSignature);
        }
        let signer = record.signer.as_ref().filter(|signer| self.is_trusted && signer.id() == record.key_id);
        let Some(key) = signer.cloned() else {
            fail(Reason::UnknownKey);
            return None;
        };
        let message = signature::to_be_signed(record.key_id, self.log, record.digest);
        signature.map(|signature| Due { index, key, message, signature: Box::new(*signature) })
    }
}
