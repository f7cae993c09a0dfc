//! Models and adapters are opened when they are asked for, and closed for others when nobody uses them.

use super::Desk;
use super::room::{Opening, Want};
use crate::adapters::{LoadedAdapter, joined};
use crate::error::{Error, Result};
use crate::models::{EMBEDDED, EMBEDDED_NAME, Listed, Loaded, is_prefix, open_files, paths_of};
use crate::serve::limits::{ADAPTERS_OPEN_MAX, MODELS_OPEN_MAX};
use crate::serve::queue::Full;
use crate::serve::worker::Worker;
use mickai_model::digest::{AdapterDigest, ModelDigest};
use mickai_model::file::{ModelFile, open_gguf};
use mickai_store::{Model, StoredAdapter};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

/// Where the worker of a model is to be.
#[derive(PartialEq, Eq)]
enum Place {
    /// It is there.
    Taken,
    Free,
}

impl Desk {
    /// What the model of that name or digest prefix is, alone or with an adapter: pinned or not, because it is not run. It is not opened for that, nothing is closed, and nobody counts it as used; of its files only
    /// what describes it is read, none of the weights.
    ///
    /// Trust: the digest is the one that it was taken in under. Whoever changed its files since changes what is shown here; nothing runs under that digest before its weights were held against it.
    ///
    /// # Errors
    /// [`Error::NoModel`], [`Error::NoAdapter`]; files that are no model.
    pub fn look_at(&self, wanted: &str) -> Result<(Listed, Arc<ModelFile>)> {
        let (listed, imported) = self.named(wanted)?;
        let open = self.lock().iter().find(|worker| worker.model.digest == listed.digest).map(|worker| worker.model.file.clone());
        let file = match (open, imported) {
            (Some(file), _) => file,
            (None, Some(model)) => Arc::new(open_files(&paths_of(&model))?),
            (None, None) => Arc::new(open_gguf(Arc::new(EMBEDDED))?),
        };
        Ok((listed, file))
    }

    /// What the model of that name or digest prefix is listed as, alone or with an adapter. None of its files is read.
    ///
    /// # Errors
    /// [`Error::NoModel`], [`Error::NoAdapter`]; a name that several have.
    pub fn listed(&self, wanted: &str) -> Result<Listed> {
        Ok(self.named(wanted)?.0)
    }

    /// As it is listed, and the imported model; `None` for the one inside the program.
    fn named(&self, wanted: &str) -> Result<(Listed, Option<Model>)> {
        let (model, adapter) = self.system.parted(wanted)?;
        let imported = self.imported(model)?;
        let mut listed = match &imported {
            None => self.embedded.clone(),
            Some(Model { manifest, digest, .. }) => {
                Listed { name: manifest.name.clone(), digest: ModelDigest(digest.0), byte_count: manifest.bytes, is_embedded: false, adapter: None }
            }
        };
        if let Some(adapter) = adapter {
            if listed.is_embedded {
                return Err(Error::EmbeddedAdapter);
            }
            let stored = self.system.adapter_of(&listed.name, listed.digest, adapter)?;
            let (name, digest) = (joined(&listed.name, &stored.manifest.name), AdapterDigest(stored.digest.0));
            listed = Listed { name, byte_count: stored.manifest.bytes, adapter: Some(digest), ..listed };
        }
        Ok((listed, imported))
    }

    /// A model without adapters, opened unless it is.
    pub(super) fn model_alone(&self, wanted: &str) -> Result<Arc<Loaded>> {
        let digest = self.digest_of(wanted)?;
        if let Some(model) = self.opened(digest) {
            return Ok(model);
        }
        let opening = self.opening();
        if let Some(model) = self.opened(digest) {
            return Ok(model);
        }
        let claim = |bytes| self.share(&opening, Want { what: "the weights of the model", bytes, beside: 0, spared: None }).map(Some);
        let model = Arc::new(self.system.model_within(&digest.to_string(), &claim)?);
        self.keep(&opening, &model)?;
        Ok(model)
    }

