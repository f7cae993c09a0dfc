//! The operator's own check: the log goes through the very verifier that a stranger runs, and never gets a better verdict than the stranger would give.

use crate::error::{Error, Result};
use crate::export::{Open, Selection, Source, header};
use crate::system::System;
use mickai_proof::checkpoint::Checkpoint;
use mickai_proof::verify::{Axis, Policy, Reference, TrustedKey, Verdict, Verifier};
use mickai_store::OperatorKey;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::Path;

impl System {
    /// Verifies the whole log under the operator's key; against `reference` when one is given.
    ///
    /// # Errors
    /// A log that cannot be read, a reference that is not a checkpoint of this key.
    pub fn verify(&self, reference: Option<Reference>) -> Result<Verdict> {
        self.verify_selection(&Selection::All, Policy { reference, ..Policy::default() })
    }

    /// Verifies one record: that it is whole, signed, and in the log's tree.
    ///
    /// # Errors
    /// As [`System::verify`].
    pub fn verify_record(&self, index: u64) -> Result<Verdict> {
        let require = [Axis::Integrity, Axis::Authenticity, Axis::Inclusion].into_iter().collect();
        self.verify_selection(&Selection::One(index), Policy { require, ..Policy::default() })
    }

    fn verify_selection(&self, selection: &Selection, policy: Policy) -> Result<Verdict> {
        let reader = self.reader()?;
        let size = reader.size();
        let (Some(log), Some(root)) = (reader.log_id(), reader.frontier(size)?.and_then(|tree| tree.root())) else { return Err(Error::NothingInRange) };
        // Signed here and not kept: verifying takes no lock and leaves no trace.
        let signer = OperatorKey::load(self.home())?;
        let (key, note) = (signer.public().clone(), signer.sign_checkpoint(&Checkpoint { log, size, root })?);
        let source = Source { reader: &reader, key: &key, vault: None, note: &note, size, around: None };
        let mut verifier = Verifier::new(Policy { key: Some(TrustedKey::Key(key.clone())), ..policy })?;
        source.stream(header(&reader, selection, size)?, Open::default(), &mut |bytes| {
            verifier.feed(bytes);
            Ok(())
        })?;
        Ok(verifier.finish()?)
    }

    /// Signs the head of the log: the pin that a verifier keeps.
    ///
    /// # Errors
    /// A log that cannot be written.
    pub fn checkpoint(&self) -> Result<String> {
        Ok(self.writer()?.checkpoint()?)
    }

    /// Signs the head of the log and writes the pin to a file of its own.
    ///
    /// # Errors
    /// As [`System::checkpoint`], and a file that exists.
    pub fn write_checkpoint(&self, path: &Path) -> Result<String> {
        let mut file = match OpenOptions::new().write(true).create_new(true).open(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(Error::FileExists(path.to_owned())),
            opened => opened.map_err(Error::file(path))?,
        };
        let note = self.checkpoint()?;
        file.write_all(note.as_bytes()).and_then(|()| file.sync_all()).map_err(Error::file(path))?;
        Ok(note)
    }
}
