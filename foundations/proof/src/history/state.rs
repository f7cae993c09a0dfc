//! The keys of a log in the order in which they came into force, as its key events tell (spec/keys.md, spec/verdict.md steps 13 and 16).

use super::event::{Committed, KeyEvent, Revocation, Succession, rotation_message};
use super::statement::Statement;
use crate::digest::{KeyId, LogId, RecordDigest};
use crate::key::PublicKey;
use crate::limits;
use crate::record::{Fact, Kind, Record};
use crate::signature;
use alloc::vec::Vec;

/// Why a key event cannot follow. The order is that in which they are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyFault {
    /// Its facts are not of the form, or not about keys that this log has.
    Event,
    /// It is not among the events, or the keys, that were listed.
    History,
    /// The new key is not one that was committed.
    PreRotation,
    /// The new key did not sign.
    Proof,
}

/// One key that was in force, where genesis and every event were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reign {
    /// The key.
    pub key: PublicKey,
    /// The first index that it signs.
    pub from: u64,
    /// What may follow it.
    pub committed: Committed,
}

/// One key and the run of indexes that it signs.
#[derive(Clone)]
struct Known {
    id: KeyId,
    key: PublicKey,
    /// The first index that it signs.
    from: u64,
    /// What may follow it; unknown where genesis was not read.
    committed: Option<Committed>,
}

/// The keys in force so far. A writer learns them from its log; a verifier was given a list, which the events must use up.
#[derive(Clone, Default)]
pub struct History {
    reigns: Vec<Known>,
    /// Keys listed and not yet in force, the next one last; `None` where they are learned.
    coming: Option<Vec<PublicKey>>,
    revocations: Vec<Revocation>,
    /// Events followed so far.
    event_count: usize,
}

impl History {
    /// Learns the keys from the events, from genesis on.
    pub fn learned() -> Self {
        Self::default()
    }

    /// Holds the events to these keys, of which the first is in force at once.
    pub fn given(mut keys: Vec<PublicKey>) -> Self {
        keys.reverse();
        let first = keys.pop();
        let reigns = first.into_iter().map(|key| Known { id: key.id(), key, from: 0, committed: None }).collect();
        Self { reigns, coming: Some(keys), ..Self::default() }
    }

    /// Goes on from keys and revocations that were learned before.
    pub fn resumed(reigns: Vec<Reign>, revocations: Vec<Revocation>) -> Self {
        let event_count = reigns.len() + revocations.len();
        let reigns = reigns.into_iter().map(|Reign { key, from, committed }| Known { id: key.id(), key, from, committed: Some(committed) }).collect();
        Self { reigns, revocations, event_count, ..Self::default() }
    }

    /// The keys so far, for [`History::resumed`]; `None` where genesis was not read.
    pub fn reigns(&self) -> Option<Vec<Reign>> {
        self.reigns.iter().map(|known| Some(Reign { key: known.key.clone(), from: known.from, committed: known.committed? })).collect()
    }

    /// The key in force, once there is one.
    pub fn in_force(&self) -> Option<&PublicKey> {
        self.reigns.last().map(|reign| &reign.key)
    }

    /// Its id.
    pub fn in_force_id(&self) -> Option<KeyId> {
        self.reigns.last().map(|reign| reign.id)
    }

    /// What may follow it, where genesis was read.
    pub fn committed(&self) -> Option<Committed> {
        self.reigns.last().and_then(|reign| reign.committed)
    }

    /// Every key that was in force, in order.
    pub fn keys(&self) -> impl Iterator<Item = &PublicKey> {
        self.reigns.iter().map(|reign| &reign.key)
    }

    /// Every revocation that the log told.
    pub fn revocations(&self) -> &[Revocation] {
        &self.revocations
    }

    /// Does the log hold an event after genesis? The first is a rotation or a revocation of the only key, and each puts another key in force.
    pub fn has_changed(&self) -> bool {
        self.reigns.len() > 1
    }

    /// Are listed keys left that no event put in force?
    pub fn is_unfinished(&self) -> bool {
        self.coming.as_ref().is_some_and(|coming| !coming.is_empty())
    }

    /// The key that has to sign a record. A successor signs the revocation of the key before it.
    pub fn signer(&self, record: &Record<'_>) -> Option<PublicKey> {
        let revoked = record.fact("revoked").and_then(Fact::as_bytes).and_then(KeyId::from_slice).filter(|_| record.kind == Kind::Revoke);
        match self.reigns.last() {
            Some(reign) if revoked != Some(reign.id) => Some(reign.key.clone()),
            _ => match &self.coming {
                Some(coming) => coming.last().cloned(),
                None => record.fact("key").and_then(Fact::as_bytes).and_then(|der| PublicKey::from_spki(der).ok()),
            },
        }
    }

    /// Follows the event of the record at `index`, whose field 4 is `prev`.
    ///
    /// # Errors
    /// The first [`KeyFault`]; the history is then unchanged.
    pub fn apply(&mut self, log: LogId, index: u64, prev: Option<RecordDigest>, event: &KeyEvent) -> Result<(), KeyFault> {
        // No bundle holds a record of a higher index; a chain may be told of one, and after the highest of all there is none.
        if index > limits::INDEX_MAX || self.event_count >= limits::KEY_EVENTS_MAX {
            return Err(KeyFault::Event);
        }
        self.follow(log, index, prev, event)?;
        self.event_count += 1;
        Ok(())
    }

