//! What a fork proof comes down to, told to people and to programs in the members of spec/verdict.md "Report".

use super::proof::{ForkError, ForkProof};
use crate::key::PublicKey;
use crate::verify::{Axis, Misuse, Word};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// The answer on one file.
#[derive(Clone)]
pub struct ForkReport {
    proven: Option<ForkProof>,
    error: Option<ForkError>,
}

impl ForkReport {
    /// Judges a file under keys that the caller trusts: a fork proof carries none, so that without any nothing is looked at.
    ///
    /// # Errors
    /// [`Misuse::Key`] without a key.
    pub fn of(bytes: &[u8], trusted: &[PublicKey]) -> Result<Self, Misuse> {
        if trusted.is_empty() {
            return Err(Misuse::Key);
        }
        Ok(match ForkProof::parse(bytes).and_then(|proof| proof.check(trusted).map(|()| proof)) {
            Ok(proof) => Self { proven: Some(proof), error: None },
            Err(error) => Self { proven: None, error: Some(error) },
        })
    }

    /// INVALID whether a fork is proven or not, or no verdict.
    pub fn word(&self) -> Word {
        if self.error == Some(ForkError::NotAForkProof) { Word::Unreadable } else { Word::Invalid }
    }

    /// The stable reason code; `fork` where one is proven.
    pub fn reason(&self) -> &'static str {
        self.error.map_or("fork", ForkError::code)
    }

    fn text(&self) -> String {
        match (&self.proven, self.error) {
            (Some(proof), _) => {
                let (a, b) = (proof.a.checkpoint, proof.b.checkpoint);
                let log = a.log.to_string();
                let (head, tail) = (log.get(..4).unwrap_or_default(), log.get(62..).unwrap_or_default());
                format!("log {head}\u{2026}{tail} has two checkpoints, of size {} and of size {}, that cannot both be true", a.size, b.size)
            }
            (None, error) => format!("nothing is proven: {}, step {}", self.reason(), error.map_or(0, ForkError::step)),
        }
    }

    fn axis(&self, axis: Axis) -> (&'static str, &'static str) {
        if self.proven.is_some() && axis == Axis::Consistency { ("fail", "fork") } else { ("unchecked", "not-reached") }
    }

    /// The report as one line of JSON.
    pub fn to_json(&self) -> String {
        let verdict = if self.word() == Word::Unreadable { "null" } else { "\"INVALID\"" };
        let step = self.error.map_or_else(|| "null".to_string(), |error| error.step().to_string());
        let log = self.proven.as_ref().map_or_else(|| "null".to_string(), |proof| format!("\"{}\"", proof.a.checkpoint.log));
        let axis = |axis: Axis| {
            let (state, reason) = self.axis(axis);
            format!(r#""{}":{{"state":"{state}","reason":"{reason}"}}"#, axis.name())
        };
        let axes: Vec<String> = Axis::ALL.into_iter().map(axis).collect();
        format!(
            r#"{{"verdict":{verdict},"exit":{},"reason":"{}","index":null,"step":{step},"axes":{{{}}},"scope":{{"log":{log},"key":null,"keys":[],"first":null,"last":null,"size":null,"root":null,"opened":0,"open_intents":[],"revoked":[],"erased":[],"settlements":[],"text":"{}"}}}}"#,
            self.word().exit_code(),
            self.reason(),
            axes.join(","),
            self.text(),
        )
    }
}

impl fmt::Display for ForkReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}", self.word().name(), self.reason())?;
        for axis in Axis::ALL {
            let (state, reason) = self.axis(axis);
            writeln!(f, "  {:<13} {state:<10} {reason}", axis.name())?;
        }
        writeln!(f, "{}", self.text())
    }
}
