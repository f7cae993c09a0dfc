//! Runs a devnet from its folder to its last figure.

use super::children::Validators;
use super::figures::{text_of, told};
use super::load::{Plan, run};
use super::make::{Folder, Wanted};
use crate::args::{Cli, Devnet};
use crate::client::{Rpc, whole};
use crate::command;
use crate::failure::Failure;
use crate::key;
use crate::out::{Out, remark};
use crate::passphrase;
use crate::wallet::whole_supply;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// As good as for ever.
const FOR_EVER: Duration = Duration::from_secs(u32::MAX as u64);
/// Where nothing says for how long transfers are to be sent.
const LOAD_TIME: Duration = Duration::from_secs(60);

pub fn devnet(cli: &Cli, args: &Devnet, out: Out) -> Result<u8, Failure> {
    let time = args.time.as_deref().map(duration).transpose()?;
    let path = match &args.dir {
        Some(path) => std::path::absolute(path).map_err(Failure::io(path))?,
        None => command::home(cli)?.join("devnet"),
    };
    let wanted = Wanted { validators: args.validators.into(), senders: args.senders.into(), epoch_blocks: args.epoch_blocks };
    let folder = Folder::open(&path, &wanted)?;
    if folder.configs.len() != wanted.validators {
        remark(format_args!("{} holds a devnet of {} validators, which goes on", path.display(), folder.configs.len()));
    }
    if args.load && folder.senders.len() != wanted.senders {
        remark(format_args!("{} holds a devnet with {} accounts that send, which goes on: --senders is for a new one", path.display(), folder.senders.len()));
    }
    let has_stopped = Arc::new(AtomicBool::new(false));
    let on_signal = has_stopped.clone();
    ctrlc::set_handler(move || on_signal.store(true, Ordering::Relaxed)).map_err(Failure::Interrupts)?;
    let mut validators = Validators::start(&folder.configs)?;
    announce(&folder, &validators, out)?;
    let rpcs: Vec<SocketAddr> = validators.0.iter().map(|validator| validator.rpc).collect();
    let custody = passphrase::custody(cli);
    let senders = if args.load { folder.senders.iter().map(|path| key::Key::from_seed(&key::seed(&custody, path)?)).collect::<Result<_, Failure>>()? } else { Vec::new() };
    let plan = Plan { rpcs: &rpcs, senders, window: args.window.into(), time: time.unwrap_or(if args.load { LOAD_TIME } else { FOR_EVER }) };
    let outcome = run(plan, &mut || {
        for (at, config, status) in validators.ended() {
            remark(format_args!("validator {at} ended ({status}): `pantheon node {}` starts it again", config.display()));
        }
        has_stopped.load(Ordering::Relaxed) || validators.are_gone()
    })?;
    if has_stopped.load(Ordering::Relaxed) && !args.load {
        return Ok(0);
    }
    let supply = supply(&rpcs)?;
    whole_supply(&supply)?;
    let figures = told(&outcome.blocks, args.load.then_some(&outcome.transfers), outcome.measured, &supply, &agreement(&rpcs)?);
    out.object(&figures, || text_of(&figures))?;
    Ok(0)
}

fn announce(folder: &Folder, validators: &Validators, out: Out) -> Result<(), Failure> {
    let chain = folder.genesis.head.id().to_string();
    let all: Vec<Value> = validators.0.iter().map(|one| json!({ "validator": one.at, "rpc": one.rpc, "pid": one.pid(), "config": one.config })).collect();
    let (path, wallet) = (folder.path.display(), folder.wallet());
    let alone = if validators.0.len() == 1 { "\na chain of one: what settles here is labelled so, and completeness is still unwitnessed" } else { "" };
    let told = json!({ "chain": chain, "folder": folder.path, "wallet": wallet, "validators": all });
    out.object(&told, || {
        let lines: Vec<String> = validators.0.iter().map(|one| format!("validator {}  RPC {}  process {}", one.at, one.rpc, one.pid())).collect();
        format!("chain {chain}\nfolder {path}\n{}\nnearly all PAN: --key {}{alone}", lines.join("\n"), wallet.display())
    })
}

/// The supply, as the first that answers counts it: one that was ended says nothing any more.
fn supply(rpcs: &[SocketAddr]) -> Result<Value, Failure> {
    let mut silent = Failure::Stalled { height: 0 };
    for address in rpcs {
        match Rpc::new(*address).get("/v1/supply") {
            Ok(supply) => return Ok(supply),
            Err(failure) => silent = failure,
        }
    }
    Err(silent)
}

/// The newest block that all who answer have, and that it is one.
fn agreement(rpcs: &[SocketAddr]) -> Result<Value, Failure> {
    let mut heights = Vec::new();
    for address in rpcs {
        // One that was ended says nothing any more.
        if let Ok(status) = Rpc::new(*address).get("/v1/status") {
            heights.push((*address, whole(&status, "/height")));
        }
    }
    let lowest = heights.iter().map(|(_, height)| *height).min().unwrap_or_default();
    if lowest == 0 {
        return Err(Failure::Stalled { height: 0 });
    }
    let mut blocks = Vec::new();
    for (address, _) in &heights {
        let block = Rpc::new(*address).get(&format!("/v1/blocks/{lowest}?limit=1"))?;
        blocks.push(block["header"]["id"].clone());
    }
    let first = blocks.first().cloned().unwrap_or_default();
    match blocks.iter().find(|id| **id != first) {
        Some(other) => Err(Failure::Forked { height: lowest, one: first.to_string(), other: other.to_string() }),
        None => Ok(json!({ "validators": heights.len(), "height": lowest, "block": first })),
    }
}

/// `60s`, `5m`, `1h`.
fn duration(text: &str) -> Result<Duration, Failure> {
    let wanted = || Failure::Value { flag: "--for", value: text.to_owned(), wanted: "a time like 60s, 5m or 1h" };
    let unit = text.chars().last().ok_or_else(wanted)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        _ => return Err(wanted()),
    };
    let count: u64 = text.strip_suffix(unit).and_then(|count| count.parse().ok()).filter(|count| (1..=1_000_000).contains(count)).ok_or_else(wanted)?;
    Ok(Duration::from_secs(count * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_numbers_with_a_unit() {
        assert_eq!(["60s", "5m", "1h"].map(|text| duration(text).unwrap().as_secs()), [60, 300, 3_600]);
        for text in ["", "60", "s", "-1s", "1d", "0s", "1.5m"] {
            assert!(duration(text).is_err(), "{text:?}");
        }
    }
}
