//! The steps of a handshake without a socket: lengths, the same session at both ends, a reason for everything.

use super::layout::{DOMAIN, KEM_CIPHERTEXT_LEN, KEM_KEY_LEN};
use super::*;
use crate::identity::{PrivateKey, SEED_LEN};
use commonware_cryptography::transcript;
use libcrux_ml_kem::mlkem768::{MlKem768Ciphertext, MlKem768PublicKey};
use mickai_proof::digest::ChainId;
use mickai_proof::signature::SIGNATURE_LEN;
use zeroize::Zeroizing;

fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_seed_bytes(&Zeroizing::new([seed; SEED_LEN]))
}

fn dialler_random() -> DiallerRandom {
    DiallerRandom { x25519: Zeroizing::new([3; 32]), kem: Zeroizing::new([4; 64]), rnd: Zeroizing::new([8; 32]) }
}

fn listener_random() -> ListenerRandom {
    ListenerRandom { nonce: [5; 32], x25519: Zeroizing::new([6; 32]), kem: Zeroizing::new([7; 32]), rnd: Zeroizing::new([9; 32]) }
}

#[test]
fn lengths_are_those_of_the_spec_and_of_the_library() {
    assert_eq!([CHALLENGE_LEN, CLAIM_LEN, PROOF_LEN, HELLO_LEN, ACCEPT_LEN, CONFIRM_LEN], [49, 1_969, 4_525, 6_494, 4_461, 32]);
    assert_eq!([KEM_KEY_LEN, KEM_CIPHERTEXT_LEN], [MlKem768PublicKey::len(), MlKem768Ciphertext::len()]);
    assert_eq!(namespace(ChainId([9; 32])), [&b"pan-peer-v1\0"[..], &[9; 32]].concat());
}

#[test]
fn both_ends_come_to_the_same_stream() {
    let (dialler_key, listener_key) = (key(1), key(2));
    let (challenge, listener) = Listener::new(&listener_key, b"net", listener_random());
    assert!(challenge.starts_with(DOMAIN) && challenge.ends_with(&[5; 32]));
    let (hello, dialled) = Dialler::new(&dialler_key, listener_key.public().clone(), b"net").unwrap().hello(&challenge, dialler_random()).unwrap();
    let (claim, proof) = hello.split_first_chunk().unwrap();
    let peer = listener.claim(claim).unwrap();
    assert_eq!(peer, *dialler_key.public());
    let (accept, answered) = listener.accept(&peer, proof.try_into().unwrap()).unwrap();
    let (confirm, session) = dialled.confirm(&accept).unwrap();
    let other = answered.session(&confirm).unwrap();
    assert_eq!(session.transcript().summarize(), other.transcript().summarize());
    // None of what was sent is the session.
    for sent in [&challenge[..], &hello[..], &accept[..], &confirm[..]] {
        assert!(!sent.windows(32).any(|window| window == session.bytes()));
    }
}

#[test]
fn an_end_signs_with_randomness_that_it_draws() {
    let mut noise = transcript::Transcript::new(b"draws", transcript::Version::V1).noise(b"both ends");
    let (dialler, listener) = (DiallerRandom::draw(&mut noise), ListenerRandom::draw(&mut noise));
    let drawn = [[0; 32], *dialler.rnd, *dialler.x25519, *listener.rnd, *listener.x25519, *listener.kem, listener.nonce];
    assert!((0..drawn.len()).all(|at| !drawn[..at].contains(&drawn[at])));
    let (dialler_key, listener_key) = (key(1), key(2));
    let challenge = Listener::new(&listener_key, b"net", listener_random()).0;
    let hello = |rnd| {
        let dialler = Dialler::new(&dialler_key, listener_key.public().clone(), b"net").unwrap();
        dialler.hello(&challenge, DiallerRandom { rnd: Zeroizing::new([rnd; 32]), ..dialler_random() }).unwrap().0
    };
    let (one, other) = (hello(1), hello(2));
    let signature = HELLO_LEN - SIGNATURE_LEN;
    assert!(one[..signature] == other[..signature] && one[signature..] != other[signature..]);
}

#[test]
fn no_reason_is_a_panic() {
    let listener_key = key(2);
    let listener = || Listener::new(&listener_key, b"net", listener_random()).1;
    assert_eq!(listener().claim(&[0; CLAIM_LEN]).err().and_then(|why| why.code()), Some("version"));
    assert_eq!(listener().accept(key(1).public(), &[0; PROOF_LEN]).err().and_then(|why| why.code()), Some("signature"));
    let own = Dialler::new(&listener_key, listener_key.public().clone(), b"net").err();
    assert_eq!(own.and_then(|why| why.code()), Some("own-key"));
    let dialler_key = key(1);
    let dialler = Dialler::new(&dialler_key, listener_key.public().clone(), b"net").unwrap();
    assert_eq!(dialler.hello(&[0; CHALLENGE_LEN], dialler_random()).err().and_then(|why| why.code()), Some("version"));
}
