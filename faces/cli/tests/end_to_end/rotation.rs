//! One key follows another, as the operator does it and as a stranger judges it.

use crate::common::{Machine, Run, mickai};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

const ASK: [&str; 2] = ["ask", "what models do I have"];

fn machine() -> Machine {
    let machine = Machine::new();
    machine.run(&ASK).ok();
    keep(&machine, "first.pub");
    machine
}

/// What a verifier keeps of the key in force now.
fn keep(machine: &Machine, name: &str) {
    std::fs::write(machine.path(name), machine.run(&["key", "show", "--pem"]).ok().out).unwrap();
}

fn document(machine: &Machine) -> Value {
    serde_json::from_str(&machine.run(&["key", "show", "--well-known"]).ok().out).unwrap()
}

#[test]
fn a_rotated_log_verifies_under_any_of_its_keys() {
    let machine = machine();
    machine.run(&["log", "checkpoint", "-o", "before.pin"]).ok();
    let before = document(&machine);
    let rotated = machine.object(&["key", "rotate"]);
    assert_eq!((&rotated["key"], &rotated["record"]["index"]), (&before["next"], &Value::from(3)));
    machine.run(&ASK).ok();
    keep(&machine, "second.pub");
    let after = document(&machine);
    assert_eq!((&after["key"]["kid"], &after["recovery"]), (&before["next"], &before["recovery"]));
    assert_ne!(after["next"], before["next"]);
    let from: Vec<&Value> = after["keys"].as_array().unwrap().iter().map(|known| &known["from"]).collect();
    assert_eq!(from, [0, 4]);
    assert_eq!(machine.object(&["log", "show", "3"])["kind"], "rotate");

    machine.run(&["log", "checkpoint", "-o", "after.pin"]).ok();
    machine.run(&["log", "export", "-o", "case.oar"]).ok();
    for key in ["first.pub", "second.pub"] {
        machine.oar(&["verify", "case.oar", "--key", key, "--checkpoint", "after.pin"]).ok().says(&["VERIFIED"]);
        machine.oar(&["verify", "case.oar", "--key", key, "--checkpoint", "before.pin"]).code(2).says(&["after-reference"]);
    }
    // A part that holds none of the key events carries them with their paths.
    machine.run(&["log", "export", "-o", "part.oar", "--record", "5"]).ok();
    for key in ["first.pub", "second.pub"] {
        machine.oar(&["verify", "part.oar", "--key", key, "--require", "integrity,authenticity,inclusion"]).ok().says(&["VERIFIED"]);
    }
    machine.run(&["doctor"]).ok();
    machine.run(&["log", "fsck"]).ok().says(&["clean"]);
    machine.run(&["log", "verify", "--record", "1"]).ok();
    machine.assert_log_valid();
}

