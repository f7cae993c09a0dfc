//! The runtime's settler over a node's RPC: everything that it learns of the chain comes with a light proof under the chain id that the operator chose.

use super::node::{Node, NodeFault};
use base64ct::{Base64, Encoding};
use mickai_proof::digest::{ChainId, LogId};
use mickai_proof::pantheon::{Account, Action, Amount, Body, Entry, GenesisHead, Height, LightProof, LightVerdict, Network, Transaction};
use mickai_runtime::settle::{SettleError, Settler};
use mickai_store::keys::Wallet;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long a block, or the finality of a transaction, is waited for.
const FINAL_WITHIN: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// Blocks after which a transaction that no block holds is void.
const EXPIRES_AFTER: u64 = 1_000;
/// More than a fee's own length in a transaction can grow.
const FEE_ROOM_BYTES: usize = 16;

/// Settles through one node.
pub struct NodeSettler {
    node: Node,
    chain: ChainId,
    wallet: Wallet,
}

/// The operator's account on a chain, as people see it.
pub struct Standing {
    pub address: String,
    pub height: Height,
    /// Of an account that something ever came to.
    pub balance: Option<Amount>,
}

/// The same with what a transaction needs.
struct Known {
    address: String,
    height: Height,
    account: Option<Account>,
    head: GenesisHead,
}

impl NodeSettler {
    pub fn new(node: Node, chain: ChainId, wallet: Wallet) -> Self {
        Self { node, chain, wallet }
    }

    /// What the chain says of the operator's account.
    pub fn standing(&self) -> Result<Standing, SettleError> {
        let Known { address, height, account, .. } = self.known()?;
        Ok(Standing { address, height, balance: account.map(|account| account.balance) })
    }

    fn known(&self) -> Result<Known, SettleError> {
        self.await_block()?;
        let head = self.prove(json!([{ "kind": "totals" }]))?.1.head;
        let address = self.wallet.address().to_text(head.network);
        let (_, proof, verdict) = self.prove(json!([{ "kind": "account", "id": address }]))?;
        let [(_, entry)] = verdict.entries.as_slice() else { return Err(SettleError::Misbehaved) };
        let account = match entry {
            Some(Entry::Account(account)) => Some((*account).clone()),
            Some(_) => return Err(SettleError::Misbehaved),
            None => None,
        };
        Ok(Known { address, height: verdict.header.height, account, head: proof.head })
    }

    /// A light proof that holds.
    fn prove(&self, keys: Value) -> Result<(Vec<u8>, LightProof, LightVerdict), SettleError> {
        let path = "/v1/light";
        let answer = self.node.post(path, &json!({ "keys": keys })).map_err(chain)?;
        let bytes = answer["proof"].as_str().and_then(|text| Base64::decode_vec(text).ok()).ok_or_else(|| chain(NodeFault::Unreadable { node: self.node.name(), path }))?;
        let light = |error| SettleError::Light(mickai_proof::pantheon::light::LightError { step: 1, error });
        let proof = LightProof::parse(&bytes).map_err(light)?;
        let verdict = proof.check(self.chain).map_err(SettleError::Light)?;
        Ok((bytes, proof, verdict))
    }

    /// The action as a transaction of the operator's account.
    fn signed(&self, action: &Action) -> Result<Transaction, SettleError> {
        let Known { address, height, account, head } = self.known()?;
        let account = account.ok_or_else(|| chain(NodeFault::NoAccount { address }))?;
        let body = |fee| Body {
            chain: self.chain,
            sender: self.wallet.address(),
            nonce: account.nonce,
            fee,
            expires: Height(height.0.saturating_add(EXPIRES_AFTER)),
            action: action.clone(),
        };
        let reveals = account.key.is_none();
        let sign = |fee| self.wallet.sign(body(fee), reveals).map_err(|error| SettleError::Chain(Box::new(error)));
        // Signed once to see how long it is, and once with what it costs.
        let length = sign(head.params.fee_base)?.encode().len() + FEE_ROOM_BYTES;
        let fee = head.params.fee_min(length).unwrap_or(head.params.fee_base);
        sign(fee)
    }

    /// Waits for the first block, before which there is nothing to prove.
    fn await_block(&self) -> Result<(), SettleError> {
        let path = "/v1/status";
        let started = Instant::now();
        loop {
            let status = self.node.get(path).map_err(chain)?;
            let (Some(of), Some(height)) = (status["chain"].as_str(), status["height"].as_u64()) else {
                return Err(chain(NodeFault::Unreadable { node: self.node.name(), path }));
            };
            if ChainId::from_hex(of) != Some(self.chain) {
                return Err(chain(NodeFault::OtherChain { node: self.node.name(), found: of.to_owned() }));
            }
            if height > 0 {
                return Ok(());
            }
            if started.elapsed() > FINAL_WITHIN {
                return Err(chain(NodeFault::NoBlock { node: self.node.name() }));
            }
            self.node.rest(LOOK_AGAIN);
        }
    }

    /// Waits until a final block holds the transaction.
    fn await_final(&self, transaction: &str) -> Result<(), SettleError> {
        let started = Instant::now();
        loop {
            match self.node.get(&format!("/v1/transactions/{transaction}")) {
                Ok(_) => return Ok(()),
                Err(NodeFault::Refused { status: 404, .. }) if started.elapsed() < FINAL_WITHIN => self.node.rest(LOOK_AGAIN),
                Err(NodeFault::Refused { status: 404, .. }) => return Err(chain(NodeFault::NotFinal { transaction: transaction.to_owned() })),
                Err(fault) => return Err(chain(fault)),
            }
        }
    }
}

impl Settler for NodeSettler {
    fn chain(&self) -> ChainId {
        self.chain
    }

    fn light(&mut self, log: LogId) -> Result<Option<Vec<u8>>, SettleError> {
        self.await_block()?;
        Ok(Some(self.prove(json!([{ "kind": "log", "id": log.to_string() }]))?.0))
    }

    fn perform(&mut self, action: Action) -> Result<(), SettleError> {
        let transaction = self.signed(&action).map_err(|error| SettleError::Unsent(Box::new(error)))?;
        let sent = self.node.post("/v1/transactions", &json!({ "base64": Base64::encode_string(&transaction.encode()) }));
        match sent {
            Ok(_) => {}
            // It waits there already. Another of its number, which the node calls underpriced, would not be this one.
            Err(NodeFault::Refused { code, .. }) if code == "transaction-known" => {}
            Err(NodeFault::Refused { code, values, .. }) if code == "log-forked" => {
                let proof = values["fork_proof"].as_str().and_then(|text| Base64::decode_vec(text).ok());
                return Err(proof.map_or(SettleError::Misbehaved, SettleError::Conflict));
            }
            Err(fault) => return Err(chain(fault)),
        }
        self.await_final(&transaction.id().to_string())
    }
}

/// The address of the operator's account on the home's own chain, which is of the test network. A node's chain may be of another, where it has another form.
pub fn address_of(wallet: &Wallet) -> String {
    wallet.address().to_text(Network::Test)
}

fn chain(fault: NodeFault) -> SettleError {
    SettleError::Chain(Box::new(fault))
}
