//! The command: settle now, say where and when, or show how things stand.

use super::reached::{Reached, node_at};
use super::settler::{Standing, address_of};
use super::told::{kept_json, kept_text, settlement_json, settlement_text, settling_json, settling_text, tell};
use crate::args::{Settle, SettleCommand};
use crate::failure::Failure;
use crate::out::Out;
use crate::plain;
use mickai_proof::digest::ChainId;
use mickai_runtime::settle::{Cadence, Place, SettleChange, SettleError, Settling};
use mickai_runtime::{Error, Result as SystemResult, System};
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
            let settling = chosen(system)?;
            let settlement = system.settle(&mut Reached::of(system, &settling)?)?;
            out.object(&settlement_json(&settlement), || settlement_text(&settlement))?;
        }
    }
    Ok(0)
}

/// Settles because the operator said when; a chain that is away spoils no other command.
pub fn automatic(system: &System) {
    let reached = system.settling().and_then(|settling| Reached::of(system, &settling));
    tell(reached.and_then(|mut reached| system.settle_automatically(&mut reached)));
}

/// Where nobody chose a chain, the first settlement chooses the home's own, which is on record before anything is settled there.
fn chosen(system: &System) -> SystemResult<Settling> {
    let settling = system.settling()?;
    if settling.chain.is_some() {
        return Ok(settling);
    }
    match system.set_settling(SettleChange { place: Some(Place::Own), every: None }) {
        Ok((settling, _)) => Ok(settling),
        // Another process has done it in the meantime.
        Err(Error::Settle(SettleError::NoChange)) => system.settling(),
        Err(error) => Err(error),
    }
}

/// What the flags change; nothing where none is given.
fn change(args: &Settle) -> Result<Option<SettleChange>, Failure> {
    let mut change = SettleChange::default();
    if let (Some(node), Some(chain)) = (&args.node, &args.chain) {
        node_at(node)?;
        let wrong = || Failure::Value { flag: "--chain", value: chain.clone(), wanted: "the digest of genesis that `pantheon genesis show` prints, 64 hex digits" };
        change.place = Some(Place::Node { url: node.clone(), chain: ChainId::from_hex(chain).ok_or_else(wrong)? });
    }
    if args.own {
        change.place = Some(Place::Own);
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
    Ok((change.place.is_some() || change.every.is_some()).then_some(change))
}

fn status(system: &System, out: Out) -> Result<(), Failure> {
    let settling = system.settling()?;
    let kept = system.settlements()?;
    let account = Wallet::open(system.home())?.map(|wallet| Account { address: settling.node.is_none().then(|| address_of(&wallet)) });
    let standing = (settling.chain.is_some() && account.is_some()).then(|| Reached::of(system, &settling).and_then(|mut reached| reached.standing()));
    let size = system.reader()?.size();
    let mut fields = settling_json(&settling);
    if let Value::Object(fields) = &mut fields {
        fields.insert("records".to_owned(), json!(size));
        fields.insert("account".to_owned(), standing_json(account.as_ref(), standing.as_ref()));
        fields.insert("settlements".to_owned(), kept.iter().map(kept_json).collect());
    }
    out.object(&fields, || {
        let mut lines = vec![settling_text(&settling), account_text(account.as_ref(), standing.as_ref())];
        lines.extend(kept.iter().map(|kept| kept_text(kept, size)));
        if kept.is_empty() {
            lines.push("nothing of this log is settled yet".to_owned());
        }
        lines.join("\n")
    })
}

/// The account that the home's wallet is for, as far as the home alone tells.
struct Account {
    /// In the form of its network; of which one the chain of a node is, only the node says.
    address: Option<String>,
}

impl Account {
    fn text(&self) -> String {
        match &self.address {
            Some(address) => format!("account {address}"),
            None => "an account, whose address has the form of the chain's network, which the node says".to_owned(),
        }
    }
}

fn account_text(account: Option<&Account>, standing: Option<&SystemResult<Standing>>) -> String {
    match (account, standing) {
        (None, _) => "no account yet: the first `mickai settle` makes its key".to_owned(),
        (Some(_), Some(Ok(standing))) => {
            let balance = standing.balance.map_or_else(|| "nothing: have somebody transfer PAN to it".to_owned(), |balance| balance.to_string());
            format!("account {} has {balance} at height {}", standing.address, standing.height.0)
        }
        (Some(account), Some(Err(failure))) => format!("{}\n{}", account.text(), plain::set_in(&failure.to_string())),
        (Some(account), None) => account.text(),
    }
}

fn standing_json(account: Option<&Account>, standing: Option<&SystemResult<Standing>>) -> Value {
    let address = account.and_then(|account| account.address.as_deref());
    match standing {
        Some(Ok(standing)) => json!({
            "address": standing.address,
            "obols": standing.balance.map(|balance| balance.obols().to_string()),
            "height": standing.height.0,
        }),
        Some(Err(failure)) => json!({ "address": address, "error": failure.to_string() }),
        None => json!({ "address": address }),
    }
}
