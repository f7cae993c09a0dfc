//! `mickai settle`, in the home and against a node's RPC: what is settled, what a stranger makes of it in both verifiers, and a fork on its way from the ledger to a file.

mod devnet;
mod own;
mod stub;

use crate::common::{Machine, Run, typescript_verifier};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use stub::Stub;

/// A machine whose operator chose the stub's chain and has something there.
fn funded(stub: &Stub) -> Machine {
    let machine = Machine::new();
    machine.run(&["log", "checkpoint"]).ok();
    machine.run(&["settle", "--node", &stub.url(), "--chain", &stub.chain()]).ok().says(&["settles on chain ", "when it is told to"]);
    let refused = machine.run(&["settle"]).code(1).says(&["has nothing on this chain", "transfer PAN"]);
    let status = machine.object(&["settle", "status"]);
    let address = status["account"]["address"].as_str().unwrap();
    assert!(refused.err.contains(address), "{status}");
    stub.give(address);
    let pem = machine.run(&["key", "show", "--pem"]).ok().out;
    std::fs::write(machine.path("operator.pub"), pem).unwrap();
    machine
}

/// What both verifiers say; they agree to the byte.
fn verdict(machine: &Machine, args: &[&str]) -> Value {
    let args = [&["verify"], args, &["--json"]].concat();
    let ours = machine.oar(&args);
    if let Some(verifier) = typescript_verifier("on what was settled") {
        let theirs = Run::of(&mut machine.command(Path::new("node"), &[&[verifier.to_str().unwrap()], args.as_slice()].concat()));
        assert_eq!((ours.exit(), &ours.out), (theirs.exit(), &theirs.out), "{args:?}\n{}", theirs.err);
    }
    ours.lines().remove(0)
}

#[test]
fn a_log_is_settled_and_whoever_pins_the_chain_needs_nothing_else() {
    let stub = Stub::new(&[1, 2, 3, 4]);
    let machine = funded(&stub);
    let settled = machine.object(&["settle"]);
    assert_eq!((&settled["size"], &settled["seats"], &settled["counts"]), (&json!(5), &json!(4), &json!(true)), "{settled}");
    machine.run(&["log", "export", "--settled", "-o", "settled.oar"]).ok();
    machine.run(&["log", "export", "-o", "whole.oar"]).ok();
    let chain = stub.chain();
    let said = verdict(&machine, &["settled.oar", "--key", "operator.pub", "--chain", &chain]);
    assert_eq!((&said["verdict"], &said["axes"]["completeness"]["state"]), (&json!("VERIFIED"), &json!("pass")), "{said}");
    assert_eq!(said["scope"]["settlements"][0]["standing"], "counted");
    assert_eq!(verdict(&machine, &["settled.oar", "--key", "operator.pub"])["reason"], "completeness-unwitnessed");
    assert_eq!(verdict(&machine, &["whole.oar", "--key", "operator.pub", "--chain", &chain])["reason"], "after-reference");
    assert_eq!(verdict(&machine, &["whole.oar", "--key", "operator.pub", "--chain", &chain, "--upto", "5"])["verdict"], "VERIFIED");
    // What is settled cannot be cut short any more.
    machine.oar(&["prove", "settled.oar", "--range", "0-3", "-o", "part.oar"]).ok();
    assert_eq!(verdict(&machine, &["part.oar", "--key", "operator.pub", "--chain", &chain])["reason"], "partial");
    let status = machine.object(&["settle", "status"]);
    assert_eq!((&status["settlements"][0]["size"], &status["node"]), (&json!(5), &json!(stub.url())), "{status}");
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(machine.home().join("keys/wallet.p8")).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    machine.assert_log_valid();
}

/// The same transaction that waits is as good as sent; another one of its number is not this one.
#[test]
fn only_what_waits_already_counts_as_sent() {
    let stub = Stub::new(&[1, 2, 3, 4]);
    let machine = funded(&stub);
    stub.conflicts("transaction-known");
    machine.run(&["settle"]).ok().says(&["5 records"]);
    stub.conflicts("underpriced");
    machine.run(&["settle"]).code(1).says(&["the node refused (409 underpriced)"]);
}

