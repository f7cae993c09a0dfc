//! How two nodes become sure of each other and agree on a secret that a quantum computer does not find: X25519 and ML-KEM-768, authenticated by ML-DSA-65 (spec/handshake.md).
//!
//! *The life of a connection.* The listener sends a challenge; the dialler answers with who it is, its key shares and a signature; the listener asks whether it admits that key, verifies, and
//! answers with its own shares, signature and confirmation; the dialler confirms. [`Dialler`] and [`Listener`] are these steps without a socket, a clock or randomness of their own;
//! [`PeerHandshake`] runs them for the engine, whose encrypted stream goes on from the secret.
//!
//! *Invariants.* Nothing is signed for a peer that was not admitted or has not proved its key over a fresh challenge. Whatever goes wrong, the other end sees a closed connection and no reason.

mod error;

mod layout;

mod schedule;

mod random;

mod dialler;

mod listener;

mod stream;

pub use dialler::{Dialled, Dialler};
pub use error::HandshakeError;
pub use layout::{ACCEPT_LEN, CHALLENGE_LEN, CLAIM_LEN, CONFIRM_LEN, HELLO_LEN, PROOF_LEN};
pub use listener::{Answered, Listener};
pub use random::{DiallerRandom, ListenerRandom};
pub use schedule::{Session, Transcript};
pub use stream::{PeerHandshake, namespace};

#[cfg(test)]
mod tests;
