//! The messages between two nodes that connect: an end accepts the one message that the other made, and no other bytes.

use super::harness::{Held, Target, ensure};
use super::vectors;
use base64ct::{Base64, Encoding};
use mickai_node::handshake::{ACCEPT_LEN, CHALLENGE_LEN, CLAIM_LEN, CONFIRM_LEN, Dialled, Dialler, DiallerRandom, HELLO_LEN, Listener, ListenerRandom, PROOF_LEN};
use mickai_node::identity::{PrivateKey, PublicKey};
use mickai_proof::key;
use std::path::Path;
use std::sync::OnceLock;
use zeroize::Zeroizing;

/// The target. The first byte of its input says which message the rest is; it is cut or filled up to that message's length.
pub const TARGET: Target = Target { name: "handshake", holds: |data| holds(data, accepts_proof), canary: |data| holds(data, canary), seeds, case_count: 2_000 };

const MESSAGE_COUNT: u8 = 5;
const NETWORK: &[u8] = b"pan-peer-v1\0a network to try_STREAM";

type JudgeProof = fn(&Fixed, &[u8; PROOF_LEN]) -> bool;

/// Two ends whose randomness is fixed, and what they say to each other.
struct Fixed {
    dialler: PrivateKey,
    listener: PrivateKey,
    challenge: [u8; CHALLENGE_LEN],
    hello: Box<[u8; HELLO_LEN]>,
    accept: Box<[u8; ACCEPT_LEN]>,
    confirm: [u8; CONFIRM_LEN],
}

impl Fixed {
    fn get() -> &'static Self {
        static FIXED: OnceLock<Fixed> = OnceLock::new();
        FIXED.get_or_init(Self::run)
    }

    fn run() -> Self {
        let key = |seed| PrivateKey::from_seed_bytes(&Zeroizing::new([seed; 32]));
        let (dialler, listener) = (key(1), key(2));
        let (challenge, end) = Listener::new(&listener, NETWORK, listener_random());
        let (hello, dialled) = dial(&dialler, &challenge).expect("the challenge is the listener's");
        let proof = hello[CLAIM_LEN..].try_into().expect("a hello is a claim and a proof");
        let (accept, answered) = end.accept(&public(&hello), proof).expect("the hello is the dialler's");
        let (confirm, session) = dialled.confirm(&accept).expect("the accept is the listener's");
        assert_eq!(answered.session(&confirm).expect("the confirmation is the dialler's").bytes(), session.bytes());
        Self { challenge, hello, accept, confirm, dialler, listener }
    }

    fn end(&self) -> Listener<'_> {
        Listener::new(&self.listener, NETWORK, listener_random()).1
    }
}

fn listener_random() -> ListenerRandom {
    ListenerRandom { nonce: [5; 32], x25519: Zeroizing::new([6; 32]), kem: Zeroizing::new([7; 32]), rnd: Zeroizing::new([9; 32]) }
}

fn dial(key: &PrivateKey, challenge: &[u8; CHALLENGE_LEN]) -> Option<(Box<[u8; HELLO_LEN]>, Dialled)> {
    let peer = PrivateKey::from_seed_bytes(&Zeroizing::new([2; 32]));
    let random = DiallerRandom { x25519: Zeroizing::new([3; 32]), kem: Zeroizing::new([4; 64]), rnd: Zeroizing::new([8; 32]) };
    Dialler::new(key, peer.public().clone(), NETWORK).ok()?.hello(challenge, random).ok()
}

/// The key in a hello.
fn public(hello: &[u8; HELLO_LEN]) -> PublicKey {
    PublicKey::from(key::PublicKey::from_raw(hello[17..CLAIM_LEN].try_into().expect("a claim is a domain and a key")))
}

fn fitted<const N: usize>(data: &[u8]) -> [u8; N] {
    std::array::from_fn(|at| data.get(at).copied().unwrap_or(0))
}

fn holds(data: &[u8], judge_proof: JudgeProof) -> Held {
    let Some((message, rest)) = data.split_first() else { return Ok(()) };
    let fixed = Fixed::get();
    match message % MESSAGE_COUNT {
        0 => challenge(fixed, &fitted(rest)),
        1 => claim(fixed, &fitted(rest)),
        2 => {
            let proof = fitted(rest);
            ensure(judge_proof(fixed, &proof) == (proof[..] == fixed.hello[CLAIM_LEN..]), "a proof that the dialler did not make")
        }
        3 => {
            let accept = fitted(rest);
            let (_, dialled) = dial(&fixed.dialler, &fixed.challenge).ok_or("the dialler does not answer its challenge")?;
            ensure(dialled.confirm(&accept).is_ok() == (accept == *fixed.accept), "an accept that the listener did not make")
        }
        _ => {
            let confirm = fitted(rest);
            let proof = fixed.hello[CLAIM_LEN..].try_into().map_err(|_| "a hello of another length")?;
            let (_, answered) = fixed.end().accept(&public(&fixed.hello), proof).map_err(|_| "the listener refuses the dialler")?;
            ensure(answered.session(&confirm).is_ok() == (confirm == fixed.confirm), "a confirmation that the dialler did not make")
        }
    }
}

/// A challenge of this version is answered over its own nonce, any other not at all.
fn challenge(fixed: &Fixed, challenge: &[u8; CHALLENGE_LEN]) -> Held {
    let answer = dial(&fixed.dialler, challenge);
    ensure(answer.is_some() == challenge.starts_with(&fixed.challenge[..17]), "a challenge of another version was answered, or one of this was not")?;
    let Some((hello, _)) = answer else { return Ok(()) };
    ensure((hello == fixed.hello) == (*challenge == fixed.challenge), "a signature that does not depend on the challenge")
}

/// A claim is a key of one's own choice, but not the listener's.
fn claim(fixed: &Fixed, claim: &[u8; CLAIM_LEN]) -> Held {
    let own = fixed.listener.public();
    let is_one = claim.starts_with(&fixed.challenge[..17]) && claim[17..] != own[..];
    let claimed = fixed.end().claim(claim).ok();
    ensure(claimed.is_some() == is_one && claimed.is_none_or(|claimed| claimed[..] == claim[17..]), "a claim that is not what it says")
}

fn accepts_proof(fixed: &Fixed, proof: &[u8; PROOF_LEN]) -> bool {
    fixed.end().accept(&public(&fixed.hello), proof).is_ok()
}

/// An end whose signature would not cover the ML-KEM key.
fn canary(fixed: &Fixed, proof: &[u8; PROOF_LEN]) -> bool {
    let mut proof = *proof;
    proof[32..1_216].copy_from_slice(&fixed.hello[2_001..3_185]);
    accepts_proof(fixed, &proof)
}

/// The messages of the two ends, and those of the vectors, each as each.
fn seeds(folder: &Path) -> Vec<Vec<u8>> {
    let fixed = Fixed::get();
    let own = [&fixed.challenge[..], &fixed.hello[..CLAIM_LEN], &fixed.hello[CLAIM_LEN..], &fixed.accept[..], &fixed.confirm[..]];
    let mut seeds: Vec<_> = own.iter().enumerate().map(|(message, bytes)| [&[message as u8], *bytes].concat()).collect();
    for vector in vectors::of(folder, "handshake") {
        for (message, name) in ["challenge", "hello", "hello", "accept", "confirm"].into_iter().enumerate() {
            let Some(bytes) = vector[name].as_str().and_then(|text| Base64::decode_vec(text).ok()) else { continue };
            let from = if message == 2 { CLAIM_LEN } else { 0 };
            seeds.push([&[message as u8], &bytes[from..]].concat());
        }
    }
    seeds
}
