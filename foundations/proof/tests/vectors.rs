//! Every vector of spec/vectors/{record,checkpoint,bundle} gives the answer that stands beside it, whatever the pieces it comes in.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "a test, which reads files")]

mod common;

use base64ct::{Base64, Encoding};
use common::pantheon::{PantheonVector, judge_pantheon};
use common::vector::{BundleVector, CheckpointVector, ForkVector, RecordVector, folder, from_hex, judge_checkpoint, judge_fork, judge_record};
use mickai_proof::crew::Serial;
use mickai_proof::digest::LogId;
use mickai_proof::key::PublicKey;
use mickai_proof::mldsa::{Isa, RecheckSeed};
use mickai_proof::verify::Engine;
use serde::de::DeserializeOwned;
use std::fs;
use std::sync::Arc;

/// Calls `check` with every vector of a topic and whether it lies in `accept`; an empty folder is a failure.
fn each<V: DeserializeOwned>(topic: &str, at_least: usize, check: impl Fn(V, bool)) {
    for class in ["accept", "reject"] {
        let folder = folder(topic).join(class);
        let mut count = 0;
        for entry in fs::read_dir(&folder).unwrap() {
            let text = fs::read_to_string(entry.unwrap().path()).unwrap();
            check(serde_json::from_str(&text).unwrap(), class == "accept");
            count += 1;
        }
        assert!(count >= at_least, "only {count} vectors in {}", folder.display());
    }
}

#[test]
fn record_vectors_hold() {
    each("record", 20, |vector: RecordVector, is_accepted| {
        assert_eq!(vector.expect.ok, is_accepted, "{}", vector.name);
        assert_eq!(judge_record(&from_hex(&vector.record)), vector.expect, "{}: {}", vector.name, vector.why);
    });
}

#[test]
fn checkpoint_vectors_hold() {
    each("checkpoint", 3, |vector: CheckpointVector, is_accepted| {
        assert_eq!(vector.expect.ok, is_accepted, "{}", vector.name);
        let key = PublicKey::from_pem(&vector.key).unwrap();
        let answer = judge_checkpoint(&vector.note, &key, LogId::from_hex(&vector.log).unwrap());
        assert_eq!(answer, vector.expect, "{}: {}", vector.name, vector.why);
    });
}

#[test]
fn fork_vectors_hold() {
    each("fork", 3, |vector: ForkVector, is_accepted| {
        assert_eq!(vector.expect.reason == "fork", is_accepted, "{}", vector.name);
        assert_eq!(judge_fork(&vector), vector.expect, "{}: {}", vector.name, vector.why);
    });
}

#[test]
fn pantheon_vectors_hold() {
    each("pantheon", 30, |vector: PantheonVector, is_accepted| {
        assert_eq!(vector.expect.ok, is_accepted, "{}", vector.name);
        assert_eq!(judge_pantheon(&vector), vector.expect, "{}: {}", vector.name, vector.why);
    });
}

#[test]
fn the_seeded_cases_of_a_chain_give_the_committed_hashes() {
    let committed: std::collections::BTreeMap<String, String> = serde_json::from_str(&fs::read_to_string(folder("pantheon/seeded.json")).unwrap()).unwrap();
    assert_eq!(common::seeded_pantheon::hashes(), committed);
}

/// Every reason of spec/pantheon.md that a form, a certificate, a genesis or a light proof can give has a vector.
#[test]
fn every_reason_of_a_chain_has_a_vector() {
    let reasons = std::cell::RefCell::new(std::collections::BTreeSet::new());
    each("pantheon", 30, |vector: PantheonVector, _| reasons.borrow_mut().extend(vector.expect.reason));
    let expected = "malformed-address address-network malformed-transaction oversized malformed-block malformed-header malformed-certificate malformed-validators malformed-genesis malformed-entry \
        malformed-light-proof genesis-allocations genesis-params genesis-sum genesis-digest chain height validator-set quorum round vote-signature state-root";
    assert_eq!(reasons.into_inner(), expected.split_whitespace().map(String::from).collect());
}

#[test]
fn bundle_vectors_hold_in_pieces_of_any_size() {
    each("bundle", 30, |vector: BundleVector, is_accepted| {
        assert_eq!(matches!(vector.expect.exit, 0 | 2), is_accepted, "{}", vector.name);
        let bundle = Base64::decode_vec(&vector.bundle).unwrap();
        for piece_len in [usize::MAX, 1, 7] {
            assert_eq!(vector.policy.judge(&bundle, piece_len), vector.expect, "{} in pieces of {piece_len}: {}", vector.name, vector.why);
        }
    });
}

