//! Validators as processes: what a killed one changes, what two stop, and that nothing forks.

use crate::common::{Devnet, Machine, asked, eventually, kill};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

#[test]
fn one_killed_validator_changes_nothing_two_stop_the_chain_and_nothing_forks() {
    let machine = Machine::new();
    let devnet = Devnet::start(&machine, 4);
    devnet.reaches(0, 3);
    let rpc = devnet.rpcs[0].to_string();
    let at_first = |args: &[&str]| machine.run(&[&["--rpc", rpc.as_str()], args].concat());
    let mine = machine.object(&["wallet", "new"])["test"].as_str().unwrap().to_owned();
    let send = ["wallet", "send", &mine, "1.5", "--key", &devnet.wallet];
    at_first(&send).code(0).says(&["final in block"]);
    at_first(&["doctor"]).code(0).says(&["5000000000.000000000 PAN"]);

    // Three of four are a quorum.
    devnet.kill(3);
    at_first(&send).code(0).says(&["final in block"]);
    devnet.reaches(0, devnet.height(0) + 12);
    // Two are none: what was under way may still end, and no more.
    devnet.kill(2);
    let stopped = devnet.height(0).max(devnet.height(1));
    let waits = machine.object(&[&["--rpc", rpc.as_str()][..], &send, &["--no-wait"]].concat());
    let path = format!("/v1/transactions/{}", waits["transaction"].as_str().unwrap());
    asked(devnet.rpcs[0], &path).unwrap().is(404);
    let third = devnet.restart(&machine, 2);
    let before = devnet.height(0);
    assert!(before <= stopped + 2, "two of four made blocks: {stopped} to {before}");
    eventually("the transfer that waited", || (asked(devnet.rpcs[0], &path)?.status == 200).then_some(()));

    // One that lost everything but its key gets the chain from the others.
    devnet.wipe(3);
    let fourth = devnet.restart(&machine, 3);
    let newest = devnet.height(0) + 5;
    for validator in 0..4 {
        devnet.reaches(validator, newest);
    }
    for height in [1, stopped, newest] {
        let all: Vec<String> = (0..4).map(|validator| devnet.block(validator, height)).collect();
        assert!(all.iter().all(|id| *id == all[0]), "block {height}: {all:?}");
    }
    let rpc = devnet.rpcs[3].to_string();
    assert_eq!(machine.object(&["--rpc", &rpc, "account", "show", &mine])["balance"]["pan"], "4.500000000 PAN");
    machine.run(&["--rpc", &rpc, "supply"]).code(0).says(&["5000000000.000000000 PAN"]);
    // Epochs passed; a stranger with the chain's id checks what the one that was wiped says.
    machine.run(&["--rpc", &rpc, "light", "export", "-o", "proof", "--totals", "--account", &mine]).code(0).says(&["VERIFIED"]);
    let chain = machine.object(&["--rpc", &rpc, "status"])["chain"].as_str().unwrap().to_owned();
    let shown = machine.object(&["light", "verify", "proof", "--chain", &chain]);
    assert_eq!((&shown["witnesses_completeness"], &shown["validators_fewest"]), (&Value::Bool(true), &4.into()));
    drop((third, fourth));
}

