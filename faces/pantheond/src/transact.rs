//! A transaction from what is wanted to where it is final: made for the chain that the node follows, signed, posted, waited for.

use crate::args::{Cli, Sending};
use crate::client::{Events, Rpc, text, whole};
use crate::failure::Failure;
use crate::key::Key;
use crate::out::Out;
use base64ct::{Base64, Encoding};
use mickai_proof::digest::ChainId;
use mickai_proof::pantheon::{Action, Address, Amount, Body, Height, Network, Transaction};
use mickai_proof::signature::SIGNATURE_LEN;
use serde_json::{Value, json};
use std::time::Duration;

/// How long a block may take before whoever waits for it looks whether the node still answers.
const PATIENCE: Duration = Duration::from_secs(60);
/// Times that nothing came for so long before it is said.
const SILENCES_MAX: usize = 10;

/// What a node says about the chain, as far as transactions need it.
#[derive(Clone, Copy)]
pub struct Terms {
    /// Which chain.
    pub chain: ChainId,
    /// Of which network.
    pub network: Network,
    /// Its newest final block.
    pub height: Height,
    fee_base: u64,
    fee_byte: u64,
}

/// What a node says about an account.
pub struct Standing {
    /// Its next number.
    pub nonce: u64,
    /// Its key was revealed.
    pub is_revealed: bool,
    /// What it has.
    pub balance: Amount,
}

impl Terms {
    /// Asks for them; refuses a node of another chain than `pinned`.
    pub fn ask(rpc: &mut Rpc, pinned: Option<&str>) -> Result<Self, Failure> {
        let (status, params) = (rpc.get("/v1/status")?, rpc.get("/v1/params")?);
        let found = rpc.told(&status, "chain")?.to_owned();
        if let Some(wanted) = pinned.filter(|wanted| !wanted.eq_ignore_ascii_case(&found)) {
            return Err(Failure::OtherChain { found, wanted: wanted.to_owned() });
        }
        let answer = |wanted| Failure::Answer { address: rpc.address(), wanted };
        let obols = |name: &str| text(&params, &format!("/{name}/obols")).parse().map_err(|_| answer("fees"));
        Ok(Self {
            chain: ChainId::from_hex(&found).ok_or_else(|| answer("chain id"))?,
            network: if rpc.told(&status, "network")? == "main" { Network::Main } else { Network::Test },
            height: Height(rpc.counted(&status, "height")?),
            fee_base: obols("fee_base")?,
            fee_byte: obols("fee_byte")?,
        })
    }

    /// A body that pays the least that the chain takes for it, where no fee is given.
    pub fn body(&self, sender: Address, nonce: u64, valid_for: u64, action: Action, fee: Option<Amount>, reveals: Option<&mickai_proof::key::PublicKey>) -> Body {
        let expires = Height(self.height.0.saturating_add(valid_for));
        let mut body = Body { chain: self.chain, sender, nonce, fee: fee.unwrap_or_default(), expires, action };
        // A larger fee may take more bytes, which cost more: a few rounds settle it.
        while fee.is_none() {
            let bytes = body.clone().sign_with(reveals.cloned(), &[0; SIGNATURE_LEN]).byte_count() as u64;
            let least = Amount::from_obols(self.fee_byte.saturating_mul(bytes).saturating_add(self.fee_base));
            if body.fee >= least {
                break;
            }
            body.fee = least;
        }
        body
    }
}

impl Standing {
    /// Asks for it; an account to which nothing came has nothing.
    pub fn ask(rpc: &mut Rpc, terms: &Terms, of: Address) -> Result<Self, Failure> {
        let found = rpc.find(&format!("/v1/accounts/{}", of.to_text(terms.network)))?.unwrap_or_default();
        let balance = text(&found, "/balance/obols").parse().map(Amount::from_obols).unwrap_or_default();
        Ok(Self { nonce: whole(&found, "/nonce"), is_revealed: found["key"].is_string(), balance })
    }
}

