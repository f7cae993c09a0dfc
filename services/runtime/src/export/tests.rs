//! Every form of a small log, held against what the bundle of the same records says.

use super::*;
use crate::acts::fact;
use mickai_proof::bundle::{Cut, Event, Parser, Writer};
use mickai_proof::commitment::Opening;
use mickai_proof::digest::Id;
use mickai_proof::record::{ActorClass, Mode, OutcomeCode, Record, decode};
use mickai_proof::tiles::{Tile, Tiler};
use mickai_proof::verify::{Axis, Policy, Reference, TrustedKey, Word, verify};
use mickai_proof::{signature, view};
use mickai_store::{Custody, Erased, LogReader, LogWriter};
use std::fs;

const AUTHORITY: (Id, u64) = (Id([7; 32]), 1);

/// A home with a log of genesis and three acts whose intents and outcomes open to values.
fn home() -> (tempfile::TempDir, System) {
    let folder = tempfile::tempdir().unwrap();
    let system = System::open(&folder.path().join("home"), 1, Custody::default()).unwrap();
    let mut writer = LogWriter::open(system.home(), AUTHORITY).unwrap();
    for act in 0..3u64 {
        let draft = Draft::new(Kind::Intent, (ActorClass::System, Id::ZERO), AUTHORITY, "generate").fact("seed", Fact::Uint(act));
        let permit = writer.append_intent(draft, &[("prompt", b"ping"), ("prompt_tokens", &[1, 0, 0, 0])]).unwrap();
        let running = writer.begin(permit).unwrap();
        writer.close(running, OutcomeCode::Executed, Vec::new(), &[("output", "pong \u{2713}".as_bytes())]).unwrap();
    }
    drop(writer);
    (folder, system)
}

/// A bundle's content, by hand.
#[derive(Default)]
struct Content {
    header: Option<Header>,
    records: Vec<Vec<u8>>,
    signatures: Vec<Vec<u8>>,
    openings: Vec<Opening>,
    note: String,
}

fn content(bundle: &[u8]) -> Content {
    let (mut parser, mut content) = (Parser::default(), Content::default());
    parser.feed(bundle);
    while let Some(event) = parser.next_event().unwrap() {
        match event {
            Event::Header(header) => content.header = Some(header),
            Event::Record(_, bytes) => content.records.push(bytes.to_vec()),
            Event::Signature(_, bytes) => content.signatures.push(bytes.to_vec()),
            Event::Opening(opening) => content.openings.push(opening),
            Event::Checkpoint(note) => content.note = String::from_utf8(note.to_vec()).unwrap(),
            _ => {}
        }
    }
    content
}

impl Content {
    fn opened(&self, index: u64) -> Vec<Opening> {
        self.openings.iter().filter(|opening| opening.index == index).cloned().collect()
    }
}

/// The whole log as it is now under one note, in memory.
struct Now {
    reader: LogReader,
    note: String,
    checkpoint: Checkpoint,
}

impl Now {
    fn of(system: &System) -> Self {
        let note = system.checkpoint().unwrap();
        let checkpoint = Note::parse(note.as_bytes()).unwrap().checkpoint;
        Self { reader: system.reader().unwrap(), note, checkpoint }
    }

    fn bundle(&self, system: &System, selection: &Selection, open: &Open) -> Vec<u8> {
        let vault = system.vault(&self.reader).unwrap();
        let (_, account) = system.key_account().unwrap();
        let erased = Erased::default();
        let source = Source { reader: &self.reader, account: &account, size: self.checkpoint.size, values: vault.as_ref().map(|vault| (vault, &erased)), kept: None };
        let header = header(&self.reader, selection, self.checkpoint.size).unwrap();
        let around = source.around(&header, Some(self.checkpoint.root)).unwrap();
        let mut bytes = Vec::new();
        source
            .bundle(header, &around, &[], &self.note, open, &mut |piece| {
                bytes.extend(piece);
                Ok(())
            })
            .unwrap();
        bytes
    }
}

