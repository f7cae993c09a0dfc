//! The benchmarks that exist, how each is measured, and where its lines are kept.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use super::bar::{Bar, Goal};
use super::engine::{self, Wanted};
use super::machine;
use super::oar;
use super::pantheon;
use super::perplexity;
use super::program;
use super::serve;
use crate::error::Error;
use crate::places;
use crate::process;

const HELDOUT: &str = "training/bootstrap/heldout.jsonl";
const ASK_COUNT: usize = 11;
const REQUEST: &str = "what has run on this machine so far?";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bench {
    /// Whole `mickai ask` processes on the embedded model.
    Ask,
    /// The embedded model on requests that no generator made.
    Bootstrap,
    /// A cold release build.
    Build,
    /// The three above.
    Spine,
    /// The Open Audit Record: appending, verifying, the size of bundles, the browser's page.
    Oar,
    /// The engine against llama.cpp.
    Engine,
    /// The programs of the above on tiny shapes.
    EngineTrial,
    /// Types of weights by what they cost on held-out text.
    Perplexity,
    /// The API under load, and killed under it.
    Serve,
    /// The state machine of the chain.
    Pantheon,
}

impl Bench {
    pub(crate) const ALL: [Self; 10] =
        [Self::Ask, Self::Bootstrap, Self::Build, Self::Spine, Self::Oar, Self::Engine, Self::EngineTrial, Self::Perplexity, Self::Serve, Self::Pantheon];

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|bench| bench.name() == name)
    }

    /// Whether words select rows of it.
    pub(crate) fn has_rows(self) -> bool {
        matches!(self, Self::Engine | Self::EngineTrial)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Bootstrap => "bootstrap",
            Self::Build => "build",
            Self::Spine => "spine",
            Self::Oar => "oar",
            Self::Engine => "engine",
            Self::EngineTrial => "engine-trial",
            Self::Perplexity => "perplexity",
            Self::Serve => "serve",
            Self::Pantheon => "pantheon",
        }
    }
}

/// What one benchmark found: lines to keep, and the figures that have a goal.
#[derive(Default)]
pub(super) struct Found {
    pub(super) lines: Vec<String>,
    pub(super) bars: Vec<Bar>,
}

/// Measures, prints, keeps the lines of a whole bench under `bench/results`; true when every goal is met.
pub(crate) fn run(bench: Bench, wanted: &Wanted) -> Result<bool, Error> {
    let mut lines = machine::description();
    let mut bars = Vec::new();
    let parts = if bench == Bench::Spine { vec![Bench::Ask, Bench::Bootstrap, Bench::Build] } else { vec![bench] };
    for part in parts {
        let found = match part {
            Bench::Ask => ask()?,
            Bench::Bootstrap => bootstrap()?,
            Bench::Build | Bench::Spine => build()?,
            Bench::Oar => oar::measure()?,
            Bench::Engine => engine::measure(&engine::WHOLE, wanted)?,
            Bench::EngineTrial => engine::measure(&engine::TRIAL, wanted)?,
            Bench::Perplexity => perplexity::measure()?,
            Bench::Serve => serve::measure()?,
            Bench::Pantheon => pantheon::measure()?,
        };
        lines.extend(found.lines);
        bars.extend(found.bars);
    }
    lines.extend(bars.iter().map(Bar::to_string));
    let text = lines.join("\n") + "\n";
    if !wanted.is_all() {
        println!("\n{text}");
        return Ok(bars.iter().all(Bar::is_met));
    }
    let folder = places::root().join("bench/results");
    let path = folder.join(format!("{}-{}-{}.txt", machine::kind(), machine::today(), bench.name()));
    fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
    fs::write(&path, &text).map_err(Error::file(&path))?;
    println!("\nkept in {}\n{text}", path.display());
    Ok(bars.iter().all(Bar::is_met))
}