#[test]
fn a_key_in_other_hands_is_revoked_by_the_one_that_was_kept_elsewhere() {
    let machine = machine();
    let before = document(&machine);
    machine.run(&["log", "export", "-o", "before.oar"]).ok();
    machine.run(&["key", "recovery", "export", "stick"]).ok();
    machine.run(&["key", "revoke", "--by", "recovery"]).code(1).says(&["recovery.mickai is not here"]);
    machine.run(&["key", "revoke", "--by", "recovery", "--recovery", "stick", "--effective", "99"]).code(1).says(&["lies ahead"]);
    let revoked = machine.object(&["key", "revoke", "--by", "recovery", "--recovery", "stick", "--effective", "3", "--since", "yesterday", "--statement", "first.revocation"]);
    assert_eq!((&revoked["key"], &revoked["revoked"], &revoked["effective"]), (&before["recovery"], &before["key"]["kid"], &Value::from(3)));
    machine.run(&ASK).ok();
    keep(&machine, "second.pub");
    let after = document(&machine);
    assert_eq!((&after["revoked"][0]["kid"], &after["revoked"][0]["effective"]), (&before["key"]["kid"], &Value::from(3)));
    assert!(after["next"] != before["next"] && after["recovery"] != before["recovery"]);
    machine.run(&["log", "checkpoint", "-o", "pin"]).ok();
    machine.run(&["log", "export", "-o", "after.oar"]).ok();
    for key in ["first.pub", "second.pub"] {
        machine.oar(&["verify", "after.oar", "--key", key, "--checkpoint", "pin"]).code(3).says(&["REVOKED"]);
    }
    machine.run(&["log", "verify"]).code(3).says(&["REVOKED"]);
    // Whoever has only the older bundle learns it from the statement.
    machine.oar(&["verify", "before.oar", "--key", "first.pub"]).code(2);
    let bytes = std::fs::read(machine.path("first.revocation")).unwrap();
    let statement = mickai_proof::history::Statement::read(&bytes).unwrap();
    assert_eq!((statement.revocation.effective, statement.log.to_string()), (3, after["log"].as_str().unwrap().to_owned()));
    machine.oar(&["verify", "before.oar", "--key", "first.pub", "--revocation", "first.revocation"]).code(3).says(&["REVOKED"]);

    // The stick was rewritten, and what the log says already is only written down again.
    machine.run(&["key", "rotate", "--recovery", "stick"]).ok();
    let first = revoked["revoked"].as_str().unwrap();
    machine.run(&["key", "revoke", &first[..8], "--statement", "again.revocation"]).ok().says(&["the log says so already"]);
    machine.run(&["key", "revoke", &first[..8], "--statement", "again.revocation"]).code(1).says(&["exists"]);
    machine.run(&["key", "revoke", "ffff"]).code(1).says(&["no one key begins"]);
    machine.run(&["log", "fsck"]).ok().says(&["clean"]);
}

#[test]
fn a_rotation_keeps_the_passphrases() {
    let machine = machine();
    for (name, words) in [("words", "correct horse battery staple"), ("stick.words", "another horse and battery")] {
        std::fs::write(machine.path(name), words).unwrap();
        std::fs::set_permissions(machine.path(name), std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    machine.run(&["key", "recovery", "export", "stick", "--new-passphrase-file", "stick.words"]).ok();
    machine.run(&["key", "protect", "--new-passphrase-file", "words"]).ok();
    let rotate = ["key", "rotate", "--recovery", "stick", "--recovery-passphrase-file", "stick.words"];
    let knowing = |args: &[&str]| Run::of(machine.command(&mickai(), args).env("MICKAI_PASSPHRASE_FILE", machine.path("words")));
    machine.run(&rotate).code(1).says(&["operator.p8", "--passphrase-file"]);
    knowing(&rotate[..4]).code(1).says(&["does not open"]);
    knowing(&rotate).ok();
    knowing(&rotate).ok();
    machine.run(&ASK).code(1);
    knowing(&ASK).ok();
    for protected in [machine.home().join("keys/operator.p8"), machine.folder().join("stick")] {
        assert!(std::fs::read(protected).unwrap().starts_with(b"mickaiK1"));
    }
    let mut signer = machine.command(&mickai(), &rotate);
    Run::of(signer.env("MICKAI_SIGNER", machine.path("none"))).code(1);
    machine.assert_log_valid();
}

/// Ten kills over the time that a rotation takes: the next start has one key, the log's, and the recovery file that goes with it.
#[test]
fn a_rotation_killed_anywhere_is_done_or_not_begun() {
    let machine = machine();
    let begun = Instant::now();
    machine.run(&["key", "rotate"]).ok();
    let whole = begun.elapsed();
    let mut rotations = 1;
    for tenth in 0..10 {
        machine.start(&["key", "rotate"]).kill_after(whole.mul_f64(f64::from(tenth) / 10.0).max(Duration::from_millis(1)));
        // Any writer settles it.
        machine.run(&["log", "checkpoint"]).ok();
        let keys = document(&machine)["keys"].as_array().unwrap().len();
        assert!(keys == rotations + 1 || keys == rotations + 2, "{keys} keys after {rotations} rotations");
        rotations = keys - 1;
        assert!(!machine.home().join("keys/operator.p8.next").exists() && !machine.home().join("recovery.mickai.next").exists());
        machine.run(&["doctor"]).ok();
    }
    machine.run(&["key", "rotate"]).ok();
    machine.run(&["log", "fsck"]).ok().says(&["clean"]);
    machine.assert_log_valid();
}
