//! `evidence`: a validator that voted twice loses its bond, and what it took back and has not got yet, to the treasury.

use crate::draft::Draft;
use crate::execute::{Effect, Terms};
use crate::rejection::Rejection;
use mickai_proof::pantheon::{Amount, Evidence};

pub(super) fn evidence(draft: &mut Draft<'_>, terms: &Terms<'_>, evidence: &Evidence) -> Result<Effect, Rejection> {
    let unknown = Rejection::UnknownVoter(evidence.voter);
    let account = draft.voter(evidence.voter).ok_or(unknown.clone())?;
    let mut validator = draft.validator(account).ok_or(unknown)?;
    if validator.is_barred {
        return Err(Rejection::Barred(account));
    }
    if !evidence.contradicts() {
        return Err(Rejection::EvidenceConsistent);
    }
    let (epoch, now) = (evidence.a.kind.round().epoch, terms.epoch);
    if epoch > now || epoch.saturating_add(terms.params.unbonding_epochs) < now {
        return Err(Rejection::EvidenceEpoch { epoch, now });
    }
    let is_signed = |vote: &mickai_proof::pantheon::Vote| terms.check.is_signed(&validator.key, &vote.kind.message(terms.chain), &vote.signature);
    if !is_signed(&evidence.a) || !is_signed(&evidence.b) {
        return Err(Rejection::EvidenceSignature);
    }
    let mut amount = core::mem::take(&mut validator.bond);
    for part in validator.unbonding.drain(..) {
        amount = amount.checked_add(part.amount).ok_or(Rejection::Overflow(part.amount))?;
    }
    validator.is_barred = true;
    draft.set_validator(account, validator);
    if amount != Amount::ZERO {
        draft.credit_treasury(amount)?;
    }
    Ok(Effect::Barred { account, amount })
}
