//! What a chain knows of this log that this log is not: settled records that are not here, or others in their place.

use super::act::Shown;
use super::settler::SettleError;
use crate::error::{Error, Result};
use crate::system::System;
use mickai_proof::checkpoint::Note;
use mickai_proof::digest::ChainId;
use mickai_proof::fork::{self, ForkReport};
use mickai_proof::key::PublicKey;
use mickai_proof::merkle::{self, Gather};
use mickai_proof::verify::settled;
use mickai_store::{LogReader, Running};

impl System {
    /// Refuses to settle what the chain already contradicts; the evidence is kept beside the proofs.
    pub(super) fn refuse_contradiction(&self, act: &Running, reader: &LogReader, keys: &[PublicKey], chain: ChainId, shown: &Shown, (note, text): (&Note, &str)) -> Result<()> {
        let Some(known) = &shown.entry else { return Ok(()) };
        if let Some(proof) = known.fork {
            return Err(SettleError::Frozen { proof }.into());
        }
        let (have, Some(newest)) = (note.checkpoint, &known.newest) else { return Ok(()) };
        let Some(settled_note) = known.note(have.log) else { return Ok(()) };
        if newest.size > have.size {
            let path = self.home().settled_note_path(chain);
            self.home().keep_settlement_file(act, &path, settled_note.as_bytes())?;
            return Err(SettleError::Ahead { settled: newest.size, have: have.size, note: path }.into());
        }
        // Of one size, the chain itself gives the proof when it refuses.
        if newest.size == have.size || self.was_kept(chain, note, (newest.size, newest.root))? {
            return Ok(());
        }
        let (root, left, right) = prefix(reader, newest.size, have.size)?;
        if root == newest.root {
            return Ok(());
        }
        self.keep_fork(act, chain, keys, &fork::encode(&settled_note, text, &left, &right))
    }

    /// Keeps a fork proof that holds, and says where it is; one that proves nothing is the node's fault.
    pub(super) fn keep_fork(&self, act: &Running, chain: ChainId, keys: &[PublicKey], proof: &[u8]) -> Result<()> {
        if ForkReport::of(proof, keys)?.reason() != "fork" {
            return Err(SettleError::Misbehaved.into());
        }
        let path = self.home().fork_path(chain);
        self.home().keep_settlement_file(act, &path, proof)?;
        Err(SettleError::Forked { proof: path }.into())
    }

    /// Is this the settlement whose proof is kept? It was compared with the log when it was made, and the log only grows.
    fn was_kept(&self, chain: ChainId, note: &Note, newest: (u64, mickai_proof::digest::TreeHash)) -> Result<bool> {
        let kept = self.home().settlements()?.into_iter().find(|(of, _)| *of == chain);
        let kept = kept.and_then(|(_, proof)| settled(&proof, note.checkpoint.log, &[]).ok());
        Ok(kept.is_some_and(|kept| (kept.size, kept.root) == newest))
    }
}

/// The root of the first `size` records, and the nodes that lead from them to that of the first `whole`.
fn prefix(reader: &LogReader, size: u64, whole: u64) -> Result<(mickai_proof::digest::TreeHash, Vec<mickai_proof::digest::TreeHash>, Vec<mickai_proof::digest::TreeHash>)> {
    let mut gather = Gather::new(whole);
    gather.want_around(&(size..size));
    let mut root = None;
    let mut frontier = merkle::Frontier::default();
    for entry in reader.entries(0..whole) {
        let leaf = merkle::leaf(&entry?.record);
        gather.push(leaf);
        if frontier.size() < size {
            frontier.push(leaf);
            root = frontier.root();
        }
    }
    let found = || Some((root?, gather.left(size)?, gather.right(size)?));
    found().ok_or(Error::BadRecord { index: size, part: "tree" })
}
