//! The bars of Pantheon's state machine: each is read from a line that its program prints.

use super::bar::Goal;
use super::oar::{Figure, bars};
use super::run::Found;
use crate::error::Error;
use crate::places;
use crate::process;

const FIGURES: [Figure; 2] = [
    Figure { bar: "pantheon/execute=transfers/per_s", line: "execute/transfers ", value: "transfers_per_s", goal: Goal::AtLeast(20_000.0) },
    Figure { bar: "pantheon/state=account/bytes", line: "state/accounts ", value: "memory_bytes_per_account", goal: Goal::AtMost(300.0) },
];

/// Runs the program on one core and reads the figures.
pub(super) fn measure() -> Result<Found, Error> {
    let arguments = ["run", "--release", "--package", "mickai-ledger", "--example", "transfers"];
    let done = process::must(places::cargo().args(arguments))?;
    let mut lines = vec![format!("$ cargo {}", arguments.join(" "))];
    lines.extend(done.output.lines().map(str::to_owned));
    let bars = bars(&FIGURES, &lines)?;
    Ok(Found { lines, bars })
}
