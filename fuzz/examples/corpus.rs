//! Writes the committed vectors as files for the fuzzer to begin from: one folder a target, below the folder given.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program for developers")]

use mickai_fuzz::targets::list::ALL;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let vectors = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec/vectors");
    let out = PathBuf::from(env::args().nth(1).unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/corpus").to_owned()));
    for target in ALL.into_iter().chain([&mickai_fuzz::key_file::TARGET, &mickai_fuzz::rpc::TARGET]) {
        let folder = out.join(target.name);
        fs::create_dir_all(&folder).unwrap();
        let seeds = (target.seeds)(&vectors);
        for (place, seed) in seeds.iter().enumerate() {
            fs::write(folder.join(format!("vector-{place:04}")), seed).unwrap();
        }
        println!("{}: {} files", target.name, seeds.len());
    }
}
