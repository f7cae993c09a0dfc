//! Steps 17 to 20: the bundle's own checkpoint, then the tree head that the verifier kept.

use super::chain::Chain;
use super::verdict::Scope;
use super::{Axes, Axis, AxisState, Misuse, Policy, Reason, Reference};
use crate::bundle::Header;
use crate::checkpoint::{Checkpoint, CheckpointError, Note};
use crate::digest::TreeHash;
use crate::key::PublicKey;

/// All that the last steps need.
pub(super) struct End<'a> {
    pub header: Header,
    pub chain: &'a Chain,
    pub key: &'a PublicKey,
    pub right: &'a [TreeHash],
    pub note: &'a [u8],
    pub policy: &'a Policy,
}

impl End<'_> {
    /// The outer error is the caller's misuse, the inner one a failed step.
    pub fn judge(&self, axes: &mut Axes, scope: &mut Scope) -> Result<Result<(), Reason>, Misuse> {
        let checkpoint = match self.checkpoint() {
            Ok(checkpoint) => checkpoint,
            Err(reason) => return Ok(Err(reason)),
        };
        axes.set(Axis::Inclusion, AxisState::Pass);
        scope.checkpoint = Some(checkpoint);
        let Some(reference) = &self.policy.reference else {
            axes.set(Axis::Consistency, AxisState::Unchecked(Reason::CompletenessUnwitnessed));
            axes.set(Axis::Completeness, AxisState::Unchecked(if self.is_whole(&checkpoint) { Reason::CompletenessUnwitnessed } else { Reason::Partial }));
            return Ok(Ok(()));
        };
        reference.check_signed_by(self.key)?;
        Ok(self.compare(reference, &checkpoint, axes, scope))
    }

    /// Steps 17 to 19.
    fn checkpoint(&self) -> Result<Checkpoint, Reason> {
        let note = Note::parse(self.note).map_err(reason)?;
        note.check_names(self.key, self.header.log).map_err(reason)?;
        let Checkpoint { size, root, .. } = note.checkpoint;
        if self.chain.frontier().root_with(size, self.right) != Some(root) {
            return Err(Reason::Root);
        }
        if note.is_signed_by(self.key) { Ok(note.checkpoint) } else { Err(Reason::CheckpointSignature) }
    }

    fn is_whole(&self, checkpoint: &Checkpoint) -> bool {
        self.header.first == 0 && self.header.count == checkpoint.size
    }

    /// Step 20.
    fn compare(&self, reference: &Reference, checkpoint: &Checkpoint, axes: &mut Axes, scope: &mut Scope) -> Result<(), Reason> {
        if let Reference::Note(note) = reference
            && note.checkpoint.log != self.header.log
        {
            return Err(Reason::Fork);
        }
        let (have, kept) = (checkpoint.size, reference.size());
        if have < kept {
            return Err(Reason::Truncated);
        }
        let is_whole = self.is_whole(checkpoint);
        let root = match (have == kept, is_whole) {
            (true, _) => Some(checkpoint.root),
            (false, true) => self.chain.watched_root(),
            (false, false) => None,
        };
        match root {
            Some(root) if root != reference.root() => return Err(Reason::Fork),
            Some(_) => axes.set(Axis::Consistency, AxisState::Pass),
            None => axes.set(Axis::Consistency, AxisState::Unchecked(Reason::Partial)),
        }
        let is_asked_for = have == kept || self.policy.upto == Some(kept);
        axes.set(
            Axis::Completeness,
            match (is_whole, is_asked_for) {
                (false, _) => AxisState::Unchecked(Reason::Partial),
                (true, false) => AxisState::Unchecked(Reason::AfterReference),
                (true, true) => AxisState::Pass,
            },
        );
        if is_whole {
            scope.last = Some(kept - 1);
        }
        Ok(())
    }
}

fn reason(error: CheckpointError) -> Reason {
    match error {
        CheckpointError::Malformed => Reason::MalformedCheckpoint,
        CheckpointError::Origin => Reason::CheckpointOrigin,
        CheckpointError::Key => Reason::CheckpointKey,
        CheckpointError::Signature => Reason::CheckpointSignature,
    }
}
