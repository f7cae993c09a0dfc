//! The chain in force, as this program reaches it: the home's own, or one that a node follows.

use super::node::Node;
use super::settler::{NodeSettler, Standing};
use crate::failure::Failure;
use mickai_proof::digest::{ChainId, LogId};
use mickai_proof::pantheon::{Action, Network};
use mickai_runtime::settle::own::OwnChain;
use mickai_runtime::settle::{SettleError, Settler, Settling};
use mickai_runtime::{Result, System};
use mickai_store::keys::Wallet;

/// What settles.
pub enum Reached {
    /// Over a node's RPC.
    Node(NodeSettler),
    /// In the home.
    Own(OwnChain),
}

impl Reached {
    /// As the operator chose. Of the home's own chain nothing is made here.
    pub fn of(system: &System, settling: &Settling) -> Result<Self> {
        let (Some(url), Some(chain)) = (&settling.node, settling.chain) else { return Ok(Self::Own(system.own_chain(settling)?)) };
        let node = node_at(url).map_err(|failure| SettleError::Chain(Box::new(failure)))?;
        Ok(Self::Node(NodeSettler::new(node, chain, Wallet::open_or_create(system.home())?)))
    }

    /// What the chain says of the operator's account.
    pub fn standing(&mut self) -> Result<Standing> {
        match self {
            Self::Node(node) => Ok(node.standing()?),
            Self::Own(own) => {
                let standing = own.standing().map_err(SettleError::from)?;
                Ok(Standing { address: standing.account.to_text(Network::Test), height: standing.height, balance: Some(standing.balance) })
            }
        }
    }
}

impl Settler for Reached {
    fn chain(&self) -> ChainId {
        match self {
            Self::Node(node) => node.chain(),
            Self::Own(own) => own.chain(),
        }
    }

    fn light(&mut self, log: LogId) -> std::result::Result<Option<Vec<u8>>, SettleError> {
        match self {
            Self::Node(node) => node.light(log),
            Self::Own(own) => own.light(log),
        }
    }

    fn perform(&mut self, action: Action) -> std::result::Result<(), SettleError> {
        match self {
            Self::Node(node) => node.perform(action),
            Self::Own(own) => own.perform(action),
        }
    }
}

/// The same for whoever does not need to know which.
pub fn reach(system: &System, settling: &Settling) -> Result<Box<dyn Settler>> {
    Ok(Box::new(Reached::of(system, settling)?))
}

/// The node at an address that the operator gave.
pub fn node_at(url: &str) -> std::result::Result<Node, Failure> {
    let wrong = || Failure::Value { flag: "--node", value: url.to_owned(), wanted: "the address of a node's RPC, as http://127.0.0.1:8645" };
    Node::at(url).ok_or_else(wrong)?.map_err(Failure::Stream)
}
