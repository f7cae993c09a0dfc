//! The end that opened the connection and knows whom it wants: hello, then confirmation (spec/handshake.md "Steps").

use super::error::HandshakeError;
use super::layout::{ACCEPT_LEN, CHALLENGE_LEN, CONFIRM_LEN, DOMAIN, HELLO_LEN, KEM_CIPHERTEXT_LEN, X25519_LEN, join, take, take_domain};
use super::random::DiallerRandom;
use super::schedule::{Role, Session, Transcript};
use crate::identity::{PrivateKey, PublicKey};
use libcrux_ml_kem::mlkem768::{MlKem768PrivateKey, MlKem768PublicKey, decapsulate, generate_key_pair};
use x25519_dalek::{PublicKey as X25519Key, StaticSecret};
use zeroize::{Zeroize, Zeroizing};

/// A dialler that waits for the challenge.
pub struct Dialler<'a> {
    key: &'a PrivateKey,
    peer: PublicKey,
    namespace: &'a [u8],
}

/// A dialler that sent its hello and waits for the answer.
pub struct Dialled {
    peer: PublicKey,
    random: DiallerRandom,
    transcript: Transcript,
}

impl<'a> Dialler<'a> {
    /// Of a connection to `peer` and nobody else.
    ///
    /// # Errors
    /// [`HandshakeError::OwnKey`].
    pub fn new(key: &'a PrivateKey, peer: PublicKey, namespace: &'a [u8]) -> Result<Self, HandshakeError> {
        if *key.public() == peer { Err(HandshakeError::OwnKey) } else { Ok(Self { key, peer, namespace }) }
    }

    /// The hello that answers a challenge.
    ///
    /// # Errors
    /// [`HandshakeError::Version`], [`HandshakeError::Signing`].
    pub fn hello(self, challenge: &[u8; CHALLENGE_LEN], random: DiallerRandom) -> Result<(Box<[u8; HELLO_LEN]>, Dialled), HandshakeError> {
        let mut rest = &challenge[..];
        take_domain(&mut rest)?;
        let nonce = take(&mut rest);
        let me = self.key.public();
        let x25519 = X25519Key::from(&StaticSecret::from(*random.x25519));
        let kem_key = kem_pair(&random.kem).1;
        let mut transcript = Transcript::begin(self.namespace, (&self.peer, me), nonce, x25519.as_bytes(), kem_key.as_slice());
        let signature = transcript.sign(Role::Dialler, self.key, &random.rnd)?;
        transcript.push(&signature);
        let hello = join(&[DOMAIN, me, x25519.as_bytes(), kem_key.as_slice(), &signature]);
        Ok((hello, Dialled { peer: self.peer, random, transcript }))
    }
}

impl Dialled {
    /// The confirmation that answers an accept, and the session.
    ///
    /// # Errors
    /// In this order: [`HandshakeError::Signature`], [`HandshakeError::Share`], [`HandshakeError::Confirmation`].
    pub fn confirm(mut self, accept: &[u8; ACCEPT_LEN]) -> Result<([u8; CONFIRM_LEN], Session), HandshakeError> {
        let mut rest = &accept[..];
        let (x25519, ciphertext): (&[u8; X25519_LEN], &[u8; KEM_CIPHERTEXT_LEN]) = (take(&mut rest), take(&mut rest));
        let (signature, confirmation) = (take(&mut rest), take(&mut rest));
        self.transcript.push(x25519);
        self.transcript.push(ciphertext);
        self.transcript.verify(Role::Listener, &self.peer, signature)?;
        self.transcript.push(signature);
        let shared = StaticSecret::from(*self.random.x25519).diffie_hellman(&X25519Key::from(*x25519));
        if !shared.was_contributory() {
            return Err(HandshakeError::Share);
        }
        let kem = Zeroizing::new(decapsulate(&kem_pair(&self.random.kem).0.0, &ciphertext.into()));
        let secret = self.transcript.secret(&kem, shared.as_bytes());
        secret.check(Role::Listener, confirmation)?;
        Ok((secret.confirmation(Role::Dialler), secret.session()))
    }
}

/// The private half of an ML-KEM key pair, wiped when dropped.
struct KemPrivate(Box<MlKem768PrivateKey>);

impl Drop for KemPrivate {
    fn drop(&mut self) {
        self.0[0..].zeroize();
    }
}

/// Between the messages the key pair is kept as its seed; the pair itself is made for a moment. The library makes it on the stack, and what it leaves there nobody wipes.
fn kem_pair(seed: &[u8; 64]) -> (KemPrivate, MlKem768PublicKey) {
    let (private, public) = generate_key_pair(*seed).into_parts();
    (KemPrivate(Box::new(private)), public)
}
