//! What the log says of keys, and the records by which one key follows another (spec/keys.md "Key events").

use super::draft::Draft;
use super::replay::{CheckpointCheck, Ending, State, replay};
use super::sequencer::Next;
use super::writer::{Appended, LogWriter};
use crate::error::{Error, Misuse};
use crate::home::Home;
use crate::keys::signer::Request;
use crate::keys::{self, Coming, InForce, OperatorKey, Successor};
use crate::limits;
use crate::segment::SegmentWriter;
use mickai_proof::digest::{Id, KeyId, LogId};
use mickai_proof::history::{Committed, History, KeyEvent, Revocation};
use mickai_proof::key::PublicKey;
use mickai_proof::limits::KEY_EVENTS_MAX;
use mickai_proof::record::{ActorClass, Kind, Record};
use std::path::Path;

/// The keys of a log, as its records so far tell.
#[derive(Clone, Default)]
pub struct KeyAccount {
    history: History,
    /// For each key, the index of the first record that it signs.
    from: Vec<u64>,
    /// For each key, the index of the record that put it in force.
    by: Vec<u64>,
    events: Vec<u64>,
}

/// A key that is to be worth nothing from some record on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revoking {
    /// Which; the key in force if absent.
    pub key: Option<KeyId>,
    /// From this index on; from the revocation itself if absent.
    pub effective: Option<u64>,
    /// In other hands since, ms since 1970; absent if it was lost or retired.
    pub since_ms: Option<u64>,
    /// Who takes over, if the key is the one in force.
    pub successor: Successor,
}

/// A key event that was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Succeeded {
    /// Its record.
    pub appended: Appended,
    /// The key in force now.
    pub key: KeyId,
}

impl KeyAccount {
    /// Every key that was in force, in order, each with the index of the first record that it signs.
    pub fn keys(&self) -> impl Iterator<Item = InForce> {
        self.from.iter().zip(self.history.keys()).map(|(from, key)| InForce { from: *from, key: key.clone() })
    }

    /// Every key that was in force within the first `size` records, in order.
    pub fn keys_within(&self, size: u64) -> impl Iterator<Item = &PublicKey> {
        self.by.iter().zip(self.history.keys()).filter(move |(by, _)| **by < size).map(|(_, key)| key)
    }

    /// Every revocation, in order.
    pub fn revocations(&self) -> &[Revocation] {
        self.history.revocations()
    }

    /// Indexes of the key events, genesis among them.
    pub fn events(&self) -> &[u64] {
        &self.events
    }

    /// Refuses where no key event may follow, so that nothing is begun for one.
    pub(super) fn check_room(&self) -> Result<(), Misuse> {
        if self.events.len() < KEY_EVENTS_MAX { Ok(()) } else { Err(Misuse::TooManyKeyEvents) }
    }

    /// The key that signs the record of that index, once there is one.
    pub fn in_force_at(&self, index: u64) -> Option<&PublicKey> {
        let place = self.from.partition_point(|from| *from <= index).checked_sub(1)?;
        self.history.keys().nth(place)
    }

    /// The key that signs a checkpoint of `size` records: the one in force after the last of them. A revocation right after them does not change who signed it.
    pub fn in_force_after(&self, size: u64) -> Option<&PublicKey> {
        let place = self.by.partition_point(|by| *by < size).checked_sub(1)?;
        self.history.keys().nth(place)
    }

    /// The key that signs what comes next, once there is one.
    pub fn in_force(&self) -> Option<&PublicKey> {
        self.history.in_force()
    }

    /// The committed next and recovery key, once there is a genesis.
    pub fn committed(&self) -> Option<Committed> {
        self.history.committed()
    }

    /// Takes in the next record; `None`, and nothing is changed, if it is a key event that may not stand there. Other records change nothing.
    pub(crate) fn apply(&mut self, log: LogId, record: &Record<'_>) -> Option<()> {
        if !KeyEvent::is_told_by(record.kind) {
            return Some(());
        }
        let event = KeyEvent::of(record).filter(|event| event.to_facts() == record.facts)?;
        if self.history.signer(record)?.id() != record.key_id {
            return None;
        }
        self.history.apply(log, record.index, record.prev, &event).ok()?;
        if event.succession().is_some() {
            self.by.push(record.index);
            self.from.push(record.index + u64::from(record.kind == Kind::Rotate));
        }
        self.events.push(record.index);
        Some(())
    }
}

impl std::fmt::Debug for KeyAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyAccount({} keys)", self.from.len())
    }
}

/// The log and what it says of keys; `None` before genesis.
///
/// # Errors
/// [`Error::Damaged`], [`Error::Io`].
pub fn key_account(home: &Home) -> Result<Option<(LogId, KeyAccount)>, Error> {
    let mut state = State::default();
    replay(&home.log_path(), &mut state, |_, _| Ok(()))?;
    Ok(state.log.map(|log| (log, state.keys)))
}

