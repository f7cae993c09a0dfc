//! `mickai serve` under load and killed under it: each bar is read from a line of the program that does it.

use std::process::Command;

use super::bar::{Bar, Goal};
use super::oar::{Figure, value};
use super::program;
use super::run::Found;
use crate::error::Error;
use crate::process;

const FIGURES: [Figure; 5] = [
    Figure { bar: "serve/errors", line: "load/run ", value: "errors", goal: Goal::AtMost(0.0) },
    Figure { bar: "serve/resident=growth", line: "load/resident ", value: "growth", goal: Goal::AtMost(0.02) },
    Figure { bar: "serve/restart/seconds", line: "load/restart ", value: "seconds", goal: Goal::AtMost(3.0) },
    Figure { bar: "serve/acts=wrong", line: "load/acts ", value: "wrong", goal: Goal::AtMost(0.0) },
    Figure { bar: "serve/replays=identical", line: "load/replays ", value: "identical", goal: Goal::AtLeast(200.0) },
];

/// 64 clients for two minutes, the end of the server, a new start, the log.
pub(super) fn measure() -> Result<Found, Error> {
    program::binary("mickai")?;
    let mut lines = vec!["$ load".to_owned()];
    let done = process::must(&mut Command::new(program::example("load")?))?;
    lines.extend(done.output.lines().map(str::to_owned));
    let bar = |figure: &Figure| {
        let measured = value(&lines, figure.line, figure.value).ok_or(Error::NoFigures { bench: figure.bar })?;
        Ok(Bar { name: figure.bar.into(), measured, goal: figure.goal })
    };
    let mut bars = FIGURES.iter().map(bar).collect::<Result<Vec<_>, Error>>()?;
    // Nobody else kept a checkpoint of this log, so the best verdict is that it may be old.
    let is_whole = lines.iter().any(|line| line == "load/log verdict=STALE reason=completeness-unwitnessed");
    bars.push(Bar { name: "serve/log=verifies".into(), measured: f64::from(u8::from(is_whole)), goal: Goal::AtLeast(1.0) });
    Ok(Found { lines, bars })
}
