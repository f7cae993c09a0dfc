//! Bundles changed bit by bit, and every answer in one hash that both verifiers have to give: the files `tamper*.json` of spec/vectors/bundle.

use super::log::{Log, Signer, next};
use super::vector::{BundleVector, Expect, Kept, PolicyText, folder, to_hex, told};
use base64ct::{Base64, Encoding};
use mickai_proof::history::Revocation;
use mickai_proof::verify::{Engine, Verifier};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs;
use std::thread;

const SEED: &str = "oar-tamper-v1";
const BITS: &str = "bit of byte i = SHA-256(\"oar-tamper-v1\" || 0x00 || u32be i)[0] & 7; hash = SHA-256 of the lines \"offset:bit:exit:reason:index:step\\n\", null as \"null\"";
const DRAWS: &str =
    "draw i from 0 to 2,999 flips that bit of the byte (SHA-256(\"oar-tamper-v1\" || 0x00 || u32be i)[0..4] as u32be) mod length; lines in the order of i, as often as drawn";
const DRAW_COUNT: usize = 3_000;

/// A bundle that is VERIFIED by a policy.
#[derive(Clone)]
pub struct Tampered {
    pub bundle: Vec<u8>,
    pub policy: PolicyText,
}

/// What spec/vectors/bundle/tamper.json says of the bundle three-records-pinned.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfVector {
    pub bundle: String,
    pub seed: String,
    pub bits: String,
    pub hash: String,
}

/// What a file says that brings its own bundle.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OfOwn {
    pub why: String,
    pub bundle: String,
    pub policy: PolicyText,
    pub seed: String,
    pub bits: String,
    pub hash: String,
    pub draws: String,
    pub hash_of_draws: String,
}

impl OfVector {
    /// One seeded bit of every byte.
    pub fn made() -> Self {
        let hash = hash(&Tampered::of_vector().seeded_lines());
        Self { bundle: "accept/three-records-pinned.json".to_owned(), seed: SEED.to_owned(), bits: BITS.to_owned(), hash }
    }
}

impl OfOwn {
    /// The same, and the flips that are drawn.
    pub fn made(why: &str, tampered: &Tampered) -> Self {
        let lines = tampered.seeded_lines();
        let drawn: Vec<String> = (0..DRAW_COUNT).map(|draw| lines[seeded(draw) as usize % tampered.bundle.len()].clone()).collect();
        Self {
            why: why.to_owned(),
            bundle: Base64::encode_string(&tampered.bundle),
            policy: tampered.policy.clone(),
            seed: SEED.to_owned(),
            bits: BITS.to_owned(),
            hash: hash(&lines),
            draws: DRAWS.to_owned(),
            hash_of_draws: hash(&drawn),
        }
    }

    /// The committed file `name`, if there is one.
    pub fn committed(name: &str) -> Option<Self> {
        serde_json::from_str(&fs::read_to_string(folder("bundle").join(format!("{name}.json"))).ok()?).ok()
    }
}

impl Tampered {
    /// Genesis, intent and outcome, pinned.
    pub fn of_vector() -> Self {
        let vector: BundleVector = serde_json::from_str(&fs::read_to_string(folder("bundle").join("accept/three-records-pinned.json")).unwrap()).unwrap();
        Self { bundle: Base64::decode_vec(&vector.bundle).unwrap(), policy: vector.policy }
    }

    /// The whole of [`two_hundred`], with the openings that it still has, pinned.
    pub fn of_two_hundred() -> Self {
        let log = two_hundred();
        let mut parts = log.whole();
        parts.chunks[0].openings = log.openings.iter().filter(|opening| (opening.index, opening.label.as_str()) != (1, "prompt")).cloned().collect();
        let references = vec![Kept { checkpoint: log.note(log.records.len()), ..Kept::default() }];
        Self { bundle: parts.bytes(), policy: PolicyText { references, ..trust(&log) } }
    }

    /// A part of it from the middle, with the key events around it.
    pub fn of_part() -> Self {
        let log = two_hundred();
        let require = ["integrity", "authenticity", "inclusion"].map(str::to_owned).to_vec();
        Self { bundle: log.range(96..132).bytes(), policy: PolicyText { require: Some(require), ..trust(&log) } }
    }

