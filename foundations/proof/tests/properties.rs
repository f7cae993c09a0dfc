//! Arbitrary bytes never make anything panic; valid logs are accepted whatever they hold; one change, properly signed downstream, is caught where it must be.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test")]

mod common;

use common::log::{bytes, facts, next, next_after, text};
use common::vector::{Expect, Kept, PolicyText};
use common::{Log, Signer};
use mickai_proof::bundle::Parser;
use mickai_proof::checkpoint::Note;
use mickai_proof::digest::{KeyId, LogId, RecordDigest};
use mickai_proof::history::{Committed, KeyEvent, Revocation, Succession, rotation_message};
use mickai_proof::record::{Fact, Kind, Mode, OutcomeCode, Record, decode, encode};
use mickai_proof::verify::{Axis, verify};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// One act of a random log.
#[derive(Clone, Debug)]
enum Act {
    Intent,
    Outcome(prop::sample::Index),
    Heartbeat,
    Deny,
    Seal,
    Rotate,
    /// The key in force is lost: from the record of its revocation on, or from an earlier one, its signatures are worth nothing.
    Succeed {
        from_earlier: Option<prop::sample::Index>,
    },
    /// The same of a key that is no longer in force.
    Revoke {
        key: prop::sample::Index,
        from_earlier: Option<prop::sample::Index>,
    },
    Erase(prop::sample::Index),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let place = any::<prop::sample::Index>;
    // Half of the revocations leave every signature its worth.
    let earlier = || prop::option::of(place());
    let act = prop_oneof![
        2 => Just(Act::Intent),
        2 => place().prop_map(Act::Outcome),
        3 => Just(Act::Heartbeat),
        1 => Just(Act::Deny),
        2 => Just(Act::Seal),
        1 => Just(Act::Rotate),
        1 => earlier().prop_map(|from_earlier| Act::Succeed { from_earlier }),
        1 => (place(), earlier()).prop_map(|(key, from_earlier)| Act::Revoke { key, from_earlier }),
        1 => place().prop_map(Act::Erase),
    ];
    prop::collection::vec(act, 1..14)
}

/// A log, and what the verdict on all of it has to say.
struct Made {
    log: Log,
    /// Indexes whose signatures are worth nothing.
    revoked: BTreeSet<u64>,
    /// Erased fields: record, label, erase record.
    erased: Vec<(u64, String, u64)>,
}

/// What the acts give; an outcome without an open intent is left out, as is an erasure where there is nothing to erase.
fn made_of(acts: &[Act]) -> Made {
    let mut log = Log::new(&Signer::from_seed(7));
    let (mut open, mut revoked, mut erased) = (Vec::new(), BTreeSet::new(), Vec::new());
    for act in acts {
        let index = log.records.len() as u64;
        match act {
            Act::Intent => open.push(log.intent()),
            Act::Outcome(which) if !open.is_empty() => {
                log.outcome(open.remove(which.index(open.len())));
            }
            Act::Outcome(_) => (),
            Act::Heartbeat => {
                log.heartbeat();
            }
            Act::Deny => {
                log.push(&log.draft(Kind::Deny, "export"));
            }
            Act::Seal => {
                log.seal();
            }
            Act::Rotate | Act::Succeed { .. } if !has_next(&log) => (),
            Act::Rotate => {
                log.rotate(&next_of(&log));
            }
            Act::Succeed { from_earlier } => {
                let (from, to) = reign(&log, log.reigns.len() - 1);
                let effective = from_earlier.map_or(index, |place| place.index(log.records.len()) as u64);
                revoked.extend(from.max(effective)..to);
                log.succeed_with(&next_of(&log), effective, None, |_| ());
            }
            Act::Revoke { key, from_earlier } if log.reigns.len() > 1 => {
                let place = key.index(log.reigns.len() - 1);
                let (from, to) = reign(&log, place);
                let effective = from_earlier.map_or(index, |place| place.index(log.records.len()) as u64);
                revoked.extend(from.max(effective)..to);
                log.revoke(Revocation { revoked: log.reigns[place].1.id(), effective, since_ms: None });
            }
            Act::Revoke { .. } => (),
            Act::Erase(which) => {
                let fields: Vec<_> = log.openings.iter().map(|opening| (opening.index, opening.label.clone())).collect();
                if fields.is_empty() {
                    continue;
                }
                let (record, label) = fields[which.index(fields.len())].clone();
                let known = ["prompt", "prompt_tokens", "output", "output_tokens"].into_iter().find(|known| *known == label).unwrap();
                log.erase(record as usize, &[known]);
                log.openings.retain(|opening| (opening.index, &opening.label) != (record, &label));
                erased.push((record, label, index));
            }
        }
    }
    Made { log, revoked, erased }
}

