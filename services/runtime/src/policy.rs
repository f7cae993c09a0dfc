//! The policy under which acts happen: one, built in. Its text is what is asked and what is digested, so the two cannot differ.

use mickai_proof::digest::Id;
use mickai_proof::record::ActorClass;
use std::fmt;

/// Who may do what: `class: actions`. The digest of this text stands in every record as the authority.
const POLICY: &str = "mickai-policy-5
operator: adapter.import adapter.pin adapter.rm adapter.unpin erase key.backup key.protect key.recovery.export key.recovery.import key.revoke key.rotate key.unprotect log.export model.import model.pin model.rm model.unpin retention.run retention.set settle settle.set
brain: embed generate
system: model.repack replay retention.run settle
an act that a request led to and that changes something is confirmed by the operator first
key.rotate and key.revoke need the committed keys too
everything else is refused
";
const VERSION: u64 = 5;

/// Why policy refused an act: the `reason` of a deny record (spec/record.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Whoever acts may not do this.
    Actor,
    /// A request led to it, and the operator has not said yes.
    Unconfirmed,
}

impl Refusal {
    /// The word on record.
    pub fn code(self) -> &'static str {
        match self {
            Self::Actor => "actor",
            Self::Unconfirmed => "unconfirmed",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Actor => "the policy does not let whoever acts do this",
            Self::Unconfirmed => "it changes something and nobody has said yes",
        })
    }
}

/// Digest and version of the policy in force.
pub(crate) fn authority() -> (Id, u64) {
    (Id::of_policy(POLICY.as_bytes()), VERSION)
}

/// May they do that?
pub(crate) fn check(class: ActorClass, action: &str) -> Result<(), Refusal> {
    let mut rules = POLICY.lines().filter_map(|line| line.split_once(": ")).filter(|(name, _)| *name == class.name());
    if rules.any(|(_, actions)| actions.split(' ').any(|known| known == action)) { Ok(()) } else { Err(Refusal::Actor) }
}
