//! A receipt (RFC 9942, COSE Receipts): one record is in the log, in a form that tools of others read (spec/exports.md "Receipt").

use crate::cbor::{Major, Reader, write_bytes, write_head, write_text};
use crate::checkpoint::Checkpoint;
use crate::digest::{KeyId, LogId, TreeHash};
use crate::key::PublicKey;
use crate::limits;
use crate::merkle;
use crate::signature::{self, SIGNATURE_LEN};
use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;

/// COSE_Sign1 (RFC 9052 §2), an array of four.
const TAG_18_ARRAY_4: [u8; 2] = [0xd2, 0x84];
/// −49, ML-DSA-65 (RFC 9964).
const ALGORITHM: [u8; 2] = [0x38, 0x30];
/// Another `typ` than records': no Sig_structure of one is one of the other.
const CONTENT_TYPE: &str = "application/oar-receipt+cbor";
/// −1, inclusion proofs (RFC 9942 §5.2).
const INCLUSION: u8 = 0x20;
/// Header 395: which verifiable data structure; 1 is RFC9162_SHA256.
const VDS: u64 = 395;
const RFC9162_SHA256: u64 = 1;
/// Header 396: its proofs.
const VDP: u64 = 396;

/// That the record of index `index` is a leaf of the tree of the first `size` records of `log`.
#[derive(Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Of which log.
    pub log: LogId,
    /// By which key.
    pub key: KeyId,
    /// Records of the tree, at least 2: RFC 9942 has no empty path.
    pub size: u64,
    /// The record.
    pub index: u64,
    /// Its audit path, from the leaf's sibling up.
    pub path: Vec<TreeHash>,
    /// Over [`to_be_signed`].
    pub signature: Box<[u8; SIGNATURE_LEN]>,
}

/// Why a receipt is not to be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptError {
    /// Not the form of spec/exports.md.
    Malformed,
    /// Signed by another key.
    Key,
    /// The record is not the one, or the signature does not verify: the two cannot be told apart, because the root is not in the receipt.
    Signature,
}

impl ReceiptError {
    /// The stable reason code (spec/exports.md).
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed => "malformed-receipt",
            Self::Key => "unknown-key",
            Self::Signature => "receipt-signature",
        }
    }
}

/// The Sig_structure (RFC 9052 §4.4): protected header, empty external_aad, the root as payload.
pub fn to_be_signed(key: KeyId, checkpoint: &Checkpoint) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    write_head(&mut out, Major::Array, 4);
    write_text(&mut out, "Signature1");
    write_bytes(&mut out, &protected(key, checkpoint.log, checkpoint.size));
    write_bytes(&mut out, &[]);
    write_bytes(&mut out, &checkpoint.root.0);
    out
}

fn protected(key: KeyId, log: LogId, size: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(192);
    write_head(&mut out, Major::Map, 5);
    write_head(&mut out, Major::Uint, 1);
    out.extend(ALGORITHM);
    write_head(&mut out, Major::Uint, 4);
    write_bytes(&mut out, &key.0);
    // 15: CWT claims (RFC 9597): the issuer and the subject. The size stands here because the proof is not signed, and several sizes can give one root.
    write_head(&mut out, Major::Uint, 15);
    write_head(&mut out, Major::Map, 2);
    write_head(&mut out, Major::Uint, 1);
    write_text(&mut out, &format!("mickai.log/{log}"));
    write_head(&mut out, Major::Uint, 2);
    write_text(&mut out, &format!("checkpoint/{size}"));
    // 16: typ (RFC 9596).
    write_head(&mut out, Major::Uint, 16);
    write_text(&mut out, CONTENT_TYPE);
    write_head(&mut out, Major::Uint, VDS);
    write_head(&mut out, Major::Uint, RFC9162_SHA256);
    out
}

impl Receipt {
    /// The tagged COSE_Sign1.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut proof = Vec::new();
        write_head(&mut proof, Major::Array, 3);
        write_head(&mut proof, Major::Uint, self.size);
        write_head(&mut proof, Major::Uint, self.index);
        write_head(&mut proof, Major::Array, self.path.len() as u64);
        self.path.iter().for_each(|node| write_bytes(&mut proof, &node.0));
        let mut out = Vec::from(TAG_18_ARRAY_4);
        write_bytes(&mut out, &protected(self.key, self.log, self.size));
        out.extend(proofs_head());
        write_bytes(&mut out, &proof);
        out.push(0xf6);
        write_bytes(&mut out, &self.signature[..]);
        out
    }

    /// Reads the form; nothing is verified yet.
    ///
    /// # Errors
    /// [`ReceiptError::Malformed`] for every byte string that [`Receipt::to_bytes`] does not give.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReceiptError> {
        let receipt = parse(bytes).ok_or(ReceiptError::Malformed)?;
        if receipt.to_bytes() == bytes { Ok(receipt) } else { Err(ReceiptError::Malformed) }
    }

    /// Does it say, under `key`, that this record is in the log?
    ///
    /// # Errors
    /// [`ReceiptError`], in the order of spec/exports.md.
    pub fn verify(&self, key: &PublicKey, record: &[u8]) -> Result<(), ReceiptError> {
        if key.id() != self.key {
            return Err(ReceiptError::Key);
        }
        let root = merkle::root_from_path(self.index, self.size, merkle::leaf(record), &self.path).ok_or(ReceiptError::Malformed)?;
        let checkpoint = Checkpoint { log: self.log, size: self.size, root };
        if signature::verify(key, &to_be_signed(self.key, &checkpoint), &self.signature) { Ok(()) } else { Err(ReceiptError::Signature) }
    }
}

/// The unprotected header up to the one proof: { 396: { −1: [ .
fn proofs_head() -> Vec<u8> {
    let mut out = Vec::with_capacity(8);
    write_head(&mut out, Major::Map, 1);
    write_head(&mut out, Major::Uint, VDP);
    write_head(&mut out, Major::Map, 1);
    out.push(INCLUSION);
    write_head(&mut out, Major::Array, 1);
    out
}

/// Takes the values from their places; whether everything around them is right is decided by encoding them again.
fn parse(bytes: &[u8]) -> Option<Receipt> {
    let mut outer = Reader::new(bytes.strip_prefix(&TAG_18_ARRAY_4)?);
    let head = outer.bytes_within(limits::NOTE_BYTES_MAX).ok()?;
    let mut proofs = Reader::new(outer.rest().strip_prefix(proofs_head().as_slice())?);
    let mut proof = Reader::new(proofs.bytes_within(limits::NOTE_BYTES_MAX).ok()?);
    let mut last = Reader::new(proofs.rest().strip_prefix(&[0xf6])?);
    let signature = Box::new(last.fixed().ok()?);
    let key = KeyId::from_slice(head.get(7..39)?)?;
    let log = LogId::from_hex(core::str::from_utf8(head.get(44 + 11..44 + 75)?).ok()?)?;
    proof.array().ok()?;
    let (size, index, count) = (proof.uint().ok()?, proof.uint().ok()?, proof.array().ok()?);
    if size > limits::INDEX_MAX || count == 0 || merkle::path_ranges(index, size).len() as u64 != count {
        return None;
    }
    let path = (0..count).map(|_| proof.fixed().ok().map(TreeHash)).collect::<Option<Vec<_>>>()?;
    Some(Receipt { log, key, size, index, path, signature })
}
