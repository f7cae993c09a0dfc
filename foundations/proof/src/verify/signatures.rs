//! Steps 10 (a seal's signatures) and 11 to 14: what lies beside each record.

use super::Reason;
use super::chain::Pending;
use crate::digest::{KeyId, LogId};
use crate::key::PublicKey;
use crate::record::Mode;
use crate::signature;
use sha3::{Digest, Sha3_512};

/// Checks signatures in index order and remembers those that the next seal must name.
pub(super) struct Signatures {
    log: LogId,
    key: PublicKey,
    key_id: KeyId,
    is_trusted: bool,
    since_seal: Sha3_512,
    /// Whether `since_seal` holds all of them: from index 0, or from a seal in this bundle.
    is_complete: bool,
}

impl Signatures {
    /// `is_trusted`: the bundle's key is the one that the policy names, or the policy names none.
    pub fn new(log: LogId, key: PublicKey, is_trusted: bool, first: u64) -> Self {
        let key_id = key.id();
        Self { log, key, key_id, is_trusted, since_seal: Sha3_512::new(), is_complete: first == 0 }
    }

    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Checks what lies beside `record`; `fail` is told each reason found.
    pub fn check(&mut self, record: &Pending, beside: &[u8], fail: &mut dyn FnMut(Reason)) {
        if let Some(named) = &record.sealed_signatures {
            if self.is_complete && self.since_seal.clone().finalize().as_slice() != named.as_slice() {
                fail(Reason::Seal);
            }
            self.since_seal = Sha3_512::new();
            self.is_complete = true;
        }
        self.since_seal.update(beside);
        if (record.mode == Mode::Each) == beside.is_empty() {
            return fail(Reason::SigningMode);
        }
        let signature = signature::from_cose(record.key_id, beside);
        if record.mode == Mode::Each && signature.is_none() {
            fail(Reason::MalformedSignature);
        }
        if record.key_id != self.key_id || !self.is_trusted {
            return fail(Reason::UnknownKey);
        }
        if let Some(signature) = signature
            && !signature::verify(&self.key, &signature::to_be_signed(record.key_id, self.log, record.digest), signature)
        {
            fail(Reason::Signature);
        }
    }
}
