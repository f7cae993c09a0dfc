//! Proofs out of a node, and checked without one.

use crate::common::{Machine, Server, Signer};
use mickai_proof::pantheon::Network;

#[test]
fn a_proof_is_checked_with_the_chains_id_alone() {
    let mut server = Server::start();
    let machine = Machine::at(server.address);
    let rich = Signer::new(10).address().to_text(Network::Test);
    let nobody = Signer::new(99).address().to_text(Network::Test);
    let chain = machine.object(&["status"])["chain"].as_str().unwrap().to_owned();
    let export = ["light", "export", "-o", "proof", "--account", &rich, "--account", &nobody, "--validator", &rich, "--name", "abc", "--totals", "--seats"];
    machine.run(&export).code(0).says(&["VERIFIED", "witnesses no completeness"]);
    machine.run(&export).code(1).says(&["exists"]);
    machine.run(&["light", "export", "-o", "other", "--chain", &"00".repeat(32), "--totals"]).code(1).says(&["genesis-digest"]);
    machine.run(&["light", "export", "-o", "other", "--name", "-"]).code(1).says(&["malformed-request"]);
    assert!(!machine.path("other").exists(), "what a stranger could not check is not written");
    server.end();

    // There is no node any more.
    let shown = machine.object(&["light", "verify", "proof", "--chain", &chain]);
    assert_eq!((&shown["height"], &shown["validators_fewest"], &shown["witnesses_completeness"]), (&1.into(), &1.into(), &false.into()));
    let entries = shown["entries"].as_array().unwrap();
    assert_eq!(entries.iter().map(|entry| entry["entry"].is_null()).collect::<Vec<_>>(), [false, true, true, true, false, false]);
    assert_eq!(entries[0]["entry"]["balance"]["pan"], "4999000000.000000000 PAN");
    assert_eq!(entries[4]["entry"]["total"]["pan"], "5000000000.000000000 PAN");
    machine.run(&["light", "verify", "proof", "--chain", &"11".repeat(32)]).code(1).says(&["INVALID genesis-digest", "step 2"]);
    machine.run(&["light", "verify", "proof", "--chain", "11"]).code(64).says(&["--chain"]);
    let bytes = std::fs::read(machine.path("proof")).unwrap();
    std::fs::write(machine.path("short"), &bytes[..bytes.len() - 1]).unwrap();
    machine.run(&["light", "verify", "short", "--chain", &chain]).code(1).says(&["malformed-light-proof", "step 1"]);
    // What has no end is read no further than a proof may be long.
    machine.run(&["light", "verify", "/dev/zero", "--chain", &chain]).code(1).says(&["oversized", "step 1"]);
    let mut changed = bytes;
    *changed.last_mut().unwrap() ^= 1;
    std::fs::write(machine.path("changed"), changed).unwrap();
    machine.run(&["light", "verify", "changed", "--chain", &chain]).code(1).says(&["state-root", "step 5"]);
}