impl LogWriter {
    /// Puts the committed next key in force: writes the key files, appends the rotate record, and gives the files their places. The recovery file is that of the home, or the one at `recovery`, which is rewritten.
    /// `authority` is the policy's digest and version. [`super::Appender`]s may be at work meanwhile: each record is signed by the key that was in force when it got its place.
    ///
    /// # Errors
    /// [`Error::Key`]: no recovery file, another log's, a key that a signer holds, a passphrase; [`Misuse::Closed`], [`Misuse::TooManyKeyEvents`], [`Error::Poisoned`]; [`Error::Io`]. Where one comes after the record, the next start does the rest.
    pub fn rotate_key(&mut self, authority: (Id, u64), recovery: Option<&Path>) -> Result<Succeeded, Error> {
        let coming = self.begin_succession(Successor::Next, recovery)?;
        let (log, signer) = (self.log_id(), self.key().clone());
        let actor = signer.id();
        self.succeed(signer, &coming, |next| {
            let request = Request::Rotation { log, index: next.index, prev: next.prev, committed: coming.to.committed };
            let proof = Box::new(coming.key.sign(&request)?);
            Ok(draft(Kind::Rotate, actor, authority, &KeyEvent::Rotate { to: coming.to.clone(), proof }))
        })
    }

    /// Says that a key is worth nothing from some record on. Where it is the key in force, a committed key takes over and signs that. Gives the revocation as it stands in the log too.
    ///
    /// # Errors
    /// As [`LogWriter::rotate_key`]; [`Misuse::KeyEvent`] if the key was never in force, or `effective` lies ahead.
    pub fn revoke_key(&mut self, authority: (Id, u64), revoking: &Revoking, recovery: Option<&Path>) -> Result<(Succeeded, Revocation), Error> {
        let in_force = self.key().id();
        let revoked = revoking.key.unwrap_or(in_force);
        {
            // The log only grows, so what does not lie ahead now does not then.
            let state = self.state();
            state.keys.check_room()?;
            let is_known = state.keys.keys().any(|known| known.key.id() == revoked);
            if !is_known || revoking.effective.is_some_and(|effective| effective > state.frontier.size()) {
                return Err(Misuse::KeyEvent.into());
            }
        }
        let at = |next: &Next| Revocation { revoked, effective: revoking.effective.unwrap_or(next.index), since_ms: revoking.since_ms };
        let mut told = None;
        let succeeded = if revoked == in_force {
            let coming = self.begin_succession(revoking.successor, recovery)?;
            self.succeed(coming.key.clone(), &coming, |next| {
                let event = KeyEvent::Revoke { revocation: *told.insert(at(next)), to: Some(coming.to.clone()) };
                Ok(draft(Kind::Revoke, coming.key.id(), authority, &event))
            })?
        } else {
            let signer = self.key().clone();
            let appended = self.append_key_event(signer.clone(), signer, |next| {
                let event = KeyEvent::Revoke { revocation: *told.insert(at(next)), to: None };
                Ok(draft(Kind::Revoke, in_force, authority, &event))
            })?;
            Succeeded { appended, key: in_force }
        };
        // What was appended was told.
        Ok((succeeded, told.ok_or(Misuse::KeyEvent)?))
    }

    fn begin_succession(&self, successor: Successor, recovery: Option<&Path>) -> Result<Coming, Error> {
        // The files that wait may be those of an event that failed, and is durable all the same: whoever opens the log again knows.
        self.appender.inner().line.check()?;
        let here = self.home().recovery_path();
        let committed = {
            let state = self.state();
            if state.closed {
                return Err(Misuse::Closed.into());
            }
            state.keys.check_room()?;
            state.keys.committed().ok_or(Misuse::KeyEvent)?
        };
        Coming::begin(self.home(), recovery.unwrap_or(&here), successor, committed)
    }

    fn succeed(&mut self, signer: OperatorKey, coming: &Coming, make: impl FnOnce(&Next) -> Result<Draft, Error>) -> Result<Succeeded, Error> {
        let appended = self.append_key_event(signer, coming.key.clone(), make)?;
        coming.finish(self.home())?;
        // The newest own checkpoint is by the key in force: who only looks, and has that key, verifies under it. The event stands whether or not it can be written; the next start writes it.
        let _ = self.checkpoint();
        Ok(Succeeded { appended, key: coming.key.id() })
    }
}

/// Completes a succession that was cut off, or takes it back, by what the log says: at every start of a writer. What was not even written is destroyed, whatever the log says.
pub(super) fn settle_keys(home: &Home, state: &State, ending: &Ending) -> Result<(), Error> {
    keys::destroy_unfinished(home)?;
    let Some((in_force, committed)) = state.keys.in_force().zip(state.keys.committed()).filter(|_| keys::is_unsettled(home)) else { return Ok(()) };
    // What was read may be in the page cache alone: durable first, or a power cut could take back the record and leave the files that took their places by it.
    drop(SegmentWriter::open(&home.log_path(), ending.resume, limits::SEGMENT_BYTES_MAX)?);
    keys::settle(home, in_force.id(), committed)
}

/// As [`settle_keys`], for a home without its operator key: a takeover may have been cut off after its record. The caller holds the lock. The log is held against the newest own checkpoint first, as
/// at every start: settling cuts what looks torn.
pub(crate) fn settle_cut_off(home: &Home) -> Result<(), Error> {
    let check = CheckpointCheck::read(home)?;
    let mut state = State::default();
    let ending = replay(&home.log_path(), &mut state, |_, state| check.visit(state))?;
    check.finish(&state)?;
    settle_keys(home, &state, &ending)
}

pub(super) fn draft(kind: Kind, actor: KeyId, authority: (Id, u64), event: &KeyEvent) -> Draft {
    let mut draft = Draft::new(kind, (ActorClass::Operator, Id(actor.0)), authority, if kind == Kind::Rotate { "key.rotate" } else { "key.revoke" });
    draft.facts = event.to_facts().into_iter().map(|(name, fact)| (name.into_owned(), fact)).collect();
    draft
}

#[cfg(test)]
mod tests;
