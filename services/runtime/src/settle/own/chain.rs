//! The chain itself: a transaction becomes a block, a block durable, a durable block certain.

use super::after::{After, kept, proposal, round};
use super::fault::OwnFault;
use super::genesis::genesis;
use crate::acts::now_ms;
use crate::settle::{SettleError, Settler};
use mickai_ledger::{Assembled, Ledger, Library, Rejection, Slot};
use mickai_proof::digest::{ChainId, LogId};
use mickai_proof::pantheon::{Action, Address, Amount, Block, Body, Genesis, Height, LightProof, StateKey, Transaction};
use mickai_store as store;
use mickai_store::keys::{Voter, Wallet};
use mickai_store::{ChainWriter, Home};

/// The chain of one validator that a home has, and the two keys that it goes on with.
pub struct OwnChain {
    home: Home,
    chain: ChainId,
    wallet: Wallet,
    voter: Voter,
}

/// How the chain stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnStanding {
    /// The operator's account.
    pub account: Address,
    /// What it has.
    pub balance: Amount,
    /// The newest block.
    pub height: Height,
}

/// Makes the home's own chain unless it is there, with the keys that it needs, and gives its id.
///
/// # Errors
/// Those of the store.
pub(in crate::settle) fn make(home: &Home) -> Result<ChainId, OwnFault> {
    let writer = ChainWriter::open_or_create(home, || {
        let (wallet, voter) = (Wallet::open_or_create(home)?, Voter::open_or_create(home)?);
        genesis(wallet.address(), voter.public(), now_ms()).map(|genesis| genesis.encode()).map_err(OwnFault::Genesis)
    })?;
    After::read(writer.files()).map(|after| after.ledger.chain()).ok_or_else(|| damaged(home))
}

fn damaged(home: &Home) -> OwnFault {
    store::Error::OwnChain(home.own_chain_path().join("tip")).into()
}

impl OwnChain {
    /// The chain of this id, which is on record; whether it is what is here is looked at when it is asked for something.
    ///
    /// # Errors
    /// [`OwnFault::Key`], and those of the store.
    pub(in crate::settle) fn open(home: &Home, chain: ChainId) -> Result<Self, OwnFault> {
        let wallet = Wallet::open(home)?.ok_or_else(|| OwnFault::Key(home.wallet_path()))?;
        let voter = Voter::open(home)?.ok_or_else(|| OwnFault::Key(home.voter_path()))?;
        Ok(Self { home: home.clone(), chain, wallet, voter })
    }

    /// How it stands. Nobody waits for it, and it waits for nobody.
    ///
    /// # Errors
    /// [`OwnFault`].
    pub fn standing(&self) -> Result<OwnStanding, OwnFault> {
        let After { ledger, .. } = self.read(store::ChainFiles::read(&self.home)?.as_ref())?;
        let account = self.wallet.address();
        let balance = ledger.state().account(account).map_or(Amount::ZERO, |known| known.balance);
        Ok(OwnStanding { account, balance, height: ledger.height() })
    }

    /// Executes every block again, from genesis on, and holds the state that comes of them against the one that is kept; gives the newest height.
    ///
    /// # Errors
    /// [`OwnFault`].
    pub fn replay(&self) -> Result<Height, OwnFault> {
        let found = store::ChainFiles::read(&self.home)?;
        let After { ledger: newest, .. } = self.read(found.as_ref())?;
        let broken = || damaged(&self.home);
        let found = found.ok_or_else(broken)?;
        let genesis = Genesis::parse(&found.genesis).map_err(|_| broken())?;
        let mut ledger = Ledger::new(&genesis).map_err(|_| broken())?;
        for bytes in found.blocks() {
            let block = Block::parse(&bytes?).map_err(|_| broken())?;
            ledger = ledger.execute(&block, &Library).map_err(|_| broken())?.ledger;
        }
        let is_same = (ledger.height(), ledger.tip(), ledger.state().root()) == (newest.height(), newest.tip(), newest.state().root());
        if is_same { Ok(newest.height()) } else { Err(broken()) }
    }

    /// The chain after its newest block, once it is known to be the one on record, and to know the two keys.
    fn read(&self, found: Option<&store::ChainFiles>) -> Result<After, OwnFault> {
        let folder = self.home.own_chain_path();
        let found = found.ok_or_else(|| OwnFault::Missing { chain: self.chain, folder: folder.clone() })?;
        let here = After::chain_of(found).ok_or_else(|| store::Error::OwnChain(folder.join("genesis")))?;
        if here != self.chain {
            return Err(OwnFault::Other { chain: self.chain, found: here, folder });
        }
        let after = After::read(found).ok_or_else(|| damaged(&self.home))?;
        self.refuse_older(&after)?;
        let [seat] = after.ledger.state().seats() else { return Err(damaged(&self.home)) };
        if seat.key != *self.voter.public() {
            return Err(OwnFault::Key(self.home.voter_path()));
        }
        if seat.account != self.wallet.address() {
            return Err(OwnFault::Key(self.home.wallet_path()));
        }
        Ok(after)
    }