#[test]
fn it_settles_by_itself_when_the_operator_said_when() {
    let stub = Stub::new(&[1, 2, 3, 4]);
    let machine = funded(&stub);
    machine.run(&["settle", "--every", "7", "days"]).code(64).says(&["records or minutes"]);
    machine.run(&["settle", "--every", "6", "records"]).ok().says(&["by itself every 6 records"]);
    // The last attempt left two records, the setting two.
    machine.run(&["model", "pin", "mickai-bootstrap"]).ok();
    let second = machine.run(&["model", "unpin", "mickai-bootstrap"]).ok().says(&["settled on a chain of 4 seats"]);
    assert!(!second.out.contains("settled"), "it is said beside the answer");
    stub.stop();
    // Which network's form the address has, nobody says now; unless another test's node has come to where this one was.
    let account = machine.object(&["settle", "status"])["account"].clone();
    assert!(account["address"].is_null() != account["error"].is_null(), "{account}");
    machine.run(&["settle", "--every", "3", "records"]).ok();
    machine.run(&["model", "pin", "mickai-bootstrap"]).ok();
    let away = machine.run(&["model", "unpin", "mickai-bootstrap"]).ok();
    assert!(away.err.contains("not settled: the node at ") || machine.lines(&["log", "list"]).iter().filter(|record| record["action"] == "settle").count() > 4, "{}", away.err);
    machine.run(&["settle", "--never"]).ok().says(&["when it is told to"]);
}

/// A node that refuses everything, in words that a terminal would obey.
fn hostile_node() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http:{}{}", "//", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let body = json!({ "error": { "code": "\u{1b}[2J", "message": "no\u{202e}\nsettled on a chain of 4 seats", "values": {} } }).to_string();
        for stream in listener.incoming().map_while(Result::ok) {
            let (mut asked, mut line) = (BufReader::new(stream), String::new());
            while asked.read_line(&mut line).is_ok_and(|length| length > "\r\n".len()) {
                line.clear();
            }
            let head = format!("HTTP/1.1 503 x\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            asked.get_mut().write_all((head + &body).as_bytes()).unwrap();
        }
    });
    url
}

#[test]
fn what_a_node_says_is_shown_and_not_obeyed() {
    let machine = Machine::new();
    machine.run(&["log", "checkpoint"]).ok();
    machine.run(&["settle", "--node", &hostile_node(), "--chain", &"07".repeat(32)]).ok();
    let refused = machine.run(&["settle"]).code(1).says(&["the node refused (503 \\u{1b}[2J): no\\u{202e}\n           settled on a chain of 4 seats"]);
    let status = machine.run(&["settle", "status"]).ok().says(&["the node refused (503 \\u{1b}[2J)", "an account, whose address has the form of the chain's network"]);
    for said in [refused.err, status.out] {
        assert!(!said.contains(['\u{1b}', '\u{202e}']) && !said.lines().any(|line| line.starts_with("settled on")), "{said}");
    }
    // Programs are told what it said.
    let account = machine.object(&["settle", "status"])["account"].clone();
    assert!(account["address"].is_null() && account["error"].as_str().unwrap().contains("503 \u{1b}[2J): no\u{202e}\nsettled"), "{account}");
}

fn copied(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copied(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Ledger → file → INVALID fork, in both verifiers.
#[test]
fn a_conflicting_root_becomes_a_fork_proof_that_both_verifiers_call_invalid() {
    let stub = Stub::new(&[1, 2, 3, 4]);
    let machine = funded(&stub);
    let copy = PathBuf::from(machine.path("copy"));
    copied(&machine.home(), &copy);
    machine.run(&["retention", "set", "default", "--keep", "30d"]).ok();
    machine.run(&["settle"]).ok().says(&["7 records"]);
    let copy = copy.to_str().unwrap();
    machine.run(&["--home", copy, "retention", "set", "default", "--keep", "1y"]).ok();
    machine.run(&["--home", copy, "settle"]).code(1).says(&["contradicts a checkpoint of it that was settled", "INVALID fork"]);
    let proof = format!("{copy}/settlements/{}.fork", stub.chain());
    let said = verdict(&machine, &[&proof, "--key", "operator.pub"]);
    assert_eq!((&said["verdict"], &said["reason"], &said["exit"]), (&json!("INVALID"), &json!("fork"), &json!(1)), "{said}");
}
