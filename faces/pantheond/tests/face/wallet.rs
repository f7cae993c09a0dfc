//! A wallet from its first key to its history.

use crate::common::{Liar, Machine, Run, Server, Signer, eventually};
use base64ct::{Base64, Encoding};
use mickai_pantheond::rpc::limits::SUBSCRIPTIONS_OF_ONE_MAX;
use mickai_proof::pantheon::{Action, Address, Amount, GenesisHead, Network};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};

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

/// A wallet with 9 PAN that asks there; its address.
fn funded(server: &Server, rpc: SocketAddr) -> (Machine, String) {
    let machine = Machine::at(rpc);
    machine.run(&["wallet", "new"]).code(0);
    let mine = address(&machine, &[]);
    fund(server, &mine, 9_000_000_000);
    (machine, mine)
}

/// The number of transactions that an account made, by the node itself.
fn nonce(server: &Server, of: &str) -> u64 {
    server.get(&format!("/v1/accounts/{of}")).is(200).json()["nonce"].as_u64().unwrap()
}

/// The head of genesis with another fee: that of another chain.
fn dear(server: &Server) -> GenesisHead {
    let mut head = server.solo.genesis.head.clone();
    head.params.fee_base = Amount::from_obols(2_000_000_000);
    head
}

#[test]
fn the_fee_is_what_the_chains_id_commits_to() {
    let server = Server::start();
    let chain = server.get("/v1/status").is(200).json()["chain"].as_str().unwrap().to_owned();
    // It says another fee for the same genesis.
    let liar = Liar::before(server.address, |request, mut told| {
        if request == "GET /v1/params" {
            told["fee_base"]["obols"] = "8000000000".into();
        }
        if request == "GET /v1/genesis" {
            told["params"]["fee_base"]["obols"] = "8000000000".into();
        }
        Some(told)
    });
    let (machine, mine) = funded(&server, liar.address);
    for pinned in [&["--chain", chain.as_str()][..], &[]] {
        let sent = machine.object(&[&["wallet", "send", &mine, "0.5"], pinned].concat());
        assert!(sent["fee"]["obols"].as_str().unwrap().parse::<u64>().unwrap() < 10_000, "{sent}");
    }
    // It shows the genesis of another chain under the id of this one.
    let head = Base64::encode_string(&dear(&server).encode());
    let liar = Liar::before(server.address, move |request, mut told| {
        if request == "GET /v1/genesis" {
            told["head"] = head.as_str().into();
        }
        Some(told)
    });
    let (machine, mine) = funded(&server, liar.address);
    for pinned in [&["--chain", chain.as_str()][..], &[]] {
        machine.run(&[&["wallet", "send", &mine, "0.5"], pinned].concat()).code(1).says(&["nothing was sent"]);
    }
    assert_eq!(nonce(&server, &mine), 0);
}

/// It is of another chain altogether, or says so, where who takes part pays 2 PAN.
#[test]
fn a_large_fee_is_paid_to_nobody_unasked() {
    let server = Server::start();
    let real = server.get("/v1/status").is(200).json()["chain"].as_str().unwrap().to_owned();
    let (chain, head) = (dear(&server).id().to_string(), Base64::encode_string(&dear(&server).encode()));
    let liar = Liar::before(server.address, move |request, mut told| {
        if request == "GET /v1/status" {
            told["chain"] = chain.as_str().into();
        }
        if request == "GET /v1/genesis" {
            told["head"] = head.as_str().into();
        }
        Some(told)
    });
    let (machine, mine) = funded(&server, liar.address);
    machine.run(&["wallet", "send", &mine, "1"]).code(1).says(&["2.0000", "without --fee", "nothing was sent"]);
    machine.run(&["wallet", "send", &mine, "1", "--chain", &real]).code(1).says(&["nothing was sent"]);
    machine.run(&["wallet", "send", &mine, "1", "--fee", "3"]).code(1).says(&["other-chain"]);
    assert_eq!(nonce(&server, &mine), 0);
}

