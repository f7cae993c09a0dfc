//! What strangers send to a node's RPC: what is read is what the JSON says, by the one text that there is for it, and every refusal is the caller's fault.

use super::harness::{Held, Target, ensure};
use super::vectors;
use base64ct::{Base64, Encoding};
use mickai_pantheond::rpc::ask::{self, Which};
use mickai_pantheond::rpc::{Refused, routes};
use mickai_proof::pantheon::{Network, StateKey, Transaction};
use serde_json::{Value, json};
use std::path::Path;

/// The target. The first byte of its input says which reader gets the rest.
pub const TARGET: Target = Target { name: "rpc", holds: |data| holds(data, ask::transaction), canary: |data| holds(data, canary), seeds, case_count: 12_000 };

const READER_COUNT: u8 = 5;

type Read = fn(&[u8]) -> Result<Transaction, Refused>;

fn holds(data: &[u8], read: Read) -> Held {
    let Some((reader, rest)) = data.split_first() else { return Ok(()) };
    match reader % READER_COUNT {
        0 => checked(read(rest))?.map_or(Ok(()), |transaction| submitted(rest, &transaction)),
        1 => checked(ask::keys(rest, Network::Test))?.map_or(Ok(()), |keys| asked(&keys)),
        2 => str::from_utf8(rest).map_or(Ok(()), path),
        3 => str::from_utf8(rest).map_or(Ok(()), query),
        _ => str::from_utf8(rest).map_or(Ok(()), header),
    }
}

/// A refusal blames the caller, and says which of the things that there are to blame.
fn checked<T>(read: Result<T, Refused>) -> Result<Option<T>, String> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(refused) => ensure((400..500).contains(&refused.status) && !refused.code.is_empty() && !refused.message.is_empty(), "a refusal that blames nobody").map(|()| None),
    }
}

/// The body is an object of one member, which holds the transaction's encoding.
fn submitted(body: &[u8], transaction: &Transaction) -> Held {
    let value: Value = serde_json::from_slice(body).map_err(|_| "a body that is not JSON was read")?;
    let bytes = transaction.encode();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    ensure(value == json!({ "base64": Base64::encode_string(&bytes) }) || value == json!({ "hex": hex }), "a transaction that the body does not say")
}

/// Each key once, and the same again when it is asked for by its one text.
fn asked(keys: &[StateKey]) -> Held {
    let one = |key: &StateKey| {
        let (kind, id) = match key {
            StateKey::Account(address) => ("account", Some(address.to_text(Network::Test))),
            StateKey::Log(log) => ("log", Some(log.to_string())),
            StateKey::Validator(address) => ("validator", Some(address.to_text(Network::Test))),
            StateKey::Voter(address) => ("voter", Some(address.to_text(Network::Test))),
            StateKey::Name(name) => ("name", Some(name.clone())),
            StateKey::Totals => ("totals", None),
            StateKey::Roster => ("roster", None),
            StateKey::Seats => ("seats", None),
        };
        json!({ "kind": kind, "id": id })
    };
    let body = json!({ "keys": keys.iter().map(one).collect::<Vec<_>>() }).to_string();
    ensure(ask::keys(body.as_bytes(), Network::Test).as_deref() == Ok(keys), "keys that do not read back, each once")
}

/// A path leads somewhere by one method at most, and what stands in it has one text.
fn path(path: &str) -> Held {
    let leads = ["GET", "POST"].map(|method| matches!(routes::find(method, path), routes::Found::Route(..)));
    ensure(leads != [true, true], "a path that leads to two routes")?;
    let Some(name) = path.rsplit('/').next() else { return Ok(()) };
    if let Some(which) = checked(ask::block(name))? {
        let text = match which {
            Which::Newest => "newest".to_owned(),
            Which::At(height) => height.to_string(),
            Which::Id(id) => id.to_string(),
        };
        ensure(text == name, "a block with two names")?;
    }
    if let Some(address) = checked(ask::address(name, Network::Test))? {
        ensure(address.to_text(Network::Test) == name, "an address with two texts")?;
    }
    if let Some(id) = checked(ask::transaction_id(name))? {
        ensure(id.to_string() == name, "a transaction with two names")?;
    }
    if let Some(log) = checked(ask::log(name))? {
        ensure(log.to_string() == name, "a log with two names")?;
    }
    checked(ask::name(name)).map(drop)
}

/// A part of a list is within its bounds, and reads back.
fn query(query: &str) -> Held {
    let Some(page) = checked(ask::page(query, 1_000))? else { return Ok(()) };
    ensure((1..=1_000).contains(&page.limit), "a part of a list beyond its bounds")?;
    ensure(ask::page(&format!("from={}&limit={}", page.from, page.limit), 1_000) == Ok(page), "a part of a list that does not read back")
}

fn header(text: &str) -> Held {
    checked(ask::last_event(text))?.map_or(Ok(()), |height| ensure(height.to_string() == text, "a height with two texts"))
}

/// Passes over a byte after the end.
fn canary(body: &[u8]) -> Result<Transaction, Refused> {
    ask::transaction(body).or_else(|refused| body.split_last().ok_or(refused).and_then(|(_, shorter)| ask::transaction(shorter)))
}

/// The transactions of the vectors as bodies, and something of every other kind.
fn seeds(folder: &Path) -> Vec<Vec<u8>> {
    let bodies = vectors::of(folder, "pantheon").into_iter().filter(|vector| vector.get("bytes").is_some()).map(|vector| vectors::base64(&vector, "bytes"));
    let transactions: Vec<Vec<u8>> = bodies.filter(|bytes| Transaction::parse(bytes).is_ok()).collect();
    let mut seeds: Vec<Vec<u8>> = transactions.iter().map(|bytes| [b"\0", json!({ "base64": Base64::encode_string(bytes) }).to_string().as_bytes()].concat()).collect();
    seeds.push(b"\0{\"hex\":\"83\"}".to_vec());
    seeds.push(
        b"\x01{\"keys\":[{\"kind\":\"totals\"},{\"kind\":\"name\",\"id\":\"abc\"},{\"kind\":\"log\",\"id\":\"0000000000000000000000000000000000000000000000000000000000000000\"}]}"
            .to_vec(),
    );
    let paths = [
        "/v1/blocks/newest",
        "/v1/blocks/12",
        "/v1/names/a%2Db",
        "/v1/transactions",
        "/v1/accounts/x/transactions",
        "/v1/logs/0000000000000000000000000000000000000000000000000000000000000000",
    ];
    seeds.extend(paths.iter().map(|path| [b"\x02", path.as_bytes()].concat()));
    seeds.push(b"\x03from=7&limit=30".to_vec());
    seeds.push(b"\x0418446744073709551615".to_vec());
    seeds
}
