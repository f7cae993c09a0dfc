//! Does the action of an admitted transaction, by its kind.

use super::{bonds, evidence, logs, names, transfer};
use crate::draft::Draft;
use crate::execute::{Effect, Terms};
use crate::rejection::Rejection;
use alloc::vec::Vec;
use mickai_proof::pantheon::{Action, Address};

/// Does what the action says, or nothing; what happened is added to `effects`.
pub(crate) fn perform(draft: &mut Draft<'_>, terms: &Terms<'_>, sender: Address, action: &Action, effects: &mut Vec<Effect>) -> Result<(), Rejection> {
    match action {
        Action::Transfer { to, amount } => transfer::transfer(draft, sender, *to, *amount),
        Action::Attest(attestations) => attestations.iter().try_for_each(|one| logs::attest(draft, terms, one).map(|effect| effects.push(effect))),
        Action::Fork(proof) => logs::fork(draft, proof).map(|effect| effects.push(effect)),
        Action::RegisterLog { record, signature } => logs::register(draft, terms, record, signature),
        Action::RotateLog { log, record, signature } | Action::RevokeLog { log, record, signature } => {
            logs::key_event(draft, terms, *log, logs::event_kind(action), record, signature)
        }
        Action::Bond { amount, key } => bonds::bond(draft, terms, sender, *amount, key.as_ref()),
        Action::Unbond { amount } => bonds::unbond(draft, terms, sender, *amount),
        Action::Evidence(evidence) => evidence::evidence(draft, terms, evidence).map(|effect| effects.push(effect)),
        Action::Name { name, key, mandate } => names::name(draft, sender, name, *key, *mandate),
    }
}
