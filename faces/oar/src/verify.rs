//! `oar verify`: streams a bundle through the verifier, or judges a fork proof, and prints the report.

use crate::bring;
use crate::flags::Verify;
use crate::hands;
use crate::input;
use crate::output::{printed, remark};
use crate::problem::Problem;
use mickai_proof::fork::{ForkReport, is_fork_proof};
use mickai_proof::key::PublicKey;
use mickai_proof::limits::FORK_BYTES_MAX;
use mickai_proof::verify::{Policy, TrustedKey, Verifier};
use std::fmt::Display;
use std::io::{self, Write};

/// What the file turned out to be, by its first bytes.
enum Reading {
    Bundle(Box<Verifier>),
    /// Its bytes as far as a fork proof may be long, and the keys to judge it under.
    Fork(Vec<u8>, Vec<PublicKey>),
}

impl Reading {
    /// Takes the next piece; false where nothing that follows in the file changes what is said of it.
    fn take(&mut self, piece: &[u8]) -> bool {
        match self {
            Self::Bundle(verifier) => {
                verifier.feed(piece);
                !verifier.is_done()
            }
            Self::Fork(bytes, _) => {
                bytes.extend(piece.iter().take((FORK_BYTES_MAX + 1).saturating_sub(bytes.len())));
                bytes.len() <= FORK_BYTES_MAX
            }
        }
    }
}

/// Gives the exit code of the verdict.
pub fn run(flags: &Verify) -> Result<u8, Problem> {
    let policy = bring::policy(flags)?;
    let mut reading = None;
    input::in_pieces(&flags.file, |piece| {
        if reading.is_none() {
            reading = Some(begin(piece, &policy)?);
        }
        Ok(reading.as_mut().is_none_or(|reading| reading.take(piece)))
    })?;
    match reading {
        Some(Reading::Fork(bytes, keys)) => {
            let report = ForkReport::of(&bytes, &keys)?;
            print(flags, &report, &report.to_json())?;
            Ok(report.word().exit_code())
        }
        reading => {
            let verifier = match reading {
                Some(Reading::Bundle(verifier)) => *verifier,
                _ => Verifier::new(policy)?,
            };
            let (verdict, disagreements) = verifier.finish_counted()?;
            if disagreements > 0 {
                remark(format_args!(
                    "two ways to verify a signature disagreed {disagreements} times, and the library's word was taken: this is a fault of oar or of the library, please report it"
                ));
            }
            print(flags, &verdict, &verdict.to_json())?;
            Ok(verdict.word.exit_code())
        }
    }
}

fn begin(piece: &[u8], policy: &Policy) -> Result<Reading, Problem> {
    if !is_fork_proof(piece) {
        return Ok(Reading::Bundle(Box::new(Verifier::with_engine(policy.clone(), hands::engine())?)));
    }
    let key = |trusted: &TrustedKey| if let TrustedKey::Key(key) = trusted { Some(key.clone()) } else { None };
    Ok(Reading::Fork(Vec::new(), policy.keys.iter().filter_map(key).collect()))
}

fn print(flags: &Verify, report: &dyn Display, json: &str) -> Result<(), Problem> {
    let mut out = io::stdout().lock();
    printed(if flags.json { writeln!(out, "{json}") } else { write!(out, "{report}") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::path::Path;

    /// Where nobody should come.
    struct Beyond;

    impl Read for Beyond {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("it was read on"))
        }
    }

    #[test]
    fn nothing_is_read_behind_what_decides() {
        // No bundle; and what begins as a fork proof and is larger than one may be.
        for begin_bytes in [&b""[..], b"\x86\x68oar-fork"] {
            let mut source = begin_bytes.chain(io::repeat(0).take((1 << 16) - begin_bytes.len() as u64)).chain(Beyond);
            let mut reading = None;
            input::of(&mut source, Path::new("case"), |piece| {
                let begun = reading.get_or_insert(begin(piece, &Policy::default())?);
                Ok(begun.take(piece))
            })
            .unwrap();
            assert_eq!(matches!(&reading, Some(Reading::Fork(bytes, _)) if bytes.len() == FORK_BYTES_MAX + 1), !begin_bytes.is_empty());
        }
    }
}
