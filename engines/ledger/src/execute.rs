//! A block, executed: the ledger after it, or why there is none (spec/pantheon.md "Execution").

use crate::actions;
use crate::admit::{SignatureCheck, admit};
use crate::draft::Draft;
use crate::epoch;
use crate::rejection::{BlockError, Rejection};
use crate::state::State;
use crate::supply;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use mickai_proof::checkpoint::Checkpoint;
use mickai_proof::digest::{BlockId, ChainId, LogId, SetDigest};
use mickai_proof::limits;
use mickai_proof::pantheon::{
    Account, Address, Amount, Block, Entry, Genesis, GenesisHead, Header, Height, PantheonError, Params, Part, Seat, StateKey, Totals, Transaction, Validator, ValidatorSet,
};

/// The ledger after some block. Copies share everything.
#[derive(Clone)]
pub struct Ledger {
    head: Arc<GenesisHead>,
    chain: ChainId,
    state: State,
    height: Height,
    tip: BlockId,
    time_ms: u64,
    set: Arc<ValidatorSet>,
    set_digest: SetDigest,
}

/// What happened in a block, for those who index it or act on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A checkpoint was settled.
    Settled(Checkpoint),
    /// A log was shown to be forked.
    Frozen(LogId),
    /// A validator voted twice and lost this to the treasury.
    Barred {
        /// Whose.
        account: Address,
        /// How much.
        amount: Amount,
    },
    /// What was unbonded came back.
    Released {
        /// To whom.
        account: Address,
        /// How much.
        amount: Amount,
    },
    /// Others vote from the next block on: [`Ledger::validators`].
    Seated,
}

/// A block's outcome.
#[derive(Clone)]
pub struct Executed {
    /// The ledger after it.
    pub ledger: Ledger,
    /// What happened, in order.
    pub effects: Vec<Effect>,
}

/// What a block's transactions are judged by.
pub(crate) struct Terms<'a> {
    pub(crate) chain: ChainId,
    pub(crate) params: &'a Params,
    pub(crate) height: Height,
    pub(crate) epoch: u64,
    pub(crate) proposer: Address,
    pub(crate) check: &'a dyn SignatureCheck,
}

impl Ledger {
    /// The ledger before the first block.
    ///
    /// # Errors
    /// [`PantheonError::Malformed`] for a genesis that was not made by [`Genesis::new`] or [`Genesis::parse`].
    pub fn new(genesis: &Genesis) -> Result<Self, PantheonError> {
        let malformed = PantheonError::Malformed(Part::Genesis);
        let head = &genesis.head;
        let set = head.validators().ok_or(malformed)?;
        let state = State::default().with(&first_entries(genesis));
        supply::audit(&state).map_err(|_| PantheonError::GenesisSum { sum: state.totals().sum(), supply: Amount::SUPPLY })?;
        let chain = head.id();
        Ok(Self { head: Arc::new(head.clone()), chain, state, height: Height(0), tip: BlockId(chain.0), time_ms: head.time_ms, set_digest: set.digest(), set: Arc::new(set) })
    }

    /// The ledger after a block whose state came from elsewhere. Who calls this has checked that the block is final; everything else about the state follows from its header.
    ///
    /// # Errors
    /// [`BlockError::OtherChain`], [`BlockError::State`], [`BlockError::Next`], [`BlockError::Supply`].
    pub fn resume(head: &GenesisHead, header: &Header, state: State) -> Result<Self, BlockError> {
        let (chain, root) = (head.id(), state.root());
        if header.chain != chain {
            return Err(BlockError::OtherChain(header.chain));
        }
        if header.state != root {
            return Err(BlockError::State { found: header.state, root });
        }
        let totals = state.totals();
        if state.audit() != Some(totals) || totals.sum() != u128::from(Amount::SUPPLY.obols()) {
            return Err(BlockError::Supply { found: totals.sum() });
        }
        let keys = state.seats().iter().map(|seat| seat.key.clone()).collect();
        let set = ValidatorSet::new(keys).filter(|set| set.digest() == header.next).ok_or(BlockError::Next(header.next))?;
        Ok(Self { head: Arc::new(head.clone()), chain, state, height: header.height, tip: header.id(), time_ms: header.time_ms, set_digest: header.next, set: Arc::new(set) })
    }

    /// The chain.
    pub fn chain(&self) -> ChainId {
        self.chain
    }

    /// Its rules.
    pub fn params(&self) -> &Params {
        &self.head.params
    }

    /// Genesis, as far as light clients need it.
    pub fn head(&self) -> &GenesisHead {
        &self.head
    }

    /// The height of the newest block.
    pub fn height(&self) -> Height {
        self.height
    }

    /// The newest block.
    pub fn tip(&self) -> BlockId {
        self.tip
    }

    /// When it was proposed.
    pub fn time_ms(&self) -> u64 {
        self.time_ms
    }

    /// The state after it.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Who votes on the next block.
    pub fn validators(&self) -> &ValidatorSet {
        &self.set
    }

