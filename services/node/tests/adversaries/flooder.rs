//! Opens connections and sends whatever is cheap, to make the listener compute.

use super::wire::{Case, DIALLER, public};
use mickai_node::handshake::{CHALLENGE_LEN, CLAIM_LEN, PROOF_LEN};

const DOMAIN: &[u8] = b"pan-handshake-v1\0";

/// How the listener ends these bytes, how often it asked about a key, and how much it said beyond its challenge.
fn sent(bytes: &[u8]) -> (Option<&'static str>, usize, usize) {
    let met = Case::default().meet(async |_, mut listener| {
        listener.give(bytes).await;
        listener.take(CHALLENGE_LEN).await?;
        Some(listener.rest().await)
    });
    (met.listener.err(), met.asked, met.told.unwrap())
}

#[test]
fn noise_is_not_even_looked_up() {
    for byte in [0, 1, b'p', 0xff] {
        assert_eq!(sent(&[byte; CLAIM_LEN + PROOF_LEN]), (Some("version"), 0, 0));
    }
    assert_eq!(sent(b"GET / HTTP/1.1\r\n\r\n").1, 0);
}

#[test]
fn a_key_that_nobody_configured_costs_a_look_up_and_no_more() {
    for byte in [0, 1, 0xff] {
        assert_eq!(sent(&[DOMAIN, &[byte; CLAIM_LEN + PROOF_LEN - 17]].concat()), (Some("not-admitted"), 1, 0));
    }
}

#[test]
fn a_known_key_with_noise_behind_it_costs_one_verification() {
    for byte in [0, 1, 0xff] {
        assert_eq!(sent(&[DOMAIN, &public(DIALLER), &[byte; PROOF_LEN]].concat()), (Some("signature"), 1, 0));
    }
}
