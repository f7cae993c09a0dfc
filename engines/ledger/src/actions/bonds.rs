//! `bond` and `unbond`: what an account puts up to vote, and how it comes back.

use crate::draft::Draft;
use crate::execute::Terms;
use crate::rejection::Rejection;
use alloc::vec::Vec;
use mickai_proof::limits;
use mickai_proof::pantheon::{Address, Amount, BondKey, Entry, Height, StateKey, Unbonding, Validator};

pub(super) fn bond(draft: &mut Draft<'_>, terms: &Terms<'_>, sender: Address, amount: Amount, key: Option<&BondKey>) -> Result<(), Rejection> {
    let mut validator = match (draft.validator(sender), key) {
        (Some(validator), _) if validator.is_barred => return Err(Rejection::Barred(sender)),
        (Some(validator), None) => validator,
        (Some(_), Some(_)) => return Err(Rejection::BondKeyKnown),
        (None, None) => return Err(Rejection::BondKeyMissing),
        (None, Some(key)) => first(draft, terms, sender, key)?,
    };
    if amount > Amount::SUPPLY {
        return Err(Rejection::Overflow(amount));
    }
    draft.debit(sender, amount)?;
    validator.bond = validator.bond.checked_add(amount).ok_or(Rejection::Overflow(amount))?;
    let (bond, least) = (validator.bond, terms.params.bond_min);
    if bond < least {
        return Err(Rejection::BondBelowMinimum { bond, least });
    }
    draft.set_validator(sender, validator);
    Ok(())
}

/// A key votes for one account, ever: evidence against it finds its bond.
fn first(draft: &mut Draft<'_>, terms: &Terms<'_>, sender: Address, BondKey { key, proof }: &BondKey) -> Result<Validator, Rejection> {
    let voter = Address::of(key);
    if let Some(account) = draft.voter(voter) {
        return Err(Rejection::VoterKnown(account));
    }
    if !terms.check.is_signed(key, &BondKey::message(terms.chain, sender), proof) {
        return Err(Rejection::BondKeyProof);
    }
    draft.set(StateKey::Voter(voter), Entry::Voter(sender));
    Ok(Validator { key: key.clone(), bond: Amount::ZERO, is_barred: false, unbonding: Vec::new() })
}

pub(super) fn unbond(draft: &mut Draft<'_>, terms: &Terms<'_>, sender: Address, amount: Amount) -> Result<(), Rejection> {
    let none = Rejection::BondInsufficient { bond: Amount::ZERO, amount };
    let mut validator = draft.validator(sender).ok_or(none)?;
    let bond = validator.bond.checked_sub(amount).ok_or(Rejection::BondInsufficient { bond: validator.bond, amount })?;
    let least = terms.params.bond_min;
    if bond != Amount::ZERO && bond < least {
        return Err(Rejection::BondBelowMinimum { bond, least });
    }
    validator.bond = bond;
    let release = release(terms).ok_or(Rejection::UnbondingFull)?;
    let waiting = validator.unbonding.len();
    match validator.unbonding.last_mut() {
        Some(last) if last.release == release => last.amount = last.amount.checked_add(amount).ok_or(Rejection::Overflow(amount))?,
        _ if waiting >= limits::UNBONDING_MAX => return Err(Rejection::UnbondingFull),
        _ => validator.unbonding.push(Unbonding { amount, release }),
    }
    draft.set_validator(sender, validator);
    Ok(())
}

/// The last block of the epoch that comes so many epochs after this one.
fn release(terms: &Terms<'_>) -> Option<Height> {
    let epochs = terms.epoch.checked_add(terms.params.unbonding_epochs)?.checked_add(1)?;
    epochs.checked_mul(terms.params.epoch_blocks).map(Height)
}
