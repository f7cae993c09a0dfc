//! `oar prove`, `oar export` and `oar diff` on logs made for the purpose.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

#[path = "../../../foundations/proof/tests/common/mod.rs"]
mod common;

use common::settled::{WIDE, settlement};
use common::{Log, Parts, Signer};
// What the shared module is made with.
use libcrux_ml_dsa as _;
use mickai_proof::commitment::Opening;
use mickai_proof::digest::Salt;
use mickai_proof::history::Revocation;
use mickai_proof::limits::{KEY_EVENTS_MAX, MAP_ENTRIES_MAX};
use mickai_proof::tiles::{Tile, tiles};
use mickai_proof::view;
use serde as _;
use serde_json::Value;
use sha2 as _;
use sha3 as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder with bundles in it, in which `oar` runs.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new(bundles: &[(&str, &Parts)]) -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        bundles.iter().for_each(|(name, parts)| fs::write(desk.path(name), parts.bytes()).unwrap());
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn oar(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_oar")).args(args).current_dir(self.0.path()).output().unwrap()
    }

    /// Must end with this code; gives what it said on both streams.
    #[track_caller]
    fn says(&self, args: &[&str], code: i32) -> String {
        let output = self.oar(args);
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        said
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// Nothing is left of what was not finished.
    #[track_caller]
    fn holds(&self, names: &[&str]) {
        let mut found: Vec<_> = fs::read_dir(self.0.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        found.sort();
        assert_eq!(found, names);
    }
}

/// Genesis, a generation, sealed records and their seal, another generation.
fn log() -> Log {
    let mut log = Log::new(&Signer::from_seed(1));
    let intent = log.intent();
    log.outcome(intent);
    log.heartbeats(5);
    log.seal();
    let intent = log.intent();
    log.outcome(intent);
    log
}

/// Opens every value of the records that the parts hold.
fn opened(mut parts: Parts, log: &Log) -> Parts {
    let (first, end) = (parts.header.first, parts.header.end());
    let inside = |index: u64| (first..end).contains(&index);
    for (at, chunk) in (0u64..).zip(&mut parts.chunks) {
        let of_chunk = |index: u64| (index - first) / 1_024 == at;
        chunk.openings = log.openings.iter().filter(|opening| inside(opening.index) && of_chunk(opening.index)).cloned().collect();
    }
    parts
}

#[test]
fn what_is_cut_out_is_what_would_have_been_exported() {
    let log = log();
    let desk = Desk::new(&[("whole.oar", &opened(log.whole(), &log)), ("bare.oar", &log.whole())]);
    for range in [0..1, 1..2, 2..3, 5..6, 10..11, 1..3, 3..9, 0..10, 0..11, 4..11] {
        let asked = format!("{}-{}", range.start, range.end - 1);
        let parts = log.range(range.clone());
        assert_eq!(desk.oar(&["prove", "whole.oar", "--range", &asked]).stdout, opened(parts.clone(), &log).bytes(), "{asked}");
        assert_eq!(desk.oar(&["prove", "whole.oar", "--range", &asked, "--hide"]).stdout, parts.bytes(), "{asked} hidden");
        assert_eq!(desk.oar(&["prove", "bare.oar", "--range", &asked]).stdout, parts.bytes(), "{asked} of bare");
    }
    assert_eq!(desk.oar(&["prove", "bare.oar", "--record", "7"]).stdout, log.range(7..8).bytes());
    desk.says(&["prove", "whole.oar", "--record", "2", "-o", "two.oar"], 0);
    assert_eq!(desk.read("two.oar"), opened(log.range(2..3), &log).bytes());
    let id = log.signer.id().to_string();
    desk.says(&["verify", "two.oar", "--key-id", &id, "--require", "integrity,authenticity,inclusion"], 0);
}

/// A log whose key was rotated, revoked later on, and rotated again.
fn succeeded() -> Log {
    let mut log = Log::new(&Signer::from_seed(1));
    let first = log.signer.id();
    log.heartbeat();
    log.rotate(&common::log::next());
    log.heartbeats(2);
    log.revoke(Revocation { revoked: first, effective: 2, since_ms: None });
    log.succeed_with(&common::log::recovery(), 5, None, |_| ());
    let intent = log.intent();
    log.outcome(intent);
    log
}

#[test]
fn a_cut_carries_the_key_events_that_lie_outside() {
    let log = succeeded();
    let desk = Desk::new(&[("whole.oar", &log.whole())]);
    for (asked, range) in [("3-3", 3..4), ("0-2", 0..3), ("2-6", 2..7), ("7-8", 7..9), ("0-8", 0..9)] {
        let parts = log.range(range);
        assert_eq!(parts.keys.len(), 3);
        assert_eq!(desk.oar(&["prove", "whole.oar", "--range", asked]).stdout, parts.bytes(), "{asked}");
    }
    desk.says(&["prove", "whole.oar", "--record", "8", "-o", "eight.oar"], 0);
    let id = Signer::from_seed(1).id().to_string();
    desk.says(&["verify", "eight.oar", "--key-id", &id, "--require", "integrity,authenticity,inclusion"], 0);
    let said = desk.says(&["inspect", "eight.oar"], 0);
    for word in ["     0  outside the range: genesis begins the log with key", "     2  outside the range: rotate ends key", "revokes key", "from index 2 on"] {
        assert!(said.contains(word), "{word}: {said}");
    }
}

#[test]
fn a_log_of_more_key_events_than_a_bundle_may_list_is_not_cut() {
    let mut log = Log::new(&Signer::from_seed(1));
    let revocation = Revocation { revoked: log.signer.id(), effective: 0, since_ms: None };
    log.rotate(&common::log::next());
    // Genesis and the rotation are two of them.
    for _ in 2..KEY_EVENTS_MAX {
        log.revoke(revocation);
    }
    let most = log.whole();
    log.revoke(revocation);
    let desk = Desk::new(&[("more.oar", &log.whole()), ("most.oar", &most)]);
    desk.says(&["prove", "most.oar", "--record", "0", "-o", "cut.oar"], 0);
    let id = Signer::from_seed(1).id().to_string();
    desk.says(&["verify", "cut.oar", "--key-id", &id, "--require", "integrity,authenticity,inclusion"], 3);
    assert!(desk.says(&["prove", "more.oar", "--record", "0", "-o", "new.oar"], 1).contains("more than 256 key events"));
    assert!(desk.says(&["verify", "more.oar", "--key-id", &id], 1).starts_with("INVALID key-event at index 256\n"));
    desk.holds(&["cut.oar", "more.oar", "most.oar"]);
}

/// Openings of record 1 with these labels, whatever it commits to.
fn openings(labels: impl Iterator<Item = usize>, value: &[u8]) -> Vec<Opening> {
    labels.map(|label| Opening { index: 1, label: format!("{label:03}"), salt: Salt([7; 32]), value: value.to_vec() }).collect()
}

#[test]
fn more_openings_than_a_record_has_commitments_are_refused() {
    let log = log();
    let of = |count: usize| {
        let mut parts = log.whole();
        parts.chunks[0].openings = openings(0..count, b"x");
        parts
    };
    let desk = Desk::new(&[("more.oar", &of(MAP_ENTRIES_MAX + 1)), ("most.oar", &of(MAP_ENTRIES_MAX))]);
    desk.says(&["export", "most.oar", "--as", "jsonl", "-o", "lines"], 0);
    desk.says(&["prove", "most.oar", "--record", "1", "-o", "cut.oar"], 0);
    for args in [
        &["prove", "more.oar", "--record", "1", "-o", "new.oar"][..],
        &["export", "more.oar", "--as", "jsonl", "-o", "new"],
        &["diff", "more.oar", "most.oar"],
        &["diff", "most.oar", "more.oar"],
    ] {
        assert!(desk.says(args, 1).contains("more.oar: an opening of record 1 is not where it should be, or one too many"), "{args:?}");
    }
    desk.holds(&["cut.oar", "lines", "more.oar", "most.oar"]);
}

#[test]
fn chunks_begin_anew_where_the_cut_begins() {
    let mut log = Log::new(&Signer::from_seed(1));
    log.heartbeats(2_100);
    let desk = Desk::new(&[("whole.oar", &log.whole())]);
    for (asked, range) in [("1000-1030", 1_000..1_031), ("1-2099", 1..2_100), ("1024-2047", 1_024..2_048)] {
        assert!(desk.oar(&["prove", "whole.oar", "--range", asked]).stdout == log.range(range).bytes(), "{asked}");
    }
}

#[test]
fn a_cut_that_cannot_be_made_says_why_and_leaves_nothing() {
    let log = log();
    let mut other_root = log.whole();
    other_root.note = log.first(10).note(10).into_bytes();
    let mut exchanged = log.whole();
    exchanged.chunks[0].records.swap(3, 4);
    let desk =
        Desk::new(&[("exchanged.oar", &exchanged), ("older.oar", &other_root), ("part.oar", &log.range(0..4)), ("tail.oar", &log.range(3..11)), ("whole.oar", &log.whole())]);
    fs::write(desk.path("cut.oar"), &desk.read("whole.oar")[..9_000]).unwrap();
    fs::write(desk.path("text.oar"), "no bundle").unwrap();
    for (args, code, said) in [
        (&["prove", "whole.oar"][..], 64, "--record"),
        (&["prove", "whole.oar", "--record", "1", "--range", "1-2"], 64, "cannot be used with"),
        (&["prove", "whole.oar", "--range", "5-3"], 64, "FIRST-LAST"),
        (&["prove", "whole.oar", "--range", "5"], 64, "FIRST-LAST"),
        (&["prove", "whole.oar", "--record", "11", "-o", "new.oar"], 64, "records 0 to 10"),
        (&["prove", "part.oar", "--record", "1", "-o", "new.oar"], 64, "a bundle of the whole log"),
        (&["prove", "tail.oar", "--record", "4", "-o", "new.oar"], 64, "a bundle of the whole log"),
        (&["prove", "older.oar", "--record", "1", "-o", "new.oar"], 64, "a bundle of the whole log"),
        (&["prove", "exchanged.oar", "--record", "1", "-o", "new.oar"], 1, "root"),
        (&["prove", "cut.oar", "--record", "1", "-o", "new.oar"], 1, "breaks off"),
        (&["prove", "text.oar", "--record", "1", "-o", "new.oar"], 4, "not a bundle"),
        (&["prove", "absent.oar", "--record", "1", "-o", "new.oar"], 4, "cannot read"),
        (&["prove", "whole.oar", "--record", "1", "-o", "tail.oar"], 64, "not overwritten"),
        (&["prove", "whole.oar", "--record", "1", "-o", "nowhere/new.oar"], 4, "cannot write"),
        (&["export", "whole.oar", "--as", "tiles", "-o", "tail.oar"], 64, "not overwritten"),
        (&["export", "tail.oar", "--as", "tiles", "-o", "new"], 64, "a bundle of the whole log"),
        (&["export", "older.oar", "--as", "tiles", "-o", "new"], 64, "a bundle of the whole log"),
        (&["export", "exchanged.oar", "--as", "tiles", "-o", "new"], 1, "root"),
        (&["export", "cut.oar", "--as", "tiles", "-o", "new"], 1, "breaks off"),
        (&["export", "cut.oar", "--as", "jsonl", "-o", "new"], 1, "breaks off"),
        (&["export", "text.oar", "--as", "jsonl", "-o", "new"], 4, "not a bundle"),
        (&["export", "whole.oar", "--as", "receipt", "-o", "new"], 64, "tiles"),
    ] {
        let output = desk.says(args, code);
        assert!(output.contains(said), "{args:?}: {output}");
        desk.holds(&["cut.oar", "exchanged.oar", "older.oar", "part.oar", "tail.oar", "text.oar", "whole.oar"]);
    }
}

#[test]
fn lines_are_the_records_with_their_openings_each_time_the_same() {
    let log = log();
    let whole = opened(log.whole(), &log);
    let desk = Desk::new(&[("whole.oar", &whole)]);
    desk.says(&["export", "whole.oar", "--as", "jsonl", "-o", "lines"], 0);
    let text = String::from_utf8(desk.read("lines")).unwrap();
    assert_eq!(text.as_bytes(), desk.oar(&["export", "whole.oar", "--as", "jsonl", "-o", "-"]).stdout);
    let openings = |index: u64| log.openings.iter().filter(|opening| opening.index == index).cloned().collect::<Vec<_>>();
    let wanted: Vec<_> = (0u64..).zip(log.records.iter().zip(&log.signatures)).map(|(index, (record, signature))| view::line(index, record, signature, &openings(index))).collect();
    assert_eq!(text.lines().collect::<Vec<_>>(), wanted);
}

fn files_under(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(one) = waiting.pop() {
        for entry in fs::read_dir(one).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { waiting.push(path) } else { found.push(path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned()) }
        }
    }
    found.sort();
    found
}

