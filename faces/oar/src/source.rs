//! A bundle as its parts, one chunk of records at a time, for the commands that make something of it. Nothing is verified here.

use crate::problem::Problem;
use mickai_proof::bundle::{Event, EventProof, Header, Parser};
use mickai_proof::checkpoint::Note;
use mickai_proof::commitment::Opening;
use mickai_proof::digest::TreeHash;
use mickai_proof::key::PublicKey;
use mickai_proof::limits::MAP_ENTRIES_MAX;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek};
use std::path::{Path, PathBuf};

const PIECE_LEN: usize = 64 * 1024;

/// One record with what lies beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub index: u64,
    pub record: Vec<u8>,
    /// The COSE_Sign1; empty of a sealed record.
    pub signature: Vec<u8>,
    pub openings: Vec<Opening>,
}

/// What stands after the records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    pub right: Vec<TreeHash>,
    /// The note's bytes.
    pub note: Vec<u8>,
}

impl End {
    /// The note, if it is one.
    pub fn checkpoint(&self) -> Option<Note> {
        Note::parse(&self.note).ok()
    }
}

/// A bundle that is being read.
pub struct Source {
    path: PathBuf,
    file: File,
    parser: Parser,
    piece: Vec<u8>,
    /// Read already, and not yet asked for.
    ahead: Option<Item>,
    /// The rest of a chunk that is asked for record by record.
    waiting: std::vec::IntoIter<Entry>,
    pub header: Header,
    pub keys: Vec<PublicKey>,
    /// Key events outside the range.
    pub events: Vec<EventProof>,
    /// Light proofs, by chain.
    pub settlements: Vec<Vec<u8>>,
    pub left: Vec<TreeHash>,
}

/// An event that does not borrow from the parser.
enum Item {
    Header(Header),
    Key(PublicKey),
    KeyEvent(EventProof),
    KeysEnd,
    Settlement(Vec<u8>),
    Left(Vec<TreeHash>),
    Record(u64, Vec<u8>),
    Signature(u64, Vec<u8>),
    Opening(Opening),
    ChunkEnd,
    Right(Vec<TreeHash>),
    Checkpoint(Vec<u8>),
}

impl Source {
    /// Opens a bundle and reads what stands before its records.
    pub fn open(path: &Path) -> Result<Self, Problem> {
        let file = File::open(path).map_err(|error| Problem::Bundle(path.to_owned(), error))?;
        Self::read(path.to_owned(), file)
    }

    /// The same file from its beginning again: the very file, also where another has taken its name.
    pub fn again(mut self) -> Result<Self, Problem> {
        self.file.rewind().map_err(|error| Problem::Bundle(self.path.clone(), error))?;
        Self::read(self.path, self.file)
    }

    fn read(path: PathBuf, file: File) -> Result<Self, Problem> {
        let header = Header { log: mickai_proof::digest::LogId::GENESIS, first: 0, count: 0 };
        let mut source = Self {
            path,
            file,
            parser: Parser::default(),
            piece: vec![0; PIECE_LEN],
            ahead: None,
            waiting: Vec::new().into_iter(),
            header,
            keys: Vec::new(),
            events: Vec::new(),
            settlements: Vec::new(),
            left: Vec::new(),
        };
        loop {
            match source.item()? {
                Some(Item::Header(header)) => source.header = header,
                Some(Item::Key(key)) => source.keys.push(key),
                Some(Item::KeyEvent(event)) => source.events.push(event),
                Some(Item::KeysEnd) => {}
                Some(Item::Settlement(proof)) => source.settlements.push(proof),
                Some(Item::Left(left)) => source.left = left,
                other => {
                    source.ahead = other;
                    return Ok(source);
                }
            }
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The records of the next chunk; `None` after the last. The chunk is held whole, its openings too: as much memory as the file gives to one chunk.
    pub fn chunk(&mut self) -> Result<Option<Vec<Entry>>, Problem> {
        let mut entries: Vec<Entry> = Vec::new();
        let first = |entries: &[Entry]| entries.first().map_or(0, |entry| entry.index);
        loop {
            match self.item()? {
                Some(Item::Record(index, record)) => entries.push(Entry { index, record, signature: Vec::new(), openings: Vec::new() }),
                Some(Item::Signature(index, signature)) => {
                    let place = usize::try_from(index - first(&entries)).unwrap_or(usize::MAX);
                    if let Some(entry) = entries.get_mut(place) {
                        entry.signature = signature;
                    }
                }
                Some(Item::Opening(opening)) => {
                    let place = opening.index.checked_sub(first(&entries)).and_then(|place| usize::try_from(place).ok());
                    // An opening of a record of another chunk, or one more than a record has commitments: the verifier fails it in step 15.
                    let entry = place.and_then(|place| entries.get_mut(place)).filter(|entry| entry.openings.len() < MAP_ENTRIES_MAX);
                    entry.ok_or_else(|| Problem::Opening(self.path.clone(), opening.index))?.openings.push(opening);
                }
                Some(Item::ChunkEnd) => return Ok(Some(entries)),
                other => {
                    self.ahead = other;
                    return Ok(None);
                }
            }
        }
    }

    /// The next record; `None` after the last.
    pub fn entry(&mut self) -> Result<Option<Entry>, Problem> {
        if self.waiting.len() == 0 {
            self.waiting = self.chunk()?.unwrap_or_default().into_iter();
        }
        Ok(self.waiting.next())
    }

    /// What stands after the records, which have all been asked for. The file ends there too.
    pub fn end(&mut self) -> Result<End, Problem> {
        let mut end = End { right: Vec::new(), note: Vec::new() };
        while let Some(item) = self.item()? {
            match item {
                Item::Right(right) => end.right = right,
                Item::Checkpoint(note) => end.note = note,
                _ => {}
            }
        }
        Ok(end)
    }

    /// `None` when the file has ended where it should.
    fn item(&mut self) -> Result<Option<Item>, Problem> {
        if let Some(item) = self.ahead.take() {
            return Ok(Some(item));
        }
        loop {
            match self.parser.next_event() {
                Ok(Some(event)) => return Ok(Some(owned(event))),
                Ok(None) => {}
                Err(error) => return Err(Problem::Broken(self.path.clone(), error)),
            }
            match self.file.read(&mut self.piece) {
                Ok(0) => return self.parser.finish().map(|()| None).map_err(|error| Problem::Broken(self.path.clone(), error)),
                // A reader gives no more than it was asked for.
                Ok(len) => self.parser.feed(self.piece.get(..len).unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Problem::Bundle(self.path.clone(), error)),
            }
        }
    }
}

fn owned(event: Event<'_>) -> Item {
    match event {
        Event::Header(header) => Item::Header(header),
        Event::Key(key) => Item::Key(key),
        Event::KeyEvent(event) => Item::KeyEvent(event),
        Event::KeysEnd => Item::KeysEnd,
        Event::Settlement(proof) => Item::Settlement(proof.to_vec()),
        Event::Left(nodes) => Item::Left(nodes),
        Event::Record(index, bytes) => Item::Record(index, bytes.to_vec()),
        Event::Signature(index, bytes) => Item::Signature(index, bytes.to_vec()),
        Event::Opening(opening) => Item::Opening(opening),
        Event::ChunkEnd => Item::ChunkEnd,
        Event::Right(nodes) => Item::Right(nodes),
        Event::Checkpoint(note) => Item::Checkpoint(note.to_vec()),
    }
}