/// What a stranger cuts out of the whole bundle is what the operator exports of the same records under the same checkpoint.
#[test]
fn a_part_is_the_same_bytes_out_of_the_log_and_out_of_a_whole_bundle() {
    let (_folder, system) = home();
    let now = Now::of(&system);
    for open in [&Open::default(), &Open::all(), &Open::label("prompt")] {
        let whole = content(&now.bundle(&system, &Selection::All, open));
        let size = whole.records.len() as u64;
        assert_eq!((size, whole.openings.is_empty()), (7, open.is_empty()));
        for first in 0..size {
            for end in first + 1..=size {
                let mut cut = Cut::new(first..end, size);
                whole.records.iter().zip(&whole.signatures).for_each(|(record, signature)| cut.push(record, signature));
                let (around, root) = cut.finish().unwrap();
                assert_eq!(root, now.checkpoint.root);
                let header = Header { first, count: end - first, ..whole.header.unwrap() };
                let mut writer = Writer::new(header, &around.keys, &around.events, &around.left);
                for index in first..end {
                    let at = usize::try_from(index).unwrap();
                    writer.push(whole.records[at].clone(), whole.signatures[at].clone(), whole.opened(index));
                }
                assert_eq!(now.bundle(&system, &Selection::Range(first..end), open), writer.finish(&around.right, &whole.note), "{first}..{end}");
            }
        }
    }
}

fn export(system: &System, folder: &Path, form: Form, selection: &Selection, open: &Open) -> (PathBuf, Exported) {
    let path = folder.join(form.name());
    let exported = system.export(form, selection, open, &path, None).unwrap();
    (path, exported)
}

/// The records that an export wrote about itself.
fn said<T>(system: &System, exported: &Exported, read: impl Fn(&Record<'_>, &Record<'_>) -> T) -> T {
    let reader = system.reader().unwrap();
    let (intent, outcome) = (reader.entry(exported.records.0.index).unwrap().unwrap(), reader.entry(exported.records.1.index).unwrap().unwrap());
    read(&decode(&intent.record).unwrap(), &decode(&outcome.record).unwrap())
}

#[test]
fn a_bundle_verifies_and_one_record_of_it_too() {
    let (folder, system) = home();
    let (path, exported) = export(&system, folder.path(), Form::Bundle, &Selection::All, &Open::all());
    let bytes = fs::read(&path).unwrap();
    let key = OperatorKey::load(system.home()).unwrap().public().clone();
    let policy = || Policy { keys: vec![TrustedKey::Key(key.clone())], ..Policy::default() };
    let note = content(&bytes).note;
    let references = vec![Reference::parse(note.as_bytes()).unwrap()];
    assert_eq!(verify(&bytes, Policy { references, ..policy() }).unwrap().word, Word::Verified);
    said(&system, &exported, |intent, outcome| {
        assert_eq!((intent.fact(fact::FORM), intent.fact(fact::COUNT).and_then(Fact::as_uint)), (None, Some(7)));
        assert_eq!(outcome.fact(fact::BYTE_COUNT).and_then(Fact::as_uint), Some(bytes.len() as u64));
        assert_eq!(outcome.fact(fact::FILE_DIGEST).and_then(Fact::as_bytes).map(<[u8]>::len), Some(32));
    });
    let one = folder.path().join("one.oar");
    system.export(Form::Bundle, &Selection::One(3), &Open::default(), &one, None).unwrap();
    let require = [Axis::Integrity, Axis::Authenticity, Axis::Inclusion].into_iter().collect();
    assert_eq!(verify(&fs::read(one).unwrap(), Policy { require, ..policy() }).unwrap().word, Word::Verified);
    assert_eq!(system.verify_record(3).unwrap().word, Word::Verified);
    assert_eq!(system.verify(None).unwrap().word, Word::Stale);
}

