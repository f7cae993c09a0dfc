//! The forms that tools of others read (spec/exports.md): what a script in another language, with libraries of others, checks against the same log.

use crate::Files;
use crate::common::{Log, Signer};
use base64ct::{Base64, Encoding};
use mickai_proof::cbor::write_bytes;
use mickai_proof::digest::TreeHash;
use mickai_proof::merkle::{Gather, leaf};
use mickai_proof::receipt::{Receipt, ReceiptError, to_be_signed};
use mickai_proof::statement::{self, Named};
use mickai_proof::tiles::{CHECKPOINT_PATH, Tiler};
use mickai_proof::view;
use serde_json::{Map, Value, json};

/// Genesis, a generation, sealed records and their seal, another generation: 11 records.
pub fn log() -> Log {
    let mut log = Log::new(&Signer::from_seed(1));
    let intent = log.intent();
    log.outcome(intent);
    log.heartbeats(5);
    log.seal();
    let intent = log.intent();
    log.outcome(intent);
    log
}

pub fn write(files: &mut Files) {
    let log = log();
    for (name, index) in [("receipt-first", 0), ("receipt-sealed", 5), ("receipt-last", 10)] {
        receipt_vector(files, name, "a record of eleven", &log, index, receipt(&log, index).to_bytes(), Ok(()));
    }
    let two = log.first(2);
    receipt_vector(files, "receipt-of-two", "the smallest tree that has receipts", &two, 1, receipt(&two, 1).to_bytes(), Ok(()));
    rejects(files, &log);
    statements(files, &log);
    lines(files, &log);
    tiles(files, "tiles-11", "one partial tile", &log);
    let mut long = Log::new(&Signer::from_seed(1));
    long.heartbeats(259);
    tiles(files, "tiles-260", "a full tile, and partial ones beside and above it", &long);
}

fn path(log: &Log, index: usize) -> Vec<TreeHash> {
    let mut gather = Gather::new(log.records.len() as u64);
    for (at, record) in log.records.iter().enumerate() {
        if at == index {
            gather.want_path_of_next();
        }
        gather.push(leaf(record));
    }
    gather.path(index as u64).unwrap()
}

fn receipt(log: &Log, index: usize) -> Receipt {
    let size = log.records.len();
    let signature = Box::new(log.signer.sign(&to_be_signed(log.signer.id(), &log.checkpoint(size))));
    Receipt { log: log.id, key: log.signer.id(), size: size as u64, index: index as u64, path: path(log, index), signature }
}

fn receipt_vector(files: &mut Files, name: &str, why: &str, log: &Log, index: usize, receipt: Vec<u8>, declared: Result<(), ReceiptError>) {
    let answer = Receipt::parse(&receipt).and_then(|receipt| receipt.verify(&log.signer.key, &log.records[index]));
    if files.agrees(name, &answer, &declared) {
        let vector = json!({
            "name": name, "why": why, "kind": "receipt", "key": log.signer.key.to_pem(), "log": log.id.to_string(),
            "record": Base64::encode_string(&log.records[index]), "receipt": Base64::encode_string(&receipt),
            "expect": declared.err().map(ReceiptError::code),
        });
        files.vector("exports", declared.is_ok(), name, &vector);
    }
}

