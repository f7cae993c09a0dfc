//! The signer as a process of its own: the application signs through it, has no seed, and does nothing when it is gone.

use crate::common::{Machine, Run, Running, eventually, mickai, not_checked, program_answers};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

const ASK: [&str; 2] = ["ask", "what models do I have"];

/// A machine whose key is behind a passphrase that only a signer is given.
fn machine() -> Machine {
    let machine = Machine::new();
    machine.run(&ASK).ok();
    std::fs::write(machine.path("words"), "correct horse battery staple\n").unwrap();
    std::fs::set_permissions(machine.path("words"), std::fs::Permissions::from_mode(0o600)).unwrap();
    machine.run(&["key", "protect", "--new-passphrase-file", "words"]).ok();
    machine
}

fn socket(machine: &Machine) -> PathBuf {
    machine.folder().join("run/signer.sock")
}

/// Starts the signer of a machine's home and waits until it answers.
fn signing(machine: &Machine, more: &[&str]) -> Running {
    let socket = socket(machine);
    let args = [&["--passphrase-file", "words", "signer", "--socket", socket.to_str().unwrap()], more].concat();
    let mut signer = machine.start(&args);
    eventually("the signer's socket", || {
        assert!(signer.is_running(), "the signer ended");
        UnixStream::connect(&socket).ok()
    });
    signer
}

/// Runs `mickai` with the signer.
fn signed(machine: &Machine, args: &[&str]) -> Run {
    Run::of(machine.command(&mickai(), args).env("MICKAI_SIGNER", socket(machine)))
}

#[test]
fn the_application_signs_without_the_seed_and_stops_without_the_signer() {
    let machine = machine();
    machine.run(&ASK).code(1).says(&["--passphrase-file"]);
    let signer = signing(&machine, &[]);
    signed(&machine, &ASK).ok();
    signed(&machine, &["log", "export", "-o", "case.oar"]).ok();
    signed(&machine, &["log", "checkpoint", "-o", "pin.txt"]).ok();
    signed(&machine, &["doctor"]).ok().says(&["held by the signer"]);
    signed(&machine, &["log", "verify"]).code(2);
    std::fs::write(machine.path("operator.pub"), machine.run(&["key", "show", "--pem"]).ok().out).unwrap();
    machine.oar(&["verify", "case.oar", "--key", "operator.pub"]).code(2).says(&["completeness-unwitnessed"]);

    signer.signal("KILL");
    assert_ne!(signer.end().exit(), Some(0));
    let count = machine.lines(&["log", "list"]).len();
    signed(&machine, &ASK).code(1).says(&["signer.sock", "nothing is signed", "mickai signer --socket"]);
    signed(&machine, &["doctor"]).code(1).says(&["bad"]);
    assert_eq!(machine.lines(&["log", "list"]).len(), count, "no act without a signed intent");
    let _signer = signing(&machine, &[]);
    signed(&machine, &ASK).ok();
    signed(&machine, &["log", "fsck"]).ok().says(&["clean"]);
    machine.assert_log_valid();
}

#[test]
fn a_rolled_back_log_is_not_signed_again() {
    let machine = machine();
    let _signer = signing(&machine, &[]);
    let old = machine.folder().join("old");
    assert!(program_answers("cp", &["-a", machine.home().to_str().unwrap(), old.to_str().unwrap()]));
    signed(&machine, &ASK).ok();
    signed(&machine, &["log", "checkpoint", "-o", "pin.txt"]).ok();
    // The whole home as it was: the writer itself has nothing left to notice it by.
    let rolled_back = ["--home", old.to_str().unwrap(), ASK[0], ASK[1]];
    signed(&machine, &rolled_back).code(1).says(&["refused", "rolled back or is another copy"]);
    signed(&machine, &ASK).ok();
}

