//! The bytes of the four messages: fields of fixed lengths, one behind the other (spec/handshake.md "Messages").

use super::error::HandshakeError;
use mickai_proof::key::PUBLIC_KEY_LEN;
use mickai_proof::signature::SIGNATURE_LEN;

/// What the challenge, the hello and the transcript begin with: protocol and version.
pub(super) const DOMAIN: &[u8; 17] = b"pan-handshake-v1\0";

pub(super) const NONCE_LEN: usize = 32;
pub(super) const X25519_LEN: usize = 32;
pub(super) const KEM_KEY_LEN: usize = 1_184;
pub(super) const KEM_CIPHERTEXT_LEN: usize = 1_088;

/// Listener to dialler, first: the domain and 32 random bytes.
pub const CHALLENGE_LEN: usize = DOMAIN.len() + NONCE_LEN;
/// The first part of the hello: the domain and the dialler's key. The listener decides on it whether to read on.
pub const CLAIM_LEN: usize = DOMAIN.len() + PUBLIC_KEY_LEN;
/// The rest of it: X25519 share, ML-KEM key, signature.
pub const PROOF_LEN: usize = X25519_LEN + KEM_KEY_LEN + SIGNATURE_LEN;
/// Dialler to listener: claim and proof.
pub const HELLO_LEN: usize = CLAIM_LEN + PROOF_LEN;
/// Listener to dialler: X25519 share, ML-KEM ciphertext, signature, confirmation.
pub const ACCEPT_LEN: usize = X25519_LEN + KEM_CIPHERTEXT_LEN + SIGNATURE_LEN + CONFIRM_LEN;
/// Dialler to listener, last.
pub const CONFIRM_LEN: usize = 32;

/// Takes the next `N` bytes. Messages have the lengths above by their types, so that this fails for no message that was read; it says [`HandshakeError::Version`] rather than panic.
pub(super) fn take<'a, const N: usize>(from: &mut &'a [u8]) -> Result<&'a [u8; N], HandshakeError> {
    let (field, rest) = from.split_first_chunk().ok_or(HandshakeError::Version)?;
    *from = rest;
    Ok(field)
}

/// Takes the domain off a challenge or a claim.
pub(super) fn take_domain(from: &mut &[u8]) -> Result<(), HandshakeError> {
    if take(from)? == DOMAIN { Ok(()) } else { Err(HandshakeError::Version) }
}
