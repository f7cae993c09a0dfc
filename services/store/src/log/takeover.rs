//! A log whose key is lost: a committed key revokes it and goes on, without the lost key having to sign anything (spec/keys.md "What is lost, and what then").
//!
//! The order of a takeover, each step durable before the next: the new key files beside the old ones, the end of values whose record never became durable, the revoke record, the new files in
//! their places, then what every start does: values that erase records name, `outcome_unknown` of dead intents, the seal of what is unsealed, the checkpoint, all by the key that took over.
//! What a start may find, and what it does:
//!
//! | found | meaning | so |
//! |---|---|---|
//! | no operator key, and no record of its revocation | nothing was done, or cut off before the record; one or both new files may wait | nothing opens; the takeover is begun anew and destroys them |
//! | the same, and bytes of the record that are no frame | cut off while it was written | the same; the next takeover cuts them |
//! | the record, and `operator.p8.next` with its key | cut off before the files took their places | whoever opens the home gives them their places; a takeover that is begun again does that and no more |
//! | the record, `operator.p8`, and `recovery.mickai.next` | cut off between the two | the next writer gives it its place; on another disk, the next use of that file |
//! | all files in their places; open intents, unsealed records, or an older checkpoint | cut off at the end | the next writer does it, as after any crash |
//!
//! Sealed records that the lost key left without a seal are sealed by the key that took over: no signature of the lost key covers them, so the new key alone vouches for what they say.

use super::key_events::{Revoking, Succeeded, draft};
use super::sequencer::{Place, Prepared};
use super::writer::{Appended, Found, LogWriter, Options, discard_orphans};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, Misuse};
use crate::home::Home;
use crate::keys::{Coming, KeyFault};
use crate::segment::Entry;
use crate::vault::Vault;
use mickai_proof::digest::{Id, LogId, RecordDigest};
use mickai_proof::history::{KeyEvent, Revocation};
use mickai_proof::record::Kind;
use std::path::Path;
use std::sync::Arc;

/// A log that goes on under another key.
#[derive(Debug)]
pub struct TakenOver {
    /// Open, and complete.
    pub writer: LogWriter,
    /// The revoke record; `None` where an earlier takeover, cut off after it, was only completed.
    pub succeeded: Option<Succeeded>,
    /// What it says.
    pub revocation: Revocation,
    /// Sealed records that the lost key left without a seal: the key that took over vouches for them.
    pub unsealed: u64,
}

impl LogWriter {
    /// Opens a log whose key in force is lost, by having a committed key revoke it and take over. The home is that of [`Home::open_keyless`]; the recovery file is the home's, or the one at `recovery`,
    /// which is rewritten. The new key lies in the open.
    ///
    /// # Errors
    /// [`Error::Key`]: no recovery file, another log's, a signer, a passphrase; [`Error::KeyMissing`], [`KeyFault::HeldElsewhere`] if another key than the one in force is to be revoked, which that one would have to sign;
    /// [`Misuse::KeyEvent`] if `effective` lies ahead; [`Misuse::Closed`], [`Misuse::TooManyKeyEvents`]; those of [`LogWriter::open`]. Nothing is changed by these; where another comes after the record, the next start does the rest.
    pub fn take_over(home: &Home, authority: (Id, u64), revoking: &Revoking, recovery: Option<&Path>) -> Result<TakenOver, Error> {
        Self::take_over_options(home, authority, Box::new(SystemClock::new()?), Options::default(), revoking, recovery)
    }

    pub(crate) fn take_over_options(
        home: &Home,
        authority: (Id, u64),
        clock: Box<dyn Clock>,
        options: Options,
        revoking: &Revoking,
        recovery: Option<&Path>,
    ) -> Result<TakenOver, Error> {
        // Reading settles what was cut off before.
        let mut found = Found::read(home, &options)?;
        home.create_skeleton()?;
        let unsealed = found.state.unsealed;
        let Some(log) = found.state.log else { return Err(Error::KeyMissing(home.operator_key_path())) };
        if home.operator_key_path().exists() {
            let revocation = found.state.keys.revocations().last().copied().ok_or(Misuse::KeyEvent)?;
            let key = found.own_key(home)?;
            let segments = found.segments(home, &options)?;
            let writer = Self::start(home, found, segments, key, authority, clock, options)?;
            return Ok(TakenOver { writer, succeeded: None, revocation, unsealed });
        }
        let revocation = found.revocation_of_lost(home, log, revoking)?;
        let committed = found.state.keys.committed().ok_or(Misuse::KeyEvent)?;
        let here = home.recovery_path();
        let coming = Coming::begin_lost(home, recovery.unwrap_or(&here), revoking.successor, committed)?;
        let event = KeyEvent::Revoke { revocation, to: Some(coming.to.clone()) };
        let place = Place { log_id: log, index: found.state.frontier.size(), prev: found.state.last, key_id: coming.key.id() };
        let record = Prepared::new(draft(Kind::Revoke, coming.key.id(), authority, &event)).encode(&place, clock.as_ref())?;
        let appended = Appended { index: place.index, digest: RecordDigest::of(&record) };
        let signature = coming.key.sign_record(log, appended.index, appended.digest)?;
        // The log could not take it back, so it is tried on what is known first.
        found.state.push(&record).map_err(|_| Misuse::KeyEvent)?;
        let mut segments = found.segments(home, &options)?;
        discard_orphans(&Vault::open(home, log)?, appended.index)?;
        segments.append(&[Entry { record: &record, signature: &signature }])?;
        coming.finish(home)?;
        let key = Arc::new(coming.key.clone());
        let succeeded = Some(Succeeded { appended, key: key.id() });
        let writer = Self::start(home, found, segments, key, authority, clock, options)?;
        Ok(TakenOver { writer, succeeded, revocation, unsealed })
    }
}

impl Found {
    /// What the record is to say; refused before any file is written.
    fn revocation_of_lost(&self, home: &Home, log: LogId, revoking: &Revoking) -> Result<Revocation, Error> {
        let (size, keys) = (self.state.frontier.size(), &self.state.keys);
        let lost = keys.in_force().ok_or(Misuse::KeyEvent)?.id();
        let is_known = |key| keys.keys().any(|known| known.key.id() == key);
        let revocation = Revocation { revoked: revoking.key.unwrap_or(lost), effective: revoking.effective.unwrap_or(size), since_ms: revoking.since_ms };
        if self.state.closed {
            return Err(Misuse::Closed.into());
        }
        keys.check_room()?;
        if !is_known(revocation.revoked) || revocation.effective > size {
            return Err(Misuse::KeyEvent.into());
        }
        if revocation.revoked != lost {
            let path = home.operator_key_path();
            return Err(if home.operator_public_path().exists() { KeyFault::HeldElsewhere(path).into() } else { Error::KeyMissing(path) });
        }
        // Values could neither be kept nor read without its key.
        Vault::open(home, log)?;
        Ok(revocation)
    }
}

#[cfg(test)]
mod tests;
