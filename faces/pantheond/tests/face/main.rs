//! The face as people and programs meet it: the binary, and the RPC over a chain that lives in the test. Start at `wallet`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a test")]

mod common;

mod genesis;

mod wallet;

mod light;

mod doctor;

mod strange;

mod rpc;

mod limits;

mod events;

mod schemathesis;

mod devnet;
