//! Values come back to whoever has the key, and to nobody after erasure.

use super::*;
use crate::testing::new_home;
use std::cell::Cell;
use tempfile::TempDir;

const LOG: LogId = LogId([9; 32]);

fn new_vault() -> (TempDir, Home, Vault) {
    let (folder, home) = new_home();
    let vault = Vault::open(&home, LOG).unwrap();
    (folder, home, vault)
}

fn put(vault: &Vault, index: u64, openings: &[(&str, &[u8])]) -> Vec<(String, Commitment)> {
    let sealing = Sealing::new(openings).unwrap();
    vault.put(index, &sealing).unwrap();
    sealing.commitments().collect()
}

fn erase(vault: &Vault, index: u64, label: &str) -> usize {
    vault.erase(index, &mut |known| known == label).unwrap()
}

fn is_sealed(result: Result<Option<Opened>, Error>) -> bool {
    matches!(result, Err(Error::Damaged { what: Damage::VaultSealed, .. }))
}

#[test]
fn values_come_back_with_the_salts_of_their_commitments() {
    let (_folder, _home, vault) = new_vault();
    let openings: [(&str, &[u8]); 3] = [("prompt", b"hello"), ("empty", b""), ("large", &[7; 1_048_576])];
    let commitments = put(&vault, 7, &openings);
    for (label, value) in openings {
        let opened = vault.get(7, label).unwrap().unwrap();
        assert_eq!(*opened.value, value);
        let commitment = commitments.iter().find(|(name, _)| name == label).unwrap().1;
        assert_eq!(commit(&opened.salt, label, value), commitment);
    }
    assert_eq!(vault.get(7, "other").unwrap(), None);
    assert_eq!(vault.get(8, "prompt").unwrap(), None);
    assert_eq!(vault.labels(7).unwrap(), ["empty", "large", "prompt"]);
    // Equal values do not show as equal commitments.
    assert_ne!(put(&vault, 8, &[("prompt", b"hello")])[0].1, commitments.iter().find(|(name, _)| name == "prompt").unwrap().1);
}

/// The drawing at the head of `vault.rs`.
#[test]
fn the_file_has_the_drawn_form_and_no_plain_value() {
    let (_folder, home, vault) = new_vault();
    put(&vault, 7, &[("prompt", b"hello")]);
    let bytes = std::fs::read(home.vault_path().join("00000000/000/00000007.v")).unwrap();
    assert_eq!(bytes.len(), 168);
    assert_eq!(bytes[..19], *b"mickaiV1\x06prompt\x35\0\0\0");
    assert!(!bytes.windows(5).any(|window| window == b"hello"));
}

#[test]
fn another_key_record_label_or_log_opens_nothing() {
    let (_folder, home, vault) = new_vault();
    put(&vault, 7, &[("prompt", b"hello")]);
    assert!(is_sealed(Vault::open(&home, LogId([8; 32])).unwrap().get(7, "prompt")));
    std::fs::copy(vault.path(7), vault.path(6)).unwrap();
    assert!(is_sealed(vault.get(6, "prompt")));
    let mut bytes = std::fs::read(vault.path(7)).unwrap();
    bytes[9..15].copy_from_slice(b"output");
    std::fs::write(vault.path(6), bytes).unwrap();
    assert!(is_sealed(vault.get(6, "output")));
    std::fs::write(home.vault_key_path(), [1; 32]).unwrap();
    assert!(is_sealed(Vault::open(&home, LOG).unwrap().get(7, "prompt")));
    std::fs::write(home.vault_key_path(), [1; 31]).unwrap();
    assert!(matches!(Vault::open(&home, LOG), Err(Error::NotAKey(_))));
}

#[test]
fn any_bit_and_any_cut_of_a_file_is_noticed() {
    let (_folder, _home, vault) = new_vault();
    put(&vault, 7, &[("prompt", b"hello")]);
    let whole = std::fs::read(vault.path(7)).unwrap();
    for bit in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(vault.path(7), flipped).unwrap();
        assert!(!matches!(vault.get(7, "prompt"), Ok(Some(_))), "bit {bit}");
    }
    for len in 0..whole.len() {
        std::fs::write(vault.path(7), &whole[..len]).unwrap();
        assert!(!matches!(vault.get(7, "prompt"), Ok(Some(_))), "{len} bytes");
    }
}

