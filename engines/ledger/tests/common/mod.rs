//! What the tests share: keys from fixed seeds, a small genesis, and a chain that grows block by block.
#![allow(dead_code, unreachable_pub, reason = "each program that includes this module uses a part of it")]

pub mod log;

use libcrux_ml_dsa::ml_dsa_65::{MLDSA65SigningKey, generate_key_pair, sign};
use mickai_ledger::{BlockError, Effect, Ledger, Library, Rejection, SignatureCheck, Slot};
use mickai_proof::digest::{ChainId, TreeHash};
use mickai_proof::key::PublicKey;
use mickai_proof::pantheon::{
    Action, Address, Allocation, Amount, Block, Body, BondKey, Certificate, Genesis, GenesisHead, Header, Height, Network, PantheonError, Params, Proposal, Round, Transaction,
    Vote, VoteKind, quorum,
};
use mickai_proof::signature::SIGNATURE_LEN;

pub const PAN: u64 = 1_000_000_000;
pub const BOND: u64 = 2_000_000 * PAN;
/// Enough for every transaction of the tests.
pub const FEE: u64 = 100_000;

pub fn obols(obols: u64) -> Amount {
    Amount::from_obols(obols)
}

/// A key pair from a seed of one repeated byte.
pub struct Signer {
    pub key: PublicKey,
    secret: MLDSA65SigningKey,
}

impl Signer {
    pub fn new(seed: u8) -> Self {
        let pair = generate_key_pair([seed; 32]);
        Self { key: PublicKey::from_raw(*pair.verification_key.as_ref()), secret: pair.signing_key }
    }

    pub fn address(&self) -> Address {
        Address::of(&self.key)
    }

    pub fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_LEN] {
        *sign(&self.secret, message, b"", [0; 32]).unwrap().as_ref()
    }

    pub fn vote(&self, chain: ChainId, kind: VoteKind) -> Vote {
        Vote { signature: Box::new(self.sign(&kind.message(chain))), kind }
    }

    pub fn bond_key(&self, chain: ChainId, account: Address) -> BondKey {
        BondKey { key: self.key.clone(), proof: Box::new(self.sign(&BondKey::message(chain, account))) }
    }
}

pub fn params() -> Params {
    Params { seats_min: 1, seats_max: 4, epoch_blocks: 3, unbonding_epochs: 1, bond_min: obols(1_000_000 * PAN), fee_base: obols(1_000), fee_byte: obols(1), treasury_share: 2_500 }
}

/// A genesis whose first allocation takes what the others leave, plus `more` obols and minus `less`.
pub fn genesis_with(params: Params, bonds: Vec<(Address, PublicKey, Amount)>, accounts: &[(Address, u64)], (more, less): (u64, u64)) -> Result<Genesis, PantheonError> {
    let given: u64 = bonds.iter().map(|(.., bond)| bond.obols()).sum::<u64>() + accounts.iter().skip(1).map(|(_, amount)| amount).sum::<u64>();
    let rest = Amount::SUPPLY.obols() - given + more - less;
    let allocations = accounts.iter().enumerate().map(|(at, (to, amount))| Allocation { to: *to, amount: obols(if at == 0 { rest } else { *amount }) }).collect();
    let head = GenesisHead {
        network: Network::Test,
        name: "trial".into(),
        time_ms: 1_795_420_800_000,
        params,
        bonds,
        treasury: Amount::ZERO,
        allocation_count: 0,
        allocated: Amount::ZERO,
        allocations: TreeHash([0; 32]),
    };
    Genesis::new(head, allocations)
}

/// A chain whose first validator, of seed 1, proposes every block. Account 10 has nearly everything, 11 and 12 have a little.
pub struct Chain {
    pub ledger: Ledger,
    /// Headers by height, from 1 on.
    pub blocks: Vec<Block>,
    pub genesis: Genesis,
}

impl Chain {
    pub fn new() -> Self {
        Self::with(params(), &[1])
    }

    pub fn with(params: Params, validators: &[u8]) -> Self {
        let bonds = validators.iter().map(|seed| (Signer::new(100 + seed).address(), Signer::new(*seed).key, obols(BOND))).collect();
        let accounts = [(Signer::new(10).address(), 0), (Signer::new(11).address(), 5_000_000 * PAN), (Signer::new(12).address(), 3_000_000)];
        let genesis = genesis_with(params, bonds, &accounts, (0, 0)).unwrap();
        Self { ledger: Ledger::new(&genesis).unwrap(), blocks: Vec::new(), genesis }
    }

