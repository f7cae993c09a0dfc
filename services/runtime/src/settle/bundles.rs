//! Settlements on their way into bundles: each kept proof is verified again, and what does not hold stays out.

use super::settler::SettleError;
use crate::error::Result;
use crate::system::System;
use mickai_proof::checkpoint::Checkpoint;
use mickai_proof::digest::LogId;
use mickai_proof::limits::SETTLEMENTS_MAX;
use mickai_proof::pantheon::{Entry, LightProof};
use mickai_proof::verify::{Settled, settled};

impl System {
    /// The proofs that a bundle under this checkpoint carries: the newest settlements, as many as there may be, ascending by chain.
    pub(crate) fn settlements_within(&self, checkpoint: &Checkpoint) -> Result<Vec<Vec<u8>>> {
        let mut kept = self.settled_proofs(checkpoint.log)?;
        kept.retain(|(settled, _)| settled.size <= checkpoint.size);
        kept.sort_by_key(|(settled, _)| std::cmp::Reverse(settled.size));
        kept.truncate(SETTLEMENTS_MAX);
        kept.sort_by_key(|(settled, _)| settled.chain);
        Ok(kept.into_iter().map(|(_, proof)| proof).collect())
    }

    /// The very note that was settled last: chains keep it for ever.
    pub(crate) fn settled_note(&self) -> Result<String> {
        let log = self.reader()?.log_id().ok_or(SettleError::Unsettled)?;
        let (_, proof) = self.settled_proofs(log)?.into_iter().max_by_key(|(settled, _)| settled.size).ok_or(SettleError::Unsettled)?;
        let entry = LightProof::parse(&proof).ok().and_then(|proof| proof.check(proof.head.id()).ok()).and_then(|shown| shown.entries.into_iter().next());
        let Some((_, Some(Entry::Log(entry)))) = entry else { return Err(SettleError::Unsettled.into()) };
        Ok(entry.note(log).ok_or(SettleError::Unsettled)?)
    }

    fn settled_proofs(&self, log: LogId) -> Result<Vec<(Settled, Vec<u8>)>> {
        let held = |(chain, proof): (_, Vec<u8>)| settled(&proof, log, &[]).ok().filter(|settled| settled.chain == chain).map(|settled| (settled, proof));
        Ok(self.home().settlements()?.into_iter().filter_map(held).collect())
    }
}
