//! The command: settle now, say where and when, or show how things stand.

use super::node::Node;
use super::settler::{NodeSettler, Standing, address_of};
use crate::args::{Settle, SettleCommand};
use crate::failure::Failure;
use crate::out::Out;
use mickai_proof::digest::ChainId;
use mickai_proof::verify::{Settled, WITNESS_SEATS_MIN};
use mickai_runtime::System;
use mickai_runtime::settle::{Cadence, SettleChange, Settlement, SettlementKept, Settling};
use mickai_store::keys::Wallet;
use serde_json::{Value, json};

pub fn settle(system: &System, args: &Settle, out: Out) -> Result<u8, Failure> {
    match (&args.command, change(args)?) {
        (Some(SettleCommand::Status), _) => status(system, out)?,
        (None, Some(change)) => {
            let (settling, (intent, outcome)) = system.set_settling(change)?;
            let mut fields = settling_json(&settling);
            if let Value::Object(fields) = &mut fields {
                fields.extend([("intent".to_owned(), json!(intent.index)), ("outcome".to_owned(), json!(outcome.index))]);
            }
            out.object(&fields, || settling_text(&settling))?;
        }
        (None, None) => {
            let settlement = system.settle(&mut settler(system)?)?;
            out.object(&settlement_json(&settlement), || settlement_text(&settlement))?;
        }
    }
    Ok(0)
}

/// Settles because the operator said when; a chain that is away spoils no other command.
pub fn automatic(system: &System) {
    match settler(system).and_then(|mut settler| Ok(system.settle_automatically(&mut settler)?)) {
        Ok(settlement) => eprintln!("{}", settlement_text(&settlement)),
        Err(failure) => eprintln!("mickai: not settled: {failure}"),
    }
}

/// The chain that the operator chose, and the account that pays there.
fn settler(system: &System) -> Result<NodeSettler, Failure> {
    let settling = system.settling()?;
    let (Some(node), Some(chain)) = (&settling.node, settling.chain) else { return Err(Failure::NoChain) };
    Ok(NodeSettler::new(node_at(node)?, chain, Wallet::open_or_create(system.home())?))
}

fn node_at(url: &str) -> Result<Node, Failure> {
    let wrong = || Failure::Value { flag: "--node", value: url.to_owned(), wanted: "the address of a node's RPC, as http://127.0.0.1:8645" };
    Node::at(url).ok_or_else(wrong)?.map_err(Failure::Stream)
}

/// What the flags change; nothing where none is given.
fn change(args: &Settle) -> Result<Option<SettleChange>, Failure> {
    let mut change = SettleChange::default();
    if let (Some(node), Some(chain)) = (&args.node, &args.chain) {
        node_at(node)?;
        let wrong = || Failure::Value { flag: "--chain", value: chain.clone(), wanted: "the digest of genesis that `pantheon genesis show` prints, 64 hex digits" };
        change.chain = Some(Some((node.clone(), ChainId::from_hex(chain).ok_or_else(wrong)?)));
    }
    if args.never {
        change.every = Some(Cadence::default());
    }
    for pair in args.every.chunks(2) {
        let [number, unit] = pair else { continue };
        let wrong = |value: &str, wanted| Failure::Value { flag: "--every", value: value.to_owned(), wanted };
        let number: u64 = number.parse().map_err(|_| wrong(number, "a number and then records or minutes, as --every 100 records"))?;
        let every = change.every.get_or_insert_default();
        match unit.as_str() {
            "record" | "records" => every.records = Some(number),
            "minute" | "minutes" => every.minutes = Some(number),
            other => return Err(wrong(other, "records or minutes, as --every 100 records")),
        }
    }
    Ok((change.chain.is_some() || change.every.is_some()).then_some(change))
}

fn status(system: &System, out: Out) -> Result<(), Failure> {
    let settling = system.settling()?;
    let kept = system.settlements()?;
    let address = Wallet::open(system.home())?.map(|wallet| address_of(&wallet));
    let standing = if settling.chain.is_some() && address.is_some() {
        Some(settler(system).and_then(|mut settler| Ok(settler.standing().map_err(mickai_runtime::Error::from)?)))
    } else {
        None
    };
    let size = system.reader()?.size();
    let mut fields = settling_json(&settling);
    if let Value::Object(fields) = &mut fields {
        fields.insert("records".to_owned(), json!(size));
        fields.insert("account".to_owned(), standing_json(address.as_deref(), standing.as_ref()));
        fields.insert("settlements".to_owned(), kept.iter().map(kept_json).collect());
    }
    out.object(&fields, || {
        let mut lines = vec![settling_text(&settling), account_text(address.as_deref(), standing.as_ref())];
        lines.extend(kept.iter().map(|kept| kept_text(kept, size)));
        if kept.is_empty() {
            lines.push("nothing of this log is settled yet".to_owned());
        }
        lines.join("\n")
    })
}

