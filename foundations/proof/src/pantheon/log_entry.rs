//! What a chain's state holds of one operator's log: its keys, its newest checkpoint, and whether it is forked (spec/pantheon.md "State").

use super::action::size;
use super::form::{BAD, array, key, list, signature, write_array, write_key, write_uint};
use super::header::Height;
use crate::cbor::{CborError, Reader, write_bytes};
use crate::checkpoint::Checkpoint;
use crate::digest::{Id, KeyId, LogId, TreeHash};
use crate::history::{Committed, History, Reign, Revocation};
use crate::key::PublicKey;
use crate::limits;
use crate::signature::SIGNATURE_LEN;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

/// A checkpoint that was settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attested {
    /// Records covered.
    pub size: u64,
    /// Their root.
    pub root: TreeHash,
    /// The place of the key that signed, among the log's keys.
    pub key: u64,
    /// Its signature.
    pub signature: Box<[u8; SIGNATURE_LEN]>,
    /// The block that settled it.
    pub height: Height,
}

/// A log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Its keys in the order in which they came into force, as far as the chain was told.
    pub keys: Vec<Reign>,
    /// What was revoked.
    pub revocations: Vec<Revocation>,
    /// The index of the newest key event that the chain was told.
    pub event: u64,
    /// SHA-256 of the fork proof that froze it.
    pub fork: Option<Id>,
    /// The newest checkpoint, never pruned.
    pub newest: Option<Attested>,
}

impl LogEntry {
    /// The keys as a history that the next event is held to.
    pub fn history(&self) -> History {
        History::resumed(self.keys.clone(), self.revocations.clone())
    }

    /// Every key of the log.
    pub fn public_keys(&self) -> Vec<PublicKey> {
        self.keys.iter().map(|reign| reign.key.clone()).collect()
    }

    /// The newest checkpoint as the note that its key signed, which [`crate::checkpoint::Note::verify`] accepts.
    pub fn note(&self, log: LogId) -> Option<String> {
        let newest = self.newest.as_ref()?;
        let reign = self.keys.get(usize::try_from(newest.key).ok()?)?;
        Some(Checkpoint { log, size: newest.size, root: newest.root }.to_note(&reign.key, &newest.signature))
    }

    /// Five elements.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        write_array(out, self.keys.len());
        for reign in &self.keys {
            write_array(out, 4);
            write_key(out, &reign.key);
            write_uint(out, reign.from);
            write_bytes(out, &reign.committed.next.0);
            write_bytes(out, &reign.committed.recovery.0);
        }
        write_array(out, self.revocations.len());
        for revocation in &self.revocations {
            write_array(out, 3);
            write_bytes(out, &revocation.revoked.0);
            write_uint(out, revocation.effective);
            write_array(out, usize::from(revocation.since_ms.is_some()));
            revocation.since_ms.iter().for_each(|since| write_uint(out, *since));
        }
        write_uint(out, self.event);
        write_array(out, usize::from(self.fork.is_some()));
        self.fork.iter().for_each(|fork| write_bytes(out, &fork.0));
        write_array(out, if self.newest.is_some() { 5 } else { 0 });
        if let Some(newest) = &self.newest {
            write_uint(out, newest.size);
            write_bytes(out, &newest.root.0);
            write_uint(out, newest.key);
            write_bytes(out, &newest.signature[..]);
            write_uint(out, newest.height.0);
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, CborError> {
        let keys = list(reader, 1, limits::LOG_EVENTS_MAX, reign)?;
        let revocations = list(reader, 0, limits::LOG_EVENTS_MAX, revocation)?;
        let event = reader.uint()?;
        let fork = match reader.array()? {
            0 => None,
            1 => Some(Id(reader.fixed()?)),
            _ => return Err(BAD),
        };
        let newest = match reader.array()? {
            0 => None,
            5 => Some(Attested { size: size(reader)?, root: TreeHash(reader.fixed()?), key: reader.uint()?, signature: signature(reader)?, height: Height(reader.uint()?) }),
            _ => return Err(BAD),
        };
        if newest.as_ref().is_some_and(|newest| newest.key >= keys.len() as u64) {
            return Err(BAD);
        }
        Ok(Self { keys, revocations, event, fork, newest })
    }
}

fn reign(reader: &mut Reader<'_>) -> Result<Reign, CborError> {
    array(reader, 4)?;
    Ok(Reign { key: key(reader)?, from: reader.uint()?, committed: Committed { next: KeyId(reader.fixed()?), recovery: KeyId(reader.fixed()?) } })
}

fn revocation(reader: &mut Reader<'_>) -> Result<Revocation, CborError> {
    array(reader, 3)?;
    let (revoked, effective) = (KeyId(reader.fixed()?), reader.uint()?);
    let since_ms = match reader.array()? {
        0 => None,
        1 => Some(reader.uint()?),
        _ => return Err(BAD),
    };
    Ok(Revocation { revoked, effective, since_ms })
}
