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

/// The message of these fields, which together have its length.
///
/// # Panics
/// Where they do not: a message and its fields disagree in this file.
pub(super) fn join<const N: usize>(fields: &[&[u8]]) -> Box<[u8; N]> {
    let mut message = Box::new([0; N]);
    let mut rest = &mut message[..];
    for field in fields {
        let (place, after) = rest.split_at_mut(field.len());
        place.copy_from_slice(field);
        rest = after;
    }
    assert!(rest.is_empty(), "the fields of a message leave {} of its bytes", rest.len());
    message
}

/// Takes the next field off a message.
///
/// # Panics
/// Where the message has no such field: messages have the lengths above by their types, whatever the other end sent.
pub(super) fn take<'a, const N: usize>(from: &mut &'a [u8]) -> &'a [u8; N] {
    let Some((field, rest)) = from.split_first_chunk() else { unreachable!("a field of {N} bytes in the last {} of a message", from.len()) };
    *from = rest;
    field
}

/// Takes the domain off a challenge or a claim.
pub(super) fn take_domain(from: &mut &[u8]) -> Result<(), HandshakeError> {
    if take(from) == DOMAIN { Ok(()) } else { Err(HandshakeError::Version) }
}
