//! An epoch's end: what was unbonded comes back, and the largest bonds take the seats (spec/pantheon.md "Epochs").

use crate::draft::Draft;
use crate::execute::{Effect, Terms};
use crate::rejection::Rejection;
use alloc::vec::Vec;
use core::cmp::Reverse;
use mickai_proof::pantheon::{Address, Amount, Entry, Seat, StateKey, Validator};

/// Does what is due after the block at this height; nothing unless it is an epoch's last.
pub(crate) fn end(draft: &mut Draft<'_>, terms: &Terms<'_>, effects: &mut Vec<Effect>) -> Result<(), Rejection> {
    if !terms.height.ends_epoch(terms.params.epoch_blocks) {
        return Ok(());
    }
    for account in draft.roster() {
        if let Some(validator) = draft.validator(account) {
            release(draft, terms, account, validator, effects)?;
        }
    }
    seat(draft, terms, effects);
    Ok(())
}

fn release(draft: &mut Draft<'_>, terms: &Terms<'_>, account: Address, mut validator: Validator, effects: &mut Vec<Effect>) -> Result<(), Rejection> {
    let due = validator.unbonding.partition_point(|part| part.release <= terms.height);
    if due == 0 {
        return Ok(());
    }
    let mut amount = Amount::ZERO;
    for part in validator.unbonding.drain(..due) {
        amount = amount.checked_add(part.amount).ok_or(Rejection::Overflow(part.amount))?;
    }
    draft.set_validator(account, validator);
    draft.credit(account, amount)?;
    effects.push(Effect::Released { account, amount });
    Ok(())
}

/// The largest bonds, of equal ones the lower address; with too few of them the seats stay as they are, so that the chain goes on.
fn seat(draft: &mut Draft<'_>, terms: &Terms<'_>, effects: &mut Vec<Effect>) {
    let bonded = |account| draft.validator(account).filter(|validator| !validator.is_barred && validator.bond >= terms.params.bond_min).map(|validator| (account, validator));
    let mut candidates: Vec<_> = draft.roster().into_iter().filter_map(bonded).collect();
    candidates.sort_by_key(|(account, validator)| (Reverse(validator.bond), *account));
    // Parameters are bounded by the greatest number of seats.
    candidates.truncate(usize::try_from(terms.params.seats_max).unwrap_or(usize::MAX));
    if (candidates.len() as u64) < terms.params.seats_min {
        return;
    }
    let mut seats: Vec<_> = candidates.into_iter().map(|(account, validator)| Seat { account, key: validator.key }).collect();
    seats.sort_by(|a, b| a.key.raw().cmp(b.key.raw()));
    let entry = Entry::Seats(seats);
    if draft.get(&StateKey::Seats) != Some(&entry) {
        draft.set(StateKey::Seats, entry);
        effects.push(Effect::Seated);
    }
}
