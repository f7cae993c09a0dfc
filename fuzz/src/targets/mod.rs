//! The targets, one a parser: a property, a canary that breaks it, and the committed vectors to begin from.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "each program that includes this module uses a part of it; vectors are files"
)]

pub mod harness;

pub mod vectors;

pub mod parts;

pub mod cbor;

pub mod record;

pub mod note;

pub mod bundle;

pub mod verifier;

pub mod statement;

pub mod fork;

pub mod pantheon;

pub mod policy;

pub mod public_key;

pub mod path;

pub mod signed_cases;

pub mod mldsa;

pub mod list;
