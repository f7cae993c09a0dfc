//! Arbitrary bytes never make anything panic; valid logs are accepted whatever they hold; one change, properly signed downstream, is caught where it must be.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test")]

mod common;

use common::vector::{Expect, Kept, PolicyText};
use common::{Log, Signer};
use mickai_proof::bundle::Parser;
use mickai_proof::checkpoint::Note;
use mickai_proof::digest::{KeyId, LogId, RecordDigest};
use mickai_proof::record::{Kind, Mode, OutcomeCode, Record, decode, encode};
use proptest::prelude::*;

/// One act of a random log.
#[derive(Clone, Debug)]
enum Act {
    Intent,
    Outcome(prop::sample::Index),
    Heartbeat,
    Deny,
    Seal,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![Just(Act::Intent), any::<prop::sample::Index>().prop_map(Act::Outcome), Just(Act::Heartbeat), Just(Act::Heartbeat), Just(Act::Deny), Just(Act::Seal)];
    prop::collection::vec(act, 1..12)
}

/// The log that the acts give; an outcome without an open intent is left out.
fn log_of(acts: &[Act]) -> Log {
    let mut log = Log::new(&Signer::from_seed(7));
    let mut open = Vec::new();
    for act in acts {
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
        }
    }
    log
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
    fn valid_logs_are_verified(acts in acts(), opened: u64, piece_len in 1usize..5_000) {
        let log = log_of(&acts);
        let mut parts = log.whole();
        parts.chunks[0].openings = log.openings.iter().enumerate().filter(|(place, _)| opened >> place & 1 == 1).map(|(_, opening)| opening.clone()).collect();
        let bytes = parts.bytes();
        prop_assert_eq!(&bytes, &parts.by_writer());
        let answer = PolicyText { references: vec![Kept { checkpoint: log.note(log.records.len()), ..Kept::default() }], ..trust(&log) }.judge(&bytes, piece_len);
        prop_assert_eq!(answer.exit, 0, "{:?}", answer);
    }

    #[test]
    fn every_range_of_a_valid_log_is_included(acts in acts(), a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>()) {
        let log = log_of(&acts);
        let (a, b) = (a.index(log.records.len()), b.index(log.records.len()));
        let parts = log.range(a.min(b)..a.max(b) + 1);
        prop_assert_eq!(parts.bytes(), parts.by_writer());
        let require = ["integrity", "authenticity", "inclusion"].map(str::to_owned).to_vec();
        let answer = PolicyText { require: Some(require), ..trust(&log) }.judge(&parts.bytes(), usize::MAX);
        prop_assert_eq!(answer.exit, 0, "{:?}", answer);
    }

    /// The operator changes one field of one record and signs everything after it anew: what the record then contradicts is found, at that record.
    #[test]
    fn one_false_field_is_caught_at_its_record(acts in acts(), field in 0usize..6) {
        let mut log = log_of(&acts);
        let mut record = log.draft(Kind::Deny, "export");
        let reason = falsify(&mut record, field);
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
fn falsify(record: &mut Record<'static>, field: usize) -> &'static str {
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
        _ => {
            record.mode = Mode::Sealed;
            record.kind = Kind::Terminal;
            "malformed-record"
        }
    }
}
