//! The model store: copies of model files under their digest, each with a small manifest.
//!
//! ```text
//! models/3f9c…/manifest.json      {"name":"llama","digest":"3f9c…","files":[{"name":"llama.gguf","bytes":1321083008}],…}
//! models/3f9c…/model/llama.gguf   or config.json, tokenizer.json, *.safetensors
//! models/3f9c…/panels             its weights repacked for the kernels; made again when it is gone
//! models/.incoming-4711-3f9c…/    an import that is under way, or was cut off
//! ```
//!
//! A name is one model's, and no name is a whole digest: 64 hex digits mean what has that digest, whatever stands in a manifest.
//!
//! An import appears by one rename. Whoever changes a file here does not change what a model computes unnoticed: what a load uses of it is held against digests that are on record.

use crate::beside::is_dead;
use crate::clock::wall_ms;
use crate::disk::{self, Existing};
use crate::error::{Damage, Error};
use crate::home::Home;
use crate::limits;
use crate::log::Running;
use mickai_proof::digest::Id;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::ops::ControlFlow;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

mod adapters;
mod panels;

pub use adapters::{AboutAdapter, AdapterManifest, AdapterStore, StoredAdapter};
pub use panels::PanelFile;

const INCOMING: &str = ".incoming-";
const CONTENT: &str = "model";
const NAME_BYTES_MAX: usize = 200;
/// What a Hugging Face folder is made of; anything else in it is left behind.
const FOLDER_EXTENSIONS: [&str; 4] = ["safetensors", "json", "jinja", "txt"];

/// The models of one home.
#[derive(Clone, Debug)]
pub struct ModelStore {
    folder: PathBuf,
}

/// One imported model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// What it is.
    pub manifest: Manifest,
    /// Its digest (spec/model.md), as the importer computed it.
    pub digest: Id,
    /// What to load: the .gguf file, or the folder with config.json.
    pub path: PathBuf,
}

/// What is kept about a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Name given at import.
    pub name: String,
    /// Digest, 64 hex digits.
    pub digest: String,
    /// Where it was imported from, for people: a path that is no text is written as well as it can be.
    pub source: String,
    /// Its files.
    pub files: Vec<ManifestFile>,
    /// Their bytes together.
    pub bytes: u64,
    /// When, ms since 1970.
    pub imported_at_ms: u64,
}

/// One file of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestFile {
    /// Its name in the source.
    pub name: String,
    /// Its length.
    pub bytes: u64,
}

/// How far a copy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes copied.
    pub bytes_done: u64,
    /// Bytes to copy.
    pub bytes_total: u64,
}

/// A model or an adapter that was copied and has not appeared yet.
pub struct Incoming {
    folder: PathBuf,
    /// Its files.
    pub paths: Vec<PathBuf>,
}

impl Incoming {
    /// Writes its repacked weights beside it, durably.
    ///
    /// # Errors
    /// [`Error::Stopped`] when `each`, which hears how many bytes more were written, says so; [`Error::Io`].
    pub fn write_panels(&self, bytes: &[&[u8]], each: &mut dyn FnMut(u64) -> ControlFlow<()>) -> Result<(), Error> {
        panels::write(&self.folder.join(panels::NAME), bytes, each)
    }
}

impl ModelStore {
    /// The models of a home.
    pub fn open(home: &Home) -> Self {
        Self { folder: home.models_path() }
    }

    /// Copies a .gguf file, or a Hugging Face folder, into the store (sharing blocks where the file system can), lets `finish` do what it wants with the copy, and only then has it appear.
    /// Gives the model and whether it is new: one that is there already is given as it is.
    ///
    /// # Errors
    /// [`Error::NoModelFiles`], [`Error::ManifestBytes`], those of [`ModelStore::check_name`], [`Error::TooLarge`], [`Error::Io`]; [`Error::Stopped`] when `progress` says so; those of `finish`. Nothing
    /// of the copy is left then.
    pub fn import<E: From<Error>>(
        &self,
        _act: &Running,
        source: &Path,
        (name, digest): (&str, Id),
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
        finish: impl FnOnce(&Incoming) -> Result<(), E>,
    ) -> Result<(Model, bool), E> {
        sweep(&self.folder)?;
        let target = self.folder.join(digest.to_string());
        if target.exists() {
            return Ok((read_model(&target)?, false));
        }
        self.check_name(name)?;
        let files = files_of(source)?;
        let manifest = Manifest {
            name: name.to_owned(),
            digest: digest.to_string(),
            source: source_text(source),
            bytes: files.iter().map(|file| file.bytes).sum(),
            files: files.clone(),
            imported_at_ms: wall_ms(),
        };
        take_in(&Copied { source, files: &files, content: CONTENT }, &target, &manifest, progress, finish)?;
        Ok((read_model(&target)?, true))
    }

