//! Models come and go: each under a permit, each on record.

use crate::acts::{action, fact};
use crate::error::{Error, Result};
use crate::executor::Done;
use crate::models::{EMBEDDED_NAME, open_files, paths_of};
use crate::policy;
use crate::repacked::Made;
use crate::system::System;
use mickai_model::digest::{ModelDigest, TensorDigest};
use mickai_model::file::ModelFile;
use mickai_model::generate::Flow;
use mickai_proof::digest::Id;
use mickai_proof::record::{Fact, Kind};
use mickai_store::{Appended, Draft, Error as StoreError, Progress, Running};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

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

/// What an import is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Hashing what is to be taken in.
    Digest,
    /// Copying it.
    Copy,
    /// Hashing the copy, which must be the same.
    Check,
    /// Repacking its weights for the kernels.
    Repack,
    /// Writing them.
    Write,
}

impl Phase {
    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Digest => "digest",
            Self::Copy => "copy",
            Self::Check => "check",
            Self::Repack => "repack",
            Self::Write => "write",
        }
    }
}

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImportStep {
    /// What is being done.
    pub phase: Phase,
    /// Bytes of it that are done.
    pub bytes_done: u64,
    /// Bytes of it.
    pub bytes_total: u64,
}

/// Hears how far an import is, from any thread, and may stop it.
pub(crate) type Watch<'a> = &'a (dyn Fn(ImportStep) -> Flow + Sync);

/// A digest does not cover what stands beside the weights: whoever imports a file with another of these wants it, and would go on with the one that is there.
fn refuse_another(name: &str, there: &ModelFile, new: &ModelFile) -> Result<()> {
    let template = |file: &ModelFile| file.template().map(|template| template.digest());
    let what = if template(there) != template(new) {
        "another chat template"
    } else if there.tokenizer.roles() != new.tokenizer.roles() {
        "other tokens that begin or end a text"
    } else if there.config.context_tokens_max != new.config.context_tokens_max {
        "another context length"
    } else {
        return Ok(());
    };
    Err(Error::ModelKnown { name: name.to_owned(), what })
}

impl System {
    /// Takes a model in: a `.gguf` file, or a folder in the Hugging Face layout. It is opened and its digest computed before anything is copied, and again of the copy; what its weights are
    /// when they are repacked is kept, and on record. A model that is here already stays what it is called.
    ///
    /// # Errors
    /// What is no model that this program runs; a name that is none, the embedded model's, or another model's; the model that is here with another template, other end tokens or another context; a disk that is full; [`mickai_store::Error::Stopped`] when `watch` says so. Nothing is
    /// left of it then.
    pub fn import(&self, path: &Path, name: Option<&str>, cause: Option<Appended>, watch: Watch<'_>) -> Result<ModelChanged> {
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
        let (digest, _) = self.hashed(&file, Phase::Digest, watch)?;
        let store = self.store_models();
        let known = match store.by_digest(Id(digest.0)) {
            Err(StoreError::NoSuchModel) => None,
            known => Some(known?),
        };
        if let Some(model) = &known {
            refuse_another(&model.manifest.name, &open_files(&paths_of(model))?, &file)?;
        }
        let name = known.map_or_else(|| self.new_name(path, name), |model| Ok(model.manifest.name))?;
        self.change(action::MODEL_IMPORT, (name, digest), cause, &mut |act, name| {
            let mut facts = Vec::new();
            let mut copied = |at: Progress| go_on(watch(ImportStep { phase: Phase::Copy, bytes_done: at.bytes_done, bytes_total: at.bytes_total }));
            let (model, is_new) = store.import(act, path, (name, Id(digest.0)), &mut copied, |incoming| {
                let copy = open_files(&incoming.paths)?;
                let made = self.repack((name, digest), &copy, watch)?;
                facts = made.facts();
                incoming.write_panels(&[copy.weights().prepare(&*self.crew()), &made.tail], &mut written(watch, &copy)).map_err(Error::from)
            })?;
            if !is_new {
                let there = open_files(&paths_of(&model))?;
                let made = self.repack((name, digest), &there, watch)?;
                facts = made.facts();
                self.keep_panels(digest, &there, &made)?;
            }
            Ok(facts)
        })
    }

    /// What a model that is not here yet is to be called.
    fn new_name(&self, path: &Path, name: Option<&str>) -> Result<String> {
        let name = name.map_or_else(|| default_name(path), str::to_owned);
        if name == EMBEDDED_NAME {
            return Err(Error::EmbeddedName);
        }
        self.store_models().check_name(&name)?;
        Ok(name)
    }

