//! Is a peer of both ends, and lets each of them talk to the other under a false name (misbinding).

use super::wire::{ADVERSARY, Case, public};
use mickai_node::handshake::{ACCEPT_LEN, CHALLENGE_LEN, CLAIM_LEN, HELLO_LEN};

#[test]
fn a_hello_for_one_listener_is_nothing_to_another() {
    let case = Case { dials: public(ADVERSARY), ..Case::default() };
    let met = case.meet(async |mut dialler, mut listener| {
        let challenge = listener.take(CHALLENGE_LEN).await?;
        dialler.give(&challenge).await;
        let hello = dialler.take(HELLO_LEN).await?;
        listener.give(&hello).await;
        listener.take(1).await
    });
    assert_eq!((met.listener, met.told), (Err("signature"), None));
    assert!(met.dialler.is_err());
}

#[test]
fn a_hello_does_not_pass_under_another_name() {
    let case = Case { admits: vec![public(ADVERSARY)], ..Case::default() };
    let met = case.meet(async |mut dialler, mut listener| {
        let challenge = listener.take(CHALLENGE_LEN).await?;
        dialler.give(&challenge).await;
        let mut hello = dialler.take(HELLO_LEN).await?;
        let name = public(ADVERSARY);
        hello[CLAIM_LEN - name.len()..CLAIM_LEN].copy_from_slice(&name);
        listener.give(&hello).await;
        listener.take(1).await
    });
    assert_eq!((met.listener, met.told), (Err("signature"), None));
    assert_eq!(met.asked, 1);
}

#[test]
fn an_accept_by_one_listener_is_not_anothers() {
    // Both ends are honest and agree on everything but whom the dialler dials: its network told it the adversary's key for the listener's address.
    let case = Case { dials: public(ADVERSARY), ..Case::default() };
    let honest = Case::default().meet(async |mut dialler, mut listener| {
        super::tamperer::carry(&mut dialler, &mut listener, |_, _| ()).await;
        listener.heard
    });
    let met = case.meet(async |mut dialler, _| {
        dialler.give(&honest.told[..CHALLENGE_LEN]).await;
        dialler.take(HELLO_LEN).await?;
        dialler.give(&honest.told[CHALLENGE_LEN..CHALLENGE_LEN + ACCEPT_LEN]).await;
        dialler.take(1).await
    });
    assert_eq!((met.dialler, met.told), (Err("signature"), None));
}
