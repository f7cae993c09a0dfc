//! The policy under which acts happen: so far one, built in, that lets the operator do everything the system has a verb for.

use mickai_proof::digest::Id;

/// The policy's text; its digest stands in every record as the authority.
const POLICY: &[u8] =
    b"mickai-policy-1: the operator of this machine may perform every act that the system has a verb for; acts that change something are confirmed by the operator first\n";

/// Digest and version of the policy in force.
pub(crate) fn authority() -> (Id, u64) {
    (Id::of_policy(POLICY), 1)
}
