//! What no vector shows: each of the two guards against a second encoding alone refuses what both have to.
#![allow(clippy::disallowed_methods, reason = "a test, which reads files")]

use super::{fields, shape_holds};
use crate::limits;
use crate::testing::hex;
use std::path::Path;

/// Writing a record again and comparing hides what the walk lets through: here the walk stands alone.
#[test]
fn the_walk_alone_refuses_what_is_malformed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/vectors/record/reject");
    let mut count = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let vector: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(file.unwrap().path()).unwrap()).unwrap();
        let bytes = hex(vector["record"].as_str().unwrap());
        if vector["expect"]["reason"] == "malformed-record" && bytes.len() <= limits::RECORD_BYTES_MAX {
            assert!(!fields(&bytes).is_ok_and(|record| shape_holds(&record)), "{}", vector["name"]);
            count += 1;
        }
    }
    assert!(count > 100, "{count} vectors");
}
