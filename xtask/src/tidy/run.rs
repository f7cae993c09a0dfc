//! The list of checks, and the task that runs them all.

use super::tree::{Finding, Tree};
use super::{arrows, dependencies, json, paths, places_of_unsafe, shape, words};
use crate::error::Error;
use crate::places;

/// Looks at every file and says what breaks its rule.
type Check = fn(&Tree) -> Vec<Finding>;

const CHECKS: [(&str, Check); 14] = [
    ("arrows", arrows::check),
    ("manifests", arrows::check_manifests),
    ("unused dependency", dependencies::check_used),
    ("reasons for dependencies", dependencies::check_reasons),
    ("first sentence", shape::check_first_sentence),
    ("length", shape::check_length),
    ("module files", shape::check_module_files),
    ("ignored tests", shape::check_ignored),
    ("documented paths", paths::check),
    ("unfinished work", words::check_unfinished),
    ("addresses", words::check_addresses),
    ("unsafe", places_of_unsafe::check),
    ("vectors", json::check),
    ("tabs and line ends", shape::check_line_ends),
];

/// Prints every finding; true when there is none.
pub(crate) fn run() -> Result<bool, Error> {
    let tree = Tree::read(&places::root())?;
    let mut count = 0;
    for (name, check) in CHECKS {
        for finding in check(&tree) {
            println!("{finding} ({name})");
            count += 1;
        }
    }
    println!("tidy: {} checks over {} files, {count} findings", CHECKS.len(), tree.paths().count());
    Ok(count == 0)
}
