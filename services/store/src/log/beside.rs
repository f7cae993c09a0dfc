//! The store beside a plain model in memory: whatever is done to the two, in whatever order, the log holds what the model holds.

use super::{Appended, Draft, LogReader, LogWriter, Options, Permit, fsck};
use crate::disk::faulty::{Choices, Mounted, mount};
use crate::error::{Error, Misuse};
use crate::home::Home;
use crate::testing::{AUTHORITY, StillClock, heartbeat, intent, memory_folder, still};
use mickai_proof::checkpoint::Note;
use mickai_proof::record::{Kind, Mode, OutcomeCode};
use proptest::prelude::*;
use tempfile::TempDir;

/// One thing that somebody does.
#[derive(Clone, Debug)]
enum Step {
    Append(Mode),
    Group(Vec<Mode>),
    WithValue,
    Intent,
    /// Closes one of the open intents, if there is one.
    Close(usize),
    Checkpoint,
    /// The next key takes over.
    Rotate,
    /// An orderly end and a new start.
    Reopen,
    /// The process ends at once.
    Kill,
    /// The power is cut.
    Cut(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let mode = || prop_oneof![Just(Mode::Each), Just(Mode::Sealed)];
    prop_oneof![
        3 => mode().prop_map(Step::Append),
        3 => prop::collection::vec(mode(), 1..6).prop_map(Step::Group),
        2 => Just(Step::WithValue),
        3 => Just(Step::Intent),
        3 => any::<usize>().prop_map(Step::Close),
        2 => Just(Step::Checkpoint),
        1 => Just(Step::Rotate),
        1 => Just(Step::Reopen),
        1 => Just(Step::Kill),
        1 => any::<u64>().prop_map(Step::Cut),
    ]
}

/// What the log must hold: of each record its kind and mode, and what callers were told of it.
#[derive(Default)]
struct Model {
    records: Vec<(Kind, Mode, Option<Appended>)>,
    open: Vec<u64>,
    unsealed: bool,
}

impl Model {
    fn push(&mut self, kind: Kind, mode: Mode, told: Option<Appended>) {
        if let Some(told) = told {
            assert_eq!(told.index, self.records.len() as u64);
        }
        self.unsealed = kind != Kind::Seal && (self.unsealed || mode == Mode::Sealed);
        self.records.push((kind, mode, told));
    }

    fn seal(&mut self) {
        if self.unsealed {
            self.push(Kind::Seal, Mode::Each, None);
        }
    }

    /// What a start adds.
    fn start(&mut self) {
        if self.records.is_empty() {
            self.push(Kind::Genesis, Mode::Each, None);
        }
        std::mem::take(&mut self.open).iter().for_each(|_| self.push(Kind::Outcome, Mode::Each, None));
        self.seal();
    }
}

/// A log on a disk that can be cut off.
struct Place {
    folder: TempDir,
    disk: Mounted,
    writer: Option<LogWriter>,
    permits: Vec<Permit>,
}

impl Place {
    fn at(folder: TempDir) -> Self {
        let disk = mount(folder.path(), true);
        let mut place = Self { folder, disk, writer: None, permits: Vec::new() };
        place.start();
        place
    }

    fn home(&self) -> Home {
        Home::open_or_create(&self.folder.path().join("home")).unwrap()
    }

    fn start(&mut self) {
        self.writer = None;
        let options = Options { segment_bytes_max: 15_000, signer_count: 1, ..still() };
        self.writer = Some(LogWriter::open_options(&self.home(), AUTHORITY, Box::new(StillClock::default()), options).unwrap());
        // Of a dead process.
        self.permits.clear();
    }

    fn writer(&mut self) -> &mut LogWriter {
        self.writer.as_mut().unwrap()
    }

