//! What `pantheon doctor` says of a node's file and of the node that it describes.

use crate::common::{Machine, Server};
use std::time::{SystemTime, UNIX_EPOCH};

/// The file of a node that answers on every address of this machine, with everything that it names but its folder.
fn described(server: &Server) -> Machine {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    server.solo.push_at(None, u64::try_from(now.as_millis()).unwrap()).unwrap();
    let machine = Machine::new();
    machine.run(&["wallet", "new", "--key", "node.p8"]).code(0);
    std::fs::write(machine.path("genesis.cbor"), server.solo.genesis.encode()).unwrap();
    let rpc = format!("[rpc]\nlisten = \"{}\"\nexposed = true\n", server.address);
    machine.write("node.toml", &format!("genesis = \"genesis.cbor\"\nkey = \"node.p8\"\nfolder = \"data\"\n{rpc}"));
    machine
}

#[test]
fn a_node_that_listens_everywhere_is_asked_on_this_machine() {
    let server = Server::exposed();
    assert!(server.address.ip().is_unspecified());
    let machine = described(&server);
    let here = format!("127.0.0.1:{}", server.address.port());
    machine.run(&["doctor", "--config", "node.toml"]).code(0).says(&[&here, "that of the genesis file", "can be reached from other machines", "5000000000.000000000 PAN"]);
    machine.run(&["--rpc", &server.address.to_string(), "status"]).code(0).says(&["solo"]);
}

#[test]
fn the_folder_is_looked_at() {
    let server = Server::exposed();
    let machine = described(&server);
    let doctor = ["doctor", "--config", "node.toml"];
    machine.run(&doctor).code(0).says(&["not there yet"]);
    std::fs::create_dir(machine.path("data")).unwrap();
    machine.run(&doctor).code(0).says(&["can be written to"]);
    assert_eq!(std::fs::read_dir(machine.path("data")).unwrap().count(), 0, "a look leaves nothing");
    std::fs::remove_dir(machine.path("data")).unwrap();
    machine.write("data", "");
    machine.run(&doctor).code(1).says(&["BAD", "is no folder"]);
}
