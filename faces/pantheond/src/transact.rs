//! A transaction from what is wanted to where it is final: made for the chain that the node follows, signed, posted, waited for.

use crate::args::{Cli, Sending};
use crate::client::{Events, Rpc, height, text, whole};
use crate::failure::Failure;
use crate::key::Key;
use crate::out::Out;
use crate::rpc::view;
use base64ct::{Base64, Encoding};
use mickai_proof::digest::ChainId;
use mickai_proof::key::PublicKey;
use mickai_proof::pantheon::{Action, Address, Amount, Body, GenesisHead, Height, Network, OBOLS_PER_PAN, Params, Transaction};
use mickai_proof::signature::SIGNATURE_LEN;
use mickai_store::Custody;
use serde_json::{Value, json};
use std::fmt;
use std::time::{Duration, Instant};

/// How long a block may take before whoever waits for it looks whether the node still answers.
const PATIENCE: Duration = Duration::from_secs(60);
/// Times that nothing came for so long before it is said.
const SILENCES_MAX: usize = 10;
/// How often a node is asked that has no place for one more who listens.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The most that is paid where nobody said how much: a PAN.
const FEE_UNTOLD_MAX: Amount = Amount::from_obols(OBOLS_PER_PAN);

/// What a node says about the chain, as far as transactions need it. All but the height is what the chain's id commits to, and a transaction names that id: a node that says something else is found out, or gets what no block of the chain can hold.
#[derive(Clone, Copy)]
pub struct Terms {
    /// Which chain.
    pub chain: ChainId,
    /// Of which network.
    pub network: Network,
    /// Its newest final block.
    pub height: Height,
    params: Params,
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

/// What came of posting a transaction.
pub struct Posted {
    /// Its id, where the node has it.
    pub taken: Result<String, Failure>,
    /// It was posted before, over a connection that broke, and may have been taken then.
    pub is_repeated: bool,
}

impl Terms {
    /// Asks for them; refuses a node of another chain than `pinned`, and one whose genesis is not that of the chain that it names.
    pub fn ask(rpc: &mut Rpc, pinned: Option<&str>) -> Result<Self, Failure> {
        let address = rpc.address();
        let status = rpc.get("/v1/status")?;
        let found = rpc.told(&status, "chain")?.to_owned();
        if let Some(wanted) = pinned.filter(|wanted| !wanted.eq_ignore_ascii_case(&found)) {
            return Err(Failure::OtherChain { found, wanted: wanted.to_owned() });
        }
        let chain = ChainId::from_hex(&found).ok_or(Failure::Answer { address, wanted: "chain id" })?;
        let genesis = rpc.get("/v1/genesis")?;
        let head = Base64::decode_vec(rpc.told(&genesis, "head")?).ok().and_then(|bytes| GenesisHead::parse(&bytes).ok());
        let head = head.ok_or(Failure::Answer { address, wanted: "head of genesis" })?;
        if head.id() != chain {
            return Err(Failure::OtherChain { found: head.id().to_string(), wanted: found });
        }
        Ok(Self { chain, network: head.network, height: Height(rpc.counted(&status, "height")?), params: head.params })
    }

