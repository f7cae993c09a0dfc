//! What a seal says of the signatures before it: one digest over all of them since the last seal (spec/record.md "Seal").

use super::digest::Sha3;
use super::reader::LogReader;
use crate::error::Error;
use crate::home::Home;
use mickai_proof::digest::RecordDigest;
use std::ops::Range;

/// SHA3-512 over COSE signatures, in index order, from the last seal on. Hashing a signature costs a tenth of making it, so a log that never seals never does it.
#[derive(Clone, Default)]
pub(super) struct Fold {
    hash: Sha3,
}

impl Fold {
    /// Over signatures that are durable; the first record of the range is the last seal, or genesis.
    pub fn read(home: &Home, range: Range<u64>) -> Result<Self, Error> {
        let mut fold = Self::default();
        let reader = LogReader::open(home)?;
        for entry in reader.entries(range) {
            fold.add(false, &entry?.signature);
        }
        Ok(fold)
    }

    /// Adds the signature beside the next record; a seal begins anew with its own.
    pub fn add(&mut self, is_seal: bool, signature: &[u8]) {
        if is_seal {
            self.hash = Sha3::default();
        }
        self.hash.update(signature);
    }

    /// So far.
    pub fn digest(&self) -> [u8; RecordDigest::LEN] {
        self.hash.clone().finish()
    }
}