#[test]
fn a_transfer_is_followed_where_no_more_may_listen() {
    let server = Server::start();
    let listen = |_| {
        let mut stream = server.begin("GET", "/v1/events", &[], "");
        let mut head = [0; 12];
        stream.read_exact(&mut head).unwrap();
        assert_eq!(&head[9..], b"200");
        stream
    };
    let listening: Vec<_> = (0..SUBSCRIPTIONS_OF_ONE_MAX).map(listen).collect();
    let (machine, mine) = funded(&server, server.address);
    server.solo.hold();
    let mut command = machine.command(&["--json", "wallet", "send", &mine, "1"]);
    let sending = std::thread::spawn(move || Run::of(&mut command));
    eventually("the transfer", || server.solo.release().then_some(()));
    let sent: Value = serde_json::from_str(&sending.join().unwrap().code(0).out).unwrap();
    assert_eq!((&sent["final"], &sent["height"]), (&json!(true), &json!(3)));
    machine.run(&["tx", "show", sent["transaction"].as_str().unwrap()]).code(0).says(&["transfer"]);
    drop(listening);
}

#[test]
fn what_was_sent_is_named_whatever_becomes_of_it() {
    let server = Server::start();
    let newest = |of: &str| {
        let told = server.get(&format!("/v1/accounts/{of}/transactions?limit=1")).is(200).json();
        told["transactions"][0]["transaction"]["id"].as_str().unwrap().to_owned()
    };
    // It takes the transaction, and then says nothing of what comes after, or not even that it took it.
    for (silent, said) in [("GET /v1/events", "was sent, and it is not known"), ("POST /v1/transactions", "may have been sent")] {
        let liar = Liar::before(server.address, move |request, told| (request != silent).then_some(told));
        let (machine, mine) = funded(&server, liar.address);
        let run = machine.run(&["wallet", "send", &mine, "1"]).code(1);
        let id = newest(&mine);
        run.says(&[said, &format!("pantheon tx show {id}")]);
        let run = machine.run(&["--json", "wallet", "send", &mine, "1"]).code(1).says(&[said]);
        assert_eq!(serde_json::from_str::<Value>(&run.out).unwrap(), json!({ "transaction": newest(&mine), "final": null }));
        assert_eq!(nonce(&server, &mine), 2);
    }
    // The answer is lost once: the transaction is posted again, over another connection, and is there already.
    let is_lost = AtomicBool::new(false);
    let liar = Liar::before(server.address, move |request, told| {
        let is_kept_back = request == "POST /v1/transactions" && !is_lost.swap(true, Ordering::Relaxed);
        (!is_kept_back).then_some(told)
    });
    let (machine, mine) = funded(&server, liar.address);
    machine.run(&["wallet", "send", &mine, "1"]).code(0).says(&["final in block"]);
    assert_eq!(nonce(&server, &mine), 1);
    // And the second time there is no room: what became of the first is not known.
    let is_lost = AtomicBool::new(false);
    let liar = Liar::refusing(server.address, move |request, told| match request {
        "POST /v1/transactions" if is_lost.swap(true, Ordering::Relaxed) => Some((429, json!({ "error": { "code": "pool-full", "message": "there is no room" } }))),
        "POST /v1/transactions" => None,
        _ => Some(told),
    });
    let (machine, mine) = funded(&server, liar.address);
    let run = machine.run(&["wallet", "send", &mine, "1"]).code(1);
    run.says(&["may have been sent", "pool-full", &format!("pantheon tx show {}", newest(&mine))]);
    assert_eq!(nonce(&server, &mine), 1);
}