#[test]
fn bundle_vectors_hold_on_every_path() {
    for isa in Isa::available() {
        each("bundle", 30, |vector: BundleVector, _| {
            let bundle = Base64::decode_vec(&vector.bundle).unwrap();
            let engine = Engine::lanes(isa, Arc::new(Serial), RecheckSeed([7; 32]));
            assert_eq!(vector.policy.judge_by(engine, &bundle, usize::MAX), vector.expect, "{}: {}", vector.name, vector.why);
        });
    }
}

/// The table of scope sentences in spec/verdict.md "Report" was read by a person; each of its rows is what a vector expects, and so what this implementation says.
#[test]
fn the_sentences_of_the_spec_are_those_of_the_vectors() {
    let spec = fs::read_to_string(folder("../verdict.md")).unwrap();
    let rows = spec.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |")?.split_once("` | ")).filter(|(name, _)| name.contains('/'));
    let mut count = 0;
    for (name, sentence) in rows {
        let text = fs::read_to_string(folder("bundle").join(format!("{name}.json"))).unwrap();
        let vector: BundleVector = serde_json::from_str(&text).unwrap();
        assert_eq!(vector.expect.text.as_deref(), Some(sentence), "{name}");
        count += 1;
    }
    assert!(count >= 12, "only {count} sentences");
}

/// spec/seeded.md: the bytes of thousands of cases that follow from their numbers.
#[test]
fn the_seeded_cases_give_the_committed_hashes() {
    let committed: std::collections::BTreeMap<String, String> = serde_json::from_str(&fs::read_to_string(folder("seeded.json")).unwrap()).unwrap();
    assert_eq!(common::seeded::hashes(), committed);
}

/// The table of spec/verdict.md "Attacks": each vector that a row names gives the row's answer, in the file and so in both implementations.
#[test]
fn every_attack_gets_its_answer() {
    let spec = fs::read_to_string(folder("../verdict.md")).unwrap();
    let table = spec.split_once("## Attacks").unwrap().1.split_once("## Security").unwrap().0;
    let mut count = 0;
    for row in table.lines().filter_map(|line| line.strip_prefix("| ")).filter(|row| row.contains("`accept/") || row.contains("`reject/")) {
        let [attack, answer, names] = row.split(" | ").collect::<Vec<_>>().try_into().unwrap();
        for name in names.split('`').filter(|name| name.contains('/')) {
            let text = fs::read_to_string(folder("bundle").join(format!("{name}.json"))).unwrap_or_else(|_| panic!("{name} is not there"));
            let vector: BundleVector = serde_json::from_str(&text).unwrap();
            let word = vector.expect.verdict.clone().unwrap_or_else(|| format!("exit {}", vector.expect.exit));
            let given = vector.expect.reason.as_ref().map_or_else(|| word.clone(), |reason| format!("{word} `{reason}`"));
            assert_eq!(given, answer, "{attack}: {name}");
            count += 1;
        }
    }
    assert!(count >= 70, "only {count} vectors in the table");
}

/// Every reason of spec/verdict.md that a file of a few kilobytes can give has a vector. The other is `too-many-open`: 65,537 signed intents are 220 MB.
#[test]
fn every_reason_has_a_vector() {
    let mut reasons = std::collections::BTreeSet::new();
    for class in ["accept", "reject"] {
        for entry in fs::read_dir(folder("bundle").join(class)).unwrap() {
            let vector: BundleVector = serde_json::from_str(&fs::read_to_string(entry.unwrap().path()).unwrap()).unwrap();
            reasons.extend(vector.expect.reason);
        }
    }
    let expected = "not-a-bundle unsupported-version malformed-bundle no-records malformed-record unsupported-kind unsupported-extension log-id genesis index prev after-terminal \
        pairing-order seal signing-mode malformed-signature unknown-key signature opening genesis-key malformed-checkpoint checkpoint-origin checkpoint-key root checkpoint-signature \
        truncated fork self-asserted-key partial completeness-unwitnessed after-reference operator-claimed open-intents misuse-key misuse-reference misuse-upto misuse-require \
        key-event key-history pre-rotation rotation-proof erase time-bounds event-path revoked revocation-unproven too-old misuse-policy misuse-revocation misuse-age misuse-chain settlement malformed-light-proof malformed-genesis genesis-params genesis-sum malformed-header \
        malformed-certificate malformed-validators malformed-entry chain height validator-set round quorum vote-signature state-root";
    for reason in expected.split_whitespace() {
        assert!(reasons.remove(reason), "no vector for {reason}");
    }
    assert!(reasons.is_empty(), "unknown reasons {reasons:?}");
}
