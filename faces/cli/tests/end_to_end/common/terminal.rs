//! A terminal with somebody at it: `terminal.py` starts a program in one and follows steps.

use super::{Machine, Run, not_checked, program_answers};
use serde_json::{Value, json};
use std::path::Path;

const SCRIPT: &str = include_str!("terminal.py");

/// What somebody at the terminal does.
pub enum Step {
    /// Waits until this pattern (a regular expression) was printed after what was seen before.
    Sees(&'static str),
    /// Types.
    Types(&'static str),
    /// Waits until so many bytes were printed after that.
    SeesBytes(usize),
}

impl Step {
    fn json(&self) -> Value {
        match self {
            Self::Sees(pattern) => json!(["sees", pattern]),
            Self::Types(text) => json!(["types", text]),
            Self::SeesBytes(count) => json!(["sees_bytes", count]),
        }
    }
}

/// A terminal of xterm's kind.
pub struct Terminal<'a> {
    /// Where.
    pub machine: &'a Machine,
    /// More of the environment.
    pub env: &'a [(&'a str, &'a str)],
}

impl Terminal<'_> {
    /// Runs the program through all steps to its end. Its exit code is the program's, its output what the terminal showed. `None` where no terminal can be had.
    pub fn run(&self, program: &Path, args: &[&str], steps: &[Step]) -> Option<Run> {
        if !program_answers("python3", &["-c", "import pty"]) {
            not_checked("what a terminal shows: python3 with its module pty is not here");
            return None;
        }
        let steps: Value = steps.iter().map(Step::json).collect();
        let mut command = self.machine.command(Path::new("python3"), &["-c", SCRIPT, &steps.to_string()]);
        command.arg(program).args(args).env("TERM", "xterm-256color").env_remove("NO_COLOR").envs(self.env.iter().copied());
        Some(Run::of(&mut command))
    }
}
