//! What is said of settings and settlements, as text and as JSON. A chain of too few says so in every one of them.

use crate::out::remark;
use crate::plain;
use mickai_proof::verify::{Settled, WITNESS_SEATS_MIN};
use mickai_runtime::Result;
use mickai_runtime::settle::{Cadence, Settlement, SettlementKept, Settling};
use serde_json::{Value, json};

/// Says on standard error what came of a settlement that nobody waits for.
pub fn tell(settled: Result<Settlement>) {
    match settled {
        Ok(settlement) => remark(settlement_text(&settlement)),
        Err(error) => remark(format_args!("mickai: not settled: {}", plain::set_in(&error.to_string()))),
    }
}

pub fn settling_text(settling: &Settling) -> String {
    let place = match (&settling.node, settling.chain) {
        (Some(node), Some(chain)) => format!("settles on chain {chain} through {node}"),
        (_, Some(chain)) => format!("settles on chain {chain} in this home, a chain of one: completeness still unwitnessed"),
        _ => "settles on a chain of one, which the first `mickai settle` makes in this home: completeness still unwitnessed".to_owned(),
    };
    let Cadence { records, minutes } = settling.every;
    let every: Vec<String> = [records.map(|count| format!("every {count} records")), minutes.map(|count| format!("every {count} minutes"))].into_iter().flatten().collect();
    format!("{place}\n{}", if every.is_empty() { "when it is told to".to_owned() } else { format!("by itself {}", every.join(" and ")) })
}

pub fn settling_json(settling: &Settling) -> Value {
    json!({
        "node": settling.node,
        "own": settling.node.is_none(),
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
        seats if !counts(settled) => format!("settled on a chain of {seats}: completeness still unwitnessed"),
        seats => format!("settled on a chain of {seats} seats"),
    }
}

fn counts(settled: &Settled) -> bool {
    settled.seats >= WITNESS_SEATS_MIN
}

pub fn settlement_text(settlement: &Settlement) -> String {
    let (settled, (intent, outcome)) = (&settlement.settled, settlement.records);
    let said =
        format!("{}: {} records, block {} of chain {}; records {} and {} say so", worth(settled), settled.size, settled.height.0, settled.chain, intent.index, outcome.index);
    // Pinning a chain of too few changes no verdict.
    if counts(settled) { format!("{said}. A verifier needs `--chain {}`", settled.chain) } else { said }
}

pub fn settlement_json(settlement: &Settlement) -> Value {
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
        "counts": counts(settled),
        "worth": worth(settled),
    })
}

pub fn kept_json(kept: &SettlementKept) -> Value {
    kept.settled.as_ref().map_or_else(|| json!({ "chain": kept.chain.to_string(), "holds": false }), settled_json)
}

pub fn kept_text(kept: &SettlementKept, size: u64) -> String {
    match &kept.settled {
        Some(settled) => format!("{}: {} of {size} records, block {} of chain {}", worth(settled), settled.size, settled.height.0, settled.chain),
        None => format!("the proof that is kept of chain {} does not hold, and goes into no bundle: `mickai settle` makes another", kept.chain),
    }
}