#[test]
fn nothing_happened_is_said_where_nothing_can_have_and_nowhere_else() {
    // Whether a block holds it or not: the node keeps no block of the time when it was sent, and many came since.
    for (is_held, said) in [(false, "was sent, and it is not known whether it is final"), (true, "nothing of it happened")] {
        let server = Server::start();
        let solo = server.solo.clone();
        let forgotten = "0".repeat(64);
        let liar = Liar::refusing(server.address, move |request, (status, told)| {
            if request == "POST /v1/transactions" {
                (0..3).for_each(|_| solo.push(None).unwrap());
                solo.prune(solo.newest());
            }
            // Whoever waits hears of one more block after each look.
            if request.starts_with("GET /v1/transactions/") {
                solo.push(None).unwrap();
            }
            // As from a node whose store still has the block, by its height.
            if status == 404 && request.starts_with("GET /v1/blocks/") && !request.contains(&forgotten) {
                return Some((200, json!({ "header": { "id": forgotten } })));
            }
            Some((status, told))
        });
        let (machine, mine) = funded(&server, liar.address);
        if is_held {
            server.solo.hold();
        }
        let run = machine.run(&["wallet", "send", &mine, "1", "--valid-for", "1"]).code(1).says(&[said]);
        assert_eq!(run.err.contains("send it again"), is_held, "{}", run.err);
        assert_eq!(nonce(&server, &mine), u64::from(!is_held));
    }
}

/// Another transaction took its number, and the node keeps every block.
#[test]
fn nothing_happened_is_said_of_what_was_replaced() {
    let server = Server::start();
    let (solo, is_replaced) = (server.solo.clone(), AtomicBool::new(false));
    let liar = Liar::before(server.address, move |request, told| {
        // The other one becomes final when the wallet knows its number, and before it sends.
        if request.starts_with("GET /v1/accounts/") && !is_replaced.swap(true, Ordering::Relaxed) {
            assert!(solo.release());
        }
        // Whoever waits hears of one more block after each look.
        if request.starts_with("GET /v1/transactions/") {
            solo.push(None).unwrap();
        }
        Some(told)
    });
    let (machine, mine) = funded(&server, liar.address);
    server.solo.hold();
    machine.run(&["--rpc", &server.address.to_string(), "wallet", "send", &mine, "1", "--fee", "0.001", "--no-wait"]).code(0);
    let run = machine.run(&["wallet", "send", &mine, "1", "--valid-for", "2"]).code(1).says(&["nothing of it happened", "send it again"]);
    assert!(!run.err.contains("it is not known"), "{}", run.err);
    assert_eq!(nonce(&server, &mine), 1);
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
fn a_bond_opens_two_protected_keys() {
    let server = Server::start();
    let machine = Machine::at(server.address);
    machine.write("words", "correct horse battery staple\n");
    machine.write("others", "incorrect horse\n");
    machine.run(&["wallet", "new", "--new-passphrase-file", "words"]).code(0);
    machine.run(&["wallet", "new", "--key", "node.p8", "--new-passphrase-file", "others"]).code(0);
    fund(&server, &address(&machine, &[]), 3_000_000_000_000_000);
    let bond = ["--passphrase-file", "words", "bond", "1000000", "--voter", "node.p8"];
    machine.run(&bond).code(1).says(&["does not open"]);
    machine.run(&["bond", "1000000", "--voter-passphrase-file", "others"]).code(64).says(&["--voter"]);
    machine.run(&[&bond[..], &["--voter-passphrase-file", "others"]].concat()).code(0).says(&["final"]);
}

/// A descriptor gives what it has once.
#[test]
fn one_passphrase_from_a_pipe_opens_two_keys() {
    let server = Server::start();
    let machine = Machine::at(server.address);
    machine.write("words", "correct horse battery staple\n");
    machine.run(&["wallet", "new", "--new-passphrase-file", "words"]).code(0);
    machine.run(&["wallet", "new", "--key", "node.p8", "--new-passphrase-file", "words"]).code(0);
    fund(&server, &address(&machine, &[]), 3_000_000_000_000_000);
    let mut command = machine.command(&["--passphrase-file", "/dev/fd/0", "bond", "1000000", "--voter", "node.p8"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"correct horse battery staple\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
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
