//! Claims the key of an admitted peer without holding it, and signs with its own.

use super::wire::{ADVERSARY, Case, DIALLER, network, public};
use crate::forge::{ACCEPT, DiallerShares, HELLO, Key, accept, answer, hello, sha3_256, t1};
use mickai_node::handshake::{CHALLENGE_LEN, HELLO_LEN};

#[test]
fn a_claim_without_its_key_gets_no_answer() {
    let met = Case::default().meet(async |_, mut listener| {
        let challenge = listener.take(CHALLENGE_LEN).await?;
        let shares = DiallerShares::new([5; 32], [6; 64]);
        let t1 = t1(&network(1), &public(super::wire::LISTENER), &challenge[17..], &public(DIALLER), &shares.x25519(), &shares.kem());
        let signature = Key::new([ADVERSARY; 32]).sign(HELLO, sha3_256(&[&t1]));
        listener.give(&hello(&public(DIALLER), &shares.x25519(), &shares.kem(), &signature)).await;
        Some(listener.rest().await)
    });
    assert_eq!((met.listener, met.told), (Err("signature"), Some(0)));
}

#[test]
fn nobody_answers_for_a_listener() {
    let met = Case::default().meet(async |mut dialler, mut listener| {
        let challenge = listener.take(CHALLENGE_LEN).await?;
        dialler.give(&challenge).await;
        let said = dialler.take(HELLO_LEN).await?;
        let (x25519, ciphertext, s_kem, s_x) = answer(&said[1_969..2_001], &said[2_001..3_185], [5; 32], [6; 32]);
        let t1 = t1(&network(1), &public(super::wire::LISTENER), &challenge[17..], &public(DIALLER), &said[1_969..2_001], &said[2_001..3_185]);
        let before = [&t1[..], &said[3_185..]].concat();
        dialler.give(&accept(&before, &Key::new([ADVERSARY; 32]), ACCEPT, &x25519, &ciphertext, (&s_kem, &s_x))).await;
        Some(dialler.rest().await)
    });
    assert_eq!((met.dialler, met.told), (Err("signature"), Some(0)));
}
