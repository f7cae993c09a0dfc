//! Pins: the models and adapters that may run. Once there is one, nothing else is opened to run, whatever it is called and wherever it lies.
//!
//! Every pinning and unpinning holds all pins that are in force after it, so that one record says what may run, and no file decides it. A pin names a content digest; the embedded model needs one like
//! any other, and an adapter one beside its model's. They are one list: what a digest is of is part of what it is the digest of (spec/model.md).

use crate::acts::{action, fact};
use crate::adapters_change::AdapterChanged;
use crate::error::{Error, Result};
use crate::executor::{Done, Executor};
use crate::in_force::{decoded, in_force, newest};
use crate::models::{EMBEDDED_NAME, Loaded, is_prefix};
use crate::models_change::ModelChanged;
use crate::policy;
use crate::system::System;
use mickai_model::digest::{AdapterDigest, ModelDigest};
use mickai_proof::digest::Id;
use mickai_proof::record::{Fact, Kind};
use mickai_store::{Appended, Draft, Entry, Error as StoreError, LogReader};
use std::collections::BTreeSet;
use std::fmt;

const ACTIONS: [&str; 4] = [action::MODEL_PIN, action::MODEL_UNPIN, action::ADAPTER_PIN, action::ADAPTER_UNPIN];
/// Pins at one time: what one record holds with room to spare.
const PINS_MAX: usize = 1_024;

/// The pins in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pins {
    digests: BTreeSet<ModelDigest>,
    /// The intent that says so; none if nobody ever pinned anything.
    pub set_by: Option<Appended>,
}

/// Why a pin was not set, or what pins keep from running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PinError {
    /// There are pins, and this model has none.
    Unpinned {
        /// What the operator calls it.
        name: String,
        /// What it is.
        digest: ModelDigest,
        /// The record that says which models may run.
        record: Option<u64>,
    },
    /// There are pins, and this adapter has none.
    UnpinnedAdapter {
        /// What the operator calls it.
        name: String,
        /// What it is.
        digest: AdapterDigest,
        /// The record that says what may run.
        record: Option<u64>,
    },
    /// It is pinned already.
    Already(ModelDigest),
    /// No pin, or several, that begin so.
    NoPin {
        /// What was asked for.
        wanted: String,
        /// What is pinned.
        known: Vec<ModelDigest>,
    },
    /// More pins than are taken.
    TooMany {
        /// How many are taken.
        max: usize,
    },
}

impl Pins {
    /// May this model run?
    pub fn allow(&self, digest: ModelDigest) -> bool {
        self.digests.is_empty() || self.digests.contains(&digest)
    }

    /// Is there any pin?
    pub fn are_set(&self) -> bool {
        !self.digests.is_empty()
    }

    /// Does the model have one?
    pub fn hold(&self, digest: ModelDigest) -> bool {
        self.digests.contains(&digest)
    }

    /// Does the adapter have one?
    pub fn hold_adapter(&self, digest: AdapterDigest) -> bool {
        self.hold(ModelDigest(digest.0))
    }

    /// May this adapter run, on a model that may?
    pub fn allow_adapter(&self, digest: AdapterDigest) -> bool {
        self.allow(ModelDigest(digest.0))
    }

    /// All of them, those of adapters too.
    pub fn digests(&self) -> impl Iterator<Item = ModelDigest> {
        self.digests.iter().copied()
    }

    pub(crate) fn check(&self, name: &str, digest: ModelDigest) -> Result<()> {
        let record = self.set_by.map(|set_by| set_by.index);
        if self.allow(digest) { Ok(()) } else { Err(PinError::Unpinned { name: name.to_owned(), digest, record }.into()) }
    }

    pub(crate) fn check_adapter(&self, name: &str, digest: AdapterDigest) -> Result<()> {
        let record = self.set_by.map(|set_by| set_by.index);
        if self.allow_adapter(digest) { Ok(()) } else { Err(PinError::UnpinnedAdapter { name: name.to_owned(), digest, record }.into()) }
    }

    fn of(entry: Option<Entry>) -> Result<Self> {
        let Some(entry) = entry else { return Ok(Self::default()) };
        let bad = || Error::BadRecord { index: entry.index, part: fact::PINS };
        let record = decoded(&entry)?;
        let Some(Fact::List(items)) = record.fact(fact::PINS) else { return Err(bad()) };
        let digest = |item: &Fact<'_>| item.as_bytes()?.try_into().ok().map(ModelDigest);
        let digests = items.iter().map(digest).collect::<Option<_>>().ok_or_else(bad)?;
        Ok(Self { digests, set_by: Some(Appended { index: entry.index, digest: entry.digest() }) })
    }

