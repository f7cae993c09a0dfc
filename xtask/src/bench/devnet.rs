//! The chain's bars as a network: four validators on this machine, full of transfers and empty, and validators between continents in simulated time.

use super::bar::{Bar, Goal};
use super::machine;
use super::oar::value;
use super::program;
use crate::error::Error;
use crate::places;
use crate::process;
use serde_json::{Deserializer, Value};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const NAME: &str = "pantheon/devnet";
const VALIDATORS: f64 = 4.0;
/// Messages from proposal to finality: the block, the votes for it, the votes that it is final.
const DELAYS: f64 = 3.0;

/// What is run.
struct Programs {
    pantheon: PathBuf,
    wan: PathBuf,
}

/// Verification is what bounds a devnet where it has at least this much of the processors' time.
const BOUND_SHARE: f64 = 0.5;
const OF_VERIFY_BOUND: &str = "pantheon/devnet=4/of_verify_bound";

/// Runs them; gives what was printed, and the bars.
pub(super) fn measure() -> Result<(Vec<String>, Vec<Bar>), Error> {
    let programs = Programs { pantheon: program::binary("pantheon")?, wan: program::example("wan")? };
    let folder = places::target().join("bench-devnet");
    let mut lines = Vec::new();
    let mut bars = Vec::new();
    wan(&programs.wan, &mut lines, &mut bars)?;
    let verify_us = value(&lines, "wan validators=7 ", "verify_us").ok_or(Error::NoFigures { bench: NAME })?;
    load((&programs.pantheon, &folder), verify_us, &mut lines, &mut bars)?;
    empty((&programs.pantheon, &folder), &mut lines, &mut bars)?;
    Ok((lines, bars))
}

/// Blocks full of transfers, and how near that comes to what verifying alone would allow.
fn load(place: (&Path, &Path), verify_us: f64, lines: &mut Vec<String>, bars: &mut Vec<Bar>) -> Result<(), Error> {
    let before_s = machine::children_cpu_s();
    let figures = devnet(place, &["--for", "30s", "--load", "--senders", "64", "--window", "64"], lines)?;
    let cpu_s = machine::children_cpu_s() - before_s;
    let number = |pointer: &str| figures.pointer(pointer).and_then(Value::as_f64).ok_or(Error::NoFigures { bench: NAME });
    let per_s = number("/transfers/per_s")?;
    let cores = std::thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64);
    // Every validator checks every transfer once.
    let bound = cores * 1e6 / verify_us / VALIDATORS;
    lines.push(format!(
        "devnet/load validators=4 per_s={per_s:.1} bytes_per_s={:.0} blocks_per_s={:.2} finality_p50_ms={:.0} finality_p99_ms={:.0} verify_bound_per_s={bound:.0} supply={}",
        number("/bytes_per_s")?,
        number("/blocks_per_s")?,
        number("/transfers/finality_p50_ms")?,
        number("/transfers/finality_p99_ms")?,
        figures["supply"]
    ));
    bars.push(Bar { name: "pantheon/devnet=4/transfers_per_s".into(), measured: per_s, goal: Goal::AtLeast(1_000.0) });
    let share = number("/transfers/finalised")? * VALIDATORS * verify_us / 1e6 / cpu_s;
    lines.push(format!("{OF_VERIFY_BOUND}={:.3} cpu_s={cpu_s:.1} verification_share={share:.3}", per_s / bound));
    if share >= BOUND_SHARE {
        bars.push(Bar { name: OF_VERIFY_BOUND.into(), measured: per_s / bound, goal: Goal::AtLeast(0.8) });
    }
    Ok(())
}

/// Empty blocks, each proposed as soon as the one before is certified.
fn empty(place: (&Path, &Path), lines: &mut Vec<String>, bars: &mut Vec<Bar>) -> Result<(), Error> {
    devnet(place, &["--for", "1s", "--senders", "1"], lines)?;
    for at in 0..VALIDATORS as usize {
        let path = place.1.join(format!("validator-{at}/node.toml"));
        let failed = || Error::file(&path);
        let text = fs::read_to_string(&path).map_err(failed())?;
        fs::write(&path, text.replace("idle_ms = 500", "idle_ms = 1")).map_err(failed())?;
    }
    let figures = again(place, &["--for", "15s", "--senders", "1"], lines)?;
    let per_s = figures.pointer("/blocks_per_s").and_then(Value::as_f64).ok_or(Error::NoFigures { bench: NAME })?;
    lines.push(format!("devnet/empty validators=4 idle_ms=1 blocks_per_s={per_s:.1}"));
    bars.push(Bar { name: "pantheon/devnet=4/empty_block_ms".into(), measured: 1e3 / per_s, goal: Goal::AtMost(30.0) });
    Ok(())
}

/// A devnet of a new folder, behind the program.
fn devnet((program, folder): (&Path, &Path), words: &[&str], lines: &mut Vec<String>) -> Result<Value, Error> {
    match fs::remove_dir_all(folder) {
        Ok(()) => (),
        Err(gone) if gone.kind() == std::io::ErrorKind::NotFound => (),
        Err(source) => return Err(Error::file(folder)(source)),
    }
    again((program, folder), words, lines)
}

/// One that goes on in its folder; the last object that it prints.
fn again((program, folder): (&Path, &Path), words: &[&str], lines: &mut Vec<String>) -> Result<Value, Error> {
    let mut command = Command::new(program);
    command.args(["--json", "devnet", "--validators", "4", "--dir"]).arg(folder).args(words);
    lines.push(format!("$ cargo run --release --bin pantheon -- --json devnet --validators 4 --dir target/bench-devnet {}", words.join(" ")));
    let done = process::must(&mut command)?;
    let objects = Deserializer::from_str(&done.output).into_iter::<Value>();
    objects.filter_map(Result::ok).last().ok_or(Error::NoFigures { bench: NAME })
}

/// Seven and fifty validators, with 50 to 150 ms between any two.
fn wan(program: &Path, lines: &mut Vec<String>, bars: &mut Vec<Bar>) -> Result<(), Error> {
    for (validators, blocks, bar) in [(7, "40", "pantheon/wan=7/of_three_delays"), (50, "12", "pantheon/wan=50/of_three_delays")] {
        let count = validators.to_string();
        lines.push(format!("$ target/release/examples/wan {count} {blocks}"));
        let done = process::must(Command::new(program).args([&*count, blocks]))?;
        lines.extend(done.output.lines().map(str::to_owned));
        let start = format!("wan validators={count} ");
        let number = |name| value(lines, &start, name).ok_or(Error::NoFigures { bench: NAME });
        // In simulated time verifying takes none; it is added to what is allowed all the same only once, for the certificate.
        let allowed = DELAYS * number("delay_ms_max")? + number("verify_us")? * f64::from(validators) / 1e3;
        bars.push(Bar { name: bar.into(), measured: number("p50_ms")? / allowed, goal: Goal::AtMost(1.0) });
    }
    Ok(())
}
