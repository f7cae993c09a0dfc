//! Loading: a stored model ready for its first token, every byte that it computes with checked, against reading its file.

use std::process::Command;

use super::peer::{self, Build};
use super::{Extent, Wanted};
use crate::bench::bar::{Bar, Goal};
use crate::bench::oar::value;
use crate::bench::program;
use crate::bench::run::Found;
use crate::error::Error;
use crate::process;

const TYPES: [&str; 2] = ["q4_0", "q8_0"];
const THREADS: &str = "2";
const REPETITIONS: &str = "7";
/// How many times the time to read the file.
const GOAL: f64 = 1.2;

/// Measures the larger shape in two types, with the page cache warm and cold.
pub(super) fn measure(extent: &Extent, wanted: &Wanted, found: &mut Found) -> Result<(), Error> {
    let shape = extent.shapes[1];
    for kind in TYPES.into_iter().filter(|kind| wanted.selects(&[("phase", "load"), ("shape", shape), ("type", kind), ("threads", THREADS)])) {
        let program = program::example("opening")?;
        let file = peer::make_file(&peer::install(Build::Native)?, shape, kind)?;
        let done = process::must(Command::new(program).arg(&file).args([THREADS, REPETITIONS]))?;
        found.lines.push(format!("$ opening {} {THREADS} {REPETITIONS}", file.file_name().unwrap_or_default().to_string_lossy()));
        let lines: Vec<String> = done.output.lines().map(str::to_owned).collect();
        found.lines.extend(lines.iter().cloned());
        for state in ["warm", "cold"] {
            let measured = value(&lines, &format!("load/{state} "), "ratio").ok_or(Error::NoFigures { bench: "engine/load" })?;
            if extent.with_bars {
                found.bars.push(Bar { name: format!("engine/load={shape}/type={kind}/cache={state}/ratio").into(), measured, goal: Goal::AtMost(GOAL) });
            }
        }
    }
    Ok(())
}
