//! Runs every mutant against the vectors and prints what notices it. Copied into the switchable proof as its example `mutants`.

#[path = "../tests/common/mod.rs"]
mod common;

use base64ct::{Base64, Encoding};
use common::vector::{BundleVector, CheckpointVector, ForkVector, RecordVector, folder, from_hex, judge_checkpoint, judge_fork, judge_record};
use mickai_proof::digest::LogId;
use mickai_proof::key::PublicKey;
use mickai_proof::mutant;
use serde::de::DeserializeOwned;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};

/// A vector's name, and whether it still gives its answer.
type Check = (String, Box<dyn Fn() -> bool>);

fn main() {
    let list = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/mutants.tsv")).unwrap();
    let (part, parts): (usize, usize) = std::env::args().nth(1).and_then(|arg| arg.split_once('/').map(|(a, b)| (a.parse().unwrap(), b.parse().unwrap()))).unwrap_or((0, 1));
    let mut checks = checks();
    set_hook(Box::new(|_| ()));
    for (name, holds) in &checks {
        assert!(holds(), "{name} does not hold without any mutant");
    }
    let (mut killed, mut survived) = (0, 0);
    for (place, line) in list.lines().enumerate().filter(|(place, _)| place % parts == part) {
        let noticed = (0..checks.len()).find(|&at| {
            mutant::set(place + 1);
            !catch_unwind(AssertUnwindSafe(|| checks[at].1())).unwrap_or(false)
        });
        mutant::set(0);
        match noticed {
            Some(at) => {
                killed += 1;
                println!("killed\t{}\t{line}\t{}", place + 1, checks[at].0);
                // What noticed one mutant often notices the next.
                let check = checks.remove(at);
                checks.insert(0, check);
            }
            None => {
                survived += 1;
                println!("SURVIVED\t{}\t{line}\t", place + 1);
            }
        }
    }
    println!("{killed} killed, {survived} survived");
}

fn checks() -> Vec<Check> {
    let mut checks: Vec<Check> = Vec::new();
    each("record", |vector: RecordVector| {
        let bytes = from_hex(&vector.record);
        checks.push((format!("record/{}", vector.name), Box::new(move || judge_record(&bytes) == vector.expect)));
    });
    each("checkpoint", |vector: CheckpointVector| {
        let (key, log) = (PublicKey::from_pem(&vector.key).unwrap(), LogId::from_hex(&vector.log).unwrap());
        checks.push((format!("checkpoint/{}", vector.name), Box::new(move || judge_checkpoint(&vector.note, &key, log) == vector.expect)));
    });
    each("fork", |vector: ForkVector| checks.push((format!("fork/{}", vector.name), Box::new(move || judge_fork(&vector) == vector.expect))));
    for (piece_len, suffix) in [(usize::MAX, ""), (7, " in pieces of 7")] {
        each("bundle", |vector: BundleVector| {
            let bundle = Base64::decode_vec(&vector.bundle).unwrap();
            if piece_len == usize::MAX || bundle.len() < 40_000 {
                checks.push((format!("bundle/{}{suffix}", vector.name), Box::new(move || vector.policy.judge(&bundle, piece_len) == vector.expect)));
            }
        });
    }
    checks
}

fn each<V: DeserializeOwned>(topic: &str, mut take: impl FnMut(V)) {
    for class in ["accept", "reject"] {
        let mut files: Vec<_> = fs::read_dir(folder(topic).join(class)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.iter().for_each(|file| take(serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()));
    }
}