#[test]
fn a_folder_of_tiles_holds_the_checkpoint_and_every_record_once() {
    let mut log = Log::new(&Signer::from_seed(1));
    log.heartbeats(600);
    let desk = Desk::new(&[("whole.oar", &log.whole())]);
    desk.says(&["export", "whole.oar", "--as", "tiles", "-o", "log"], 0);
    let mut wanted: Vec<_> = tiles(0, 601).into_iter().map(Tile::path).chain(["checkpoint".to_owned()]).collect();
    wanted.sort();
    assert_eq!(files_under(&desk.path("log")), wanted);
    assert_eq!(desk.read("log/checkpoint"), log.note(601).into_bytes());
    let entries = ["000", "001", "002.p/89"].map(|name| desk.read(&format!("log/tile/entries/{name}"))).concat();
    let records: Vec<u8> = log.records.iter().flat_map(|record| [&(record.len() as u16).to_be_bytes()[..], record].concat()).collect();
    assert!(entries == records);
    // A folder may be named with a slash at its end.
    desk.says(&["export", "whole.oar", "--as", "tiles", "-o", "again/"], 0);
    assert_eq!(files_under(&desk.path("again")), wanted);
    desk.holds(&["again", "log", "whole.oar"]);
}

/// The same log, with another outcome at index 2 and what follows from it.
fn other_log() -> Log {
    let mut log = Log::new(&Signer::from_seed(1));
    let intent = log.intent();
    let outcome = log.outcome(intent);
    let mut record = log.records[outcome].clone();
    // The last byte of the wall clock stands where it stood: another time, one millisecond apart.
    let at = record.windows(3).position(|bytes| bytes == [0x05, 0x1b, 0x00]).unwrap() + 9;
    record[at] ^= 1;
    log.records[outcome] = record;
    log.signatures[outcome] = log.signer.sign_record(log.id, &log.records[outcome]);
    log.heartbeats(3);
    log
}

