//! What strangers send, read: bodies, ids in paths, queries. Nothing here knows a node.

use super::limits::{FROM_MAX, LIGHT_KEYS_MAX, PAGE};
use super::refused::{Refused, Result};
use super::shapes::{LIGHT, SUBMIT};
use base64ct::{Base64, Encoding};
use mickai_proof::digest::{BlockId, LogId, TransactionId};
use mickai_proof::limits::{NAME_BYTES_MAX, TRANSACTION_BYTES_MAX};
use mickai_proof::pantheon::{Address, Height, Network, StateKey, Transaction};
use serde_json::Value;

/// Which block is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The newest final one.
    Newest,
    /// By its place.
    At(Height),
    /// By its id.
    Id(BlockId),
}

/// A part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// The first.
    pub from: u64,
    /// How many at most.
    pub limit: u64,
}

/// The transaction of a body.
///
/// # Errors
/// What is no JSON, of another shape, or not the encoding of a transaction.
pub fn transaction(body: &[u8]) -> Result<Transaction> {
    let value = json(body)?;
    SUBMIT.check(&value, "")?;
    let bytes = match (value["base64"].as_str(), value["hex"].as_str()) {
        (Some(text), _) => Base64::decode_vec(text).map_err(|_| Refused::malformed("base64 must be padded base64 (RFC 4648 §4), without line ends"))?,
        (None, Some(text)) => unhex(text).ok_or_else(|| Refused::malformed("hex must be pairs of digits in lower-case hex"))?,
        (None, None) => return Err(Refused::malformed("the body must have base64 or hex")),
    };
    if bytes.len() > TRANSACTION_BYTES_MAX {
        return Err(Refused::too_large("transaction", bytes.len() as u64, TRANSACTION_BYTES_MAX as u64));
    }
    Transaction::parse(&bytes).map_err(Refused::of_form)
}

/// The keys of a body, for a light proof; each once.
///
/// # Errors
/// What is no JSON, of another shape, or a key that there cannot be.
pub fn keys(body: &[u8], network: Network) -> Result<Vec<StateKey>> {
    let value = json(body)?;
    LIGHT.check(&value, "")?;
    let mut keys = Vec::new();
    for (at, key) in value["keys"].as_array().into_iter().flatten().enumerate().take(LIGHT_KEYS_MAX) {
        let key = state_key(at, key["kind"].as_str().unwrap_or_default(), key["id"].as_str(), network)?;
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    Ok(keys)
}

fn state_key(at: usize, kind: &str, id: Option<&str>, network: Network) -> Result<StateKey> {
    let needed = || id.ok_or_else(|| Refused::malformed(format!("keys[{at}].id must be there for the kind {kind}")));
    let of_address = |id: &str| address(id, network);
    Ok(match kind {
        "account" => StateKey::Account(of_address(needed()?)?),
        "validator" => StateKey::Validator(of_address(needed()?)?),
        "voter" => StateKey::Voter(of_address(needed()?)?),
        "log" => StateKey::Log(log(needed()?)?),
        "name" => StateKey::Name(name(needed()?)?),
        _ if id.is_some() => return Err(Refused::malformed(format!("keys[{at}].id must be absent for the kind {kind}"))),
        "totals" => StateKey::Totals,
        "roster" => StateKey::Roster,
        _ => StateKey::Seats,
    })
}

/// An address in a path.
///
/// # Errors
/// `malformed-address`, `address-network`.
pub fn address(text: &str, network: Network) -> Result<Address> {
    Address::from_text(text, network).map_err(Refused::of_form)
}

/// A log's id in a path.
///
/// # Errors
/// Another form.
pub fn log(text: &str) -> Result<LogId> {
    lower(text).and_then(LogId::from_hex).ok_or_else(|| not_an_id("log"))
}

/// A transaction's id in a path.
///
/// # Errors
/// Another form.
pub fn transaction_id(text: &str) -> Result<TransactionId> {
    lower(text).and_then(TransactionId::from_hex).ok_or_else(|| not_an_id("transaction"))
}

/// A name in a path (spec/pantheon.md "Transactions").
///
/// # Errors
/// Another form.
pub fn name(text: &str) -> Result<String> {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let is_name = (3..=NAME_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_letter) && !text.starts_with('-') && !text.ends_with('-');
    is_name.then(|| text.to_owned()).ok_or_else(|| Refused::malformed("a name is 3 to 32 of a to z, 0 to 9 and -, not at either end"))
}

/// A block in a path: `newest`, a height, or an id.
///
/// # Errors
/// Another form.
pub fn block(text: &str) -> Result<Which> {
    if text == "newest" {
        return Ok(Which::Newest);
    }
    if let Some(id) = lower(text).and_then(BlockId::from_hex) {
        return Ok(Which::Id(id));
    }
    number(text).map(|height| Which::At(Height(height))).ok_or_else(|| Refused::malformed("a block is `newest`, a height, or an id of 64 digits in lower-case hex"))
}

/// The part of a list that a query asks for, of so many at most.
///
/// # Errors
/// A parameter that is not known, is there twice, or is no number within its bounds.
pub fn page(query: &str, most: u64) -> Result<Page> {
    let (mut from, mut limit) = (None, None);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let place = match name {
            "from" => &mut from,
            "limit" => &mut limit,
            _ => return Err(Refused::malformed("the query takes from and limit")),
        };
        let bounds = if name == "from" { 0..=FROM_MAX } else { 1..=most };
        let number = number(value).filter(|number| bounds.contains(number));
        let number = number.ok_or_else(|| Refused::malformed(format!("{name} must be a whole number from {} to {}", bounds.start(), bounds.end())))?;
        if place.replace(number).is_some() {
            return Err(Refused::malformed(format!("{name} is there twice")));
        }
    }
    Ok(Page { from: from.unwrap_or(0), limit: limit.unwrap_or(PAGE.min(most)) })
}

