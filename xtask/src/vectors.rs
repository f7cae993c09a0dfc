//! `cargo xtask vectors`: makes the committed test vectors again that need only Rust, and says what makes the others.

use crate::error::Error;
use crate::places;
use crate::process;
use crate::tidy::Tree;

pub(crate) fn run() -> Result<bool, Error> {
    let mut is_ok = true;
    for (package, example) in [("mickai-proof", "vectors"), ("mickai-node", "handshake_vectors")] {
        is_ok &= process::stream(places::cargo().args(["run", "--package", package, "--example", example]))?.ok;
    }
    println!("\nmade by Python, each with the packages that its first lines name:");
    let tree = Tree::read(&places::root())?;
    for path in tree.paths().filter(|path| path.starts_with("spec/vectors/") && path.ends_with(".py")) {
        println!("  python3 {path}");
    }
    println!("\n`git diff --stat spec/vectors` shows what changed; a changed vector is a changed format");
    Ok(is_ok)
}
