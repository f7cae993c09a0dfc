//! Adapters come and go: each under a permit, each on record with the model that it is for.

use crate::acts::{action, fact};
use crate::adapters::{default_name, open_adapter};
use crate::error::{Error, Result};
use crate::executor::Done;
use crate::models::{EMBEDDED_NAME, is_prefix, open_files, paths_of};
use crate::models_change::{ImportStep, Phase, Watch, go_on};
use crate::policy;
use crate::system::System;
use mickai_model::digest::{AdapterDigest, ModelDigest};
use mickai_model::generate::Flow;
use mickai_proof::digest::Id;
use mickai_proof::record::{Fact, Kind};
use mickai_store::{AboutAdapter, AdapterStore, Appended, Draft, Error as StoreError, Progress, Running, StoredAdapter};
use std::path::Path;

/// An adapter that came or went.
#[derive(Clone, Debug)]
pub struct AdapterChanged {
    /// Its name.
    pub name: String,
    /// What it is.
    pub digest: AdapterDigest,
    /// The model that it is for: its digest, and its name if it is here.
    pub model: (ModelDigest, Option<String>),
    /// The act's records.
    pub records: (Appended, Appended),
}

/// Name and digest, of an adapter and of its model.
pub(crate) struct Subject {
    pub name: String,
    pub digest: AdapterDigest,
    pub model: (ModelDigest, Option<String>),
}

impl Subject {
    /// The facts that say so.
    pub fn facts(&self) -> Vec<(&'static str, Fact<'static>)> {
        let mut facts = vec![
            (fact::ADAPTER, Fact::Bytes(self.digest.0.to_vec().into())),
            (fact::ADAPTER_NAME, Fact::Text(self.name.clone().into())),
            (fact::MODEL, Fact::Bytes(self.model.0.0.to_vec().into())),
        ];
        facts.extend(self.model.1.iter().map(|name| (fact::MODEL_NAME, Fact::Text(name.clone().into()))));
        facts
    }

    /// It, changed by an act.
    pub fn changed(self, records: (Appended, Appended)) -> AdapterChanged {
        AdapterChanged { name: self.name, digest: self.digest, model: self.model, records }
    }
}

impl System {
    /// Takes an adapter in for a model that is here: a PEFT folder, or a `.gguf` file. It is opened against the model's shape and its digest computed before anything is copied, and again of the
    /// copy. One that is here for this model already stays what it is called.
    ///
    /// # Errors
    /// [`Error::AdapterUnfit`]: what is no adapter that this program runs, or not one for models of this shape; [`Error::EmbeddedAdapter`], [`Error::NoModel`]; a name that is none, or another
    /// adapter's; [`mickai_store::Error::Stopped`] when `watch` says so. Nothing is left of it then.
    pub fn import_adapter(&self, path: &Path, name: Option<&str>, model: &str, watch: Watch<'_>) -> Result<AdapterChanged> {
        if model == EMBEDDED_NAME || is_prefix(model, &self.embedded()?.digest) {
            return Err(Error::EmbeddedAdapter);
        }
        let model = self.stored_model(model)?;
        let config = open_files(&paths_of(&model))?.config;
        let paths = AdapterStore::files_of(path)?;
        let mut bytes_total = 0;
        for path in &paths {
            bytes_total += std::fs::metadata(path).map_err(Error::file(path))?.len();
        }
        step(watch, Phase::Digest, 0, bytes_total)?;
        let digest = open_adapter(&paths, &config, &model.manifest.name)?.digest();
        step(watch, Phase::Digest, bytes_total, bytes_total)?;
        let store = self.store_adapters();
        let known = store.list()?.into_iter().find(|known| known.digest.0 == digest.0 && known.model == model.digest).map(|known| known.manifest.name);
        let name = known.unwrap_or_else(|| name.map_or_else(|| default_name(path), str::to_owned));
        store.check_name(AboutAdapter { name: &name, digest: Id(digest.0), model: model.digest })?;
        let subject = Subject { name, digest, model: (ModelDigest(model.digest.0), Some(model.manifest.name.clone())) };
        self.change_adapter(action::ADAPTER_IMPORT, subject, &mut |act, name| {
            let mut copied = |at: Progress| go_on(watch(ImportStep { phase: Phase::Copy, bytes_done: at.bytes_done, bytes_total: at.bytes_total }));
            let about = AboutAdapter { name, digest: Id(digest.0), model: model.digest };
            let (stored, _) = store.import(act, path, about, &mut copied, |incoming| {
                step(watch, Phase::Check, 0, bytes_total)?;
                let have = open_adapter(&incoming.paths, &config, &model.manifest.name)?.digest();
                step(watch, Phase::Check, bytes_total, bytes_total)?;
                if have == digest { Ok(()) } else { Err(Error::AdapterAltered { name: name.to_owned(), have, want: digest }) }
            })?;
            // What was there before may have been changed since.
            self.opened_adapter(&stored, &config, &model.manifest.name).map(drop)
        })
    }

    /// Removes an adapter, by its name, the beginning of its digest, or `MODEL+ADAPTER`.
    ///
    /// # Errors
    /// [`Error::NoAdapter`].
    pub fn remove_adapter(&self, wanted: &str) -> Result<AdapterChanged> {
        let stored = self.any_adapter(wanted)?;
        let (store, digest, model) = (self.store_adapters(), stored.digest, stored.model);
        self.change_adapter(action::ADAPTER_RM, self.subject(stored)?, &mut |act, _| Ok(store.remove(act, digest, model).map(drop)?))
    }

    /// A stored adapter, with the name of its model.
    pub(crate) fn subject(&self, stored: StoredAdapter) -> Result<Subject> {
        let model = ModelDigest(stored.model.0);
        Ok(Subject { name: stored.manifest.name, digest: AdapterDigest(stored.digest.0), model: (model, self.stored_name(model)?) })
    }

    fn change_adapter(&self, action: &str, subject: Subject, perform: &mut dyn FnMut(&Running, &str) -> Result<()>) -> Result<AdapterChanged> {
        let mut executor = self.executor()?;
        let draft = Draft::new(Kind::Intent, executor.operator(), policy::authority(), action);
        let draft = subject.facts().into_iter().fold(draft, |draft, (name, fact)| draft.fact(name, fact));
        let permit = executor.permit(draft, &[])?;
        let performed = executor.run(permit, |act, _| {
            perform(act, &subject.name)?;
            Ok(Done::new((), Vec::new()))
        })?;
        Ok(subject.changed((performed.intent, performed.outcome)))
    }
}

/// Tells how far it is, and hears whether to go on.
fn step(watch: Watch<'_>, phase: Phase, bytes_done: u64, bytes_total: u64) -> Result<()> {
    match watch(ImportStep { phase, bytes_done, bytes_total }) {
        Flow::Continue => Ok(()),
        Flow::Stop => Err(StoreError::Stopped.into()),
    }
}
