//! The models of this machine: the one inside the program, and those that the operator imported, alone or with an adapter on them.

use crate::adapters::{JOINS, LoadedAdapter, joined};
use crate::error::{Error, Result};
use crate::grammar::Grammars;
use crate::memory::{Claim, Counted, Share, UNCOUNTED};
use crate::pins::Pins;
use crate::repacked::{Kept, PANELS_PER_BYTE_MAX};
use crate::system::System;
use mickai_model::digest::{AdapterDigest, ModelDigest, TensorDigest};
use mickai_model::file::{ModelFile, open_folder, open_gguf};
use mickai_model::generate::Flow;
use mickai_model::tensor::Source;
use mickai_proof::kt128::Kt128;
use mickai_store::{Damage, Error as StoreError, Model, map, read_ahead};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

/// Digits of a digest that name a model, at least.
const PREFIX_DIGITS_MIN: usize = 6;

/// The name of the model inside the program.
pub const EMBEDDED_NAME: &str = "mickai-bootstrap";

/// The model inside the program: it turns requests into verbs.
pub static EMBEDDED: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../engines/model/assets/bootstrap.gguf"));

/// A model ready to run: everything that it is going to compute with was held against its digest. Clones share it.
#[derive(Clone)]
pub struct Loaded {
    /// What it is asked for by: what the operator calls it, with an adapter `llama+tone`.
    pub name: String,
    /// What it is, without the adapter (spec/model.md).
    pub digest: ModelDigest,
    /// Its parts.
    pub file: Arc<ModelFile>,
    /// Whether it is the one inside the program.
    pub is_embedded: bool,
    /// What is added to it.
    pub adapter: Option<Arc<LoadedAdapter>>,
    /// What the operator calls it, whatever is added.
    pub(crate) model_name: String,
    /// Digests of its tensors, while nothing on record says what they are when they are repacked.
    pub(crate) unrecorded: Arc<Mutex<Option<Vec<TensorDigest>>>>,
    /// Made when the first grammar comes.
    grammars: Arc<OnceLock<Grammars>>,
    /// Memory that is counted for its weights, as long as anyone has it.
    share: Option<Arc<Share>>,
}

impl Loaded {
    /// Computes the digest of a model from every byte of it: what a record says of a model is what was run.
    pub(crate) fn new(name: String, file: ModelFile, is_embedded: bool) -> Result<Self> {
        Ok(Self { is_embedded, ..Self::checked(name, file.digest(), file) })
    }

    /// A model whose digest was just found to be this one.
    fn checked(name: String, digest: ModelDigest, file: ModelFile) -> Self {
        Self { model_name: name.clone(), name, digest, file: Arc::new(file), is_embedded: false, adapter: None, unrecorded: Arc::default(), grammars: Arc::default(), share: None }
    }

    fn counted(self, share: Option<Share>) -> Self {
        Self { share: share.map(Arc::new), ..self }
    }

    /// The same model with this adapter on it.
    pub(crate) fn with(&self, adapter: Arc<LoadedAdapter>) -> Self {
        Self { name: joined(&self.model_name, &adapter.name), adapter: Some(adapter), ..self.clone() }
    }

    /// The same model with no adapter.
    pub(crate) fn alone(&self) -> Self {
        Self { name: self.model_name.clone(), adapter: None, ..self.clone() }
    }

    /// What the decoder adds to it.
    pub(crate) fn added(&self) -> Option<Arc<mickai_model::forward::Adapter>> {
        self.adapter.as_ref().map(|loaded| loaded.adapter.clone())
    }

    /// Bytes of memory that are counted for its weights.
    pub(crate) fn weight_bytes(&self) -> u64 {
        self.share.as_ref().map_or(0, |share| share.bytes())
    }

    /// The same with what is added to it.
    pub(crate) fn byte_count(&self) -> u64 {
        let added = self.adapter.as_ref().and_then(|adapter| adapter.share.as_ref());
        self.weight_bytes() + added.map_or(0, Share::bytes)
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
    /// The content digest of what is added to it: then the name is that of both.
    pub adapter: Option<AdapterDigest>,
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
        Ok(std::iter::once(self.embedded_listed()?).chain(self.stored()?).collect())
    }

    /// The model inside the program, as lists show it.
    pub(crate) fn embedded_listed(&self) -> Result<Listed> {
        let embedded = self.embedded()?;
        Ok(Listed { name: embedded.name, digest: embedded.digest, byte_count: EMBEDDED.len() as u64, is_embedded: true, adapter: None })
    }

