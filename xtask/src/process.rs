//! Starting other programs: streamed to the terminal and kept, or asked silently.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use crate::error::Error;

/// What a program printed on its standard output, and whether it ended with 0.
pub(crate) struct Streamed {
    pub(crate) ok: bool,
    pub(crate) output: String,
}

/// Runs a program to its end; its lines show as they come, and its standard output is also kept.
pub(crate) fn stream(command: &mut Command) -> Result<Streamed, Error> {
    let program = shown(command);
    println!("$ {program}");
    let failed = |source| Error::Program { program: program.clone(), source };
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(failed)?;
    let mut output = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        let mut lines = BufReader::new(stdout);
        loop {
            let start = output.len();
            if lines.read_until(b'\n', &mut output).map_err(failed)? == 0 {
                break;
            }
            // A terminal that went away must not stop the count.
            let _ = std::io::stdout().write_all(output.get(start..).unwrap_or_default());
        }
    }
    let status = child.wait().map_err(failed)?;
    Ok(Streamed { ok: status.success(), output: String::from_utf8_lossy(&output).into_owned() })
}

/// Like [`stream`], where anything but success ends the task.
pub(crate) fn must(command: &mut Command) -> Result<Streamed, Error> {
    let done = stream(command)?;
    if done.ok { Ok(done) } else { Err(Error::Failed { program: shown(command) }) }
}

/// The standard output of a silent question, when the program exists and ends with 0.
pub(crate) fn ask(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn shown(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
