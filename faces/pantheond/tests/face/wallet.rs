//! A wallet from its first key to its history.

use crate::common::{Machine, Server, Signer};
use mickai_proof::pantheon::{Action, Address, Amount, Network};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;

/// Gives a wallet's account so many obols.
fn fund(server: &Server, to: &str, obols: u64) {
    let to = Address::from_text(to, Network::Test).unwrap();
    let gift = server.solo.transaction(&Signer::new(10), Action::Transfer { to, amount: Amount::from_obols(obols) });
    server.solo.push(Some(gift)).unwrap();
}

fn address(machine: &Machine, flags: &[&str]) -> String {
    machine.object(&[&["wallet", "show"], flags].concat())["test"].as_str().unwrap().to_owned()
}

#[test]
fn pan_are_sent_and_the_history_tells_of_it() {
    let server = Server::start();
    let machine = Machine::at(server.address);
    machine.run(&["wallet", "send", "x", "1"]).code(1).says(&["wallet new"]);
    machine.run(&["wallet", "new"]).code(0).says(&["tpan1", "pan1", "in the open"]);
    let file = machine.path("home/wallet.p8");
    assert_eq!((std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, std::fs::read(&file).unwrap().len()), (0o600, 54));
    machine.run(&["wallet", "new"]).code(1).says(&["exists"]);
    machine.run(&["wallet", "new", "--key", "other.p8"]).code(0);
    let (mine, other) = (address(&machine, &[]), address(&machine, &["--key", "other.p8"]));
    machine.run(&["wallet", "send", &other, "1"]).code(1).says(&["0.000000000 PAN"]);
    fund(&server, &mine, 5_000_000_000);

    machine.run(&["wallet", "send", &other, "1.5"]).code(0).says(&["final in block 3"]);
    let sent = machine.object(&["wallet", "send", &other, "0.000000001"]);
    assert_eq!((&sent["final"], &sent["height"]), (&Value::Bool(true), &Value::from(4)));
    machine.run(&["wallet", "send", &other, "1", "--no-wait"]).code(0).says(&["tx show"]);
    assert_eq!(machine.object(&["account", "show", &other])["balance"]["pan"], "2.500000001 PAN");
    // The first transaction reveals the key, the later ones do not.
    let account = machine.object(&["account", "show", &mine]);
    assert_eq!((&account["nonce"], &account["key"]), (&Value::from(3), &machine.object(&["wallet", "show"])["key"]));
    let history = machine.run(&["wallet", "history", "--json"]).code(0);
    let lines: Vec<Value> = history.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().map(|line| line["height"].as_u64().unwrap()).collect::<Vec<_>>(), [5, 4, 3, 2]);
    assert_eq!(lines[1]["transaction"]["id"], sent["transaction"]);
    let shown = machine.object(&["tx", "show", sent["transaction"].as_str().unwrap()]);
    assert_eq!((&shown["action"]["kind"], &shown["action"]["to"]), (&Value::from("transfer"), &Value::from(other.as_str())));
    machine.run(&["supply"]).code(0).says(&["5000000000.000000000 PAN"]);
    // Nothing but the fee is lost: of it a part is the treasury's, the rest the proposer's.
    assert_eq!(machine.object(&["supply"])["is_whole"], true);
}

#[test]
fn what_cannot_be_sent_is_refused_by_its_code() {
    let server = Server::start();
    let machine = Machine::at(server.address);
    machine.run(&["wallet", "new"]).code(0);
    let mine = address(&machine, &[]);
    let main = machine.object(&["wallet", "show"])["main"].as_str().unwrap().to_owned();
    fund(&server, &mine, 2_000_000_000);
    let cases: [(&[&str], i32, &str); 9] = [
        (&["1", "--fee", "0.000000001"], 1, "fee-too-low"),
        (&["1", "--nonce", "7"], 1, "nonce-gap"),
        (&["2"], 1, "2.000000000 PAN"),
        (&["5000000001"], 64, "an amount in PAN"),
        (&["1.0000000001"], 64, "at most nine"),
        (&["-1"], 64, "-1"),
        (&["1", "--chain", "00"], 1, "nothing was sent"),
        (&["1", "--fee", "much"], 64, "--fee"),
        (&["1", "--valid-for", "0"], 64, "--valid-for"),
    ];
    for (args, code, said) in cases {
        machine.run(&[&["wallet", "send", &mine], args].concat()).code(code).says(&[said]);
    }
    machine.run(&["wallet", "send", &main, "1"]).code(1).says(&["address-network"]);
    machine.run(&["wallet", "send", &mine.to_uppercase(), "1"]).code(64).says(&["an address"]);
    let refused = machine.run(&["wallet", "send", &mine, "1", "--nonce", "7", "--json"]).code(1);
    let told: Value = serde_json::from_str(&refused.err).unwrap();
    assert_eq!((&told["error"]["values"]["nonce"], &told["error"]["values"]["next"]), (&Value::from(7), &Value::from(0)));
    assert_eq!(machine.object(&["account", "show", &mine])["nonce"], 0, "nothing of it remains");
    machine.run(&["--rpc", "127.0.0.1:1", "status"]).code(1).says(&["no node answers"]);
}

#[test]
fn a_protected_wallet_signs_for_its_passphrase() {
    let server = Server::start();
    let machine = Machine::at(server.address);
    machine.write("words", "correct horse battery staple\n");
    machine.write("wrong", "incorrect horse\n");
    machine.run(&["wallet", "new", "--new-passphrase-file", "words"]).code(0);
    assert!(std::fs::read(machine.path("home/wallet.p8")).unwrap().starts_with(b"mickaiK1"));
    let mine = address(&machine, &[]);
    fund(&server, &mine, 2_000_000_000);
    machine.run(&["wallet", "send", &mine, "1"]).code(1).says(&["--passphrase-file"]);
    machine.run(&["--passphrase-file", "wrong", "wallet", "send", &mine, "1"]).code(1).says(&["does not open"]);
    machine.run(&["--passphrase-file", "words", "wallet", "send", &mine, "1"]).code(0).says(&["final"]);
}

#[test]
fn bonds_are_put_up_and_taken_back() {
    let server = Server::start();
    let machine = Machine::at(server.address);
    machine.run(&["wallet", "new"]).code(0);
    machine.run(&["wallet", "new", "--key", "node.p8"]).code(0);
    fund(&server, &address(&machine, &[]), 3_000_000_000_000_000);
    machine.run(&["bond", "1000000"]).code(1).says(&["bond-key-missing"]);
    machine.run(&["bond", "999999", "--voter", "node.p8"]).code(1).says(&["bond-below-minimum", "1000000"]);
    machine.run(&["bond", "1000000", "--voter", "node.p8"]).code(0).says(&["final"]);
    machine.run(&["bond", "500000", "--voter", "node.p8"]).code(1).says(&["bond-key-known"]);
    machine.run(&["bond", "500000"]).code(0);
    machine.run(&["unbond", "1600000"]).code(1).says(&["bond-insufficient"]);
    machine.run(&["unbond", "500000"]).code(0);
    let validators = machine.run(&["validators"]).code(0);
    assert!(validators.out.contains("votes") && validators.out.contains("waits"), "{}", validators.out);
    let account = machine.object(&["account", "show", &address(&machine, &[])]);
    assert_eq!((&account["validator"]["bond"]["pan"], &account["validator"]["unbonding"][0]["amount"]["pan"]), (&"1000000.000000000 PAN".into(), &"500000.000000000 PAN".into()));
    machine.run(&["supply"]).code(0).says(&["5000000000.000000000 PAN", "unbonding   500000"]);
}