#[test]
fn two_bundles_are_compared_record_by_record_and_field_by_field() {
    let (log, other) = (log(), other_log());
    let stranger = {
        let mut log = Log::new(&Signer::from_seed(2));
        log.heartbeats(2);
        log
    };
    let older = log.first(7);
    let mut unsigned = other.whole();
    unsigned.note = Signer::from_seed(3).sign_checkpoint(&other.checkpoint(6)).into_bytes();
    let desk = Desk::new(&[
        ("whole.oar", &log.whole()),
        ("opened.oar", &opened(log.whole(), &log)),
        ("older.oar", &older.whole()),
        ("part.oar", &log.range(4..8)),
        ("other.oar", &other.whole()),
        ("unsigned.oar", &unsigned),
        ("stranger.oar", &stranger.whole()),
    ]);
    let (a, b, c) = (log.records.len() - 1, log.id.short(), stranger.id.short());
    assert_eq!(a, 10);
    for (left, right, code, said, not) in [
        ("whole.oar", "whole.oar", 0, &["the bundles say the same"][..], "differ"),
        ("whole.oar", "opened.oar", 1, &["record 1: prompt is not opened alike", "record 10: output is not opened alike"], "FORK"),
        ("older.oar", "whole.oar", 1, &["only in the second: 7\u{2013}10", "7 records, root", "11 records, root"], "FORK"),
        ("part.oar", "whole.oar", 1, &["only in the second: 0\u{2013}3", "only in the second: 8\u{2013}10"], "checkpoints"),
        (
            "whole.oar",
            "other.oar",
            1,
            &[
                "records 0\u{2013}1 are the same",
                "record 2 differs (the first of 4)",
                "  wall_ms: 1795420802000 | 1795420802001",
                "only in the first: 6\u{2013}10",
                "FORK: the checkpoints of 11 and 6",
            ],
            "facts",
        ),
        ("other.oar", "whole.oar", 1, &["FORK: the checkpoints of 6 and 11", "only in the second: 6\u{2013}10"], "proves nothing"),
        ("unsigned.oar", "whole.oar", 1, &["this proves nothing"], "FORK"),
        ("whole.oar", "stranger.oar", 1, &["two logs: ", &b, &c, "other keys", "record 0 differs", "  facts.key: "], "FORK"),
    ] {
        let output = desk.says(&["diff", left, right], code);
        for word in said {
            assert!(output.contains(word), "{left} {right} does not say {word:?}:\n{output}");
        }
        assert!(!output.contains(not), "{left} {right}:\n{output}");
        let lines = String::from_utf8(desk.oar(&["diff", left, right, "--json"]).stdout).unwrap();
        let values: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(values.len(), output.lines().count());
    }
    desk.says(&["diff", "whole.oar", "absent.oar"], 4);
    desk.says(&["diff", "whole.oar"], 64);
}

