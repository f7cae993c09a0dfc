//! The binary `oar`: verifies and inspects bundles and makes smaller ones and other forms of them, offline, knowing nothing but what the verifier brings.

mod bring;
mod diff;
mod export;
mod flags;
mod fork_proof;
mod hands;
mod input;
mod inspect;
mod output;
mod problem;
mod prove;
mod source;
mod verify;

use clap::Parser;
use flags::{Command, Flags};
use std::process::ExitCode;

/// Wrong usage, clap's own errors too (spec/verdict.md "Input"; 2 would mean STALE).
const EXIT_USAGE: u8 = 64;

fn main() -> ExitCode {
    let flags = match Flags::try_parse() {
        Ok(flags) => flags,
        Err(error) => {
            // Nothing better can be done when the terminal itself is gone.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { EXIT_USAGE } else { 0 });
        }
    };
    let answer = match flags.command {
        Command::Verify(verify) => verify::run(&verify),
        Command::Inspect(inspect) => inspect::run(&inspect),
        Command::Prove(prove) => prove::run(&prove),
        Command::Export(export) => export::run(&export),
        Command::Diff(diff) => diff::run(&diff),
        Command::ForkProof(make) => fork_proof::run(&make),
    };
    match answer {
        Ok(exit) => ExitCode::from(exit),
        Err(problem) => {
            output::remark(&problem);
            ExitCode::from(problem.exit_code())
        }
    }
}
