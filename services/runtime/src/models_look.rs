//! Looking at models without running them: is one still what it was, and how does it differ from another?

use crate::error::{Error, Result};
use crate::memory::UNCOUNTED;
use crate::models::{EMBEDDED, EMBEDDED_NAME, is_prefix, open_files, paths_of};
use crate::models_change::files_of;
use crate::system::System;
use mickai_kernels::crew::Crew;
use mickai_kernels::matmul::LAYOUT;
use mickai_model::diff::ModelDiff;
use mickai_model::digest::ModelDigest;
use mickai_model::file::{ModelFile, open_gguf};
use std::path::Path;
use std::sync::Arc;

/// What was found of a model's repacked weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// They are those on record, and what its weights are when they are repacked.
    Kept,
    /// They were gone or damaged, and are here again.
    MadeAgain,
    /// Nothing on record says what they are in this program's layout; the next act that runs the model does.
    Unrecorded,
    /// The record says something else than what repacking gives: a load takes nothing of them.
    Disputed,
}

/// A model that was hashed whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// What the operator calls it.
    pub name: String,
    /// What it is, and is still.
    pub digest: ModelDigest,
    /// Bytes that were hashed.
    pub byte_count: u64,
    /// The layout of its repacked weights.
    pub layout: u64,
    /// Its repacked weights; `None` of the embedded model, which keeps none.
    pub found: Option<Found>,
}

impl System {
    /// Hashes every byte of a model and holds it against its name; repacks its weights and holds what is kept against that.
    ///
    /// # Errors
    /// [`Error::ModelAltered`], [`Error::NoModel`]; a log that is damaged.
    pub fn verify_model(&self, wanted: &str) -> Result<Verified> {
        let embedded = self.embedded()?;
        if wanted == EMBEDDED_NAME || is_prefix(wanted, &embedded.digest) {
            return Ok(Verified { byte_count: embedded.file.tensor_bytes(), name: embedded.name, digest: embedded.digest, layout: LAYOUT, found: None });
        }
        let model = self.stored_model(wanted)?;
        let digest = ModelDigest(model.digest.0);
        let file = open_files(&paths_of(&model))?;
        let digests = self.digests_of(&model, &file)?;
        let made = self.hasher().make(&file, digest, &digests);
        let found = match self.panels_on_record(digest)? {
            None => Found::Unrecorded,
            Some(said) if said != made.digest => Found::Disputed,
            Some(said) => {
                // A second view, so that what is kept is looked at and not what was just made.
                let (again, kept) = self.open_beside(&model, Some(said), UNCOUNTED)?;
                let is_kept = kept.is_some_and(|(kept, _)| self.hasher().take(kept, &again, digest));
                if !is_kept {
                    self.keep_panels(digest, &file, &made)?;
                }
                if is_kept { Found::Kept } else { Found::MadeAgain }
            }
        };
        Ok(Verified { name: model.manifest.name, digest, byte_count: file.tensor_bytes(), layout: LAYOUT, found: Some(found) })
    }
}

/// Holds a second model against a first. Each is a name or a digest of a model in the home, if there is one, or a file or folder.
///
/// # Errors
/// What is neither; a file that is no model.
pub fn diff(system: Option<&System>, [first, second]: [&str; 2], crew: &dyn Crew) -> Result<ModelDiff> {
    let (first, second) = (open(system, first)?, open(system, second)?);
    Ok(ModelDiff::of(&first, &second, crew))
}

/// A model to look at: its bytes are hashed or compared by whoever looks.
fn open(system: Option<&System>, wanted: &str) -> Result<ModelFile> {
    let path = Path::new(wanted);
    let Some(system) = system else { return open_files(&files_of(path)?) };
    let embedded = system.embedded()?;
    if wanted == EMBEDDED_NAME || is_prefix(wanted, &embedded.digest) {
        return Ok(open_gguf(Arc::new(EMBEDDED))?);
    }
    match system.stored_model(wanted) {
        Ok(model) => open_files(&paths_of(&model)),
        Err(Error::NoModel { .. }) if path.exists() => open_files(&files_of(path)?),
        Err(error) => Err(error),
    }
}