    /// Whether a model that is not here may be taken in under that name.
    ///
    /// # Errors
    /// [`Error::ModelName`], [`Error::NameOfDigest`], [`Error::ModelNameTaken`]; [`Error::Damaged`] with a manifest that does not read: its model may be called so.
    pub fn check_name(&self, name: &str) -> Result<(), Error> {
        check_form(name, Error::ModelName)?;
        match self.list()?.into_iter().find(|model| model.manifest.name == name) {
            Some(other) => Err(Error::ModelNameTaken { name: other.manifest.name, digest: other.digest }),
            None => Ok(()),
        }
    }

    /// All models, by name.
    ///
    /// # Errors
    /// [`Error::Damaged`] with the manifest that does not read; [`Error::Io`].
    pub fn list(&self) -> Result<Vec<Model>, Error> {
        self.shelf()?.all()
    }

    /// Those whose manifests read, by name.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn readable(&self) -> Result<Vec<Model>, Error> {
        Ok(self.shelf()?.whole)
    }

    /// The model of that digest, whatever it is called. No other manifest is read.
    ///
    /// # Errors
    /// [`Error::NoSuchModel`]; [`Error::Damaged`] if its manifest does not read; [`Error::Io`].
    pub fn by_digest(&self, digest: Id) -> Result<Model, Error> {
        let folder = self.folder.join(digest.to_string());
        if folder.exists() { read_model(&folder) } else { Err(Error::NoSuchModel) }
    }

    /// The one model of that name, or whose digest begins with those (at least 4) hex digits. A whole digest is looked up as nothing else.
    ///
    /// # Errors
    /// [`Error::NoSuchModel`]; [`Error::AmbiguousModel`] with the candidates; [`Error::Damaged`] with a manifest that does not read, if its model may be the one.
    pub fn find(&self, query: &str) -> Result<Model, Error> {
        if let Some(digest) = Id::from_hex(query) {
            return self.by_digest(digest);
        }
        let prefix = query.to_ascii_lowercase();
        let begins = |digest: &str| prefix.len() >= limits::DIGEST_PREFIX_MIN && digest.starts_with(&prefix);
        let Shelf { whole, broken } = self.shelf()?;
        let mut found: Vec<Model> = whole.into_iter().filter(|model| model.manifest.name == query || begins(&model.manifest.digest)).collect();
        // A name is one model's. What is asked for in another way may be one whose name is not to be read.
        let is_named = found.iter().any(|model| model.manifest.name == query);
        if let Some((_, error)) = broken.into_iter().find(|(digest, _)| !is_named || begins(digest)) {
            return Err(error);
        }
        match found.pop() {
            None => Err(Error::NoSuchModel),
            Some(model) if found.is_empty() => Ok(model),
            Some(last) => {
                found.push(last);
                Err(Error::AmbiguousModel(found.into_iter().map(|model| (model.manifest.name, model.digest)).collect()))
            }
        }
    }

    /// Removes a model, whether its manifest reads or not; `false` if it was not there. It disappears by one rename before its files go.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn remove(&self, _act: &Running, digest: Id) -> Result<bool, Error> {
        take_out(&self.folder.join(digest.to_string()))
    }

    fn shelf(&self) -> Result<Shelf<Model>, Error> {
        let mut shelf = shelf_in(&self.folder, |name| Id::from_hex(name).is_some(), read_model)?;
        shelf.whole.sort_by(|a, b| (&a.manifest.name, a.digest).cmp(&(&b.manifest.name, b.digest)));
        Ok(shelf)
    }
}

/// What a folder holds: what has a manifest that reads, and of the rest the folder's name and what is said about it.
struct Shelf<T> {
    whole: Vec<T>,
    broken: Vec<(String, Error)>,
}

impl<T> Shelf<T> {
    /// All of it, if all of it reads.
    fn all(self) -> Result<Vec<T>, Error> {
        match self.broken.into_iter().next() {
            Some((_, error)) => Err(error),
            None => Ok(self.whole),
        }
    }
}

/// What is copied: files of a folder, or one file, into a folder of this name.
struct Copied<'a> {
    source: &'a Path,
    files: &'a [ManifestFile],
    content: &'static str,
}