fn account_text(address: Option<&str>, standing: Option<&Result<Standing, Failure>>) -> String {
    match (address, standing) {
        (None, _) => "no account yet: the first `mickai settle` makes its key".to_owned(),
        (Some(_), Some(Ok(standing))) => {
            let balance = standing.account.as_ref().map_or_else(|| "nothing: have somebody transfer PAN to it".to_owned(), |account| account.balance.to_string());
            format!("account {} has {balance} at height {}", standing.address, standing.height.0)
        }
        (Some(address), Some(Err(failure))) => format!("account {address}\n{failure}"),
        (Some(address), None) => format!("account {address}"),
    }
}

fn standing_json(address: Option<&str>, standing: Option<&Result<Standing, Failure>>) -> Value {
    match standing {
        Some(Ok(standing)) => json!({
            "address": standing.address,
            "obols": standing.account.as_ref().map(|account| account.balance.obols().to_string()),
            "height": standing.height.0,
        }),
        Some(Err(failure)) => json!({ "address": address, "error": failure.to_string() }),
        None => json!({ "address": address }),
    }
}

fn settling_text(settling: &Settling) -> String {
    let place = match (&settling.node, settling.chain) {
        (Some(node), Some(chain)) => format!("settles on chain {chain} through {node}"),
        _ => "settles nowhere: `mickai settle --node URL --chain ID` says where".to_owned(),
    };
    let Cadence { records, minutes } = settling.every;
    let every: Vec<String> = [records.map(|count| format!("every {count} records")), minutes.map(|count| format!("every {count} minutes"))].into_iter().flatten().collect();
    format!("{place}\n{}", if every.is_empty() { "when it is told to".to_owned() } else { format!("by itself {}", every.join(" and ")) })
}

fn settling_json(settling: &Settling) -> Value {
    json!({
        "node": settling.node,
        "chain": settling.chain.map(|chain| chain.to_string()),
        "every_records": settling.every.records,
        "every_minutes": settling.every.minutes,
        "record": settling.set_by.map(|set_by| set_by.index),
    })
}

/// What a settlement is worth, in the words of the verdict.
fn worth(settled: &Settled) -> String {
    match settled.seats {
        1 => "settled on a chain of one: completeness still unwitnessed".to_owned(),
        seats if seats < WITNESS_SEATS_MIN => format!("settled on a chain of {seats}: completeness still unwitnessed"),
        seats => format!("settled on a chain of {seats} seats"),
    }
}

fn settlement_text(settlement: &Settlement) -> String {
    let (settled, (intent, outcome)) = (&settlement.settled, settlement.records);
    format!(
        "{}: {} records, block {} of chain {}; records {} and {} say so. A verifier needs `--chain {}`",
        worth(settled),
        settled.size,
        settled.height.0,
        settled.chain,
        intent.index,
        outcome.index,
        settled.chain
    )
}

fn settlement_json(settlement: &Settlement) -> Value {
    let mut fields = settled_json(&settlement.settled);
    if let Value::Object(fields) = &mut fields {
        let (height, block) = settlement.block;
        fields.extend([
            ("block".to_owned(), json!(block.to_string())),
            ("block_height".to_owned(), json!(height.0)),
            ("intent".to_owned(), json!(settlement.records.0.index)),
            ("outcome".to_owned(), json!(settlement.records.1.index)),
        ]);
    }
    fields
}

fn settled_json(settled: &Settled) -> Value {
    json!({
        "chain": settled.chain.to_string(),
        "height": settled.height.0,
        "size": settled.size,
        "root": settled.root.to_string(),
        "seats": settled.seats,
        "counts": settled.seats >= WITNESS_SEATS_MIN,
    })
}

fn kept_json(kept: &SettlementKept) -> Value {
    kept.settled.as_ref().map_or_else(|| json!({ "chain": kept.chain.to_string(), "holds": false }), settled_json)
}

fn kept_text(kept: &SettlementKept, size: u64) -> String {
    match &kept.settled {
        Some(settled) => format!("{}: {} of {size} records, block {} of chain {}", worth(settled), settled.size, settled.height.0, settled.chain),
        None => format!("the proof that is kept of chain {} does not hold, and goes into no bundle: `mickai settle` makes another", kept.chain),
    }
}
