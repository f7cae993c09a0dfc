//! The genesis of a chain of one: one seat, the operator's account, and the whole supply between its bond and its balance.

use mickai_proof::digest::TreeHash;
use mickai_proof::key::PublicKey;
use mickai_proof::pantheon::{Address, Allocation, Amount, Genesis, GenesisHead, Network, OBOLS_PER_PAN, PantheonError, Params};

const NAME: &str = "chain-of-one";
/// The least that there is (spec/pantheon.md "Genesis").
const BOND: Amount = Amount::from_obols(1_000_000 * OBOLS_PER_PAN);
/// Short, so that epochs pass in every life of such a chain and not in long ones alone.
const EPOCH_BLOCKS: u64 = 100;

/// The account has all that is not its own bond. Who pays would be who is paid, so nothing costs anything.
///
/// # Errors
/// None that a key and an address can lead to.
pub(super) fn genesis(account: Address, voter: &PublicKey, time_ms: u64) -> Result<Genesis, PantheonError> {
    let params =
        Params { seats_min: 1, seats_max: 1, epoch_blocks: EPOCH_BLOCKS, unbonding_epochs: 1, bond_min: BOND, fee_base: Amount::ZERO, fee_byte: Amount::ZERO, treasury_share: 0 };
    let head = GenesisHead {
        network: Network::Test,
        name: NAME.to_owned(),
        time_ms,
        params,
        bonds: vec![(account, voter.clone(), BOND)],
        treasury: Amount::ZERO,
        // What the head says of the allocations is put in by what follows.
        allocation_count: 0,
        allocated: Amount::ZERO,
        allocations: TreeHash([0; 32]),
    };
    let balance = Amount::SUPPLY.checked_sub(BOND).ok_or(PantheonError::GenesisParams)?;
    Genesis::new(head, vec![Allocation { to: account, amount: balance }])
}
