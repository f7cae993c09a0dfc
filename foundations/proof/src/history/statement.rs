//! A revocation that travels without the log (spec/keys.md "Revocation statement").

use super::event::Revocation;
use crate::cbor::{CborError, Major, Reader, write_bytes, write_head, write_text};
use crate::digest::{KeyId, LogId};
use crate::key::PublicKey;
use crate::limits;
use crate::signature::{self, SIGNATURE_LEN};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

const MAGIC: &str = "oar-revocation";
const VERSION: u64 = 1;
const DOMAIN: &[u8] = b"oar-revoke-v1\0";
const ELEMENTS: u64 = 8;
const ELEMENTS_SIGNED: u64 = 6;

/// A revocation with its signer and signature.
#[derive(Clone, PartialEq, Eq)]
pub struct Statement {
    /// Of which log.
    pub log: LogId,
    /// What it says.
    pub revocation: Revocation,
    /// Who says it; whether that key may is for the log's history to tell.
    pub signer: PublicKey,
    signature: Box<[u8; SIGNATURE_LEN]>,
}

/// Why a file is not a statement to rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatementError {
    /// Not the form of the spec.
    Malformed,
    /// The signature does not verify.
    Signature,
}

impl fmt::Display for StatementError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "this is not a revocation statement: give the file that `mickai key revoke --statement` wrote",
            Self::Signature => "the revocation statement's signature does not verify",
        })
    }
}

impl core::error::Error for StatementError {}

impl Statement {
    /// What the signer signs.
    pub fn message(log: LogId, revocation: &Revocation) -> Vec<u8> {
        let mut out = Vec::from(DOMAIN);
        write_said(&mut out, ELEMENTS_SIGNED, log, revocation);
        out
    }

    /// The file, given the signature over [`Statement::message`].
    pub fn encode(log: LogId, revocation: &Revocation, signer: &PublicKey, signature: &[u8; SIGNATURE_LEN]) -> Vec<u8> {
        let mut out = Vec::new();
        write_said(&mut out, ELEMENTS, log, revocation);
        write_bytes(&mut out, &signer.to_spki());
        write_bytes(&mut out, signature);
        out
    }

    /// Reads a file and verifies its signature under the key that it names.
    ///
    /// # Errors
    /// [`StatementError`].
    pub fn read(bytes: &[u8]) -> Result<Self, StatementError> {
        let statement = parse(bytes).map_err(|_| StatementError::Malformed)?;
        let message = Self::message(statement.log, &statement.revocation);
        if signature::verify(&statement.signer, &message, &statement.signature) { Ok(statement) } else { Err(StatementError::Signature) }
    }
}

fn write_said(out: &mut Vec<u8>, elements: u64, log: LogId, revocation: &Revocation) {
    write_head(out, Major::Array, elements);
    write_text(out, MAGIC);
    write_head(out, Major::Uint, VERSION);
    write_bytes(out, &log.0);
    write_bytes(out, &revocation.revoked.0);
    write_head(out, Major::Uint, revocation.effective);
    write_head(out, Major::Array, u64::from(revocation.since_ms.is_some()));
    if let Some(since) = revocation.since_ms {
        write_head(out, Major::Uint, since);
    }
}

fn parse(bytes: &[u8]) -> Result<Statement, CborError> {
    const BAD: CborError = CborError::NotCanonical;
    let mut reader = Reader::new(bytes);
    let is_named = reader.array()? == ELEMENTS && reader.text_within(MAGIC.len())? == MAGIC && reader.uint()? == VERSION;
    if !is_named {
        return Err(BAD);
    }
    let log = LogId(reader.fixed()?);
    let revoked = KeyId(reader.fixed()?);
    let effective = reader.uint()?;
    let since_ms = match reader.array()? {
        0 => None,
        1 => Some(reader.uint()?),
        _ => return Err(BAD),
    };
    let signer = PublicKey::from_spki(reader.bytes_within(limits::NOTE_BYTES_MAX)?).map_err(|_| BAD)?;
    let signature = Box::new(reader.fixed()?);
    if !reader.is_done() {
        return Err(BAD);
    }
    Ok(Statement { log, revocation: Revocation { revoked, effective, since_ms }, signer, signature })
}
