//! Reads the segments from the front, checks every record against the one before it, and arrives at the state in which a writer goes on.
//!
//! What a start may find besides the orderings of `segment::scan`, and what it means:
//! - no segment, and no own checkpoint: a new log, genesis is due;
//! - a segment without a record: genesis was being written, it is due again;
//! - fewer records than the own checkpoint covers: the log was rolled back, the writer refuses, also if the missing ones look torn;
//! - as many or more, with another root in the ones it covers: the log was rewritten, the writer refuses;
//! - records after the own checkpoint: only frames and the mark say how many there were;
//! - erase records whose values still exist: their process died, or an old vault was restored; the writer destroys the values (`vault::erasure`);
//! - a key file that is not the log's, and its successor beside it: a rotation was cut off, see `keys::succession`;
//! - open intents: their process died, the writer closes them as `outcome_unknown`;
//! - sealed records without a seal after them: their process died before it sealed, the writer seals them (after a terminal record nothing may follow; it has its seal before it);
//! - a seal that names another tree than the one before it: damage.

use super::hashed::{HashedSegment, Hashes, slice, with_hashed};
use super::key_events::KeyAccount;
use super::writer::OpenIntent;
use crate::disk;
use crate::error::{Damage, Error};
use crate::home::Home;
use crate::segment::{self, Resume, Scan, SegmentFile, Tail};
use crate::vault::Erased;
use mickai_proof::checkpoint::{Checkpoint, Note};
use mickai_proof::digest::{LogId, RecordDigest, TreeHash};
use mickai_proof::merkle::Frontier;
use mickai_proof::record::{self, Kind, Mode, Record, RecordError};
use std::collections::BTreeMap;
use std::path::Path;

/// The log as the segments tell it.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// SHA-256 of genesis, once there is one.
    pub(crate) log: Option<LogId>,
    /// What genesis and the key events say of keys.
    pub(crate) keys: KeyAccount,
    /// The tree so far.
    pub(crate) frontier: Frontier,
    /// D of the last record.
    pub(crate) last: Option<RecordDigest>,
    /// Intents without an outcome, by digest.
    pub(crate) open: BTreeMap<RecordDigest, OpenIntent>,
    /// Index of the newest intent of each action.
    pub(crate) newest: BTreeMap<String, u64>,
    /// Values that erase records name.
    pub(crate) erased: Erased,
    /// The last record is terminal.
    pub(crate) closed: bool,
    /// Sealed records that no seal covers yet.
    pub(crate) unsealed: u64,
    /// Index of the last seal; 0 before the first.
    pub(crate) seal_from: u64,
    /// Index of the last record with a signature of its own.
    pub(crate) last_signed: Option<u64>,
}

/// Where and how the segments end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    /// Where a writer goes on; `None` if there is no segment.
    pub(crate) resume: Option<Resume>,
    /// Bytes of a torn tail that it will cut.
    pub(crate) torn_bytes: u64,
}

/// One record as it is read, with its place on disk.
pub(crate) struct Stored<'a> {
    pub(crate) path: &'a Path,
    pub(crate) offset: u64,
    pub(crate) record: &'a [u8],
    pub(crate) signature: &'a [u8],
}