/// The one of whose blocks the devnet hears.
#[test]
fn a_devnet_goes_on_without_its_first_validator() {
    let machine = Machine::new();
    let mut devnet = Devnet::start(&machine, 4);
    (0..4).for_each(|validator| devnet.reaches(validator, 2));
    devnet.kill(0);
    let newest = devnet.height(1) + 5;
    let Devnet { process, rpcs, .. } = &mut devnet;
    eventually("five blocks of three validators", || {
        assert!(process.runs(), "the devnet ended with its first validator");
        (asked(rpcs[1], "/v1/status")?.json()["height"].as_u64()? >= newest).then_some(())
    });
    devnet.end();

    // Nor is it missed when all is counted at the end.
    let mut command = machine.command(&["--json", "devnet", "--for", "2s", "--dir", "net"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    kill(lines.next().unwrap()["validators"][0]["pid"].as_u64().unwrap());
    let figures = lines.next();
    assert!(child.wait().unwrap().success());
    assert_eq!(figures.unwrap()["supply"], "5000000000.000000000 PAN");
}

#[test]
fn a_node_listens_where_its_file_says_and_connects_to_the_peers_of_its_file_alone() {
    let machine = Machine::new();
    let devnet = Devnet::start(&machine, 4);
    devnet.reaches(0, 2);
    let peers: Vec<u16> = (0..4).map(|validator| devnet.peer_port(validator)).collect();
    let rpc = devnet.rpcs[0].port();
    let (mut listening, connected) = devnet.sockets(0);
    listening.sort_unstable();
    let mut expected = [peers[0], rpc];
    expected.sort_unstable();
    assert_eq!(listening, expected);
    // Whoever is at the other end is a peer of the file, or came to one of the two doors.
    assert!(connected.iter().all(|(own, other)| peers[1..].contains(other) || expected.contains(own)), "{connected:?}");
    let with_peers = connected.iter().filter(|(own, other)| peers[1..].contains(other) || *own == peers[0]).count();
    assert!(with_peers >= 2, "a check that sees no connection is none: {connected:?}");
}

#[test]
fn validators_end_with_whoever_started_them() {
    let machine = Machine::new();
    let Devnet { process, rpcs, .. } = Devnet::start(&machine, 2);
    assert!(rpcs.iter().all(|rpc| asked(*rpc, "/health").is_some()));
    process.kill();
    for rpc in rpcs {
        eventually("the end of a validator", || asked(rpc, "/health").is_none().then_some(()));
    }
}

#[test]
fn a_load_is_followed_to_its_end_and_makes_no_obol() {
    let machine = Machine::new();
    let run = machine.run(&["--json", "devnet", "--validators", "1", "--for", "2s", "--load", "--senders", "3", "--window", "8", "--dir", "net"]).code(0);
    let lines: Vec<Value> = run.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [_, figures] = &lines[..] else { panic!("{}", run.out) };
    assert_eq!((&figures["supply"], &figures["transfers"]["unfinished"]), (&"5000000000.000000000 PAN".into(), &0.into()));
    assert!(figures["transfers"]["submitted"].as_u64() > Some(0) && figures["transfers"]["finality_p99_ms"].as_f64() > Some(0.0), "{figures}");
    // The folder goes on where it was.
    let again = machine.run(&["--json", "devnet", "--validators", "1", "--for", "1s", "--load", "--senders", "5", "--dir", "net"]).code(0).says(&["with 3 accounts that send"]);
    let told: Value = serde_json::from_str(again.out.lines().nth(1).unwrap()).unwrap();
    assert!(told["height"].as_u64() > figures["height"].as_u64(), "{told}");
    // Where nothing is sent, who could send is nobody's business.
    let idle = machine.run(&["--json", "devnet", "--validators", "1", "--for", "1s", "--senders", "5", "--dir", "net"]).code(0);
    assert!(!idle.err.contains("accounts that send"), "{}", idle.err);
}

#[test]
fn a_node_that_others_could_reach_says_that_it_was_not_asked_to() {
    let machine = Machine::new();
    drop(Devnet::start(&machine, 1));
    let file = machine.path("net/validator-0/node.toml");
    let good = std::fs::read_to_string(&file).unwrap();
    let (start, rest) = good.split_once("[rpc]\nlisten = \"127.0.0.1:").unwrap();
    std::fs::write(&file, format!("{start}[rpc]\nlisten = \"0.0.0.0:{rest}")).unwrap();
    machine.run(&["node", file.to_str().unwrap()]).code(64).says(&["exposed = true"]);
    std::fs::write(&file, good.replace("idle_ms = 500", "idle_ms = 0")).unwrap();
    machine.run(&["node", file.to_str().unwrap()]).code(4).says(&["idle_ms"]);
    std::fs::write(&file, good.replace("idle_ms", "idel_ms")).unwrap();
    machine.run(&["node", file.to_str().unwrap()]).code(4).says(&["idel_ms"]);
    // A genesis that was changed by a bit is no chain.
    std::fs::write(&file, good).unwrap();
    let genesis = machine.path("net/genesis.cbor");
    let mut bytes = std::fs::read(&genesis).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&genesis, bytes).unwrap();
    machine.run(&["node", file.to_str().unwrap()]).code(1).says(&["genesis-allocations"]);
}