    /// A proof of this chain that is kept shows a block that was given out: the chain has it, or is at a later one.
    fn refuse_older(&self, after: &After) -> Result<(), OwnFault> {
        let kept = self.home.settlements()?.into_iter().find(|(chain, _)| *chain == self.chain);
        // One that does not hold says nothing.
        let Some(given) = kept.and_then(|(_, proof)| LightProof::parse(&proof).ok()).filter(|proof| proof.check(self.chain).is_ok()).map(|proof| proof.header) else {
            return Ok(());
        };
        let have = after.ledger.height();
        if have > given.height || after.header.as_ref() == Some(&given) {
            return Ok(());
        }
        Err(OwnFault::PutBack { given: given.height, have, folder: self.home.own_chain_path() })
    }

    /// The next block, with this one transaction in it; the same rules as of any chain say whether there is one.
    fn next(&self, ledger: &Ledger, transaction: Transaction) -> Result<Assembled, OwnFault> {
        let height = Height(ledger.height().0.saturating_add(1));
        let slot = Slot { view: round(height, ledger.params()).view, time_ms: now_ms(), proposer: self.wallet.address() };
        let mut made = ledger.assemble(slot, [transaction], &Library).map_err(OwnFault::Block)?;
        if let Some((_, why)) = made.rejected.pop() {
            return Err(OwnFault::Refused(why));
        }
        // As every validator does before it votes, and from the bytes that are kept.
        let block = Block::parse(&made.block.encode()).map_err(|_| OwnFault::Block(mickai_ledger::BlockError::Transactions))?;
        made.executed = ledger.execute(&block, &Library).map_err(OwnFault::Block)?;
        Ok(made)
    }

    /// The next block, with an action in it, and the one who writes it.
    fn made(&self, action: Action) -> Result<(ChainWriter, Assembled), OwnFault> {
        let writer = ChainWriter::open(&self.home)?;
        let After { ledger, .. } = self.read(writer.as_ref().map(ChainWriter::files))?;
        let writer = writer.ok_or_else(|| damaged(&self.home))?;
        let account = ledger.state().account(self.wallet.address()).cloned().ok_or_else(|| OwnFault::Key(self.home.wallet_path()))?;
        let body = Body { chain: self.chain, sender: self.wallet.address(), nonce: account.nonce, fee: Amount::ZERO, expires: Height(ledger.height().0.saturating_add(1)), action };
        let made = self.next(&ledger, self.wallet.sign(body, account.key.is_none())?)?;
        Ok((writer, made))
    }

    fn show(&self, log: LogId) -> Result<Option<Vec<u8>>, OwnFault> {
        // The lock, so that what is voted for is durable and the newest.
        let writer = ChainWriter::open(&self.home)?;
        let After { ledger, header } = self.read(writer.as_ref().map(ChainWriter::files))?;
        let Some(header) = header else { return Ok(None) };
        let certificate = self.voter.finalize(self.chain, proposal(&header))?;
        let entries = vec![ledger.state().prove(StateKey::Log(log))];
        // One seat for ever: transactions are the operator's account's alone, and its own bond cannot be outbid.
        Ok(Some(LightProof { head: ledger.head().clone(), changes: Vec::new(), header, certificate, entries }.encode()))
    }
}

impl Settler for OwnChain {
    fn chain(&self) -> ChainId {
        self.chain
    }

    fn light(&mut self, log: LogId) -> Result<Option<Vec<u8>>, SettleError> {
        self.show(log).map_err(SettleError::from)
    }

    fn perform(&mut self, action: Action) -> Result<(), SettleError> {
        let (writer, made) = self.made(action).map_err(|fault| match fault {
            OwnFault::Refused(Rejection::LogForked { proof, .. }) => SettleError::Conflict(proof),
            // The chain is this process: it knows that nothing came of it.
            fault => SettleError::Unsent(Box::new(fault)),
        })?;
        writer.push(made.block.encode(), kept(&made.executed.ledger)).map(drop).map_err(|error| OwnFault::from(error).into())
    }
}

impl From<OwnFault> for SettleError {
    fn from(fault: OwnFault) -> Self {
        Self::Chain(Box::new(fault))
    }
}
