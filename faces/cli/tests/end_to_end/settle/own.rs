//! Without a word about where: a chain of one in the home, which says of itself wherever it is seen that it witnesses nothing.

use super::stub::Stub;
use super::{devnet, verdict};
use crate::common::{Machine, Run, eventually};
use crate::crash::{Points, time_of};
use crate::serve::http::{Server, hello};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What is said of every settlement there.
const WORTH: &str = "settled on a chain of one: completeness still unwitnessed";
const SEED: u64 = 0x6f77_6e5f_6368_6169;

fn chain_folder(machine: &Machine) -> PathBuf {
    machine.home().join("chain")
}

/// The chain is in order, block for block, and the log with it.
fn assert_in_order(machine: &Machine) {
    let checks = machine.lines(&["doctor"]);
    let own = checks.iter().find(|check| check["what"] == "chain of one").unwrap_or_else(|| panic!("{checks:?}"));
    assert_eq!(own["state"], "good", "{own}");
    machine.assert_log_valid();
}

#[test]
fn settle_alone_is_enough_and_changes_no_verdict() {
    let machine = Machine::new();
    machine.run(&["log", "checkpoint"]).ok();
    machine.run(&["settle", "status"]).ok().says(&[
        "a chain of one, which the first `mickai settle` makes",
        "completeness still unwitnessed",
        "nothing of this log is settled yet",
    ]);
    assert!(!chain_folder(&machine).exists(), "looking makes nothing");
    machine.run(&["settle"]).ok().says(&[WORTH, "3 records"]);
    let settled = machine.object(&["settle"]);
    assert_eq!((&settled["size"], &settled["seats"], &settled["counts"], &settled["worth"]), (&json!(5), &json!(1), &json!(false), &json!(WORTH)), "{settled}");
    let status = machine.object(&["settle", "status"]);
    assert_eq!((&status["own"], &status["node"], &status["chain"], &status["settlements"][0]["worth"]), (&json!(true), &Value::Null, &settled["chain"], &json!(WORTH)), "{status}");
    assert_eq!((&status["account"]["height"], &status["account"]["obols"]), (&json!(3), &json!("4999000000000000000")));
    machine.run(&["settle", "status"]).ok().says(&[WORTH, "this home, a chain of one: completeness still unwitnessed"]);
    // Where it settles is on record.
    let set = machine.object(&["log", "show", "1"]);
    assert_eq!((&set["action"], &set["facts"]["chain"]), (&json!("settle.set"), &settled["chain"]), "{set}");
    for key in ["wallet.p8", "voter.p8"] {
        let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(machine.home().join("keys").join(key)).unwrap());
        assert_eq!(mode & 0o777, 0o600);
    }
    // A stranger who pins the chain, and both verifiers.
    machine.run(&["log", "export", "--settled", "-o", "settled.oar"]).ok();
    machine.run(&["log", "export", "-o", "whole.oar"]).ok();
    machine.run(&["log", "checkpoint", "-o", "pin.txt"]).ok();
    machine.run(&["log", "export", "-o", "pinned.oar"]).ok();
    std::fs::write(machine.path("operator.pub"), machine.run(&["key", "show", "--pem"]).ok().out).unwrap();
    let chain = settled["chain"].as_str().unwrap();
    for bundle in ["settled.oar", "whole.oar"] {
        let said = verdict(&machine, &[bundle, "--key", "operator.pub", "--chain", chain]);
        assert_eq!((&said["verdict"], &said["reason"]), (&json!("STALE"), &json!("completeness-unwitnessed")), "{said}");
        assert_eq!((&said["scope"]["settlements"][0]["standing"], &said["scope"]["settlements"][0]["seats"]), (&json!("too-few-seats"), &json!(1)), "{said}");
        assert!(said["scope"]["text"].as_str().unwrap().contains(WORTH), "{said}");
        assert_eq!(verdict(&machine, &[bundle, "--key", "operator.pub"])["scope"]["settlements"][0]["standing"], "chain-not-pinned");
        machine.oar(&["verify", bundle, "--key", "operator.pub", "--chain", chain]).code(2).says(&[WORTH]);
    }
    // With a checkpoint that somebody kept the verdict is that checkpoint's, as it would be without the chain.
    let said = verdict(&machine, &["pinned.oar", "--key", "operator.pub", "--chain", chain, "--checkpoint", "pin.txt"]);
    assert_eq!(said["verdict"], "VERIFIED", "{said}");
    assert!(said["scope"]["text"].as_str().unwrap().contains("settled on a chain of one: not counted"), "{said}");
    // The proof is one of spec/pantheon.md: the program that runs networks reads it too.
    let proof = machine.home().join("settlements").join(format!("{chain}.light"));
    Run::of(&mut machine.command(&devnet::pantheon(), &["light", "verify", proof.to_str().unwrap(), "--chain", chain])).ok().says(&["could decide alone"]);
    assert_in_order(&machine);
}