    fn follow(&mut self, log: LogId, index: u64, prev: Option<RecordDigest>, event: &KeyEvent) -> Result<(), KeyFault> {
        match event {
            KeyEvent::Genesis(to) => self.begin(index, to),
            KeyEvent::Rotate { to, proof } => {
                let committed = self.succeed(to)?;
                if to.key.id() != committed.next || to.committed.recovery != committed.recovery {
                    return Err(KeyFault::PreRotation);
                }
                let message = prev.map(|prev| rotation_message(log, index, prev, to));
                if !message.is_some_and(|message| signature::verify(&to.key, &message, proof)) {
                    return Err(KeyFault::Proof);
                }
                self.enthrone(to, index + 1);
                Ok(())
            }
            KeyEvent::Revoke { revocation, to } => self.revoke(index, revocation, to.as_ref()),
        }
    }

    fn begin(&mut self, index: u64, to: &Succession) -> Result<(), KeyFault> {
        match self.reigns.as_mut_slice() {
            [] => self.enthrone(to, index),
            [first] if first.key == to.key && first.committed.is_none() => first.committed = Some(to.committed),
            _ => return Err(KeyFault::Event),
        }
        Ok(())
    }

    /// Whether `to` may come next as far as lists go; gives what was committed.
    fn succeed(&self, to: &Succession) -> Result<Committed, KeyFault> {
        if self.coming.as_ref().is_some_and(|coming| coming.last() != Some(&to.key)) {
            return Err(KeyFault::History);
        }
        if self.reigns.iter().any(|reign| reign.key == to.key) {
            return Err(KeyFault::Event);
        }
        self.committed().ok_or(KeyFault::History)
    }

    fn enthrone(&mut self, to: &Succession, from: u64) {
        self.coming.as_mut().and_then(Vec::pop);
        self.reigns.push(Known { id: to.key.id(), key: to.key.clone(), from, committed: Some(to.committed) });
    }

    fn revoke(&mut self, index: u64, revocation: &Revocation, to: Option<&Succession>) -> Result<(), KeyFault> {
        let is_known = self.reigns.iter().any(|reign| reign.id == revocation.revoked);
        let is_in_force = self.in_force_id() == Some(revocation.revoked);
        if !is_known || revocation.effective > index || is_in_force != to.is_some() {
            return Err(KeyFault::Event);
        }
        if let Some(to) = to {
            let committed = self.succeed(to)?;
            if ![committed.next, committed.recovery].contains(&to.key.id()) {
                return Err(KeyFault::PreRotation);
            }
            self.enthrone(to, index);
        }
        self.revocations.push(*revocation);
        Ok(())
    }

    /// What a statement from outside the log is worth here.
    pub fn weigh(&self, statement: &Statement) -> Weight {
        let revoked = statement.revocation.revoked;
        let Some(place) = self.reigns.iter().position(|reign| reign.id == revoked) else { return Weight::Nothing };
        let signer = statement.signer.id();
        if signer == revoked {
            return Weight::Nothing;
        }
        let after = self.reigns.iter().skip(place + 1).any(|reign| reign.id == signer);
        match self.reigns.get(place).and_then(|reign| reign.committed) {
            _ if after => Weight::Counts,
            Some(Committed { next, recovery }) if signer == next || signer == recovery => Weight::Counts,
            Some(_) => Weight::Nothing,
            None => Weight::Unproven,
        }
    }

    /// The runs of indexes within `first..=last` whose signatures `revocations` take the worth from. `seen_by` gives how many records something outside had seen at a time.
    pub fn revoked(&self, revocations: &[Revocation], (first, last): (u64, u64), seen_by: &dyn Fn(u64) -> u64) -> Vec<(u64, u64)> {
        let ends = self.reigns.iter().skip(1).map(|reign| reign.from).chain([u64::MAX]);
        let of_reign = |(reign, end): (&Known, u64)| {
            let good_until = |revocation: &Revocation| revocation.since_ms.map_or(u64::MAX, seen_by).min(revocation.effective);
            let good = revocations.iter().filter(|revocation| revocation.revoked == reign.id).map(good_until).min()?;
            let (from, to) = (reign.from.max(good).max(first), end.saturating_sub(1).min(last));
            (from <= to).then_some((from, to))
        };
        let mut runs: Vec<(u64, u64)> = Vec::new();
        for (from, to) in self.reigns.iter().zip(ends).filter_map(of_reign) {
            match runs.last_mut() {
                Some((_, before)) if *before + 1 == from => *before = to,
                _ => runs.push((from, to)),
            }
        }
        runs
    }
}

/// What a statement from outside is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Its signer could revoke that key.
    Counts,
    /// It is about no key of this log, or by somebody who could not.
    Nothing,
    /// Genesis was not read, so nobody can tell.
    Unproven,
}
