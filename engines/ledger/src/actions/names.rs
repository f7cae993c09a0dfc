//! `name`: the first who asks owns a name, and only the owner changes what it is bound to.

use crate::draft::Draft;
use crate::rejection::Rejection;
use alloc::boxed::Box;
use mickai_proof::digest::{Id, KeyId};
use mickai_proof::pantheon::{Address, Entry, Name, StateKey};

pub(super) fn name(draft: &mut Draft<'_>, owner: Address, name: &str, key: KeyId, mandate: Id) -> Result<(), Rejection> {
    match draft.name(name) {
        Some(taken) if taken.owner != owner => return Err(Rejection::NameTaken(taken.owner)),
        _ => draft.set(StateKey::Name(name.into()), Entry::Name(Box::new(Name { owner, key, mandate }))),
    }
    Ok(())
}
