//! Keys that are gone: what every verb says then, who takes the log over, what a stranger makes of it, and what is lost for good.

use crate::common::{Machine, Run, mickai, program_answers, typescript_verifier};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

const ASK: [&str; 2] = ["ask", "what models do I have"];
const TAKE_OVER: [&str; 6] = ["key", "revoke", "--by", "recovery", "--recovery", "stick"];

/// A machine with one answer on record, its recovery file on a stick, and a pin and a bundle from before.
fn machine() -> Machine {
    let machine = Machine::new();
    machine.run(&ASK).ok();
    keep(&machine, "first.pub");
    machine.run(&["key", "recovery", "export", "stick"]).ok();
    machine.run(&["log", "checkpoint", "-o", "before.pin"]).ok();
    machine.run(&["log", "export", "-o", "before.oar"]).ok();
    machine
}

fn keep(machine: &Machine, name: &str) {
    std::fs::write(machine.path(name), machine.run(&["key", "show", "--pem"]).ok().out).unwrap();
}

fn document(machine: &Machine) -> Value {
    serde_json::from_str(&machine.run(&["key", "show", "--well-known"]).ok().out).unwrap()
}

fn lose(machine: &Machine, key: &str) {
    std::fs::remove_file(machine.home().join("keys").join(key)).unwrap();
}