    /// The models that the operator imported.
    pub(crate) fn stored(&self) -> Result<Vec<Listed>> {
        let stored = self.store_models().list()?.into_iter();
        let listed = |model: Model| Listed { name: model.manifest.name, digest: ModelDigest(model.digest.0), byte_count: model.manifest.bytes, is_embedded: false, adapter: None };
        Ok(stored.map(listed).collect())
    }

    /// Everything that can be asked for: all models, and each again with each of its adapters, under the name of both.
    ///
    /// # Errors
    /// When a folder of models or adapters cannot be read.
    pub fn models_and_adapters(&self) -> Result<Vec<Listed>> {
        let mut listed = self.models()?;
        listed.extend(self.stored_with_adapters()?);
        Ok(listed)
    }

    /// The models that the operator imported with adapters.
    pub(crate) fn stored_with_adapters(&self) -> Result<Vec<Listed>> {
        let adapted = self.adapters()?.into_iter().filter_map(|one| {
            let name = one.id()?;
            Some(Listed { name, digest: one.model, byte_count: one.byte_count, is_embedded: false, adapter: Some(one.digest) })
        });
        Ok(adapted.collect())
    }

    /// Opens the model of that name or digest prefix, to run it; `MODEL+ADAPTER` with that adapter on it. A model that is called so goes before.
    ///
    /// # Errors
    /// [`Error::NoModel`], [`Error::NoAdapter`] with what there is; an ambiguous prefix with its candidates; what the pins do not let run; a file that is no model or adapter, or no longer the one
    /// imported ([`Error::ModelAltered`], [`Error::AdapterAltered`]).
    pub fn model(&self, wanted: &str) -> Result<Loaded> {
        let (model, adapter) = self.parted(wanted)?;
        self.model_with(model, adapter)
    }

    /// Opens the model of that name or digest prefix, with that adapter of its on it.
    ///
    /// # Errors
    /// As [`System::model`].
    pub fn model_with(&self, wanted: &str, adapter: Option<&str>) -> Result<Loaded> {
        let pins = self.pins_known()?;
        let model = self.opened_model(wanted, &pins, UNCOUNTED)?;
        adapter.map_or(Ok(model.clone()), |adapter| self.with_adapter(model, adapter, &pins))
    }

