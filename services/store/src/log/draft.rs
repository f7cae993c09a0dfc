//! A record before the writer has given it a place: what is said, without index, chain, clocks and key.

use mickai_proof::digest::{Commitment, Id, RecordDigest};
use mickai_proof::record::{ActorClass, Fact, Kind, Mode, OutcomeCode};

/// What a caller wants recorded. The writer sorts facts, commitments and causes as spec/record.md asks; a name used twice is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// What sort of fact.
    pub kind: Kind,
    /// Who acted.
    pub actor: (ActorClass, Id),
    /// Under which policy, and its version.
    pub authority: (Id, u64),
    /// The act's name, 1 to 64 bytes.
    pub action: String,
    /// Earlier records that led to this one.
    pub causes: Vec<(u64, RecordDigest)>,
    /// Small public values.
    pub facts: Vec<(String, Fact<'static>)>,
    /// Commitments to values that the caller keeps; the writer adds those of the openings it is given.
    pub commitments: Vec<(String, Commitment)>,
    /// In outcomes: the intent, and how it ended. Only [`super::LogWriter::close`] and recovery say so.
    pub(crate) closes: Option<(RecordDigest, OutcomeCode)>,
    /// How it is signed.
    pub mode: Mode,
}

impl Draft {
    /// A draft signed for itself, with nothing in it yet.
    pub fn new(kind: Kind, actor: (ActorClass, Id), authority: (Id, u64), action: &str) -> Self {
        Self { kind, actor, authority, action: action.to_owned(), causes: Vec::new(), facts: Vec::new(), commitments: Vec::new(), closes: None, mode: Mode::Each }
    }

    /// With one more fact.
    #[must_use]
    pub fn fact(mut self, name: &str, fact: Fact<'static>) -> Self {
        self.facts.push((name.to_owned(), fact));
        self
    }

    /// With one more cause.
    #[must_use]
    pub fn cause(mut self, index: u64, digest: RecordDigest) -> Self {
        self.causes.push((index, digest));
        self
    }
}
