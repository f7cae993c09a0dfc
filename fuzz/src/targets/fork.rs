//! Fork proofs: what is read is its own encoding, and what is proven is a contradiction of two signed tree heads.

use super::harness::{Held, Target, ensure};
use super::vectors;
use mickai_proof::cbor::{CborError, Reader};
use mickai_proof::checkpoint::Note;
use mickai_proof::digest::TreeHash;
use mickai_proof::fork::{ForkError, ForkProof, ForkReport, encode};
use mickai_proof::key::PublicKey;
use mickai_proof::merkle::Frontier;
use mickai_proof::verify::Word;
use std::path::Path;
use std::sync::OnceLock;

/// The target. Its input is a fork proof; the keys of the vectors are trusted.
pub const TARGET: Target = Target { name: "fork", holds: |data| holds(data, ForkProof::parse), canary: |data| holds(data, canary), seeds, case_count: 20_000 };

type Parse = fn(&[u8]) -> Result<ForkProof, ForkError>;

/// The elements of a proof, read without judging them.
struct Elements {
    notes: [String; 2],
    nodes: [Vec<TreeHash>; 2],
}

fn holds(data: &[u8], parse: Parse) -> Held {
    let proof = match parse(data) {
        Ok(proof) => proof,
        Err(error) => {
            let word = if error == ForkError::NotAForkProof { Word::Unreadable } else { Word::Invalid };
            return ensure(ForkReport::of(data, &keys()).is_ok_and(|report| report.word() == word), "the report has another word");
        }
    };
    let Elements { notes: [a, b], nodes: [left, right] } = elements(data).map_err(|_| "a proof without its elements")?;
    ensure(encode(&a, &b, &left, &right) == data, "a proof that is not its own encoding")?;
    if proof.check(&keys()).is_err() {
        return Ok(());
    }
    let signed = |text: &str| Note::parse(text.as_bytes()).ok().filter(|note| keys().iter().any(|key| note.is_signed_by(key))).map(|note| note.checkpoint);
    let (Some(a), Some(b)) = (signed(&a), signed(&b)) else { return Err("a fork of notes that nobody signed".to_owned()) };
    ensure(a.log == b.log, "a fork of two logs")?;
    if a.size == b.size {
        return ensure(a.root != b.root, "a fork of a tree head with itself");
    }
    let beginning = Frontier::from_nodes(a.size, left).ok_or("a fork with another number of nodes")?;
    ensure(beginning.root() != Some(a.root) && beginning.root_with(b.size, &right) == Some(b.root), "a fork of two heads of one tree")
}

fn elements(data: &[u8]) -> Result<Elements, CborError> {
    let mut reader = Reader::new(data);
    reader.array()?;
    reader.text()?;
    reader.uint()?;
    let note = |reader: &mut Reader<'_>| reader.bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let notes = [note(&mut reader)?, note(&mut reader)?];
    let nodes = |reader: &mut Reader<'_>| (0..reader.array()?).map(|_| reader.fixed().map(TreeHash)).collect::<Result<Vec<_>, _>>();
    Ok(Elements { notes, nodes: [nodes(&mut reader)?, nodes(&mut reader)?] })
}

/// Passes over a byte after the end.
fn canary(data: &[u8]) -> Result<ForkProof, ForkError> {
    ForkProof::parse(data).or_else(|error| data.split_last().ok_or(error).and_then(|(_, shorter)| ForkProof::parse(shorter)))
}

/// The keys of a vector's notes, by which most vectors are signed.
fn keys() -> Vec<PublicKey> {
    static KEYS: OnceLock<Vec<PublicKey>> = OnceLock::new();
    let read = || {
        let vector: serde_json::Value = serde_json::from_str(include_str!("../../../spec/vectors/fork/accept/across-a-rotation.json")).unwrap();
        vector["keys"].as_array().unwrap().iter().map(|pem| PublicKey::from_pem(pem.as_str().unwrap()).unwrap()).collect()
    };
    KEYS.get_or_init(read).clone()
}

fn seeds(folder: &Path) -> Vec<Vec<u8>> {
    vectors::of(folder, "fork").iter().map(|vector| vectors::base64(vector, "fork")).collect()
}
