//! Genesis files: made of a text, shown, and refused where they give out an obol more or less than there is.

use crate::common::Machine;

/// Two validators and an allocation of so many PAN; 2,000,000 PAN are bonds.
fn text(machine: &Machine, allocation: &str) {
    let mut validators = String::new();
    for name in ["a", "b"] {
        let (file, account) = (format!("{name}.p8"), format!("{name}-account.p8"));
        if !machine.path(&file).exists() {
            machine.run(&["wallet", "new", "--key", &file]).code(0);
            machine.run(&["wallet", "new", "--key", &account]).code(0);
        }
        machine.write(&format!("{name}.pub"), &machine.run(&["wallet", "show", "--key", &file, "--pem"]).code(0).out);
        let address = machine.object(&["wallet", "show", "--key", &account])["test"].as_str().unwrap().to_owned();
        validators.push_str(&format!("[[validator]]\naccount = \"{address}\"\nkey = \"{name}.pub\"\nbond = \"1000000\"\n"));
    }
    let to = machine.object(&["wallet", "show", "--key", "a-account.p8"])["test"].as_str().unwrap().to_owned();
    machine.write(
        "genesis.toml",
        &format!(
            "network = \"test\"\nname = \"trial\"\ntime = \"2026-11-29T12:00:00Z\"\n[params]\nseats_min = 1\nseats_max = 4\nepoch_blocks = 10\nunbonding_epochs = 1\nbond_min = \"1000000\"\n\
             fee_base = \"0.000001\"\nfee_byte = \"0.000000001\"\ntreasury_share = 2500\n{validators}[[allocation]]\nto = \"{to}\"\namount = \"{allocation}\"\n"
        ),
    );
}

#[test]
fn exactly_the_supply_is_given_out_and_not_an_obol_more_or_less() {
    let machine = Machine::new();
    text(&machine, "4998000000");
    let made = machine.run(&["genesis", "new", "genesis.toml", "-o", "genesis.cbor"]).code(0).says(&["5000000000.000000000 PAN"]);
    let chain = made.out.lines().last().unwrap().strip_prefix("chain ").unwrap().to_owned();
    let shown = machine.object(&["genesis", "show", "genesis.cbor"]);
    assert_eq!((shown["chain"].as_str(), shown["bonds"].as_array().unwrap().len()), (Some(chain.as_str()), 2));
    assert_eq!(shown["allocations"][0]["amount"]["pan"], "4998000000.000000000 PAN");
    // What a killed one left beside it goes, also where there is nothing to write.
    machine.write("genesis.cbor.99999999.partial", "half");
    machine.run(&["genesis", "new", "genesis.toml", "-o", "genesis.cbor"]).code(1).says(&["exists"]);
    assert!(!machine.path("genesis.cbor.99999999.partial").exists());
    // The same text is the same chain.
    machine.run(&["genesis", "new", "genesis.toml", "-o", "again.cbor"]).code(0).says(&[&chain]);
    for (allocation, sum) in [("4998000000.000000001", "5000000000000000001"), ("4997999999.999999999", "4999999999999999999")] {
        text(&machine, allocation);
        machine.run(&["genesis", "new", "genesis.toml", "-o", "other.cbor"]).code(1).says(&["genesis-sum", sum, "5000000000000000000"]);
    }
    assert!(!machine.path("other.cbor").exists());
    // A file that was changed afterwards is none.
    let mut bytes = std::fs::read(machine.path("genesis.cbor")).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(machine.path("genesis.cbor"), bytes).unwrap();
    machine.run(&["genesis", "show", "genesis.cbor"]).code(1).says(&["genesis-allocations"]);
}

#[test]
fn a_text_that_is_wrong_says_where() {
    let machine = Machine::new();
    text(&machine, "4998000000");
    let good = std::fs::read_to_string(machine.path("genesis.toml")).unwrap();
    let cases = [
        ("network = \"test\"", "network = \"moon\"", "main or test", 4),
        ("time = \"2026-11-29T12:00:00Z\"", "time = \"soon\"", "an instant", 4),
        ("amount = \"4998000000\"", "amount = \"1.0000000001\"", "at most nine", 4),
        ("treasury_share = 2500", "treasury_share = 10001", "genesis-params", 1),
        ("seats_max = 4", "seats_max = 4\nseats = 5", "seats", 4),
        ("key = \"a.pub\"", "key = \"c.pub\"", "c.pub", 1),
        ("network = \"test\"", "network = \"main\"", "an address of this network", 4),
    ];
    for (from, to, said, code) in cases {
        assert!(good.contains(from), "{from}");
        machine.write("genesis.toml", &good.replace(from, to));
        machine.run(&["genesis", "new", "genesis.toml", "-o", "new.cbor"]).code(code).says(&[said]);
    }
    assert!(!machine.path("new.cbor").exists());
}