    /// A body that pays the least that the chain takes for it, where no fee is given.
    pub fn body(&self, sender: Address, nonce: u64, valid_for: u64, action: Action, fee: Option<Amount>, reveals: Option<&PublicKey>) -> Body {
        let expires = Height(self.height.0.saturating_add(valid_for));
        let mut body = Body { chain: self.chain, sender, nonce, fee: fee.unwrap_or_default(), expires, action };
        // A larger fee may take more bytes, which cost more: a few rounds settle it.
        while fee.is_none() {
            let byte_count = body.clone().sign_with(reveals.cloned(), &[0; SIGNATURE_LEN]).byte_count();
            // What nobody could pay is more than there is.
            let least = self.params.fee_min(byte_count).unwrap_or(Amount::from_obols(u64::MAX));
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
        let found = rpc.find(&account(of, terms.network))?.unwrap_or_default();
        let balance = text(&found, "/balance/obols").parse().map(Amount::from_obols).unwrap_or_default();
        Ok(Self { nonce: whole(&found, "/nonce"), is_revealed: found["key"].is_string(), balance })
    }
}

/// Does what `action` says, from the wallet that a command names; prints where it is final.
pub fn act(cli: &Cli, custody: &Custody, sending: &Sending, out: Out, action: impl FnOnce(&Terms, &Key) -> Result<Action, Failure>) -> Result<u8, Failure> {
    let mut rpc = Rpc::new(cli.rpc);
    let fee = sending.fee.as_deref().map(|fee| amount("--fee", fee)).transpose()?;
    let terms = Terms::ask(&mut rpc, sending.chain.as_deref())?;
    let key = Key::load(cli, custody, &sending.key)?;
    let standing = Standing::ask(&mut rpc, &terms, key.address())?;
    let action = action(&terms, &key)?;
    let given = match &action {
        Action::Transfer { amount, .. } | Action::Bond { amount, .. } => *amount,
        _ => Amount::ZERO,
    };
    let nonce = sending.nonce.unwrap_or(standing.nonce);
    let reveals = (!standing.is_revealed && nonce == standing.nonce).then(|| key.public());
    let body = terms.body(key.address(), nonce, sending.valid_for, action, fee, reveals);
    if fee.is_none() && body.fee > FEE_UNTOLD_MAX {
        return Err(Failure::FeeUntold { fee: body.fee, most: FEE_UNTOLD_MAX });
    }
    let need = Amount::from_obols(given.obols().saturating_add(body.fee.obols()));
    if need > standing.balance {
        return Err(Failure::Short { balance: standing.balance, need });
    }
    let transaction = key.sign(body, reveals.is_some())?;
    follow(&mut rpc, &transaction, &terms, sending.no_wait, out)?;
    Ok(0)
}

/// Posts a transaction, and says where it is final. From here on it is out: whatever goes wrong is said with its id, so that nobody pays twice.
fn follow(rpc: &mut Rpc, transaction: &Transaction, terms: &Terms, is_left: bool, out: Out) -> Result<(), Failure> {
    let (id, fee) = (transaction.id().to_string(), transaction.body().fee);
    let Posted { taken, is_repeated } = submit(rpc, transaction);
    if let Err(why) = taken {
        // Of what was refused nothing happened, and nothing will, unless it was posted before.
        let is_over = matches!(why, Failure::Refused { .. }) && !is_repeated;
        return Err(if is_over { why } else { unknown(id, false, why, out) });
    }
    if is_left {
        let told = json!({ "transaction": id, "final": false, "fee": view::amount(fee) });
        return out.object(&told, || format!("transaction {id}\nsent; fee {fee}; `pantheon tx show {id}` says when it is final"));
    }
    let found = match wait(rpc, &id, transaction.body(), terms) {
        Ok(found) => found,
        Err(why) => return Err(unknown(id, true, why, out)),
    };
    let (height, fee) = (whole(&found, "/height"), text(&found, "/fee/pan"));
    let told = json!({ "transaction": id, "final": true, "height": height, "index": found["index"], "fee": found["fee"] });
    out.object(&told, || format!("transaction {id}\nfinal in block {height}; fee {fee}"))
}

/// What went wrong after a transaction was sent, with its id where nobody knows what became of it.
fn unknown(id: String, is_taken: bool, why: Failure, out: Out) -> Failure {
    match why {
        // Nothing of it happened, and nothing will.
        Failure::Expired { .. } => why,
        why => {
            if out.json {
                // A program finds it where it finds the others. Where that cannot be written, standard error says it still.
                let _ = out.line(json!({ "transaction": id, "final": null }).to_string());
            }
            Failure::Unknown { id, is_taken, why: Box::new(why) }
        }
    }
}

/// Posts a transaction.
pub fn submit(rpc: &mut Rpc, transaction: &Transaction) -> Posted {
    let id = transaction.id().to_string();
    let answer = rpc.post("/v1/transactions", &json!({ "base64": Base64::encode_string(&transaction.encode()) }));
    let is_repeated = rpc.is_repeated();
    let taken = answer.map(drop).or_else(|why| find(rpc, &id, why)).map(|()| id);
    Posted { taken, is_repeated }
}

/// A refusal may say that the transaction is there: it was posted before, over a connection that broke, and waits there, or a block holds it since.
fn find(rpc: &mut Rpc, id: &str, why: Failure) -> Result<(), Failure> {
    let is_refused_by = |word: &str| matches!(&why, Failure::Refused { code, .. } if code == word);
    let is_there = is_refused_by("transaction-known") || is_refused_by("nonce-used") && rpc.find(&place(id))?.is_some();
    if is_there { Ok(()) } else { Err(why) }
}

/// Where a node tells of an account.
fn account(of: Address, network: Network) -> String {
    format!("/v1/accounts/{}", of.to_text(network))
}

/// Where a node tells of a final transaction.
fn place(id: &str) -> String {
    format!("/v1/transactions/{id}")
}

/// Where a node tells of a final block, by its height or its id, and of as little in it as may be.
fn block(of: impl fmt::Display) -> String {
    format!("/v1/blocks/{of}?limit=1")
}

/// Waits until a final block holds the transaction, or none can any more.
fn wait(rpc: &mut Rpc, id: &str, body: &Body, terms: &Terms) -> Result<Value, Failure> {
    // Listening begins before the first look, so that no block lies between the two.
    let mut events = match Events::open(rpc.address(), None) {
        Ok(events) => Some(events),
        // As many listen as may.
        Err(Failure::Refused { status: 429, .. }) => None,
        Err(failure) => return Err(failure),
    };
    let path = place(id);
    let (mut newest, mut silences) = (0, 0);
    loop {
        if let Some(found) = rpc.find(&path)? {
            return Ok(found);
        }
        if newest > body.expires.0 {
            return Err(missed(rpc, id, body, terms)?);
        }
        match next(events.as_mut(), rpc, newest)? {
            Some(newer) => newest = newer,
            None if silences == SILENCES_MAX => return Err(Failure::Stalled { height: whole(&rpc.get("/v1/status")?, "/height") }),
            None => silences += 1,
        }
    }
}

/// What became of a transaction that the node was just asked for, after its last block, and does not have. A node that does not keep all blocks may have forgotten the one that holds it; but an account's number is used once, by what a block
/// holds.
fn missed(rpc: &mut Rpc, id: &str, body: &Body, terms: &Terms) -> Result<Failure, Failure> {
    let told = rpc.find(&account(body.sender, terms.network))?.unwrap_or_default();
    if whole(&told, "/height") <= body.expires.0 {
        return Err(Failure::Answer { address: rpc.address(), wanted: "account that is as new as its blocks" });
    }
    let may_be_it = rpc.counted(&told, "nonce")? > body.nonce && !knows_all_after(rpc, terms.height)?;
    Ok(if may_be_it { Failure::NumberUsed { nonce: body.nonce } } else { Failure::Expired { id: id.to_owned() } })
}

/// Does the node know of every transaction above this height? What it forgets it forgets from its oldest block on, so that it did when it was asked before, if it still knows the first of these blocks. By its height a block may be there
/// that it forgot, because its store drops a thousand at a time; by its id it is not.
fn knows_all_after(rpc: &mut Rpc, height: Height) -> Result<bool, Failure> {
    let Some(first) = rpc.find(&block(height.0.saturating_add(1)))? else { return Ok(false) };
    let id = rpc.told(&first["header"], "id")?;
    Ok(rpc.find(&block(id))?.is_some())
}

/// The height of the next final block: out of the events, or, without them, asked for again and again. `None` where none came for a while.
fn next(events: Option<&mut Events>, rpc: &mut Rpc, above: u64) -> Result<Option<u64>, Failure> {
    if let Some(events) = events {
        return Ok(events.next(PATIENCE)?.map(|event| height(&event)));
    }
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        std::thread::sleep(LOOK_EVERY);
        let newest = whole(&rpc.get("/v1/status")?, "/height");
        if newest > above {
            return Ok(Some(newest));
        }
    }
    Ok(None)
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
