//! The index answers as a walk through the log would, and is never believed.

use super::*;
use crate::error::Error;
use crate::home::Home;
use crate::log::{Draft, LogReader, LogWriter, fsck};
use crate::testing::{heartbeat, intent, new_home, writer};
use mickai_proof::digest::Id;
use mickai_proof::record::{Fact, Kind, Mode, OutcomeCode};
use rusqlite::Connection;

/// A log of some acts, each the cause of the next.
fn log(home: &Home) -> LogWriter {
    let mut live = writer(home).unwrap();
    let mut cause = None;
    for turn in 0..12_u8 {
        let mut draft = intent();
        draft.action = if turn % 3 == 0 { "replay".to_owned() } else { "generate".to_owned() };
        draft.causes.extend(cause);
        // Two acts have one key, and a fact of another length is none.
        if turn % 4 == 1 {
            draft = draft.fact("idempotency", Fact::Bytes(vec![turn / 8; if turn == 9 { 31 } else { 32 }].into()));
        }
        let permit = live.append_intent(draft, &[]).unwrap();
        let act = live.begin(permit).unwrap();
        let outcome = live.close(act, OutcomeCode::Executed, Vec::new(), &[]).unwrap();
        cause = Some((outcome.index, outcome.digest));
        live.append(Draft { mode: Mode::Sealed, ..heartbeat() }).unwrap();
    }
    live
}

fn queries(reader: &LogReader) -> Vec<Query> {
    let digest = reader.entry(4).unwrap().unwrap().digest();
    let text = digest.to_string();
    let wall_ms = reader.entry(4).unwrap().unwrap().decode().unwrap().wall_ms;
    vec![
        Query::default(),
        Query { newest_first: true, limit: Some(3), ..Query::default() },
        Query { kind: Some(Kind::Outcome), indexes: Some(5..20), ..Query::default() },
        Query { action: Some("replay".to_owned()), kind: Some(Kind::Intent), newest_first: true, ..Query::default() },
        Query { action: Some("' OR 1 --".to_owned()), ..Query::default() },
        Query { wall_ms: Some(wall_ms..wall_ms + 1), limit: Some(2), ..Query::default() },
        Query { wall_ms: Some(0..wall_ms), ..Query::default() },
        Query { digest_prefix: Some(text[..4].to_owned()), ..Query::default() },
        Query { digest_prefix: Some(text[..5].to_uppercase()), ..Query::default() },
        Query { digest_prefix: Some(text), ..Query::default() },
        Query { digest_prefix: Some("xyz".to_owned()), ..Query::default() },
        Query { cause: Some(2), ..Query::default() },
        Query { closes: Some(digest), ..Query::default() },
        Query { kind: Some(Kind::Seal), ..Query::default() },
        Query { key: Some(Id([0; 32])), newest_first: true, ..Query::default() },
        Query { key: Some(Id([1; 32])), ..Query::default() },
    ]
}

/// By the definition: every record of the log, one after the other.
fn walk(reader: &LogReader, query: &Query) -> Vec<u64> {
    let entries: Vec<_> = reader.entries(0..u64::MAX).map(Result::unwrap).collect();
    let mut found: Vec<_> = entries.iter().filter(|entry| query.asks_for(entry.digest(), &entry.decode().unwrap())).map(|entry| entry.index).collect();
    if query.newest_first {
        found.reverse();
    }
    found.truncate(query.limit.map_or(usize::MAX, |limit| limit as usize));
    found
}

fn assert_answers(home: &Home) {
    let reader = LogReader::open(home).unwrap();
    let mut index = Index::open(home, &reader, &mut |_| {}).unwrap();
    for query in queries(&reader) {
        let found: Vec<u64> = index.find(&reader, &query).unwrap().iter().map(|entry| entry.index).collect();
        assert_eq!(found, walk(&reader, &query), "{query:?}");
    }
}

#[test]
fn it_answers_as_a_walk_through_the_log_does() {
    let (_folder, home) = new_home();
    assert_eq!(Index::open(&home, &LogReader::open(&home).unwrap(), &mut |_| {}).unwrap().find(&LogReader::open(&home).unwrap(), &Query::default()).unwrap(), []);
    let mut live = log(&home);
    assert_answers(&home);
    // Behind: what came since is added; ahead: what a reader has not seen is not told.
    let early = LogReader::open(&home).unwrap();
    live.append_all(vec![heartbeat(), heartbeat()]).unwrap();
    assert_answers(&home);
    let newest = Query { newest_first: true, limit: Some(1), ..Query::default() };
    let found = Index::open(&home, &early, &mut |_| {}).unwrap().find(&early, &newest).unwrap();
    assert_eq!(found[0].index, early.size() - 1);
}

#[test]
fn whatever_is_wrong_with_it_it_is_made_again() {
    let (_folder, home) = new_home();
    let live = log(&home);
    drop(live);
    let (_other_folder, other) = new_home();
    drop(log(&other));
    assert_answers(&home);
    assert_answers(&other);
    let path = Index::path(&home);
    let sql = |sql: &str| Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    let damages: [&dyn Fn(); 10] = [
        &|| std::fs::remove_file(&path).unwrap(),
        &|| std::fs::write(&path, b"").unwrap(),
        &|| std::fs::write(&path, [7; 9_000]).unwrap(),
        &|| assert!(std::fs::copy(Index::path(&other), &path).unwrap() > 0),
        &|| sql("PRAGMA user_version = 1"),
        &|| sql("DROP TABLE record"),
        &|| sql("DROP TABLE log; CREATE TABLE log (name TEXT)"),
        // A record that is not what the index says shows when it is read.
        &|| sql("UPDATE record SET kind = 2 WHERE kind = 1"),
        &|| sql("UPDATE record SET action = 'replay'"),
        &|| sql("UPDATE record SET key = zeroblob(32)"),
    ];
    for damage in damages {
        damage();
        assert_answers(&home);
    }
}

#[test]
fn a_record_that_the_index_hides_is_found_by_the_check() {
    let (_folder, home) = new_home();
    drop(log(&home));
    assert_answers(&home);
    let path = Index::path(&home);
    assert!(fsck(&home, &mut |_| {}).unwrap().is_clean());
    for (sql, index) in [("DELETE FROM record WHERE number = 7", 7), ("DELETE FROM cause WHERE number = 4", 4), ("UPDATE record SET action = 'x' WHERE number = 9", 9)] {
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let report = fsck(&home, &mut |_| {}).unwrap();
        assert!(matches!(report.findings[..], [crate::log::Finding::Index { index: found }] if found == index), "{sql}: {:?}", report.findings);
        std::fs::remove_file(&path).unwrap();
        assert_answers(&home);
    }
    // Of another layout, or cut off before it had tables: the next opening fills it, so it hides nothing.
    Connection::open(&path).unwrap().execute_batch("DROP TABLE record; PRAGMA user_version = 1").unwrap();
    assert!(fsck(&home, &mut |_| {}).unwrap().is_clean());
    std::fs::write(&path, b"").unwrap();
    assert!(fsck(&home, &mut |_| {}).unwrap().is_clean());
    std::fs::write(&path, [7; 9_000]).unwrap();
    assert!(matches!(fsck(&home, &mut |_| {}).unwrap().findings[..], [crate::log::Finding::IndexUnreadable(Error::Index { .. })]));
}
