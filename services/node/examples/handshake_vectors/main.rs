//! Writes spec/vectors/handshake: three handshakes, and messages that an end refuses, each with its reason. What is written is compared with this implementation's answer first.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a program for developers, which stops at the first thing that is not as declared"
)]

mod forge;
mod reject;
mod stream;

use base64ct::{Base64, Encoding};
use forge::sha3_256;
use mickai_node::handshake::{Dialler, DiallerRandom, Listener, ListenerRandom, PROOF_LEN, namespace};
use mickai_node::identity::{PrivateKey, PublicKey};
use mickai_proof::digest::ChainId;
use mickai_proof::key;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// What both ends send first afterwards: the message "pan" on channel 5.
const FRAME: &[u8] = b"\x00\x05\x03pan";

/// Everything that a handshake follows from.
#[derive(Clone)]
struct Inputs {
    namespace: Vec<u8>,
    dialler: [u8; 32],
    dialler_x25519: [u8; 32],
    dialler_kem: [u8; 64],
    dialler_rnd: [u8; 32],
    listener: [u8; 32],
    nonce: [u8; 32],
    listener_x25519: [u8; 32],
    listener_kem: [u8; 32],
    listener_rnd: [u8; 32],
}

/// Its four messages, and what both ends have afterwards.
#[derive(Clone)]
struct Messages {
    challenge: Vec<u8>,
    hello: Vec<u8>,
    accept: Vec<u8>,
    confirm: Vec<u8>,
    session: [u8; 32],
}

impl Inputs {
    /// Fixed bytes from a name.
    fn of(name: &str, chain: u8) -> Self {
        let fixed = |what: &str| sha3_256(&[b"handshake vector\0", name.as_bytes(), b"\0", what.as_bytes()]);
        Self {
            namespace: [namespace(ChainId([chain; 32])), b"_STREAM".to_vec()].concat(),
            dialler: fixed("dialler"),
            dialler_x25519: fixed("dialler x25519"),
            dialler_kem: [fixed("d"), fixed("z")].concat().try_into().unwrap(),
            dialler_rnd: fixed("dialler rnd"),
            listener: fixed("listener"),
            nonce: fixed("nonce"),
            listener_x25519: fixed("listener x25519"),
            listener_kem: fixed("m"),
            listener_rnd: fixed("listener rnd"),
        }
    }

    fn dialler_random(&self) -> DiallerRandom {
        DiallerRandom { x25519: Zeroizing::new(self.dialler_x25519), kem: Zeroizing::new(self.dialler_kem), rnd: Zeroizing::new(self.dialler_rnd) }
    }

    fn listener_random(&self) -> ListenerRandom {
        ListenerRandom { nonce: self.nonce, x25519: Zeroizing::new(self.listener_x25519), kem: Zeroizing::new(self.listener_kem), rnd: Zeroizing::new(self.listener_rnd) }
    }

    fn json(&self) -> Value {
        json!({
            "namespace": text(&self.namespace),
            "dialler": { "seed": text(&self.dialler), "x25519": text(&self.dialler_x25519), "ml_kem": text(&self.dialler_kem), "rnd": text(&self.dialler_rnd) },
            "listener": {
                "seed": text(&self.listener), "nonce": text(&self.nonce), "x25519": text(&self.listener_x25519), "ml_kem": text(&self.listener_kem), "rnd": text(&self.listener_rnd),
            },
        })
    }
}

fn key(seed: [u8; 32]) -> PrivateKey {
    PrivateKey::from_seed_bytes(&Zeroizing::new(seed))
}

fn public(seed: [u8; 32]) -> PublicKey {
    PublicKey::from(key::PublicKey::from_raw(forge::Key::new(seed).public.try_into().unwrap()))
}

fn text(bytes: &[u8]) -> String {
    Base64::encode_string(bytes)
}

/// An honest handshake.
fn run(inputs: &Inputs) -> Messages {
    let (dialler_key, listener_key) = (key(inputs.dialler), key(inputs.listener));
    let (challenge, listener) = Listener::new(&listener_key, &inputs.namespace, inputs.listener_random());
    let dialler = Dialler::new(&dialler_key, public(inputs.listener), &inputs.namespace).unwrap();
    let (hello, dialled) = dialler.hello(&challenge, inputs.dialler_random()).unwrap();
    let (claim, proof) = hello.split_first_chunk().unwrap();
    let peer = listener.claim(claim).unwrap();
    assert_eq!(peer, public(inputs.dialler));
    let proof: &[u8; PROOF_LEN] = proof.try_into().unwrap();
    let (accept, answered) = listener.accept(&peer, proof).unwrap();
    let (confirm, session) = dialled.confirm(&accept).unwrap();
    assert_eq!(answered.session(&confirm).unwrap().bytes(), session.bytes());
    Messages { challenge: challenge.to_vec(), hello: hello.to_vec(), accept: accept.to_vec(), confirm: confirm.to_vec(), session: *session.bytes() }
}

fn main() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../spec/vectors/handshake");
    for which in ["accept", "reject"] {
        let folder = folder.join(which);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let files = if which == "accept" { accepted() } else { reject::all() };
        println!("{}: {} vectors", folder.display(), files.len());
        for file in files {
            let name = file["name"].as_str().unwrap().to_owned();
            fs::write(folder.join(name + ".json"), serde_json::to_string_pretty(&file).unwrap() + "\n").unwrap();
        }
    }
}

fn accepted() -> Vec<Value> {
    let cases =
        [("first", 1, "a handshake on one chain"), ("other-chain", 2, "on another, by other keys"), ("again", 1, "the keys of the first with fresh shares: another session")];
    let all = cases.map(|(name, chain, why)| {
        let mut inputs = Inputs::of(name, chain);
        if name == "again" {
            let first = Inputs::of("first", 1);
            (inputs.dialler, inputs.listener) = (first.dialler, first.listener);
        }
        let messages = run(&inputs);
        let ([key_l2d, key_d2l], [record_l2d, record_d2l]) = (stream::keys(&messages.session), stream::records(&messages.session, FRAME));
        let mut file = inputs.json();
        let members = json!({
            "name": name, "why": why, "challenge": text(&messages.challenge), "hello": text(&messages.hello), "accept": text(&messages.accept), "confirm": text(&messages.confirm),
            "session": text(&messages.session), "key_l2d": text(&key_l2d), "key_d2l": text(&key_d2l),
            "frame": text(FRAME), "record_l2d": text(&record_l2d), "record_d2l": text(&record_d2l),
        });
        file.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        file
    });
    all.into()
}