fn log_of(acts: &[Act]) -> Log {
    made_of(acts).log
}

/// The key to which the log is committed.
fn next_of(log: &Log) -> Signer {
    if log.reigns.len() == 1 { next() } else { next_after(&log.signer) }
}

/// The seeds of these tests' keys go up by sixteen.
fn has_next(log: &Log) -> bool {
    log.signer.seed < 0xe0
}

/// The indexes that a key of the log signed so far, end excluded. A rotation is still signed by the key before, a successor signs its revocation.
fn reign(log: &Log, place: usize) -> (u64, u64) {
    let start = |place: usize| {
        let (at, _) = log.reigns[place];
        let is_rotation = decode(&log.records[at]).unwrap().kind == Kind::Rotate;
        at as u64 + u64::from(is_rotation)
    };
    (start(place), if place + 1 < log.reigns.len() { start(place + 1) } else { log.records.len() as u64 })
}

/// When the record at `index` claims to have been written.
fn time_of(log: &Log, index: usize) -> Option<u64> {
    Some(decode(&log.records[index]).unwrap().wall_ms)
}

fn trust(log: &Log) -> PolicyText {
    PolicyText { keys: vec![log.signer.id().to_string()], ..PolicyText::default() }
}

fn failure(answer: &Expect) -> (Option<&str>, Option<u64>) {
    (answer.reason.as_deref(), answer.index)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600), piece_len in 1usize..40) {
        if let Ok(record) = decode(&bytes) {
            prop_assert_eq!(encode(&record), bytes.clone());
        }
        let _ = Note::parse(&bytes);
        prop_assert!(PolicyText::default().judge(&bytes, piece_len).exit != 0);
        let mut parser = Parser::default();
        parser.feed(&bytes);
        while let Ok(Some(_)) = parser.next_event() {}
        prop_assert!(parser.finish().is_err());
    }

    #[test]
    fn arbitrary_bytes_after_a_good_header_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>(), piece_len in 1usize..40) {
        let log = log_of(&[Act::Heartbeat, Act::Heartbeat]);
        let good = log.range(1..2).bytes();
        let mixed = [&good[..at.index(good.len())], &bytes].concat();
        let at_once = trust(&log).judge(&mixed, usize::MAX);
        prop_assert!(at_once.exit != 0 || mixed == good);
        prop_assert_eq!(trust(&log).judge(&mixed, piece_len), at_once);
    }

    #[test]
    fn a_changed_record_decodes_to_itself_or_not_at_all(at in any::<prop::sample::Index>(), byte: u8) {
        let log = log_of(&[Act::Intent]);
        let mut bytes = log.records[1].clone();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(record) = decode(&bytes) {
            prop_assert_eq!(encode(&record), bytes);
        }
    }
}