#[test]
fn it_settles_by_itself_and_a_way_leads_to_a_network_and_back() {
    let machine = Machine::new();
    machine.run(&["settle", "--every", "5", "records"]).ok().says(&["a chain of one: completeness still unwitnessed", "by itself every 5 records"]);
    let own = machine.object(&["settle", "status"])["chain"].clone();
    machine.run(&["model", "pin", "mickai-bootstrap"]).ok().says(&[WORTH]);
    let stub = Stub::new(&[1, 2, 3, 4]);
    machine.run(&["settle", "--node", &stub.url(), "--chain", &stub.chain(), "--own"]).code(64);
    machine.run(&["settle", "--node", &stub.url(), "--chain", &stub.chain(), "--never"]).ok().says(&["settles on chain ", "when it is told to"]);
    machine.run(&["settle"]).code(1).says(&["has nothing on this chain"]);
    stub.give(machine.object(&["settle", "status"])["account"]["address"].as_str().unwrap());
    machine.run(&["settle"]).ok().says(&["settled on a chain of 4 seats", "A verifier needs `--chain"]);
    machine.run(&["settle", "--own"]).ok().says(&["a chain of one: completeness still unwitnessed"]);
    machine.run(&["settle", "--own"]).code(64).says(&["nothing would change"]);
    let status = machine.object(&["settle", "status"]);
    assert_eq!((&status["chain"], &status["settlements"].as_array().unwrap().len()), (&own, &2), "the same chain as before: {status}");
    assert!(!machine.run(&["settle"]).ok().says(&[WORTH]).out.contains("--chain"), "pinning it would change no verdict");
    // Both travel; the chain of four alone counts.
    machine.run(&["log", "export", "-o", "whole.oar"]).ok();
    std::fs::write(machine.path("operator.pub"), machine.run(&["key", "show", "--pem"]).ok().out).unwrap();
    let said = verdict(&machine, &["whole.oar", "--key", "operator.pub", "--chain", &stub.chain(), "--chain", own.as_str().unwrap()]);
    let standings: BTreeMap<_, _> = said["scope"]["settlements"].as_array().unwrap().iter().map(|one| (one["seats"].as_u64(), &one["standing"])).collect();
    assert_eq!(standings, BTreeMap::from([(Some(1), &json!("too-few-seats")), (Some(4), &json!("counted"))]), "{said}");
    assert_in_order(&machine);
}

#[test]
fn killed_anywhere_it_goes_on_and_of_no_height_are_there_two_blocks() {
    let machine = Machine::new();
    machine.run(&["log", "checkpoint"]).ok();
    let whole = time_of(&Machine::new(), &["settle"]).max(time_of(&machine, &["settle"]));
    let mut points = Points(SEED);
    let mut given: BTreeMap<u64, Value> = BTreeMap::new();
    for tenth in 0..10 {
        let fresh = Machine::new();
        let killed = if tenth % 2 == 0 { &machine } else { &fresh };
        killed.start(&["settle"]).kill_after(points.within(whole, tenth, 10));
        let settled = killed.object(&["settle"]);
        assert_in_order(killed);
        if std::ptr::eq(killed, &machine) {
            let height = settled["block_height"].as_u64().unwrap();
            assert!(given.last_key_value().is_none_or(|(newest, _)| *newest < height), "{settled} after {given:?}");
            given.insert(height, settled["block"].clone());
        }
    }
    // What was half written is no block, and the next one takes its place.
    let blocks = chain_folder(&machine).join("blocks");
    let bytes = std::fs::read(&blocks).unwrap();
    std::fs::write(&blocks, [&bytes[..], &bytes[..3000]].concat()).unwrap();
    machine.run(&["settle"]).ok().says(&[WORTH]);
    assert_in_order(&machine);
}