    /// What is left if everything stops now.
    fn crashed(mut self, cut: Option<u64>) -> Self {
        let (mut state, events) = self.disk.0.history();
        events.iter().for_each(|event| state.apply(event));
        let left = match cut {
            Some(seed) => state.cut_off(&mut Choices(seed)),
            None => state.killed(),
        };
        let folder = memory_folder();
        left.write_to(folder.path());
        self.writer = None;
        Self::at(folder)
    }
}

fn go(mut place: Place, model: &mut Model, step: &Step) -> Place {
    let draft = |mode| Draft { mode, ..heartbeat() };
    match step {
        Step::Append(mode) => {
            let told = place.writer().append(draft(*mode)).unwrap();
            model.push(Kind::Heartbeat, *mode, Some(told));
        }
        Step::Group(modes) => {
            let told = place.writer().append_all(modes.iter().copied().map(draft).collect()).unwrap();
            modes.iter().zip(told).for_each(|(mode, told)| model.push(Kind::Heartbeat, *mode, Some(told)));
        }
        Step::WithValue => {
            let told = place.writer().append_with(heartbeat(), &[("note", b"kept")]).unwrap();
            model.push(Kind::Heartbeat, Mode::Each, Some(told));
        }
        Step::Intent => {
            let permit = place.writer().append_intent(intent(), &[]).unwrap();
            model.open.push(permit.index());
            model.push(Kind::Intent, Mode::Each, Some(Appended { index: permit.index(), digest: permit.digest() }));
            place.permits.push(permit);
        }
        Step::Close(which) if !place.permits.is_empty() => {
            let at = which % place.permits.len();
            let permit = place.permits.remove(at);
            model.open.retain(|index| *index != permit.index());
            let act = place.writer().begin(permit).unwrap();
            let told = place.writer().close(act, OutcomeCode::Executed, Vec::new(), &[]).unwrap();
            model.push(Kind::Outcome, Mode::Each, Some(told));
        }
        Step::Close(_) => {
            let draft = Draft { kind: Kind::Outcome, closes: Some((mickai_proof::digest::RecordDigest([0; 64]), OutcomeCode::Executed)), ..heartbeat() };
            assert!(matches!(place.writer().append(draft), Err(Error::Misuse(Misuse::NotOpen))));
        }
        Step::Checkpoint => {
            model.seal();
            let note = place.writer().checkpoint().unwrap();
            assert_eq!(Note::parse(note.as_bytes()).unwrap().checkpoint.size, model.records.len() as u64);
        }
        Step::Rotate => {
            model.seal();
            let told = place.writer().rotate_key(AUTHORITY, None).unwrap().appended;
            model.push(Kind::Rotate, Mode::Each, Some(told));
        }
        Step::Reopen => {
            model.seal();
            place.start();
            model.start();
        }
        Step::Kill | Step::Cut(_) => {
            place = place.crashed(if let Step::Cut(seed) = step { Some(*seed) } else { None });
            model.start();
        }
    }
    place
}

fn assert_same(place: &mut Place, model: &Model) {
    assert_eq!(place.writer().size(), model.records.len() as u64);
    let open: Vec<u64> = place.writer().open_intents().iter().map(|intent| intent.index).collect();
    assert_eq!(open, model.open);
    let home = place.home();
    let reader = LogReader::open(&home).unwrap();
    assert_eq!(reader.size(), model.records.len() as u64);
    for (entry, (kind, mode, told)) in reader.entries(0..u64::MAX).zip(&model.records) {
        let entry = entry.unwrap();
        let record = entry.decode().unwrap();
        assert_eq!((record.kind, record.mode, entry.signature.is_empty()), (*kind, *mode, *mode == Mode::Sealed));
        told.iter().for_each(|told| assert_eq!((entry.index, entry.digest()), (told.index, told.digest)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_log_holds_what_the_model_holds(steps in prop::collection::vec(step(), 1..24)) {
        let mut model = Model::default();
        let mut place = Place::at(memory_folder());
        model.start();
        for step in &steps {
            place = go(place, &mut model, step);
            assert_same(&mut place, &model);
        }
        model.seal();
        place.writer = None;
        let report = fsck(&place.home(), &mut |_| {}).unwrap();
        prop_assert!(report.is_clean(), "{:?}", report.findings);
        prop_assert_eq!((report.records, report.unsealed), (model.records.len() as u64, 0));
    }
}
