//! The binary `pantheon`: reads the command line, does what it says, prints what came of it.

use std::process::ExitCode;

fn main() -> ExitCode {
    mickai_pantheond::main()
}
