//! Commands that look: supply, status, validators, blocks, transactions, logs, accounts.

use crate::args::{Account, Block, Cli, Log, Tx};
use crate::client::{Rpc, text};
use crate::failure::Failure;
use crate::out::Out;
use crate::wallet::whole_supply;
use serde_json::Value;

/// A path of one thing, whose name goes into a path as it is: one that cannot is none.
fn under(folder: &'static str, flag: &'static str, name: &str) -> Result<String, Failure> {
    let is_plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if is_plain { Ok(format!("{folder}{name}")) } else { Err(Failure::Value { flag, value: name.to_owned(), wanted: "letters, digits and - only" }) }
}

pub fn supply(cli: &Cli, out: Out) -> Result<u8, Failure> {
    let told = Rpc::new(cli.rpc).get("/v1/supply")?;
    let whole = whole_supply(&told)?;
    let of = |name: &str| text(&told, &format!("/{name}/pan")).to_owned();
    out.object(&told, || format!("{whole}\nin accounts {}\nin bonds    {}\nunbonding   {}\ntreasury    {}", of("balances"), of("bonds"), of("unbonding"), of("treasury")))?;
    Ok(0)
}

pub fn status(cli: &Cli, out: Out) -> Result<u8, Failure> {
    out.fields(&Rpc::new(cli.rpc).get("/v1/status")?)?;
    Ok(0)
}

pub fn validators(cli: &Cli, out: Out) -> Result<u8, Failure> {
    let told = Rpc::new(cli.rpc).get("/v1/validators")?;
    let seats: Vec<&str> = told["seats"].as_array().into_iter().flatten().map(|seat| text(seat, "/account")).collect();
    let row = |bond: &Value| {
        let account = text(bond, "/account");
        let state = if bond["is_barred"] == true {
            "barred"
        } else if seats.contains(&account) {
            "votes"
        } else {
            "waits"
        };
        (bond.clone(), vec![state.to_owned(), text(bond, "/bond/pan").to_owned(), account.to_owned(), text(bond, "/key").to_owned()])
    };
    let rows: Vec<_> = told["bonds"].as_array().into_iter().flatten().map(row).collect();
    out.table(&["STATE", "BOND", "ACCOUNT", "KEY"], &rows)?;
    Ok(0)
}

pub fn block(cli: &Cli, command: &Block, out: Out) -> Result<u8, Failure> {
    let Block::Show { block } = command;
    out.fields(&Rpc::new(cli.rpc).get(&under("/v1/blocks/", "BLOCK", block)?)?)?;
    Ok(0)
}

pub fn tx(cli: &Cli, command: &Tx, out: Out) -> Result<u8, Failure> {
    let Tx::Show { id } = command;
    out.fields(&Rpc::new(cli.rpc).get(&under("/v1/transactions/", "ID", id)?)?)?;
    Ok(0)
}

pub fn log(cli: &Cli, command: &Log, out: Out) -> Result<u8, Failure> {
    let Log::Show { id, note } = command;
    let mut rpc = Rpc::new(cli.rpc);
    let told = rpc.get(&under("/v1/logs/", "ID", id)?)?;
    if *note {
        let note = told.pointer("/newest/note").and_then(Value::as_str).ok_or(Failure::Answer { address: rpc.address(), wanted: "settled checkpoint of this log" })?;
        out.piece(note)?;
    } else {
        out.fields(&told)?;
    }
    Ok(0)
}

pub fn account(cli: &Cli, command: &Account, out: Out) -> Result<u8, Failure> {
    let Account::Show { address } = command;
    out.fields(&Rpc::new(cli.rpc).get(&under("/v1/accounts/", "ADDRESS", address)?)?)?;
    Ok(0)
}
