//! The adapter store: copies of adapter files under what they are and what they are for, each with a small manifest.
//!
//! ```text
//! adapters/77ab…-3f9c…/manifest.json     {"name":"tone","digest":"77ab…","model":"3f9c…",…}: digest of the adapter, and of the model that it was taken in for
//! adapters/77ab…-3f9c…/adapter/…         adapter_config.json and adapter_model.safetensors, or one .gguf file
//! adapters/.incoming-4711-77ab…-3f9c…/   an import that is under way, or was cut off
//! ```
//!
//! As of a model, whoever changes a file here changes another digest, and what a load finds is held against the one that was asked for.

use super::{Copied, Incoming, ManifestFile, Progress, Shelf, check_form, is_gguf, read_manifest, shelf_in, source_text, sweep, take_in, take_out};
use crate::clock::wall_ms;
use crate::disk;
use crate::error::{Damage, Error};
use crate::home::Home;
use crate::limits;
use crate::log::Running;
use mickai_proof::digest::Id;
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

const CONTENT: &str = "adapter";
/// What an adapter folder of PEFT is made of; anything else in it is left behind.
const FILES: [&str; 2] = ["adapter_config.json", "adapter_model.safetensors"];
/// What stands between a model's name and an adapter's where both are named at once.
pub(super) const JOINS: char = '+';

/// The adapters of one home.
#[derive(Clone, Debug)]
pub struct AdapterStore {
    folder: PathBuf,
}

/// One imported adapter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAdapter {
    /// What it is.
    pub manifest: AdapterManifest,
    /// Its digest (spec/model.md "Adapter digest"), as the importer computed it.
    pub digest: Id,
    /// The digest of the model that it was taken in for.
    pub model: Id,
    /// Its files.
    pub paths: Vec<PathBuf>,
}

/// What is kept about an adapter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdapterManifest {
    /// Name given at import.
    pub name: String,
    /// Digest, 64 hex digits.
    pub digest: String,
    /// Digest of its model, 64 hex digits.
    pub model: String,
    /// Where it was imported from, for people: a path that is no text is written as well as it can be.
    pub source: String,
    /// Its files.
    pub files: Vec<ManifestFile>,
    /// Their bytes together.
    pub bytes: u64,
    /// When, ms since 1970.
    pub imported_at_ms: u64,
}

/// What is taken in: name, digest, and the digest of its model.
#[derive(Clone, Copy, Debug)]
pub struct AboutAdapter<'a> {
    /// What the operator calls it.
    pub name: &'a str,
    /// What it is.
    pub digest: Id,
    /// The model that it is for.
    pub model: Id,
}

impl AdapterStore {
    /// The adapters of a home.
    pub fn open(home: &Home) -> Self {
        Self { folder: home.adapters_path() }
    }

    /// The files of an adapter on the operator's disk: a .gguf file alone, or those of a PEFT folder.
    ///
    /// # Errors
    /// [`Error::NoAdapterFiles`], [`Error::Io`].
    pub fn files_of(source: &Path) -> Result<Vec<PathBuf>, Error> {
        Ok(files_of(source)?.iter().map(|file| if source.is_file() { source.to_owned() } else { source.join(&file.name) }).collect())
    }

    /// Copies an adapter's files into the store, lets `check` look at the copy, and only then has it appear. Gives the adapter and whether it is new: one that is there for this model already is
    /// given as it is.
    ///
    /// # Errors
    /// Those of [`AdapterStore::check_name`]; [`Error::NoAdapterFiles`], [`Error::ManifestBytes`], [`Error::Io`]; [`Error::Stopped`] when `progress` says so; those of `check`. Nothing of the copy is
    /// left then.
    pub fn import<E: From<Error>>(
        &self,
        _act: &Running,
        source: &Path,
        about: AboutAdapter<'_>,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
        check: impl FnOnce(&Incoming) -> Result<(), E>,
    ) -> Result<(StoredAdapter, bool), E> {
        self.check_name(about)?;
        disk::create_folder(&self.folder)?;
        sweep(&self.folder)?;
        let target = self.folder_of(about.digest, about.model);
        if target.exists() {
            return Ok((read_adapter(&target)?, false));
        }
        let files = files_of(source)?;
        let manifest = AdapterManifest {
            name: about.name.to_owned(),
            digest: about.digest.to_string(),
            model: about.model.to_string(),
            source: source_text(source),
            bytes: files.iter().map(|file| file.bytes).sum(),
            files: files.clone(),
            imported_at_ms: wall_ms(),
        };
        take_in(&Copied { source, files: &files, content: CONTENT }, &target, &manifest, progress, check)?;
        Ok((read_adapter(&target)?, true))
    }

    /// Whether an adapter of that name may be taken in for that model. One that is there keeps what it is called, whatever that is.
    ///
    /// # Errors
    /// [`Error::AdapterName`], [`Error::NameOfDigest`]; [`Error::AdapterNameTaken`] where the model has another adapter of that name; [`Error::Damaged`] with a manifest that does not read: its adapter
    /// may be called so.
    pub fn check_name(&self, about: AboutAdapter<'_>) -> Result<(), Error> {
        if !self.folder_of(about.digest, about.model).exists() {
            check_form(about.name, Error::AdapterName)?;
            if about.name.contains(JOINS) {
                return Err(Error::AdapterName);
            }
        }
        let is_other = |adapter: &StoredAdapter| adapter.manifest.name == about.name && adapter.digest != about.digest;
        match self.shelf(|(_, model)| model == about.model)?.all()?.into_iter().find(is_other) {
            Some(other) => Err(Error::AdapterNameTaken { name: other.manifest.name, digest: other.digest }),
            None => Ok(()),
        }
    }

