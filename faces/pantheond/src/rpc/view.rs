//! What a chain holds, as JSON: hex for ids, base64 for bytes, amounts in obols and in PAN.

use base64ct::{Base64, Encoding};
use mickai_ledger::Ledger;
use mickai_proof::digest::LogId;
use mickai_proof::pantheon::{
    Account, Action, Address, Amount, Block, Entry, GenesisHead, Header, Height, LogEntry, Name, Network, Params, StateKey, Totals, Transaction, Validator, quorum,
};
use serde_json::{Value, json};

/// An amount.
pub fn amount(amount: Amount) -> Value {
    json!({ "obols": amount.obols().to_string(), "pan": amount.to_string() })
}

/// A network's word.
pub fn network(network: Network) -> &'static str {
    match network {
        Network::Main => "main",
        Network::Test => "test",
    }
}

/// The rules of a chain.
pub fn params(params: &Params) -> Value {
    json!({
        "seats_min": params.seats_min,
        "seats_max": params.seats_max,
        "epoch_blocks": params.epoch_blocks,
        "unbonding_epochs": params.unbonding_epochs,
        "bond_min": amount(params.bond_min),
        "fee_base": amount(params.fee_base),
        "fee_byte": amount(params.fee_byte),
        "treasury_share": params.treasury_share,
    })
}

/// The head of genesis.
pub fn genesis(head: &GenesisHead) -> Value {
    let bonds: Vec<Value> =
        head.bonds.iter().map(|(account, key, bond)| json!({ "account": account.to_text(head.network), "key": key.id().to_string(), "bond": amount(*bond) })).collect();
    json!({
        "chain": head.id().to_string(),
        "network": network(head.network),
        "name": head.name,
        "time_ms": head.time_ms,
        "params": params(&head.params),
        "bonds": bonds,
        "treasury": amount(head.treasury),
        "allocation_count": head.allocation_count,
        "allocated": amount(head.allocated),
        "head": Base64::encode_string(&head.encode()),
    })
}

/// Totals that were counted, and whether they are what must be.
pub fn supply(height: Height, counted: Option<Totals>, stated: Totals) -> Value {
    let totals = counted.unwrap_or_default();
    let is_whole = counted == Some(stated) && totals.sum() == u128::from(Amount::SUPPLY.obols());
    json!({
        "height": height.0,
        "balances": amount(totals.balances),
        "bonds": amount(totals.bonds),
        "unbonding": amount(totals.unbonding),
        "treasury": amount(totals.treasury),
        "total": amount(Amount::from_obols(u64::try_from(totals.sum()).unwrap_or(u64::MAX))),
        "is_whole": is_whole,
    })
}

/// Who votes, and who put up a bond; at most so many of those.
pub fn validators(ledger: &Ledger, most: usize) -> Value {
    let state = ledger.state();
    let network = ledger.head().network;
    let seats: Vec<Value> = state.seats().iter().map(|seat| json!({ "account": seat.account.to_text(network), "key": seat.key.id().to_string() })).collect();
    let roster: &[Address] = if let Some(Entry::Roster(roster)) = state.get(&StateKey::Roster) { roster } else { &[] };
    let bonds: Vec<Value> = roster.iter().take(most).filter_map(|account| state.validator(*account).map(|one| validator(*account, one, network))).collect();
    json!({
        "height": ledger.height().0,
        "epoch": Height(ledger.height().0.saturating_add(1)).epoch(ledger.params().epoch_blocks),
        "set": ledger.validators().digest().to_string(),
        "quorum": quorum(ledger.validators().keys().len()),
        "seats": seats,
        "bonds": bonds,
        "bond_count": roster.len(),
    })
}

