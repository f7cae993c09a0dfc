//! What both ends compute alike: the digests that are signed, and the secret with what follows from it (spec/handshake.md "Transcript", "Secret").

use super::error::HandshakeError;
use super::layout::{CONFIRM_LEN, DOMAIN, KEM_KEY_LEN, NONCE_LEN, X25519_LEN};
use crate::identity::{PrivateKey, PublicKey, RND_LEN, Signature};
use commonware_cryptography::transcript;
use mickai_proof::signature::{SIGNATURE_LEN, verify};
use sha3::{Digest, Sha3_256};
use std::hint::black_box;
use zeroize::Zeroizing;

const HELLO_DOMAIN: &[u8] = b"pan-hello-v1\0";
const ACCEPT_DOMAIN: &[u8] = b"pan-accept-v1\0";
const SECRET_DOMAIN: &[u8] = b"pan-secret-v1\0";
const LISTENER_DOMAIN: &[u8] = b"pan-listener-v1\0";
const DIALLER_DOMAIN: &[u8] = b"pan-dialler-v1\0";
const SESSION_DOMAIN: &[u8] = b"pan-session-v1\0";

/// Everything that was said, in order, behind what both ends knew before: the chain, by the namespace, and who is who.
pub struct Transcript(Vec<u8>);

/// Which of the two signs.
#[derive(Clone, Copy)]
pub(super) enum Role {
    Dialler,
    Listener,
}

impl Transcript {
    /// Up to the key shares of the dialler.
    pub(super) fn begin(namespace: &[u8], (listener, dialler): (&PublicKey, &PublicKey), nonce: &[u8; NONCE_LEN], x25519: &[u8; X25519_LEN], kem_key: &[u8; KEM_KEY_LEN]) -> Self {
        let length = (namespace.len() as u64).to_be_bytes();
        Self([&DOMAIN[..], &length, namespace, &listener[..], nonce, &dialler[..], x25519, kem_key].concat())
    }

    /// What came next.
    pub(super) fn push(&mut self, part: &[u8]) {
        self.0.extend(part);
    }

    /// SHA3-256 of it, as far as it goes.
    pub fn digest(&self) -> [u8; 32] {
        sha3_256(&[&self.0])
    }

    fn signed_by(&self, role: Role) -> Vec<u8> {
        let domain = match role {
            Role::Dialler => HELLO_DOMAIN,
            Role::Listener => ACCEPT_DOMAIN,
        };
        [domain, &self.digest()].concat()
    }

    /// With fresh `rnd`: the other end has a part in choosing what is signed, by the key that votes.
    pub(super) fn sign(&self, role: Role, key: &PrivateKey, rnd: &[u8; RND_LEN]) -> Result<Signature, HandshakeError> {
        key.sign_message_with(&self.signed_by(role), rnd).ok_or(HandshakeError::Signing)
    }

    pub(super) fn verify(&self, role: Role, key: &PublicKey, signature: &[u8; SIGNATURE_LEN]) -> Result<(), HandshakeError> {
        if verify(key.key(), &self.signed_by(role), signature) { Ok(()) } else { Err(HandshakeError::Signature) }
    }

    /// The secret of a whole transcript, up to the listener's signature.
    pub(super) fn secret(&self, kem: &[u8; 32], x25519: &[u8; 32]) -> Secret {
        Secret(sha3_256_secret(&[SECRET_DOMAIN, kem, x25519, &self.digest()]))
    }
}

/// What only the two ends know. It is used for the three digests below and never sent.
pub(super) struct Secret(Zeroizing<[u8; 32]>);

impl Secret {
    fn derive(&self, domain: &[u8]) -> Zeroizing<[u8; 32]> {
        sha3_256_secret(&[domain, &self.0[..]])
    }

    /// That the end in this role holds the secret.
    pub(super) fn confirmation(&self, role: Role) -> [u8; CONFIRM_LEN] {
        *self.derive(match role {
            Role::Dialler => DIALLER_DOMAIN,
            Role::Listener => LISTENER_DOMAIN,
        })
    }

    pub(super) fn check(&self, role: Role, confirmation: &[u8; CONFIRM_LEN]) -> Result<(), HandshakeError> {
        // In a time that does not depend on where they differ.
        let differing = self.confirmation(role).iter().zip(confirmation).fold(0, |differing, (a, b)| black_box(differing | (a ^ b)));
        if differing == 0 { Ok(()) } else { Err(HandshakeError::Confirmation) }
    }

    pub(super) fn session(&self) -> Session {
        Session(self.derive(SESSION_DOMAIN))
    }
}

/// The secret that the encrypted stream begins with (spec/handshake.md "After the handshake"), wiped when dropped.
pub struct Session(Zeroizing<[u8; 32]>);

impl Session {
    /// Its bytes, for the vectors; nothing else needs them.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// As the engine's stream wants it.
    pub fn transcript(&self) -> transcript::Transcript {
        let mut transcript = transcript::Transcript::new(SESSION_DOMAIN, transcript::Version::V1);
        transcript.commit(&self.0[..]);
        transcript
    }
}

fn sha3_256(parts: &[&[u8]]) -> [u8; 32] {
    *sha3_256_secret(parts)
}

/// The digest is written where it is wiped; what the hash leaves on the stack is not.
fn sha3_256_secret(parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut digest = Zeroizing::new([0; 32]);
    let mut hash = Sha3_256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize_into((&mut *digest).into());
    digest
}