proptest! {
    // Each case signs and verifies about ten records.
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn valid_logs_are_verified(acts in acts(), opened: u64, piece_len in 1usize..5_000, kept in prop::collection::vec(any::<prop::sample::Index>(), 0..3)) {
        let Made { log, revoked, erased } = made_of(&acts);
        let mut parts = log.whole();
        parts.chunks[0].openings = log.openings.iter().enumerate().filter(|(place, _)| opened >> place & 1 == 1).map(|(_, opening)| opening.clone()).collect();
        let bytes = parts.bytes();
        prop_assert_eq!(&bytes, &parts.by_writer());
        // The whole log, and what was kept of it on the way: each at a time between the records around its end.
        let sizes = kept.iter().map(|place| place.index(log.records.len()) + 1).chain([log.records.len()]);
        let references = sizes.map(|size| Kept { checkpoint: log.note(size), requested: time_of(&log, size - 1), received: time_of(&log, size - 1) }).collect();
        let policy = PolicyText { references, skew_ms: Some(0), require: Some(Axis::ALL.iter().filter(|axis| **axis != Axis::Pairing).map(|axis| axis.name().to_owned()).collect()), ..trust(&log) };
        let answer = policy.judge(&bytes, piece_len);
        prop_assert_eq!(answer.exit, if revoked.is_empty() { 0 } else { 3 }, "{:?}", answer);
        let verdict = verify(&bytes, policy.to_policy().unwrap()).unwrap();
        let listed: BTreeSet<u64> = verdict.scope.revoked.iter().flat_map(|(first, last)| *first..=*last).collect();
        prop_assert_eq!(listed, revoked);
        let listed: Vec<_> = verdict.scope.erased.iter().map(|field| (field.record, field.label.clone(), field.by)).collect();
        prop_assert_eq!(listed, erased);
    }

    #[test]
    fn every_range_of_a_valid_log_is_included(acts in acts(), a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>()) {
        let Made { log, revoked, .. } = made_of(&acts);
        let (a, b) = (a.index(log.records.len()), b.index(log.records.len()));
        let (first, last) = (a.min(b), a.max(b));
        let parts = log.range(first..last + 1);
        prop_assert_eq!(parts.bytes(), parts.by_writer());
        let require = ["integrity", "authenticity", "inclusion"].map(str::to_owned).to_vec();
        let answer = PolicyText { require: Some(require), ..trust(&log) }.judge(&parts.bytes(), usize::MAX);
        let is_revoked = revoked.range(first as u64..=last as u64).next().is_some();
        prop_assert_eq!(answer.exit, if is_revoked { 3 } else { 0 }, "{:?}", answer);
    }

    /// The operator changes one field of one record and signs everything after it anew: what the record then contradicts is found, at that record.
    #[test]
    fn one_false_field_is_caught_at_its_record(acts in acts(), field in 0usize..10) {
        let mut log = log_of(&acts);
        let mut record = log.draft(Kind::Deny, "export");
        let reason = falsify(&mut record, field, &log);
        let at = log.push(&record) as u64;
        log.heartbeat();
        let answer = PolicyText { references: vec![Kept { checkpoint: log.note(log.records.len()), ..Kept::default() }], ..trust(&log) }.judge(&log.whole().bytes(), usize::MAX);
        prop_assert_eq!(failure(&answer), (Some(reason), Some(at)), "{:?}", answer);
    }

    /// The same where nothing inside contradicts it: the clock of an old record. The reference does.
    #[test]
    fn a_rewritten_past_is_a_fork(acts in acts(), wall_ms: u32) {
        let mut log = log_of(&acts);
        log.heartbeat();
        let mut other = Log::new(&log.signer);
        other.push(&Record { wall_ms: u64::from(wall_ms), ..other.draft(Kind::Deny, "export") });
        while other.records.len() < log.records.len() {
            other.heartbeat();
        }
        let answer = PolicyText { references: vec![Kept { checkpoint: log.note(log.records.len()), ..Kept::default() }], ..trust(&log) }.judge(&other.whole().bytes(), usize::MAX);
        prop_assert_eq!(failure(&answer), (Some("fork"), Some(other.records.len() as u64)), "{:?}", answer);
    }
}

/// Makes one field false; gives the reason that must be found.
fn falsify(record: &mut Record<'static>, field: usize, log: &Log) -> &'static str {
    let genesis = decode(&log.records[0]).unwrap();
    let key = Signer::from_seed(0x90);
    let succession = Succession {
        key: key.key.clone(),
        committed: Committed { next: key.id(), recovery: KeyId::from_slice(genesis.fact("recovery").and_then(Fact::as_bytes).unwrap()).unwrap() },
    };
    match field {
        0 => {
            record.log_id = LogId([7; 32]);
            "log-id"
        }
        1 => {
            record.index += 1;
            "index"
        }
        2 => {
            record.prev = Some(RecordDigest([7; 64]));
            "prev"
        }
        3 => {
            record.kind = Kind::Outcome;
            record.closes = Some((RecordDigest([7; 64]), OutcomeCode::Executed));
            "pairing-order"
        }
        4 => {
            record.key_id = KeyId([7; 32]);
            // The signature beside it names the log's key, not the one that the record names.
            "malformed-signature"
        }
        5 => {
            record.mode = Mode::Sealed;
            record.kind = Kind::Terminal;
            "malformed-record"
        }
        6 => {
            record.kind = Kind::Erase;
            record.facts = facts(vec![("record", Fact::Uint(record.index)), ("record_digest", bytes(&[7; 64])), ("labels", Fact::List(vec![text("prompt")]))]);
            "erase"
        }
        7 => {
            record.kind = Kind::Revoke;
            record.facts = KeyEvent::Revoke { revocation: Revocation { revoked: key.id(), effective: record.index, since_ms: None }, to: None }.to_facts();
            "key-event"
        }
        8 => {
            record.kind = Kind::Seal;
            record.facts = facts(vec![("size", Fact::Uint(record.index)), ("root", bytes(&[7; 32])), ("signatures", bytes(&[7; 64]))]);
            "seal"
        }
        _ => {
            // A key that nobody committed to, with a signature of its own: the list of keys does not hold it.
            record.kind = Kind::Rotate;
            let message = rotation_message(log.id, record.index, record.prev.unwrap(), &succession);
            record.facts = KeyEvent::Rotate { to: succession, proof: Box::new(key.sign(&message)) }.to_facts();
            "key-history"
        }
    }
}