#[test]
fn lines_and_tiles_are_those_of_the_bundle() {
    let (folder, system) = home();
    let now = Now::of(&system);
    let whole = content(&now.bundle(&system, &Selection::All, &Open::all()));
    let (path, exported) = export(&system, folder.path(), Form::JsonLines, &Selection::Range(1..5), &Open::all());
    let line = |index: u64| view::line(index, &whole.records[index as usize], &whole.signatures[index as usize], &whole.opened(index)) + "\n";
    assert_eq!(fs::read_to_string(path).unwrap(), (1..5).map(line).collect::<String>());
    said(&system, &exported, |intent, _| assert_eq!(intent.fact(fact::FORM).and_then(Fact::as_text), Some("jsonl")));

    let now = Now::of(&system);
    let whole = content(&now.bundle(&system, &Selection::All, &Open::default()));
    let (path, exported) = export(&system, folder.path(), Form::Tiles, &Selection::All, &Open::default());
    let mut tiler = Tiler::default();
    let mut files: Vec<(Tile, Vec<u8>)> = whole.records.iter().flat_map(|record| tiler.push(record).unwrap()).collect();
    files.extend(tiler.finish());
    let mut byte_count = now.note.len() as u64;
    for (tile, bytes) in files {
        byte_count += bytes.len() as u64;
        assert!(fs::read(path.join(tile.path())).unwrap() == bytes, "{tile:?}");
    }
    assert_eq!(fs::read_to_string(path.join("checkpoint")).unwrap(), now.note);
    assert_eq!((exported.byte_count, exported.count), (byte_count, 9));
    said(&system, &exported, |_, outcome| assert_eq!(outcome.fact(fact::FILE_DIGEST), None));
}

#[test]
fn a_receipt_verifies_for_its_record_alone() {
    let (folder, system) = home();
    let now = Now::of(&system);
    let key = OperatorKey::load(system.home()).unwrap().public().clone();
    let (path, exported) = export(&system, folder.path(), Form::Receipt, &Selection::One(4), &Open::default());
    let receipt = Receipt::parse(&fs::read(path).unwrap()).unwrap();
    assert_eq!((receipt.index, receipt.size, receipt.log), (4, 7, now.checkpoint.log));
    for index in 0..7 {
        let entry = now.reader.entry(index).unwrap().unwrap();
        assert_eq!(receipt.verify(&key, &entry.record).is_ok(), index == 4);
    }
    said(&system, &exported, |intent, _| assert_eq!(intent.fact(fact::FIRST).and_then(Fact::as_uint), Some(4)));
}

#[test]
fn a_statement_is_signed_and_names_the_log_and_the_records_chosen() {
    let (folder, system) = home();
    let key = OperatorKey::load(system.home()).unwrap().public().clone();
    for (selection, subject_count) in [(Selection::All, 2), (Selection::One(2), 3), (Selection::Range(1..4), 5)] {
        let (path, _) = export(&system, folder.path(), Form::Statement, &selection, &Open::default());
        let envelope: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let decode = |value: &serde_json::Value| <base64ct::Base64 as base64ct::Encoding>::decode_vec(value.as_str().unwrap()).unwrap();
        let payload = String::from_utf8(decode(&envelope["payload"])).unwrap();
        let signed: [u8; signature::SIGNATURE_LEN] = decode(&envelope["signatures"][0]["sig"]).try_into().unwrap();
        assert!(signature::verify(&key, &mickai_proof::statement::to_be_signed(&payload), &signed));
        let statement: serde_json::Value = serde_json::from_str(&payload).unwrap();
        assert_eq!(statement["subject"].as_array().unwrap().len(), subject_count);
        fs::remove_file(path).unwrap();
    }
}