    /// The digest of a model that was opened, and those of its tensors.
    fn hashed(&self, file: &ModelFile, phase: Phase, watch: Watch<'_>) -> Result<(ModelDigest, Vec<TensorDigest>)> {
        let (bytes_total, done) = (file.tensor_bytes(), AtomicU64::new(0));
        let step = |more| watch(ImportStep { phase, bytes_done: done.fetch_add(more, Ordering::Relaxed) + more, bytes_total });
        let stopped = || Error::from(StoreError::Stopped);
        if step(0) == Flow::Stop {
            return Err(stopped());
        }
        let digests = file.tensor_digests(&*self.crew(), &step).ok_or_else(stopped)?;
        let digest = file.digest_with(&digests).ok_or_else(stopped)?;
        Ok((digest, digests))
    }

    /// Repacks a copy that is found to be what it should be.
    fn repack(&self, (name, want): (&str, ModelDigest), file: &ModelFile, watch: Watch<'_>) -> Result<Made> {
        let (have, digests) = self.hashed(file, Phase::Check, watch)?;
        if have != want {
            return Err(Error::ModelAltered { name: name.to_owned(), have, want });
        }
        let bytes_total = file.weights().packed_bytes() as u64;
        let step = |bytes_done| go_on(watch(ImportStep { phase: Phase::Repack, bytes_done, bytes_total }));
        let stopped = || Error::from(StoreError::Stopped);
        step(0).is_continue().then_some(()).ok_or_else(stopped)?;
        let made = self.hasher().make(file, want, &digests);
        step(bytes_total).is_continue().then_some(()).ok_or_else(stopped)?;
        Ok(made)
    }

    /// Removes an imported model; by its whole digest also one whose manifest does not read.
    ///
    /// # Errors
    /// [`Error::EmbeddedModel`], [`Error::NoModel`].
    pub fn remove_model(&self, wanted: &str, cause: Option<Appended>) -> Result<ModelChanged> {
        if wanted == EMBEDDED_NAME {
            return Err(Error::EmbeddedModel);
        }
        let store = self.store_models();
        let broken = Id::from_hex(wanted).filter(|digest| matches!(store.by_digest(*digest), Err(StoreError::Damaged { .. })));
        let (name, digest) = match broken {
            Some(digest) => (String::new(), digest),
            None => self.stored_model(wanted).map(|model| (model.manifest.name, model.digest))?,
        };
        self.change(action::MODEL_RM, (name, ModelDigest(digest.0)), cause, &mut |act, _| {
            store.remove(act, digest)?;
            Ok(Vec::new())
        })
    }

    fn change(&self, action: &str, (name, digest): (String, ModelDigest), cause: Option<Appended>, perform: Perform<'_>) -> Result<ModelChanged> {
        let mut executor = self.executor()?;
        let mut draft = Draft::new(Kind::Intent, executor.operator(), policy::authority(), action).fact(fact::MODEL, Fact::Bytes(digest.0.to_vec().into()));
        if !name.is_empty() {
            draft = draft.fact(fact::MODEL_NAME, Fact::Text(name.clone().into()));
        }
        draft.causes = cause.map(|cause| (cause.index, cause.digest)).into_iter().collect();
        let permit = executor.permit(draft, &[])?;
        let performed = executor.run(permit, |act, _| Ok(Done::new((), perform(act, &name)?)))?;
        Ok(ModelChanged { name, digest, records: (performed.intent, performed.outcome) })
    }
}

/// What is done to the model of a name while the act runs; gives the facts of the outcome.
type Perform<'a> = &'a mut dyn FnMut(&Running, &str) -> Result<Vec<(String, Fact<'static>)>>;

pub(crate) fn go_on(flow: Flow) -> ControlFlow<()> {
    if flow == Flow::Stop { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// Tells how far the writing of a model's panels is.
fn written<'a>(watch: Watch<'a>, file: &ModelFile) -> impl FnMut(u64) -> ControlFlow<()> + use<'a> {
    let (mut bytes_done, bytes_total) = (0, file.weights().packed_bytes() as u64);
    move |more| {
        bytes_done += more;
        go_on(watch(ImportStep { phase: Phase::Write, bytes_done: bytes_done.min(bytes_total), bytes_total }))
    }
}

/// The files of a model on the operator's disk.
pub(crate) fn files_of(path: &Path) -> Result<Vec<PathBuf>> {
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
