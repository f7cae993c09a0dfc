//! `oar verify`: streams a bundle through the verifier and prints its report.

use crate::bring;
use crate::flags::Verify;
use crate::input;
use crate::problem::Problem;
use mickai_proof::verify::Verifier;
use std::io::{self, Write};

/// Gives the exit code of the verdict.
pub fn run(flags: &Verify) -> Result<u8, Problem> {
    let mut verifier = Verifier::new(bring::policy(flags)?)?;
    input::in_pieces(&flags.file, |piece| {
        verifier.feed(piece);
        Ok(true)
    })?;
    let verdict = verifier.finish()?;
    let mut out = io::stdout().lock();
    let written = if flags.json { writeln!(out, "{}", verdict.to_json()) } else { write!(out, "{verdict}") };
    written.map_err(Problem::Output)?;
    Ok(verdict.word.exit_code())
}
