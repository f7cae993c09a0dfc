//! The randomness of one handshake, drawn before it: what the steps compute follows from it.

use super::layout::NONCE_LEN;
use crate::identity::RND_LEN;
use rand_core::CryptoRng;
use zeroize::Zeroizing;

/// What a dialler draws. It is used once.
pub struct DiallerRandom {
    /// The X25519 private key.
    pub x25519: Zeroizing<[u8; 32]>,
    /// d ‖ z of ML-KEM's key generation (FIPS 203 algorithm 19).
    pub kem: Zeroizing<[u8; 64]>,
    /// rnd of its signature (FIPS 204 algorithm 2).
    pub rnd: Zeroizing<[u8; RND_LEN]>,
}

/// What a listener draws. It is used once.
pub struct ListenerRandom {
    /// The challenge.
    pub nonce: [u8; NONCE_LEN],
    /// The X25519 private key.
    pub x25519: Zeroizing<[u8; 32]>,
    /// m of ML-KEM's encapsulation (FIPS 203 algorithm 20).
    pub kem: Zeroizing<[u8; 32]>,
    /// rnd of its signature (FIPS 204 algorithm 2).
    pub rnd: Zeroizing<[u8; RND_LEN]>,
}

impl DiallerRandom {
    /// Fresh, from the runtime's generator.
    pub fn draw(rng: &mut impl CryptoRng) -> Self {
        Self { x25519: drawn(rng), kem: drawn(rng), rnd: drawn(rng) }
    }
}

impl ListenerRandom {
    /// Fresh, from the runtime's generator.
    pub fn draw(rng: &mut impl CryptoRng) -> Self {
        Self { nonce: *drawn(rng), x25519: drawn(rng), kem: drawn(rng), rnd: drawn(rng) }
    }
}

fn drawn<const N: usize>(rng: &mut impl CryptoRng) -> Zeroizing<[u8; N]> {
    let mut bytes = Zeroizing::new([0; N]);
    rng.fill_bytes(&mut bytes[..]);
    bytes
}