fn rejects(files: &mut Files, log: &Log) {
    let good = receipt(log, 2);
    let mut reject = |name: &str, why: &str, bytes: Vec<u8>, error| receipt_vector(files, name, why, log, 2, bytes, Err(error));
    let changed = |change: &dyn Fn(&mut Receipt)| {
        let mut receipt = good.clone();
        change(&mut receipt);
        receipt.to_bytes()
    };
    let bytes = good.to_bytes();
    let edited = |at: usize, byte: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = byte;
        bytes
    };
    reject("receipt-of-another", "the receipt of the record before", receipt(log, 1).to_bytes(), ReceiptError::Signature);
    reject("receipt-size", "a tree of another size that has the same path: the size is signed", changed(&|receipt| receipt.size = 10), ReceiptError::Signature);
    reject("receipt-index", "the place beside", changed(&|receipt| receipt.index = 3), ReceiptError::Signature);
    reject("receipt-index-beyond", "an index that the tree does not have", changed(&|receipt| receipt.index = 11), ReceiptError::Malformed);
    reject("receipt-path-short", "one node less than the tree has levels", changed(&|receipt| receipt.path.truncate(3)), ReceiptError::Malformed);
    reject("receipt-path-long", "one node more", changed(&|receipt| receipt.path.push(TreeHash([1; 32]))), ReceiptError::Malformed);
    reject("receipt-path-swapped", "two nodes exchanged", changed(&|receipt| receipt.path.swap(0, 1)), ReceiptError::Signature);
    reject("receipt-log", "another log's name in the header", changed(&|receipt| receipt.log.0[0] ^= 1), ReceiptError::Signature);
    reject("receipt-signature", "a flipped bit of the signature", changed(&|receipt| receipt.signature[100] ^= 1), ReceiptError::Signature);
    let stranger = Signer::from_seed(2);
    let by_stranger = |receipt: &mut Receipt| {
        receipt.key = stranger.id();
        *receipt.signature = stranger.sign(&to_be_signed(stranger.id(), &log.checkpoint(11)));
    };
    reject("receipt-key", "signed by another key, which it names", changed(&by_stranger), ReceiptError::Key);
    let record_signed = |receipt: &mut Receipt| receipt.signature.copy_from_slice(&log.signatures[2][77..]);
    reject("receipt-signature-of-record", "the signature of the record itself in its place", changed(&record_signed), ReceiptError::Signature);
    let note_signed = |receipt: &mut Receipt| *receipt.signature = log.signer.sign(log.checkpoint(11).text().as_bytes());
    reject("receipt-signature-of-checkpoint", "the signature of the checkpoint in its place", changed(&note_signed), ReceiptError::Signature);
    reject("receipt-untagged", "without the tag of COSE_Sign1", bytes[1..].to_vec(), ReceiptError::Malformed);
    reject("receipt-algorithm", "names ML-DSA-87", edited(7, 0x31), ReceiptError::Malformed);
    reject("receipt-vds", "names another verifiable data structure", edited(172, 2), ReceiptError::Malformed);
    reject("receipt-trailing", "a byte after its end", [&bytes[..], &[0]].concat(), ReceiptError::Malformed);
    reject("receipt-cut", "its last byte is missing", bytes[..bytes.len() - 1].to_vec(), ReceiptError::Malformed);
    reject("receipt-payload", "the root attached", attached(log, &bytes), ReceiptError::Malformed);
    reject("receipt-text", "no receipt at all", b"mickai".to_vec(), ReceiptError::Malformed);
    let one = log.first(1);
    let lonely = Receipt { path: Vec::new(), size: 1, index: 0, ..receipt(log, 0) };
    receipt_vector(files, "receipt-of-one", "the only leaf of a tree has no path", &one, 0, lonely.to_bytes(), Err(ReceiptError::Malformed));
}

/// The root in place of the null that stands before the signature.
fn attached(log: &Log, bytes: &[u8]) -> Vec<u8> {
    let (before, signature) = bytes.split_at(bytes.len() - 3_312);
    let mut out = before[..before.len() - 1].to_vec();
    write_bytes(&mut out, &log.root(11).0);
    out.extend(signature);
    out
}

fn statements(files: &mut Files, log: &Log) {
    let checkpoint = log.checkpoint(11);
    let chosen: Vec<usize> = vec![2, 5];
    let named: Vec<_> = chosen.iter().map(|index| Named::of(*index as u64, &log.records[*index], path(log, *index))).collect();
    for (name, why, named) in [("statement-log", "the whole log by its checkpoint", &[][..]), ("statement-records", "two records, with their paths", &named)] {
        let payload = statement::payload(&checkpoint, named);
        let envelope = statement::to_envelope(&payload, log.signer.id(), &log.signer.sign(&statement::to_be_signed(&payload)));
        let artifacts: Map<String, Value> = [("genesis", log.records[0].as_slice()), ("checkpoint", checkpoint.text().as_bytes())]
            .into_iter()
            .map(|(name, bytes)| (name.to_owned(), Value::from(Base64::encode_string(bytes))))
            .chain(named.iter().map(|one| (format!("record/{}", one.index), Value::from(Base64::encode_string(&log.records[one.index as usize])))))
            .collect();
        let vector =
            json!({"name": name, "why": why, "kind": "statement", "key": log.signer.key.to_pem(), "log": log.id.to_string(), "envelope": envelope, "artifacts": artifacts});
        files.vector("exports", true, name, &vector);
    }
}

fn lines(files: &mut Files, log: &Log) {
    let openings = |index: u64| log.openings.iter().filter(|opening| opening.index == index).cloned().collect::<Vec<_>>();
    let line = |(index, (record, signature)): (u64, (&Vec<u8>, &Vec<u8>))| view::line(index, record, signature, &openings(index));
    let lines: Vec<String> = (0..).zip(log.records.iter().zip(&log.signatures)).map(line).collect();
    let vector =
        json!({"name": "lines", "why": "every record with every value opened", "kind": "lines", "key": log.signer.key.to_pem(), "log": log.id.to_string(), "lines": lines});
    files.vector("exports", true, "lines", &vector);
}

fn tiles(files: &mut Files, name: &str, why: &str, log: &Log) {
    let mut tiler = Tiler::default();
    let mut found: Vec<_> = log.records.iter().flat_map(|record| tiler.push(record).unwrap()).collect();
    assert_eq!(tiler.root(), Some(log.root(log.records.len())));
    found.extend(tiler.finish());
    let mut tree: Map<String, Value> = found.into_iter().map(|(tile, bytes)| (tile.path(), Value::from(Base64::encode_string(&bytes)))).collect();
    tree.insert(CHECKPOINT_PATH.to_owned(), Value::from(Base64::encode_string(log.note(log.records.len()).as_bytes())));
    files.vector("exports", true, name, &json!({"name": name, "why": why, "kind": "tiles", "key": log.signer.key.to_pem(), "log": log.id.to_string(), "files": tree}));
}
