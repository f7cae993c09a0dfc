//! What the fuzzer calls for every input.

use crate::targets::harness::Target;

/// Stops the fuzzer on a finding. Built with `--cfg canary` it has to stop.
pub fn run(target: &Target, data: &[u8]) {
    let check = if cfg!(canary) { target.canary } else { target.holds };
    if let Err(what) = check(data) {
        panic!("{}: {what}", target.name);
    }
}
