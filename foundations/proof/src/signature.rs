//! ML-DSA-65 signatures over records, as detached COSE_Sign1, and the one place where a signature is verified (spec/record.md "Signature").

use crate::cbor::{Major, write_bytes, write_head, write_text};
use crate::digest::{KeyId, LogId, RecordDigest};
use crate::key::PublicKey;
use alloc::vec::Vec;
use libcrux_ml_dsa::ml_dsa_65::{MLDSA65Signature, MLDSA65VerificationKey, verify as ml_dsa_65_verify};

/// Bytes of a FIPS 204 ML-DSA-65 signature.
pub const SIGNATURE_LEN: usize = 3_309;
/// Bytes of the COSE_Sign1 before the signature; they follow from the key id.
pub const COSE_PREFIX_LEN: usize = 77;
/// Bytes of a whole COSE_Sign1.
pub const COSE_LEN: usize = COSE_PREFIX_LEN + SIGNATURE_LEN;

const CONTENT_TYPE: &str = "application/oar-record+cbor";
/// COSE algorithm −49 is encoded as the negative integer with argument 48 (RFC 9964 §6).
const ALGORITHM: [u8; 2] = [0x38, 0x30];

/// Does `signature` by `key` cover `message` (pure ML-DSA-65, empty context string)?
#[cfg(not(test))]
pub fn verify(key: &PublicKey, message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> bool {
    ask(key, message, signature)
}

#[cfg(test)]
pub use remembered::verify;

#[cfg(test)]
mod remembered;

fn ask(key: &PublicKey, message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> bool {
    let key = MLDSA65VerificationKey::new(*key.raw());
    ml_dsa_65_verify(&key, message, b"", &MLDSA65Signature::new(*signature)).is_ok()
}

/// The Sig_structure (RFC 9052 §4.4) of a record: what the key signs.
pub fn to_be_signed(key: KeyId, log: LogId, record: RecordDigest) -> Vec<u8> {
    let mut out = Vec::with_capacity(192);
    write_head(&mut out, Major::Array, 4);
    write_text(&mut out, "Signature1");
    write_bytes(&mut out, &protected(key));
    write_bytes(&mut out, &log.0);
    write_bytes(&mut out, &record.0);
    out
}

/// The COSE_Sign1 that carries `signature`, 3,386 bytes.
pub fn to_cose(key: KeyId, signature: &[u8; SIGNATURE_LEN]) -> Vec<u8> {
    let mut out = cose_prefix(key);
    out.extend(signature);
    out
}

/// The signature inside a COSE_Sign1; `None` unless everything around it is exactly what the key id gives.
pub fn from_cose(key: KeyId, cose: &[u8]) -> Option<&[u8; SIGNATURE_LEN]> {
    cose.strip_prefix(cose_prefix(key).as_slice())?.try_into().ok()
}

fn protected(key: KeyId) -> Vec<u8> {
    let mut out = Vec::with_capacity(69);
    write_head(&mut out, Major::Map, 3);
    write_head(&mut out, Major::Uint, 1);
    out.extend(ALGORITHM);
    write_head(&mut out, Major::Uint, 4);
    write_bytes(&mut out, &key.0);
    write_head(&mut out, Major::Uint, 16);
    write_text(&mut out, CONTENT_TYPE);
    out
}

fn cose_prefix(key: KeyId) -> Vec<u8> {
    let mut out = Vec::with_capacity(COSE_LEN);
    write_head(&mut out, Major::Array, 4);
    write_bytes(&mut out, &protected(key));
    out.extend([0xa0, 0xf6]);
    write_head(&mut out, Major::Bytes, SIGNATURE_LEN as u64);
    out
}

#[cfg(test)]
mod tests;