/// Both lists are walked in step, each label once, and no more than 64 are listed, those of one record too.
#[test]
fn openings_are_compared_label_by_label() {
    let log = log();
    let with = |lists: &[Vec<Opening>]| {
        let mut parts = log.whole();
        parts.chunks[0].openings = lists.concat();
        parts.chunks[0].openings.sort_by(|a, b| (a.label.len(), &a.label).cmp(&(b.label.len(), &b.label)));
        parts
    };
    let few = [with(&[openings(0..3, b"x"), openings(5..8, b"x")]), with(&[openings(1..2, b"x"), openings(2..5, b"y"), openings(7..9, b"x")])];
    let many = [with(&[openings(0..60, b"x")]), with(&[openings(0..30, b"x"), openings(60..94, b"x")])];
    let one_more = with(&[openings(0..29, b"x"), openings(60..94, b"x")]);
    let desk = Desk::new(&[("few.oar", &few[0]), ("other.oar", &few[1]), ("many.oar", &many[0]), ("others.oar", &many[1]), ("more.oar", &one_more)]);
    let line = |label: usize| format!("record 1: {label:03} is not opened alike\n");
    let differing: String = [0, 2, 3, 4, 5, 6, 8].map(line).concat();
    assert_eq!(desk.says(&["diff", "few.oar", "other.oar"], 1), differing);
    assert_eq!(desk.says(&["diff", "other.oar", "few.oar"], 1), differing);
    let differing: String = (30..94).map(line).collect();
    assert_eq!(desk.says(&["diff", "many.oar", "others.oar"], 1), differing);
    let differing: String = (29..93).map(line).collect();
    assert_eq!(desk.says(&["diff", "many.oar", "more.oar"], 1), differing + "and more that is not opened alike\n");
}