/// Copies files, lets `finish` do what it wants with the copy, writes the manifest, and only then gives it the name `target`. Nothing is left of what fails. A manifest that would not be read again is
/// refused before anything is copied.
fn take_in<E: From<Error>>(
    what: &Copied<'_>,
    target: &Path,
    manifest: &impl Serialize,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    finish: impl FnOnce(&Incoming) -> Result<(), E>,
) -> Result<(), E> {
    let json = serde_json::to_vec(manifest).map_err(|error| Error::io("write", target)(error.into()))?;
    if json.len() as u64 > limits::MANIFEST_BYTES_MAX {
        return Err(Error::ManifestBytes { of: what.source.to_owned(), bytes: json.len() as u64 }.into());
    }
    let folder = incoming_beside(target);
    let content = folder.join(what.content);
    let incoming = Incoming { paths: what.files.iter().map(|file| content.join(&file.name)).collect(), folder };
    let copied = copy_in(what.source, what.files, &content, progress).map_err(E::from).and_then(|()| finish(&incoming)).and_then(|()| {
        disk::write_file(&incoming.folder.join("manifest.json"), &json, Existing::Replace)?;
        Ok(publish(&incoming.folder, target)?)
    });
    if copied.is_err() {
        // The half copy is in nobody's way; if it cannot be removed, the next import does it.
        let _ = std::fs::remove_dir_all(&incoming.folder);
    }
    copied
}

/// Removes a folder; `false` if it was not there. It disappears by one rename before its files go.
fn take_out(target: &Path) -> Result<bool, Error> {
    let leaving = incoming_beside(target);
    match std::fs::rename(target, &leaving) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(Error::io("remove", target)(error)),
    }
    disk::sync_folder_of(target)?;
    std::fs::remove_dir_all(&leaving).map_err(Error::io("remove", &leaving))?;
    Ok(true)
}

/// Where this process has what comes or goes under a name.
fn incoming_beside(target: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(format!("{INCOMING}{}-", std::process::id()));
    name.push(target.file_name().unwrap_or_default());
    target.with_file_name(name)
}

/// Removes what imports of dead processes left behind. Where one has this process's own id it is of a process before: a home has one import at a time, and this one has not begun.
fn sweep(folder: &Path) -> Result<(), Error> {
    let own = std::process::id().to_string();
    for name in names_in(folder)? {
        let pid = name.strip_prefix(INCOMING).and_then(|rest| rest.split_once('-')).map(|(pid, _)| pid);
        if pid.is_some_and(|pid| pid == own || is_dead(pid)) {
            let path = folder.join(&name);
            std::fs::remove_dir_all(&path).map_err(Error::io("remove", &path))?;
        }
    }
    Ok(())
}

/// What the entries of a folder hold, of those whose names are of that form.
fn shelf_in<T>(folder: &Path, is_one: impl Fn(&str) -> bool, read: impl Fn(&Path) -> Result<T, Error>) -> Result<Shelf<T>, Error> {
    let mut shelf = Shelf { whole: Vec::new(), broken: Vec::new() };
    for name in names_in(folder)?.into_iter().filter(|name| is_one(name)) {
        match read(&folder.join(&name)) {
            Ok(one) => shelf.whole.push(one),
            Err(error @ Error::Damaged { .. }) => shelf.broken.push((name, error)),
            Err(error) => return Err(error),
        }
        if shelf.whole.len() + shelf.broken.len() > limits::MODELS_MAX {
            return Err(Error::TooLarge(folder.to_owned()));
        }
    }
    Ok(shelf)
}

fn names_in(folder: &Path) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io("read", folder))? {
        names.extend(entry.map_err(Error::io("read", folder))?.file_name().into_string());
    }
    Ok(names)
}

/// May a model or an adapter be called so? `misshapen` if no name has this form. A whole digest is none, nor is one with an adapter's name behind it: they mean what has that digest.
fn check_form(name: &str, misshapen: Error) -> Result<(), Error> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.contains(|c: char| c.is_control() || c == '/') {
        return Err(misshapen);
    }
    let model = name.rsplit_once(adapters::JOINS).map_or(name, |(model, _)| model);
    if Id::from_hex(model).is_some() { Err(Error::NameOfDigest) } else { Ok(()) }
}

/// Where something was imported from, as a manifest has it.
fn source_text(source: &Path) -> String {
    std::path::absolute(source).unwrap_or_else(|_| source.to_owned()).to_string_lossy().into_owned()
}

