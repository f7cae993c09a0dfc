//! How signatures are verified: by the library alone, or in lanes with the library behind them. And on which instructions is hashed.

use super::hashing::Hashing;
use crate::crew::Crew;
use crate::key::PublicKey;
use crate::mldsa::{self, Isa, RecheckSeed};
use alloc::sync::Arc;

/// How signatures are verified. It changes how long a verdict takes, and never the verdict.
#[derive(Clone, Default)]
pub struct Engine {
    lanes: Option<(Isa, Arc<dyn Crew>, RecheckSeed)>,
}

impl Engine {
    /// One after the other, by the library.
    pub fn library() -> Self {
        Self::default()
    }

    /// A chunk at a time, in the lanes of `isa` and by the hands of `crew`; what decides against somebody, and a sample of the rest that `seed` draws, is repeated by the library.
    pub fn lanes(isa: Isa, crew: Arc<dyn Crew>, seed: RecheckSeed) -> Self {
        Self { lanes: Some((isa, crew, seed)) }
    }

    /// Who hashes.
    pub(super) fn hashing(&self) -> Hashing {
        self.lanes.as_ref().map_or_else(Hashing::default, |(isa, ..)| Hashing::with(*isa))
    }

    /// A verifier of signatures by `key`, if there are lanes.
    pub(super) fn verifier(&self, key: PublicKey) -> Option<mldsa::Verifier> {
        self.lanes.clone().map(|(isa, crew, seed)| mldsa::Verifier::new(key, isa, crew, seed))
    }
}
