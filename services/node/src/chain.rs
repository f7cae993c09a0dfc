//! What one node knows of its chain: the ledgers of the newest final blocks, those of blocks that are not final yet, and what waits for one.

use crate::calendar::Calendar;
use crate::error::NodeError;
use crate::index::{Index, Place};
use crate::limits;
use crate::mempool::{Admission, Mempool, SubmitError, next_nonce};
use crate::remembered::{Final, Remembered};
use crate::sealed::Sealed;
use commonware_parallel::Strategy;
use commonware_utils::channel::oneshot;
use mickai_ledger::{BlockError, Effect, Executed, Ledger, Library, Making, Rejection, SignatureCheck, Slot};
use mickai_proof::digest::{BlockId, ChainId, TransactionId};
use mickai_proof::key::PublicKey;
use mickai_proof::pantheon::{Address, Block, Certificate, Evidence, Genesis, GenesisHead, Header, Height, LightProof, Transaction, ValidatorSet};
use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A change of the validators: the epoch's last block, and who votes after it.
#[derive(Clone)]
pub(crate) struct Turn {
    pub(crate) height: Height,
    pub(crate) set: Arc<ValidatorSet>,
    /// Where it was asked for before.
    pub(crate) shown: Option<Arc<Shown>>,
}

/// What shows a turn.
pub(crate) struct Shown {
    pub(crate) header: Header,
    /// That its block is final.
    pub(crate) certificate: Certificate,
    /// Bytes of the turn in a light proof, but for the few that stand around its parts.
    pub(crate) byte_count: usize,
}

impl Shown {
    pub(crate) fn new(header: Header, certificate: Certificate, set: &ValidatorSet) -> Self {
        let byte_count = header.encode().len() + certificate.encode().len() + set.encode().len();
        Self { header, certificate, byte_count }
    }
}

/// What the first block of an epoch stands on.
#[derive(Clone, Copy)]
pub(crate) struct Base {
    pub(crate) block: BlockId,
    /// When it was proposed, ms since 1970.
    pub(crate) time_ms: u64,
}

impl Base {
    fn of(ledger: &Ledger) -> Self {
        Self { block: ledger.tip(), time_ms: ledger.time_ms() }
    }
}

/// Shared by everything in a node; each method is short turns under one lock. None is held while signatures are verified or blocks are executed or made.
pub(crate) struct Chain {
    head: GenesisHead,
    id: ChainId,
    calendar: Calendar,
    remembered: Remembered,
    /// Does this node sign in the epoch that it entered last?
    signs: AtomicBool,
    inner: Mutex<Inner>,
}

struct Inner {
    /// After the newest final block; of a new chain, genesis.
    newest: Ledger,
    /// After those before it, the newest last.
    finals: VecDeque<Ledger>,
    /// Of blocks that may become final; the one that was executed or asked for last is the last.
    pending: VecDeque<Executed>,
    turns: Vec<Turn>,
    /// For an epoch that begins after the newest final block or has begun, the block before it.
    bases: BTreeMap<u64, Base>,
    mempool: Mempool,
    index: Index,
    evidence: Vec<Evidence>,
    /// Who waits for a transaction to propose.
    workers: Vec<oneshot::Sender<()>>,
    /// Who waits for a final block.
    watchers: Vec<oneshot::Sender<Height>>,
    is_stopped: bool,
}

impl Inner {
    /// Keeps what a block that may become final gives. While none does, the one that nobody needed for longest goes for the next: who needs it again executes its block again, which the engine's store has.
    fn keep(&mut self, executed: Executed) {
        self.pending.retain(|other| other.ledger.tip() != executed.ledger.tip());
        self.pending.push_back(executed);
        if self.pending.len() > limits::PENDING_LEDGERS_KEPT {
            self.pending.pop_front();
        }
    }
}

impl Chain {
    pub(crate) fn new(genesis: &Genesis) -> Result<Self, NodeError> {
        Self::with_verifier(genesis, Box::new(Library))
    }

