//! The fuzz target of the RPC holds for the committed vectors and a fixed number of seeded mutations of them, and its canary is caught.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::panic, reason = "a test, which uses a part of what it includes")]

#[path = "../../../fuzz/src/targets/harness.rs"]
mod harness;

#[path = "../../../fuzz/src/targets/rpc.rs"]
mod rpc;

#[path = "../../../fuzz/src/targets/vectors.rs"]
mod vectors;

use rpc::TARGET;
use std::path::PathBuf;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../spec/vectors")
}

#[test]
fn the_property_holds() {
    if let Some(found) = TARGET.campaign(TARGET.holds, &folder()) {
        panic!("{}: {} in case {}: {:?}", TARGET.name, found.what, found.case, found.data);
    }
}

#[test]
fn the_canary_is_caught() {
    assert!(TARGET.campaign(TARGET.canary, &folder()).is_some(), "a parser that passes over a byte was not noticed");
}
