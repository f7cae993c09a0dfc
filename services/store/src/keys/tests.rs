//! Keys read back, and what is not a key is refused.

use super::custody::Custody;
use super::files::committed_keys;
use super::protected::seal;
use super::recovery::Recovery;
use super::seed::pkcs8_from_seed;
use super::*;
use crate::disk::faulty::{Fault, mount};
use crate::error::Error;
use crate::home::Home;
use crate::testing::{killed, new_home, writer};
use mickai_proof::checkpoint::{Checkpoint, Note};
use mickai_proof::digest::{LogId, RecordDigest, TreeHash};
use mickai_proof::history::{Committed, Revocation};
use mickai_proof::signature::{from_cose, to_be_signed, verify};
use serde_json::Value;
use std::path::Path;
use zeroize::Zeroizing;

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
        assert_eq!(parse_pkcs8(&pkcs8).unwrap(), seed);
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
    let cose = key.sign_record(log, 0, record).unwrap();
    let signature = from_cose(key.id(), &cose).unwrap();
    assert!(verify(key.public(), &to_be_signed(key.id(), log, record), signature));
    assert!(!verify(key.public(), &to_be_signed(key.id(), log, RecordDigest([3; 64])), signature));
    let checkpoint = Checkpoint { log, size: 3, root: TreeHash([4; 32]) };
    let note = key.sign_checkpoint(&checkpoint).unwrap();
    assert_eq!(Note::parse(note.as_bytes()).unwrap().verify(key.public(), log), Ok(checkpoint));
}

#[test]
fn the_recovery_file_reads_back_and_nothing_near_it_does() {
    let drawn = Recovery::draw().unwrap();
    let text = drawn.text();
    assert_eq!(parse_recovery(&text), Some((drawn.next, drawn.recovery)));
    assert_eq!(parse_recovery(&text[..text.len() - 1]), None);
    assert_eq!(parse_recovery(&format!("{}x", *text)), None);
    assert_eq!(parse_recovery(&text.replace("MDQC", "MDQD")), None);
}

#[test]
fn a_home_has_three_different_keys() {
    let (_folder, home) = new_home();
    let Committed { next, recovery } = committed_keys(&home).unwrap();
    let current = OperatorKey::load(&home).unwrap().id();
    assert!(next != recovery && current != next && current != recovery);
}

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(Zeroizing::new(text.as_bytes().to_vec())).unwrap()
}

/// Gives this passphrase whenever one is asked for.
fn knowing(text: &'static str) -> Custody {
    Custody::new(None, move |_| Ok(Some(passphrase(text))))
}

#[test]
fn a_protected_home_signs_for_whoever_knows_and_shows_its_key_to_anybody() {
    let (_folder, home) = new_home();
    drop(writer(&home).unwrap());
    let (plain, before) = (std::fs::read(home.operator_key_path()).unwrap(), OperatorKey::load(&home).unwrap().id());
    let committed = committed_keys(&home).unwrap();
    assert_eq!(protect(&home, &passphrase("eight or more")).unwrap(), [home.operator_key_path(), home.recovery_path()]);
    assert!(matches!(protect(&home, &passphrase("eight or more")), Err(Error::Key(KeyFault::ProtectedAlready(_)))));
    assert_eq!((OperatorKey::public_of(&home).unwrap().id(), committed_keys(&home).unwrap()), (before, committed));
    assert!(OperatorKey::load_unasked(&home).unwrap().is_none());
    assert!(matches!(writer(&home), Err(Error::Key(KeyFault::PassphraseNeeded(_)))), "nobody is there to ask");
    assert!(matches!(writer(&home.clone().with_custody(knowing("another one"))), Err(Error::Key(KeyFault::PassphraseWrong(_)))));
    assert!(writer(&home.clone().with_custody(knowing("eight or more"))).is_ok());
    assert!(matches!(unprotect(&home, &passphrase("another one")), Err(Error::Key(KeyFault::PassphraseWrong(_)))));
    unprotect(&home, &passphrase("eight or more")).unwrap();
    assert_eq!(std::fs::read(home.operator_key_path()).unwrap(), plain);
    assert!(writer(&home).is_ok());
    assert!(matches!(unprotect(&home, &passphrase("eight or more")), Err(Error::Key(KeyFault::NotProtected(_)))));
}

