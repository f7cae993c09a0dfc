//! Records an honest handshake and plays one end's part of it again.

use super::tamperer::carry;
use super::wire::Case;
use mickai_node::handshake::{ACCEPT_LEN, CHALLENGE_LEN, CONFIRM_LEN, HELLO_LEN};

/// What the dialler and what the listener said.
fn recorded() -> (Vec<u8>, Vec<u8>) {
    let met = Case::default().meet(async |mut dialler, mut listener| {
        carry(&mut dialler, &mut listener, |_, _| ()).await;
        (dialler.heard, listener.heard)
    });
    assert!(met.listener.is_ok());
    met.told
}

/// The same two ends another time.
fn later() -> Case {
    Case { seed: 8, ..Case::default() }
}

#[test]
fn a_recorded_hello_is_refused_before_the_listener_signs_anything() {
    let (said, _) = recorded();
    let met = later().meet(async |_, mut listener| {
        listener.take(CHALLENGE_LEN).await;
        listener.give(&said).await;
        listener.rest().await
    });
    assert_eq!((met.listener, met.told), (Err("signature"), 0));
}

#[test]
fn only_the_same_challenge_would_have_made_it_good() {
    let (said, _) = recorded();
    let met = Case::default().meet(async |_, mut listener| {
        listener.take(CHALLENGE_LEN).await;
        listener.give(&said).await;
        listener.rest().await
    });
    // The ends draw the same in every meeting of one seed: what was refused above was refused for the challenge alone.
    assert!(met.listener.is_ok());
    assert_eq!(met.told, ACCEPT_LEN);
}

#[test]
fn a_recorded_listener_convinces_nobody() {
    let (_, said) = recorded();
    let met = later().meet(async |mut dialler, _| {
        dialler.give(&said[..CHALLENGE_LEN]).await;
        dialler.take(HELLO_LEN).await;
        dialler.give(&said[CHALLENGE_LEN..CHALLENGE_LEN + ACCEPT_LEN]).await;
        dialler.take(CONFIRM_LEN).await
    });
    assert_eq!((met.dialler, met.told), (Err("signature"), None));
}
