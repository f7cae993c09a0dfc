//! A chain of one validator in memory: each transaction that is taken is a block at once, and each block has its certificate.

use aws_lc_rs::signature::{KeyPair, ML_DSA_65_SIGNING, PqdsaKeyPair};
use mickai_ledger::{Ledger, Library, Slot};
use mickai_pantheond::rpc::{Chain, Later, NotShown, NotTaken, Standing};
use mickai_proof::digest::{BlockId, TransactionId, TreeHash};
use mickai_proof::key::PublicKey;
use mickai_proof::pantheon::light::Change;
use mickai_proof::pantheon::{
    Action, Address, Allocation, Amount, Block, Body, Certificate, Genesis, GenesisHead, Height, LightProof, Network, Params, Proposal, Round, StateKey, Transaction, VoteKind,
};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

const PAN: u64 = 1_000_000_000;

/// A key from a seed of one repeated byte.
pub struct Signer {
    pair: PqdsaKeyPair,
    pub key: PublicKey,
}

impl Signer {
    pub fn new(seed: u8) -> Self {
        let pair = PqdsaKeyPair::from_seed(&ML_DSA_65_SIGNING, &[seed; 32]).unwrap();
        let key = PublicKey::from_raw(pair.public_key().as_ref().try_into().unwrap());
        Self { pair, key }
    }

    pub fn address(&self) -> Address {
        Address::of(&self.key)
    }

    pub fn sign(&self, message: &[u8]) -> [u8; 3309] {
        let mut signature = [0; 3309];
        assert_eq!(self.pair.sign(message, &mut signature).unwrap(), 3309);
        signature
    }
}

/// The chain. Signer 1 votes, signer 10 has nearly everything.
pub struct Solo {
    pub genesis: Genesis,
    inner: Mutex<Inner>,
    height: watch::Sender<Height>,
    asked: AtomicUsize,
}

struct Inner {
    ledger: Ledger,
    blocks: Vec<Arc<Block>>,
    /// Below it none is kept.
    lowest: Height,
    /// Changes in each light proof, none of which there was.
    change_count: usize,
    /// What was taken and is in no block yet, where that waits to be told.
    held: Option<Vec<Transaction>>,
}

impl Solo {
    pub fn new() -> Arc<Self> {
        let bond = Amount::from_obols(1_000_000 * PAN);
        let head = GenesisHead {
            network: Network::Test,
            name: "solo".into(),
            time_ms: 1_795_420_800_000,
            params: Params {
                seats_min: 1,
                seats_max: 4,
                epoch_blocks: 1_000,
                unbonding_epochs: 1,
                bond_min: bond,
                fee_base: Amount::from_obols(1_000),
                fee_byte: Amount::from_obols(1),
                treasury_share: 2_500,
            },
            bonds: vec![(Signer::new(101).address(), Signer::new(1).key, bond)],
            treasury: Amount::ZERO,
            allocation_count: 0,
            allocated: Amount::ZERO,
            allocations: TreeHash([0; 32]),
        };
        let rich = Allocation { to: Signer::new(10).address(), amount: Amount::SUPPLY.checked_sub(bond).unwrap() };
        let genesis = Genesis::new(head, vec![rich]).unwrap();
        let inner = Inner { ledger: Ledger::new(&genesis).unwrap(), blocks: Vec::new(), lowest: Height(1), change_count: 0, held: None };
        let solo = Self { genesis, inner: Mutex::new(inner), height: watch::channel(Height(0)).0, asked: AtomicUsize::new(0) };
        solo.push(None).unwrap();
        Arc::new(solo)
    }

    /// One more block, empty or of one transaction, unless that is refused.
    pub fn push(&self, transaction: Option<Transaction>) -> Result<(), NotTaken> {
        self.push_at(transaction, 0)
    }

    /// The same at a time, if that is above its parent's.
    pub fn push_at(&self, transaction: Option<Transaction>, time_ms: u64) -> Result<(), NotTaken> {
        let mut inner = self.inner.lock().unwrap();
        let slot = Slot { view: inner.ledger.height().0 + 1, time_ms, proposer: Signer::new(101).address() };
        let made = inner.ledger.assemble(slot, transaction, &Library).unwrap();
        if let Some((_, why)) = made.rejected.into_iter().next() {
            return Err(NotTaken::Rejected(why));
        }
        inner.ledger = made.executed.ledger;
        inner.blocks.push(Arc::new(made.block));
        self.height.send_replace(inner.ledger.height());
        Ok(())
    }

    /// What signer `from` would send next, paying enough.
    pub fn body(&self, from: &Signer, action: Action) -> Body {
        let ledger = self.ledger();
        let nonce = ledger.state().account(from.address()).map_or(0, |account| account.nonce);
        Body { chain: ledger.chain(), sender: from.address(), nonce, fee: Amount::from_obols(100_000), expires: Height(1_000), action }
    }

    /// The same, signed.
    pub fn transaction(&self, from: &Signer, action: Action) -> Transaction {
        self.sign(from, self.body(from, action))
    }

