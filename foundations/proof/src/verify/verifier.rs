//! The verifier: takes a bundle's bytes as they come, and answers once.

use super::judge::Judge;
use super::{Engine, Misuse, Policy, Verdict};
use crate::bundle::Parser;

/// Takes a bundle in pieces of any size and answers once. Memory: one chunk's digests and commitments, the open intents, the tree's frontier.
///
/// A clone goes on from here by itself: the same beginning can be followed by several ends.
#[derive(Clone)]
pub struct Verifier {
    parser: Parser,
    judge: Judge,
}

impl Verifier {
    /// A verifier for one bundle, which asks the library about each signature.
    ///
    /// # Errors
    /// [`Misuse`] when the policy contradicts itself.
    pub fn new(policy: Policy) -> Result<Self, Misuse> {
        Self::with_engine(policy, Engine::library())
    }

    /// The same with a faster way to verify signatures.
    ///
    /// # Errors
    /// As [`Verifier::new`].
    pub fn with_engine(policy: Policy, engine: Engine) -> Result<Self, Misuse> {
        policy.check()?;
        Ok(Self { parser: Parser::default(), judge: Judge::new(policy, engine) })
    }

    /// How often the library overruled the lanes so far: anything but zero is a fault of one of them, and worth reporting. [`Verifier::finish_counted`] says how often in all.
    pub fn disagreements(&self) -> u64 {
        self.judge.disagreements()
    }

    /// Is the verdict fixed? Then what follows in the file changes nothing, and nobody need read it.
    pub fn is_done(&self) -> bool {
        self.judge.is_done()
    }

    /// Takes the next bytes of the file. After a failure they are passed over.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.judge.is_done() {
            return;
        }
        self.parser.feed(bytes);
        while !self.judge.is_done() {
            match self.parser.next_event() {
                Ok(Some(event)) => self.judge.event(event),
                Ok(None) => return,
                Err(error) => self.judge.broken(error),
            }
        }
    }

    /// The file has ended.
    ///
    /// # Errors
    /// [`Misuse`] when the reference turns out not to be signed by the key that the bundle brings.
    pub fn finish(self) -> Result<Verdict, Misuse> {
        self.finish_counted().map(|(verdict, _)| verdict)
    }

    /// The same with [`Verifier::disagreements`] in all: of a file that breaks off, the signatures of the last chunk are verified here.
    ///
    /// # Errors
    /// As [`Verifier::finish`].
    pub fn finish_counted(mut self) -> Result<(Verdict, u64), Misuse> {
        if !self.judge.is_done()
            && let Err(error) = self.parser.finish()
        {
            self.judge.broken(error);
        }
        let disagreements = self.judge.disagreements();
        Ok((self.judge.finish()?, disagreements))
    }
}

/// The verdict on a whole bundle in memory.
///
/// # Errors
/// [`Misuse`] when the policy itself cannot be used.
pub fn verify(bundle: &[u8], policy: Policy) -> Result<Verdict, Misuse> {
    let mut verifier = Verifier::new(policy)?;
    verifier.feed(bundle);
    verifier.finish()
}

#[cfg(test)]
mod tests;
