//! Copies the proof with every check switchable, builds that once, and has the vectors tell which switches they notice.
//!
//! A mutant is one check that always passes or always fails, one bound moved by one, or one statement left out. All of them live in one program and are chosen by number, so that each costs a run of the vectors and not a build.

mod switches;

mod workplace;

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: mutants FOLDER   (made anew; then run what it names)");
        return ExitCode::from(64);
    };
    match workplace::make(&folder) {
        Ok(count) => {
            println!("{count} mutants in {0}; now: cargo run --manifest-path {0}/Cargo.toml --example mutants", folder.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
