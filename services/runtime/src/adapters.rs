//! The adapters of this machine: what a fine-tuning adds to a model, each kept for the model that it was taken in for, and run on no other.

use crate::error::{Error, Result};
use crate::memory::Share;
use crate::models::{Loaded, open_files, paths_of};
use crate::pins::Pins;
use crate::system::System;
use mickai_model::config::Config;
use mickai_model::digest::{AdapterDigest, ModelDigest};
use mickai_model::file::{open_adapter_folder, open_adapter_gguf};
use mickai_model::forward::Adapter;
use mickai_model::tensor::Source;
use mickai_proof::digest::Id;
use mickai_store::{AdapterStore, Error as StoreError, StoredAdapter, map};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What stands between a model and an adapter where both are named at once: `llama+tone`.
pub(crate) const JOINS: char = '+';

/// An adapter ready to run: its matrices were held against its digest.
pub struct LoadedAdapter {
    /// What the operator calls it.
    pub name: String,
    /// The model that it was taken in for.
    pub model: ModelDigest,
    /// What it adds.
    pub adapter: Arc<Adapter>,
    /// Memory that is counted for it, as long as anyone has it.
    pub(crate) share: Option<Share>,
}

impl LoadedAdapter {
    /// What it is (spec/model.md "Adapter digest").
    pub fn digest(&self) -> AdapterDigest {
        self.adapter.digest()
    }
}

impl fmt::Debug for LoadedAdapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadedAdapter").field("name", &self.name).field("digest", &self.digest()).field("model", &self.model).finish()
    }
}

/// An adapter as lists show it, not opened.
#[derive(Clone, Debug)]
pub struct ListedAdapter {
    /// What the operator calls it.
    pub name: String,
    /// Its content digest.
    pub digest: AdapterDigest,
    /// The digest of its model.
    pub model: ModelDigest,
    /// What that is called, if it is here.
    pub model_name: Option<String>,
    /// Bytes on disk.
    pub byte_count: u64,
}

impl ListedAdapter {
    /// What it is asked for by, with its model: `llama+tone`; `None` if that is not here.
    pub fn id(&self) -> Option<String> {
        self.model_name.as_ref().map(|model| joined(model, &self.name))
    }
}

impl System {
    /// All adapters, by name.
    ///
    /// # Errors
    /// When a folder of models or adapters cannot be read.
    pub fn adapters(&self) -> Result<Vec<ListedAdapter>> {
        let models = self.stored()?;
        let listed = |stored: StoredAdapter| {
            let model = ModelDigest(stored.model.0);
            let model_name = models.iter().find(|known| known.digest == model).map(|known| known.name.clone());
            ListedAdapter { name: stored.manifest.name, digest: AdapterDigest(stored.digest.0), model, model_name, byte_count: stored.manifest.bytes }
        };
        Ok(self.store_adapters().list()?.into_iter().map(listed).collect())
    }

    /// Opens an adapter to look at it, by its name, the beginning of its digest, or `MODEL+ADAPTER`.
    ///
    /// # Errors
    /// [`Error::NoAdapter`] with what there is; [`Error::AdapterAltered`]; a model that is not here, whose shape it could be held against.
    pub fn look_at_adapter(&self, wanted: &str) -> Result<(ListedAdapter, LoadedAdapter)> {
        let stored = self.any_adapter(wanted)?;
        let model = self.stored_model(&stored.model.to_string())?;
        let loaded = self.opened_adapter(&stored, &open_files(&paths_of(&model))?.config, &model.manifest.name)?;
        let (digest, byte_count) = (loaded.digest(), stored.manifest.bytes);
        Ok((ListedAdapter { name: stored.manifest.name, digest, model: loaded.model, model_name: Some(model.manifest.name), byte_count }, loaded))
    }

    /// The model with one of its adapters on it, by name or the beginning of its digest.
    pub(crate) fn with_adapter(&self, model: Loaded, wanted: &str, pins: &Pins) -> Result<Loaded> {
        if model.is_embedded {
            return Err(Error::EmbeddedAdapter);
        }
        let stored = self.adapter_of(&model.model_name, model.digest, wanted)?;
        pins.check_adapter(&stored.manifest.name, AdapterDigest(stored.digest.0))?;
        let adapter = self.opened_adapter(&stored, &model.file.config, &model.model_name)?;
        Ok(model.with(Arc::new(adapter)))
    }