#[test]
fn a_new_home_may_have_its_key_elsewhere_from_the_first_day() {
    let machine = Machine::new();
    let keys = Machine::new();
    keys.run(&ASK).ok();
    std::fs::rename(keys.home().join("keys/operator.p8"), machine.path("elsewhere.p8")).unwrap();
    std::fs::write(machine.path("words"), "").unwrap();
    std::fs::set_permissions(machine.path("words"), std::fs::Permissions::from_mode(0o600)).unwrap();
    let _signer = signing(&machine, &["--key", "elsewhere.p8"]);
    signed(&machine, &ASK).ok();
    assert!(!machine.home().join("keys/operator.p8").exists() && machine.home().join("keys/operator.pub").exists());
    machine.run(&ASK).code(1).says(&["a signer holds the key"]);
    machine.assert_log_valid();
}

#[test]
fn one_signer_a_key_and_another_keys_signer_is_not_asked() {
    let machine = machine();
    let _signer = signing(&machine, &[]);
    let second = socket(&machine).with_file_name("second.sock");
    machine.run(&["--passphrase-file", "words", "signer", "--socket", second.to_str().unwrap()]).code(1).says(&["another signer"]);
    machine.run(&["--passphrase-file", "words", "signer", "--socket", "/tmp/mickai-signer.sock"]).code(1);
    machine.run(&["signer"]).code(64);
    let other = Machine::new();
    other.run(&ASK).ok();
    Run::of(other.command(&mickai(), &ASK).env("MICKAI_SIGNER", socket(&machine))).code(1).says(&["it holds key", "this home's is"]);
}

#[test]
fn its_memory_is_its_own() {
    let machine = machine();
    let signer = signing(&machine, &[]);
    let status = std::fs::read_to_string(format!("/proc/{}/limits", signer.id())).unwrap();
    let core = status.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
    // The kernel gives the files of a process that may not be dumped to root.
    if program_answers("sh", &["-c", "test \"$(id -u)\" = 0"]) {
        not_checked("that nobody of the same user reads the signer's memory: root reads every process");
        return;
    }
    assert!(std::fs::read(format!("/proc/{}/mem", signer.id())).is_err());
}

/// Only root can start a process of another user, and only root gets past the socket's own permissions.
#[test]
fn another_user_is_turned_away() {
    let nobody = ["--reuid", "65534", "--regid", "65534", "--clear-groups", "--"];
    if !program_answers("setpriv", &[&nobody[..], &["true"]].concat()) {
        not_checked("a signer and an application of two users: this process may not start one of another user");
        return;
    }
    let machine = Machine::new();
    machine.run(&ASK).ok();
    let theirs = machine.folder().join("theirs");
    std::fs::create_dir(&theirs).unwrap();
    std::fs::copy(machine.home().join("keys/operator.p8"), theirs.join("operator.p8")).unwrap();
    let open = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    open(machine.folder(), 0o755);
    assert!(program_answers("chown", &["-R", "65534:65534", theirs.to_str().unwrap()]));
    open(&theirs, 0o700);
    let (program, socket) = (mickai(), theirs.join("signer.sock"));
    let run = ["signer", "--socket", "theirs/signer.sock", "--key", "theirs/operator.p8"];
    let args = [&nobody[..], &[program.to_str().unwrap()], &run].concat();
    let mut signer = Running::start(&mut machine.command(Path::new("setpriv"), &args));
    let reached = eventually("the other user's signer", || {
        if !signer.is_running() {
            return Some(false);
        }
        UnixStream::connect(&socket).ok().map(|_| true)
    });
    if !reached {
        not_checked("a signer and an application of two users: the other user cannot run the binary from where it was built");
        return;
    }
    // The application looks whose the socket is.
    Run::of(machine.command(&mickai(), &ASK).env("MICKAI_SIGNER", &socket)).code(1).says(&["belongs to user 65534"]);
    // The signer looks whose the connection is: whatever is asked, it hangs up.
    let mut stream = UnixStream::connect(&socket).unwrap();
    let _ = std::io::Write::write_all(&mut stream, &[0, 3, 0x82, 1, 0]);
    let mut said = Vec::new();
    let _ = std::io::Read::read_to_end(&mut stream, &mut said);
    assert!(said.is_empty(), "{said:?}");
    signer.signal("KILL");
    signer.end().says(&["closed a connection of user 0"]);
}