/// The height after which a stream of events goes on, from its header.
///
/// # Errors
/// No number.
pub fn last_event(text: &str) -> Result<Height> {
    number(text).map(Height).ok_or_else(|| Refused::malformed("Last-Event-ID is the height of the last block that was seen"))
}

fn json(body: &[u8]) -> Result<Value> {
    serde_json::from_slice(body).map_err(|error| Refused::malformed(format!("the body is not JSON: {error}")))
}

fn not_an_id(what: &str) -> Refused {
    Refused::malformed(format!("a {what} is named by 64 digits in lower-case hex"))
}

/// One id has one text.
fn lower(text: &str) -> Option<&str> {
    (!text.bytes().any(|byte| byte.is_ascii_uppercase())).then_some(text)
}

/// Digits alone, in their one form: no sign, no zeros before.
fn number(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    is_plain.then(|| text.parse().ok()).flatten()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::limits::PAGE_MAX;
    use super::*;

    #[test]
    fn pages_blocks_and_numbers_have_one_form() {
        let page = |query| page(query, PAGE_MAX).ok().map(|page| (page.from, page.limit));
        assert_eq!([page(""), page("from=7"), page("limit=3&from=0")], [Some((0, PAGE)), Some((7, PAGE)), Some((0, 3))]);
        for query in ["limit=0", "limit=1001", "limit=", "limit", "from=-1", "from=1&from=1", "form=1", "limit=01", "limit=%31"] {
            assert_eq!(page(query), None, "{query}");
        }
        let id = "0123456789abcdef".repeat(4);
        assert_eq!(block("newest"), Ok(Which::Newest));
        assert_eq!(block("12"), Ok(Which::At(Height(12))));
        assert!(matches!(block(&id), Ok(Which::Id(_))));
        for text in ["", "012", "+1", "1 ", "18446744073709551616", &id[1..], &id.to_uppercase()] {
            assert!(block(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn bodies_are_read_or_refused_by_their_code() {
        let code = |body: &str| transaction(body.as_bytes()).err().map(|refused| (refused.status, refused.code));
        assert_eq!(code("{"), Some((400, "malformed-request")));
        assert_eq!(code(r#"{"base64":"AA==","hex":"00"}"#), Some((400, "malformed-request")));
        assert_eq!(code(r#"{"base64":"AA"}"#), Some((400, "malformed-request")));
        assert_eq!(code(r#"{"hex":"0"}"#), Some((400, "malformed-request")));
        assert_eq!(code(r#"{"hex":"00"}"#), Some((400, "malformed-transaction")));
        assert_eq!(code(&format!(r#"{{"hex":"{}"}}"#, "00".repeat(TRANSACTION_BYTES_MAX + 1))), Some((413, "oversized")));
        let key = |body: &str| keys(body.as_bytes(), Network::Test).map(|keys| keys.len()).map_err(|refused| refused.code);
        assert_eq!(key(r#"{"keys":[{"kind":"totals"},{"kind":"totals","id":null},{"kind":"name","id":"abc"}]}"#), Ok(2));
        assert_eq!(key(r#"{"keys":[{"kind":"totals","id":"x"}]}"#), Err("malformed-request"));
        assert_eq!(key(r#"{"keys":[{"kind":"account"}]}"#), Err("malformed-request"));
        assert_eq!(key(r#"{"keys":[{"kind":"account","id":"tpan1x"}]}"#), Err("malformed-address"));
    }
}