#[test]
fn bundles_that_differ_in_settlements_or_key_events_alone_do_not_say_the_same() {
    let log = succeeded();
    let part = log.range(3..4);
    let settled = |set: &[&[u8]]| Parts { settlements: vec![settlement(set, &log, log.records.len()).encode()], ..part.clone() };
    let mut beside = part.clone();
    beside.events[0].signature[100] ^= 1;
    let desk = Desk::new(&[("part.oar", &part), ("settled.oar", &settled(&WIDE[..1])), ("later.oar", &settled(&WIDE[..2])), ("beside.oar", &beside)]);
    for (left, right, said) in [
        ("part.oar", "settled.oar", &["other settlements: none | chain ", "at height 8\n"][..]),
        ("settled.oar", "later.oar", &["other settlements: chain ", "at height 8 | chain ", "at height 18\n"]),
        ("beside.oar", "part.oar", &["other key events outside the range: 0 ("]),
    ] {
        let output = desk.says(&["diff", left, right], 1);
        assert!(output.lines().count() == 1 && said.iter().all(|word| output.contains(word)), "{left} {right}:\n{output}");
        let line: Value = serde_json::from_str(&desk.says(&["diff", left, right, "--json"], 1)).unwrap();
        let sides = line.as_object().unwrap().values().next().and_then(Value::as_array).unwrap();
        assert_eq!(sides.len(), 2, "{line}");
    }
    desk.says(&["diff", "settled.oar", "settled.oar"], 0);
}

