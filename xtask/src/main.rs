//! The project's own tasks, run as `cargo xtask <task>`: `setup`, `test`, `tidy`, `bench`, `sim` and `vectors`.
//!
//! *What it is.* The one runner that the README and `.ci/run` call. It starts the ordinary tools (cargo, npm, Python), streams what they print and counts what they ran.
//!
//! *What it never does.* Link a crate of the product, or pass a stage that ran nothing.
//!
//! *Start reading* at `xtask/src/suite.rs`, then `xtask/src/tidy/run.rs`.
// A task speaks to the person who started it.
#![allow(clippy::print_stdout)]

use std::process::ExitCode;

mod bench;
mod counts;
mod error;
mod places;
mod process;
mod setup;
mod sim;
mod suite;
mod tidy;
mod vectors;

const USAGE: &str = "usage: cargo xtask <task>

  setup       install what the tests need and what is missing
  test        everything: setup, tidy, format, lints, builds, all tests, the verifier, the reference scripts
  tidy        the rules of the house that are not the compiler's
  bench NAME  measure against a goal; NAME is ask, bootstrap, build, spine for these three, oar, engine, engine-trial, perplexity, serve,
              or pantheon; words such as type=q4_0 behind engine select rows of it
  sim --seeds A..B [--validators N]
              seeds of simulated chains with faults and cheats; the same command goes on where it stopped
  vectors     make the test vectors again that need only Rust, and say what makes the others
  help        this text";

/// A wrong command line (`EX_USAGE` of sysexits.h), as for every binary of the project.
const EXIT_USAGE: u8 = 64;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["setup"] => setup::run().map(|_| true),
        ["test"] => suite::run(),
        ["tidy"] => tidy::run(),
        ["bench", name, words @ ..] => match (bench::Bench::named(name), bench::Wanted::of(words)) {
            (Some(bench), Some(wanted)) if bench.has_rows() || wanted.is_all() => bench::run(bench, &wanted),
            (Some(_), _) => return wrong_usage(&format!("not understood: {}", words.join(" "))),
            (None, _) => return wrong_usage(&format!("no benchmark is called {name}")),
        },
        ["sim", words @ ..] => match sim::Wanted::of(words) {
            Some(wanted) => sim::run(&wanted),
            None => return wrong_usage("sim wants --seeds A..B, and --validators 4 to 7 if it shall not be drawn"),
        },
        ["vectors"] => vectors::run(),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(true)
        }
        [] => return wrong_usage("name a task"),
        _ => return wrong_usage(&format!("not understood: {}", words.join(" "))),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

fn wrong_usage(what: &str) -> ExitCode {
    eprintln!("xtask: {what}\n{USAGE}");
    ExitCode::from(EXIT_USAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usage_names_every_bench() {
        let words: Vec<&str> = USAGE.split(|c: char| c.is_whitespace() || ",;".contains(c)).collect();
        assert!(bench::Bench::ALL.into_iter().all(|bench| words.contains(&bench.name())));
    }
}
