//! Who votes in which epoch, as the engine looks it up.

use crate::limits;
use crate::scheme::Scheme;
use commonware_consensus::types::Epoch;
use commonware_cryptography::certificate::{Provider, Scoped};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// The schemes of the newest epochs that this node has come to. Copies share it.
#[derive(Clone, Default)]
pub(crate) struct Roster {
    schemes: Arc<RwLock<BTreeMap<u64, Arc<Scheme>>>>,
}

impl Roster {
    pub(crate) fn insert(&self, epoch: u64, scheme: Scheme) {
        let mut schemes = self.schemes.write().unwrap_or_else(PoisonError::into_inner);
        schemes.insert(epoch, Arc::new(scheme));
        while schemes.len() > limits::EPOCHS_KEPT {
            schemes.pop_first();
        }
    }

    pub(crate) fn get(&self, epoch: u64) -> Option<Arc<Scheme>> {
        self.schemes.read().unwrap_or_else(PoisonError::into_inner).get(&epoch).cloned()
    }
}

impl Provider for Roster {
    type Scope = Epoch;
    type Scheme = Scheme;

    fn scoped(&self, epoch: Epoch) -> Option<Scoped<Scheme>> {
        self.get(epoch.get()).map(Scoped::scheme)
    }
}
