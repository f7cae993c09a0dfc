//! What the log says of keys, and the records by which one key follows another (spec/keys.md "Key events").

use super::draft::Draft;
use super::replay::{State, replay};
use super::writer::{Appended, LogWriter};
use crate::error::{Error, Misuse};
use crate::home::Home;
use crate::keys::signer::Request;
use crate::keys::{self, InForce, KeyFault, OperatorKey, Revoked, Succession, Successor};
use mickai_proof::digest::{Id, KeyId, LogId, RecordDigest};
use mickai_proof::key::PublicKey;
use mickai_proof::record::{ActorClass, Fact, Kind, Record};
use mickai_proof::signature::{SIGNATURE_LEN, verify};
use std::borrow::Cow;
use std::path::Path;

const EVENTS_MAX: usize = 256;

/// The keys of a log, as its records so far tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAccount {
    /// Every key that was in force, in order; never empty.
    pub keys: Vec<InForce>,
    /// Every revocation, in order.
    pub revoked: Vec<Revoked>,
    /// The committed next key.
    pub next: KeyId,
    /// The committed recovery key.
    pub recovery: KeyId,
}

/// A key that is to be worth nothing from some record on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revocation {
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
    /// What genesis says; `None` if it lacks a fact.
    pub(crate) fn of_genesis(genesis: &Record<'_>) -> Option<Self> {
        let keys = vec![InForce { from: 0, key: key(genesis)? }];
        Some(Self { keys, revoked: Vec::new(), next: id(genesis, "next")?, recovery: id(genesis, "recovery")? })
    }

    /// The key that signs the record of that index.
    pub fn in_force_at(&self, index: u64) -> Option<&PublicKey> {
        self.keys.iter().rev().find(|known| known.from <= index).map(|known| &known.key)
    }

    /// The key that signs what comes next.
    pub fn in_force(&self) -> Option<&PublicKey> {
        self.keys.last().map(|last| &last.key)
    }

    /// The committed next and recovery key.
    pub fn committed(&self) -> (KeyId, KeyId) {
        (self.next, self.recovery)
    }

    /// Takes in a rotate or a revoke; `None`, and nothing is changed, if it may not stand there. Other records change nothing.
    pub(crate) fn apply(&mut self, log: LogId, record: &Record<'_>) -> Option<()> {
        match record.kind {
            Kind::Rotate => self.rotate(log, record),
            Kind::Revoke => self.revoke(record),
            _ => Some(()),
        }
    }

    fn rotate(&mut self, log: LogId, record: &Record<'_>) -> Option<()> {
        let (key, next, recovery) = (key(record)?, id(record, "next")?, id(record, "recovery")?);
        let request = Request::Rotation { log, index: record.index, prev: record.prev?, next, recovery };
        let proof: &[u8; SIGNATURE_LEN] = bytes(record, "proof")?.try_into().ok()?;
        let may = record.facts.len() == 4
            && record.key_id == self.in_force()?.id()
            && key.id() == self.next
            && recovery == self.recovery
            && self.is_new(&key)
            && verify(&key, &request.message(key.id()), proof);
        if !may {
            return None;
        }
        self.keys.push(InForce { from: record.index + 1, key });
        (self.next, self.recovery) = (next, recovery);
        Some(())
    }

    fn revoke(&mut self, record: &Record<'_>) -> Option<()> {
        let revoked = Revoked { key: id(record, "revoked")?, effective: uint(record, "effective")?, since_ms: uint(record, "since") };
        let fact_count = 2 + usize::from(record.fact("since").is_some());
        if revoked.effective > record.index || self.revoked.len() >= EVENTS_MAX || (record.fact("since").is_some() && revoked.since_ms.is_none()) {
            return None;
        }
        if revoked.key == self.in_force()?.id() {
            let (key, next, recovery) = (key(record)?, id(record, "next")?, id(record, "recovery")?);
            let is_committed = key.id() == self.next || key.id() == self.recovery;
            if record.facts.len() != fact_count + 3 || !is_committed || record.key_id != key.id() || !self.is_new(&key) {
                return None;
            }
            self.keys.push(InForce { from: record.index, key });
            (self.next, self.recovery) = (next, recovery);
        } else {
            let was_in_force = self.keys.iter().any(|known| known.key.id() == revoked.key);
            if record.facts.len() != fact_count || !was_in_force || record.key_id != self.in_force()?.id() {
                return None;
            }
        }
        self.revoked.push(revoked);
        Some(())
    }

    fn is_new(&self, key: &PublicKey) -> bool {
        self.keys.len() < EVENTS_MAX && self.keys.iter().all(|known| known.key != *key)
    }
}

/// The log and what it says of keys; `None` before genesis.
///
/// # Errors
/// [`Error::Damaged`], [`Error::Io`].
pub fn key_account(home: &Home) -> Result<Option<(LogId, KeyAccount)>, Error> {
    let mut state = State::default();
    replay(&home.log_path(), &mut state, |_, _| Ok(()))?;
    Ok(state.log.zip(state.keys))
}