/// Does what `action` says, from the wallet that a command names; prints where it is final.
pub fn act(cli: &Cli, sending: &Sending, out: Out, action: impl FnOnce(&Terms, &Key) -> Result<Action, Failure>) -> Result<u8, Failure> {
    let mut rpc = Rpc::new(cli.rpc);
    let fee = sending.fee.as_deref().map(|fee| amount("--fee", fee)).transpose()?;
    let terms = Terms::ask(&mut rpc, sending.chain.as_deref())?;
    let key = Key::load(cli, &sending.key)?;
    let standing = Standing::ask(&mut rpc, &terms, key.address())?;
    let action = action(&terms, &key)?;
    let given = match &action {
        Action::Transfer { amount, .. } | Action::Bond { amount, .. } => *amount,
        _ => Amount::ZERO,
    };
    let nonce = sending.nonce.unwrap_or(standing.nonce);
    let reveals = (!standing.is_revealed && nonce == standing.nonce).then(|| key.public());
    let body = terms.body(key.address(), nonce, sending.valid_for, action, fee, reveals);
    let need = Amount::from_obols(given.obols().saturating_add(body.fee.obols()));
    if need > standing.balance {
        return Err(Failure::Short { balance: standing.balance, need });
    }
    let expires = body.expires;
    let transaction = key.sign(body, reveals.is_some())?;
    let id = submit(&mut rpc, &transaction)?;
    if sending.no_wait {
        out.object(&json!({ "transaction": id, "final": false }), || format!("transaction {id}\nsent; `pantheon tx show {id}` says when it is final"))?;
        return Ok(0);
    }
    let found = wait(&mut rpc, &id, expires)?;
    let (height, fee) = (whole(&found, "/height"), text(&found, "/fee/pan").to_owned());
    out.object(&json!({ "transaction": id, "final": true, "height": height, "index": found["index"], "fee": found["fee"] }), || {
        format!("transaction {id}\nfinal in block {height}; fee {fee}")
    })?;
    Ok(0)
}

/// Posts a transaction; gives its id.
pub fn submit(rpc: &mut Rpc, transaction: &Transaction) -> Result<String, Failure> {
    let id = transaction.id().to_string();
    match rpc.post("/v1/transactions", &json!({ "base64": Base64::encode_string(&transaction.encode()) })) {
        // It was asked before, over a connection that broke.
        Err(Failure::Refused { code, .. }) if code == "transaction-known" => Ok(id),
        other => other.map(|_| id),
    }
}

/// Waits until a final block holds the transaction, or none can any more.
fn wait(rpc: &mut Rpc, id: &str, expires: Height) -> Result<Value, Failure> {
    // Listening begins before the first look, so that no block lies between the two.
    let mut events = Events::open(rpc.address(), None)?;
    let path = format!("/v1/transactions/{id}");
    let (mut height, mut silences) = (0, 0);
    loop {
        if let Some(found) = rpc.find(&path)? {
            return Ok(found);
        }
        if height > expires.0 {
            return Err(Failure::Expired { id: id.to_owned() });
        }
        match events.next(PATIENCE)? {
            Some(header) => height = whole(&header, "/height"),
            None if silences == SILENCES_MAX => return Err(Failure::Stalled { height: whole(&rpc.get("/v1/status")?, "/height") }),
            None => silences += 1,
        }
    }
}

/// An amount of an argument.
pub fn amount(flag: &'static str, text: &str) -> Result<Amount, Failure> {
    Amount::from_pan(text).map_err(|_| Failure::Value { flag, value: text.to_owned(), wanted: "an amount in PAN: digits, and at most nine behind a point" })
}

/// An address of an argument, of the network that the node's chain is of.
pub fn address(flag: &'static str, text: &str, network: Network) -> Result<Address, Failure> {
    Address::from_text(text, network).map_err(|error| match error {
        mickai_proof::pantheon::PantheonError::AddressNetwork => Failure::Pantheon(error),
        _ => Failure::Value { flag, value: text.to_owned(), wanted: "an address as `pantheon wallet show` prints it" },
    })
}
