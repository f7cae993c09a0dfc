//! Steps 17 to 20: the bundle's own checkpoint, then the tree heads that the verifier kept.

use super::chain::Chain;
use super::verdict::Scope;
use super::{Axes, Axis, AxisState, Misuse, Policy, Reason, Reference, TrustedKey};
use crate::bundle::Header;
use crate::checkpoint::{Checkpoint, CheckpointError, Note};
use crate::digest::TreeHash;
use crate::key::PublicKey;
use crate::merkle;
use alloc::vec::Vec;

/// A key event outside the range, judged but for its place in the tree.
#[derive(Clone)]
pub(super) struct Located {
    pub index: u64,
    pub leaf: TreeHash,
    pub path: Vec<TreeHash>,
}

/// All that the last steps need.
pub(super) struct End<'a> {
    pub header: Header,
    pub chain: &'a Chain,
    /// The key in force after the last record of the log.
    pub key: &'a PublicKey,
    pub events: &'a [Located],
    pub right: &'a [TreeHash],
    pub note: &'a [u8],
    pub policy: &'a Policy,
    /// Why a settlement is wrong.
    pub unsettled: Option<Reason>,
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
        axes.set(Axis::Consistency, AxisState::Unchecked(Reason::CompletenessUnwitnessed));
        axes.set(Axis::Completeness, AxisState::Unchecked(if self.is_whole(&checkpoint) { Reason::CompletenessUnwitnessed } else { Reason::Partial }));
        let mut references: Vec<&Reference> = self.policy.references.iter().collect();
        references.sort_by_key(|reference| reference.size());
        references.iter().try_for_each(|reference| self.check_signed(reference))?;
        if let Some(reason) = self.unsettled {
            return Ok(Err(reason));
        }
        self.policy.check_upto()?;
        Ok(references.into_iter().try_for_each(|reference| self.compare(reference, &checkpoint, axes, scope)))
    }

    /// A note is signed by a key that the policy brings, which was looked at before, or by one of the log's. Another log's note contradicts this one only where a key of this log signed it.
    fn check_signed(&self, reference: &Reference) -> Result<(), Misuse> {
        let is_of_another = reference.is_of_another(self.header.log);
        let brought = self.policy.keys.iter().filter_map(TrustedKey::key).filter(|_| !is_of_another);
        let is_signed = reference.is_signed_by_one_of(brought).or_else(|| reference.is_signed_by_one_of(self.chain.history().keys()));
        if is_signed == Some(true) { Ok(()) } else { Err(Misuse::Reference) }
    }

    /// Steps 17 to 19.
    fn checkpoint(&self) -> Result<Checkpoint, Reason> {
        let note = Note::parse(self.note).map_err(reason)?;
        note.check_names(self.key, self.header.log).map_err(reason)?;
        let Checkpoint { size, root, .. } = note.checkpoint;
        if self.chain.frontier().root_with(size, self.right) != Some(root) {
            return Err(Reason::Root);
        }
        if self.events.iter().any(|event| merkle::root_from_path(event.index, size, event.leaf, &event.path) != Some(root)) {
            return Err(Reason::EventPath);
        }
        if note.is_signed_by(self.key) { Ok(note.checkpoint) } else { Err(Reason::CheckpointSignature) }
    }

    /// Are these all records that the checkpoint covers? Step 18 found it to cover those of the bundle; where there are as many, the first of them is 0.
    pub fn is_whole(&self, checkpoint: &Checkpoint) -> bool {
        self.header.count == checkpoint.size
    }

    /// Step 20. The references come by ascending size: what the last one says of the axes stands.
    fn compare(&self, reference: &Reference, checkpoint: &Checkpoint, axes: &mut Axes, scope: &mut Scope) -> Result<(), Reason> {
        if reference.is_of_another(self.header.log) {
            return Err(Reason::Fork);
        }
        let (have, kept) = (checkpoint.size, reference.size());
        scope.reference_size = Some(kept);
        if have < kept {
            return Err(Reason::Truncated);
        }
        let is_whole = self.is_whole(checkpoint);
        let root = match (have == kept, is_whole) {
            (true, _) => Some(checkpoint.root),
            (false, true) => self.chain.watched_root(kept),
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
