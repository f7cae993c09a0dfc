//! The engine inside the product: a cold process up to its first token, what records cost, and what the hooks of a profile cost.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use super::{Extent, Wanted, peer};
use crate::bench::bar::{Bar, Goal};
use crate::bench::oar::value;
use crate::bench::program;
use crate::bench::run::{Found, Scratch, median};
use crate::error::Error;
use crate::process;

/// Cold processes that are counted.
const STARTS: usize = 11;
/// Tokens of the prompt that the goal is about.
const PROMPT_TOKENS: f64 = 30.0;
/// Tokens of a generation whose records are weighed, and how often.
const AUDIT: [&str; 2] = ["64", "9"];
/// Threads, tokens and repetitions of decoding with and without a watcher.
const WATCH: [&str; 3] = ["2", "64", "15"];

/// The shape and type that the goals about records and hooks name.
const SHAPE: &str = "qwen2.5-0.5b";
const KIND: &str = "q4_0";

/// Those of the three that are wanted. They are bars alone, so that a trial has none.
pub(super) fn measure(extent: &Extent, wanted: &Wanted, found: &mut Found) -> Result<(), Error> {
    if !extent.with_bars {
        return Ok(());
    }
    if wanted.selects(&[("phase", "first-token")]) {
        first_token(found)?;
    }
    let with_audit = wanted.selects(&[("phase", "audit"), ("shape", SHAPE), ("type", KIND)]);
    let with_watch = wanted.selects(&[("phase", "watch"), ("shape", SHAPE), ("type", KIND), ("threads", WATCH[0])]);
    if with_audit || with_watch {
        let file = peer::make_file(&peer::install(peer::Build::Native)?, SHAPE, KIND)?;
        if with_audit {
            audit(&file, found)?;
        }
        if with_watch {
            watch(&file, found)?;
        }
    }
    Ok(())
}

/// From the start of a process to its first token: the model inside the program, a prompt of thirty tokens, the intent signed and on disk. What the system keeps of files in memory is warm.
fn first_token(found: &mut Found) -> Result<(), Error> {
    let program = program::example("first_token")?;
    let home = Scratch::new("bench-first-token")?;
    found.lines.push("$ first_token HOME".to_owned());
    let mut milliseconds = Vec::new();
    // One more than is counted: the first makes the keys.
    for _ in 0..=STARTS {
        let (ms, lines) = start(Command::new(&program).arg(home.path()))?;
        if value(&lines, "first-token/prompt ", "tokens") != Some(PROMPT_TOKENS) {
            return Err(Error::NoFigures { bench: "engine/first-token" });
        }
        milliseconds.push(ms);
    }
    milliseconds.remove(0);
    let measured = median(&mut milliseconds);
    found.lines.push(format!("engine/first-token ms median {measured:.1} of {STARTS}"));
    found.bars.push(Bar { name: "engine/first-token/ms".into(), measured, goal: Goal::AtMost(150.0) });
    Ok(())
}

/// Two records and their signatures beside the generation that they tell of: at most a hundredth of it and two fsyncs. Of the embedded model the figure alone.
fn audit(file: &Path, found: &mut Found) -> Result<(), Error> {
    let program = program::example("audit")?;
    let folder = Scratch::new("bench-audit")?;
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    found.lines.push(format!("$ audit FOLDER {} {name}.gguf", AUDIT.join(" ")));
    let lines = kept(Command::new(program).arg(folder.path()).args(AUDIT).arg(file), found)?;
    let figure = |line: &str, figure: &str| value(&lines, line, figure).ok_or(Error::NoFigures { bench: "engine/audit" });
    let line = format!("audit/model={name} ");
    // Fewer tokens than asked for would be another share.
    if figure(&line, "tokens")? != 64.0 {
        return Err(Error::NoFigures { bench: "engine/audit" });
    }
    found.lines.push(format!("engine/audit=embedded over_ms={:.3}", figure("audit/model=mickai-bootstrap ", "over_ms")?));
    found.bars.push(Bar { name: format!("engine/audit={name}/share").into(), measured: figure(&line, "share")?, goal: Goal::AtMost(0.01) });
    Ok(())
}

/// Decoding with somebody who watches and does nothing, over decoding with nobody.
fn watch(file: &Path, found: &mut Found) -> Result<(), Error> {
    let program = program::example("watched")?;
    found.lines.push(format!("$ watched {} {}", file.file_name().unwrap_or_default().to_string_lossy(), WATCH.join(" ")));
    let lines = kept(Command::new(program).arg(file).args(WATCH), found)?;
    let measured = value(&lines, "watch/nothing ", "ratio").ok_or(Error::NoFigures { bench: "engine/watch" })?;
    found.bars.push(Bar { name: "engine/watch=nothing/ratio".into(), measured, goal: Goal::AtLeast(0.99) });
    Ok(())
}

fn kept(command: &mut Command, found: &mut Found) -> Result<Vec<String>, Error> {
    let lines: Vec<String> = process::must(command)?.output.lines().map(str::to_owned).collect();
    found.lines.extend(lines.iter().cloned());
    Ok(lines)
}

/// Starts a program; gives the milliseconds up to its first line, and its lines.
fn start(command: &mut Command) -> Result<(f64, Vec<String>), Error> {
    let program = command.get_program().to_string_lossy().into_owned();
    let failed = |source| Error::Program { program: program.clone(), source };
    let started = Instant::now();
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(failed)?;
    let (mut ms, mut lines) = (f64::NAN, Vec::new());
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            if lines.is_empty() {
                ms = started.elapsed().as_secs_f64() * 1e3;
            }
            lines.push(line.map_err(failed)?);
        }
    }
    if child.wait().map_err(failed)?.success() { Ok((ms, lines)) } else { Err(Error::Failed { program }) }
}
