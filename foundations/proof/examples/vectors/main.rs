//! Writes spec/vectors/{record,checkpoint,bundle,fork,pantheon,exports}: each vector's answer is declared by hand beside it and compared with this implementation's before anything is written.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a program for developers, which stops at the first thing that is not as declared"
)]

#[path = "../../tests/common/mod.rs"]
mod common;

mod bundle;
mod bundle_accept;
mod bundle_checkpoint;
mod bundle_edges;
mod bundle_keys;
mod bundle_parts;
mod bundle_policy;
mod bundle_records;
mod bundle_settlements;
mod bundle_signatures;
mod checkpoint;
mod exports;
mod fork;
mod pantheon;
mod record;
mod record_reject;
mod surgery;
mod tamper;

use common::vector::folder;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fs;

fn main() {
    let mut files = Files::default();
    record::write(&mut files);
    record_reject::write(&mut files);
    checkpoint::write(&mut files);
    bundle_accept::write(&mut files);
    bundle_parts::write(&mut files);
    bundle_records::write(&mut files);
    bundle_signatures::write(&mut files);
    bundle_checkpoint::write(&mut files);
    bundle_keys::write(&mut files);
    bundle_policy::write(&mut files);
    bundle_edges::write(&mut files);
    bundle_settlements::write(&mut files);
    fork::write(&mut files);
    pantheon::write(&mut files);
    tamper::write(&mut files);
    files.json("", "seeded", &common::seeded::hashes());
    exports::write(&mut files);
    files.finish();
}

/// The files written, so that what is no longer written can be removed.
#[derive(Default)]
pub struct Files {
    written: BTreeSet<String>,
    bytes: usize,
    differing: usize,
}

impl Files {
    /// Whether this implementation's answer is the declared one; says so if not, and `finish` fails.
    pub fn agrees<T: PartialEq + std::fmt::Debug>(&mut self, name: &str, answer: &T, declared: &T) -> bool {
        if answer != declared {
            println!("{name}\n  answer   {answer:?}\n  declared {declared:?}");
            self.differing += 1;
        }
        answer == declared
    }

    /// Writes one vector to `topic/{accept,reject}/name.json`.
    pub fn vector(&mut self, topic: &str, is_accepted: bool, name: &str, vector: &impl Serialize) {
        self.json(topic, &format!("{}/{name}", if is_accepted { "accept" } else { "reject" }), vector);
    }

    /// Writes `topic/path.json`.
    pub fn json(&mut self, topic: &str, path: &str, value: &impl Serialize) {
        assert!(self.written.insert(format!("{topic}/{path}.json")), "{topic}/{path} is written twice");
        let file = folder(topic).join(format!("{path}.json"));
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let text = serde_json::to_string_pretty(value).unwrap() + "\n";
        self.bytes += text.len();
        fs::write(file, text).unwrap();
    }

    /// Removes vectors of an earlier run that this one did not write, and says what there is.
    fn finish(self) {
        for topic in ["record", "checkpoint", "bundle", "fork", "pantheon", "exports"] {
            for class in ["accept", "reject"] {
                let mut count = 0;
                for entry in fs::read_dir(folder(topic).join(class)).unwrap() {
                    let entry = entry.unwrap();
                    let name = entry.file_name().into_string().unwrap();
                    if self.written.contains(&format!("{topic}/{class}/{name}")) {
                        count += 1;
                    } else {
                        fs::remove_file(entry.path()).unwrap();
                    }
                }
                println!("{topic}/{class}: {count}");
            }
        }
        assert_eq!(self.differing, 0, "answers that are not the declared ones");
        println!("{} files, {} bytes", self.written.len(), self.bytes);
    }
}
