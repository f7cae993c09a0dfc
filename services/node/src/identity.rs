//! A validator's key: ML-DSA-65 in the shapes that the engine asks of keys and signatures (spec/pantheon.md "Votes").
//!
//! The engine has a *message* signed under a *namespace*. Here both become one message with the empty context string, `len(namespace) ‖ namespace ‖ message`, which every library verifies.
//! Votes are signed without randomness: the engine compares them byte for byte, and makes one again after a restart. What a peer has a part in choosing is signed with randomness (FIPS 204 section 3.4). Whether a signature is good is
//! what `mickai_proof` says, and nothing else.

use bytes::BufMut;
use commonware_codec::{Buf, Error as CodecError, FixedSize, Read, ReadExt, Write};
use commonware_cryptography as traits;
use commonware_math::algebra::Random;
use commonware_utils::{Array, Span, union_unique};
use libcrux_ml_dsa::ml_dsa_65::{MLDSA65SigningKey, generate_key_pair, sign};
use mickai_proof::key::{self, PUBLIC_KEY_LEN};
use mickai_proof::signature::{SIGNATURE_LEN, verify};
use rand_core::CryptoRng;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;
use zeroize::{Zeroize, Zeroizing};

/// Bytes of the seed from which a key pair is made.
pub const SEED_LEN: usize = 32;
/// Bytes of the randomness of a signature.
pub const RND_LEN: usize = 32;

/// A validator's or peer's public key. It is ordered by its bytes, as seats are.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(key::PublicKey);

/// A signature, shared by its copies: 3,309 bytes are too many for a stack on which the engine keeps dozens.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signature(Arc<[u8; SIGNATURE_LEN]>);

/// A key pair. What signs is wiped when the last copy is dropped, but not what the library and the compiler leave on the stack while they make it and sign with it; no encoding of it leaves this module.
#[derive(Clone)]
pub struct PrivateKey {
    secret: Arc<Secret>,
    public: PublicKey,
}

struct Secret(MLDSA65SigningKey);

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.as_ref_mut().zeroize();
    }
}

impl PublicKey {
    /// As the foundations know it.
    pub fn key(&self) -> &key::PublicKey {
        &self.0
    }
}

impl From<key::PublicKey> for PublicKey {
    fn from(key: key::PublicKey) -> Self {
        Self(key)
    }
}

impl From<PublicKey> for key::PublicKey {
    fn from(key: PublicKey) -> Self {
        key.0
    }
}

impl Signature {
    /// From the FIPS 204 encoding.
    pub fn from_raw(raw: [u8; SIGNATURE_LEN]) -> Self {
        Self(Arc::new(raw))
    }

    /// The FIPS 204 encoding.
    pub fn raw(&self) -> &[u8; SIGNATURE_LEN] {
        &self.0
    }
}

impl PrivateKey {
    /// The key pair of a seed.
    pub fn from_seed_bytes(seed: &Zeroizing<[u8; SEED_LEN]>) -> Self {
        let pair = generate_key_pair(**seed);
        Self { public: PublicKey(key::PublicKey::from_raw(*pair.verification_key.as_ref())), secret: Arc::new(Secret(pair.signing_key)) }
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs as the engine wants it: the message under a namespace. `None` as in [`PrivateKey::sign_message`].
    pub fn try_sign(&self, namespace: &[u8], message: &[u8]) -> Option<Signature> {
        self.sign_message(&union_unique(namespace, message))
    }

    /// Signs exactly these bytes, which begin with their domain, the same each time. `None` where the library gives no signature, or one that does not verify: a fault of the machine must not leave as a signature.
    pub(crate) fn sign_message(&self, message: &[u8]) -> Option<Signature> {
        self.sign_message_with(message, &[0; RND_LEN])
    }

    /// The same with `rnd`, fresh random bytes (FIPS 204 algorithm 2): what the machine gives away while it computes then says less about the key.
    pub(crate) fn sign_message_with(&self, message: &[u8], rnd: &[u8; RND_LEN]) -> Option<Signature> {
        let raw = *sign(&self.secret.0, message, b"", *rnd).ok()?.as_ref();
        verify(&self.public.0, message, &raw).then(|| Signature::from_raw(raw))
    }
}

impl traits::Signer for PrivateKey {
    type Signature = Signature;
    type PublicKey = PublicKey;

    fn public_key(&self) -> PublicKey {
        self.public.clone()
    }

    /// What [`PrivateKey::try_sign`] gives, or zeros, which verify under no key: the trait knows no failure.
    fn sign(&self, namespace: &[u8], message: &[u8]) -> Signature {
        self.try_sign(namespace, message).unwrap_or_else(|| Signature::from_raw([0; SIGNATURE_LEN]))
    }
}

impl Random for PrivateKey {
    fn random(mut rng: impl CryptoRng) -> Self {
        let mut seed = Zeroizing::new([0; SEED_LEN]);
        rng.fill_bytes(&mut seed[..]);
        Self::from_seed_bytes(&seed)
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.public)
    }
}

impl traits::Verifier for PublicKey {
    type Signature = Signature;

    fn verify(&self, namespace: &[u8], message: &[u8], signature: &Signature) -> bool {
        verify(&self.0, &union_unique(namespace, message), signature.raw())
    }
}

impl traits::PublicKey for PublicKey {}
impl traits::Signature for Signature {}

impl PartialOrd for PublicKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PublicKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.raw().cmp(other.0.raw())
    }
}

impl Hash for PublicKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id().hash(state);
    }
}

impl AsRef<[u8]> for PublicKey {
    fn as_ref(&self) -> &[u8] {
        self.0.raw()
    }
}

impl Deref for PublicKey {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.raw()
    }
}

impl AsRef<[u8]> for Signature {
    fn as_ref(&self) -> &[u8] {
        &self.0[..]
    }
}

impl Deref for Signature {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0[..]
    }
}

impl Write for PublicKey {
    fn write(&self, out: &mut impl BufMut) {
        out.put_slice(self.0.raw());
    }
}

impl Write for Signature {
    fn write(&self, out: &mut impl BufMut) {
        out.put_slice(&self.0[..]);
    }
}

impl Read for PublicKey {
    type Cfg = ();

    fn read_cfg(from: &mut impl Buf, (): &()) -> Result<Self, CodecError> {
        Ok(Self(key::PublicKey::from_raw(<[u8; PUBLIC_KEY_LEN]>::read(from)?)))
    }
}

impl Read for Signature {
    type Cfg = ();

    fn read_cfg(from: &mut impl Buf, (): &()) -> Result<Self, CodecError> {
        Ok(Self::from_raw(<[u8; SIGNATURE_LEN]>::read(from)?))
    }
}

impl FixedSize for PublicKey {
    const SIZE: usize = PUBLIC_KEY_LEN;
}

impl FixedSize for Signature {
    const SIZE: usize = SIGNATURE_LEN;
}

impl Span for PublicKey {}
impl Span for Signature {}
impl Array for PublicKey {}
impl Array for Signature {}

/// The first 12 hex digits of the key's id.
impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.id().short())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The first 12 hex digits.
impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(6).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