/// Whoever wrote it has a home show one key and sign with another.
#[test]
fn a_protected_file_of_another_key_than_it_names_is_none() {
    let (_folder, home) = new_home();
    let named = OperatorKey::public_of(&home).unwrap().to_spki();
    let file = seal(Content::Operator, &named, &pkcs8_from_seed(&Zeroizing::new([7; 32])), &passphrase("eight or more")).unwrap();
    std::fs::write(home.operator_key_path(), &file).unwrap();
    assert!(matches!(OperatorKey::load(&home.clone().with_custody(knowing("eight or more"))), Err(Error::NotAKey(_))));
    assert!(matches!(Custody::default().unlock_with(&home, &passphrase("eight or more")), Err(Error::NotAKey(_))));
    assert!(matches!(unprotect(&home, &passphrase("eight or more")), Err(Error::NotAKey(_))));
    assert_eq!(std::fs::read(home.operator_key_path()).unwrap(), file);
}

#[test]
fn one_process_asks_once_for_one_file() {
    let (_folder, home) = new_home();
    protect(&home, &passphrase("eight or more")).unwrap();
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let count = asked.clone();
    let home = home.with_custody(Custody::new(None, move |_| {
        count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Ok(Some(passphrase("eight or more")))
    }));
    let first = OperatorKey::load(&home).unwrap().id();
    assert_eq!(OperatorKey::load(&home.clone()).unwrap().id(), first);
    assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 1);
}

#[test]
fn what_was_cut_off_half_way_is_finished_by_the_next_try() {
    let (folder, home) = new_home();
    let plain = std::fs::read(home.recovery_path()).unwrap();
    protect(&home, &passphrase("eight or more")).unwrap();
    std::fs::write(home.recovery_path(), &plain).unwrap();
    assert_eq!(protect(&home, &passphrase("eight or more")).unwrap(), [home.recovery_path()]);
    unprotect(&home, &passphrase("eight or more")).unwrap();
    // The copy is whole and the original is still there.
    for passphrase in [None, Some(passphrase("for the stick"))] {
        let away = folder.path().join(if passphrase.is_some() { "sealed" } else { "plain" });
        let copy = Recovery::parse(&plain).unwrap().file(passphrase.as_ref()).unwrap();
        std::fs::write(&away, &copy).unwrap();
        // The copy may be in memory alone: opened, and not to be synced.
        let mounted = mount(folder.path(), false);
        mounted.0.plan(1, Fault::Io);
        assert!(matches!(export_recovery(&home, &away, passphrase.as_ref()), Err(Error::Io { doing: "fsync", .. })));
        drop(mounted);
        assert!(!home.recovery_is_offline());
        let moved = export_recovery(&home, &away, passphrase.as_ref()).unwrap();
        assert_eq!((moved.is_protected, moved.is_same_disk, home.recovery_is_offline()), (passphrase.is_some(), true, true));
        std::fs::write(home.recovery_path(), &plain).unwrap();
    }
}

#[test]
fn the_recovery_file_goes_and_comes_back_and_no_other_does() {
    let (folder, home) = new_home();
    let committed = committed_keys(&home).unwrap();
    let away = folder.path().join("away");
    std::fs::write(&away, "mine").unwrap();
    assert!(matches!(export_recovery(&home, &away, None), Err(Error::Key(KeyFault::Exists(_)))));
    assert!(!home.recovery_is_offline());
    for secret in [None, Some(passphrase("for the stick"))] {
        std::fs::remove_file(&away).unwrap();
        export_recovery(&home, &away, secret.as_ref()).unwrap();
        assert!(home.recovery_is_offline());
        assert!(matches!(export_recovery(&home, &away, None), Err(Error::Key(KeyFault::RecoveryMissing(_)))));
        let other = Recovery::draw().unwrap().ids().unwrap();
        assert!(matches!(import_recovery(&home, &away, other), Err(Error::Key(KeyFault::NotCommitted { .. }))));
        import_recovery(&home, &away, committed).unwrap();
        assert!(matches!(import_recovery(&home, &away, committed), Err(Error::Key(KeyFault::Exists(_)))));
        assert_eq!(committed_keys(&home).unwrap(), committed);
    }
    let (read, _) = Recovery::read(&home.recovery_path(), &knowing("for the stick")).unwrap();
    assert_eq!(read.ids().unwrap(), committed);
}

