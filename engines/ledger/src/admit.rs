//! What every transaction has to pass, whatever it does: size, chain, expiry, fee, sender, number, key, signature (spec/pantheon.md "Admission").

use crate::draft::Draft;
use crate::execute::Terms;
use crate::rejection::Rejection;
use mickai_proof::key::PublicKey;
use mickai_proof::limits;
use mickai_proof::pantheon::{Address, Amount, Transaction};
use mickai_proof::signature::{self, SIGNATURE_LEN};

/// Who says whether a signature is good. A node that verified one when it arrived need not do so again; every answer must be what [`Library`] would say.
pub trait SignatureCheck {
    /// Does `signature` by `key` cover `message`?
    fn is_signed(&self, key: &PublicKey, message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> bool;
}

/// The one verifier whose word counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Library;

impl SignatureCheck for Library {
    fn is_signed(&self, key: &PublicKey, message: &[u8], signature: &[u8; SIGNATURE_LEN]) -> bool {
        signature::verify(key, message, signature)
    }
}

/// The size, then steps 1 to 8: takes the fee and the number. The order is the spec's, so that every node names the same reason.
pub(crate) fn admit(draft: &mut Draft<'_>, terms: &Terms<'_>, transaction: &Transaction) -> Result<(), Rejection> {
    let (body, bytes) = (transaction.body(), transaction.byte_count());
    // One that was parsed has no more. One that was made in this process may, and nobody could read a block of it.
    if bytes > limits::TRANSACTION_BYTES_MAX {
        return Err(Rejection::Oversized { bytes });
    }
    if body.chain != terms.chain {
        return Err(Rejection::OtherChain(body.chain));
    }
    if body.expires < terms.height {
        return Err(Rejection::Expired { height: terms.height, expires: body.expires });
    }
    // A fee that nobody could pay is too much for this one too.
    let least = terms.params.fee_min(bytes).unwrap_or(Amount::SUPPLY);
    if body.fee < least {
        return Err(Rejection::FeeTooLow { fee: body.fee, least });
    }
    if body.fee > Amount::SUPPLY {
        return Err(Rejection::Overflow(body.fee));
    }
    let mut account = draft.account(body.sender).ok_or(Rejection::NoAccount(body.sender))?;
    let (nonce, next) = (body.nonce, account.nonce);
    if nonce < next {
        return Err(Rejection::NonceUsed { nonce, next });
    }
    if nonce > next {
        return Err(Rejection::NonceGap { nonce, next });
    }
    let key = match (account.key.take(), transaction.key()) {
        (Some(known), None) => known,
        (None, Some(revealed)) if Address::of(revealed) == body.sender => revealed.clone(),
        (None, Some(revealed)) => return Err(Rejection::WrongKey(Address::of(revealed))),
        (None, None) => return Err(Rejection::KeyMissing),
        (Some(_), Some(_)) => return Err(Rejection::KeyKnown),
    };
    let short = Rejection::Insufficient { balance: account.balance, need: body.fee.obols().into() };
    account.balance = account.balance.checked_sub(body.fee).ok_or(short)?;
    if !terms.check.is_signed(&key, &transaction.message(), transaction.signature()) {
        return Err(Rejection::Signature);
    }
    account.nonce = nonce.checked_add(1).ok_or(Rejection::NonceUsed { nonce, next })?;
    account.key = Some(key);
    draft.set_account(body.sender, account);
    pay(draft, terms, body.fee)
}

/// The fee's two parts: no obol of it is lost.
fn pay(draft: &mut Draft<'_>, terms: &Terms<'_>, fee: Amount) -> Result<(), Rejection> {
    let treasury = terms.params.treasury_part(fee);
    let proposer = fee.checked_sub(treasury).ok_or(Rejection::Overflow(fee))?;
    if treasury != Amount::ZERO {
        draft.credit_treasury(treasury)?;
    }
    if proposer != Amount::ZERO {
        draft.credit(terms.proposer, proposer)?;
    }
    Ok(())
}
