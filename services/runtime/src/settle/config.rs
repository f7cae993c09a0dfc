//! Where checkpoints are settled, and when of the system's own accord: a decision of the operator's that stands on record whole ([`crate::in_force`]).

use super::settler::SettleError;
use crate::acts::{action, fact, now_ms};
use crate::error::{Error, Result};
use crate::executor::{Done, Executor};
use crate::in_force::{decoded, entry, in_force, newest};
use crate::policy;
use crate::system::System;
use mickai_proof::digest::ChainId;
use mickai_proof::record::{Fact, Kind};
use mickai_store::{Appended, Draft, Entry, LogReader};

/// The records that an act of settling itself leaves: they alone are no reason for the next.
const OWN_RECORDS: u64 = 2;
const RECORDS: (u64, u64) = (OWN_RECORDS + 1, 1 << 32);
const MINUTES: (u64, u64) = (1, 527_040);

/// When checkpoints are settled without being asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cadence {
    /// When there are so many records more than at the last time.
    pub records: Option<u64>,
    /// When so many minutes have passed since the last time, and something else was recorded.
    pub minutes: Option<u64>,
}

/// The settings in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settling {
    /// The address of the node's RPC; without one, a chain of one validator on this machine.
    pub node: Option<String>,
    /// The chain's id; not known before the embedded chain was made.
    pub chain: Option<ChainId>,
    /// When.
    pub every: Cadence,
    /// The intent that says so; none if nobody ever said anything.
    pub set_by: Option<Appended>,
}

/// A change of the settings; what is not given stays.
#[derive(Clone, Debug, Default)]
pub struct SettleChange {
    /// Another chain, and its node; `None` inside for the embedded one.
    pub chain: Option<Option<(String, ChainId)>>,
    /// Another cadence, whole.
    pub every: Option<Cadence>,
}

impl Settling {
    fn of(entry: Option<Entry>) -> Result<Self> {
        let Some(entry) = entry else { return Ok(Self::default()) };
        let record = decoded(&entry)?;
        let chain = record.fact(fact::CHAIN).and_then(Fact::as_bytes).and_then(ChainId::from_slice);
        let number = |name| record.fact(name).and_then(Fact::as_uint);
        let node = record.fact(fact::NODE).and_then(Fact::as_text).map(str::to_owned);
        if node.is_some() != chain.is_some() {
            return Err(Error::BadRecord { index: entry.index, part: fact::CHAIN });
        }
        let every = Cadence { records: number(fact::EVERY_RECORDS), minutes: number(fact::EVERY_MINUTES) };
        Ok(Self { node, chain, every, set_by: Some(Appended { index: entry.index, digest: entry.digest() }) })
    }
}

impl System {
    /// The settings in force.
    ///
    /// # Errors
    /// A log that is damaged.
    pub fn settling(&self) -> Result<Settling> {
        let reader = self.reader()?;
        let newest = newest(&reader, &[action::SETTLE_SET])?;
        settling_of(&reader, newest)
    }

    /// Changes them, and records the whole of them.
    ///
    /// # Errors
    /// [`SettleError::NoChange`], [`SettleError::Cadence`]; a log that cannot be written.
    pub fn set_settling(&self, change: SettleChange) -> Result<(Settling, (Appended, Appended))> {
        let mut executor = self.executor_as_is()?;
        let reader = self.reader()?;
        let newest = executor.log().newest(action::SETTLE_SET);
        let before = settling_of(&reader, newest)?;
        let settling = changed(before.clone(), change)?;
        if settling == before {
            return Err(SettleError::NoChange.into());
        }
        let mut draft = Draft::new(Kind::Intent, executor.operator(), policy::authority(), action::SETTLE_SET);
        if let (Some(node), Some(chain)) = (&settling.node, settling.chain) {
            draft = draft.fact(fact::NODE, Fact::Text(node.clone().into())).fact(fact::CHAIN, Fact::Bytes(chain.0.to_vec().into()));
        }
        for (name, number) in [(fact::EVERY_RECORDS, settling.every.records), (fact::EVERY_MINUTES, settling.every.minutes)] {
            draft = number.into_iter().fold(draft, |draft, number| draft.fact(name, Fact::Uint(number)));
        }
        // The decision before it, whatever became of that, so that the way back is short.
        if let Some(entry) = newest.map(|index| reader.entry(index)).transpose()?.flatten() {
            draft = draft.cause(entry.index, entry.digest());
        }
        let permit = executor.permit(draft, &[])?;
        // Being on record is all that there is to it.
        let performed = executor.run(permit, |_, _| Ok(Done::new((), Vec::new())))?;
        Ok((Settling { set_by: Some(performed.intent), ..settling }, (performed.intent, performed.outcome)))
    }

    /// Is it time to settle, as the log in hand says?
    pub(crate) fn settle_is_due(&self, executor: &Executor) -> Result<bool> {
        let Some(newest) = executor.log().newest(action::SETTLE_SET) else { return Ok(false) };
        let reader = self.reader()?;
        let every = settling_of(&reader, Some(newest))?.every;
        if every == Cadence::default() {
            return Ok(false);
        }
        // Whatever became of the last time: where the chain is away, it is asked again at the next.
        let Some(last) = executor.log().newest(action::SETTLE) else { return Ok(true) };
        let last = entry(&reader, last)?;
        let (since, passed_ms) = (executor.log().size() - last.index, now_ms().saturating_sub(decoded(&last)?.wall_ms));
        let by_records = every.records.is_some_and(|records| since >= records.max(OWN_RECORDS + 1));
        let by_minutes = every.minutes.is_some_and(|minutes| since > OWN_RECORDS && passed_ms >= minutes.saturating_mul(60_000));
        Ok(by_records || by_minutes)
    }
}

fn settling_of(reader: &LogReader, newest: Option<u64>) -> Result<Settling> {
    Settling::of(in_force(reader, newest, &[action::SETTLE_SET])?)
}

fn changed(mut settling: Settling, change: SettleChange) -> std::result::Result<Settling, SettleError> {
    let within = |asked: Option<u64>, (min, max): (u64, u64)| match asked {
        Some(asked) if !(min..=max).contains(&asked) => Err(SettleError::Cadence { asked, min, max }),
        _ => Ok(()),
    };
    if let Some(chain) = change.chain {
        (settling.node, settling.chain) = chain.unzip();
    }
    if let Some(every) = change.every {
        within(every.records, RECORDS)?;
        within(every.minutes, MINUTES)?;
        settling.every = every;
    }
    Ok(settling)
}
