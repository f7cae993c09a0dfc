//! The operator's keys as their owner handles them: behind a passphrase, in a backup, on a stick, published; and read by programs that are not ours.

use crate::common::{Machine, Run, Step, Terminal, mickai, not_checked};
use Step::{Sees, Types};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const WORDS: &str = "correct horse battery staple";

/// A machine with one generation on record, and a file `words` with the passphrase.
fn machine() -> Machine {
    let machine = Machine::new();
    machine.run(&["ask", "what models do I have"]).ok();
    secret(&machine, "words", WORDS);
    machine
}

fn secret(machine: &Machine, name: &str, text: &str) {
    std::fs::write(machine.path(name), format!("{text}\n")).unwrap();
    std::fs::set_permissions(machine.path(name), std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// Runs `mickai` with the passphrase at hand.
fn knowing(machine: &Machine, args: &[&str]) -> Run {
    Run::of(machine.command(&mickai(), args).env("MICKAI_PASSPHRASE_FILE", machine.path("words")))
}

fn record_count(machine: &Machine) -> usize {
    machine.lines(&["log", "list"]).len()
}

#[test]
fn a_protected_key_signs_for_its_passphrase_and_is_looked_at_without() {
    let machine = machine();
    let before = machine.object(&["key", "show"]);
    machine.run(&["doctor"]).ok().says(&["in the open", "not yet offline", "mickai key recovery export"]);
    machine.run(&["key", "protect"]).code(64).says(&["--new-passphrase-file", "terminal"]);
    std::fs::set_permissions(machine.path("words"), std::fs::Permissions::from_mode(0o644)).unwrap();
    machine.run(&["key", "protect", "--new-passphrase-file", "words"]).code(1).says(&["chmod 600"]);
    std::fs::set_permissions(machine.path("words"), std::fs::Permissions::from_mode(0o600)).unwrap();
    secret(&machine, "short", "seven b");
    machine.run(&["key", "protect", "--new-passphrase-file", "short"]).code(1).says(&["at least 8 bytes"]);
    let note = machine.home().join("checkpoints/newest.note");
    let older = std::fs::read(&note).unwrap();
    machine.run(&["key", "protect", "--new-passphrase-file", "words"]).ok().says(&["operator.p8", "recovery.mickai", "record 4"]);
    assert!(std::fs::read(machine.home().join("keys/operator.p8")).unwrap().starts_with(b"mickaiK1"));

    // Whatever only looks asks for nothing.
    assert_eq!(machine.object(&["key", "show"]), before);
    let looks: [(&[&str], i32); 9] = [
        (&["key", "show", "--pem"], 0),
        (&["key", "show", "--well-known"], 0),
        (&["key", "export", "www"], 0),
        (&["log", "list"], 0),
        (&["log", "show", "1", "--open"], 0),
        (&["log", "fsck"], 0),
        (&["log", "verify"], 2),
        (&["log", "verify", "--record", "0"], 0),
        (&["doctor"], 0),
    ];
    for (args, code) in looks {
        machine.run(args).code(code);
    }
    // Every orderly end leaves a checkpoint; a process that was killed leaves the one before.
    machine.run(&["log", "verify", "--record", "4"]).ok();
    let newest = std::fs::read(&note).unwrap();
    std::fs::write(&note, older).unwrap();
    machine.run(&["log", "verify", "--record", "4"]).code(1).says(&["record 4 came after the newest own checkpoint", "log checkpoint"]);
    std::fs::write(&note, newest).unwrap();
    machine.run(&["doctor"]).says(&["behind a passphrase"]);

    // What signs asks, and does nothing without an answer.
    let count = record_count(&machine);
    let export = ["log", "export", "-o", "case.oar"];
    for args in [&["ask", "what models do I have"][..], &export, &["log", "checkpoint"], &["key", "backup", "-o", "b", "--new-passphrase-file", "words"]] {
        machine.run(args).code(1).says(&["operator.p8", "--passphrase-file"]);
    }
    secret(&machine, "wrong", "incorrect horse");
    machine.run(&["--passphrase-file", "wrong", "ask", "what models do I have"]).code(1).says(&["does not open"]);
    assert_eq!(record_count(&machine), count);
    assert!(!Path::new(&machine.path("case.oar")).exists() && !Path::new(&machine.path("b")).exists());
    knowing(&machine, &["ask", "what models do I have"]).ok();
    knowing(&machine, &export).ok().says(&["not yet offline"]);
    std::fs::write(machine.path("operator.pub"), machine.run(&["key", "show", "--pem"]).ok().out).unwrap();
    machine.oar(&["verify", "case.oar", "--key", "operator.pub"]).code(2);
    machine.run(&["log", "verify", "--record", "4"]).ok();

    knowing(&machine, &["key", "protect", "--remove"]).ok().says(&["in the open now"]);
    machine.run(&["ask", "what models do I have"]).ok();
    let actions: Vec<Value> = machine.lines(&["log", "list", "--kind", "intent"]).iter().map(|record| record["action"].clone()).collect();
    assert_eq!(actions, ["generate", "key.protect", "generate", "log.export", "key.unprotect", "generate"]);
}

#[test]
fn a_passphrase_comes_from_a_descriptor_and_from_nobody_else() {
    let machine = machine();
    machine.run(&["key", "protect", "--new-passphrase-file", "words"]).ok();
    let script = "exec \"$0\" --passphrase-file /dev/fd/3 log checkpoint 3< words";
    Run::of(&mut machine.command(Path::new("sh"), &["-c", script, mickai().to_str().unwrap()])).ok().says(&["mickai.log/"]);
    for args in [&["--passphrase", WORDS, "log", "checkpoint"][..], &["key", "protect", "--passphrase", WORDS]] {
        machine.run(args).code(64);
    }
}

#[test]
fn a_terminal_is_asked_and_shows_nothing() {
    let machine = machine();
    let terminal = Terminal { machine: &machine, env: &[] };
    let typed = [Sees("new passphrase for the key: "), Types("typed by hand\r"), Sees("the same again: "), Types("typed by hand\r"), Sees("record 4")];
    let Some(said) = terminal.run(&mickai(), &["key", "protect"], &typed) else { return };
    let said = said.ok();
    assert!(!said.out.contains("typed by hand"), "{}", said.out);
    let twice = [Sees("new passphrase for the backup: "), Types("one of them\r"), Sees("the same again: "), Types("another of them\r")];
    terminal.run(&mickai(), &["key", "backup", "-o", "b"], &twice).unwrap().code(1).says(&["differ"]);
    let once = [Sees("passphrase of .*operator.p8: "), Types("typed by hand\r"), Sees("mickai.log/")];
    assert!(!terminal.run(&mickai(), &["log", "checkpoint"], &once).unwrap().ok().out.contains("typed by hand"));
}

#[test]
fn a_backup_brings_a_lost_key_back() {
    let machine = machine();
    machine.run(&["key", "backup", "-o", "keys.backup", "--new-passphrase-file", "words"]).ok().says(&["keys.backup", "recovery file elsewhere"]);
    let mode = std::fs::metadata(machine.path("keys.backup")).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    machine.run(&["key", "backup", "-o", "keys.backup", "--new-passphrase-file", "words"]).code(1).says(&["exists"]);
    knowing(&machine, &["key", "restore", "keys.backup"]).code(1).says(&["operator.p8 exists"]);
    for lost in ["keys/operator.p8", "keys/vault.key"] {
        std::fs::remove_file(machine.home().join(lost)).unwrap();
    }
    machine.run(&["log", "list"]).code(1).says(&["operator.p8 is missing"]);
    machine.run(&["key", "restore", "keys.backup"]).code(1).says(&["--passphrase-file"]);
    machine.run(&["key", "restore", "words"]).code(1).says(&["not a key"]);
    knowing(&machine, &["--home", "elsewhere", "key", "restore", "keys.backup"]).code(1).says(&["which is not here", "log folder"]);
    knowing(&machine, &["key", "restore", "keys.backup"]).ok().says(&["restored key"]);
    machine.run(&["ask", "what models do I have"]).ok();
    assert_eq!(machine.object(&["log", "show", "1", "--open"])["opened"]["prompt"], "user: what models do I have", "the vault opens");
    machine.assert_log_valid();
    let other = Machine::new();
    other.run(&["ask", "what models do I have"]).ok();
    std::fs::remove_file(other.home().join("keys/operator.p8")).unwrap();
    knowing(&machine, &["--home", other.home().to_str().unwrap(), "key", "restore", "keys.backup"]).code(1).says(&["this home has log"]);
}

#[test]
fn the_recovery_file_leaves_and_comes_back() {
    let machine = machine();
    let before = std::fs::read(machine.home().join("recovery.mickai")).unwrap();
    machine.run(&["key", "recovery", "export", "no/such/folder/r"]).code(1).says(&["no/such/folder"]);
    std::fs::write(machine.path("mine"), "mine").unwrap();
    machine.run(&["key", "recovery", "export", "mine"]).code(1).says(&["mine exists"]);
    assert!(machine.home().join("recovery.mickai").exists(), "nothing is removed before the copy is whole");
    machine.run(&["key", "recovery", "export", "stick"]).ok().says(&["moved to", "disk of the home"]);
    assert_eq!(std::fs::read(machine.path("stick")).unwrap(), before);
    assert!(!machine.home().join("recovery.mickai").exists());
    machine.run(&["doctor"]).ok().says(&["recovery key    offline"]);
    let exported = machine.run(&["log", "export", "-o", "case.oar"]).ok();
    assert!(!exported.err.contains("offline"), "{}", exported.err);
    machine.run(&["key", "recovery", "export", "stick"]).code(1).says(&["recovery.mickai is not here"]);
    let other = Machine::new();
    other.run(&["ask", "what models do I have"]).ok();
    other.run(&["key", "recovery", "export", "stick"]).ok();
    machine.run(&["key", "recovery", "import", &other.path("stick")]).code(1).says(&["the log has committed to"]);
    machine.run(&["key", "recovery", "import", "stick"]).ok();
    assert_eq!(std::fs::read(machine.home().join("recovery.mickai")).unwrap(), before);
    let moved = machine.object(&["key", "recovery", "export", "sealed", "--new-passphrase-file", "words"]);
    assert_eq!(moved["protected"], true);
    assert!(std::fs::read(machine.path("sealed")).unwrap().starts_with(b"mickaiK1"));
    machine.run(&["key", "recovery", "import", "sealed"]).ok();
    machine.assert_log_valid();
}

#[test]
fn what_is_published_says_what_the_log_says() {
    let machine = machine();
    machine.run(&["key", "export", "www"]).ok().says(&["www/.well-known/mickai-operator-key.json"]);
    let path = machine.folder().join("www/.well-known/mickai-operator-key.json");
    let document: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let genesis = machine.object(&["log", "show", "0"]);
    assert_eq!(document["log"], machine.object(&["log", "show", "1"])["log"]);
    assert_eq!((&document["next"], &document["recovery"]), (&genesis["facts"]["next"], &genesis["facts"]["recovery"]));
    assert_eq!(document["key"], machine.object(&["key", "show"]));
    assert_eq!(document["pem"].as_str().unwrap(), machine.run(&["key", "show", "--pem"]).ok().out);
    assert_eq!((document["keys"].as_array().unwrap().len(), &document["keys"][0]["key"]), (1, &document["key"]));
    assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o044, 0o044, "a web server must be able to read it");
    machine.run(&["key", "export", "www"]).ok();
    machine.run(&["key", "show", "--well-known", "--pem"]).code(64);
}

/// Files as the binary wrote them, read by libraries that Mickai does not use.
#[test]
fn other_programs_read_the_files_and_verify_the_signatures() {
    let Some(python) = reference_python() else {
        not_checked("key files and signatures by other libraries: target/reference has no Python with them, run `cargo xtask setup`");
        return;
    };
    let machine = machine();
    for (name, args) in [("operator.pub", ["key", "show", "--pem"]), ("operator.jwk", ["key", "show", "--jwk"]), ("well-known.json", ["key", "show", "--well-known"])] {
        std::fs::write(machine.path(name), machine.run(&args).ok().out).unwrap();
    }
    std::fs::copy(machine.home().join("keys/operator.p8"), machine.path("operator.p8")).unwrap();
    std::fs::copy(machine.home().join("recovery.mickai"), machine.path("recovery.mickai")).unwrap();
    machine.run(&["key", "backup", "-o", "backup", "--new-passphrase-file", "words"]).ok();
    machine.run(&["key", "protect", "--new-passphrase-file", "words"]).ok();
    std::fs::copy(machine.home().join("keys/operator.p8"), machine.path("protected.p8")).unwrap();
    std::fs::copy(machine.home().join("recovery.mickai"), machine.path("protected.mickai")).unwrap();
    std::fs::copy(machine.home().join("keys/vault.key"), machine.path("vault.key")).unwrap();
    knowing(&machine, &["log", "export", "-o", "case.oar"]).ok();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec/vectors/keys/interop.py");
    let run = Run::of(Command::new(python).arg("-B").arg(script).arg(machine.folder())).ok();
    run.says(&[
        "operator.p8 by cryptography",
        "protected.p8 by argon2-cffi and pynacl",
        "record signatures by cryptography",
        "checkpoint signatures by cryptography",
        "JWK by jwcrypto",
        " 0 failed",
    ]);
}

fn reference_python() -> Option<PathBuf> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/reference/bin/python");
    python.exists().then_some(python)
}