    /// What is asked for, as a model and an adapter of its: the whole is a model's name or digest, or what stands before the last `+` is.
    pub(crate) fn parted<'a>(&self, wanted: &'a str) -> Result<(&'a str, Option<&'a str>)> {
        let Some((model, adapter)) = wanted.rsplit_once(JOINS) else { return Ok((wanted, None)) };
        match self.stored_model(wanted) {
            Ok(_) => return Ok((wanted, None)),
            // One whose manifest does not read hides itself, not the adapters of others.
            Err(Error::NoModel { .. } | Error::Store(StoreError::Damaged { what: Damage::Manifest, .. })) => {}
            Err(error) => return Err(error),
        }
        match self.stored_model(model) {
            Ok(_) => Ok((model, Some(adapter))),
            // The embedded model has none, and says so.
            Err(Error::NoModel { .. }) if is_embedded(model)? => Ok((model, Some(adapter))),
            // What was asked for is told of whole.
            Err(Error::NoModel { known, .. }) => Err(Error::NoModel { wanted: wanted.to_owned(), known }),
            Err(error) => Err(error),
        }
    }

    /// Opens a model to look at it, pinned or not; to run it is refused all the same.
    ///
    /// # Errors
    /// As [`System::model`].
    pub fn look_at(&self, wanted: &str) -> Result<Loaded> {
        self.opened_model(wanted, &Pins::default(), UNCOUNTED)
    }

    /// Opens the model of that name or digest prefix, to run it, if memory is to be had for its weights.
    pub(crate) fn model_within(&self, wanted: &str, claim: Claim<'_>) -> Result<Loaded> {
        self.opened_model(wanted, &self.pins_known()?, claim)
    }

    fn opened_model(&self, wanted: &str, pins: &Pins, claim: Claim<'_>) -> Result<Loaded> {
        if is_embedded(wanted)? {
            let embedded = self.embedded()?;
            pins.check(&embedded.name, embedded.digest)?;
            let share = claim(embedded.file.weights().packed_bytes() as u64)?;
            return Ok(embedded.counted(share));
        }
        let model = self.stored_model(wanted)?;
        let want = ModelDigest(model.digest.0);
        pins.check(&model.manifest.name, want)?;
        let on_record = self.panels_on_record(want)?;
        let (file, kept) = self.open_beside(&model, on_record, claim)?;
        if let Some((kept, share)) = kept
            && self.hasher().take(kept, &file, want)
        {
            return Ok(Loaded::checked(model.manifest.name, want, file).counted(share));
        }
        let share = claim(file.weights().packed_bytes() as u64)?;
        let digests = self.digests_of(&model, &file)?;
        match on_record {
            Some(said) => {
                let made = self.hasher().make(&file, want, &digests);
                if made.digest == said {
                    // A cache that cannot be written is missed the next time, and nothing else.
                    let _ = self.keep_panels(want, &file, &made);
                }
                Ok(Loaded::checked(model.manifest.name, want, file).counted(share))
            }
            None => Ok(Loaded { unrecorded: Arc::new(Mutex::new(Some(digests))), ..Loaded::checked(model.manifest.name, want, file).counted(share) }),
        }
    }

    /// Opens a stored model, and reads its repacked weights at the same time, if what they are is on record and memory is to be had for them.
    pub(crate) fn open_beside(&self, model: &Model, on_record: Option<Kt128>, claim: Claim<'_>) -> Result<(ModelFile, Option<Counted<Kept>>)> {
        let open = || -> Result<ModelFile> {
            let file = open_files(&paths_of(model))?;
            // What a run reads of the stored bytes is hashed next.
            file.unpacked().for_each(|tensor| read_ahead(tensor.bytes()));
            Ok(file)
        };
        let Some((wanted, panels)) = on_record.zip(self.store_models().panels(model.digest)) else { return Ok((open()?, None)) };
        let len_max = model.manifest.bytes.saturating_mul(PANELS_PER_BYTE_MAX);
        let Some(len) = panels.panels_len().filter(|len| *len <= len_max) else { return Ok((open()?, None)) };
        let share = claim(len)?;
        std::thread::scope(|scope| {
            let opening = scope.spawn(open);
            let kept = self.hasher().read(&panels, wanted, len);
            let file = opening.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            Ok((file, kept.map(|kept| (kept, share))))
        })
    }

    /// The digests of all tensors of a stored model; nothing is run under the name of what it no longer is.
    pub(crate) fn digests_of(&self, model: &Model, file: &ModelFile) -> Result<Vec<TensorDigest>> {
        let digests = file.tensor_digests(&*self.crew(), &|_| Flow::Continue).unwrap_or_default();
        let (want, have) = (ModelDigest(model.digest.0), file.digest_with(&digests).unwrap_or_else(|| file.digest()));
        if have == want { Ok(digests) } else { Err(Error::ModelAltered { name: model.manifest.name.clone(), have, want }) }
    }

    /// The imported model of that name or digest prefix.
    pub(crate) fn stored_model(&self, wanted: &str) -> Result<Model> {
        match self.store_models().find(wanted) {
            Ok(model) => Ok(model),
            Err(StoreError::NoSuchModel) => {
                let known = std::iter::once(EMBEDDED_NAME.to_owned()).chain(self.store_models().readable()?.into_iter().map(|model| model.manifest.name)).collect();
                Err(Error::NoModel { wanted: wanted.to_owned(), known })
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Is it the model inside the program that is meant? Its digest, which only a beginning of one has to be held against, is computed once a process: the program does not change under itself.
fn is_embedded(wanted: &str) -> Result<bool> {
    static DIGEST: OnceLock<ModelDigest> = OnceLock::new();
    if wanted == EMBEDDED_NAME || wanted.len() < PREFIX_DIGITS_MIN || !wanted.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(wanted == EMBEDDED_NAME);
    }
    let digest = match DIGEST.get() {
        Some(digest) => digest,
        None => {
            let digest = open_gguf(Arc::new(EMBEDDED))?.digest();
            DIGEST.get_or_init(|| digest)
        }
    };
    Ok(is_prefix(wanted, digest))
}

/// Six digits or more of a digest name a model.
pub(crate) fn is_prefix(wanted: &str, digest: &ModelDigest) -> bool {
    wanted.len() >= PREFIX_DIGITS_MIN && digest.to_string().starts_with(&wanted.to_lowercase())
}

/// The files of an imported model.
pub(crate) fn paths_of(model: &Model) -> Vec<PathBuf> {
    let path = &model.path;
    if path.is_dir() { model.manifest.files.iter().map(|file| path.join(&file.name)).collect() } else { vec![path.clone()] }
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
