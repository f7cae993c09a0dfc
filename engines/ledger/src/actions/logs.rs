//! `register_log`, `rotate_log`, `revoke_log`, `attest` and `fork`: what a chain holds operators' logs to.

use crate::draft::Draft;
use crate::execute::{Effect, Terms};
use crate::rejection::Rejection;
use alloc::vec::Vec;
use mickai_proof::digest::{Id, LogId, RecordDigest};
use mickai_proof::fork::{self, ForkError, ForkProof};
use mickai_proof::history::{History, KeyEvent};
use mickai_proof::key::PublicKey;
use mickai_proof::limits;
use mickai_proof::pantheon::{Action, Attestation, Attested, LogEntry};
use mickai_proof::record::{self, Kind, Record};
use mickai_proof::signature::{SIGNATURE_LEN, to_be_signed};

/// The record says its own log id and key, and is signed: whoever brings it, it can be no other log's.
pub(super) fn register(draft: &mut Draft<'_>, terms: &Terms<'_>, bytes: &[u8], signature: &[u8; SIGNATURE_LEN]) -> Result<(), Rejection> {
    let log = LogId::of_genesis(bytes);
    let record = record::decode(bytes).ok().filter(|record| record.kind == Kind::Genesis).ok_or(Rejection::LogRecord(log))?;
    if draft.log(log).is_some() {
        return Err(Rejection::KnownLog(log));
    }
    let mut history = History::learned();
    follow(&mut history, terms, log, &record, bytes, signature)?;
    let keys = history.reigns().ok_or(Rejection::LogRecord(log))?;
    draft.set_log(log, LogEntry { keys, revocations: Vec::new(), event: 0, fork: None, newest: None });
    Ok(())
}

/// The kind of record that an action brings.
pub(super) fn event_kind(action: &Action) -> Kind {
    if matches!(action, Action::RotateLog { .. }) { Kind::Rotate } else { Kind::Revoke }
}

/// The same rules as within the log (spec/keys.md "Key events"), as far as the chain was told of it.
pub(super) fn key_event(draft: &mut Draft<'_>, terms: &Terms<'_>, log: LogId, kind: Kind, bytes: &[u8], signature: &[u8; SIGNATURE_LEN]) -> Result<(), Rejection> {
    let mut entry = live(draft, log)?;
    let record = record::decode(bytes).ok().filter(|record| record.kind == kind && record.log_id == log && record.index > entry.event).ok_or(Rejection::LogRecord(log))?;
    if entry.keys.len() >= limits::LOG_EVENTS_MAX || entry.revocations.len() >= limits::LOG_EVENTS_MAX {
        return Err(Rejection::LogEventsFull(log));
    }
    let mut history = entry.history();
    follow(&mut history, terms, log, &record, bytes, signature)?;
    entry.keys = history.reigns().ok_or(Rejection::LogRecord(log))?;
    entry.revocations = history.revocations().to_vec();
    entry.event = record.index;
    draft.set_log(log, entry);
    Ok(())
}

/// Signature first, then what the event says of keys.
fn follow(history: &mut History, terms: &Terms<'_>, log: LogId, record: &Record<'_>, bytes: &[u8], signature: &[u8; SIGNATURE_LEN]) -> Result<(), Rejection> {
    let event = KeyEvent::of(record).ok_or(Rejection::LogRecord(log))?;
    let signer = history.signer(record).filter(|signer| signer.id() == record.key_id).ok_or(Rejection::LogSignature(log))?;
    if !terms.check.is_signed(&signer, &to_be_signed(record.key_id, log, RecordDigest::of(bytes)), signature) {
        return Err(Rejection::LogSignature(log));
    }
    history.apply(log, record.index, record.prev, &event).map_err(Rejection::LogKeys)
}

/// Settles a checkpoint above the newest one. A conflicting one is refused with the proof of the fork.
pub(super) fn attest(draft: &mut Draft<'_>, terms: &Terms<'_>, attestation: &Attestation) -> Result<Effect, Rejection> {
    let checkpoint = attestation.checkpoint;
    let log = checkpoint.log;
    let mut entry = live(draft, log)?;
    let key: PublicKey = entry.keys.last().map(|reign| reign.key.clone()).ok_or(Rejection::UnknownLog(log))?;
    if !terms.check.is_signed(&key, checkpoint.text().as_bytes(), &attestation.signature) {
        return Err(Rejection::CheckpointSignature(log));
    }
    if let Some(newest) = &entry.newest {
        if checkpoint.size < newest.size {
            return Err(Rejection::LogShrinks { log, have: newest.size, found: checkpoint.size });
        }
        if checkpoint.size == newest.size && checkpoint.root == newest.root {
            return Err(Rejection::CheckpointKnown(log));
        }
        if checkpoint.size == newest.size {
            let settled = entry.note(log).unwrap_or_default();
            let proof = fork::encode(&settled, &checkpoint.to_note(&key, &attestation.signature), &[], &[]);
            return Err(Rejection::LogForked { log, proof });
        }
    }
    let place = entry.keys.len() as u64 - 1;
    entry.newest = Some(Attested { size: checkpoint.size, root: checkpoint.root, key: place, signature: attestation.signature.clone(), height: terms.height });
    draft.set_log(log, entry);
    Ok(Effect::Settled(checkpoint))
}

/// Freezes a log that anybody has shown to be forked.
pub(super) fn fork(draft: &mut Draft<'_>, bytes: &[u8]) -> Result<Effect, Rejection> {
    let proof = ForkProof::parse(bytes).map_err(Rejection::ForkUnproven)?;
    let log = proof.a.checkpoint.log;
    let mut entry = live(draft, log)?;
    let proven: Result<(), ForkError> = proof.check(&entry.public_keys());
    proven.map_err(Rejection::ForkUnproven)?;
    entry.fork = Some(Id::of_fork(bytes));
    draft.set_log(log, entry);
    Ok(Effect::Frozen(log))
}

/// A log that is registered and not frozen.
fn live(draft: &Draft<'_>, log: LogId) -> Result<LogEntry, Rejection> {
    let entry = draft.log(log).ok_or(Rejection::UnknownLog(log))?;
    if entry.fork.is_some() { Err(Rejection::FrozenLog(log)) } else { Ok(entry) }
}