    /// Executes the next block; this ledger stays as it is.
    ///
    /// # Errors
    /// The first reason, in the order of the spec, why the block cannot follow.
    pub fn execute(&self, block: &Block, check: &dyn SignatureCheck) -> Result<Executed, BlockError> {
        let header = &block.header;
        self.check_header(header)?;
        if block.transactions.len() > limits::BLOCK_TRANSACTIONS_MAX || !block.holds_together() {
            return Err(BlockError::Transactions);
        }
        let terms = self.terms(header.proposer, check);
        let mut draft = Draft::new(&self.state);
        let mut effects = Vec::new();
        for (index, transaction) in block.transactions.iter().enumerate() {
            effects.extend(apply(&mut draft, &terms, transaction).map_err(|why| BlockError::Transaction { index, why })?);
        }
        let executed = self.finish(draft, &terms, effects, header.time_ms)?;
        let ledger = executed.ledger.at(header);
        if header.next != ledger.set_digest {
            return Err(BlockError::Next(header.next));
        }
        let root = ledger.state.root();
        if header.state != root {
            return Err(BlockError::State { found: header.state, root });
        }
        Ok(Executed { ledger, ..executed })
    }

    /// What a header alone tells: whether a block under it could be the next one. [`Ledger::execute`] begins with it; who has work to do before asks it first.
    ///
    /// # Errors
    /// The first reason, in the order of the spec, up to the proposer's seat.
    pub fn check_header(&self, header: &Header) -> Result<(), BlockError> {
        let next = Height(self.height.0.saturating_add(1));
        if header.chain != self.chain {
            return Err(BlockError::OtherChain(header.chain));
        }
        if header.height != next || header.epoch != next.epoch(self.head.params.epoch_blocks) {
            return Err(BlockError::Height { found: header.height, next });
        }
        if header.parent != self.tip {
            return Err(BlockError::Parent(header.parent));
        }
        if header.time_ms <= self.time_ms {
            return Err(BlockError::Time { found_ms: header.time_ms, parent_ms: self.time_ms });
        }
        if header.validators != self.set_digest {
            return Err(BlockError::Validators(header.validators));
        }
        self.check_proposer(header.proposer)
    }

    pub(crate) fn check_proposer(&self, proposer: Address) -> Result<(), BlockError> {
        let has_seat = self.state.seats().iter().any(|seat| seat.account == proposer);
        if has_seat { Ok(()) } else { Err(BlockError::Proposer(proposer)) }
    }

    pub(crate) fn set_digest(&self) -> SetDigest {
        self.set_digest
    }

    /// The terms of the next block.
    pub(crate) fn terms<'a>(&'a self, proposer: Address, check: &'a dyn SignatureCheck) -> Terms<'a> {
        let height = Height(self.height.0.saturating_add(1));
        Terms { chain: self.chain, params: &self.head.params, height, epoch: height.epoch(self.head.params.epoch_blocks), proposer, check }
    }

    /// What follows the transactions: the epoch's end, the count, the root. The new ledger does not know its own block yet.
    pub(crate) fn finish(&self, mut draft: Draft<'_>, terms: &Terms<'_>, mut effects: Vec<Effect>, time_ms: u64) -> Result<Executed, BlockError> {
        epoch::end(&mut draft, terms, &mut effects).map_err(|_| BlockError::Supply { found: draft.totals().sum() })?;
        supply::settle(&mut draft)?;
        let state = self.state.with(draft.changes());
        let mut ledger = Self { state, height: terms.height, time_ms, ..self.clone() };
        if effects.contains(&Effect::Seated) {
            let keys = ledger.state.seats().iter().map(|seat| seat.key.clone()).collect();
            // Seats are bounded, not none, and each key has one account.
            let set = ValidatorSet::new(keys).ok_or(BlockError::Validators(self.set_digest))?;
            ledger.set_digest = set.digest();
            ledger.set = Arc::new(set);
        }
        Ok(Executed { ledger, effects })
    }

    /// This ledger, whose newest block has this header.
    pub(crate) fn at(&self, header: &Header) -> Self {
        Self { tip: header.id(), ..self.clone() }
    }
}

/// One transaction: all of it, or nothing.
pub(crate) fn apply(draft: &mut Draft<'_>, terms: &Terms<'_>, transaction: &Transaction) -> Result<Vec<Effect>, Rejection> {
    draft.atomically(|draft| {
        let mut effects = Vec::new();
        admit(draft, terms, transaction)?;
        actions::perform(draft, terms, transaction.body().sender, &transaction.body().action, &mut effects)?;
        Ok(effects)
    })
}

/// The state that genesis says.
fn first_entries(genesis: &Genesis) -> BTreeMap<StateKey, Entry> {
    let head = &genesis.head;
    let mut entries: BTreeMap<_, _> =
        genesis.allocations.iter().map(|allocation| (StateKey::Account(allocation.to), Entry::Account(Account { balance: allocation.amount, ..Account::default() }))).collect();
    let (mut roster, mut seats, mut bonded) = (Vec::new(), Vec::new(), 0);
    for (account, key, bond) in &head.bonds {
        roster.push(*account);
        seats.push(Seat { account: *account, key: key.clone() });
        // Genesis sums to the supply.
        bonded += bond.obols();
        let validator = Validator { key: key.clone(), bond: *bond, is_barred: false, unbonding: Vec::new() };
        entries.insert(StateKey::Validator(*account), Entry::Validator(Box::new(validator)));
        entries.insert(StateKey::Voter(Address::of(key)), Entry::Voter(*account));
    }
    roster.sort();
    let totals = Totals { balances: head.allocated, bonds: Amount::from_obols(bonded), unbonding: Amount::ZERO, treasury: head.treasury };
    entries.insert(StateKey::Totals, Entry::Totals(totals));
    entries.insert(StateKey::Roster, Entry::Roster(roster));
    entries.insert(StateKey::Seats, Entry::Seats(seats));
    entries
}