/// The kept tiles spare the walk through the log, and nothing else: where there can be none, a part has the same bytes, key events outside of it among them.
#[test]
fn a_part_is_the_same_with_kept_tiles_and_without() {
    let (folder, system) = home();
    system.rotate_key(None).unwrap();
    let key = OperatorKey::load(system.home()).unwrap().public().clone();
    let tiles = system.home().path().join("tiles");
    for has_tiles in [true, false] {
        if !has_tiles {
            fs::remove_dir_all(&tiles).unwrap();
            fs::write(&tiles, "no folder").unwrap();
        }
        for selection in [Selection::One(0), Selection::One(3), Selection::Range(2..9)] {
            let now = Now::of(&system);
            let (path, _) = export(&system, folder.path(), Form::Bundle, &selection, &Open::all());
            assert!(fs::read(&path).unwrap() == now.bundle(&system, &selection, &Open::all()), "{selection:?} {has_tiles}");
            fs::remove_file(path).unwrap();
            assert_eq!(tiles.is_dir(), has_tiles);
        }
        let (path, _) = export(&system, folder.path(), Form::Receipt, &Selection::One(5), &Open::default());
        let record = system.reader().unwrap().entry(5).unwrap().unwrap().record;
        assert!(Receipt::parse(&fs::read(&path).unwrap()).unwrap().verify(&key, &record).is_ok());
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn what_a_form_cannot_hold_is_refused_before_anything_is_recorded() {
    let (folder, system) = home();
    let before = system.reader().unwrap().size();
    let wide = Selection::Range(0..1_025);
    for (form, selection, open, wanted) in [
        (Form::Tiles, &Selection::One(1), &Open::default(), FormError::WholeLog(Form::Tiles)),
        (Form::Tiles, &Selection::Range(0..7), &Open::default(), FormError::WholeLog(Form::Tiles)),
        (Form::Tiles, &Selection::All, &Open::all(), FormError::NoValues(Form::Tiles)),
        (Form::Receipt, &Selection::All, &Open::default(), FormError::OneRecord(Form::Receipt)),
        (Form::Receipt, &Selection::Range(1..2), &Open::default(), FormError::OneRecord(Form::Receipt)),
        (Form::Receipt, &Selection::One(1), &Open::all(), FormError::NoValues(Form::Receipt)),
        (Form::Statement, &wide, &Open::default(), FormError::TooMany(Form::Statement, 1_024)),
    ] {
        let path = folder.path().join("new");
        let refused = system.export(form, selection, open, &path, None);
        assert!(matches!(&refused, Err(Error::Form(error)) if *error == wanted), "{form:?} {selection:?}: {refused:?}");
        assert!(!path.exists());
    }
    let taken = folder.path().join("taken");
    fs::write(&taken, "mine").unwrap();
    for form in [Form::Bundle, Form::Tiles, Form::JsonLines, Form::Statement] {
        assert!(matches!(system.export(form, &Selection::All, &Open::default(), &taken, None), Err(Error::FileExists(_))));
    }
    assert!(matches!(system.export(Form::Receipt, &Selection::One(9), &Open::default(), &folder.path().join("new"), None), Err(Error::NothingInRange)));
    assert_eq!((system.reader().unwrap().size(), fs::read_to_string(taken).unwrap()), (before, "mine".to_owned()));
    let fresh = System::open(&folder.path().join("fresh"), 1, Custody::default()).unwrap();
    let refused = fresh.export(Form::Receipt, &Selection::One(0), &Open::default(), &folder.path().join("new"), None);
    assert!(matches!(refused, Err(Error::Form(FormError::OnlyRecord(Form::Receipt)))));
}

/// A folder that cannot be written is recorded as a failed act, and nothing remains of it.
#[test]
fn an_export_that_fails_is_on_record_as_failed() {
    let (folder, system) = home();
    for form in [Form::Bundle, Form::Tiles, Form::JsonLines] {
        let refused = system.export(form, &Selection::All, &Open::default(), &folder.path().join("absent/new"), None);
        assert!(matches!(refused, Err(Error::File { .. })), "{refused:?}");
        let reader = system.reader().unwrap();
        let last = reader.entry(reader.size() - 1).unwrap().unwrap();
        let record = decode(&last.record).unwrap();
        assert_eq!((record.closes.map(|(_, code)| code), record.mode), (Some(OutcomeCode::Failed), Mode::Each));
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "the home alone");
}
