//! The act: an intent that names checkpoint and chain, what the chain lacks is sent, its proof is verified and kept, and the outcome names block and seats.

use super::lacking::lacking;
use super::settler::{SettleError, Settler};
use crate::acts::{action, fact};
use crate::error::{Error, Result};
use crate::executor::Pen;
use crate::policy;
use crate::system::System;
use mickai_proof::checkpoint::Note;
use mickai_proof::digest::{BlockId, ChainId, Id, LogId};
use mickai_proof::key::PublicKey;
use mickai_proof::pantheon::{Entry, Height, LightProof, LogEntry, StateKey};
use mickai_proof::record::{ActorClass, Fact, Kind, OutcomeCode};
use mickai_proof::verify::{Settled, settled};
use mickai_store::{Appended, Draft, KeyAccount, Running};

/// A checkpoint that was settled.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// What the chain says of it.
    pub settled: Settled,
    /// The block that the proof is of.
    pub block: (Height, BlockId),
    /// The act's records; they lie after what was settled.
    pub records: (Appended, Appended),
}

/// A settlement whose proof the home keeps.
#[derive(Clone, Debug)]
pub struct SettlementKept {
    /// Where.
    pub chain: ChainId,
    /// What it says; `None` where the file does not hold, and goes into no bundle.
    pub settled: Option<Settled>,
}

/// What a chain showed of a log.
pub(super) struct Shown {
    bytes: Vec<u8>,
    block: (Height, BlockId),
    pub entry: Option<LogEntry>,
}

impl System {
    /// Settles the newest checkpoint, which is made first.
    ///
    /// # Errors
    /// [`Error::Settle`], after `failed` is on record, or `outcome_unknown` where something was sent and nothing proves that it was refused; a log that cannot be written.
    pub fn settle(&self, settler: &mut dyn Settler) -> Result<Settlement> {
        let executor = self.executor()?;
        let (actor, account) = (executor.operator(), executor.log().keys());
        self.settle_by(&executor.pen(), actor, &account, settler)
    }

    /// The same of the system's own accord, because the operator said when.
    ///
    /// # Errors
    /// As [`System::settle`].
    pub fn settle_automatically(&self, settler: &mut dyn Settler) -> Result<Settlement> {
        let executor = self.executor()?;
        let account = executor.log().keys();
        self.settle_by(&executor.pen(), (ActorClass::System, Id::ZERO), &account, settler)
    }

    /// The settlements whose proofs are kept, by chain.
    ///
    /// # Errors
    /// A home that cannot be read.
    pub fn settlements(&self) -> Result<Vec<SettlementKept>> {
        let Some(log) = self.reader()?.log_id() else { return Ok(Vec::new()) };
        let kept = |(chain, proof): (ChainId, Vec<u8>)| SettlementKept { chain, settled: settled(&proof, log, &[]).ok().filter(|settled| settled.chain == chain) };
        Ok(self.home().settlements()?.into_iter().map(kept).collect())
    }

    pub(crate) fn settle_by(&self, pen: &Pen, actor: (ActorClass, Id), account: &KeyAccount, settler: &mut dyn Settler) -> Result<Settlement> {
        let text = pen.checkpoint()?;
        let note = Note::parse(text.as_bytes()).map_err(|_| Error::BadRecord { index: 0, part: "checkpoint" })?;
        let (checkpoint, chain) = (note.checkpoint, settler.chain());
        let draft = Draft::new(Kind::Intent, actor, policy::authority(), action::SETTLE)
            .fact(fact::CHAIN, Fact::Bytes(chain.0.to_vec().into()))
            .fact(fact::SIZE, Fact::Uint(checkpoint.size))
            .fact(fact::ROOT, Fact::Bytes(checkpoint.root.0.to_vec().into()));
        let running = pen.begin(pen.permit(draft, &[])?)?;
        let (intent, mut is_sent) = (running.intent(), false);
        match self.settle_now(&running, account, (&note, &text), settler, &mut is_sent) {
            Ok((settled, block)) => {
                let outcome = pen.close(running, OutcomeCode::Executed, facts(&settled, block), &Vec::new())?;
                Ok(Settlement { settled, block, records: (intent, outcome) })
            }
            Err(error) => {
                // What was sent may be final, or become so, whatever went wrong after it.
                let never = why_never(&error);
                let is_certain = !is_sent || never.is_some() || matches!(error, Error::Settle(SettleError::Unsent(_)));
                let code = if is_certain { OutcomeCode::Failed } else { OutcomeCode::Unknown };
                let facts = never.map(|why| (fact::REASON.to_owned(), Fact::Text(why.into())));
                pen.close(running, code, facts.into_iter().collect(), &Vec::new())?;
                Err(error)
            }
        }
    }

