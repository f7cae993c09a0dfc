//! How a bundle vector is declared: its policy, and the answer written out by hand.

use crate::Files;
use crate::common::vector::{BundleVector, Expect, Kept, PolicyText};
use crate::common::{Log, Parts, Signer};
use base64ct::{Base64, Encoding};
use mickai_proof::verify::Axis;

/// A bundle with what is asked of it.
pub struct Case<'a> {
    pub name: &'a str,
    pub why: &'a str,
    pub bundle: Vec<u8>,
    pub policy: PolicyText,
}

impl<'a> Case<'a> {
    pub fn new(name: &'a str, why: &'a str, bundle: Vec<u8>, policy: PolicyText) -> Self {
        Self { name, why, bundle, policy }
    }

    /// VERIFIED. All axes pass, time alone is unchecked, but for those in `unchecked`.
    pub fn verified(self, files: &mut Files, unchecked: &[Axis]) {
        self.write(files, Expect { verdict: Some("VERIFIED".to_owned()), exit: 0, reason: None, index: None, step: None, axes: passing(unchecked), text: None });
    }

    /// STALE, with the reason that the spec's order of axes gives.
    pub fn stale(self, files: &mut Files, reason: &str, unchecked: &[Axis]) {
        self.write(files, Expect { verdict: Some("STALE".to_owned()), exit: 2, reason: Some(reason.to_owned()), index: None, step: None, axes: passing(unchecked), text: None });
    }

    /// REVOKED: the status of a key fails, whatever is required.
    pub fn revoked(self, files: &mut Files, unchecked: &[Axis]) {
        let mut axes = passing(unchecked);
        axes.insert(Axis::KeyStatus.name().to_owned(), "fail".to_owned());
        self.write(files, Expect { verdict: Some("REVOKED".to_owned()), exit: 3, reason: Some("revoked".to_owned()), index: None, step: None, axes, text: None });
    }

    /// VERIFIED, also in time.
    pub fn timed(self, files: &mut Files, unchecked: &[Axis]) {
        let mut axes = passing(unchecked);
        axes.insert(Axis::Time.name().to_owned(), "pass".to_owned());
        self.write(files, Expect { verdict: Some("VERIFIED".to_owned()), exit: 0, reason: None, index: None, step: None, axes, text: None });
    }

    /// INVALID: `axis` fails in `step` at `index`, nothing else is reached.
    pub fn invalid(self, files: &mut Files, reason: &str, index: u64, step: u8, axis: Axis) {
        let mut axes = passing(&Axis::ALL);
        axes.insert(axis.name().to_owned(), "fail".to_owned());
        self.write(files, Expect { verdict: Some("INVALID".to_owned()), exit: 1, reason: Some(reason.to_owned()), index: Some(index), step: Some(step), axes, text: None });
    }

    /// Exit 4: no verdict.
    pub fn unreadable(self, files: &mut Files, reason: &str, index: Option<u64>, step: u8) {
        self.write(files, Expect { verdict: None, exit: 4, reason: Some(reason.to_owned()), index, step: Some(step), axes: passing(&Axis::ALL), text: None });
    }

    /// Exit 64: the policy cannot be used.
    pub fn misuse(self, files: &mut Files, reason: &str) {
        let axes = Default::default();
        self.write(files, Expect { verdict: None, exit: 64, reason: Some(reason.to_owned()), index: None, step: None, axes, text: None });
    }

    fn write(self, files: &mut Files, expect: Expect) {
        let answer = self.policy.judge(&self.bundle, usize::MAX);
        // The sentence alone is not declared here: the other verifier has to say the same, and the table in spec/verdict.md "Report" fixes its forms.
        let expect = Expect { text: answer.text.clone(), ..expect };
        if !files.agrees(self.name, &answer, &expect) {
            return;
        }
        let is_accepted = matches!(expect.exit, 0 | 2);
        let vector = BundleVector { name: self.name.to_owned(), why: self.why.to_owned(), bundle: Base64::encode_string(&self.bundle), policy: self.policy, expect };
        files.vector("bundle", is_accepted, self.name, &vector);
    }
}

fn passing(unchecked: &[Axis]) -> std::collections::BTreeMap<String, String> {
    let state = |axis| if axis == Axis::Time || unchecked.contains(&axis) { "unchecked" } else { "pass" };
    Axis::ALL.into_iter().map(|axis| (axis.name().to_owned(), state(axis).to_owned())).collect()
}

/// A policy that trusts this key, by its id.
pub fn trust(signer: &Signer) -> PolicyText {
    PolicyText { keys: vec![signer.id().to_string()], ..PolicyText::default() }
}

impl PolicyText {
    /// The key itself in place of its id.
    pub fn by_pem(self, signer: &Signer) -> Self {
        Self { keys: vec![signer.key.to_pem()], ..self }
    }

    /// Another reference.
    pub fn kept(mut self, kept: Kept) -> Self {
        self.references.push(kept);
        self
    }

    pub fn referring(self, checkpoint: String) -> Self {
        self.kept(Kept { checkpoint, ..Kept::default() })
    }

    /// With the first `size` records of `log` as reference, in a note.
    pub fn pinned(self, log: &Log, size: usize) -> Self {
        self.referring(log.note(size))
    }

    /// The same as SIZE:ROOT.
    pub fn pinned_head(self, log: &Log, size: usize) -> Self {
        self.referring(format!("{size}:{}", log.root(size)))
    }

    pub fn requiring(self, axes: &[Axis]) -> Self {
        Self { require: Some(axes.iter().map(|axis| axis.name().to_owned()).collect()), ..self }
    }

    pub fn upto(self, size: u64) -> Self {
        Self { upto: Some(size), ..self }
    }
}

/// Genesis, intent, outcome.
pub fn three() -> Log {
    crate::record::log()
}

/// Genesis alone: the smallest whole bundle.
pub fn one() -> Log {
    Log::new(&Signer::from_seed(1))
}

/// Genesis and two sealed records: three records of which one is signed.
pub fn beats() -> Log {
    let mut log = one();
    log.heartbeats(2);
    log
}

/// Two sealed records of a longer log: the smallest partial bundle, without any signature.
pub fn small() -> (Log, Parts) {
    let mut log = one();
    log.heartbeats(6);
    let parts = log.range(3..5);
    (log, parts)
}

/// What a partial bundle can show.
pub const INCLUSION: [Axis; 3] = [Axis::Integrity, Axis::Authenticity, Axis::Inclusion];
