//! The same against a real network: four validators of `pantheon devnet`, each a process.

use super::verdict;
use crate::common::{Machine, Run, mickai};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};

/// The binary `pantheon` from where `mickai` is.
pub fn pantheon() -> PathBuf {
    let path = mickai().with_file_name("pantheon");
    assert!(path.exists(), "{} is not built: run the tests with `cargo test --workspace`", path.display());
    path
}

/// Validators end with the command that started them, however that ends.
struct Devnet {
    command: Child,
    said: Value,
}

impl Devnet {
    fn start(machine: &Machine) -> Self {
        let args = ["devnet", "--validators", "4", "--dir", "devnet", "--json"];
        let mut command = machine.command(&pantheon(), &args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(command.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { command, said: serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line:?}")) }
    }
}

impl Drop for Devnet {
    fn drop(&mut self) {
        let _ = self.command.kill();
        let _ = self.command.wait();
    }
}

#[test]
fn a_log_is_settled_by_four_validators() {
    let machine = Machine::new();
    let devnet = Devnet::start(&machine);
    let (chain, rpc) = (devnet.said["chain"].as_str().unwrap(), devnet.said["validators"][0]["rpc"].as_str().unwrap());
    machine.run(&["log", "checkpoint"]).ok();
    machine.run(&["settle", "--node", &format!("http:{}{rpc}", "//"), "--chain", chain]).ok();
    machine.run(&["settle"]).code(1).says(&["has nothing on this chain"]);
    let address = machine.object(&["settle", "status"])["account"]["address"].as_str().unwrap().to_owned();
    let wallet = devnet.said["wallet"].as_str().unwrap();
    Run::of(&mut machine.command(&pantheon(), &["--rpc", rpc, "wallet", "send", &address, "10", "--key", wallet])).ok();
    let settled = machine.object(&["settle"]);
    assert_eq!((&settled["size"], &settled["seats"], &settled["counts"]), (&json!(5), &json!(4), &json!(true)), "{settled}");
    machine.run(&["log", "export", "--settled", "-o", "settled.oar"]).ok();
    let pem = machine.run(&["key", "show", "--pem"]).ok().out;
    std::fs::write(machine.path("operator.pub"), pem).unwrap();
    let said = verdict(&machine, &["settled.oar", "--key", "operator.pub", "--chain", chain]);
    assert_eq!((&said["verdict"], &said["scope"]["settlements"][0]["standing"]), (&json!("VERIFIED"), &json!("counted")), "{said}");
    // And again, with what came since: the act of settling and the export.
    machine.run(&["settle"]).ok().says(&["settled on a chain of 4 seats: 9 records"]);
}