impl LogWriter {
    /// Puts the committed next key in force: writes the key files, appends the rotate record, and gives the files their places. The recovery file is that of the home, or the one at `recovery`, which is rewritten.
    /// `authority` is the policy's digest and version.
    ///
    /// # Errors
    /// [`KeyFault::RecoveryMissing`], [`KeyFault::NotCommitted`], [`KeyFault::NotThroughSigner`], [`KeyFault::HeldElsewhere`], those of passphrases; [`Error::Io`]. Where one comes after the record, the next start does the rest.
    pub fn rotate_key(&mut self, authority: (Id, u64), recovery: Option<&Path>) -> Result<Succeeded, Error> {
        let succession = self.begin_succession(Successor::Next, recovery)?;
        let (log, index, prev) = (self.log_id(), self.size(), self.state().last.unwrap_or(RecordDigest([0; RecordDigest::LEN])));
        let (next, recovery) = succession.committed;
        let proof = succession.key.sign(&Request::Rotation { log, index, prev, next, recovery })?;
        let draft = successor_facts(draft(Kind::Rotate, "key.rotate", self.key().id(), authority), &succession).fact("proof", fact(&proof));
        let signer = self.key().clone();
        self.succeed(draft, signer, &succession)
    }

    /// Says that a key is worth nothing from some record on. Where it is the key in force, a committed key takes over and signs that.
    ///
    /// # Errors
    /// As [`LogWriter::rotate_key`]; [`Misuse::KeyEvent`] if the key was never in force, or `effective` lies ahead.
    pub fn revoke_key(&mut self, authority: (Id, u64), revocation: &Revocation, recovery: Option<&Path>) -> Result<Succeeded, Error> {
        let in_force = self.key().id();
        let key = revocation.key.unwrap_or(in_force);
        let effective = revocation.effective.unwrap_or(self.size());
        let facts = |draft: Draft| {
            let draft = draft.fact("revoked", fact(&key.0)).fact("effective", Fact::Uint(effective));
            revocation.since_ms.into_iter().fold(draft, |draft, since| draft.fact("since", Fact::Uint(since)))
        };
        if effective > self.size() {
            return Err(Misuse::KeyEvent.into());
        }
        if key != in_force {
            let signer = self.key().clone();
            let appended = self.append_key_event(facts(draft(Kind::Revoke, "key.revoke", in_force, authority)), signer.clone(), signer)?;
            return Ok(Succeeded { appended, key: in_force });
        }
        let succession = self.begin_succession(revocation.successor, recovery)?;
        let signer = succession.key.clone();
        let draft = successor_facts(facts(draft(Kind::Revoke, "key.revoke", signer.id(), authority)), &succession);
        self.succeed(draft, signer, &succession)
    }

    fn begin_succession(&self, successor: Successor, recovery: Option<&Path>) -> Result<Succession, Error> {
        let here = self.home().recovery_path();
        let committed = self.state().keys.as_ref().map(KeyAccount::committed).ok_or(KeyFault::RecoveryMissing(here.clone()))?;
        Succession::begin(self.home(), recovery.unwrap_or(&here), successor, committed)
    }

    fn succeed(&mut self, draft: Draft, signer: OperatorKey, succession: &Succession) -> Result<Succeeded, Error> {
        let appended = self.append_key_event(draft, signer, succession.key.clone())?;
        succession.finish(self.home())?;
        Ok(Succeeded { appended, key: succession.key.id() })
    }
}

/// Completes a succession that was cut off, or takes it back, by what the log says: at every start of a writer.
pub(crate) fn settle_keys(home: &Home, state: &State) -> Result<(), Error> {
    match state.keys.as_ref().and_then(|keys| Some((keys.in_force()?.id(), keys.committed()))) {
        Some((in_force, committed)) => keys::settle(home, in_force, committed),
        None => Ok(()),
    }
}

fn draft(kind: Kind, action: &str, actor: KeyId, authority: (Id, u64)) -> Draft {
    Draft::new(kind, (ActorClass::Operator, Id(actor.0)), authority, action)
}

fn successor_facts(draft: Draft, succession: &Succession) -> Draft {
    let (next, recovery) = succession.committed;
    draft.fact("key", fact(&succession.key.public().to_spki())).fact("next", fact(&next.0)).fact("recovery", fact(&recovery.0))
}

fn fact(bytes: &[u8]) -> Fact<'static> {
    Fact::Bytes(Cow::Owned(bytes.to_vec()))
}

fn bytes<'a>(record: &'a Record<'_>, name: &str) -> Option<&'a [u8]> {
    record.fact(name).and_then(Fact::as_bytes)
}

fn uint(record: &Record<'_>, name: &str) -> Option<u64> {
    record.fact(name).and_then(Fact::as_uint)
}

fn id(record: &Record<'_>, name: &str) -> Option<KeyId> {
    KeyId::from_slice(bytes(record, name)?)
}

fn key(record: &Record<'_>) -> Option<PublicKey> {
    PublicKey::from_spki(bytes(record, "key")?).ok()
}