#[test]
fn the_recovery_file_is_not_moved_to_where_it_is() {
    let (folder, home) = new_home();
    let here = home.recovery_path();
    let before = std::fs::read(&here).unwrap();
    let [linked, named, away] = ["linked", "named", "away"].map(|name| folder.path().join(name));
    std::os::unix::fs::symlink(&here, &linked).unwrap();
    std::fs::hard_link(&here, &named).unwrap();
    for to in [here.clone(), home.path().join("keys/../recovery.mickai"), linked, named] {
        assert!(matches!(export_recovery(&home, &to, None), Err(Error::Key(KeyFault::Exists(path))) if path == to));
        assert_eq!(std::fs::read(&here).unwrap(), before, "{}", to.display());
    }
    // The name in the home is the link.
    std::fs::rename(&here, &away).unwrap();
    std::os::unix::fs::symlink(&away, &here).unwrap();
    assert!(matches!(export_recovery(&home, &away, None), Err(Error::Key(KeyFault::Exists(_)))));
    assert_eq!(std::fs::read(&away).unwrap(), before);
}

#[test]
fn a_backup_gives_a_log_its_keys_again_and_no_other_log() {
    let (folder, home) = new_home();
    let log = writer(&home).unwrap().log_id();
    let copy = folder.path().join("backup");
    back_up(&home, log, &copy, &passphrase("for the backup")).unwrap();
    assert!(matches!(back_up(&home, log, &copy, &passphrase("for the backup")), Err(Error::Key(KeyFault::Exists(_)))));
    let restored = |home: &Path, passphrase: &'static str| restore(home, &copy, &knowing(passphrase));
    assert!(matches!(restored(home.path(), "for the backup"), Err(Error::Key(KeyFault::Exists(_)))), "nothing is overwritten");
    assert!(matches!(restored(&folder.path().join("new"), "for the backup"), Err(Error::Key(KeyFault::NoLog(_)))));
    let (_other_folder, other) = new_home();
    drop(writer(&other).unwrap());
    std::fs::remove_file(other.operator_key_path()).unwrap();
    assert!(matches!(restored(other.path(), "for the backup"), Err(Error::Key(KeyFault::OtherLog { .. }))));

    let secrets = [home.operator_key_path(), home.vault_key_path()].map(|path| std::fs::read(path).unwrap());
    for lost in [&[home.operator_key_path()][..], &[home.operator_key_path(), home.vault_key_path()]] {
        lost.iter().for_each(|path| std::fs::remove_file(path).unwrap());
        assert!(matches!(Home::open(home.path()), Err(Error::KeyMissing(_))));
        assert!(matches!(restored(home.path(), "another one"), Err(Error::Key(KeyFault::PassphraseWrong(_)))));
        assert_eq!(restored(home.path(), "for the backup").unwrap(), (log, OperatorKey::load(&home).unwrap().id()));
        assert_eq!([home.operator_key_path(), home.vault_key_path()].map(|path| std::fs::read(path).unwrap()), secrets);
        assert!(writer(&home).is_ok());
    }
}

#[test]
fn a_log_alone_becomes_a_home_again() {
    let (folder, home) = new_home();
    let log = writer(&home).unwrap().log_id();
    let backup = folder.path().join("backup");
    back_up(&home, log, &backup, &passphrase("for the backup")).unwrap();
    let (_copy, copied) = killed(&home);
    for lost in ["format", "keys/operator.p8", "keys/vault.key", "recovery.mickai"] {
        std::fs::remove_file(copied.path().join(lost)).unwrap();
    }
    restore(copied.path(), &backup, &knowing("for the backup")).unwrap();
    assert_eq!(writer(&Home::open(copied.path()).unwrap()).unwrap().log_id(), log);
}