    /// `is_sent` becomes true before anything is handed to the settler.
    fn settle_now(&self, act: &Running, account: &KeyAccount, (note, text): (&Note, &str), settler: &mut dyn Settler, is_sent: &mut bool) -> Result<(Settled, (Height, BlockId))> {
        let (log, chain, reader) = (note.checkpoint.log, settler.chain(), self.reader()?);
        let keys: Vec<PublicKey> = account.keys().map(|known| known.key).collect();
        let before = show(settler, log)?;
        if let Some(shown) = &before {
            self.refuse_contradiction(act, &reader, &keys, chain, shown, (note, text))?;
        }
        let known = before.as_ref().and_then(|shown| shown.entry.as_ref());
        for action in lacking(&reader, account, known, note)? {
            *is_sent = true;
            match settler.perform(action) {
                Err(SettleError::Conflict(proof)) => self.keep_fork(act, chain, &keys, &proof)?,
                done => done?,
            }
        }
        let after = show(settler, log)?.ok_or(SettleError::Misbehaved)?;
        // As a stranger would judge it, before anybody relies on it.
        let found = settled(&after.bytes, log, &[]).map_err(|_| SettleError::Misbehaved)?;
        if (found.size, found.root) != (note.checkpoint.size, note.checkpoint.root) {
            return Err(SettleError::NotSettled { size: note.checkpoint.size }.into());
        }
        self.home().keep_settlement_file(act, &self.home().settlement_path(chain), &after.bytes)?;
        Ok((found, after.block))
    }
}

/// Why the chain never settles this history, in a word for the record.
fn why_never(error: &Error) -> Option<&'static str> {
    match error {
        Error::Settle(SettleError::Forked { .. }) => Some("forked"),
        Error::Settle(SettleError::Frozen { .. }) => Some("frozen"),
        Error::Settle(SettleError::Ahead { .. }) => Some("ahead"),
        _ => None,
    }
}

/// What the chain says of the log, once its proof holds.
fn show(settler: &mut dyn Settler, log: LogId) -> std::result::Result<Option<Shown>, SettleError> {
    let Some(bytes) = settler.light(log)? else { return Ok(None) };
    let light = |error| SettleError::Light(mickai_proof::pantheon::light::LightError { step: 1, error });
    let verdict = LightProof::parse(&bytes).map_err(light)?.check(settler.chain()).map_err(SettleError::Light)?;
    let block = (verdict.header.height, verdict.header.id());
    let [(StateKey::Log(of), entry)] = verdict.entries.as_slice() else { return Err(SettleError::Misbehaved) };
    let entry = match entry {
        Some(Entry::Log(entry)) => Some((**entry).clone()),
        Some(_) => return Err(SettleError::Misbehaved),
        None => None,
    };
    if *of == log { Ok(Some(Shown { bytes, block, entry })) } else { Err(SettleError::Misbehaved) }
}

fn facts(settled: &Settled, (height, block): (Height, BlockId)) -> Vec<(String, Fact<'static>)> {
    let bytes = |name: &str, bytes: &[u8]| (name.to_owned(), Fact::Bytes(bytes.to_vec().into()));
    let uint = |name: &str, value: u64| (name.to_owned(), Fact::Uint(value));
    vec![
        bytes(fact::CHAIN, &settled.chain.0),
        uint(fact::HEIGHT, settled.height.0),
        bytes(fact::BLOCK, &block.0),
        uint(fact::BLOCK_HEIGHT, height.0),
        uint(fact::SEATS, settled.seats as u64),
    ]
}
