//! The simulator: the very node in a deterministic runtime, a seed for everything, checkers outside the engines.
//!
//! `sim --seeds A..B [--validators N]` runs the seeds and ends with what it found; a seed that fails is printed, and run again with the same result.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a program for developers")]

#[path = "../../tests/common/mod.rs"]
mod common;

mod adversaries;
mod checks;
mod load;
mod logs;
mod network;
mod plan;
mod run;

use plan::Plan;
use run::{Outcome, attempt};
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| words.iter().position(|word| word == name).and_then(|at| words.get(at + 1));
    let range = value("--seeds").and_then(|text| text.split_once("..")).and_then(|(from, to)| Some(from.parse().ok()?..to.parse::<u64>().ok()?));
    let Some(range) = range else {
        println!("usage: sim --seeds A..B [--validators N]");
        return ExitCode::from(64);
    };
    let validators = value("--validators").and_then(|text| text.parse().ok());
    std::panic::set_hook(Box::new(|_| ()));
    let (mut passed, mut failed) = (0, 0);
    let mut sum = Sum::default();
    for seed in range {
        let plan = Plan::draw(seed, validators);
        match attempt(&plan) {
            Ok(outcome) if seed % SEEDS_PER_REPETITION == 0 && !attempt(&plan).is_ok_and(|again| again.trace == outcome.trace) => {
                failed += 1;
                println!("seed {seed}: FAILED: another trace the second time\n    {plan:?}");
            }
            Ok(outcome) => {
                passed += 1;
                sum.add(&outcome);
            }
            Err(why) => {
                failed += 1;
                println!("seed {seed}: FAILED: {why}\n    {plan:?}");
            }
        }
    }
    let Sum { blocks, settled, grown, shrunk, barred } = sum;
    println!("{blocks} final blocks, {settled} checkpoints settled, validators {grown} times more and {shrunk} times fewer, {barred} bonds lost for voting twice");
    println!("{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What all that passed came to.
#[derive(Default)]
struct Sum {
    blocks: u64,
    settled: usize,
    grown: usize,
    shrunk: usize,
    barred: usize,
}

impl Sum {
    fn add(&mut self, outcome: &Outcome) {
        self.blocks += outcome.height;
        self.settled += outcome.settled;
        self.grown += outcome.grown;
        self.shrunk += outcome.shrunk;
        self.barred += outcome.barred;
    }
}

/// One seed in as many is run twice and must leave the same trace.
const SEEDS_PER_REPETITION: u64 = 50;
