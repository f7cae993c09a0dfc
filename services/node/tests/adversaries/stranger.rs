//! Holds a key and could prove it, but nobody configured it as a peer.

use super::tamperer::carry;
use super::wire::{ADVERSARY, Case};
use mickai_node::handshake::{CHALLENGE_LEN, CLAIM_LEN};

#[test]
fn a_key_that_is_not_configured_is_not_read_on() {
    let case = Case { dialler: ADVERSARY, ..Case::default() };
    let met = case.meet(async |mut dialler, mut listener| carry(&mut dialler, &mut listener, |_, _| ()).await);
    assert_eq!((met.listener, met.asked, met.told), (Err("not-admitted"), 1, None));
    assert!(met.dialler.is_err());
}

#[test]
fn the_claim_alone_decides() {
    let met = Case { dialler: ADVERSARY, ..Case::default() }.meet(async |mut dialler, mut listener| {
        let challenge = listener.take(CHALLENGE_LEN).await?;
        dialler.give(&challenge).await;
        let claim = dialler.take(CLAIM_LEN).await?;
        listener.give(&claim).await;
        Some(listener.rest().await)
    });
    assert_eq!((met.listener, met.told), (Err("not-admitted"), Some(0)));
}