    /// All adapters, by name.
    ///
    /// # Errors
    /// [`Error::Damaged`] with the manifest that does not read; [`Error::Io`].
    pub fn list(&self) -> Result<Vec<StoredAdapter>, Error> {
        self.shelf(|_| true)?.all()
    }

    /// The one adapter of that name, or whose digest begins with those (at least 4) hex digits; of this model where one is given. What is called so goes before what begins so, but a whole digest is
    /// looked up as nothing else. Manifests of what cannot be meant are not read.
    ///
    /// # Errors
    /// [`Error::NoSuchAdapter`]; [`Error::AmbiguousAdapter`] with the candidates; [`Error::Damaged`] with a manifest that does not read, if its adapter may be the one.
    pub fn find(&self, query: &str, model: Option<Id>) -> Result<StoredAdapter, Error> {
        let wanted = Id::from_hex(query);
        let may_be = |(digest, of): (Id, Id)| wanted.is_none_or(|wanted| wanted == digest) && model.is_none_or(|model| model == of);
        let Shelf { whole: mut found, broken } = self.shelf(may_be)?;
        let prefix = query.to_ascii_lowercase();
        let is_named = wanted.is_none() && found.iter().any(|adapter| adapter.manifest.name == query);
        if is_named {
            found.retain(|adapter| adapter.manifest.name == query);
        } else {
            found.retain(|adapter| prefix.len() >= limits::DIGEST_PREFIX_MIN && adapter.manifest.digest.starts_with(&prefix));
        }
        // A name is one adapter's among those of a model. What is asked for in another way may be one whose name is not to be read.
        let may_be_it = |(_, of): (Id, Id)| !is_named || found.iter().all(|adapter| adapter.model != of);
        if let Some((_, error)) = broken.into_iter().find(|(name, _)| ids_of(name).is_none_or(may_be_it)) {
            return Err(error);
        }
        match found.pop() {
            None => Err(Error::NoSuchAdapter),
            Some(adapter) if found.is_empty() => Ok(adapter),
            Some(last) => {
                found.push(last);
                Err(Error::AmbiguousAdapter(found.into_iter().map(|adapter| (adapter.manifest.name, adapter.digest, adapter.model)).collect()))
            }
        }
    }

    /// Removes what was taken in for that model; `false` if it was not there. It disappears by one rename before its files go.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn remove(&self, _act: &Running, digest: Id, model: Id) -> Result<bool, Error> {
        take_out(&self.folder_of(digest, model))
    }

    fn folder_of(&self, digest: Id, model: Id) -> PathBuf {
        self.folder.join(format!("{digest}-{model}"))
    }

    /// Those whose digest, and whose model's, may be meant.
    fn shelf(&self, may_be: impl Fn((Id, Id)) -> bool) -> Result<Shelf<StoredAdapter>, Error> {
        if !self.folder.exists() {
            return Ok(Shelf { whole: Vec::new(), broken: Vec::new() });
        }
        let mut shelf = shelf_in(&self.folder, |name| ids_of(name).is_some_and(&may_be), read_adapter)?;
        shelf.whole.sort_by(|a, b| (&a.manifest.name, a.digest, a.model).cmp(&(&b.manifest.name, b.digest, b.model)));
        Ok(shelf)
    }
}

/// The digests of adapter and model in a folder's name.
fn ids_of(name: &str) -> Option<(Id, Id)> {
    let (digest, model) = name.split_once('-')?;
    Some((Id::from_hex(digest)?, Id::from_hex(model)?))
}

fn read_adapter(folder: &Path) -> Result<StoredAdapter, Error> {
    let damaged = || Error::damaged(&folder.join("manifest.json"), 0, Damage::Manifest);
    let manifest: AdapterManifest = read_manifest(folder)?;
    let ids = folder.file_name().and_then(|name| ids_of(name.to_str()?)).ok_or_else(damaged)?;
    if (Id::from_hex(&manifest.digest), Id::from_hex(&manifest.model)) != (Some(ids.0), Some(ids.1)) {
        return Err(damaged());
    }
    // A file's own name, never a path.
    let inside = |file: &ManifestFile| Some(folder.join(CONTENT).join(Path::new(&file.name).file_name()?));
    let paths = manifest.files.iter().map(inside).collect::<Option<_>>().ok_or_else(damaged)?;
    Ok(StoredAdapter { manifest, digest: ids.0, model: ids.1, paths })
}

fn files_of(source: &Path) -> Result<Vec<ManifestFile>, Error> {
    let none = || Error::NoAdapterFiles(source.to_owned());
    let metadata = std::fs::metadata(source).map_err(Error::io("read", source))?;
    if metadata.is_file() {
        let name = source.file_name().and_then(|name| name.to_str()).filter(|_| is_gguf(source)).ok_or_else(none)?;
        return Ok(vec![ManifestFile { name: name.to_owned(), bytes: metadata.len() }]);
    }
    let file = |name: &str| match std::fs::metadata(source.join(name)) {
        Ok(metadata) if metadata.is_file() => Ok(ManifestFile { name: name.to_owned(), bytes: metadata.len() }),
        Ok(_) => Err(none()),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(none()),
        Err(error) => Err(Error::io("read", &source.join(name))(error)),
    };
    FILES.into_iter().map(file).collect()
}

#[cfg(test)]
mod tests;
