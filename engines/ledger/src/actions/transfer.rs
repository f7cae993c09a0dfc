//! `transfer`: one account gives to another, which is made where there was none.

use crate::draft::Draft;
use crate::rejection::Rejection;
use mickai_proof::pantheon::{Address, Amount};

pub(super) fn transfer(draft: &mut Draft<'_>, from: Address, to: Address, amount: Amount) -> Result<(), Rejection> {
    if amount > Amount::SUPPLY {
        return Err(Rejection::Overflow(amount));
    }
    draft.debit(from, amount)?;
    draft.credit(to, amount)
}
