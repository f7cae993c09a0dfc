//! The log in every form, out of the log and out of a bundle, as an operator and a stranger would make them.

use crate::common::Machine;
use std::fs;

#[test]
fn the_operator_exports_every_form_and_a_stranger_those_that_need_no_key() {
    let machine = Machine::with_model();
    fs::write(machine.path("operator.pub"), machine.run(&["key", "show", "--pem"]).ok().out).unwrap();
    machine.run(&["log", "export", "-o", "case.oar"]).ok().says(&["case.oar: 3 records from 0"]);
    machine.run(&["log", "export", "--as", "receipt", "--record", "2", "-o", "2.receipt"]).ok();
    machine.run(&["log", "export", "--as", "dsse", "--record", "2", "-o", "2.json"]).ok();
    machine.run(&["log", "export", "--as", "dsse", "-o", "all.json"]).ok();
    machine.run(&["log", "export", "--as", "jsonl", "--range", "0-2", "-o", "ours.jsonl"]).ok();
    machine.run(&["log", "export", "--as", "tiles", "-o", "site/"]).ok();
    assert_eq!(fs::read(machine.path("2.receipt")).unwrap()[..2], [0xd2, 0x84], "a tagged COSE_Sign1");
    let envelope: serde_json::Value = serde_json::from_slice(&fs::read(machine.path("2.json")).unwrap()).unwrap();
    assert_eq!(envelope["payloadType"], "application/vnd.in-toto+json");

    machine.oar(&["export", "case.oar", "--as", "jsonl", "-o", "theirs.jsonl"]).ok();
    assert_eq!(fs::read(machine.path("ours.jsonl")).unwrap(), fs::read(machine.path("theirs.jsonl")).unwrap(), "the same records, the same lines");
    machine.run(&["log", "export", "-o", "later.oar"]).ok();
    machine.oar(&["export", "later.oar", "--as", "tiles", "-o", "mirror"]).ok();
    // What the first folder holds, the second, of a longer log, continues: two more records, those of the tiles' own export.
    let entries = |folder: &str, width: u64| fs::read(machine.path(&format!("{folder}/tile/entries/000.p/{width}"))).unwrap();
    let size: u64 = fs::read_to_string(machine.path("site/checkpoint")).unwrap().lines().nth(1).unwrap().parse().unwrap();
    assert!(entries("mirror", size + 2).starts_with(&entries("site", size)));

    machine.oar(&["prove", "later.oar", "--record", "2", "-o", "2.oar"]).ok();
    machine.oar(&["verify", "2.oar", "--key", "operator.pub", "--require", "integrity,authenticity,inclusion"]).ok().says(&["VERIFIED"]);
    machine.oar(&["diff", "case.oar", "later.oar"]).code(1).says(&["only in the second: 3"]);
    machine.oar(&["fork-proof", "case.oar", "later.oar", "-o", "case.fork"]).code(1).says(&["no fork", "can both be true"]);
    let exports = machine.lines(&["log", "list", "--action", "log.export", "--kind", "intent"]);
    assert_eq!(exports.len(), 7, "each export of the operator's is on record, none of the stranger's");
    machine.assert_log_valid();
}

#[test]
fn a_form_that_cannot_hold_what_was_asked_says_so_and_records_nothing() {
    let machine = Machine::with_model();
    for (args, said) in [
        (&["--as", "receipt"][..], "say which with --record"),
        (&["--as", "tiles", "--record", "1"], "tiles hold the whole log"),
        (&["--as", "dsse", "--open", "all"], "shows no values"),
        (&["--as", "parchment"], "jsonl"),
    ] {
        machine.run(&[&["log", "export", "-o", "new"], args].concat()).code(64).says(&[said]);
    }
    assert!(!fs::exists(machine.path("new")).unwrap());
    assert_eq!(machine.lines(&["log", "list"]).len(), 3);
}