#[test]
fn a_key_that_lies_elsewhere_leaves_its_public_half() {
    let (folder, home) = new_home();
    drop(writer(&home).unwrap());
    let public = OperatorKey::public_of(&home).unwrap();
    std::fs::write(home.operator_public_path(), public.to_pem()).unwrap();
    std::fs::rename(home.operator_key_path(), folder.path().join("elsewhere.p8")).unwrap();
    let home = Home::open(home.path()).unwrap();
    assert_eq!(OperatorKey::public_of(&home).unwrap(), public);
    assert!(matches!(writer(&home), Err(Error::Key(KeyFault::HeldElsewhere(_)))));
    assert!(matches!(protect(&home, &passphrase("eight or more")), Err(Error::Key(KeyFault::HeldElsewhere(_)))));
}

#[test]
fn passphrases_have_limits_and_are_a_first_line() {
    for (given, taken) in
        [("seven b", Err(PassphraseFault::Short)), ("eight or more\nnot this", Ok("eight or more")), ("eight or more\r\n", Ok("eight or more")), ("", Err(PassphraseFault::Short))]
    {
        assert_eq!(Passphrase::read(given.as_bytes()).unwrap().map(|read| String::from_utf8(read.bytes().to_vec()).unwrap()), taken.map(str::to_owned));
    }
    for (len, taken) in [(1_024, Ok(())), (1_025, Err(PassphraseFault::Long)), (9_999, Err(PassphraseFault::Long))] {
        assert_eq!(Passphrase::read(&vec![b'x'; len][..]).unwrap().map(drop), taken);
    }
    assert!(Passphrase::read(&[&vec![b'x'; 1_024][..], b"\r\n"].concat()[..]).unwrap().is_ok());
}

#[test]
fn a_document_reads_back_and_nothing_near_it_does() {
    let key = |byte| OperatorKey::from_seed(&Zeroizing::new([byte; 32])).unwrap().public().clone();
    let document = WellKnown {
        created_ms: 1_795_420_800_000,
        log: LogId([1; 32]),
        // The second was revoked by the record after its rotation.
        keys: vec![InForce { from: 0, key: key(1) }, InForce { from: 9, key: key(2) }, InForce { from: 9, key: key(5) }],
        revoked: vec![Revocation { revoked: key(1).id(), effective: 7, since_ms: Some(5) }],
        committed: Committed { next: key(3).id(), recovery: key(4).id() },
    };
    let text = document.to_json();
    assert_eq!(WellKnown::parse(text.as_bytes()), Some(document.clone()));
    for (from, to) in [
        ("\"version\": 1", "\"version\": 2"),
        ("AKP", "OKP"),
        ("\"from\": 0", "\"from\": 1"),
        ("\"from\": 9", "\"from\": 10"),
        ("\"created_ms\"", "\"made_ms\""),
        ("MIIH", "MIIX"),
        ("\"next\": \"", "\"next\": \"0"),
    ] {
        assert!(text.contains(from), "{from}");
        assert_eq!(WellKnown::parse(text.replacen(from, to, 1).as_bytes()), None, "{from}");
    }
    let json: Value = serde_json::from_str(&text).unwrap();
    let as_array = |object: &Value, members: &[&str]| Value::Array(members.iter().map(|member| object[member].clone()).collect());
    let jwk = ["kty", "alg", "kid", "pub"];
    let mut shapes = vec![as_array(&json, &["version", "created_ms", "log", "key", "pem", "keys", "revoked", "next", "recovery"])];
    for (place, array) in [
        ("/key", as_array(&json["key"], &jwk)),
        ("/keys/0", as_array(&json["keys"][0], &["from", "key"])),
        ("/keys/0/key", as_array(&json["keys"][0]["key"], &jwk)),
        ("/revoked/0", as_array(&json["revoked"][0], &["kid", "effective", "since_ms"])),
    ] {
        let mut changed = json.clone();
        *changed.pointer_mut(place).unwrap() = array;
        shapes.push(changed);
    }
    for shape in shapes {
        assert_eq!(WellKnown::parse(shape.to_string().as_bytes()), None, "an array of an object's values: {shape}");
    }
    let swapped = WellKnown { keys: document.keys.iter().rev().cloned().collect(), ..document };
    assert_eq!(WellKnown::parse(swapped.to_json().as_bytes()), None);
}
