//! The fuzz target of the handshake holds for the committed vectors and a fixed number of seeded mutations of them, and its canary is caught.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test, which uses a part of what it includes")]

#[path = "../../../fuzz/src/targets/harness.rs"]
mod harness;

#[path = "../../../fuzz/src/targets/handshake.rs"]
mod handshake;

#[path = "../../../fuzz/src/targets/vectors.rs"]
mod vectors;

use handshake::TARGET;
use std::path::PathBuf;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../spec/vectors")
}

#[test]
fn the_target_holds() {
    if let Some(finding) = TARGET.campaign(TARGET.holds, &folder()) {
        panic!("case {}: {}: {:02x?}", finding.case, finding.what, finding.data);
    }
}

#[test]
fn its_canary_is_caught() {
    assert!(TARGET.campaign(TARGET.canary, &folder()).is_some());
}