/// Wall time of whole processes, from start to exit: load, two records, two signatures, four fsyncs, the answer. A figure without a goal: the engine's goal is for the first token, which is not seen from outside.
fn ask() -> Result<Found, Error> {
    let binary = program::binary("mickai")?;
    let home = Scratch::new("bench-ask")?;
    let mut milliseconds = Vec::new();
    // One more than is counted: the first makes the keys.
    for _ in 0..=ASK_COUNT {
        let mut command = Command::new(&binary);
        command.arg("--home").arg(&home.0).args(["ask", REQUEST]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let program = binary.display().to_string();
        let started = Instant::now();
        let status = command.status().map_err(|source| Error::Program { program: program.clone(), source })?;
        milliseconds.push(started.elapsed().as_secs_f64() * 1e3);
        if !status.success() {
            return Err(Error::Failed { program });
        }
    }
    let first = milliseconds.remove(0);
    let lines = vec![
        format!("ask/process=first ms {first:.1} (makes the keys and the genesis record)"),
        format!("ask/process=later ms median {:.1} of {ASK_COUNT}", median(&mut milliseconds)),
    ];
    Ok(Found { lines, bars: Vec::new() })
}

fn bootstrap() -> Result<Found, Error> {
    let done = process::must(Command::new(program::example("heldout")?).arg(HELDOUT).current_dir(places::root()))?;
    let (exact, refused) = shares(&done.output).ok_or(Error::NoFigures { bench: "bootstrap" })?;
    let bars = vec![
        Bar { name: "bootstrap/heldout=exact".into(), measured: exact, goal: Goal::AtLeast(0.85) },
        Bar { name: "bootstrap/heldout=refused".into(), measured: refused, goal: Goal::AtLeast(0.90) },
    ];
    Ok(Found { lines: done.output.lines().map(str::to_owned).collect(), bars })
}

/// The two shares, 0 to 1, of the last line that says `exact X … refused Y`.
fn shares(output: &str) -> Option<(f64, f64)> {
    let line = output.lines().rev().find(|line| share(line, "exact").is_some() && share(line, "refused").is_some())?;
    Some((share(line, "exact")?, share(line, "refused")?))
}

fn share(line: &str, name: &str) -> Option<f64> {
    let mut words = line.split_whitespace();
    words.find(|word| word.trim_end_matches(':') == name)?;
    let word = words.next()?.trim_end_matches([',', ';']);
    let value = match word.strip_suffix('%') {
        Some(percent) => percent.parse::<f64>().ok()? / 100.0,
        None => word.parse().ok()?,
    };
    (0.0..=1.0).contains(&value).then_some(value)
}

/// Sources are fetched before the clock starts: the goal is about compiling.
fn build() -> Result<Found, Error> {
    process::must(places::cargo().args(["fetch", "--locked"]))?;
    let fresh = Scratch::new("bench-build")?;
    let started = Instant::now();
    process::must(places::cargo().args(["build", "--release", "--locked"]).env("CARGO_TARGET_DIR", &fresh.0))?;
    let seconds = started.elapsed().as_secs_f64();
    Ok(Found { lines: Vec::new(), bars: vec![Bar { name: "build/cold=release/seconds".into(), measured: seconds, goal: Goal::AtMost(480.0) }] })
}

pub(super) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// An empty folder below the build output, deleted when dropped.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new(name: &str) -> Result<Self, Error> {
        let path = places::target().join(name);
        remove(&path).and_then(|()| fs::create_dir_all(&path)).map_err(Error::file(&path))?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays behind is removed by the next run.
        let _ = remove(&self.0);
    }
}

fn remove(path: &Path) -> std::io::Result<()> {
    if path.exists() { fs::remove_dir_all(path) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_totals_are_the_last_line_with_both_shares() {
        let output = "log.list exact 0.80 of 40\nnone refused 0.95\ntotals exact 0.871 refused 0.925\ndone\n";
        assert_eq!(shares(output), Some((0.871, 0.925)));
        assert_eq!(shares("exact 87.5% refused 92.5%"), Some((0.875, 0.925)));
        assert_eq!(shares("exact many refused few"), None);
        assert_eq!(shares("exact 264 refused 40"), None);
        assert_eq!(shares(""), None);
    }

    #[test]
    fn the_median_is_the_middle() {
        assert!((median(&mut [3.0, 1.0, 2.0]) - 2.0).abs() < 1e-12);
    }

    #[test]
    fn names_are_found() {
        assert_eq!(Bench::named("build"), Some(Bench::Build));
        assert_eq!(Bench::named("speed"), None);
    }
}