#[test]
fn two_histories_make_a_proof_that_anybody_can_check() {
    let (log, other) = (log(), other_log());
    let mut unsigned = other.whole();
    unsigned.note = Signer::from_seed(3).sign_checkpoint(&other.checkpoint(6)).into_bytes();
    let stranger = Log::new(&Signer::from_seed(2));
    let mut altered = log.whole();
    altered.chunks[0].records.swap(8, 9);
    let desk = Desk::new(&[
        ("whole.oar", &log.whole()),
        ("older.oar", &log.first(7).whole()),
        ("part.oar", &log.range(4..8)),
        ("other.oar", &other.whole()),
        ("same.oar", &log.first(6).whole()),
        ("stranger.oar", &stranger.whole()),
        ("unsigned.oar", &unsigned),
        ("altered.oar", &altered),
    ]);
    fs::write(desk.path("pin.txt"), other.note(4)).unwrap();
    fs::write(desk.path("pin6.txt"), other.note(6)).unwrap();
    fs::write(desk.path("honest.txt"), log.note(4)).unwrap();
    fs::write(desk.path("key.pub"), log.signer.key.to_pem()).unwrap();
    fs::write(desk.path("stranger.pub"), stranger.signer.key.to_pem()).unwrap();
    for (left, right) in
        [("whole.oar", "other.oar"), ("other.oar", "whole.oar"), ("pin.txt", "whole.oar"), ("whole.oar", "pin6.txt"), ("other.oar", "same.oar"), ("pin6.txt", "same.oar")]
    {
        desk.says(&["fork-proof", left, right, "-o", "case.fork"], 0);
        assert!(desk.says(&["verify", "case.fork", "--key", "key.pub"], 1).starts_with("INVALID fork\n"), "{left} {right}");
        assert!(desk.says(&["verify", "case.fork", "--key", "stranger.pub"], 1).starts_with("INVALID unknown-key\n"));
        assert!(desk.says(&["verify", "case.fork"], 64).contains("misuse-key"));
        assert!(desk.says(&["verify", "case.fork", "--key-id", &log.signer.key.id().to_string()], 64).contains("misuse-key"));
        fs::remove_file(desk.path("case.fork")).unwrap();
    }
    for (args, code, said) in [
        (&["fork-proof", "older.oar", "whole.oar", "-o", "case.fork"][..], 1, "no fork: the checkpoints of 7 and of 11 records can both be true"),
        (&["fork-proof", "honest.txt", "whole.oar", "-o", "case.fork"], 1, "can both be true"),
        (&["fork-proof", "whole.oar", "whole.oar", "-o", "case.fork"], 1, "can both be true"),
        (&["fork-proof", "stranger.oar", "whole.oar", "-o", "case.fork"], 64, "two logs"),
        (&["fork-proof", "unsigned.oar", "whole.oar", "-o", "case.fork"], 1, "unsigned.oar: its checkpoint is signed by no key"),
        (&["fork-proof", "other.oar", "part.oar", "-o", "case.fork"], 64, "part.oar: the records under its checkpoint of 11 are needed"),
        (&["fork-proof", "pin.txt", "pin6.txt", "-o", "case.fork"], 1, "signed by no key"),
        (&["fork-proof", "pin.txt", "pin6.txt", "--key", "key.pub", "-o", "case.fork"], 64, "pin6.txt: the records under its checkpoint of 6 are needed"),
        (&["fork-proof", "other.oar", "altered.oar", "-o", "case.fork"], 1, "do not give the root"),
        (&["fork-proof", "other.oar", "absent.oar", "-o", "case.fork"], 4, "cannot read"),
        (&["fork-proof", "other.oar", "key.pub", "-o", "case.fork"], 4, "not a bundle"),
        (&["fork-proof", "other.oar", "whole.oar", "-o", "key.pub"], 64, "not overwritten"),
        (&["fork-proof", "other.oar", "whole.oar", "--key", "pin.txt", "-o", "case.fork"], 64, "misuse-key"),
        (&["fork-proof", "other.oar", "whole.oar"], 64, "--out"),
    ] {
        let output = desk.says(args, code);
        assert!(output.contains(said), "{args:?}: {output}");
        assert!(!desk.path("case.fork").exists());
    }
}