    /// An adapter of a model, opened unless it is. Whether it may run is looked at when it is about to.
    pub(super) fn adapter(&self, model: &Loaded, wanted: &str) -> Result<Arc<LoadedAdapter>> {
        let stored = self.stored_adapter(model, wanted)?;
        if let Some(adapter) = self.opened_adapter(model, &stored) {
            return Ok(adapter);
        }
        let opening = self.opening();
        if let Some(adapter) = self.opened_adapter(model, &stored) {
            return Ok(adapter);
        }
        let mut adapter = self.system.opened_adapter(&stored, &model.file.config, &model.model_name)?;
        let (bytes, beside) = (adapter.adapter.packed_bytes() as u64, model.weight_bytes() + self.cache_bytes(model));
        adapter.share = Some(self.share(&opening, Want { what: "the adapter and its model", bytes, beside, spared: Some(model.digest) })?);
        adapter.adapter.prepare();
        let adapter = Arc::new(adapter);
        let mut adapters = self.adapters.lock().unwrap_or_else(PoisonError::into_inner);
        if adapters.len() >= ADAPTERS_OPEN_MAX {
            adapters.remove(0);
        }
        adapters.push(adapter.clone());
        Ok(adapter)
    }

    /// What is stored of an adapter of a model.
    pub(super) fn stored_adapter(&self, model: &Loaded, wanted: &str) -> Result<StoredAdapter> {
        if model.is_embedded { Err(Error::EmbeddedAdapter) } else { self.system.adapter_of(&model.model_name, model.digest, wanted) }
    }

    /// The open adapter of that name and digest, which thereby is the most recently used.
    pub(super) fn opened_adapter(&self, model: &Loaded, stored: &StoredAdapter) -> Option<Arc<LoadedAdapter>> {
        let is_it = |open: &Arc<LoadedAdapter>| (open.digest().0, open.model, open.name.as_str()) == (stored.digest.0, model.digest, stored.manifest.name.as_str());
        let mut adapters = self.adapters.lock().unwrap_or_else(PoisonError::into_inner);
        let at = adapters.iter().position(is_it)?;
        let adapter = adapters.remove(at);
        adapters.push(adapter.clone());
        Some(adapter)
    }

    pub(super) fn digest_of(&self, wanted: &str) -> Result<ModelDigest> {
        Ok(self.imported(wanted)?.map_or(self.embedded.digest, |model| ModelDigest(model.digest.0)))
    }

    /// The imported model of that name or digest prefix; `None` if it is the one inside the program.
    fn imported(&self, wanted: &str) -> Result<Option<Model>> {
        if wanted == EMBEDDED_NAME || is_prefix(wanted, &self.embedded.digest) {
            return Ok(None);
        }
        self.system.stored_model(wanted).map(Some)
    }

    /// The open model of that digest, which thereby is the most recently used.
    pub(super) fn opened(&self, digest: ModelDigest) -> Option<Arc<Loaded>> {
        let mut workers = self.lock();
        let at = workers.iter().position(|worker| worker.model.digest == digest && !worker.is_closed())?;
        let worker = workers.remove(at);
        let model = worker.model.clone();
        workers.push(worker);
        Some(model)
    }

    /// Starts a worker for a model, unless one takes orders for it.
    pub(super) fn keep(&self, opening: &Opening<'_>, model: &Loaded) -> Result<()> {
        if self.find_place(model)? == Place::Taken {
            return Ok(());
        }
        let want = Want { what: "the keys and values of the model", bytes: self.cache_bytes(model), beside: model.weight_bytes(), spared: Some(model.digest) };
        let cache = self.share(opening, want)?;
        let mut workers = self.lock();
        self.refuse_if_closed()?;
        // Of whatever was asked for, the worker has the model: adapters come with each order.
        workers.push(Worker::start(&self.system, &self.recorder, Arc::new(model.alone()), cache)?);
        Ok(())
    }

    /// A place for the worker of a model; the one that was not used for longest makes it. One whose thread ended before its time is in nobody's way.
    fn find_place(&self, model: &Loaded) -> Result<Place> {
        let mut workers = self.lock();
        self.refuse_if_closed()?;
        if workers.iter().any(|worker| worker.serves(model)) {
            return Ok(Place::Taken);
        }
        let mut retired: Vec<Worker> = workers.extract_if(.., |worker| worker.is_closed()).collect();
        if workers.len() >= MODELS_OPEN_MAX {
            let idle = workers.iter().position(Worker::is_idle).ok_or(Error::ModelsBusy { open: workers.len(), max: MODELS_OPEN_MAX })?;
            retired.push(workers.remove(idle));
        }
        // Their threads end with nobody held up.
        drop(workers);
        drop(retired);
        Ok(Place::Free)
    }

    pub(super) fn refuse_if_closed(&self) -> Result<()> {
        if self.is_closed.load(Ordering::Relaxed) { Err(Error::Full(Full::Closed)) } else { Ok(()) }
    }
}