#[test]
fn two_at_once_wait_for_each_other_from_the_first() {
    let machine = Machine::new();
    machine.run(&["log", "checkpoint"]).ok();
    let all: Vec<_> = (0..4).map(|_| machine.start(&["settle", "--json"])).collect();
    let settled: Vec<Value> = all.into_iter().flat_map(|one| one.end().ok().lines()).collect();
    let chains: std::collections::BTreeSet<_> = settled.iter().map(|one| one["chain"].as_str().unwrap()).collect();
    let heights: std::collections::BTreeSet<_> = settled.iter().map(|one| one["block_height"].as_u64().unwrap()).collect();
    assert_eq!((chains.len(), heights.len()), (1, 4), "{settled:?}");
    assert_eq!(machine.lines(&["log", "list"]).iter().filter(|record| record["action"] == "settle.set").count(), 2, "chosen once");
    assert_in_order(&machine);
}

#[test]
fn what_was_changed_is_said_with_the_way_out() {
    let machine = Machine::new();
    machine.run(&["settle"]).ok();
    let first = machine.object(&["settle", "status"])["chain"].clone();
    let tip = chain_folder(&machine).join("tip");
    let mut bytes = std::fs::read(&tip).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&tip, bytes).unwrap();
    machine.run(&["settle"]).code(1).says(&["is not what was written", "mickai settle --own"]);
    machine.run(&["settle", "status"]).ok().says(&["is not what was written"]);
    machine.run(&["doctor"]).code(1).says(&["is not what was written"]);
    // It spoils no other command.
    machine.run(&["settle", "--every", "3", "records"]).ok();
    machine.run(&["model", "pin", "mickai-bootstrap"]).ok().says(&["not settled: "]);
    std::fs::rename(chain_folder(&machine), machine.path("aside")).unwrap();
    machine.run(&["settle"]).code(1).says(&["is not in", "mickai settle --own"]);
    machine.run(&["settle", "--own"]).ok();
    let settled = machine.object(&["settle"]);
    assert_ne!(settled["chain"], first);
    let kept = machine.object(&["settle", "status"])["settlements"].clone();
    assert!(kept.as_array().unwrap().iter().any(|one| one["chain"] == first), "what was settled stays settled: {kept}");
    assert_in_order(&machine);
}

/// ledger → file → INVALID fork, from the home's own chain.
#[test]
fn a_conflicting_root_becomes_a_fork_proof() {
    let machine = Machine::new();
    machine.run(&["settle", "--own"]).ok();
    let copy = PathBuf::from(machine.path("copy"));
    super::copied(&machine.home(), &copy);
    machine.run(&["retention", "set", "default", "--keep", "30d"]).ok();
    machine.run(&["settle"]).ok();
    let chain = machine.object(&["settle", "status"])["chain"].as_str().unwrap().to_owned();
    std::fs::remove_dir_all(copy.join("chain")).unwrap();
    super::copied(&chain_folder(&machine), &copy.join("chain"));
    let copy = copy.to_str().unwrap();
    machine.run(&["--home", copy, "retention", "set", "default", "--keep", "1y"]).ok();
    machine.run(&["--home", copy, "settle"]).code(1).says(&["contradicts a checkpoint of it that was settled", "INVALID fork"]);
    std::fs::write(machine.path("operator.pub"), machine.run(&["key", "show", "--pem"]).ok().out).unwrap();
    let said = verdict(&machine, &[&format!("{copy}/settlements/{chain}.fork"), "--key", "operator.pub"]);
    assert_eq!((&said["verdict"], &said["reason"], &said["exit"]), (&json!("INVALID"), &json!("fork"), &json!(1)), "{said}");
}

#[test]
fn a_server_settles_between_answers() {
    let machine = Machine::with_model();
    machine.run(&["settle", "--every", "4", "records"]).ok();
    machine.run(&["settle"]).ok();
    let settled = || machine.lines(&["log", "list", "--action", "settle", "--kind", "outcome"]);
    assert_eq!(settled().len(), 1);
    let server = Server::start(&machine, &[]);
    server.post("/v1/chat/completions", &hello(json!({}))).is(200);
    eventually("it to settle", || (settled().len() == 2).then_some(()));
    let outcome = settled().pop().unwrap();
    let shown = machine.object(&["log", "show", &outcome["index"].to_string()]);
    assert_eq!((&shown["actor"][0], &shown["outcome"], &shown["facts"]["seats"]), (&json!("system"), &json!("executed"), &json!("1")), "{shown}");
    server.stop();
    assert_in_order(&machine);
}
