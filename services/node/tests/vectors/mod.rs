//! Every vector of spec/vectors/handshake gives the answer that stands beside it.

use super::stream;
use base64ct::{Base64, Encoding};
use mickai_node::handshake::{Dialler, DiallerRandom, HandshakeError, Listener, ListenerRandom};
use mickai_node::identity::PrivateKey;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use zeroize::Zeroizing;

fn all(which: &str) -> Vec<Value> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../spec/vectors/handshake").join(which);
    fs::read_dir(folder).unwrap().map(|file| serde_json::from_slice(&fs::read(file.unwrap().path()).unwrap()).unwrap()).collect()
}

fn bytes(value: &Value) -> Vec<u8> {
    Base64::decode_vec(value.as_str().unwrap()).unwrap()
}

fn fixed<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}

fn secret<const N: usize>(value: &Value) -> Zeroizing<[u8; N]> {
    Zeroizing::new(fixed(value))
}

/// Plays both ends with the messages of the vector; every message but the refused one has to be the one that is made here.
fn play(vector: &Value) -> Result<[u8; 32], HandshakeError> {
    let ends = (&vector["dialler"], &vector["listener"]);
    let (dialler_key, listener_key) = (PrivateKey::from_seed_bytes(&secret(&ends.0["seed"])), PrivateKey::from_seed_bytes(&secret(&ends.1["seed"])));
    let network = bytes(&vector["namespace"]);
    let listener_random = ListenerRandom { nonce: fixed(&ends.1["nonce"]), x25519: secret(&ends.1["x25519"]), kem: secret(&ends.1["ml_kem"]), rnd: secret(&ends.1["rnd"]) };
    let dialler_random = DiallerRandom { x25519: secret(&ends.0["x25519"]), kem: secret(&ends.0["ml_kem"]), rnd: secret(&ends.0["rnd"]) };
    let refused = vector["refused"].as_str();
    let made = |name: &str, message: &[u8]| assert!(refused == Some(name) || bytes(&vector[name]) == message, "{}: {name}", vector["name"]);

    let (challenge, listener) = Listener::new(&listener_key, &network, listener_random);
    made("challenge", &challenge);
    let dialler = Dialler::new(&dialler_key, listener_key.public().clone(), &network)?;
    let (hello, dialled) = dialler.hello(&fixed(&vector["challenge"]), dialler_random)?;
    made("hello", &hello[..]);
    let hello = bytes(&vector["hello"]);
    let (claim, proof) = hello.split_first_chunk().unwrap();
    let peer = listener.claim(claim)?;
    let (accept, answered) = listener.accept(&peer, proof.try_into().unwrap())?;
    made("accept", &accept[..]);
    let (confirm, session) = dialled.confirm(&fixed(&vector["accept"]))?;
    made("confirm", &confirm);
    let listeners = answered.session(&fixed(&vector["confirm"]))?;
    assert_eq!(listeners.bytes(), session.bytes());
    Ok(*session.bytes())
}

#[test]
fn accepted_handshakes_end_in_their_session() {
    let vectors = all("accept");
    assert!(vectors.len() >= 3);
    for vector in vectors {
        let session = play(&vector).unwrap();
        assert_eq!(session, fixed(&vector["session"]), "{}", vector["name"]);
        assert_eq!(stream::keys(&session), [fixed(&vector["key_l2d"]), fixed(&vector["key_d2l"])], "{}", vector["name"]);
        assert_eq!(stream::records(&session, &bytes(&vector["frame"])), [bytes(&vector["record_l2d"]), bytes(&vector["record_d2l"])], "{}", vector["name"]);
    }
}

#[test]
fn refused_messages_are_refused_for_their_reason() {
    let vectors = all("reject");
    assert!(vectors.len() >= 40, "only {}", vectors.len());
    for vector in vectors {
        assert_eq!(play(&vector).err().and_then(|why| why.code()), vector["reason"].as_str(), "{}", vector["name"]);
    }
}
