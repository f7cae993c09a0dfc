//! Reads a bundle from bytes as they come, in bounded memory, one event at a time (spec/verdict.md steps 1 and 2).

use super::header::{EventProof, Header, MAGIC, VERSION, part};
use crate::cbor::{CborError, Reader};
use crate::commitment::Opening;
use crate::digest::{LogId, Salt, TreeHash};
use crate::key::PublicKey;
use crate::limits;
use alloc::string::String;
use alloc::vec::Vec;

/// What comes next in a bundle, in the order of the file.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The first part.
    Header(Header),
    /// A key that was in force, as material; they come in that order.
    Key(PublicKey),
    /// A key event outside the range; ascending by index.
    KeyEvent(EventProof),
    /// All keys and key events have been read.
    KeysEnd,
    /// What a chain says of the log: the bytes of a light proof.
    Settlement(&'a [u8]),
    /// Tree nodes left of the range.
    Left(Vec<TreeHash>),
    /// The bytes of the record at this index.
    Record(u64, &'a [u8]),
    /// What lies beside the record at this index: its COSE_Sign1, or nothing.
    Signature(u64, &'a [u8]),
    /// A value shown again.
    Opening(Opening),
    /// All of a chunk has been read.
    ChunkEnd,
    /// Tree nodes right of the range.
    Right(Vec<TreeHash>),
    /// The checkpoint note; nothing may follow it.
    Checkpoint(&'a [u8]),
}

/// Why a file is not a bundle that can be read further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BundleError {
    /// Another sort of file.
    NotABundle,
    /// A bundle of a version that this reader does not know.
    UnsupportedVersion,
    /// Broken at the record of this index (spec/verdict.md says which index that is elsewhere).
    Malformed(u64),
    /// A bundle of no records.
    NoRecords,
}

/// What the parser expects next. Indexes are of records.
#[derive(Clone, Copy)]
enum State {
    Header,
    Keys,
    KeyList {
        left: u64,
        has_events: bool,
    },
    KeyEvents {
        left: Option<u64>,
        last: Option<u64>,
    },
    Settlements {
        count: usize,
    },
    /// The light proof of the settlement after so many.
    Settlement {
        count: usize,
    },
    LeftOrChunk,
    Chunk {
        start: u64,
    },
    Records {
        start: u64,
        next: u64,
    },
    Signatures {
        start: u64,
        next: Option<u64>,
    },
    Openings {
        start: u64,
        left: Option<u64>,
    },
    RightOrCheckpoint,
    CheckpointAfterRight,
    End,
}

/// Turns bytes into events. Feed it any pieces; it keeps what it has not yet used, at most one item.
#[derive(Clone)]
pub struct Parser {
    buffer: Vec<u8>,
    used: usize,
    state: State,
    header: Option<Header>,
    last_opening: Option<(u64, usize, String)>,
}

impl Default for Parser {
    fn default() -> Self {
        Self { buffer: Vec::new(), used: 0, state: State::Header, header: None, last_opening: None }
    }
}

impl Parser {
    /// Takes the next bytes of the file.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.used);
        self.used = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// Bytes that wait for more.
    #[cfg(test)]
    pub fn kept_len(&self) -> usize {
        self.buffer.len()
    }

    /// The next event; `None` when more bytes are needed.
    ///
    /// # Errors
    /// [`BundleError`] when no event can follow; asking again gives no more.
    pub fn next_event(&mut self) -> Result<Option<Event<'_>>, BundleError> {
        // Each state that produces no event leads to one that does, or needs bytes: the loop ends.
        loop {
            let rest = self.buffer.get(self.used..).unwrap_or_default();
            if matches!(self.state, State::End) {
                return if rest.is_empty() { Ok(None) } else { Err(self.broken()) };
            }
            let mut step = Step { reader: Reader::new(rest), header: self.header, state: self.state };
            let event = match step.run(&mut self.last_opening) {
                Ok(event) => event,
                Err(Stop::Cbor(CborError::Short)) => return Ok(None),
                Err(Stop::Cbor(CborError::NotCanonical)) => return Err(self.broken()),
                Err(Stop::Bundle(error)) => return Err(error),
            };
            self.used += rest.len() - step.reader.rest().len();
            self.state = step.state;
            if let Some(Event::Header(header)) = &event {
                self.header = Some(*header);
            }
            if event.is_some() {
                return Ok(event);
            }
        }
    }

    /// To be asked when the file has ended and there was no further event.
    ///
    /// # Errors
    /// [`BundleError`] if it ended too early.
    pub fn finish(&self) -> Result<(), BundleError> {
        if matches!(self.state, State::End) { Ok(()) } else { Err(self.broken()) }
    }

    /// The error of a file that breaks off or goes wrong here.
    fn broken(&self) -> BundleError {
        let Some(header) = self.header else {
            return header_error(self.buffer.get(self.used..).unwrap_or_default());
        };
        BundleError::Malformed(match self.state {
            State::Header => 0,
            // After the keys the first chunk is due, unless tree nodes are.
            State::Settlements { .. } if header.first == 0 => header.chunk_end(header.first) - 1,
            State::Keys | State::KeyList { .. } | State::KeyEvents { .. } | State::Settlements { .. } | State::Settlement { .. } | State::LeftOrChunk => header.first,
            State::Records { next, .. } | State::Signatures { next: Some(next), .. } => next,
            State::Chunk { start } | State::Signatures { start, .. } | State::Openings { start, .. } => header.chunk_end(start) - 1,
            State::RightOrCheckpoint | State::CheckpointAfterRight | State::End => header.end(),
        })
    }
}

/// Which error a first part is that is cut off, or wrong after its version. Another name than the right one was refused before.
fn header_error(bytes: &[u8]) -> BundleError {
    let mut reader = Reader::new(bytes);
    let name = reader.array().and_then(|_| reader.uint()).and_then(|_| reader.text_within(MAGIC.len()));
    if name.is_ok() { BundleError::Malformed(0) } else { BundleError::NotABundle }
}

enum Stop {
    Cbor(CborError),
    Bundle(BundleError),
}

impl From<CborError> for Stop {
    fn from(error: CborError) -> Self {
        Self::Cbor(error)
    }
}

const BAD: Stop = Stop::Cbor(CborError::NotCanonical);

/// One move from a state to the next, on a reader that is thrown away if bytes are missing.
struct Step<'a> {
    reader: Reader<'a>,
    header: Option<Header>,
    state: State,
}

