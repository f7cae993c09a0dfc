//! The JSON shapes of the vectors in spec/vectors, and what this implementation answers to each.

use base64ct::{Base64, Encoding};
use mickai_proof::checkpoint::{CheckpointError, Note};
pub use mickai_proof::digest::hex as to_hex;
use mickai_proof::digest::{LogId, RecordDigest};
use mickai_proof::fork::ForkReport;
use mickai_proof::key::PublicKey;
use mickai_proof::record::decode;
use mickai_proof::verify::{Engine, Misuse, Policy, Verdict, Verifier, Word};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

pub fn folder(topic: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../spec/vectors").join(topic)
}

pub fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordVector {
    pub name: String,
    pub why: String,
    pub record: String,
    pub expect: RecordExpect,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordExpect {
    pub ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

pub fn judge_record(bytes: &[u8]) -> RecordExpect {
    match decode(bytes) {
        Ok(record) => RecordExpect { ok: true, digest: Some(RecordDigest::of(bytes).to_string()), key_id: Some(record.key_id.to_string()), reason: None },
        Err(error) => RecordExpect { reason: Some(error.code().to_owned()), ..RecordExpect::default() },
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckpointVector {
    pub name: String,
    pub why: String,
    pub note: String,
    pub key: String,
    pub log: String,
    pub expect: CheckpointExpect,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckpointExpect {
    pub ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

pub fn judge_checkpoint(note: &str, key: &PublicKey, log: LogId) -> CheckpointExpect {
    match Note::parse(note.as_bytes()).and_then(|note| note.verify(key, log)) {
        Ok(checkpoint) => CheckpointExpect { ok: true, size: Some(checkpoint.size), root: Some(checkpoint.root.to_string()), reason: None },
        Err(error) => CheckpointExpect { reason: Some(CheckpointError::code(error).to_owned()), ..CheckpointExpect::default() },
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForkVector {
    pub name: String,
    pub why: String,
    pub fork: String,
    pub keys: Vec<String>,
    pub expect: ForkExpect,
}

/// `reason` is `fork` when one is proven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForkExpect {
    pub exit: u8,
    pub reason: String,
}

pub fn judge_fork(vector: &ForkVector) -> ForkExpect {
    let keys: Vec<_> = vector.keys.iter().map(|pem| PublicKey::from_pem(pem).unwrap()).collect();
    match ForkReport::of(&Base64::decode_vec(&vector.fork).unwrap(), &keys) {
        Ok(report) => ForkExpect { exit: report.word().exit_code(), reason: report.reason().to_owned() },
        Err(misuse) => ForkExpect { exit: 64, reason: misuse.code().to_owned() },
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleVector {
    pub name: String,
    pub why: String,
    pub bundle: String,
    pub policy: PolicyText,
    pub expect: Expect,
}

/// A policy as its file has it, and the time of now beside it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyText {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<Kept>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upto: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revocations: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skew_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chains: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub now_ms: Option<u64>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    pub checkpoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received: Option<u64>,
}

/// What a verifier answers; neither axes nor a sentence for a misuse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    pub verdict: Option<String>,
    pub exit: u8,
    pub reason: Option<String>,
    pub index: Option<u64>,
    pub step: Option<u8>,
    pub axes: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl PolicyText {
    pub fn to_policy(&self) -> Result<Policy, Misuse> {
        let file = serde_json::to_vec(&Self { now_ms: None, ..self.clone() }).unwrap();
        let policy = Policy { now_ms: self.now_ms, ..Policy::from_json(&file)? };
        policy.check()?;
        Ok(policy)
    }

    /// The answer on a bundle that comes in pieces of `piece_len` bytes.
    pub fn judge(&self, bundle: &[u8], piece_len: usize) -> Expect {
        self.judge_by(Engine::library(), bundle, piece_len)
    }

    /// The same with another way to verify signatures.
    pub fn judge_by(&self, engine: Engine, bundle: &[u8], piece_len: usize) -> Expect {
        told(self.to_policy().and_then(|policy| judge(policy, engine, bundle, piece_len)))
    }
}

fn judge(policy: Policy, engine: Engine, bundle: &[u8], piece_len: usize) -> Result<Verdict, Misuse> {
    let mut verifier = Verifier::with_engine(policy, engine)?;
    bundle.chunks(piece_len).for_each(|piece| verifier.feed(piece));
    assert_eq!(verifier.disagreements(), 0);
    verifier.finish()
}

/// The answer as a vector has it.
pub fn told(answer: Result<Verdict, Misuse>) -> Expect {
    let misused = |misuse: Misuse| {
        let reason = Some(misuse.code().to_owned());
        Expect { verdict: None, exit: 64, reason, index: None, step: None, axes: BTreeMap::new(), text: None }
    };
    let verdict_told = |verdict: Verdict| Expect {
        text: Some(verdict.scope_text()),
        verdict: (verdict.word != Word::Unreadable).then(|| verdict.word.name().to_owned()),
        exit: verdict.word.exit_code(),
        reason: verdict.reason.map(|reason| reason.code().to_owned()),
        index: verdict.index(),
        step: verdict.failure.and_then(|failure| failure.reason.step()),
        axes: verdict.axes.iter().map(|(axis, state)| (axis.name().to_owned(), state.name().to_owned())).collect(),
    };
    answer.map_or_else(misused, verdict_told)
}