#[test]
fn an_erased_value_is_gone_and_the_others_stay() {
    let (_folder, _home, vault) = new_vault();
    put(&vault, 7, &[("prompt", b"hello"), ("prompt_tokens", b"1234")]);
    // The old file under a second name shows what is left of its bytes.
    let witness = vault.path(7).with_extension("old");
    std::fs::hard_link(vault.path(7), &witness).unwrap();
    assert_eq!(erase(&vault, 7, "prompt"), 1);
    assert_eq!(erase(&vault, 7, "prompt"), 0);
    assert_eq!(vault.get(7, "prompt").unwrap(), None);
    assert_eq!(*vault.get(7, "prompt_tokens").unwrap().unwrap().value, b"1234");
    assert!(std::fs::read(witness).unwrap().iter().all(|byte| *byte == 0));
    assert_eq!(vault.sizes(7).unwrap(), [("prompt_tokens".to_owned(), 4)]);
    assert_eq!(erase(&vault, 7, "prompt_tokens"), 1);
    assert!(!vault.path(7).exists());
    assert_eq!(erase(&vault, 7, "prompt_tokens"), 0);
}

/// Another process erases a value between the opening of the file and the reading of it.
#[test]
fn an_erasure_is_not_taken_for_damage() {
    let (_folder, _home, vault) = new_vault();
    put(&vault, 7, &[("prompt", b"hello"), ("prompt_tokens", b"1234")]);
    let read = Cell::new(0);
    let seen = vault.look(7, |fields| {
        read.set(read.get() + 1);
        if erase(&vault, 7, "prompt") == 1 { Err(Damage::VaultSealed) } else { Ok(fields.len()) }
    });
    assert_eq!((seen.unwrap(), read.get()), (Some(1), 2));
    std::fs::write(vault.path(7), [0; 168]).unwrap();
    assert!(matches!(vault.labels(7), Err(Error::Damaged { what: Damage::VaultForm, .. })), "zeros that stay are damage");
}

#[test]
fn what_no_record_could_hold_is_refused() {
    let too_many: Vec<String> = (0..65).map(|i| i.to_string()).collect();
    let too_many: Vec<(&str, &[u8])> = too_many.iter().map(|label| (label.as_str(), &b""[..])).collect();
    assert!(matches!(Sealing::new(&too_many), Err(Error::Misuse(Misuse::ValueCount(65)))));
    assert!(matches!(Sealing::new(&[("a", &[0; 1_048_577])]), Err(Error::Misuse(Misuse::ValueBytes(1_048_577)))));
    for openings in [&[("", &b""[..])][..], &[("a", b""), ("a", b"")], &[(&"x".repeat(65), b"")]] {
        assert!(matches!(Sealing::new(openings), Err(Error::Misuse(Misuse::Draft(_)))));
    }
}

/// A file that other software wrote (spec/vectors/privacy): it opens, and what is left after an erasure is the rest of it, byte for byte.
#[test]
fn the_vector_opens_and_its_erased_fields_leave_the_others_as_they_were() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/vectors/privacy/vault.json");
    let vector: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let bytes = |value: &serde_json::Value| {
        let text = text(value);
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect::<Vec<u8>>()
    };
    let folder = tempfile::tempdir().unwrap();
    let key = Zeroizing::new(bytes(&vector["home_key"]).try_into().unwrap());
    let vault = Vault { folder: folder.path().to_owned(), log: LogId::from_hex(&text(&vector["log"])).unwrap(), key };
    let index = vector["index"].as_u64().unwrap();
    assert_eq!(vault.path(index), folder.path().join(text(&vector["path"])));
    disk::create_folder(vault.path(index).parent().unwrap()).unwrap();
    std::fs::write(vault.path(index), bytes(&vector["file"])).unwrap();
    let fields = vector["fields"].as_array().unwrap();
    for field in fields {
        let (label, value) = (text(&field["label"]), bytes(&field["value"]));
        let opened = vault.get(index, &label).unwrap().unwrap();
        assert_eq!((*opened.value).as_slice(), value);
        assert_eq!(opened.salt.0.as_slice(), bytes(&field["salt"]));
        assert_eq!(commit(&opened.salt, &label, &value).to_string(), text(&field["commitment"]));
    }
    let erased: Vec<String> = vector["erased"].as_array().unwrap().iter().map(text).collect();
    assert_eq!(vault.erase(index, &mut |label| erased.iter().any(|erased| erased == label)).unwrap(), erased.len());
    assert_eq!(std::fs::read(vault.path(index)).unwrap(), bytes(&vector["file_after"]));
    assert_eq!(vault.labels(index).unwrap().len(), fields.len() - erased.len());
}