fn validator(account: Address, validator: &Validator, network: Network) -> Value {
    let unbonding: Vec<Value> = validator.unbonding.iter().map(|part| json!({ "amount": amount(part.amount), "release": part.release.0 })).collect();
    json!({
        "account": account.to_text(network),
        "key": validator.key.id().to_string(),
        "bond": amount(validator.bond),
        "is_barred": validator.is_barred,
        "unbonding": unbonding,
    })
}

/// An account; `None` where nothing ever came to it and it has no bond.
pub fn account(ledger: &Ledger, address: Address) -> Option<Value> {
    let network = ledger.head().network;
    let (account, bond) = (ledger.state().account(address), ledger.state().validator(address));
    if account.is_none() && bond.is_none() {
        return None;
    }
    let account = account.cloned().unwrap_or_default();
    let Account { nonce, balance, key } = account;
    Some(json!({
        "address": address.to_text(network),
        "height": ledger.height().0,
        "nonce": nonce,
        "balance": amount(balance),
        "key": key.map(|key| key.id().to_string()),
        "validator": bond.map(|bond| validator(address, bond, network)),
    }))
}

/// A log.
pub fn log(height: Height, log: LogId, entry: &LogEntry) -> Value {
    let keys: Vec<Value> = entry
        .keys
        .iter()
        .map(|reign| json!({ "key": reign.key.id().to_string(), "from": reign.from, "next": reign.committed.next.to_string(), "recovery": reign.committed.recovery.to_string() }))
        .collect();
    let revocations: Vec<Value> = entry.revocations.iter().map(|one| json!({ "key": one.revoked.to_string(), "effective": one.effective, "since_ms": one.since_ms })).collect();
    let newest = entry.newest.as_ref().zip(entry.note(log)).map(|(newest, note)| {
        let signer = usize::try_from(newest.key).ok().and_then(|at| entry.keys.get(at)).map(|reign| reign.key.id().to_string());
        json!({ "size": newest.size, "root": Base64::encode_string(&newest.root.0), "key": signer, "height": newest.height.0, "note": note })
    });
    json!({
        "log": log.to_string(),
        "height": height.0,
        "keys": keys,
        "revocations": revocations,
        "event": entry.event,
        "fork": entry.fork.map(|fork| fork.to_string()),
        "newest": newest,
    })
}

/// A name.
pub fn name(height: Height, name: &str, entry: &Name, network: Network) -> Value {
    json!({ "name": name, "height": height.0, "owner": entry.owner.to_text(network), "key": entry.key.to_string(), "mandate": entry.mandate.to_string() })
}

/// Bytes of a block's header and transactions.
pub fn byte_count(block: &Block) -> usize {
    block.header.encode().len() + block.transactions.iter().map(Transaction::byte_count).sum::<usize>()
}

/// A block's header.
pub fn header(block: &Block, network: Network) -> Value {
    let header: &Header = &block.header;
    json!({
        "id": header.id().to_string(),
        "chain": header.chain.to_string(),
        "height": header.height.0,
        "parent": header.parent.to_string(),
        "epoch": header.epoch,
        "view": header.view,
        "time_ms": header.time_ms,
        "transaction_count": header.transaction_count,
        "transactions": header.transactions.to_string(),
        "state": header.state.to_string(),
        "validators": header.validators.to_string(),
        "next": header.next.to_string(),
        "proposer": header.proposer.to_text(network),
        "byte_count": byte_count(block),
    })
}

/// A transaction in a list.
pub fn summary(transaction: &Transaction, network: Network) -> Value {
    let body = transaction.body();
    json!({
        "id": transaction.id().to_string(),
        "sender": body.sender.to_text(network),
        "nonce": body.nonce,
        "kind": body.action.kind(),
        "byte_count": transaction.byte_count(),
    })
}