/// The manifest in a folder; [`Damage::Manifest`] if there is none that reads.
fn read_manifest<T: DeserializeOwned>(folder: &Path) -> Result<T, Error> {
    let path = folder.join("manifest.json");
    let damaged = || Error::damaged(&path, 0, Damage::Manifest);
    match disk::read_file(&path, limits::MANIFEST_BYTES_MAX) {
        Ok(Some(bytes)) => serde_json::from_slice(&bytes).map_err(|_| damaged()),
        Ok(None) | Err(Error::TooLarge(_)) => Err(damaged()),
        Err(error) => Err(error),
    }
}

fn read_model(folder: &Path) -> Result<Model, Error> {
    let damaged = || Error::damaged(&folder.join("manifest.json"), 0, Damage::Manifest);
    let manifest: Manifest = read_manifest(folder)?;
    let digest = Id::from_hex(&manifest.digest).filter(|digest| folder.ends_with(digest.to_string())).ok_or_else(damaged)?;
    let content = folder.join(CONTENT);
    let path = match manifest.files.as_slice() {
        [only] if is_gguf(Path::new(&only.name)) => content.join(Path::new(&only.name).file_name().ok_or_else(damaged)?),
        _ => content,
    };
    Ok(Model { manifest, digest, path })
}

fn is_gguf(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"))
}

/// The files of a model, by name: a .gguf alone, or a folder's weights, configuration, tokenizer and template.
fn files_of(source: &Path) -> Result<Vec<ManifestFile>, Error> {
    let metadata = std::fs::metadata(source).map_err(Error::io("read", source))?;
    let none = || Error::NoModelFiles(source.to_owned());
    if metadata.is_file() {
        let name = source.file_name().and_then(|name| name.to_str()).filter(|_| is_gguf(source)).ok_or_else(none)?;
        return Ok(vec![ManifestFile { name: name.to_owned(), bytes: metadata.len() }]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(source).map_err(Error::io("read", source))? {
        let path = entry.map_err(Error::io("read", source))?.path();
        // Caches keep links to blobs, so links are followed.
        let metadata = std::fs::metadata(&path).map_err(Error::io("read", &path))?;
        let wanted = path.extension().is_some_and(|extension| FOLDER_EXTENSIONS.iter().any(|known| extension == *known));
        if let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|_| wanted && metadata.is_file()) {
            files.push(ManifestFile { name: name.to_owned(), bytes: metadata.len() });
        }
        if files.len() > limits::MODEL_FILES_MAX {
            return Err(Error::TooLarge(source.to_owned()));
        }
    }
    let has = |suffix: &str| files.iter().any(|file| file.name.ends_with(suffix));
    if !has("config.json") || !has(".safetensors") {
        return Err(none());
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

fn copy_in(source: &Path, files: &[ManifestFile], content: &Path, progress: &mut dyn FnMut(Progress) -> ControlFlow<()>) -> Result<(), Error> {
    disk::create_folder(content)?;
    let mut state = Progress { bytes_done: 0, bytes_total: files.iter().map(|file| file.bytes).sum() };
    go_on(progress(state))?;
    for file in files {
        let from = if source.is_file() { source.to_owned() } else { source.join(&file.name) };
        copy_file(&from, &content.join(&file.name), &mut |bytes| {
            state.bytes_done += bytes;
            progress(state)
        })?;
    }
    disk::sync_folder(content)
}

/// In pieces, each of which the kernel copies, or shares, by itself.
fn copy_file(from: &Path, to: &Path, progress: &mut dyn FnMut(u64) -> ControlFlow<()>) -> Result<(), Error> {
    let source = File::open(from).map_err(Error::io("open", from))?;
    let mut target = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).map_err(Error::io("create", to))?;
    loop {
        let copied = std::io::copy(&mut (&source).take(limits::COPY_CHUNK_BYTES), &mut target).map_err(Error::io("copy", from))?;
        if copied == 0 {
            break;
        }
        go_on(progress(copied))?;
    }
    target.sync_all().map_err(Error::io("fsync", to))
}

fn go_on(flow: ControlFlow<()>) -> Result<(), Error> {
    if flow.is_break() { Err(Error::Stopped) } else { Ok(()) }
}

fn publish(incoming: &Path, target: &Path) -> Result<(), Error> {
    disk::sync_folder(incoming)?;
    match std::fs::rename(incoming, target) {
        // Another process imported the same model in the meantime: as good.
        Err(error) if target.exists() => std::fs::remove_dir_all(incoming).map_err(|_| Error::io("rename", target)(error)),
        Err(error) => Err(Error::io("rename", target)(error)),
        Ok(()) => disk::sync_folder_of(target),
    }
}

#[cfg(test)]
mod tests;
