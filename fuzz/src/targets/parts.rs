//! A bundle as the parser's events tell it, and written again from them.

use mickai_proof::bundle::{BundleError, Event, EventProof, Header, Parser, Writer};
use mickai_proof::commitment::Opening;
use mickai_proof::digest::TreeHash;
use mickai_proof::key::PublicKey;
use mickai_proof::limits::CHUNK_RECORDS;

/// All that a bundle holds, as far as it was read.
#[derive(Default, PartialEq, Eq)]
pub struct Parts {
    /// Its first part.
    pub header: Option<Header>,
    /// The listed keys.
    pub keys: Vec<PublicKey>,
    /// The key events outside the range.
    pub events: Vec<EventProof>,
    /// The light proofs.
    pub settlements: Vec<Vec<u8>>,
    /// The tree nodes before the range.
    pub left: Vec<TreeHash>,
    /// The records.
    pub records: Vec<Vec<u8>>,
    /// What lies beside them.
    pub signatures: Vec<Vec<u8>>,
    /// The values shown.
    pub openings: Vec<Opening>,
    /// One of them is about a record of another chunk.
    pub is_misplaced: bool,
    /// The tree nodes after the range.
    pub right: Vec<TreeHash>,
    /// The checkpoint.
    pub note: Option<Vec<u8>>,
}

impl Parts {
    /// Reads a bundle that comes in pieces; what was read, and whether that was a whole one.
    pub fn read(bundle: &[u8], piece_len: usize) -> (Self, Result<(), BundleError>) {
        let mut parts = Self::default();
        let mut parser = Parser::default();
        for piece in bundle.chunks(piece_len.max(1)) {
            parser.feed(piece);
            loop {
                match parser.next_event() {
                    Ok(Some(event)) => parts.take(event),
                    Ok(None) => break,
                    Err(error) => return (parts, Err(error)),
                }
            }
        }
        let end = parser.finish();
        (parts, end)
    }

    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Header(header) => self.header = Some(header),
            Event::Key(key) => self.keys.push(key),
            Event::KeyEvent(event) => self.events.push(event),
            Event::Settlement(proof) => self.settlements.push(proof.to_vec()),
            Event::Left(nodes) => self.left = nodes,
            Event::Record(_, record) => self.records.push(record.to_vec()),
            Event::Signature(_, signature) => self.signatures.push(signature.to_vec()),
            Event::Opening(opening) => {
                let end = self.header.map_or(0, |header| header.first) + self.records.len() as u64;
                let chunk = (self.records.len() as u64 - 1) % CHUNK_RECORDS + 1;
                self.is_misplaced |= !(end - chunk..end).contains(&opening.index);
                self.openings.push(opening);
            }
            Event::Right(nodes) => self.right = nodes,
            Event::Checkpoint(note) => self.note = Some(note.to_vec()),
            Event::KeysEnd | Event::ChunkEnd => {}
        }
    }

    /// The bundle that a writer makes of them; `None` where the note is no text, or an opening lies in the wrong chunk: such a one no writer makes, and the verifier refuses it.
    pub fn written(self) -> Option<Vec<u8>> {
        let header = self.header.filter(|_| !self.is_misplaced)?;
        let note = String::from_utf8(self.note?).ok()?;
        let mut writer = Writer::settled(header, &self.keys, &self.events, &self.settlements, &self.left);
        let mut openings = self.openings.into_iter().peekable();
        for ((record, signature), index) in self.records.into_iter().zip(self.signatures).zip(header.first..) {
            let of_record = std::iter::from_fn(|| openings.next_if(|opening| opening.index == index)).collect();
            writer.push(record, signature, of_record);
        }
        Some(writer.finish(&self.right, &note))
    }
}
