//! Is an honest peer of another chain, with the same keys.

use super::tamperer::carry;
use super::wire::{Case, network};
use mickai_node::handshake::namespace;
use mickai_proof::digest::ChainId;

#[test]
fn two_chains_have_no_handshake_in_common() {
    let shorter = namespace(ChainId([1; 32]));
    for other in [network(2), shorter, Vec::new()] {
        let case = Case { dialler_network: other, ..Case::default() };
        let met = case.meet(async |mut dialler, mut listener| carry(&mut dialler, &mut listener, |_, _| ()).await);
        assert_eq!((met.listener, met.told), (Err("signature"), None));
        assert!(met.dialler.is_err());
    }
}
