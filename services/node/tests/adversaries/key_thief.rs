//! Holds a victim's stolen key, and wants to be somebody else towards the victim, or to read what the victim said before.

use super::wire::{Case, DIALLER, LISTENER, network, public};
use crate::forge::{ACCEPT, DiallerShares, HELLO, Key, accept, answer, hello, sha3_256, t1};
use mickai_node::handshake::{CHALLENGE_LEN, HELLO_LEN};

#[test]
fn the_listeners_key_does_not_make_a_dialler() {
    let met = Case::default().meet(async |_, mut listener| {
        let challenge = listener.take(CHALLENGE_LEN).await?;
        let shares = DiallerShares::new([5; 32], [6; 64]);
        let t1 = t1(&network(1), &public(LISTENER), &challenge[17..], &public(DIALLER), &shares.x25519(), &shares.kem());
        let signature = Key::new([LISTENER; 32]).sign(HELLO, sha3_256(&[&t1]));
        listener.give(&hello(&public(DIALLER), &shares.x25519(), &shares.kem(), &signature)).await;
        Some(listener.rest().await)
    });
    assert_eq!((met.listener, met.told), (Err("signature"), Some(0)));
}

#[test]
fn the_diallers_key_does_not_make_a_listener() {
    let met = Case::default().meet(async |mut dialler, mut listener| {
        let challenge = listener.take(CHALLENGE_LEN).await?;
        dialler.give(&challenge).await;
        let said = dialler.take(HELLO_LEN).await?;
        let (x25519, ciphertext, s_kem, s_x) = answer(&said[1_969..2_001], &said[2_001..3_185], [5; 32], [6; 32]);
        let t1 = t1(&network(1), &public(LISTENER), &challenge[17..], &public(DIALLER), &said[1_969..2_001], &said[2_001..3_185]);
        let before = [&t1[..], &said[3_185..]].concat();
        dialler.give(&accept(&before, &Key::new([DIALLER; 32]), ACCEPT, &x25519, &ciphertext, (&s_kem, &s_x))).await;
        Some(dialler.rest().await)
    });
    assert_eq!((met.dialler, met.told), (Err("signature"), Some(0)));
}

#[test]
fn each_meeting_has_a_secret_of_its_own() {
    let mut sessions = Vec::new();
    for seed in 0..4 {
        let met = Case { seed, ..Case::default() }.meet(async |mut dialler, mut listener| super::tamperer::carry(&mut dialler, &mut listener, |_, _| ()).await);
        assert_eq!(met.dialler, met.listener);
        sessions.push(met.listener.unwrap());
    }
    for (at, session) in sessions.iter().enumerate() {
        assert!(!sessions[..at].contains(session));
    }
}
