//! Operators' logs as the ledger's own tests make them, signed with the keys of this program's accounts.

use crate::common::Account as Signer;

#[path = "../../../../engines/ledger/tests/common/log.rs"]
mod log;

pub use log::OperatorLog;

/// The logs of a run; key, next and recovery key by their seeds.
pub fn all() -> [OperatorLog; 2] {
    [OperatorLog::new(201, 202, 203), OperatorLog::new(211, 212, 213)]
}
