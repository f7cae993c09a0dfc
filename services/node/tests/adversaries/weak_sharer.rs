//! Is an admitted peer, and sends key shares whose secret everybody knows, or that are no keys at all.

use super::wire::{Case, DIALLER, LISTENER, network, public};
use crate::forge::{ACCEPT, DiallerShares, HELLO, Key, SMALL_ORDER, accept, answer, hello, sha3_256, t1};
use mickai_node::handshake::{CHALLENGE_LEN, HELLO_LEN};

/// How the listener ends a hello of these shares, which an admitted key signed.
fn greeted(x25519: &[u8], kem: &[u8]) -> (super::wire::Ended, Option<usize>) {
    let met = Case::default().meet(async |_, mut listener| {
        let challenge = listener.take(CHALLENGE_LEN).await?;
        let t1 = t1(&network(1), &public(LISTENER), &challenge[17..], &public(DIALLER), x25519, kem);
        let signature = Key::new([DIALLER; 32]).sign(HELLO, sha3_256(&[&t1]));
        listener.give(&hello(&public(DIALLER), x25519, kem, &signature)).await;
        Some(listener.rest().await)
    });
    (met.listener, met.told)
}

#[test]
fn a_dialler_cannot_choose_the_secret() {
    let shares = DiallerShares::new([5; 32], [6; 64]);
    for point in SMALL_ORDER {
        assert_eq!(greeted(&point, &shares.kem()), (Err("share"), Some(0)));
    }
    let mut unreduced = shares.kem();
    unreduced[0] = 0xff;
    unreduced[1] |= 0x0f;
    assert_eq!(greeted(&shares.x25519(), &unreduced), (Err("share"), Some(0)));
    assert_eq!(greeted(&shares.x25519(), &[0xff; 1_184]), (Err("share"), Some(0)));
    // By hand it is made right: with good shares the listener answers.
    assert_ne!(greeted(&shares.x25519(), &shares.kem()).1, Some(0));
}

#[test]
fn a_listener_cannot_choose_the_secret() {
    for point in SMALL_ORDER {
        let met = Case::default().meet(async |mut dialler, _| {
            let challenge = [b"pan-handshake-v1\0", &[7; 32][..]].concat();
            dialler.give(&challenge).await;
            let said = dialler.take(HELLO_LEN).await?;
            let (_, ciphertext, s_kem, _) = answer(&said[1_969..2_001], &said[2_001..3_185], [5; 32], [6; 32]);
            let t1 = t1(&network(1), &public(LISTENER), &challenge[17..], &public(DIALLER), &said[1_969..2_001], &said[2_001..3_185]);
            let before = [&t1[..], &said[3_185..]].concat();
            dialler.give(&accept(&before, &Key::new([LISTENER; 32]), ACCEPT, &point, &ciphertext, (&s_kem, &[0; 32]))).await;
            Some(dialler.rest().await)
        });
        assert_eq!((met.dialler, met.told), (Err("share"), Some(0)));
    }
}
