//! The verifier: reads events, keeps the lowest failure, and ends with a verdict.

use super::chain::{self, Chain, Pending};
use super::reference::{End, Located};
use super::signatures::{Due, Signatures};
use super::verdict::Scope;
use super::{Axes, Axis, AxisState, Failure, Misuse, Policy, Reason, Reference, Verdict};
use crate::bundle::{BundleError, Event, EventProof, Header, Parser};
use crate::commitment::Opening;
use crate::digest::{KeyId, RecordDigest, TreeHash};
use crate::history::{History, KeyEvent, Revocation, Weight};
use crate::key::PublicKey;
use crate::limits;
use crate::merkle::{self, Frontier};
use crate::record;
use alloc::collections::BTreeSet;
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
    keys: Vec<PublicKey>,
    /// Key events outside the range that are not yet judged, and those that are.
    events: Vec<EventProof>,
    located: Vec<Located>,
    /// What the events before the range tell, until the chain takes it over.
    history: History,
    left: Vec<TreeHash>,
    right: Vec<TreeHash>,
    chain: Option<Chain>,
    signatures: Option<Signatures>,
    /// The records of the chunk being read; the first has index `chunk_start`.
    chunk: Vec<Option<Pending>>,
    chunk_start: u64,
    /// Its signatures, until they are verified together.
    due: Vec<Due>,
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
            keys: Vec::new(),
            events: Vec::new(),
            located: Vec::new(),
            history: History::learned(),
            left: Vec::new(),
            right: Vec::new(),
            chain: None,
            signatures: None,
            chunk: Vec::new(),
            chunk_start: 0,
            due: Vec::new(),
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
        self.verify_due();
        self.is_stopped = true;
    }

    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Header(header) => self.header = Some(header),
            Event::Key(key) => self.keys.push(key),
            Event::KeyEvent(event) => self.events.push(event),
            Event::KeysEnd => self.keys_end(),
            Event::Left(nodes) => self.left = nodes,
            Event::Record(index, bytes) => self.record(index, bytes),
            Event::Signature(index, bytes) => self.signature(index, bytes),
            Event::Opening(opening) => self.opening(&opening),
            Event::ChunkEnd => self.chunk_end(),
            Event::Right(nodes) => self.right = nodes,
            Event::Checkpoint(note) => self.note = Some(note.to_vec()),
        }
    }

    fn key_ids(&self) -> Vec<KeyId> {
        self.keys.iter().map(PublicKey::id).collect()
    }

    fn keys_end(&mut self) {
        let Some(header) = self.header else { return };
        let ids = self.key_ids();
        if ids.iter().collect::<BTreeSet<_>>().len() < ids.len() {
            return self.broken(BundleError::Malformed(header.first));
        }
        self.signatures = Some(Signatures::new(header.log, self.policy.trusts(&ids), header.first));
        self.history = History::given(self.keys.clone());
        let mut history = core::mem::take(&mut self.history);
        self.judge_events(&mut history, header.first, false);
        self.history = history;
    }

    /// Judges the key events outside the range whose index is below `end`, in their order, up to the first that fails.
    fn judge_events(&mut self, history: &mut History, end: u64, is_closed: bool) {
        let count = self.events.partition_point(|event| event.index < end);
        let due: Vec<_> = self.events.drain(..count).collect();
        for event in due {
            let Some(leaf) = self.judge_event(history, &event, is_closed) else {
                self.is_stopped = true;
                return;
            };
            self.located.push(Located { index: event.index, leaf, path: event.path });
        }
    }

    /// Steps 3 to 5, 7, 11 to 14 and 16 of a key event outside the range; gives its leaf if it passes.
    fn judge_event(&mut self, history: &mut History, event: &EventProof, is_closed: bool) -> Option<TreeHash> {
        let (Some(header), Some(signatures)) = (self.header, &self.signatures) else { return None };
        let failure = &mut self.failure;
        let fail = &mut |reason| Self::fail(failure, event.index, reason);
        let record = record::decode(&event.record).map_err(|error| fail(chain::unreadable(error))).ok()?;
        chain::place(header.log, &record, event.index, &event.record, fail);
        if is_closed {
            fail(Reason::AfterTerminal);
        }
        if !KeyEvent::is_told_by(record.kind) {
            fail(Reason::KeyHistory);
        }
        let signer = chain::tell(history, header.log, &record, event.index, &self.policy, fail);
        let digest = RecordDigest::of(&event.record);
        let pending = Pending { digest, mode: record.mode, key_id: record.key_id, signer, sealed_signatures: None, commitments: Vec::new() };
        let due = signatures.check_form(event.index, &pending, &event.signature, fail);
        if due.is_some_and(|due| !due.verifies()) {
            fail(Reason::Signature);
        }
        self.failure.is_none().then(|| merkle::leaf(&event.record))
    }

    fn record(&mut self, index: u64, bytes: &[u8]) {
        let Some(header) = self.header else { return };
        if self.chain.is_none() {
            // The parser checked that left has one node for each one-bit of first.
            let Some(left) = Frontier::from_nodes(header.first, core::mem::take(&mut self.left)) else { return };
            self.chain = Some(Chain::new(header, left, core::mem::take(&mut self.history), &self.policy));
            self.chunk_start = index;
        }
        if index == self.chunk_start + self.chunk.len() as u64 && self.chunk.len() as u64 == limits::CHUNK_RECORDS {
            self.chunk.clear();
            self.chunk_start = index;
        }
        let Some(chain) = &mut self.chain else { return };
        let failure = &mut self.failure;
        let pending = chain.record(index, bytes, &self.policy, &mut |reason| Self::fail(failure, index, reason));
        self.chunk.push(pending);
    }

    fn pending(&self, index: u64) -> Option<&Pending> {
        let offset = usize::try_from(index.checked_sub(self.chunk_start)?).ok()?;
        self.chunk.get(offset)?.as_ref()
    }

    /// A signature after the index of a failure cannot lower it, and is not looked at. One at that index can: step 16 is found with its record, and a signature fails earlier.
    fn signature(&mut self, index: u64, bytes: &[u8]) {
        if self.failure.is_some_and(|failure| failure.index < index) {
            return;
        }
        let Some(mut signatures) = self.signatures.take() else { return };
        let mut failure = self.failure;
        if let Some(pending) = self.pending(index) {
            let due = signatures.check(index, pending, bytes, &mut |reason| Self::fail(&mut failure, index, reason));
            self.due.extend(due);
        }
        self.failure = failure;
        self.signatures = Some(signatures);
    }

    /// Step 14 of the records of a chunk that lie no higher than what failed already.
    fn verify_due(&mut self) {
        for due in core::mem::take(&mut self.due) {
            let is_above = self.failure.is_some_and(|failure| failure.index < due.index);
            if !is_above && !due.verifies() {
                Self::fail(&mut self.failure, due.index, Reason::Signature);
            }
        }
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

    fn chunk_end(&mut self) {
        self.verify_due();
        self.is_stopped = self.failure.is_some();
        let is_last = self.chain.as_ref().map(|chain| chain.frontier().size()) == self.header.map(|header| header.end());
        if is_last
            && !self.is_stopped
            && let Some(mut chain) = self.chain.take()
        {
            let is_closed = chain.is_closed();
            self.judge_events(chain.history_mut(), u64::MAX, is_closed);
            let is_idle = !self.located.is_empty() && !chain.history().has_changed();
            if !self.is_stopped && (chain.history().is_unfinished() || is_idle) {
                Self::fail(&mut self.failure, chain.frontier().size(), Reason::KeyHistory);
                self.is_stopped = true;
            }
            self.chain = Some(chain);
        }
    }

    /// Steps 17 to 20, then the verdict.
    fn finish(mut self) -> Result<Verdict, Misuse> {
        let mut axes = Axes::not_reached();
        let mut scope = self.scope();
        let mut is_too_old = false;
        if self.failure.is_none()
            && let (Some(header), Some(chain), Some(note)) = (self.header, &self.chain, &self.note)
            && let Some(key) = chain.history().in_force()
        {
            let end = End { header, chain, key, events: &self.located, right: &self.right, note, policy: &self.policy };
            match end.judge(&mut axes, &mut scope)? {
                Ok(()) => {
                    let is_whole = scope.checkpoint.is_some_and(|checkpoint| end.is_whole(&checkpoint));
                    self.passed(chain, is_whole, &mut axes, &mut scope);
                    let age_ms = self.policy.now_ms.unwrap_or(0).saturating_sub(chain.newest_ms());
                    is_too_old = self.policy.max_age_ms.is_some_and(|most| age_ms > most);
                }
                Err(reason) => self.failure = Some(Failure { index: header.end(), reason }),
            }
        }
        Ok(Verdict::new(self.failure, axes, scope, &self.policy, is_too_old))
    }

    /// The axes that have no step of their own at the end.
    fn passed(&self, chain: &Chain, is_whole: bool, axes: &mut Axes, scope: &mut Scope) {
        let is_trusted = !self.policy.keys.is_empty();
        let seen_by = |time_ms| self.policy.seen_by(time_ms, |size| is_whole || Some(size) == scope.checkpoint.map(|checkpoint| checkpoint.size));
        let (revoked, is_unproven) = self.revoked(chain, scope, &seen_by);
        let is_bounded = scope.last.is_some_and(|last| seen_by(u64::MAX) > last);
        scope.revoked = revoked;
        axes.set(Axis::Integrity, AxisState::Pass);
        axes.set(Axis::Authenticity, if is_trusted { AxisState::Pass } else { AxisState::Unchecked(Reason::SelfAssertedKey) });
        axes.set(
            Axis::KeyStatus,
            match () {
                () if !scope.revoked.is_empty() => AxisState::Fail(Reason::Revoked),
                () if !is_trusted => AxisState::Unchecked(Reason::SelfAssertedKey),
                () if is_unproven => AxisState::Unchecked(Reason::RevocationUnproven),
                () if !is_whole => AxisState::Unchecked(Reason::Partial),
                () => AxisState::Pass,
            },
        );
        axes.set(Axis::Time, if is_bounded { AxisState::Pass } else { AxisState::Unchecked(Reason::OperatorClaimed) });
        axes.set(Axis::Pairing, if scope.open_intent_count == 0 { AxisState::Pass } else { AxisState::Unchecked(Reason::OpenIntents) });
        axes.set(Axis::Disclosure, AxisState::Pass);
    }

    /// The indexes in scope whose signatures are worth nothing; and whether a statement was brought of which nobody can tell what it is worth.
    fn revoked(&self, chain: &Chain, scope: &Scope, seen_by: &dyn Fn(u64) -> u64) -> (Vec<(u64, u64)>, bool) {
        let history = chain.history();
        let mut revocations: Vec<Revocation> = history.revocations().to_vec();
        let mut is_unproven = false;
        for statement in self.policy.revocations.iter().filter(|statement| Some(statement.log) == scope.log) {
            match history.weigh(statement) {
                Weight::Counts => revocations.push(statement.revocation),
                Weight::Unproven => is_unproven = true,
                Weight::Nothing => {}
            }
        }
        let (Some(first), Some(last)) = (scope.first, scope.last) else { return (Vec::new(), is_unproven) };
        (history.revoked(&revocations, (first, last), seen_by), is_unproven)
    }

    fn scope(&self) -> Scope {
        let open = self.chain.as_ref().map(Chain::open_intents).unwrap_or_default();
        let (erased, erased_count) = self.chain.as_ref().map(Chain::erased).unwrap_or_default();
        let is_read = self.signatures.is_some();
        Scope {
            log: self.header.map(|header| header.log),
            keys: if is_read { self.key_ids() } else { Vec::new() },
            first: self.header.map(|header| header.first),
            last: self.header.map(|header| header.end() - 1),
            checkpoint: None,
            reference_size: self.policy.reference().map(Reference::size),
            opened: self.opened,
            open_intent_count: open.len() as u64,
            open_intents: open.into_iter().take(limits::OPEN_INTENTS_LISTED_MAX).collect(),
            revoked: Vec::new(),
            erased_count,
            erased: erased.to_vec(),
        }
    }
}
