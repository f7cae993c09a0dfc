//! Signatures that were found good are not verified again when their transaction comes in a block.

use mickai_ledger::SignatureCheck;
use mickai_proof::key::PublicKey;
use mickai_proof::signature::SIGNATURE_LEN;
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// Entries of one generation; two are kept, 32 bytes each.
const GENERATION_MAX: usize = 1 << 16;

/// A verifier with a memory of what it accepted. What it refused it is asked again: nobody can fill the memory with that.
pub(crate) struct Remembered {
    verifier: Box<dyn SignatureCheck + Send + Sync>,
    generations: Mutex<Generations>,
}

#[derive(Default)]
struct Generations {
    young: HashSet<[u8; 32]>,
    old: HashSet<[u8; 32]>,
}

impl Remembered {
    pub(crate) fn new(verifier: Box<dyn SignatureCheck + Send + Sync>) -> Self {
        Self { verifier, generations: Mutex::default() }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Generations> {
        // A set is whole between any two steps.
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn contains(&self, name: &[u8; 32]) -> bool {
        self.young.contains(name) || self.old.contains(name)
    }

    fn insert(&mut self, name: [u8; 32]) {
        if self.young.len() >= GENERATION_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(name);
    }
}

impl SignatureCheck for Remembered {
    fn is_signed(&self, key: &PublicKey, message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> bool {
        let name = name(key, message, signature);
        if self.lock().contains(&name) {
            return true;
        }
        let is_good = self.verifier.is_signed(key, message, signature);
        if is_good {
            self.lock().insert(name);
        }
        is_good
    }
}

/// Key and signature have fixed lengths, so nothing can be moved between the parts.
fn name(key: &PublicKey, message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> [u8; 32] {
    let hasher = Sha256::new().chain_update(key.raw()).chain_update(signature).chain_update(message);
    hasher.finalize().into()
}

/// For blocks that a quorum made final: nobody's signature is asked for again.
pub(crate) struct Final;

impl SignatureCheck for Final {
    fn is_signed(&self, _: &PublicKey, _: &[u8], _: &[u8; SIGNATURE_LEN]) -> bool {
        true
    }
}
