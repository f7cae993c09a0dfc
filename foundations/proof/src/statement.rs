//! A statement that supply-chain tools read: in-toto Statement v1 in a DSSE envelope, signed by the operator's key (spec/exports.md "Statement").

use crate::checkpoint::Checkpoint;
use crate::digest::{KeyId, RecordDigest, TreeHash, hex, sha256};
use crate::json::{array, base64, object, plain, text, uint};
use crate::signature::SIGNATURE_LEN;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// What the envelope says its payload is.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// What the predicate is; a name of our own, which is nobody's address.
pub const PREDICATE_TYPE: &str = "urn:mickai:oar:statement:v1";

/// The name that in-toto gives to its Statement v1. It is compared, never asked.
const STATEMENT_TYPE: &str = concat!("https", "://in-toto.io/Statement/v1");

/// Records that one statement names: it is a document for tools that hold it in memory.
pub const RECORDS_MAX: u64 = 1_024;

/// A record that a statement names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its index.
    pub index: u64,
    /// D.
    pub digest: RecordDigest,
    /// SHA-256 of its bytes, what tools compare files by.
    pub sha256: [u8; 32],
    /// Its audit path in the tree of the statement's checkpoint.
    pub path: Vec<TreeHash>,
}

impl Named {
    /// The record of these bytes.
    pub fn of(index: u64, record: &[u8], path: Vec<TreeHash>) -> Self {
        Self { index, digest: RecordDigest::of(record), sha256: sha256(&[record]), path }
    }
}

/// The payload: log and checkpoint as subjects, and the records chosen.
pub fn payload(checkpoint: &Checkpoint, records: &[Named]) -> String {
    let origin = format!("mickai.log/{}", checkpoint.log);
    let subject = |name: String, digest: Vec<(&str, String)>| object([("name", plain(name)), ("digest", object(digest))]);
    let mut subjects = vec![
        subject(origin.clone(), vec![("sha256", plain(checkpoint.log))]),
        subject(format!("{origin}/checkpoint/{}", checkpoint.size), vec![("sha256", plain(hex(&sha256(&[checkpoint.text().as_bytes()]))))]),
    ];
    subjects.extend(records.iter().map(|record| {
        let digest = vec![("sha256", plain(hex(&record.sha256))), ("oar-record-v1", plain(record.digest))];
        subject(format!("{origin}/record/{}", record.index), digest)
    }));
    let path = |record: &Named| array(record.path.iter().map(plain));
    let named = records.iter().map(|record| object([("index", uint(record.index)), ("digest", plain(record.digest)), ("path", path(record))]));
    let predicate = object([("log", plain(checkpoint.log)), ("size", uint(checkpoint.size)), ("root", plain(checkpoint.root)), ("records", array(named))]);
    object([("_type", text(STATEMENT_TYPE)), ("subject", array(subjects)), ("predicateType", text(PREDICATE_TYPE)), ("predicate", predicate)])
}

/// What the key signs: DSSE's pre-authentication encoding of the payload.
pub fn to_be_signed(payload: &str) -> Vec<u8> {
    format!("DSSEv1 {} {PAYLOAD_TYPE} {} {payload}", PAYLOAD_TYPE.len(), payload.len()).into_bytes()
}

/// The envelope, one line.
pub fn to_envelope(payload: &str, key: KeyId, signature: &[u8; SIGNATURE_LEN]) -> String {
    let signature = object([("keyid", plain(key)), ("sig", base64(signature))]);
    object([("payload", base64(payload.as_bytes())), ("payloadType", text(PAYLOAD_TYPE)), ("signatures", array([signature]))])
}
