//! Every target of `foundations/proof`, for programs that walk them all.

use super::harness::Target;
use super::{bundle, cbor, fork, mldsa, note, pantheon, path, policy, public_key, record, statement, verifier};

/// All of them, those that read what strangers send first.
pub const ALL: [&Target; 12] = [
    &verifier::TARGET,
    &bundle::TARGET,
    &record::TARGET,
    &note::TARGET,
    &fork::TARGET,
    &statement::TARGET,
    &pantheon::TARGET,
    &policy::TARGET,
    &public_key::TARGET,
    &cbor::TARGET,
    &path::TARGET,
    &mldsa::TARGET,
];