/// A final transaction, whole.
pub fn transaction(block: &Block, index: usize, network: Network) -> Option<Value> {
    let transaction = block.transactions.get(index)?;
    let body = transaction.body();
    Some(json!({
        "id": transaction.id().to_string(),
        "height": block.header.height.0,
        "block": block.header.id().to_string(),
        "index": index,
        "sender": body.sender.to_text(network),
        "nonce": body.nonce,
        "fee": amount(body.fee),
        "expires": body.expires.0,
        "action": action(&body.action, network),
        "base64": Base64::encode_string(&transaction.encode()),
    }))
}

fn action(action: &Action, network: Network) -> Value {
    let mut told = match action {
        Action::Transfer { to, amount: given } => json!({ "to": to.to_text(network), "amount": amount(*given) }),
        Action::Attest(attestations) => {
            let one = |attestation: &mickai_proof::pantheon::Attestation| {
                let checkpoint = &attestation.checkpoint;
                json!({ "log": checkpoint.log.to_string(), "size": checkpoint.size, "root": Base64::encode_string(&checkpoint.root.0) })
            };
            json!({ "checkpoints": attestations.iter().map(one).collect::<Vec<_>>() })
        }
        Action::Fork(proof) => json!({ "proof": Base64::encode_string(proof) }),
        Action::RegisterLog { record, .. } => json!({ "log": LogId::of_genesis(record).to_string(), "record": Base64::encode_string(record) }),
        Action::RotateLog { log, record, .. } | Action::RevokeLog { log, record, .. } => json!({ "log": log.to_string(), "record": Base64::encode_string(record) }),
        Action::Bond { amount: more, key } => json!({ "amount": amount(*more), "voter": key.as_ref().map(|bond| bond.key.id().to_string()) }),
        Action::Unbond { amount: back } => json!({ "amount": amount(*back) }),
        Action::Evidence(evidence) => {
            let round = evidence.a.kind.round();
            json!({ "voter": evidence.voter.to_text(network), "epoch": round.epoch, "view": round.view })
        }
        Action::Name { name, key, mandate } => json!({ "name": name, "key": key.to_string(), "mandate": mandate.to_string() }),
    };
    told["kind"] = action.kind().into();
    told
}

/// An entry of the state, by what it is found by: for a light proof, which has no ledger around it.
pub fn entry(height: Height, key: &StateKey, entry: Option<&Entry>, head: &GenesisHead) -> Value {
    let network = head.network;
    let of = |address: &Address| address.to_text(network);
    let (kind, id) = match key {
        StateKey::Account(address) => ("account", Some(of(address))),
        StateKey::Log(log) => ("log", Some(log.to_string())),
        StateKey::Validator(address) => ("validator", Some(of(address))),
        StateKey::Voter(address) => ("voter", Some(of(address))),
        StateKey::Name(name) => ("name", Some(name.clone())),
        StateKey::Totals => ("totals", None),
        StateKey::Roster => ("roster", None),
        StateKey::Seats => ("seats", None),
    };
    let shown = match (entry, key) {
        (Some(Entry::Account(account)), _) => json!({ "nonce": account.nonce, "balance": amount(account.balance), "key": account.key.as_ref().map(|key| key.id().to_string()) }),
        (Some(Entry::Log(entry)), StateKey::Log(id)) => log(height, *id, entry),
        (Some(Entry::Validator(one)), StateKey::Validator(address)) => validator(*address, one, network),
        (Some(Entry::Voter(account)), _) => json!({ "account": of(account) }),
        (Some(Entry::Name(one)), StateKey::Name(text)) => name(height, text, one, network),
        (Some(Entry::Totals(totals)), _) => supply(height, Some(*totals), *totals),
        (Some(Entry::Roster(accounts)), _) => json!({ "accounts": accounts.iter().map(of).collect::<Vec<_>>() }),
        (Some(Entry::Seats(seats)), _) => {
            json!({ "seats": seats.iter().map(|seat| json!({ "account": of(&seat.account), "key": seat.key.id().to_string() })).collect::<Vec<_>>() })
        }
        _ => Value::Null,
    };
    json!({ "kind": kind, "id": id, "entry": shown })
}
