//! What a chain lacks of a log: its registration, the key events since, the newest checkpoint.

use crate::error::{Error, Result};
use crate::in_force::entry;
use mickai_proof::checkpoint::Note;
use mickai_proof::pantheon::{Action, Attestation, LogEntry};
use mickai_proof::record::{Kind, Record};
use mickai_proof::signature::{SIGNATURE_LEN, from_cose};
use mickai_store::{KeyAccount, LogReader};

/// In the order in which they have to be done. A chain that knows it all lacks nothing.
pub(super) fn lacking(reader: &LogReader, account: &KeyAccount, known: Option<&LogEntry>, note: &Note) -> Result<Vec<Action>> {
    let checkpoint = note.checkpoint;
    let is_told = |index: u64| known.is_some_and(|known| index <= known.event);
    let mut actions = Vec::new();
    for index in account.events().iter().copied().filter(|index| *index < checkpoint.size && !is_told(*index)) {
        actions.push(key_event(reader, index, checkpoint.log)?);
    }
    let newest = known.and_then(|known| known.newest.as_ref());
    if newest.is_none_or(|newest| (newest.size, newest.root) != (checkpoint.size, checkpoint.root)) {
        actions.push(Action::Attest(vec![Attestation { checkpoint, signature: Box::new(*note.signature()) }]));
    }
    Ok(actions)
}

/// A key event as the transaction that tells it: the log's own record, and its signature.
fn key_event(reader: &LogReader, index: u64, log: mickai_proof::digest::LogId) -> Result<Action> {
    let entry = entry(reader, index)?;
    let bad = |part| Error::BadRecord { index, part };
    let record = entry.decode().map_err(|_| bad("form"))?;
    let signature = signature_of(&record, &entry.signature).ok_or(bad("signature"))?;
    let kind = record.kind;
    let record = entry.record.clone();
    match kind {
        Kind::Genesis => Ok(Action::RegisterLog { record, signature }),
        Kind::Rotate => Ok(Action::RotateLog { log, record, signature }),
        Kind::Revoke => Ok(Action::RevokeLog { log, record, signature }),
        _ => Err(bad("kind")),
    }
}

fn signature_of(record: &Record<'_>, cose: &[u8]) -> Option<Box<[u8; SIGNATURE_LEN]>> {
    from_cose(record.key_id, cose).map(|signature| Box::new(*signature))
}
