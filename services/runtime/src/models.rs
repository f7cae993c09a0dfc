//! The models of this machine: the one inside the program, and those that the operator imported.

use crate::error::{Error, Result};
use crate::grammar::Grammars;
use crate::system::System;
use mickai_model::digest::ModelDigest;
use mickai_model::file::{ModelFile, open_folder, open_gguf};
use mickai_model::tensor::Source;
use mickai_store::{Error as StoreError, Model, map};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// The name of the model inside the program.
pub const EMBEDDED_NAME: &str = "mickai-bootstrap";

/// The model inside the program: it turns requests into verbs.
pub static EMBEDDED: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../engines/model/assets/bootstrap.gguf"));

/// A model ready to run. Weights stay where they are mapped.
pub struct Loaded {
    /// What the operator calls it.
    pub name: String,
    /// What it is (spec/model.md).
    pub digest: ModelDigest,
    /// Its parts.
    pub file: ModelFile,
    /// Whether it is the one inside the program.
    pub is_embedded: bool,
    /// Made when the first grammar comes.
    grammars: OnceLock<Grammars>,
}

impl Loaded {
    /// Opens a model and computes its digest from every byte of it: what a record says of a model is what was run.
    pub(crate) fn new(name: String, file: ModelFile, is_embedded: bool) -> Result<Self> {
        Ok(Self { name, digest: file.digest(), file, is_embedded, grammars: OnceLock::new() })
    }

    /// What compiles grammars for its vocabulary.
    pub(crate) fn grammars(&self) -> Result<&Grammars> {
        match self.grammars.get() {
            Some(grammars) => Ok(grammars),
            None => {
                let made = Grammars::new(&self.file.tokenizer)?;
                Ok(self.grammars.get_or_init(|| made))
            }
        }
    }
}

/// A model as lists show it, not opened.
#[derive(Clone, Debug)]
pub struct Listed {
    /// What the operator calls it.
    pub name: String,
    /// Its content digest.
    pub digest: ModelDigest,
    /// Bytes on disk, or in the program.
    pub byte_count: u64,
    /// Whether it is the one inside the program.
    pub is_embedded: bool,
}

impl System {
    /// The model inside the program.
    ///
    /// # Errors
    /// None that a released program has; a damaged one says what is wrong.
    pub fn embedded(&self) -> Result<Loaded> {
        Loaded::new(EMBEDDED_NAME.to_owned(), open_gguf(Arc::new(EMBEDDED))?, true)
    }

    /// All models, the embedded one first.
    ///
    /// # Errors
    /// When the model folder cannot be read.
    pub fn models(&self) -> Result<Vec<Listed>> {
        let embedded = self.embedded()?;
        let mut listed = vec![Listed { name: embedded.name, digest: embedded.digest, byte_count: EMBEDDED.len() as u64, is_embedded: true }];
        listed.extend(self.stored()?);
        Ok(listed)
    }

    /// The models that the operator imported.
    pub(crate) fn stored(&self) -> Result<Vec<Listed>> {
        let stored = self.store_models().list()?.into_iter();
        Ok(stored.map(|model| Listed { name: model.manifest.name, digest: ModelDigest(model.digest.0), byte_count: model.manifest.bytes, is_embedded: false }).collect())
    }

    /// Opens the model of that name or digest prefix.
    ///
    /// # Errors
    /// [`Error::NoModel`] with what there is; an ambiguous prefix with its candidates; a file that is no model, or no longer the one imported ([`Error::ModelAltered`]).
    pub fn model(&self, wanted: &str) -> Result<Loaded> {
        let embedded = self.embedded()?;
        if wanted == EMBEDDED_NAME || is_prefix(wanted, &embedded.digest) {
            return Ok(embedded);
        }
        let model = self.stored_model(wanted)?;
        let path = model.path.clone();
        let paths = if path.is_dir() { model.manifest.files.iter().map(|file| path.join(&file.name)).collect() } else { vec![path] };
        let want = ModelDigest(model.digest.0);
        let loaded = Loaded::new(model.manifest.name, open_files(&paths)?, false)?;
        // Nothing is run under the name of what it no longer is.
        if loaded.digest == want { Ok(loaded) } else { Err(Error::ModelAltered { name: loaded.name, have: loaded.digest, want }) }
    }

    /// The imported model of that name or digest prefix.
    pub(crate) fn stored_model(&self, wanted: &str) -> Result<Model> {
        match self.store_models().find(wanted) {
            Ok(model) => Ok(model),
            Err(StoreError::NoSuchModel) => Err(Error::NoModel { wanted: wanted.to_owned(), known: self.models()?.into_iter().map(|model| model.name).collect() }),
            Err(error) => Err(error.into()),
        }
    }
}

/// Six digits or more of a digest name a model.
pub(crate) fn is_prefix(wanted: &str, digest: &ModelDigest) -> bool {
    wanted.len() >= 6 && digest.to_string().starts_with(&wanted.to_lowercase())
}

/// Opens a GGUF file, or the files of a Hugging Face folder.
pub(crate) fn open_files(paths: &[PathBuf]) -> Result<ModelFile> {
    if let [one] = paths
        && one.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"))
    {
        return Ok(open_gguf(map(one)?)?);
    }
    let mut sources: BTreeMap<String, Source> = BTreeMap::new();
    for path in paths {
        if let Some(name) = path.file_name().and_then(|name| name.to_str()) {
            sources.insert(name.to_owned(), map(path)?);
        }
    }
    Ok(open_folder(sources)?)
}
