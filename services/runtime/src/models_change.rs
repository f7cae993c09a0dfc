//! Models come and go: each under a permit, each on record.

use crate::acts::{action, fact};
use crate::error::{Error, Result};
use crate::executor::Done;
use crate::models::{EMBEDDED_NAME, open_files};
use crate::policy;
use crate::system::System;
use mickai_model::digest::ModelDigest;
use mickai_proof::digest::Id;
use mickai_proof::record::{Fact, Kind};
use mickai_store::{Appended, Draft, Progress, Running};
use std::path::{Path, PathBuf};

/// A model that came or went.
#[derive(Clone, Debug)]
pub struct ModelChanged {
    /// Its name.
    pub name: String,
    /// What it is.
    pub digest: ModelDigest,
    /// The act's records.
    pub records: (Appended, Appended),
}

impl System {
    /// Takes a model in: a `.gguf` file, or a folder in the Hugging Face layout. It is opened and its digest computed before anything is copied. A model that is here already stays what it is
    /// called.
    ///
    /// # Errors
    /// What is no model that this program runs; the embedded model's name; a disk that is full.
    pub fn import(&self, path: &Path, name: Option<&str>, cause: Option<Appended>, progress: &mut dyn FnMut(Progress)) -> Result<ModelChanged> {
        if name == Some(EMBEDDED_NAME) {
            return Err(Error::EmbeddedName);
        }
        let files = files_of(path)?;
        // A folder around one GGUF file is that file.
        let path = match files.as_slice() {
            [only] => only,
            _ => path,
        };
        let file = open_files(&files)?;
        let digest = file.digest();
        drop(file);
        let store = self.store_models();
        let known = store.list()?.into_iter().find(|model| model.digest.0 == digest.0).map(|model| model.manifest.name);
        let name = known.unwrap_or_else(|| name.map_or_else(|| default_name(path), str::to_owned));
        self.change(action::MODEL_IMPORT, (name, digest), cause, &mut |act, name| Ok(store.import(act, path, name, Id(digest.0), progress).map(drop)?))
    }

    /// Removes an imported model.
    ///
    /// # Errors
    /// [`Error::EmbeddedModel`], [`Error::NoModel`].
    pub fn remove_model(&self, wanted: &str, cause: Option<Appended>) -> Result<ModelChanged> {
        if wanted == EMBEDDED_NAME {
            return Err(Error::EmbeddedModel);
        }
        let model = self.stored_model(wanted)?;
        let store = self.store_models();
        self.change(action::MODEL_RM, (model.manifest.name, ModelDigest(model.digest.0)), cause, &mut |act, _| Ok(store.remove(act, model.digest).map(drop)?))
    }

    fn change(&self, action: &str, (name, digest): (String, ModelDigest), cause: Option<Appended>, perform: Perform<'_>) -> Result<ModelChanged> {
        let mut executor = self.executor()?;
        let mut draft = Draft::new(Kind::Intent, executor.operator(), policy::authority(), action)
            .fact(fact::MODEL, Fact::Bytes(digest.0.to_vec().into()))
            .fact(fact::MODEL_NAME, Fact::Text(name.clone().into()));
        draft.causes = cause.map(|cause| (cause.index, cause.digest)).into_iter().collect();
        let permit = executor.permit(draft, &[])?;
        let performed = executor.run(permit, |act, _| Ok(Done::new(perform(act, &name)?, Vec::new())))?;
        Ok(ModelChanged { name, digest, records: (performed.intent, performed.outcome) })
    }
}

/// What is done to the model of a name while the act runs.
type Perform<'a> = &'a mut dyn FnMut(&Running, &str) -> Result<()>;

/// The files of a model on the operator's disk.
fn files_of(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(Error::file(path))? {
        let file = entry.map_err(Error::file(path))?.path();
        if file.is_file() {
            files.push(file);
        }
    }
    let is_gguf = |file: &PathBuf| file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"));
    if files.iter().filter(|file| is_gguf(file)).count() == 1 && !path.join("config.json").exists() {
        files.retain(is_gguf);
    }
    files.sort();
    Ok(files)
}

/// The file's or the folder's own name.
fn default_name(path: &Path) -> String {
    let name = if path.is_dir() { path.file_name() } else { path.file_stem() };
    name.map_or_else(|| "model".to_owned(), |name| name.to_string_lossy().into_owned())
}
