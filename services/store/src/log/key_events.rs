//! What the log says of keys: which one signs it, and which ones it has committed to.

use super::replay::{State, replay};
use crate::error::Error;
use crate::home::Home;
use mickai_proof::digest::LogId;
use mickai_proof::key::PublicKey;

/// The log and the key in force after its last record; `None` before genesis.
pub(crate) fn log_and_key(home: &Home) -> Result<Option<(LogId, PublicKey)>, Error> {
    let mut state = State::default();
    replay(&home.log_path(), &mut state, |_, _| Ok(()))?;
    Ok(state.log.zip(state.key))
}
