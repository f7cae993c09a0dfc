//! Has no key at all, and sends an end what that end, or the one that it takes it for, has said itself.

use super::wire::{Case, LISTENER, public};
use mickai_node::handshake::{ACCEPT_LEN, CHALLENGE_LEN, CONFIRM_LEN, HELLO_LEN};

#[test]
fn the_listeners_own_key_is_nobody_elses() {
    // Even where it stands among the admitted keys by mistake.
    let case = Case { admits: vec![public(LISTENER)], ..Case::default() };
    let met = case.meet(async |_, mut listener| {
        let challenge = listener.take(CHALLENGE_LEN).await?;
        let hello = [&challenge[..17], &public(LISTENER)[..], &vec![0; HELLO_LEN][..4_525]].concat();
        listener.give(&hello).await;
        listener.take(1).await
    });
    assert_eq!((met.listener, met.asked, met.told), (Err("own-key"), 0, None));
}

#[test]
fn a_node_does_not_dial_itself() {
    let case = Case { dials: public(super::wire::DIALLER), ..Case::default() };
    let met = case.meet(async |mut dialler, _| dialler.take(1).await);
    assert_eq!((met.dialler, met.told), (Err("own-key"), None));
}

#[test]
fn a_diallers_own_signature_is_not_the_listeners() {
    let met = Case::default().meet(async |mut dialler, mut listener| {
        let challenge = listener.take(CHALLENGE_LEN).await?;
        dialler.give(&challenge).await;
        let hello = dialler.take(HELLO_LEN).await?;
        let accept = [&hello[1_969..2_001], &[0; 1_088], &hello[3_185..], &[0; 32]].concat();
        dialler.give(&accept).await;
        dialler.take(1).await
    });
    assert_eq!((met.dialler, met.told), (Err("signature"), None));
}

#[test]
fn the_listeners_confirmation_is_not_the_diallers() {
    let met = Case::default().meet(async |mut dialler, mut listener| {
        let challenge = listener.take(CHALLENGE_LEN).await?;
        dialler.give(&challenge).await;
        let hello = dialler.take(HELLO_LEN).await?;
        listener.give(&hello).await;
        let accept = listener.take(ACCEPT_LEN).await?;
        listener.give(&accept[ACCEPT_LEN - CONFIRM_LEN..]).await;
        Some(())
    });
    assert_eq!((met.listener, met.told), (Err("confirmation"), Some(())));
}