    /// By another verifier than the library's.
    pub(crate) fn with_verifier(genesis: &Genesis, verifier: Box<dyn SignatureCheck + Send + Sync>) -> Result<Self, NodeError> {
        let ledger = Ledger::new(genesis).map_err(NodeError::Genesis)?;
        let epoch_blocks = NonZeroU64::new(ledger.params().epoch_blocks).ok_or(NodeError::EpochOfNoBlocks)?;
        let inner = Inner {
            newest: ledger.clone(),
            finals: VecDeque::new(),
            pending: VecDeque::new(),
            turns: Vec::new(),
            bases: BTreeMap::from([(0, Base::of(&ledger))]),
            mempool: Mempool::new(limits::MEMPOOL_BYTES_MAX, limits::SENDER_BYTES_MAX),
            index: Index::default(),
            evidence: Vec::new(),
            workers: Vec::new(),
            watchers: Vec::new(),
            is_stopped: false,
        };
        Ok(Self {
            head: genesis.head.clone(),
            id: ledger.chain(),
            calendar: Calendar::new(epoch_blocks),
            remembered: Remembered::new(verifier),
            signs: AtomicBool::new(false),
            inner: Mutex::new(inner),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every method leaves it whole: what can fail is done before the lock is taken.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn id(&self) -> ChainId {
        self.id
    }

    pub(crate) fn head(&self) -> &GenesisHead {
        &self.head
    }

    pub(crate) fn calendar(&self) -> Calendar {
        self.calendar
    }

    /// After the newest final block.
    pub(crate) fn newest(&self) -> Ledger {
        self.lock().newest.clone()
    }

    /// The final ledgers that are kept, the newest first.
    pub(crate) fn finals(&self) -> Vec<Ledger> {
        let inner = self.lock();
        std::iter::once(&inner.newest).chain(inner.finals.iter().rev()).cloned().collect()
    }

    /// After this block, if it is known and has not been overtaken long ago, by a final one or by many that are not.
    pub(crate) fn after(&self, block: BlockId) -> Option<Ledger> {
        let mut inner = self.lock();
        let known = inner.pending.iter().position(|executed| executed.ledger.tip() == block);
        if let Some(executed) = known.and_then(|at| inner.pending.remove(at)) {
            // Blocks are made on it now: it stays longer than those that nobody asks for.
            let ledger = executed.ledger.clone();
            inner.pending.push_back(executed);
            return Some(ledger);
        }
        std::iter::once(&inner.newest).chain(inner.finals.iter().rev()).find(|ledger| ledger.tip() == block).cloned()
    }

    /// The changes of validators up to the block at this height.
    pub(crate) fn turns(&self, up_to: Height) -> Vec<Turn> {
        self.lock().turns.iter().filter(|turn| turn.height <= up_to).cloned().collect()
    }

    /// How many of them led to the newest final block: one at that block itself did not.
    pub(crate) fn turn_count(&self) -> usize {
        let inner = self.lock();
        inner.turns.iter().filter(|turn| turn.height < inner.newest.height()).count()
    }

    /// What the first block of an epoch that begins stands on.
    pub(crate) fn base(&self, epoch: u64) -> Option<Base> {
        self.lock().bases.get(&epoch).copied()
    }

    /// The epoch of the block after the newest final one.
    pub(crate) fn epoch(&self) -> u64 {
        self.calendar.epoch(Height(self.lock().newest.height().0.saturating_add(1)))
    }

    pub(crate) fn signs(&self) -> bool {
        self.signs.load(Ordering::Relaxed)
    }

    pub(crate) fn set_signs(&self, signs: bool) {
        self.signs.store(signs, Ordering::Relaxed);
    }

    /// Keeps what shows a turn.
    pub(crate) fn remember(&self, at: Height, shown: Arc<Shown>) {
        let mut inner = self.lock();
        if let Some(turn) = inner.turns.iter_mut().find(|turn| turn.height == at) {
            turn.shown = Some(shown);
        }
    }

    /// Goes on from the state after an epoch's last block, which `proof` shows to be final.
    pub(crate) fn resume(&self, ledger: Ledger, proof: &LightProof) {
        let turn = |header: &Header, certificate: &Certificate, set: &ValidatorSet| {
            let shown = Shown::new(header.clone(), certificate.clone(), set);
            Turn { height: header.height, set: Arc::new(set.clone()), shown: Some(Arc::new(shown)) }
        };
        let mut turns: Vec<_> = proof.changes.iter().map(|change| turn(&change.header, &change.certificate, &change.next)).collect();
        if proof.header.next != proof.header.validators {
            turns.push(turn(&proof.header, &proof.certificate, ledger.validators()));
        }
        let mut inner = self.lock();
        inner.turns = turns;
        inner.bases = BTreeMap::from([(self.calendar.epoch(ledger.height()).saturating_add(1), Base::of(&ledger))]);
        inner.newest = ledger;
    }

    /// Executes a block on its parent's ledger. The signatures of many transactions are verified side by side before.
    ///
    /// # Errors
    /// [`BlockError`], its header's first.
    pub(crate) fn execute(&self, parent: &Ledger, sealed: &Sealed, strategy: &impl Strategy) -> Result<Ledger, BlockError> {
        let Some(block) = sealed.block() else {
            // Genesis is executed by nobody.
            return Err(BlockError::Height { found: sealed.at(), next: Height(parent.height().0.saturating_add(1)) });
        };
        parent.check_header(&block.header)?;
        self.verify_ahead(parent, block, strategy)?;
        let executed = parent.execute(block, &self.remembered)?;
        let ledger = executed.ledger.clone();
        self.lock().keep(executed);
        Ok(ledger)
    }

    /// Leaves every good signature in the memory, up to the first that is not: by whichever key its transaction says, no block holds it.
    fn verify_ahead(&self, parent: &Ledger, block: &Block, strategy: &impl Strategy) -> Result<(), BlockError> {
        let mut revealed = BTreeMap::new();
        let mut questions = Vec::new();
        for (index, transaction) in block.transactions.iter().enumerate() {
            let sender = transaction.body().sender;
            if let Some(key) = transaction.key() {
                revealed.insert(sender, key);
            }
            let known = parent.state().account(sender).and_then(|account| account.key.as_ref());
            questions.extend(known.or(revealed.get(&sender).copied()).map(|key| (index, key, transaction)));
        }
        let answer = |(index, key, transaction): (usize, &PublicKey, &Transaction)| {
            let is_signed = self.remembered.is_signed(key, &transaction.message(), transaction.signature());
            if is_signed { Ok(()) } else { Err(BlockError::Transaction { index, why: Rejection::Signature }) }
        };
        strategy.try_map_collect_vec(questions, answer).map(|_| ())
    }

    /// Makes a block of what waits, on top of `parent`: the best paid that can follow, past those that cannot.
    pub(crate) fn assemble(&self, parent: &Ledger, slot: Slot) -> Result<Sealed, BlockError> {
        let mut waiting = self.lock().mempool.select(parent);
        let mut making = parent.begin(slot, &self.remembered)?;
        let (mut refused, mut refused_bytes) = (Vec::new(), 0);
        while let Some(best) = waiting.best().filter(|best| making.has_room_for(best) && refused_bytes < limits::REFUSED_BYTES_MAX) {
            if making.add(best).is_ok() {
                waiting.take();
            } else {
                refused_bytes += best.byte_count();
                refused.extend(waiting.pass());
            }
        }
        let (block, executed) = making.end()?;
        let sealed = Sealed::new(block);
        let inner = &mut *self.lock();
        inner.mempool.refused(&inner.newest, &refused);
        inner.keep(executed);
        Ok(sealed)
    }

    /// Takes a final block in. Blocks come in order, some of them again after a restart: those change nothing.
    ///
    /// # Errors
    /// Why it cannot follow: what is final and does not follow is another chain's, or a node's own disk lies.
    pub(crate) fn finalise(&self, sealed: &Sealed) -> Result<Option<Ledger>, BlockError> {
        let (parent, known) = {
            let mut inner = self.lock();
            let known = inner.pending.iter().position(|executed| executed.ledger.tip() == sealed.id());
            (inner.newest.clone(), known.and_then(|at| inner.pending.remove(at)))
        };
        let Some(block) = sealed.block().filter(|block| block.header.height > parent.height()) else { return Ok(None) };
        let executed = match known {
            Some(executed) if block.header.parent == parent.tip() => executed,
            // Not executed here, or so long ago that its ledger has gone. A quorum answered for its signatures.
            _ => parent.execute(block, &Final)?,
        };
        let ledger = self.append(sealed, block, executed);
        self.try_best(&ledger);
        Ok(Some(ledger))
    }

    /// Tries the best of what the newest block left: what can stand in none keeps nobody's room until this node proposes, if it ever does.
    fn try_best(&self, ledger: &Ledger) {
        let best = self.lock().mempool.best(limits::TRIED_COUNT);
        let Some(mut making) = self.trial(ledger).filter(|_| !best.is_empty()) else { return };
        // Of a sender's the first that is refused is at fault, those after it are not.
        let is_refused = |one: &Arc<Transaction>| making.add(one).is_err_and(|why| !matches!(why, Rejection::NonceGap { .. }));
        let refused: Vec<_> = best.into_iter().filter(is_refused).collect();
        let inner = &mut *self.lock();
        inner.mempool.refused(&inner.newest, &refused);
    }

    fn append(&self, sealed: &Sealed, block: &Block, executed: Executed) -> Ledger {
        let Executed { ledger, effects } = executed;
        let mut inner = self.lock();
        if effects.contains(&Effect::Seated) {
            inner.turns.push(Turn { height: ledger.height(), set: Arc::new(ledger.validators().clone()), shown: None });
        }
        if self.calendar.ends_epoch(ledger.height()) {
            let next = self.calendar.epoch(ledger.height()).saturating_add(1);
            inner.bases.insert(next, Base::of(&ledger));
            // The epoch before may still be entered by an engine that is late.
            inner.bases.retain(|epoch, _| epoch.saturating_add(1) >= next);
        }
        let before = std::mem::replace(&mut inner.newest, ledger.clone());
        inner.finals.push_back(before);
        if inner.finals.len() >= limits::FINAL_LEDGERS_KEPT {
            inner.finals.pop_front();
        }
        // A block below, or beside, will never be final.
        inner.pending.retain(|other| other.ledger.height() > ledger.height());
        inner.mempool.follow(&ledger);
        inner.index.add(block);
        let height = sealed.at();
        for watcher in inner.watchers.drain(..) {
            // Who no longer waits has no use for it.
            let _ = watcher.send(height);
        }
        ledger
    }

    /// Indexes a block from before the snapshot that the chain goes on from.
    pub(crate) fn recall(&self, block: &Block) {
        self.lock().index.add(block);
    }

    /// Forgets where the transactions of blocks below `lowest` stand.
    pub(crate) fn forget(&self, lowest: Height) {
        // One block at a time: others want the lock between two.
        while self.lock().index.forget_first(lowest) {}
    }

    /// Takes a transaction in. One of this machine's users is first tried on the newest ledger, so that he learns at once what a block would say.
    ///
    /// # Errors
    /// [`SubmitError`]. What costs nothing is looked at first: a stranger's noise is refused before anybody verifies it.
    pub(crate) fn submit(&self, transaction: Arc<Transaction>, is_tried: bool) -> Result<TransactionId, SubmitError> {
        let id = transaction.id();
        let (ledger, Admission { key, .. }) = {
            let inner = self.lock();
            if inner.is_stopped {
                return Err(SubmitError::Stopped);
            }
            (inner.newest.clone(), inner.mempool.check(&inner.newest, id, &transaction)?)
        };
        if !self.remembered.is_signed(&key, &transaction.message(), transaction.signature()) {
            return Err(Rejection::Signature.into());
        }
        if is_tried {
            self.try_out(&ledger, &transaction)?;
        }
        let inner = &mut *self.lock();
        // An account's key stays, so the signature is good. The rest is looked at again: others came, and a block may have become final meanwhile.
        inner.mempool.insert(&inner.newest, id, transaction)?;
        for worker in inner.workers.drain(..) {
            let _ = worker.send(());
        }
        Ok(id)
    }

    /// Would the next block hold it? Only asked of a sender's next transaction: what comes after depends on it.
    fn try_out(&self, ledger: &Ledger, transaction: &Transaction) -> Result<(), Rejection> {
        let is_next = transaction.body().nonce <= next_nonce(ledger, transaction.body().sender);
        self.trial(ledger).filter(|_| is_next).map_or(Ok(()), |mut making| making.add(transaction))
    }

    /// A block that nobody will propose.
    fn trial<'a>(&'a self, ledger: &'a Ledger) -> Option<Making<'a>> {
        let proposer = ledger.state().seats().first()?.account;
        ledger.begin(Slot { view: 0, time_ms: ledger.time_ms(), proposer }, &self.remembered).ok()
    }

    pub(crate) fn waiting(&self, id: TransactionId) -> Option<Arc<Transaction>> {
        self.lock().mempool.get(id)
    }

    pub(crate) fn mempool_size(&self) -> (usize, usize) {
        let inner = self.lock();
        (inner.mempool.len(), inner.mempool.byte_count())
    }

    /// Resolves when something waits that a block on `parent` could hold, at once where something does.
    pub(crate) fn work(&self, parent: &Ledger) -> Option<oneshot::Receiver<()>> {
        let mut inner = self.lock();
        if inner.mempool.has_work(parent) {
            return None;
        }
        let (worker, signal) = oneshot::channel();
        inner.workers.retain(|worker| !worker.is_closed());
        inner.workers.push(worker);
        Some(signal)
    }

    /// Resolves with the next height that becomes final; at once where one above `above` is.
    pub(crate) fn watch(&self, above: Height) -> Result<Height, oneshot::Receiver<Height>> {
        let mut inner = self.lock();
        let height = inner.newest.height();
        if height > above {
            return Ok(height);
        }
        let (watcher, signal) = oneshot::channel();
        inner.watchers.retain(|watcher| !watcher.is_closed());
        if !inner.is_stopped {
            inner.watchers.push(watcher);
        }
        Err(signal)
    }

    pub(crate) fn locate(&self, id: TransactionId) -> Option<Place> {
        self.lock().index.locate(id)
    }

    pub(crate) fn history(&self, of: Address, from: usize, count_max: usize) -> Vec<Place> {
        self.lock().index.history(of, from, count_max)
    }

    pub(crate) fn kept_from(&self, at: Height) -> Option<Height> {
        self.lock().index.kept_from(at)
    }

    pub(crate) fn height_of(&self, id: BlockId) -> Option<Height> {
        self.lock().index.height_of(id)
    }

    /// Keeps evidence until somebody asks for it: the newest against each voter, because a chain soon takes no old one.
    pub(crate) fn accuse(&self, evidence: Evidence) {
        let mut inner = self.lock();
        let has_room = inner.evidence.len() < limits::EVIDENCE_MAX;
        match inner.evidence.iter_mut().find(|known| known.voter == evidence.voter) {
            Some(known) if known.a.kind.round() < evidence.a.kind.round() => *known = evidence,
            None if has_room => inner.evidence.push(evidence),
            Some(_) | None => (),
        }
    }

    pub(crate) fn evidence(&self) -> Vec<Evidence> {
        self.lock().evidence.clone()
    }

    /// Nobody waits any longer.
    pub(crate) fn stop(&self) {
        let mut inner = self.lock();
        inner.is_stopped = true;
        inner.watchers.clear();
        inner.workers.clear();
    }
}

#[cfg(test)]
mod tests;
