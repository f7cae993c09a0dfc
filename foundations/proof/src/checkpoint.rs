//! A checkpoint: the tree head as a C2SP signed note that a verifier can keep (spec/checkpoint.md).

use crate::digest::{LogId, TreeHash, sha256};
use crate::key::{PUBLIC_KEY_LEN, PublicKey};
use crate::limits;
use crate::signature::{self, SIGNATURE_LEN};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use base64ct::{Base64, Encoding};
use core::fmt;

const ORIGIN_PREFIX: &str = "mickai.log/";
const SIGNATURE_MARK: &str = "\u{2014} ";
const KEY_HASH_LEN: usize = 4;

/// What a checkpoint says: the first `size` records of `log` have this root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log.
    pub log: LogId,
    /// Records covered, at least 1.
    pub size: u64,
    /// RFC 6962 root of those records.
    pub root: TreeHash,
}

/// A checkpoint with its signature, not yet verified.
#[derive(Clone, PartialEq, Eq)]
pub struct Note {
    /// What is said.
    pub checkpoint: Checkpoint,
    key_hash: [u8; KEY_HASH_LEN],
    signature: Box<[u8; SIGNATURE_LEN]>,
}

/// Why a note is not to be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointError {
    /// Not the form of spec/checkpoint.md.
    Malformed,
    /// About another log.
    Origin,
    /// Signed by another key.
    Key,
    /// The signature does not verify.
    Signature,
}

impl CheckpointError {
    /// The stable reason code (spec/verdict.md).
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed => "malformed-checkpoint",
            Self::Origin => "checkpoint-origin",
            Self::Key => "checkpoint-key",
            Self::Signature => "checkpoint-signature",
        }
    }
}

impl fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "this is not a checkpoint: give the file that `mickai log checkpoint` wrote, or SIZE:ROOT",
            Self::Origin => "the checkpoint is about another log",
            Self::Key => "the checkpoint names another key",
            Self::Signature => "the checkpoint's signature does not verify",
        })
    }
}

impl core::error::Error for CheckpointError {}

impl Checkpoint {
    /// The text that is signed: origin, size, root, each with its LF.
    pub fn text(&self) -> String {
        format!("{ORIGIN_PREFIX}{}\n{}\n{}\n", self.log, self.size, Base64::encode_string(&self.root.0))
    }

    /// The whole note, given the signature over [`Checkpoint::text`].
    pub fn to_note(&self, key: &PublicKey, signature: &[u8; SIGNATURE_LEN]) -> String {
        let blob = [&key_hash(self.log, key.raw())[..], signature].concat();
        format!("{}\n{SIGNATURE_MARK}{ORIGIN_PREFIX}{} {}\n", self.text(), self.log, Base64::encode_string(&blob))
    }
}

impl Note {
    /// Reads the form; nothing is verified yet.
    ///
    /// # Errors
    /// [`CheckpointError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, CheckpointError> {
        parse(bytes).ok_or(CheckpointError::Malformed)
    }

    /// Is it about `log` and does it name `key`?
    ///
    /// # Errors
    /// [`CheckpointError::Origin`], [`CheckpointError::Key`].
    pub fn check_names(&self, key: &PublicKey, log: LogId) -> Result<(), CheckpointError> {
        if self.checkpoint.log != log {
            return Err(CheckpointError::Origin);
        }
        if self.key_hash != key_hash(self.checkpoint.log, key.raw()) {
            return Err(CheckpointError::Key);
        }
        Ok(())
    }

    /// The signature, for whoever carries it elsewhere.
    pub fn signature(&self) -> &[u8; SIGNATURE_LEN] {
        &self.signature
    }

    /// Does the signature verify under `key`?
    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        signature::verify(key, self.checkpoint.text().as_bytes(), &self.signature)
    }

    /// All of spec/checkpoint.md "Verification" after the form.
    ///
    /// # Errors
    /// [`CheckpointError`], in that order.
    pub fn verify(&self, key: &PublicKey, log: LogId) -> Result<Checkpoint, CheckpointError> {
        self.check_names(key, log)?;
        if self.is_signed_by(key) { Ok(self.checkpoint) } else { Err(CheckpointError::Signature) }
    }
}

/// The form leaves no room for more than `limits::NOTE_BYTES_MAX`.
fn parse(bytes: &[u8]) -> Option<Note> {
    let text = core::str::from_utf8(bytes).ok()?;
    let (body, signature_line) = text.split_once("\n\n")?;
    let mut lines = body.split('\n');
    let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
    let (name, blob) = signature_line.strip_prefix(SIGNATURE_MARK)?.strip_suffix('\n')?.split_once(' ')?;
    if lines.next().is_some() || name != origin {
        return None;
    }
    let blob = Base64::decode_vec(blob).ok()?;
    let (key_hash, signature) = blob.split_at_checked(KEY_HASH_LEN)?;
    Some(Note {
        checkpoint: Checkpoint { log: lower_hex(origin.strip_prefix(ORIGIN_PREFIX)?)?, size: decimal(size)?, root: TreeHash::from_slice(&Base64::decode_vec(root).ok()?)? },
        key_hash: key_hash.try_into().ok()?,
        signature: Box::new(signature.try_into().ok()?),
    })
}

fn lower_hex(text: &str) -> Option<LogId> {
    LogId::from_hex(text).filter(|_| !text.bytes().any(|byte| byte.is_ascii_uppercase()))
}

/// A size: decimal digits without a leading zero, 1 to 2^53−1.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    if text.starts_with('0') || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|size| (1..=limits::INDEX_MAX).contains(size))
}

fn key_hash(log: LogId, key: &[u8; PUBLIC_KEY_LEN]) -> [u8; KEY_HASH_LEN] {
    let origin = format!("{ORIGIN_PREFIX}{log}");
    let [a, b, c, d, ..] = sha256(&[origin.as_bytes(), b"\n\xffoar-ml-dsa-65-v1", key]);
    [a, b, c, d]
}
