//! The bars of Pantheon: of its state machine and of settlements each is read from a line that a program of the crate concerned prints; of the network in [`devnet`].

use std::process::Command;

use super::bar::Goal;
use super::devnet;
use super::oar::{Figure, bars};
use super::program;
use super::run::Found;
use crate::error::Error;
use crate::process;

/// The programs to run.
const EXAMPLES: [&str; 2] = ["transfers", "settlement_size"];

const FIGURES: [Figure; 5] = [
    Figure { bar: "pantheon/execute=transfers/per_s", line: "execute/transfers ", value: "transfers_per_s", goal: Goal::AtLeast(20_000.0) },
    Figure { bar: "pantheon/state=account/bytes", line: "state/accounts ", value: "memory_bytes_per_account", goal: Goal::AtMost(300.0) },
    Figure { bar: "pantheon/settlement=4-seats/growth", line: "settlement/growth seats=4 changes=0 ", value: "ratio", goal: Goal::AtMost(1.0) },
    Figure { bar: "pantheon/settlement=21-seats-3-changes/growth", line: "settlement/growth seats=21 changes=3 ", value: "ratio", goal: Goal::AtMost(1.0) },
    Figure { bar: "pantheon/certificate=21-seats/over_ms", line: "settlement/certificate ", value: "over_ms", goal: Goal::AtMost(1.0) },
];

/// Runs the programs on one core and reads the figures.
pub(super) fn measure() -> Result<Found, Error> {
    let mut lines = Vec::new();
    for example in EXAMPLES {
        lines.push(format!("$ {example}"));
        let done = process::must(&mut Command::new(program::example(example)?))?;
        lines.extend(done.output.lines().map(str::to_owned));
    }
    let mut bars = bars(&FIGURES, &lines)?;
    let (printed, of_the_network) = devnet::measure()?;
    lines.extend(printed);
    bars.extend(of_the_network);
    Ok(Found { lines, bars })
}