fn words(machine: &Machine) {
    std::fs::write(machine.path("words"), "correct horse battery staple\n").unwrap();
    std::fs::set_permissions(machine.path("words"), std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// The verdict of both verifiers, which must be the same.
fn judged(machine: &Machine, args: &[&str], code: i32) -> Value {
    let args = [&["verify", "--json"], args].concat();
    let ours = machine.oar(&args).code(code);
    if let Some(verifier) = typescript_verifier("on a log that was taken over") {
        let theirs = Run::of(&mut machine.command(Path::new("node"), &[&[verifier.to_str().unwrap()], args.as_slice()].concat())).code(code);
        assert_eq!(ours.lines(), theirs.lines(), "{args:?}");
    }
    ours.lines().remove(0)
}

#[test]
fn a_log_whose_key_is_lost_goes_on_under_the_recovery_key() {
    let machine = machine();
    let before = document(&machine);
    let count = machine.lines(&["log", "list"]).len();
    lose(&machine, "operator.p8");
    let verbs: [&[&str]; 9] = [
        &ASK,
        &["log", "list"],
        &["log", "verify"],
        &["log", "fsck"],
        &["log", "export", "-o", "no.oar"],
        &["log", "checkpoint"],
        &["key", "show"],
        &["key", "rotate", "--recovery", "stick"],
        &["doctor"],
    ];
    for verb in verbs {
        machine.run(verb).code(1).says(&["operator.p8 is missing", "mickai key restore FILE", "mickai key revoke --by recovery"]);
    }
    machine.run(&TAKE_OVER[..4]).code(1).says(&["recovery.mickai is not here"]);
    machine.run(&[&TAKE_OVER[..], &["--effective", "99"]].concat()).code(1).says(&["lies ahead"]);
    machine.run(&["key", "revoke", "ffff"]).code(1).says(&["no one key begins"]);
    std::fs::write(machine.path("taken"), "").unwrap();
    machine.run(&[&TAKE_OVER[..], &["--statement", "taken"]].concat()).code(1).says(&["taken exists"]);
    machine.run(&ASK).code(1).says(&["operator.p8 is missing"]);

    let said = machine.run(&[&TAKE_OVER[..], &["--statement", "lost.revocation", "--json"]].concat()).ok().says(&["lies in the open", "key protect"]);
    let taken = &said.lines()[0];
    assert_eq!((&taken["key"], &taken["revoked"], &taken["effective"]), (&before["recovery"], &before["key"]["kid"], &json!(count)));
    assert_eq!((&taken["record"]["index"], &taken["since_ms"]), (&json!(count), &Value::Null));
    machine.run(&ASK).ok();
    keep(&machine, "second.pub");
    let after = document(&machine);
    assert_eq!((&after["key"]["kid"], &after["keys"][1]["from"]), (&before["recovery"], &json!(count)));
    assert!(after["next"] != before["next"] && after["recovery"] != before["recovery"]);
    assert_eq!(machine.object(&["log", "show", "1", "--open"])["opened"]["prompt"], "user: what models do I have", "the vault opens");

    // What the lost key signed before is as good as ever, under its own public key too.
    machine.run(&["log", "checkpoint", "-o", "after.pin"]).ok();
    machine.run(&["log", "export", "-o", "after.oar"]).ok();
    for key in ["first.pub", "second.pub"] {
        judged(&machine, &["after.oar", "--key", key, "--checkpoint", "after.pin"], 0);
        assert_eq!(judged(&machine, &["after.oar", "--key", key, "--checkpoint", "before.pin"], 2)["reason"], "after-reference");
    }
    judged(&machine, &["before.oar", "--key", "first.pub", "--checkpoint", "before.pin", "--revocation", "lost.revocation"], 0);
    machine.run(&["log", "verify", "--checkpoint", "after.pin"]).code(2);
    machine.run(&["log", "fsck"]).ok().says(&["clean"]);
    machine.run(&["doctor"]).ok();
    // The stick was rewritten, and goes on.
    machine.run(&["key", "rotate", "--recovery", "stick"]).ok();
    machine.assert_log_valid();
}

#[test]
fn lost_into_other_hands_is_revoked_from_where_it_is_said() {
    let machine = machine();
    lose(&machine, "operator.p8");
    machine.run(&[&TAKE_OVER[..], &["--effective", "2", "--statement", "stolen.revocation"]].concat()).ok().says(&["worth nothing from record 2 on"]);
    machine.run(&ASK).ok();
    machine.run(&["log", "checkpoint", "-o", "after.pin"]).ok();
    machine.run(&["log", "export", "-o", "after.oar"]).ok();
    let verdict = judged(&machine, &["after.oar", "--key", "first.pub", "--checkpoint", "after.pin"], 3);
    let last = machine.lines(&["log", "list", "--kind", "revoke"])[0]["index"].as_u64().unwrap() - 1;
    assert_eq!((&verdict["verdict"], &verdict["scope"]["revoked"]), (&json!("REVOKED"), &json!([[2, last]])));
    judged(&machine, &["before.oar", "--key", "first.pub", "--checkpoint", "before.pin", "--revocation", "stolen.revocation"], 3);
}

#[test]
fn a_vault_key_is_restored_or_given_up_and_never_made_anew_by_itself() {
    let machine = machine();
    words(&machine);
    machine.run(&["key", "backup", "-o", "keys.backup", "--new-passphrase-file", "words"]).ok();
    lose(&machine, "vault.key");
    machine.run(&ASK).code(1).says(&["vault.key is missing", "can never be read again", "mickai key restore --vault-lost"]);
    machine.run(&["--passphrase-file", "words", "key", "restore", "keys.backup"]).ok();
    assert_eq!(machine.object(&["log", "show", "1", "--open"])["opened"]["prompt"], "user: what models do I have");
    machine.run(&["key", "restore", "--vault-lost"]).code(1).says(&["vault.key exists"]);
    machine.run(&["key", "restore"]).code(64);

    for key in ["vault.key", "operator.p8"] {
        lose(&machine, key);
    }
    machine.run(&TAKE_OVER).code(1).says(&["vault.key is missing", "mickai key restore --vault-lost"]);
    machine.run(&["key", "restore", "--vault-lost"]).ok().says(&["vault.lost.1", "cannot be read"]);
    machine.run(&TAKE_OVER).ok();
    machine.run(&ASK).ok();
    assert!(machine.home().join("vault.lost.1").is_dir());
    assert_eq!(machine.object(&["log", "show", "1", "--open"])["opened"], json!({}), "its values are lost");
    machine.run(&["replay", "1"]).code(1).says(&["is not here"]);
    machine.run(&["log", "fsck"]).ok().says(&["clean"]);
    machine.assert_log_valid();
}

#[test]
fn a_key_that_was_lost_with_its_signer_is_lost_like_any_other() {
    let machine = machine();
    std::fs::rename(machine.path("first.pub"), machine.home().join("keys/operator.pub")).unwrap();
    lose(&machine, "operator.p8");
    machine.run(&ASK).code(1).says(&["a signer holds the key", "mickai key revoke --by recovery"]);
    let through = Run::of(machine.command(&mickai(), &TAKE_OVER).env("MICKAI_SIGNER", machine.path("none")));
    assert_eq!(through.exit(), Some(1));
    machine.run(&TAKE_OVER).ok();
    assert!(!machine.home().join("keys/operator.pub").exists());
    machine.run(&ASK).ok();
    machine.run(&["log", "fsck"]).ok().says(&["clean"]);
    machine.assert_log_valid();
}

/// Kills over the time that a takeover takes: whoever comes next finds the log as it was, or taken over, and a takeover can always be had.
#[test]
fn a_takeover_killed_anywhere_is_done_or_can_be_begun_again() {
    let machine = machine();
    lose(&machine, "operator.p8");
    let (kept, stick) = (machine.path("kept"), std::fs::read(machine.path("stick")).unwrap());
    let copy = |from: &str, to: &str| assert!(program_answers("cp", &["-a", from, to]));
    let home = machine.home().to_str().unwrap().to_owned();
    copy(&home, &kept);
    let begun = Instant::now();
    machine.run(&TAKE_OVER).ok();
    let whole = begun.elapsed();
    for tenth in 0..10 {
        std::fs::remove_dir_all(&home).unwrap();
        copy(&kept, &home);
        std::fs::write(machine.path("stick"), &stick).unwrap();
        machine.start(&TAKE_OVER).kill_after(whole.mul_f64(f64::from(tenth) / 10.0).max(Duration::from_millis(1)));
        if machine.run(&["log", "checkpoint"]).exit() != Some(0) {
            machine.run(&TAKE_OVER).ok();
        }
        let document = document(&machine);
        assert_eq!((document["keys"].as_array().unwrap().len(), document["revoked"].as_array().unwrap().len()), (2, 1));
        machine.run(&["key", "rotate", "--recovery", "stick"]).ok();
        machine.run(&["log", "fsck"]).ok().says(&["clean"]);
    }
    machine.assert_log_valid();
}
