//! The verifier: reads events, keeps the lowest failure, and ends with a verdict.

use super::chain::{Chain, Pending};
use super::reference;
use super::signatures::Signatures;
use super::verdict::Scope;
use super::{Axes, Axis, AxisState, Failure, Misuse, Policy, Reason, Verdict};
use crate::bundle::{BundleError, Event, Header, Parser};
use crate::commitment::Opening;
use crate::digest::TreeHash;
use crate::merkle::Frontier;
use alloc::vec::Vec;

/// Takes a bundle in pieces of any size and answers once. Memory: one chunk's digests and commitments, the open intents, the tree's frontier.
pub struct Verifier {
    parser: Parser,
    judge: Judge,
}

impl Verifier {
    /// A verifier for one bundle.
    ///
    /// # Errors
    /// [`Misuse`] when the policy contradicts itself.
    pub fn new(policy: Policy) -> Result<Self, Misuse> {
        policy.check()?;
        Ok(Self { parser: Parser::default(), judge: Judge::new(policy) })
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
    pub fn finish(mut self) -> Result<Verdict, Misuse> {
        if !self.judge.is_done()
            && let Err(error) = self.parser.finish()
        {
            self.judge.broken(error);
        }
        self.judge.finish()
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

/// Everything between the events and the verdict.
struct Judge {
    policy: Policy,
    header: Option<Header>,
    left: Vec<TreeHash>,
    right: Vec<TreeHash>,
    chain: Option<Chain>,
    signatures: Option<Signatures>,
    /// The records of the chunk being read; the first has index `chunk_start`.
    chunk: Vec<Option<Pending>>,
    chunk_start: u64,
    opened: u64,
    note: Option<Vec<u8>>,
    failure: Option<Failure>,
    /// No event can change the verdict any more.
    is_stopped: bool,
}

impl Judge {
    fn new(policy: Policy) -> Self {
        Self {
            policy,
            header: None,
            left: Vec::new(),
            right: Vec::new(),
            chain: None,
            signatures: None,
            chunk: Vec::new(),
            chunk_start: 0,
            opened: 0,
            note: None,
            failure: None,
            is_stopped: false,
        }
    }

    fn is_done(&self) -> bool {
        self.is_stopped
    }

    /// Keeps the failure with the lowest index, then the lowest step.
    fn fail(failure: &mut Option<Failure>, index: u64, reason: Reason) {
        let found = Failure { index, reason };
        if failure.is_none_or(|known| found < known) {
            *failure = Some(found);
        }
    }

    fn broken(&mut self, error: BundleError) {
        let (index, reason) = match error {
            BundleError::NotABundle => (0, Reason::NotABundle),
            BundleError::UnsupportedVersion => (0, Reason::UnsupportedVersion),
            BundleError::Malformed(index) => (index, Reason::MalformedBundle),
            BundleError::NoRecords => (0, Reason::NoRecords),
        };
        Self::fail(&mut self.failure, index, reason);
        self.is_stopped = true;
    }

    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Header(header) => self.header = Some(header),
            Event::Left(nodes) => self.left = nodes,
            Event::Key(key) => {
                let is_trusted = self.policy.key.as_ref().is_none_or(|trusted| trusted.id() == key.id());
                self.signatures = self.header.map(|header| Signatures::new(header.log, key, is_trusted, header.first));
            }
            Event::Record(index, bytes) => self.record(index, bytes),
            Event::Signature(index, bytes) => self.signature(index, bytes),
            Event::Opening(opening) => self.opening(&opening),
            Event::ChunkEnd => self.is_stopped = self.failure.is_some(),
            Event::Right(nodes) => self.right = nodes,
            Event::Checkpoint(note) => self.note = Some(note.to_vec()),
        }
    }

    fn record(&mut self, index: u64, bytes: &[u8]) {
        let (Some(header), Some(signatures)) = (self.header, &self.signatures) else { return };
        if self.chain.is_none() {
            // The parser checked that left has one node for each one-bit of first.
            let Some(left) = Frontier::from_nodes(header.first, core::mem::take(&mut self.left)) else { return };
            self.chain = Some(Chain::new(header, left, self.policy.reference.as_ref().map(|reference| reference.size())));
            self.chunk_start = index;
        }
        if index == self.chunk_start + self.chunk.len() as u64 && self.chunk.len() as u64 == crate::limits::CHUNK_RECORDS {
            self.chunk.clear();
            self.chunk_start = index;
        }
        let Some(chain) = &mut self.chain else { return };
        let failure = &mut self.failure;
        let pending = chain.record(index, bytes, signatures.key(), &mut |reason| Self::fail(failure, index, reason));
        self.chunk.push(pending);
    }

    fn pending(&self, index: u64) -> Option<&Pending> {
        let offset = usize::try_from(index.checked_sub(self.chunk_start)?).ok()?;
        self.chunk.get(offset)?.as_ref()
    }

    /// A signature after the index of a failure cannot lower it, and is not looked at. One at that index can: `genesis-key`, found with its record, is step 16, and a signature fails earlier.
    fn signature(&mut self, index: u64, bytes: &[u8]) {
        if self.failure.is_some_and(|failure| failure.index < index) {
            return;
        }
        let Some(mut signatures) = self.signatures.take() else { return };
        let mut failure = self.failure;
        if let Some(pending) = self.pending(index) {
            signatures.check(pending, bytes, &mut |reason| Self::fail(&mut failure, index, reason));
        }
        self.failure = failure;
        self.signatures = Some(signatures);
    }

    fn opening(&mut self, opening: &Opening) {
        let commitments = self.pending(opening.index).map(|pending| pending.commitments.as_slice()).unwrap_or_default();
        let expected = commitments.iter().find(|(label, _)| *label == opening.label).map(|(_, commitment)| *commitment);
        if expected == Some(opening.commitment()) {
            self.opened += 1;
        } else {
            Self::fail(&mut self.failure, opening.index, Reason::Opening);
        }
    }

    /// Steps 17 to 20, then the verdict.
    fn finish(mut self) -> Result<Verdict, Misuse> {
        let mut axes = Axes::not_reached();
        let mut scope = self.scope();
        if self.failure.is_none()
            && let (Some(header), Some(chain), Some(signatures), Some(note)) = (self.header, &self.chain, &self.signatures, &self.note)
        {
            let end = reference::End { header, chain, key: signatures.key(), right: &self.right, note, policy: &self.policy };
            match end.judge(&mut axes, &mut scope)? {
                Ok(()) => self.passed(&mut axes, &scope),
                Err(reason) => self.failure = Some(Failure { index: header.end(), reason }),
            }
        }
        Ok(Verdict::new(self.failure, axes, scope, &self.policy))
    }

    /// The axes that have no step of their own at the end.
    fn passed(&self, axes: &mut Axes, scope: &Scope) {
        let unchecked_without_key = match self.policy.key {
            Some(_) => AxisState::Pass,
            None => AxisState::Unchecked(Reason::SelfAssertedKey),
        };
        axes.set(Axis::Integrity, AxisState::Pass);
        axes.set(Axis::Authenticity, unchecked_without_key);
        axes.set(Axis::KeyStatus, unchecked_without_key);
        axes.set(Axis::Time, AxisState::Unchecked(Reason::OperatorClaimed));
        axes.set(Axis::Pairing, if scope.open_intent_count == 0 { AxisState::Pass } else { AxisState::Unchecked(Reason::OpenIntents) });
        axes.set(Axis::Disclosure, AxisState::Pass);
    }

    fn scope(&self) -> Scope {
        let open = self.chain.as_ref().map(Chain::open_intents).unwrap_or_default();
        Scope {
            log: self.header.map(|header| header.log),
            key: self.signatures.as_ref().map(|signatures| signatures.key().id()),
            first: self.header.map(|header| header.first),
            last: self.header.map(|header| header.end() - 1),
            checkpoint: None,
            reference_size: self.policy.reference.as_ref().map(|reference| reference.size()),
            opened: self.opened,
            open_intent_count: open.len() as u64,
            open_intents: open.into_iter().take(crate::limits::OPEN_INTENTS_LISTED_MAX).collect(),
        }
    }
}