/// Reads everything; `visit` sees each record after it was added to the state.
pub(crate) fn replay(folder: &Path, state: &mut State, mut visit: impl FnMut(&Stored<'_>, &State) -> Result<(), Error>) -> Result<Ending, Error> {
    let segments = segment::list(folder)?;
    // The mark before the bytes: a check without the lock may run beside a writer.
    let mark = segment::read_mark(folder)?;
    let mut ending = Ending { resume: None, torn_bytes: 0 };
    with_hashed(&segments, mark, |prepared| {
        // The preparing thread ends before the last of them only behind an error, which is taken first.
        for (place, (file, prepared)) in segments.iter().zip(prepared).enumerate() {
            let prepared = prepared?;
            if prepared.first_index != state.frontier.size() {
                return Err(file.wrong_header(&prepared.bytes));
            }
            replay_segment(file, &prepared, state, &mut visit)?;
            let HashedSegment { bytes, scan, .. } = prepared;
            refuse_damage(file, &scan, place + 1 == segments.len())?;
            ending.torn_bytes = bytes.len() as u64 - scan.end;
            ending.resume = Some(Resume { number: file.number, end: scan.end, next_index: state.frontier.size() });
        }
        Ok(())
    })?;
    Ok(ending)
}

fn replay_segment(file: &SegmentFile, prepared: &HashedSegment, state: &mut State, visit: &mut impl FnMut(&Stored<'_>, &State) -> Result<(), Error>) -> Result<(), Error> {
    let HashedSegment { bytes, scan, hashes, .. } = prepared;
    for (frame, hashes) in scan.frames.iter().zip(hashes) {
        let stored = Stored { path: &file.path, offset: frame.offset, record: slice(bytes, &frame.record()), signature: slice(bytes, &frame.signature()) };
        state.push_hashed(stored.record, *hashes).map_err(|error| match error {
            PushError::Newer => Error::Foreign(file.path.clone()),
            PushError::Damaged(what) => Error::damaged(&file.path, frame.offset, what),
        })?;
        visit(&stored, state)?;
    }
    Ok(())
}

pub(crate) fn refuse_damage(file: &SegmentFile, scan: &Scan, is_last: bool) -> Result<(), Error> {
    match scan.tail {
        Tail::Clean => Ok(()),
        Tail::Torn if is_last => Ok(()),
        Tail::Torn | Tail::Damaged => Err(Error::damaged(&file.path, scan.end, Damage::Frame)),
        Tail::CutShort { synced } => Err(Error::damaged(&file.path, scan.end, Damage::CutShort { synced })),
    }
}

/// Why a record cannot follow.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PushError {
    Damaged(Damage),
    Newer,
}

impl State {
    /// Adds the next record's bytes, if they may follow.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), PushError> {
        self.push_hashed(bytes, Hashes::of(bytes))
    }

    /// As [`State::push`], of bytes that come to `hashes`.
    fn push_hashed(&mut self, bytes: &[u8], hashes: Hashes) -> Result<(), PushError> {
        let record = record::decode(bytes).map_err(|error| match error {
            RecordError::Malformed => PushError::Damaged(Damage::Record(error)),
            RecordError::UnsupportedKind(_) | RecordError::UnsupportedExtension => PushError::Newer,
        })?;
        let is_first = self.frontier.size() == 0;
        let expected_log = self.log.unwrap_or(LogId::GENESIS);
        let follows = record.index == self.frontier.size() && record.prev == self.last && record.log_id == expected_log;
        if !follows || (record.kind == Kind::Genesis) != is_first {
            return Err(PushError::Damaged(Damage::Chain));
        }
        if is_first {
            self.log = Some(LogId::of_genesis(bytes));
        }
        if record.kind == Kind::Seal && !self.is_sealed_by(&record) {
            return Err(PushError::Damaged(Damage::Seal));
        }
        self.advance(&record, hashes).map_err(PushError::Damaged)
    }

    /// Adds the next record, which is known to follow the last.
    pub(crate) fn advance(&mut self, record: &Record<'_>, Hashes { digest, leaf }: Hashes) -> Result<(), Damage> {
        self.keys.apply(self.log.unwrap_or(LogId::GENESIS), record).ok_or(Damage::KeyEvent)?;
        self.note_pairing(record, digest)?;
        match (record.kind, record.mode) {
            (Kind::Seal, _) => (self.unsealed, self.seal_from) = (0, record.index),
            (_, Mode::Sealed) => self.unsealed += 1,
            _ => {}
        }
        if record.mode == Mode::Each {
            self.last_signed = Some(record.index);
        }
        self.frontier.push(leaf);
        self.last = Some(digest);
        Ok(())
    }

    /// Does the seal name the tree before it? Its digest of signatures is recomputed by [`super::fsck`] and by every verifier.
    fn is_sealed_by(&self, seal: &Record<'_>) -> bool {
        let root = seal.fact("root").and_then(|fact| fact.as_bytes()).and_then(TreeHash::from_slice);
        seal.fact("size").and_then(|fact| fact.as_uint()) == Some(self.frontier.size()) && root.is_some() && root == self.root()
    }

    fn note_pairing(&mut self, record: &Record<'_>, digest: RecordDigest) -> Result<(), Damage> {
        if self.closed {
            return Err(Damage::Order);
        }
        match record.kind {
            Kind::Intent => {
                let intent = OpenIntent { index: record.index, digest, action: record.action.clone().into_owned(), authority: record.authority };
                self.newest.insert(intent.action.clone(), record.index);
                self.open.insert(digest, intent);
            }
            Kind::Outcome => {
                let intent = record.closes.map(|(intent, _)| intent).ok_or(Damage::Order)?;
                self.open.remove(&intent).ok_or(Damage::Order)?;
            }
            Kind::Terminal => self.closed = true,
            Kind::Erase => self.erased.push(record).ok_or(Damage::Record(RecordError::Malformed))?,
            _ => {}
        }
        Ok(())
    }

    /// The root of the records so far.
    pub(crate) fn root(&self) -> Option<TreeHash> {
        self.frontier.root()
    }
}

/// Holds the newest own checkpoint against the records as they are replayed.
pub(crate) struct CheckpointCheck {
    note: Option<(Note, String)>,
    path: std::path::PathBuf,
}

impl CheckpointCheck {
    /// Reads the checkpoint, if there is one.
    pub(crate) fn read(home: &Home) -> Result<Self, Error> {
        let path = home.checkpoint_path();
        let Some(bytes) = disk::read_file(&path, mickai_proof::limits::NOTE_BYTES_MAX as u64)? else { return Ok(Self { note: None, path }) };
        let damaged = |error| Error::damaged(&path, 0, Damage::Checkpoint(error));
        let note = Note::parse(&bytes).map_err(damaged)?;
        // A note that parses is UTF-8.
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Ok(Self { note: Some((note, text)), path })
    }

    /// To be called after each record.
    pub(crate) fn visit(&self, state: &State) -> Result<(), Error> {
        let Some((note, _)) = self.note.as_ref().filter(|(note, _)| note.checkpoint.size == state.frontier.size()) else { return Ok(()) };
        match state.root() {
            Some(have) if have != note.checkpoint.root => Err(Error::Rewritten { size: note.checkpoint.size, have, want: note.checkpoint.root }),
            _ => Ok(()),
        }
    }

    /// To be called after the last record, before anything is cut. Gives the checkpoint and its text.
    pub(crate) fn finish(self, state: &State) -> Result<Option<(Checkpoint, String)>, Error> {
        let Some((note, text)) = self.note else { return Ok(None) };
        let have = state.frontier.size();
        if have < note.checkpoint.size {
            return Err(Error::RolledBack { have, want: note.checkpoint.size, checkpoint: self.path });
        }
        let key = state.keys.in_force_after(note.checkpoint.size);
        let (Some(key), Some(log)) = (key, state.log) else { return Ok(None) };
        let checkpoint = note.verify(key, log).map_err(|error| Error::damaged(&self.path, 0, Damage::Checkpoint(error)))?;
        Ok(Some((checkpoint, text)))
    }
}