    /// What account `from` would send next.
    pub fn body(&self, from: &Signer, action: Action) -> Body {
        let nonce = self.ledger.state().account(from.address()).map_or(0, |account| account.nonce);
        Body { chain: self.ledger.chain(), sender: from.address(), nonce, fee: obols(FEE), expires: Height(1_000), action }
    }

    pub fn sign(&self, from: &Signer, body: Body) -> Transaction {
        let is_known = self.ledger.state().account(from.address()).is_some_and(|account| account.key.is_some());
        let signature = from.sign(&body.message());
        body.sign_with((!is_known).then(|| from.key.clone()), &signature)
    }

    pub fn transaction(&self, from: &Signer, action: Action) -> Transaction {
        self.sign(from, self.body(from, action))
    }

    /// The account that proposes.
    pub fn proposer(&self) -> Address {
        self.ledger.state().seats()[0].account
    }

    /// One more block; what was refused is given back. Everything that must hold after each block is checked here.
    pub fn push(&mut self, transactions: Vec<Transaction>, check: &dyn SignatureCheck) -> (Vec<Effect>, Vec<Rejection>) {
        let before = self.ledger.state().root();
        let slot = Slot { view: self.ledger.height().0 + 1, time_ms: 0, proposer: self.proposer() };
        let made = self.ledger.assemble(slot, transactions, check).unwrap();
        let block = Block::parse(&made.block.encode()).unwrap();
        let executed = self.ledger.execute(&block, check).unwrap();
        assert_eq!(executed.ledger.state().root(), made.executed.ledger.state().root());
        assert_eq!((executed.ledger.tip(), &executed.effects), (block.header.id(), &made.executed.effects));
        assert_eq!(self.ledger.state().root(), before, "the ledger before is as it was");
        let totals = executed.ledger.state().totals();
        assert_eq!(executed.ledger.state().audit(), Some(totals));
        assert_eq!(totals.sum(), 5_000_000_000_000_000_000);
        self.ledger = executed.ledger;
        self.blocks.push(block);
        (executed.effects, made.rejected.into_iter().map(|(_, why)| why).collect())
    }

    /// One block with this transaction, which must go through.
    pub fn does(&mut self, from: &Signer, action: Action) -> Vec<Effect> {
        let transaction = self.transaction(from, action);
        let (effects, rejected) = self.push(vec![transaction], &Library);
        assert_eq!(rejected, []);
        effects
    }

    /// Why this transaction is refused. Nothing of it may remain: a block of it is no block, and the block without it leaves the state of an empty one.
    pub fn refuses(&self, transaction: Transaction) -> Rejection {
        let slot = Slot { view: 1, time_ms: 0, proposer: self.proposer() };
        let made = self.ledger.assemble(slot, [transaction.clone()], &Library).unwrap();
        let [(_, why)] = <[_; 1]>::try_from(made.rejected).unwrap_or_else(|_| panic!("it was not refused"));
        let empty = self.ledger.assemble(slot, [], &Library).unwrap();
        assert_eq!(made.block.header.state, empty.block.header.state, "{}", why.code());
        let header = Header { transaction_count: 1, transactions: mickai_proof::pantheon::transactions_root(std::slice::from_ref(&transaction)), ..empty.block.header };
        let executed = self.ledger.execute(&Block { header, transactions: vec![transaction] }, &Library);
        assert_eq!(executed.err(), Some(BlockError::Transaction { index: 0, why: why.clone() }));
        why
    }

    /// A quorum of the validators with these seeds certifies a block.
    pub fn certify(&self, header: &Header, seeds: &[u8]) -> Certificate {
        certify(header, seeds, quorum(seeds.len()))
    }
}

/// A certificate by the first `count` of these validators.
pub fn certify(header: &Header, seeds: &[u8], count: usize) -> Certificate {
    let mut signers: Vec<_> = seeds.iter().map(|seed| Signer::new(*seed)).collect();
    signers.sort_by(|a, b| a.key.raw().cmp(b.key.raw()));
    let round = Round { epoch: header.epoch, view: header.view };
    let parent = header.view - 1;
    let message = VoteKind::Finalize(Proposal { round, parent, block: header.id() }).message(header.chain);
    let votes = signers.iter().take(count).enumerate().map(|(seat, signer)| (seat, Box::new(signer.sign(&message)))).collect();
    Certificate::new(round, parent, seeds.len(), votes).unwrap()
}
