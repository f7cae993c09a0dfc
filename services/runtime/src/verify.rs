//! The operator's own check: the log goes through the very verifier that a stranger runs, with every thread that this process has, and never gets a better verdict than the stranger would give.

use crate::error::{Error, Result};
use crate::export::{Selection, Source, header, public_file, refuse_existing};
use crate::open::Open;
use crate::system::System;
use mickai_proof::checkpoint::{Checkpoint, Note};
use mickai_proof::limits::NOTE_BYTES_MAX;
use mickai_proof::mldsa::{Isa, RecheckSeed};
use mickai_proof::verify::{Axis, Engine, Policy, Reference, TrustedKey, Verdict, Verifier};
use mickai_store::{LogReader, OperatorKey};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::Ordering;

impl System {
    /// Verifies the whole log under the operator's key; against `reference` when one is given.
    ///
    /// # Errors
    /// A log that cannot be read, a reference that is not a checkpoint of this key.
    pub fn verify(&self, reference: Option<Reference>) -> Result<Verdict> {
        self.verify_selection(&Selection::All, Policy { references: reference.into_iter().collect(), ..Policy::default() })
    }

    /// Verifies one record: that it is whole, signed, and in the log's tree.
    ///
    /// # Errors
    /// As [`System::verify`].
    pub fn verify_record(&self, index: u64) -> Result<Verdict> {
        let require = [Axis::Integrity, Axis::Authenticity, Axis::Inclusion].into_iter().collect();
        self.verify_selection(&Selection::One(index), Policy { require, ..Policy::default() })
    }

    /// How often the library overruled the lanes that verify signatures, in this process: anything but zero is a fault of one of them, and worth reporting.
    pub fn disagreements(&self) -> u64 {
        self.disagreements.load(Ordering::Relaxed)
    }

    fn verify_selection(&self, selection: &Selection, policy: Policy) -> Result<Verdict> {
        self.verify_by(self.engine(), selection, policy)
    }

    /// The fastest way to verify signatures that this machine has. If the system gives no randomness, the library verifies every signature.
    fn engine(&self) -> Engine {
        let mut seed = [0; 32];
        match aws_lc_rs::rand::fill(&mut seed) {
            Ok(()) => Engine::lanes(Isa::best(), self.verifier_crew(), RecheckSeed(seed)),
            Err(_) => Engine::library(),
        }
    }

    fn verify_by(&self, engine: Engine, selection: &Selection, policy: Policy) -> Result<Verdict> {
        let reader = self.reader()?;
        let key = OperatorKey::public_of(self.home())?;
        let (_, account) = self.key_account()?;
        let (note, size) = self.note_for_looking(&reader)?;
        if let Selection::One(index) = selection
            && (size..reader.size()).contains(index)
        {
            return Err(Error::NotCovered { index: *index, size });
        }
        let source = Source { reader: &reader, account: &account, size, values: None, kept: None };
        let header = header(&reader, selection, size)?;
        let around = source.around(&header, None)?;
        let mut verifier = Verifier::with_engine(Policy { keys: vec![TrustedKey::Key(key)], ..policy }, engine)?;
        source.bundle(header, &around, &[], &note, &Open::default(), &mut |bytes| {
            verifier.feed(bytes);
            Ok(())
        })?;
        let (verdict, disagreements) = verifier.finish_counted()?;
        self.disagreements.fetch_add(disagreements, Ordering::Relaxed);
        Ok(verdict)
    }

    /// A checkpoint to verify under, and its size. Signed here and not kept where the key lies open: verifying takes no lock and leaves no trace. Looking asks for no passphrase and has no signer
    /// sign, so with those it is the newest own checkpoint; what came after it is not covered.
    fn note_for_looking(&self, reader: &LogReader) -> Result<(String, u64)> {
        if let Some(key) = OperatorKey::load_unasked(self.home())? {
            let size = reader.size();
            let (Some(log), Some(root)) = (reader.log_id(), reader.frontier(size)?.and_then(|tree| tree.root())) else { return Err(Error::NothingInRange) };
            return Ok((key.sign_checkpoint(&Checkpoint { log, size, root })?, size));
        }
        let path = self.home().checkpoint_path();
        let mut bytes = Vec::new();
        File::open(&path).and_then(|file| file.take(NOTE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)).map_err(Error::file(&path))?;
        let bad = || Error::BadRecord { index: reader.size(), part: "checkpoint" };
        let size = Note::parse(&bytes).map_err(|_| bad())?.checkpoint.size;
        if size > reader.size() {
            return Err(bad());
        }
        Ok((String::from_utf8(bytes).map_err(|_| bad())?, size))
    }

    /// Signs the head of the log: the pin that a verifier keeps.
    ///
    /// # Errors
    /// A log that cannot be written.
    pub fn checkpoint(&self) -> Result<String> {
        Ok(self.writer()?.checkpoint()?)
    }

    /// Signs the head of the log and writes the pin to a file of its own, which appears whole or not at all.
    ///
    /// # Errors
    /// As [`System::checkpoint`], and a file that exists.
    pub fn write_checkpoint(&self, path: &Path) -> Result<String> {
        refuse_existing(path)?;
        let note = self.checkpoint()?;
        public_file(path, note.as_bytes())?;
        Ok(note)
    }
}

#[cfg(test)]
mod tests;
