//! Every fuzz target holds for the committed vectors and a fixed number of seeded mutations of them, and each one's canary is caught.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test, which reads files")]

#[path = "../../../fuzz/src/targets/mod.rs"]
mod targets;

use std::path::PathBuf;
use targets::list::ALL;

fn vectors() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../spec/vectors")
}

#[test]
fn every_target_holds() {
    for target in ALL {
        if let Some(finding) = target.campaign(target.holds, &vectors()) {
            panic!("{}, case {}: {}: {:02x?}", target.name, finding.case, finding.what, finding.data);
        }
    }
}

#[test]
fn every_canary_is_caught() {
    for target in ALL {
        assert!(target.campaign(target.canary, &vectors()).is_some(), "{}: a parser with a mistake in it passes", target.name);
    }
}
