//! The programs that are measured, built before anything is timed.

use std::path::PathBuf;

use crate::error::Error;
use crate::places;
use crate::process;

/// A developer's program, by the name of its example; where it lies.
pub(crate) fn example(name: &str) -> Result<PathBuf, Error> {
    build("--example", name)?;
    Ok(places::target().join("release/examples").join(name))
}

/// A program of the product.
pub(super) fn binary(name: &str) -> Result<PathBuf, Error> {
    build("--bin", name)?;
    Ok(places::target().join("release").join(name))
}

/// With the features of the whole workspace: those of a package alone are others, and would build half of it again.
fn build(kind: &str, name: &str) -> Result<(), Error> {
    process::must(places::cargo().args(["build", "--release", "--workspace", kind, name])).map(drop)
}
