//! A bundle as its parts, each open to change, encoded by hand: not by the crate's writer, which is compared with it.

use mickai_proof::bundle::{EventProof, Header, Writer};
use mickai_proof::cbor::{Major, write_bytes, write_head, write_text};
use mickai_proof::commitment::Opening;
use mickai_proof::digest::TreeHash;
use mickai_proof::key::PublicKey;

#[derive(Clone)]
pub struct Chunk {
    pub records: Vec<Vec<u8>>,
    pub signatures: Vec<Vec<u8>>,
    pub openings: Vec<Opening>,
}

#[derive(Clone)]
pub struct Parts {
    pub header: Header,
    pub keys: Vec<Vec<u8>>,
    pub events: Vec<EventProof>,
    /// Light proofs.
    pub settlements: Vec<Vec<u8>>,
    pub left: Vec<TreeHash>,
    pub chunks: Vec<Chunk>,
    pub right: Vec<TreeHash>,
    pub note: Vec<u8>,
}

impl Parts {
    /// The encoded parts, in order.
    pub fn items(&self) -> Vec<Vec<u8>> {
        let mut items = vec![header(self.header, 1), keys(&self.keys, &self.events)];
        items.extend(self.settlements.iter().map(|proof| settlement(proof)));
        items.extend((!self.left.is_empty()).then(|| nodes(2, &self.left)));
        items.extend(self.chunks.iter().map(chunk));
        items.extend((!self.right.is_empty()).then(|| nodes(4, &self.right)));
        items.push(note(&self.note));
        items
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.items().concat()
    }

    /// What the crate's own writer makes of the same parts.
    pub fn by_writer(&self) -> Vec<u8> {
        let keys: Vec<_> = self.keys.iter().map(|key| PublicKey::from_spki(key).unwrap()).collect();
        let mut writer = Writer::settled(self.header, &keys, &self.events, &self.settlements, &self.left);
        let mut out = Vec::new();
        let mut index = self.header.first;
        for chunk in &self.chunks {
            for (record, signature) in chunk.records.iter().zip(&chunk.signatures) {
                let mut openings: Vec<_> = chunk.openings.iter().filter(|opening| opening.index == index).cloned().collect();
                openings.reverse();
                writer.push(record.clone(), signature.clone(), openings);
                out.extend(writer.take());
                index += 1;
            }
        }
        out.extend(writer.finish(&self.right, str::from_utf8(&self.note).unwrap()));
        out
    }
}

pub fn header(header: Header, version: u64) -> Vec<u8> {
    let mut out = vec![0x86, 0];
    write_text(&mut out, "oar-bundle");
    write_head(&mut out, Major::Uint, version);
    write_bytes(&mut out, &header.log.0);
    write_head(&mut out, Major::Uint, header.first);
    write_head(&mut out, Major::Uint, header.count);
    out
}

pub fn keys(keys: &[impl AsRef<[u8]>], events: &[EventProof]) -> Vec<u8> {
    let mut out = vec![if events.is_empty() { 0x82 } else { 0x83 }, 1];
    write_list(&mut out, keys);
    if !events.is_empty() {
        write_head(&mut out, Major::Array, events.len() as u64);
    }
    for event in events {
        out.push(0x84);
        write_head(&mut out, Major::Uint, event.index);
        write_bytes(&mut out, &event.record);
        write_bytes(&mut out, &event.signature);
        write_list(&mut out, &event.path);
    }
    out
}

pub fn nodes(part: u8, nodes: &[TreeHash]) -> Vec<u8> {
    let mut out = vec![0x82, part];
    write_list(&mut out, nodes);
    out
}

pub fn chunk(chunk: &Chunk) -> Vec<u8> {
    let mut out = vec![0x84, 3];
    write_list(&mut out, &chunk.records);
    write_list(&mut out, &chunk.signatures);
    write_head(&mut out, Major::Array, chunk.openings.len() as u64);
    for opening in &chunk.openings {
        out.push(0x84);
        write_head(&mut out, Major::Uint, opening.index);
        write_text(&mut out, &opening.label);
        write_bytes(&mut out, &opening.salt.0);
        write_bytes(&mut out, &opening.value);
    }
    out
}

pub fn settlement(proof: &[u8]) -> Vec<u8> {
    let mut out = vec![0x82, 6];
    write_bytes(&mut out, proof);
    out
}

pub fn note(note: &[u8]) -> Vec<u8> {
    let mut out = vec![0x82, 5];
    write_bytes(&mut out, note);
    out
}

fn write_list(out: &mut Vec<u8>, items: &[impl AsRef<[u8]>]) {
    write_head(out, Major::Array, items.len() as u64);
    items.iter().for_each(|item| write_bytes(out, item.as_ref()));
}