    fn fact(&self) -> Fact<'static> {
        Fact::List(self.digests.iter().map(|digest| Fact::Bytes(digest.0.to_vec().into())).collect())
    }
}

impl System {
    /// The pins in force.
    ///
    /// # Errors
    /// A log that is damaged: which models may run is not known then, so none does.
    pub fn pins(&self) -> Result<Pins> {
        let reader = self.reader()?;
        let newest = newest(&reader, &ACTIONS)?;
        pins_of(&reader, newest)
    }

    /// The pins in force as far as the index knows: for opening a model, which is refused early by them. Whether it may run is not decided here ([`System::refuse_unpinned`]).
    pub(crate) fn pins_known(&self) -> Result<Pins> {
        let reader = self.reader()?;
        let newest = self.newest_known(&reader, &ACTIONS)?;
        pins_of(&reader, newest)
    }

    /// The pins in force but those of adapters that are here, for lists of models.
    ///
    /// # Errors
    /// As [`System::pins`]; when the folder of adapters cannot be read.
    pub fn pins_of_models(&self) -> Result<Pins> {
        let (mut pins, adapters) = (self.pins()?, self.adapters()?);
        pins.digests.retain(|digest| adapters.iter().all(|adapter| adapter.digest.0 != digest.0));
        Ok(pins)
    }

    /// Pins a model by its name, the beginning of its digest, or, if it is not here, its whole digest.
    ///
    /// # Errors
    /// [`PinError`], [`Error::NoModel`]; a log that cannot be written.
    pub fn pin(&self, wanted: &str) -> Result<ModelChanged> {
        let (name, digest) = self.pinnable(wanted)?;
        let records = self.change_pins(action::MODEL_PIN, about_model(&name, digest), |pins| add(pins, digest))?;
        Ok(ModelChanged { name, digest, records })
    }

    /// Pins an adapter by its name, the beginning of its digest, or `MODEL+ADAPTER`. Its model needs a pin of its own.
    ///
    /// # Errors
    /// [`PinError`], [`Error::NoAdapter`]; a log that cannot be written.
    pub fn pin_adapter(&self, wanted: &str) -> Result<AdapterChanged> {
        let subject = self.subject(self.any_adapter(wanted)?)?;
        let records = self.change_pins(action::ADAPTER_PIN, subject.facts(), |pins| add(pins, ModelDigest(subject.digest.0)))?;
        Ok(subject.changed(records))
    }

    /// Takes an adapter's pin away.
    ///
    /// # Errors
    /// [`PinError::NoPin`], [`Error::NoAdapter`]: the pin of one that is not here goes as a model's does, by its digest; a log that cannot be written.
    pub fn unpin_adapter(&self, wanted: &str) -> Result<AdapterChanged> {
        let subject = self.subject(self.any_adapter(wanted)?)?;
        let records = self.change_pins(action::ADAPTER_UNPIN, subject.facts(), |pins| take(pins, ModelDigest(subject.digest.0)))?;
        Ok(subject.changed(records))
    }

    /// Takes a pin away; when it was the last, every model may run again.
    ///
    /// # Errors
    /// [`PinError::NoPin`]; a log that cannot be written.
    pub fn unpin(&self, wanted: &str) -> Result<ModelChanged> {
        let pins = self.pins()?;
        let found: Vec<ModelDigest> = match Id::from_hex(wanted) {
            Some(whole) => pins.digests().filter(|digest| digest.0 == whole.0).collect(),
            None => {
                let listed = self.models()?;
                let is_wanted = |digest: &ModelDigest| is_prefix(wanted, digest) || listed.iter().any(|model| model.digest == *digest && model.name == wanted);
                pins.digests().filter(is_wanted).collect()
            }
        };
        let [digest] = found[..] else { return Err(PinError::NoPin { wanted: wanted.to_owned(), known: pins.digests().collect() }.into()) };
        let embedded = self.embedded()?;
        let name = if digest == embedded.digest { embedded.name } else { self.stored_name(digest)?.unwrap_or_default() };
        let records = self.change_pins(action::MODEL_UNPIN, about_model(&name, digest), |pins| take(pins, digest))?;
        Ok(ModelChanged { name, digest, records })
    }

    /// Refuses a model that is about to run, or the adapter on it, by the pins that the log in hand has: between its opening and now there may have come some, and the index that its opening asked may hide some. The
    /// writer knows the newest by having read the whole log.
    pub(crate) fn refuse_unpinned(&self, executor: &Executor, model: &Loaded) -> Result<()> {
        let Some(newest) = newest_of(executor) else { return Ok(()) };
        let pins = self.known_pins(newest)?;
        pins.check(&model.model_name, model.digest)?;
        model.adapter.as_ref().map_or(Ok(()), |adapter| pins.check_adapter(&adapter.name, adapter.digest()))
    }

