//! What the machine allows, measured in the same run: no product of matrices is faster than the memory that its weights are read from, nor than the multiply-adds.

use std::path::Path;
use std::process::Command;

use crate::bench::oar::value;
use crate::bench::run::Found;
use crate::error::Error;
use crate::process;

/// The limits for so many bytes of weights and threads.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// Bytes read once, from large pages.
    pub(super) bytes_per_s: f64,
    /// f32 multiply-adds with one rounding.
    pub(super) multiply_adds_per_s: f64,
}

/// Reads as many bytes as the weights are, so that what a cache keeps of them it keeps here too.
pub(super) fn measure(program: &Path, threads: &str, bytes: f64, repetitions: &str, found: &mut Found) -> Result<Limits, Error> {
    let bytes = format!("{bytes:.0}");
    let done = process::must(Command::new(program).args([threads, &bytes, repetitions]))?;
    let lines: Vec<String> = done.output.lines().map(str::to_owned).collect();
    found.lines.push(format!("$ limits {threads} {bytes} {repetitions}"));
    found.lines.extend(lines.iter().cloned());
    let figures = value(&lines, "limits/read ", "bytes_per_s").zip(value(&lines, "limits/fused ", "multiply_adds_per_s"));
    let (bytes_per_s, multiply_adds_per_s) = figures.ok_or(Error::NoFigures { bench: "engine" })?;
    Ok(Limits { bytes_per_s, multiply_adds_per_s })
}
