//! The count after every block: what each changed entry held before and holds now, and that all of it is what there is.

use crate::draft::Draft;
use crate::rejection::BlockError;
use crate::state::State;
use mickai_proof::pantheon::{Amount, Entry, StateKey, Totals};

/// Obols by where they are.
#[derive(Clone, Copy, Default)]
struct Held {
    balances: i128,
    bonds: i128,
    unbonding: i128,
}

/// Brings the totals up to what the changed entries hold, and checks that they come to the supply.
///
/// # Errors
/// [`BlockError::Supply`] with what they come to.
pub(crate) fn settle(draft: &mut Draft<'_>) -> Result<(), BlockError> {
    let before = draft.base().totals();
    let mut held = Held { balances: before.balances.obols().into(), bonds: before.bonds.obols().into(), unbonding: before.unbonding.obols().into() };
    for (key, entry) in draft.changes() {
        held.count(entry, 1);
        if let Some(entry) = draft.base().get(key) {
            held.count(entry, -1);
        }
    }
    let treasury = draft.totals().treasury;
    let found = held.balances + held.bonds + held.unbonding + i128::from(treasury.obols());
    let wrong = BlockError::Supply { found: found.unsigned_abs() };
    let amount = |obols: i128| u64::try_from(obols).ok().map(Amount::from_obols).ok_or(wrong.clone());
    let totals = Totals { balances: amount(held.balances)?, bonds: amount(held.bonds)?, unbonding: amount(held.unbonding)?, treasury };
    if totals.sum() != u128::from(Amount::SUPPLY.obols()) {
        return Err(wrong);
    }
    if totals != draft.totals() {
        draft.set(StateKey::Totals, Entry::Totals(totals));
    }
    Ok(())
}

/// The same over a whole state, for one that was read from elsewhere.
///
/// # Errors
/// [`BlockError::Supply`].
pub(crate) fn audit(state: &State) -> Result<Totals, BlockError> {
    let stated = state.totals();
    match state.audit() {
        Some(counted) if counted == stated && counted.sum() == u128::from(Amount::SUPPLY.obols()) => Ok(counted),
        counted => Err(BlockError::Supply { found: counted.unwrap_or(stated).sum() }),
    }
}

impl Held {
    fn count(&mut self, entry: &Entry, sign: i128) {
        match entry {
            Entry::Account(account) => self.balances += sign * i128::from(account.balance.obols()),
            Entry::Validator(validator) => {
                self.bonds += sign * i128::from(validator.bond.obols());
                self.unbonding += validator.unbonding.iter().map(|part| sign * i128::from(part.amount.obols())).sum::<i128>();
            }
            // The treasury stands in the totals themselves.
            Entry::Totals(_) | Entry::Log(_) | Entry::Voter(_) | Entry::Name(_) | Entry::Roster(_) | Entry::Seats(_) => (),
        }
    }
}