    fn pinnable(&self, wanted: &str) -> Result<(String, ModelDigest)> {
        let embedded = self.embedded()?;
        if wanted == EMBEDDED_NAME || is_prefix(wanted, &embedded.digest) {
            return Ok((embedded.name, embedded.digest));
        }
        if let Some(whole) = Id::from_hex(wanted) {
            let digest = ModelDigest(whole.0);
            return Ok((self.stored_name(digest)?.unwrap_or_default(), digest));
        }
        let model = self.stored_model(wanted)?;
        Ok((model.manifest.name, ModelDigest(model.digest.0)))
    }

    /// What an imported model is called; `None` if it is not here, for it may be on its way, or has no manifest that reads: a pin is of what a digest names.
    pub(crate) fn stored_name(&self, digest: ModelDigest) -> Result<Option<String>> {
        match self.store_models().by_digest(Id(digest.0)) {
            Ok(model) => Ok(Some(model.manifest.name)),
            Err(StoreError::NoSuchModel | StoreError::Damaged { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn change_pins(
        &self,
        action: &str,
        about: Vec<(&'static str, Fact<'static>)>,
        change: impl FnOnce(&mut BTreeSet<ModelDigest>) -> std::result::Result<(), PinError>,
    ) -> Result<(Appended, Appended)> {
        let mut executor = self.executor()?;
        let reader = self.reader()?;
        let newest = newest_of(&executor);
        let mut pins = pins_of(&reader, newest)?;
        change(&mut pins.digests)?;
        let mut draft = Draft::new(Kind::Intent, executor.operator(), policy::authority(), action).fact(fact::PINS, pins.fact());
        draft = about.into_iter().fold(draft, |draft, (name, fact)| draft.fact(name, fact));
        // The decision before it, whatever became of that, so that the way back is short.
        if let Some(entry) = newest.map(|index| reader.entry(index)).transpose()?.flatten() {
            draft = draft.cause(entry.index, entry.digest());
        }
        let permit = executor.permit(draft, &[])?;
        // Being on record is all that there is to it.
        let performed = executor.run(permit, |_, _| Ok(Done::new((), Vec::new())))?;
        Ok((performed.intent, performed.outcome))
    }
}

/// The facts that say which model.
fn about_model(name: &str, digest: ModelDigest) -> Vec<(&'static str, Fact<'static>)> {
    let mut facts = vec![(fact::MODEL, Fact::Bytes(digest.0.to_vec().into()))];
    if !name.is_empty() {
        facts.push((fact::MODEL_NAME, Fact::Text(name.to_owned().into())));
    }
    facts
}

fn add(pins: &mut BTreeSet<ModelDigest>, digest: ModelDigest) -> std::result::Result<(), PinError> {
    if pins.len() >= PINS_MAX {
        return Err(PinError::TooMany { max: PINS_MAX });
    }
    if pins.insert(digest) { Ok(()) } else { Err(PinError::Already(digest)) }
}

fn take(pins: &mut BTreeSet<ModelDigest>, digest: ModelDigest) -> std::result::Result<(), PinError> {
    if pins.remove(&digest) { Ok(()) } else { Err(PinError::NoPin { wanted: digest.to_string(), known: pins.iter().copied().collect() }) }
}

/// The newest intent about pins, as a writer knows it without looking.
fn newest_of(executor: &Executor) -> Option<u64> {
    ACTIONS.into_iter().filter_map(|action| executor.log().newest(action)).max()
}

pub(crate) fn pins_of(reader: &LogReader, newest: Option<u64>) -> Result<Pins> {
    Pins::of(in_force(reader, newest, &ACTIONS)?)
}

impl fmt::Display for PinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |digests: &[ModelDigest]| if digests.is_empty() { "none".to_owned() } else { digests.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ") };
        match self {
            Self::Unpinned { name, digest, record } => {
                let by = record.map_or_else(String::new, |record| format!(" (record {record})"));
                write!(f, "model {name} is not pinned, and only pinned models run here{by}: `mickai model pin {digest}` lets it")
            }
            Self::UnpinnedAdapter { name, digest, record } => {
                let by = record.map_or_else(String::new, |record| format!(" (record {record})"));
                write!(f, "adapter {name} is not pinned, and only pinned models and adapters run here{by}: `mickai adapter pin {digest}` lets it")
            }
            Self::Already(digest) => write!(f, "{digest} is pinned already"),
            Self::NoPin { wanted, known } => write!(f, "no one pin is {wanted:?}; there are: {}", list(known)),
            Self::TooMany { max } => write!(f, "there are {max} pins, which is all that one record holds: `mickai model unpin` makes room"),
        }
    }
}

#[cfg(test)]
mod tests;
