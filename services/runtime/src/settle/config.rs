//! Where checkpoints are settled, and when of the system's own accord: a decision of the operator's that stands on record whole ([`crate::in_force`]).

use super::own::{OwnChain, OwnFault, make};
use super::settler::SettleError;
use crate::acts::{action, fact};
use crate::error::{Error, Result};
use crate::executor::Done;
use crate::in_force::{decoded, in_force, newest};
use crate::policy;
use crate::system::System;
use mickai_proof::digest::ChainId;
use mickai_proof::record::{Fact, Kind};
use mickai_store::{Appended, Draft, Entry, LogReader};

/// The records that an act of settling itself leaves: they alone are no reason for the next.
pub(super) const OWN_RECORDS: u64 = 2;
const RECORDS: (u64, u64) = (OWN_RECORDS + 1, 1 << 32);
const MINUTES: (u64, u64) = (1, 527_040);

/// When checkpoints are settled without being asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cadence {
    /// When there are so many records more than at the last time.
    pub records: Option<u64>,
    /// When so many minutes have passed since the last time, and something else was recorded or what was to be settled then was not.
    pub minutes: Option<u64>,
}

/// The settings in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settling {
    /// The address of the node's RPC; without one, the home's own chain.
    pub node: Option<String>,
    /// The chain's id; not known before the home's own chain was made.
    pub chain: Option<ChainId>,
    /// When.
    pub every: Cadence,
    /// The intent that says so; none if nobody ever said anything.
    pub set_by: Option<Appended>,
}

/// Where checkpoints are settled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// On a chain of one in the home, which is made if it is not there.
    Own,
    /// On a chain that a node follows.
    Node {
        /// The address of its RPC.
        url: String,
        /// The chain's id.
        chain: ChainId,
    },
}

/// A change of the settings; what is not given stays.
#[derive(Clone, Debug, Default)]
pub struct SettleChange {
    /// Another place.
    pub place: Option<Place>,
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
        if node.is_some() && chain.is_none() {
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

    /// The home's own chain, where these settings say that checkpoints settle there.
    ///
    /// # Errors
    /// [`SettleError::Chain`] where it was never made, or its keys are not here.
    pub fn own_chain(&self, settling: &Settling) -> Result<OwnChain> {
        let chain = settling.chain.filter(|_| settling.node.is_none()).ok_or(OwnFault::NotMade).map_err(SettleError::from)?;
        Ok(OwnChain::open(self.home(), chain).map_err(SettleError::from)?)
    }

    /// Changes them, and records the whole of them. The home's own chain is made as soon as anything is decided that needs it, so that its id stands on record from the first.
    ///
    /// # Errors
    /// [`SettleError::NoChange`], [`SettleError::Cadence`], [`SettleError::Chain`]; a log that cannot be written.
    pub fn set_settling(&self, change: SettleChange) -> Result<(Settling, (Appended, Appended))> {
        let mut executor = self.executor()?;
        let reader = self.reader()?;
        let newest = executor.log().newest(action::SETTLE_SET);
        let before = settling_of(&reader, newest)?;
        let is_own_chosen = change.place == Some(Place::Own);
        let mut settling = changed(before.clone(), change)?;
        let is_made_now = settling.node.is_none() && (is_own_chosen || (settling.chain.is_none() && settling != before));
        if is_made_now {
            settling.chain = Some(make(self.home()).map_err(SettleError::from)?);
        }
        if settling == before {
            return Err(SettleError::NoChange.into());
        }
        let mut draft = Draft::new(Kind::Intent, executor.operator(), policy::authority(), action::SETTLE_SET);
        draft = settling.node.iter().fold(draft, |draft, node| draft.fact(fact::NODE, Fact::Text(node.clone().into())));
        draft = settling.chain.iter().fold(draft, |draft, chain| draft.fact(fact::CHAIN, Fact::Bytes(chain.0.to_vec().into())));
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
}

pub(super) fn settling_of(reader: &LogReader, newest: Option<u64>) -> Result<Settling> {
    Settling::of(in_force(reader, newest, &[action::SETTLE_SET])?)
}

fn changed(mut settling: Settling, change: SettleChange) -> std::result::Result<Settling, SettleError> {
    let within = |asked: Option<u64>, (min, max): (u64, u64)| match asked {
        Some(asked) if !(min..=max).contains(&asked) => Err(SettleError::Cadence { asked, min, max }),
        _ => Ok(()),
    };
    match change.place {
        // Which chain that is, the home says.
        Some(Place::Own) => (settling.node, settling.chain) = (None, settling.chain.filter(|_| settling.node.is_none())),
        Some(Place::Node { url, chain }) => (settling.node, settling.chain) = (Some(url), Some(chain)),
        None => {}
    }
    if let Some(every) = change.every {
        within(every.records, RECORDS)?;
        within(every.minutes, MINUTES)?;
        settling.every = every;
    }
    Ok(settling)
}
