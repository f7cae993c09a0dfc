//! Keys read back, and what is not a key is refused.

use super::*;
use crate::testing::new_home;
use mickai_proof::checkpoint::Note;
use mickai_proof::digest::TreeHash;
use mickai_proof::signature::{from_cose, verify};
use serde_json::Value;

fn vectors() -> Vec<Value> {
    let text = include_str!("../../../../spec/vectors/keys/accept/seeds.json");
    serde_json::from_str::<Value>(text).unwrap()["cases"].as_array().unwrap().clone()
}

fn bytes(case: &Value, field: &str) -> Vec<u8> {
    let text = case[field].as_str().unwrap();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// The vectors were made by another library (spec/vectors/keys/make.py).
#[test]
fn seeds_give_the_files_and_keys_of_the_vectors() {
    for case in vectors() {
        let seed: Seed = Zeroizing::new(bytes(&case, "seed").try_into().unwrap());
        let pkcs8 = bytes(&case, "pkcs8");
        assert_eq!(*pkcs8_from_seed(&seed), pkcs8);
        assert_eq!(seed_from_pkcs8(&pkcs8).unwrap(), seed);
        let key = OperatorKey::from_seed(&seed).unwrap();
        assert_eq!(key.public().to_spki(), bytes(&case, "spki"));
        assert_eq!(key.id().to_string(), case["key_id"].as_str().unwrap());
    }
}

#[test]
fn what_is_not_exactly_a_seed_only_file_is_refused() {
    let (_folder, home) = new_home();
    let good = std::fs::read(home.operator_key_path()).unwrap();
    let text = include_str!("../../../../spec/vectors/keys/reject/files.json");
    let cases = serde_json::from_str::<Value>(text).unwrap()["cases"].as_array().unwrap().clone();
    assert!(!cases.is_empty());
    for case in cases {
        std::fs::write(home.operator_key_path(), bytes(&case, "pkcs8")).unwrap();
        assert!(matches!(OperatorKey::load(&home), Err(Error::NotAKey(_))), "{}", case["reason"]);
    }
    std::fs::write(home.operator_key_path(), good).unwrap();
    assert!(OperatorKey::load(&home).is_ok());
}

#[test]
fn what_it_signs_verifies_in_the_other_library() {
    let (_folder, home) = new_home();
    let key = OperatorKey::load(&home).unwrap();
    let (log, record) = (LogId([1; 32]), RecordDigest([2; 64]));
    let cose = key.sign_record(log, record).unwrap();
    let signature = from_cose(key.id(), &cose).unwrap();
    assert!(verify(key.public(), &to_be_signed(key.id(), log, record), signature));
    assert!(!verify(key.public(), &to_be_signed(key.id(), log, RecordDigest([3; 64])), signature));
    let checkpoint = Checkpoint { log, size: 3, root: TreeHash([4; 32]) };
    let note = key.sign_checkpoint(&checkpoint).unwrap();
    assert_eq!(Note::parse(note.as_bytes()).unwrap().verify(key.public(), log), Ok(checkpoint));
}

#[test]
fn the_recovery_file_reads_back_and_nothing_near_it_does() {
    let (next, recovery) = (random_seed().unwrap(), random_seed().unwrap());
    let text = recovery_text(&next, &recovery);
    assert_eq!(seeds_from_recovery_text(&text), Some((next, recovery)));
    assert_eq!(seeds_from_recovery_text(&text[..text.len() - 1]), None);
    assert_eq!(seeds_from_recovery_text(&format!("{}x", *text)), None);
    assert_eq!(seeds_from_recovery_text(&text.replace("MDQC", "MDQD")), None);
}

#[test]
fn a_home_has_three_different_keys() {
    let (_folder, home) = new_home();
    let (next, recovery) = committed_keys(&home).unwrap();
    let current = OperatorKey::load(&home).unwrap().id();
    assert!(next != recovery && current != next && current != recovery);
}
