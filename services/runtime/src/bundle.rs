//! A bundle that somebody brings: verified first, then read as acts and opened values, so that its generations can be run again here.

use crate::acts::{Act, Pairing, action};
use crate::error::{Error, Result};
use mickai_proof::bundle::{Event, Parser};
use mickai_proof::commitment::Opening;
use mickai_proof::digest::{KeyId, LogId, RecordDigest};
use mickai_proof::record;
use mickai_proof::verify::{Policy, Word, verify};
use mickai_store::Erased;
use std::path::Path;

/// A bundle whose records are whole and signed by the key that it brings. Whether that key is to be trusted is not asked here: a replay shows what a model does, not who ran it.
pub struct Case {
    /// The log.
    pub log: LogId,
    /// Its acts.
    pub acts: Vec<Act>,
    /// The key that the bundle brings and that signed its records.
    pub key: KeyId,
    openings: Vec<Opening>,
    /// Values that its records say are erased.
    erased: Erased,
}

impl Case {
    /// Reads and verifies a bundle.
    ///
    /// # Errors
    /// A file that cannot be read, or [`Error::BundleInvalid`].
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|source| Error::BundleUnreadable { path: path.to_owned(), source })?;
        let verdict = verify(&bytes, Policy::default())?;
        if matches!(verdict.word, Word::Invalid | Word::Unreadable) {
            return Err(Error::BundleInvalid { path: path.to_owned(), word: verdict.word, reason: verdict.reason.map_or("", |reason| reason.code()) });
        }
        let mut parser = Parser::default();
        parser.feed(&bytes);
        let mut pairing = Pairing::default();
        let mut openings = Vec::new();
        let mut erased = Erased::default();
        // The verifier has read the same events to their end.
        while let Ok(Some(event)) = parser.next_event() {
            match event {
                Event::Record(_, bytes) => {
                    if let Ok(record) = record::decode(bytes) {
                        pairing.push(RecordDigest::of(bytes), &record);
                        // Only erase records are taken in.
                        let _ = erased.push(&record);
                    }
                }
                Event::Opening(opening) => openings.push(opening),
                _ => {}
            }
        }
        let (Some(log), Some(key)) = (verdict.scope.log, verdict.scope.key()) else {
            return Err(Error::BundleInvalid { path: path.to_owned(), word: verdict.word, reason: "" });
        };
        Ok(Self { log, acts: pairing.finish(), key, openings, erased })
    }

    /// The value opened for a record's commitment.
    pub(crate) fn value(&self, index: u64, label: &'static str) -> Result<&[u8]> {
        let opened = self.openings.iter().find(|opening| opening.index == index && opening.label == label);
        let missing = || self.erased.by(index, label).map_or(Error::NotOpened { index, label }, |by| Error::Erased { index, label, by });
        opened.map(|opening| opening.value.as_slice()).ok_or_else(missing)
    }

    /// Indexes of the intents of its generations and embeddings.
    pub fn generations(&self) -> Vec<u64> {
        self.acts.iter().filter(|act| matches!(act.action.as_str(), action::GENERATE | action::EMBED)).map(|act| act.intent.index).collect()
    }
}
