//! A handshake made by hand for vectors and adversaries: the formulas of spec/handshake.md once more, nothing checked, and every part free to be wrong.
#![allow(dead_code, unreachable_pub, reason = "each program that includes this module uses a part of it")]

use libcrux_ml_dsa::ml_dsa_65::{MLDSA65SigningKey, generate_key_pair, sign};
use libcrux_ml_kem::mlkem768;
use sha3::{Digest, Sha3_256};
use x25519_dalek::{PublicKey, StaticSecret};

pub const DOMAIN: &[u8] = b"pan-handshake-v1\0";
pub const HELLO: &[u8] = b"pan-hello-v1\0";
pub const ACCEPT: &[u8] = b"pan-accept-v1\0";

/// Points of small order (RFC 7748 section 6.1; Project Wycheproof): whatever the private key, X25519 comes to zero.
pub const SMALL_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    last_and_first(1, 0),
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16,
        0x5f, 0x49, 0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd,
        0xd0, 0x9f, 0x11, 0x57,
    ],
    [
        0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0x7f,
    ],
];

const fn last_and_first(first: u8, last: u8) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0] = first;
    bytes[31] = last;
    bytes
}

/// An ML-DSA-65 key pair that signs anything.
pub struct Key {
    secret: MLDSA65SigningKey,
    pub public: Vec<u8>,
    rnd: [u8; 32],
}

impl Key {
    pub fn new(seed: [u8; 32]) -> Self {
        let pair = generate_key_pair(seed);
        Self { secret: pair.signing_key, public: pair.verification_key.as_slice().to_vec(), rnd: [0; 32] }
    }

    /// With this randomness in its signatures; without, zeros.
    pub fn with_rnd(self, rnd: [u8; 32]) -> Self {
        Self { rnd, ..self }
    }

    pub fn sign(&self, domain: &[u8], digest: [u8; 32]) -> Vec<u8> {
        self.sign_in_context(b"", domain, digest)
    }

    pub fn sign_in_context(&self, context: &[u8], domain: &[u8], digest: [u8; 32]) -> Vec<u8> {
        sign(&self.secret, &[domain, &digest].concat(), context, self.rnd).unwrap().as_slice().to_vec()
    }
}

/// The two key shares of a dialler.
pub struct DiallerShares {
    x25519: StaticSecret,
    kem: mlkem768::MlKem768KeyPair,
}

impl DiallerShares {
    pub fn new(x25519: [u8; 32], kem: [u8; 64]) -> Self {
        Self { x25519: x25519.into(), kem: mlkem768::generate_key_pair(kem) }
    }

    pub fn x25519(&self) -> Vec<u8> {
        PublicKey::from(&self.x25519).as_bytes().to_vec()
    }

    pub fn kem(&self) -> Vec<u8> {
        self.kem.pk().to_vec()
    }
}

/// T1.
pub fn t1(namespace: &[u8], listener: &[u8], nonce: &[u8], dialler: &[u8], x25519: &[u8], kem: &[u8]) -> Vec<u8> {
    [DOMAIN, &(namespace.len() as u64).to_be_bytes(), namespace, listener, nonce, dialler, x25519, kem].concat()
}

/// A hello of these parts.
pub fn hello(dialler: &[u8], x25519: &[u8], kem: &[u8], signature: &[u8]) -> Vec<u8> {
    [DOMAIN, dialler, x25519, kem, signature].concat()
}

/// An accept whose signature and confirmation are right for the share and ciphertext in it, whatever those are. `t1_and_signature` is what the hello left.
pub fn accept(t1_and_signature: &[u8], listener: &Key, domain: &[u8], x25519: &[u8], ciphertext: &[u8], (s_kem, s_x): (&[u8; 32], &[u8; 32])) -> Vec<u8> {
    let t2 = [t1_and_signature, x25519, ciphertext].concat();
    let signature = listener.sign(domain, sha3_256(&[&t2]));
    let confirmation = confirmation(b"pan-listener-v1\0", &secret(&[&t2[..], &signature].concat(), s_kem, s_x));
    [x25519, ciphertext, &signature, &confirmation].concat()
}

pub fn secret(t3: &[u8], s_kem: &[u8; 32], s_x: &[u8; 32]) -> [u8; 32] {
    sha3_256(&[b"pan-secret-v1\0", s_kem, s_x, &sha3_256(&[t3])])
}

pub fn confirmation(domain: &[u8], secret: &[u8; 32]) -> [u8; 32] {
    sha3_256(&[domain, secret])
}

/// A listener's own share for a dialler's, and both secrets.
pub fn answer(dialler_x25519: &[u8], kem_key: &[u8], x25519: [u8; 32], kem: [u8; 32]) -> (Vec<u8>, Vec<u8>, [u8; 32], [u8; 32]) {
    let own = StaticSecret::from(x25519);
    let theirs: [u8; 32] = dialler_x25519.try_into().unwrap();
    let (ciphertext, s_kem) = mlkem768::encapsulate(&mlkem768::MlKem768PublicKey::try_from(kem_key).unwrap(), kem);
    let s_x = own.diffie_hellman(&PublicKey::from(theirs));
    (PublicKey::from(&own).as_bytes().to_vec(), ciphertext.as_slice().to_vec(), s_kem, *s_x.as_bytes())
}

pub fn sha3_256(parts: &[&[u8]]) -> [u8; 32] {
    parts.iter().fold(Sha3_256::new(), |hash, part| hash.chain_update(part)).finalize().into()
}