    /// The model with the adapter of that digest on it, for whichever model of this shape that was taken in.
    pub(crate) fn with_recorded_adapter(&self, model: Loaded, wanted: AdapterDigest, pins: &Pins) -> Result<Loaded> {
        let all = self.store_adapters().list()?;
        let mut fit = all.iter().filter(|stored| stored.digest.0 == wanted.0);
        // What a digest names is the same for each; its own model's is only the likelier to be whole.
        let stored = fit.clone().find(|stored| stored.model.0 == model.digest.0).or_else(|| fit.next());
        let stored = stored.ok_or_else(|| no_adapter(&wanted.to_string(), None, all.iter().map(|stored| stored.manifest.name.clone()).collect()))?;
        pins.check_adapter(&stored.manifest.name, wanted)?;
        let adapter = self.opened_adapter(stored, &model.file.config, &model.model_name)?;
        Ok(model.with(Arc::new(adapter)))
    }

    /// The adapter of that name or digest prefix among those of one model.
    pub(crate) fn adapter_of(&self, model_name: &str, model: ModelDigest, wanted: &str) -> Result<StoredAdapter> {
        match self.store_adapters().find(wanted, Some(Id(model.0))) {
            Err(StoreError::NoSuchAdapter) => {
                let own = self.store_adapters().list()?.into_iter().filter(|stored| stored.model.0 == model.0);
                Err(no_adapter(wanted, Some(model_name), own.map(|stored| stored.manifest.name).collect()))
            }
            found => Ok(found?),
        }
    }

    /// The adapter of that name, digest prefix, or `MODEL+ADAPTER`, among all.
    pub(crate) fn any_adapter(&self, wanted: &str) -> Result<StoredAdapter> {
        if let Some((model, adapter)) = wanted.rsplit_once(JOINS) {
            let model = self.stored_model(model)?;
            return self.adapter_of(&model.manifest.name, ModelDigest(model.digest.0), adapter);
        }
        match self.store_adapters().find(wanted, None) {
            Err(StoreError::NoSuchAdapter) => Err(no_adapter(wanted, None, self.store_adapters().list()?.into_iter().map(|stored| stored.manifest.name).collect())),
            found => Ok(found?),
        }
    }

    /// Opens a stored adapter for models of this shape; nothing is run under the name of what it no longer is.
    pub(crate) fn opened_adapter(&self, stored: &StoredAdapter, config: &Config, model_name: &str) -> Result<LoadedAdapter> {
        let adapter = open_adapter(&stored.paths, config, model_name)?;
        let (have, want) = (adapter.digest(), AdapterDigest(stored.digest.0));
        match have == want {
            true => Ok(LoadedAdapter { name: stored.manifest.name.clone(), model: ModelDigest(stored.model.0), adapter: Arc::new(adapter), share: None }),
            false => Err(Error::AdapterAltered { name: stored.manifest.name.clone(), have, want }),
        }
    }

    pub(crate) fn store_adapters(&self) -> AdapterStore {
        AdapterStore::open(self.home())
    }
}

/// What a model with an adapter is asked for by.
pub(crate) fn joined(model: &str, adapter: &str) -> String {
    format!("{model}{JOINS}{adapter}")
}

/// Opens the files of an adapter for models of this shape.
///
/// # Errors
/// [`Error::AdapterUnfit`], with both shapes where it is these that differ.
pub(crate) fn open_adapter(paths: &[PathBuf], config: &Config, model_name: &str) -> Result<Adapter> {
    let unfit = |source| Error::AdapterUnfit { model: model_name.to_owned(), source };
    if let [one] = paths
        && one.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"))
    {
        return open_adapter_gguf(&map(one)?, config).map_err(unfit);
    }
    let mut sources: BTreeMap<String, Source> = BTreeMap::new();
    for path in paths {
        if let Some(name) = path.file_name().and_then(|name| name.to_str()) {
            sources.insert(name.to_owned(), map(path)?);
        }
    }
    open_adapter_folder(&sources, config).map_err(unfit)
}

/// The file's or the folder's own name, as an adapter may be called.
pub(crate) fn default_name(path: &Path) -> String {
    let name = if path.is_dir() { path.file_name() } else { path.file_stem() };
    name.map_or_else(|| "adapter".to_owned(), |name| name.to_string_lossy().replace(JOINS, "-"))
}

fn no_adapter(wanted: &str, model: Option<&str>, known: Vec<String>) -> Error {
    Error::NoAdapter { wanted: wanted.to_owned(), model: model.map(str::to_owned), known }
}
