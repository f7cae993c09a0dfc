//! The product as a person meets it: every test runs the binaries in a home of its own. Start at `golden_path`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test")]

mod common;

mod exports;

mod settle;

mod golden_path;

mod adapters;
mod diff;
mod kept;
mod models;
mod pins;

mod output;

mod chat;

mod bad_input;
mod bad_model;

mod looking;

mod keys;
mod lost;
mod rotation;
mod signer;

mod two_at_once;

mod crash;

mod privacy;
mod refused;

mod network;

mod profile;

mod serve;