    pub fn sign(&self, from: &Signer, body: Body) -> Transaction {
        let is_known = self.ledger().state().account(from.address()).is_some_and(|account| account.key.is_some());
        let signature = from.sign(&body.message());
        body.sign_with((!is_known).then(|| from.key.clone()), &signature)
    }

    /// The height of its newest block.
    pub fn newest(&self) -> Height {
        self.inner.lock().unwrap().ledger.height()
    }

    /// Forgets the blocks below a height, and the transactions in them.
    pub fn prune(&self, lowest: Height) {
        self.inner.lock().unwrap().lowest = lowest;
    }

    /// How often a block was asked for by its height since this was last asked.
    pub fn asked(&self) -> usize {
        self.asked.swap(0, Ordering::Relaxed)
    }

    /// From now on each light proof says that validators changed so often.
    pub fn pretend_changes(&self, count: usize) {
        self.inner.lock().unwrap().change_count = count;
    }

    /// From now on what is taken waits.
    pub fn hold(&self) {
        self.inner.lock().unwrap().held = Some(Vec::new());
    }

    /// Makes a block of each that waits; false where none does.
    pub fn release(&self) -> bool {
        let held: Vec<Transaction> = self.inner.lock().unwrap().held.as_mut().map(std::mem::take).unwrap_or_default();
        let has_any = !held.is_empty();
        held.into_iter().for_each(|transaction| self.push(Some(transaction)).unwrap());
        has_any
    }

    fn find(&self, at: Height) -> Option<Arc<Block>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let inner = self.inner.lock().unwrap();
        inner.blocks.get(usize::try_from(at.0).unwrap().checked_sub(1)?).filter(|_| at >= inner.lowest).cloned()
    }

    fn places(&self, wanted: impl Fn(&Transaction) -> bool) -> Vec<(Height, usize)> {
        let inner = self.inner.lock().unwrap();
        let of = |block: &Arc<Block>| block.transactions.iter().enumerate().filter(|(_, one)| wanted(one)).map(|(at, _)| (block.header.height, at)).collect::<Vec<_>>();
        inner.blocks.iter().rev().filter(|block| block.header.height >= inner.lowest).flat_map(of).collect()
    }
}

fn now<T: Send + 'static>(value: T) -> Later<T> {
    Box::pin(std::future::ready(value))
}

impl Chain for Solo {
    fn ledger(&self) -> Ledger {
        self.inner.lock().unwrap().ledger.clone()
    }

    fn submit(&self, transaction: Transaction) -> Result<TransactionId, NotTaken> {
        let id = transaction.id();
        if let Some(held) = &mut self.inner.lock().unwrap().held {
            held.push(transaction);
            return Ok(id);
        }
        self.push(Some(transaction)).map(|()| id)
    }

    fn block(&self, at: Height) -> Later<Option<Arc<Block>>> {
        now(self.find(at))
    }

    fn block_by_id(&self, id: BlockId) -> Later<Option<Arc<Block>>> {
        let inner = self.inner.lock().unwrap();
        now(inner.blocks.iter().find(|block| block.header.height >= inner.lowest && block.header.id() == id).cloned())
    }

    fn locate(&self, id: TransactionId) -> Option<(Height, usize)> {
        self.places(|transaction| transaction.id() == id).first().copied()
    }

    fn kept_from(&self, at: Height) -> Option<Height> {
        let inner = self.inner.lock().unwrap();
        inner.blocks.iter().map(|block| block.header.height).find(|height| *height >= at.max(inner.lowest))
    }

    fn history(&self, of: Address, from: usize, limit: usize) -> Vec<(Height, usize)> {
        let places = self.places(|transaction| transaction.body().sender == of || matches!(transaction.body().action, Action::Transfer { to, .. } if to == of));
        places.into_iter().skip(from).take(limit).collect()
    }

    fn light(&self, keys: Vec<StateKey>) -> Later<Result<LightProof, NotShown>> {
        let inner = self.inner.lock().unwrap();
        let header = inner.blocks.last().unwrap().header.clone();
        let round = Round { epoch: header.epoch, view: header.view };
        let parent = header.view - 1;
        let message = VoteKind::Finalize(Proposal { round, parent, block: header.id() }).message(header.chain);
        let certificate = Certificate::new(round, parent, 1, vec![(0, Box::new(Signer::new(1).sign(&message)))]).unwrap();
        let entries = keys.into_iter().map(|key| inner.ledger.state().prove(key)).collect();
        let change = Change { header: header.clone(), certificate: certificate.clone(), next: inner.ledger.validators().clone() };
        now(Ok(LightProof { head: inner.ledger.head().clone(), changes: vec![change; inner.change_count], header, certificate, entries }))
    }

    fn wait(&self, above: Height) -> Later<Option<Height>> {
        let mut height = self.height.subscribe();
        Box::pin(async move { height.wait_for(|height| *height > above).await.ok().map(|height| *height) })
    }

    fn standing(&self) -> Standing {
        Standing { epoch: 0, waiting: 0, waiting_bytes: 0, is_validator: true }
    }

    fn metrics(&self) -> String {
        "# HELP solo_blocks blocks\n# TYPE solo_blocks counter\nsolo_blocks 1\n".into()
    }
}
