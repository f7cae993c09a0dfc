//! Records that are accepted: every kind that this version knows, and the edges of every limit.

use crate::Files;
use crate::common::log::{Log, Signer, any_commitment, bytes, facts, text};
use crate::common::vector::{RecordVector, judge_record, to_hex};
use mickai_proof::digest::RecordDigest;
use mickai_proof::limits;
use mickai_proof::record::{ActorClass, Fact, Kind, Mode, OutcomeCode, Record, encode};
use std::borrow::Cow;

/// The log that the record vectors are taken from.
pub fn log() -> Log {
    let mut log = Log::new(&Signer::from_seed(1));
    let intent = log.intent();
    log.outcome(intent);
    log
}

pub fn write(files: &mut Files) {
    let log = log();
    accept(files, "genesis", "record 0 of a log, the example of spec/record.md", &log.records[0]);
    accept(files, "intent", "an intent to generate with all its facts", &log.records[1]);
    accept(files, "outcome", "the outcome that closes it", &log.records[2]);
    for (name, why, record) in kinds(&log).into_iter().chain(edges(&log)) {
        accept(files, name, why, &encode(&record));
    }
}

fn accept(files: &mut Files, name: &str, why: &str, record: &[u8]) {
    let expect = judge_record(record);
    assert!(expect.ok, "{name}: {expect:?}");
    assert_eq!(expect.digest, Some(RecordDigest::of(record).to_string()));
    files.vector("record", true, name, &RecordVector { name: name.to_owned(), why: why.to_owned(), record: to_hex(record), expect });
}

type Named = (&'static str, &'static str, Record<'static>);

fn kinds(log: &Log) -> Vec<Named> {
    let sealed = |kind, action| Record { mode: Mode::Sealed, ..log.draft(kind, action) };
    let detail = Record { causes: vec![(1, log.digest(1))], ..sealed(Kind::Detail, "token") };
    let unknown =
        Record { closes: Some((log.digest(1), OutcomeCode::Unknown)), actor: (ActorClass::System, mickai_proof::digest::Id::ZERO), ..log.draft(Kind::Outcome, "generate") };
    vec![
        ("outcome-unknown", "what a restart writes about an intent that a crash left open", unknown),
        ("deny", "an act that policy refused", log.draft(Kind::Deny, "export")),
        ("seal", "a seal", log.draft_seal()),
        ("heartbeat-each", "a heartbeat signed by itself", log.draft(Kind::Heartbeat, "beat")),
        ("heartbeat-sealed", "a heartbeat that a later seal covers", sealed(Kind::Heartbeat, "beat")),
        ("detail-each", "a detail signed by itself", Record { mode: Mode::Each, ..detail.clone() }),
        ("detail-sealed", "a detail whose cause names the intent", detail),
        ("terminal", "the end of a log", log.draft(Kind::Terminal, "close")),
    ]
}

fn edges(log: &Log) -> Vec<Named> {
    let draft = || log.draft(Kind::Deny, "export");
    let labels = |count: usize| (0..count).map(|i| Cow::Owned(format!("label-{i:02}"))).collect::<Vec<_>>();
    let longest = "\u{e9}".repeat(32);
    // Three bytes of head each: the fact's label and its byte string fill the record to its last byte.
    let filled = |len: usize| Record { facts: facts(vec![("fill", bytes(&vec![0x5a; len]))]), ..draft() };
    let room = limits::RECORD_BYTES_MAX - (encode(&filled(1_000)).len() - 1_000);
    // Levels 1 and 2 are the record's map and the extensions' map; six arrays more are eight.
    let deepest = [0x81, 0x81, 0x81, 0x81, 0x81, 0x80];
    let extension = |value: &[u8]| vec![(Cow::Borrowed("x"), Cow::Owned(value.to_vec()))];
    vec![
        (
            "largest-integers",
            "every plain integer as large as CBOR has them: a reader that keeps them in doubles loses bits",
            Record {
                wall_ms: u64::MAX,
                monotonic_ns: u64::MAX,
                authority: (log.draft(Kind::Deny, "").authority.0, u64::MAX),
                facts: facts(vec![("n", Fact::Uint(u64::MAX))]),
                ..draft()
            },
        ),
        ("integer-heads", "integers on both sides of each head's limit", Record { facts: integer_heads(), ..draft() }),
        ("action-64-bytes", "an action of 64 bytes in 32 characters", Record { action: Cow::Owned(longest.clone()), ..draft() }),
        ("label-64-bytes", "labels of 64 bytes", Record { commitments: vec![(Cow::Owned(longest), any_commitment())], ..draft() }),
        (
            "label-order",
            "shorter labels first, then bytewise",
            Record { facts: facts(vec![("b", Fact::Uint(1)), ("aa", Fact::Uint(2)), ("B", Fact::Uint(3)), ("\u{e9}", Fact::Uint(4))]), ..draft() },
        ),
        ("facts-64", "as many facts as there may be", Record { facts: labels(64).into_iter().map(|label| (label, Fact::Uint(1))).collect(), ..draft() }),
        ("commitments-64", "as many commitments as there may be", Record { commitments: labels(64).into_iter().map(|label| (label, any_commitment())).collect(), ..draft() }),
        (
            "fact-forms",
            "every form that a fact can have, the empty ones too",
            Record {
                facts: facts(vec![
                    ("list", Fact::List(vec![Fact::Uint(0), bytes(b""), text("\u{1f511}")])),
                    ("none", Fact::List(Vec::new())),
                    ("blank", text("")),
                    ("empty", bytes(b"")),
                ]),
                ..draft()
            },
        ),
        (
            "text-not-normalised",
            "text is bytes: a letter and its combining accent are not one character, and NUL is text",
            Record { facts: facts(vec![("t", text("e\u{301}\0\u{feff}"))]), ..draft() },
        ),
        ("causes-64", "as many causes as there may be", Record { index: 100, causes: (0..64).map(|i| (i, RecordDigest([i as u8; 64]))).collect(), ..draft() }),
        ("extension-not-critical", "an extension that a verifier may pass over, eight levels deep", Record { extensions: extension(&deepest), ..draft() }),
        ("extension-map", "an extension that is a map, with the empty key first", Record { extensions: extension(&[0xa2, 0x60, 0x01, 0x61, b'a', 0xa0]), ..draft() }),
        ("record-61440-bytes", "a record as long as one may be", filled(room)),
    ]
}

fn integer_heads() -> Vec<(Cow<'static, str>, Fact<'static>)> {
    let values = [0, 23, 24, 255, 256, 65_535, 65_536, u64::from(u32::MAX), 1 << 32, (1 << 53) - 1, 1 << 53, (1 << 53) + 1];
    vec![(Cow::Borrowed("heads"), Fact::List(values.into_iter().map(Fact::Uint).collect()))]
}
