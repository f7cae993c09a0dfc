//! What no vector of a few kilobytes shows: the limits of key events and of their indexes, and the history that a writer learns from its own log.

use super::{Committed, History, KeyEvent, KeyFault, Revocation, Succession};
use crate::digest::{KeyId, LogId, RecordDigest};
use crate::key::{PUBLIC_KEY_LEN, PublicKey};
use crate::limits;
use crate::signature::SIGNATURE_LEN;

const LOG: LogId = LogId([1; 32]);

fn key(number: u8) -> PublicKey {
    PublicKey::from_raw([number; PUBLIC_KEY_LEN])
}

/// A key that comes into force and commits to the key of the number after its own.
fn to(number: u8) -> Succession {
    Succession { key: key(number), committed: Committed { next: key(number + 1).id(), recovery: KeyId([9; 32]) } }
}

fn revoke(revoked: &PublicKey, effective: u64, to: Option<Succession>) -> KeyEvent {
    KeyEvent::Revoke { revocation: Revocation { revoked: revoked.id(), effective, since_ms: None }, to }
}

fn begun() -> History {
    let mut history = History::learned();
    assert!(history.in_force().is_none());
    assert_eq!(history.apply(LOG, 0, None, &KeyEvent::Genesis(to(1))), Ok(()));
    history
}

#[test]
fn a_writer_learns_its_keys() {
    let mut history = begun();
    assert!(history.in_force() == Some(&key(1)) && !history.has_changed());
    assert_eq!(history.apply(LOG, 4, Some(RecordDigest([3; 64])), &revoke(&key(1), 2, Some(to(2)))), Ok(()));
    assert!(history.in_force() == Some(&key(2)) && history.has_changed());
    assert_eq!(history.committed().map(|committed| committed.next), Some(key(3).id()));
    assert_eq!(history.revoked(history.revocations(), (0, 9), &|_| 0), [(2, 3)]);
    assert!(history.keys().cloned().collect::<Vec<_>>() == [key(1), key(2)]);
}

#[test]
fn an_event_that_cannot_follow_changes_nothing() {
    let mut history = begun();
    for (event, fault) in [
        (KeyEvent::Genesis(to(1)), KeyFault::Event),
        (revoke(&key(7), 0, None), KeyFault::Event),
        (revoke(&key(1), 0, Some(to(1))), KeyFault::Event),
        (revoke(&key(1), 0, Some(to(7))), KeyFault::PreRotation),
    ] {
        assert_eq!(history.apply(LOG, 4, None, &event), Err(fault));
        assert!(history.in_force() == Some(&key(1)) && !history.has_changed());
    }
}

#[test]
fn the_257th_key_event_is_one_too_many() {
    let mut history = begun();
    assert_eq!(history.apply(LOG, 1, None, &revoke(&key(1), 0, Some(to(2)))), Ok(()));
    let again = revoke(&key(1), 0, None);
    for index in 2..limits::KEY_EVENTS_MAX as u64 {
        assert_eq!(history.apply(LOG, index, None, &again), Ok(()));
    }
    assert_eq!(history.apply(LOG, 1_000, None, &again), Err(KeyFault::Event));
}

#[test]
fn an_index_that_no_bundle_holds_is_refused() {
    let mut history = begun();
    let rotation = KeyEvent::Rotate { to: to(2), proof: Box::new([0; SIGNATURE_LEN]) };
    let revocation = revoke(&key(1), 0, Some(to(2)));
    for index in [limits::INDEX_MAX + 1, u64::MAX] {
        assert_eq!(history.apply(LOG, index, Some(RecordDigest([3; 64])), &rotation), Err(KeyFault::Event));
        assert_eq!(history.apply(LOG, index, Some(RecordDigest([3; 64])), &revocation), Err(KeyFault::Event));
    }
    assert_eq!(history.apply(LOG, limits::INDEX_MAX, Some(RecordDigest([3; 64])), &revocation), Ok(()));
}

#[test]
fn a_revocation_says_since_when() {
    let names = |since_ms| {
        let event = KeyEvent::Revoke { revocation: Revocation { revoked: key(1).id(), effective: 3, since_ms }, to: None };
        event.to_facts().into_iter().map(|(name, fact)| (name.into_owned(), fact.as_uint())).collect::<Vec<_>>()
    };
    assert_eq!(names(None), [("revoked".into(), None), ("effective".into(), Some(3))]);
    assert_eq!(names(Some(5)), [("since".into(), Some(5)), ("revoked".into(), None), ("effective".into(), Some(3))]);
}
