//! Writes a bundle record by record, holding one chunk at a time (spec/bundle.md "Production").

use super::header::{EventProof, Header, MAGIC, VERSION, part};
use crate::cbor::{Major, write_bytes, write_head, write_text};
use crate::commitment::Opening;
use crate::digest::TreeHash;
use crate::key::PublicKey;
use alloc::vec::Vec;

/// Builds the one file that a header, its records and a checkpoint give. The caller moves finished bytes out with [`Writer::take`] as often as it likes.
pub struct Writer {
    out: Vec<u8>,
    header: Header,
    next: u64,
    records: Vec<Vec<u8>>,
    signatures: Vec<Vec<u8>>,
    openings: Vec<Opening>,
}

impl Writer {
    /// Starts a bundle. `keys` are all that were in force up to the checkpoint, `events` the key events outside the range if the log holds any after genesis, `left` the tree nodes left
    /// of the range, none when it begins at 0.
    pub fn new<'a>(header: Header, keys: impl IntoIterator<Item = &'a PublicKey>, events: &[EventProof], left: &[TreeHash]) -> Self {
        Self::settled(header, keys, events, &[], left)
    }

    /// The same, of a log that chains know: `settlements` are their light proofs, ascending by chain id.
    pub fn settled<'a>(header: Header, keys: impl IntoIterator<Item = &'a PublicKey>, events: &[EventProof], settlements: &[Vec<u8>], left: &[TreeHash]) -> Self {
        let mut out = Vec::new();
        write_part(&mut out, part::HEADER, 6);
        write_text(&mut out, MAGIC);
        write_head(&mut out, Major::Uint, VERSION);
        write_bytes(&mut out, &header.log.0);
        write_head(&mut out, Major::Uint, header.first);
        write_head(&mut out, Major::Uint, header.count);
        write_keys(&mut out, keys, events);
        for settlement in settlements {
            write_part(&mut out, part::SETTLEMENT, 2);
            write_bytes(&mut out, settlement);
        }
        write_nodes(&mut out, part::LEFT, left);
        Self { out, header, next: header.first, records: Vec::new(), signatures: Vec::new(), openings: Vec::new() }
    }

    /// Adds the next record, its COSE_Sign1 (empty for a sealed one) and the openings chosen of it, in any order.
    pub fn push(&mut self, record: Vec<u8>, signature: Vec<u8>, mut openings: Vec<Opening>) {
        openings.sort_by(|a, b| (a.label.len(), &a.label).cmp(&(b.label.len(), &b.label)));
        self.records.push(record);
        self.signatures.push(signature);
        self.openings.append(&mut openings);
        let chunk_end = self.header.chunk_end(self.next);
        self.next += 1;
        if self.next == chunk_end {
            self.flush();
        }
    }

    fn flush(&mut self) {
        write_part(&mut self.out, part::CHUNK, 4);
        for list in [&mut self.records, &mut self.signatures] {
            write_head(&mut self.out, Major::Array, list.len() as u64);
            list.drain(..).for_each(|item| write_bytes(&mut self.out, &item));
        }
        write_head(&mut self.out, Major::Array, self.openings.len() as u64);
        for opening in self.openings.drain(..) {
            write_head(&mut self.out, Major::Array, 4);
            write_head(&mut self.out, Major::Uint, opening.index);
            write_text(&mut self.out, &opening.label);
            write_bytes(&mut self.out, &opening.salt.0);
            write_bytes(&mut self.out, &opening.value);
        }
    }

    /// The bytes finished so far.
    pub fn take(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.out)
    }

    /// Ends the bundle: the tree nodes right of the range, and the checkpoint. Gives the bytes not yet taken.
    pub fn finish(mut self, right: &[TreeHash], checkpoint: &str) -> Vec<u8> {
        write_nodes(&mut self.out, part::RIGHT, right);
        write_part(&mut self.out, part::CHECKPOINT, 2);
        write_bytes(&mut self.out, checkpoint.as_bytes());
        self.out
    }
}

fn write_part(out: &mut Vec<u8>, part: u64, elements: u64) {
    write_head(out, Major::Array, elements);
    write_head(out, Major::Uint, part);
}

fn write_keys<'a>(out: &mut Vec<u8>, keys: impl IntoIterator<Item = &'a PublicKey>, events: &[EventProof]) {
    let keys: Vec<_> = keys.into_iter().map(PublicKey::to_spki).collect();
    write_part(out, part::KEYS, if events.is_empty() { 2 } else { 3 });
    write_head(out, Major::Array, keys.len() as u64);
    keys.iter().for_each(|key| write_bytes(out, key));
    if events.is_empty() {
        return;
    }
    write_head(out, Major::Array, events.len() as u64);
    for event in events {
        write_head(out, Major::Array, 4);
        write_head(out, Major::Uint, event.index);
        write_bytes(out, &event.record);
        write_bytes(out, &event.signature);
        write_head(out, Major::Array, event.path.len() as u64);
        event.path.iter().for_each(|node| write_bytes(out, &node.0));
    }
}

fn write_nodes(out: &mut Vec<u8>, part: u64, nodes: &[TreeHash]) {
    if nodes.is_empty() {
        return;
    }
    write_part(out, part, 2);
    write_head(out, Major::Array, nodes.len() as u64);
    nodes.iter().for_each(|node| write_bytes(out, &node.0));
}