    /// `line` of the answers with one bit flipped, for the bits that `bits` gives of each byte, in order and on two threads. What lies before the byte is read once.
    pub fn sweep<T: Send>(&self, bits: impl Fn(usize) -> Vec<u8> + Sync, line: impl Fn(usize, u8, Expect) -> T + Sync) -> Vec<T> {
        self.sweep_by(&Engine::library(), bits, line)
    }

    /// The same with another way to verify signatures.
    pub fn sweep_by<T: Send>(&self, engine: &Engine, bits: impl Fn(usize) -> Vec<u8> + Sync, line: impl Fn(usize, u8, Expect) -> T + Sync) -> Vec<T> {
        // Blocks, so that both threads have as much of what is quick and of what is slow.
        const BLOCK: usize = 256;
        let share = |share: usize| {
            let mut answers = Vec::new();
            let mut before = Verifier::with_engine(self.policy.to_policy().unwrap(), engine.clone()).unwrap();
            for (offset, byte) in self.bundle.iter().enumerate() {
                for bit in if offset / BLOCK % 2 == share { bits(offset) } else { Vec::new() } {
                    let mut verifier = before.clone();
                    verifier.feed(&[byte ^ 1 << bit]);
                    verifier.feed(&self.bundle[offset + 1..]);
                    answers.push((offset, line(offset, bit, told(verifier.finish()))));
                }
                before.feed(&[*byte]);
            }
            assert_eq!(told(before.finish()).exit, 0, "what is changed has to be VERIFIED");
            answers
        };
        let mut answers = thread::scope(|scope| {
            let other = scope.spawn(|| share(1));
            let mut answers = share(0);
            answers.extend(other.join().unwrap());
            answers
        });
        answers.sort_by_key(|(offset, _)| *offset);
        answers.into_iter().map(|(_, answer)| answer).collect()
    }

    fn seeded_lines(&self) -> Vec<String> {
        self.sweep(
            |offset| vec![seeded_bit(offset)],
            |offset, bit, answer| {
                assert!(matches!(answer.exit, 1 | 4), "byte {offset}, bit {bit}: {answer:?}");
                line(offset, bit, &answer)
            },
        )
    }
}

/// A sealed log of 200 records: a rotation, a revocation of the key before, an erasure, three acts of which one is open, five seals, and beats, which are sealed.
pub fn two_hundred() -> Log {
    let mut log = Log::new(&Signer::from_seed(1));
    let beats = |log: &mut Log, size: usize| log.heartbeats(size - log.records.len());
    let first = log.signer.id();
    let intent = log.intent();
    log.outcome(intent);
    beats(&mut log, 48);
    let rotated = log.rotate(&next());
    log.seal();
    beats(&mut log, 98);
    log.erase(intent, &["prompt"]);
    log.seal();
    let intent = log.intent();
    beats(&mut log, 120);
    log.outcome(intent);
    log.seal();
    beats(&mut log, 148);
    log.revoke(Revocation { revoked: first, effective: rotated as u64 + 1, since_ms: None });
    log.intent();
    log.seal();
    beats(&mut log, 199);
    log.seal();
    log
}

fn trust(log: &Log) -> PolicyText {
    PolicyText { keys: vec![log.signer.id().to_string()], ..PolicyText::default() }
}

/// The first four bytes of SHA-256(seed ‖ 0x00 ‖ u32be i).
fn seeded(place: usize) -> u32 {
    let place = u32::try_from(place).unwrap().to_be_bytes();
    let digest = Sha256::digest([SEED.as_bytes(), &[0], &place].concat());
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}

fn seeded_bit(offset: usize) -> u8 {
    (seeded(offset) >> 24) as u8 & 7
}

fn line(offset: usize, bit: u8, answer: &Expect) -> String {
    let or_null = |value: Option<String>| value.unwrap_or_else(|| "null".to_owned());
    let reason = or_null(answer.reason.clone());
    let (index, step) = (or_null(answer.index.map(|index| index.to_string())), or_null(answer.step.map(|step| step.to_string())));
    format!("{offset}:{bit}:{}:{reason}:{index}:{step}\n", answer.exit)
}

fn hash(lines: &[String]) -> String {
    to_hex(&Sha256::digest(lines.concat()))
}
