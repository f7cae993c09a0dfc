//! The end that was connected to: challenge, then answer, to a dialler whose key is admitted (spec/handshake.md "Steps").

use super::error::HandshakeError;
use super::layout::{ACCEPT_LEN, CHALLENGE_LEN, CLAIM_LEN, CONFIRM_LEN, DOMAIN, KEM_KEY_LEN, PROOF_LEN, X25519_LEN, join, take, take_domain};
use super::random::ListenerRandom;
use super::schedule::{Role, Secret, Session, Transcript};
use crate::identity::{PrivateKey, PublicKey};
use libcrux_ml_kem::mlkem768::{MlKem768PublicKey, encapsulate, validate_public_key};
use mickai_proof::key;
use x25519_dalek::{PublicKey as X25519Key, StaticSecret};
use zeroize::Zeroizing;

/// A listener that sent its challenge and waits for the hello.
pub struct Listener<'a> {
    key: &'a PrivateKey,
    namespace: &'a [u8],
    random: ListenerRandom,
}

/// A listener that answered and waits for the confirmation.
pub struct Answered {
    secret: Secret,
}

impl<'a> Listener<'a> {
    /// Of one connection, with the challenge to send.
    pub fn new(key: &'a PrivateKey, namespace: &'a [u8], random: ListenerRandom) -> ([u8; CHALLENGE_LEN], Self) {
        let challenge = join(&[DOMAIN, &random.nonce]);
        (*challenge, Self { key, namespace, random })
    }

    /// Who the other end says it is. Nothing proves it yet: it is for deciding whether to read on.
    ///
    /// # Errors
    /// [`HandshakeError::Version`], [`HandshakeError::OwnKey`].
    pub fn claim(&self, claim: &[u8; CLAIM_LEN]) -> Result<PublicKey, HandshakeError> {
        let mut rest = &claim[..];
        take_domain(&mut rest)?;
        let claimed = PublicKey::from(key::PublicKey::from_raw(*take(&mut rest)));
        if claimed == *self.key.public() { Err(HandshakeError::OwnKey) } else { Ok(claimed) }
    }

    /// The accept that answers the rest of the hello by `peer`, whom the caller admits.
    ///
    /// # Errors
    /// In this order: [`HandshakeError::Signature`], [`HandshakeError::Share`]; [`HandshakeError::Signing`].
    pub fn accept(self, peer: &PublicKey, proof: &[u8; PROOF_LEN]) -> Result<(Box<[u8; ACCEPT_LEN]>, Answered), HandshakeError> {
        let mut rest = &proof[..];
        let (x25519, kem_key): (&[u8; X25519_LEN], &[u8; KEM_KEY_LEN]) = (take(&mut rest), take(&mut rest));
        let signature = take(&mut rest);
        let mut transcript = Transcript::begin(self.namespace, (self.key.public(), peer), &self.random.nonce, x25519, kem_key);
        transcript.verify(Role::Dialler, peer, signature)?;
        transcript.push(signature);

        let kem_key = MlKem768PublicKey::from(kem_key);
        let private = StaticSecret::from(*self.random.x25519);
        let shared = private.diffie_hellman(&X25519Key::from(*x25519));
        if !validate_public_key(&kem_key) || !shared.was_contributory() {
            return Err(HandshakeError::Share);
        }
        let (ciphertext, kem) = encapsulate(&kem_key, *self.random.kem);
        let kem = Zeroizing::new(kem);

        let own = X25519Key::from(&private);
        transcript.push(own.as_bytes());
        transcript.push(ciphertext.as_slice());
        let signature = transcript.sign(Role::Listener, self.key, &self.random.rnd)?;
        transcript.push(&signature);
        let secret = transcript.secret(&kem, shared.as_bytes());
        let accept = join(&[own.as_bytes(), ciphertext.as_slice(), &signature, &secret.confirmation(Role::Listener)]);
        Ok((accept, Answered { secret }))
    }
}

impl Answered {
    /// The session, once the dialler has confirmed.
    ///
    /// # Errors
    /// [`HandshakeError::Confirmation`].
    pub fn session(self, confirmation: &[u8; CONFIRM_LEN]) -> Result<Session, HandshakeError> {
        self.secret.check(Role::Dialler, confirmation)?;
        Ok(self.secret.session())
    }
}