impl<'a> Step<'a> {
    fn run(&mut self, last_opening: &mut Option<(u64, usize, String)>) -> Result<Option<Event<'a>>, Stop> {
        match (self.state, self.header) {
            (State::Header, _) => self.read_header().map(Some),
            (State::Keys, _) => self.open_keys(),
            (State::KeyList { left, has_events }, _) => self.read_key(left, has_events),
            (State::KeyEvents { left, last }, Some(header)) => self.read_key_event(header, left, last),
            (State::Settlements { count }, _) => self.open_settlement(count),
            (State::Settlement { count }, _) => self.read_settlement(count).map(Some),
            (State::LeftOrChunk, Some(header)) => self.read_left(header),
            (State::Chunk { start }, _) => self.open_chunk(start),
            (State::Records { start, next }, Some(header)) => self.read_record(header, start, next),
            (State::Signatures { start, next }, Some(header)) => self.read_signature(header, start, next),
            (State::Openings { start, left }, Some(header)) => self.read_opening(header, start, left, last_opening),
            (State::RightOrCheckpoint | State::CheckpointAfterRight, _) => self.read_end().map(Some),
            _ => Err(BAD),
        }
    }

    fn array(&mut self, elements: u64) -> Result<(), Stop> {
        if self.reader.array()? == elements { Ok(()) } else { Err(BAD) }
    }

    fn read_header(&mut self) -> Result<Event<'a>, Stop> {
        let elements = self.name_and_version()?;
        (elements == 6).then_some(()).ok_or(BAD)?;
        let header = Header { log: LogId(self.reader.fixed()?), first: self.reader.uint()?, count: self.reader.uint()? };
        if header.count == 0 {
            return Err(Stop::Bundle(BundleError::NoRecords));
        }
        if header.first.checked_add(header.count).is_none_or(|end| end > limits::INDEX_MAX) {
            return Err(BAD);
        }
        self.state = State::Keys;
        Ok(Event::Header(header))
    }

    /// Step 1, decided element by element, so that the answer does not depend on how much of the file has come. Gives the header's number of elements.
    fn name_and_version(&mut self) -> Result<u64, Stop> {
        let otherwise = |bundle_error| move |error| if error == CborError::Short { Stop::Cbor(error) } else { Stop::Bundle(bundle_error) };
        let not_a_bundle = otherwise(BundleError::NotABundle);
        let elements = self.reader.array().map_err(not_a_bundle)?;
        if elements < 2 || self.reader.uint().map_err(not_a_bundle)? != part::HEADER || self.reader.text_within(MAGIC.len()).map_err(not_a_bundle)? != MAGIC {
            return Err(Stop::Bundle(BundleError::NotABundle));
        }
        if elements == 2 {
            return Err(Stop::Bundle(BundleError::UnsupportedVersion));
        }
        match self.reader.uint().map_err(otherwise(BundleError::UnsupportedVersion))? {
            VERSION => Ok(elements),
            _ => Err(Stop::Bundle(BundleError::UnsupportedVersion)),
        }
    }

    fn open_keys(&mut self) -> Result<Option<Event<'a>>, Stop> {
        let elements = self.reader.array()?;
        let is_keys = (2..=3).contains(&elements) && self.reader.uint()? == part::KEYS;
        let count = if is_keys { self.reader.array()? } else { 0 };
        if count == 0 || count > limits::KEYS_MAX as u64 {
            return Err(BAD);
        }
        self.state = State::KeyList { left: count, has_events: elements == 3 };
        Ok(None)
    }

    fn read_key(&mut self, left: u64, has_events: bool) -> Result<Option<Event<'a>>, Stop> {
        let Some(left) = left.checked_sub(1) else {
            self.state = if has_events { State::KeyEvents { left: None, last: None } } else { State::Settlements { count: 0 } };
            return Ok((!has_events).then_some(Event::KeysEnd));
        };
        let key = PublicKey::from_spki(self.reader.bytes_within(limits::NOTE_BYTES_MAX)?).map_err(|_| BAD)?;
        self.state = State::KeyList { left, has_events };
        Ok(Some(Event::Key(key)))
    }

    fn read_key_event(&mut self, header: Header, left: Option<u64>, last: Option<u64>) -> Result<Option<Event<'a>>, Stop> {
        let Some(left) = left else {
            let count = self.reader.array()?;
            if count == 0 || count > limits::KEY_EVENTS_MAX as u64 {
                return Err(BAD);
            }
            self.state = State::KeyEvents { left: Some(count), last };
            return Ok(None);
        };
        let Some(left) = left.checked_sub(1) else {
            self.state = State::Settlements { count: 0 };
            return Ok(Some(Event::KeysEnd));
        };
        self.array(4)?;
        let index = self.reader.uint()?;
        let (is_before, is_after) = (index < header.first, index >= header.end());
        // Events before the range tell which key is in force at its beginning: they start with the first of all.
        let is_without_genesis = last.is_none() && index != 0 && is_before;
        if !(is_before || is_after) || is_without_genesis || index > limits::INDEX_MAX || last.is_some_and(|last| last >= index) {
            return Err(BAD);
        }
        let record = self.reader.bytes_within(limits::RECORD_BYTES_MAX)?.to_vec();
        let signature = self.reader.bytes_within(limits::SIGNATURE_FIELD_BYTES_MAX)?.to_vec();
        let path = self.hashes()?;
        self.state = State::KeyEvents { left: Some(left), last: Some(index) };
        Ok(Some(Event::KeyEvent(EventProof { index, record, signature, path })))
    }

    /// Looks whether a settlement follows; what else does is left to whoever reads that.
    fn open_settlement(&mut self, count: usize) -> Result<Option<Event<'a>>, Stop> {
        let mut ahead = Reader::new(self.reader.rest());
        let is_settlement = ahead.array()? == 2 && ahead.uint()? == part::SETTLEMENT;
        if is_settlement {
            self.reader = ahead;
        }
        self.state = if is_settlement { State::Settlement { count } } else { State::LeftOrChunk };
        Ok(None)
    }

    fn read_settlement(&mut self, count: usize) -> Result<Event<'a>, Stop> {
        if count == limits::SETTLEMENTS_MAX {
            return Err(BAD);
        }
        let proof = self.reader.bytes_within(limits::SETTLEMENT_BYTES_MAX)?;
        self.state = State::Settlements { count: count + 1 };
        Ok(Event::Settlement(proof))
    }

    fn read_left(&mut self, header: Header) -> Result<Option<Event<'a>>, Stop> {
        if header.first == 0 {
            self.state = State::Chunk { start: 0 };
            return Ok(None);
        }
        self.array(2)?;
        (self.reader.uint()? == part::LEFT).then_some(()).ok_or(BAD)?;
        let nodes = self.nodes()?;
        if nodes.len() != header.first.count_ones() as usize {
            return Err(BAD);
        }
        self.state = State::Chunk { start: header.first };
        Ok(Some(Event::Left(nodes)))
    }

    /// Hashes of a part that is absent when it has none.
    fn nodes(&mut self) -> Result<Vec<TreeHash>, Stop> {
        let nodes = self.hashes()?;
        if nodes.is_empty() { Err(BAD) } else { Ok(nodes) }
    }

    fn hashes(&mut self) -> Result<Vec<TreeHash>, Stop> {
        let count = self.reader.array()?;
        if count > limits::PATH_NODES_MAX as u64 {
            return Err(BAD);
        }
        (0..count).map(|_| Ok(TreeHash(self.reader.fixed()?))).collect()
    }

    fn open_chunk(&mut self, start: u64) -> Result<Option<Event<'a>>, Stop> {
        self.array(4)?;
        (self.reader.uint()? == part::CHUNK).then_some(()).ok_or(BAD)?;
        self.list(start)?;
        self.state = State::Records { start, next: start };
        Ok(None)
    }

    /// The head of a list with one item for each record of the chunk.
    fn list(&mut self, start: u64) -> Result<(), Stop> {
        let header = self.header.ok_or(BAD)?;
        self.array(header.chunk_end(start) - start)
    }

    fn read_record(&mut self, header: Header, start: u64, next: u64) -> Result<Option<Event<'a>>, Stop> {
        let bytes = self.reader.bytes_within(limits::RECORD_BYTES_MAX)?;
        self.state = if next + 1 == header.chunk_end(start) { State::Signatures { start, next: None } } else { State::Records { start, next: next + 1 } };
        Ok(Some(Event::Record(next, bytes)))
    }

    fn read_signature(&mut self, header: Header, start: u64, next: Option<u64>) -> Result<Option<Event<'a>>, Stop> {
        let Some(next) = next else {
            self.list(start)?;
            self.state = State::Signatures { start, next: Some(start) };
            return Ok(None);
        };
        let bytes = self.reader.bytes_within(limits::SIGNATURE_FIELD_BYTES_MAX)?;
        self.state = if next + 1 == header.chunk_end(start) { State::Openings { start, left: None } } else { State::Signatures { start, next: Some(next + 1) } };
        Ok(Some(Event::Signature(next, bytes)))
    }

    fn read_opening(&mut self, header: Header, start: u64, left: Option<u64>, last: &mut Option<(u64, usize, String)>) -> Result<Option<Event<'a>>, Stop> {
        let Some(left) = left else {
            self.state = State::Openings { start, left: Some(self.reader.array()?) };
            *last = None;
            return Ok(None);
        };
        let Some(left) = left.checked_sub(1) else {
            let end = header.chunk_end(start);
            self.state = if end == header.end() { State::RightOrCheckpoint } else { State::Chunk { start: end } };
            return Ok(Some(Event::ChunkEnd));
        };
        self.array(4)?;
        let opening = Opening {
            index: self.reader.uint()?,
            label: String::from(self.reader.text_within(limits::LABEL_BYTES_MAX)?),
            salt: Salt(self.reader.fixed()?),
            value: self.reader.bytes_within(limits::VALUE_BYTES_MAX)?.to_vec(),
        };
        let place = (opening.index, opening.label.len(), opening.label.clone());
        if last.as_ref().is_some_and(|last| *last >= place) {
            return Err(BAD);
        }
        *last = Some(place);
        self.state = State::Openings { start, left: Some(left) };
        Ok(Some(Event::Opening(opening)))
    }

    fn read_end(&mut self) -> Result<Event<'a>, Stop> {
        self.array(2)?;
        match (self.reader.uint()?, self.state) {
            (part::RIGHT, State::RightOrCheckpoint) => {
                let nodes = self.nodes()?;
                self.state = State::CheckpointAfterRight;
                Ok(Event::Right(nodes))
            }
            (part::CHECKPOINT, _) => {
                let note = self.reader.bytes_within(limits::NOTE_BYTES_MAX)?;
                self.state = State::End;
                Ok(Event::Checkpoint(note))
            }
            _ => Err(BAD),
        }
    }
}
