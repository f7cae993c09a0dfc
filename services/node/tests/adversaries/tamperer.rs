//! Carries everything faithfully and flips one bit.

use super::wire::{Case, Wire};
use mickai_node::handshake::{ACCEPT_LEN, CHALLENGE_LEN, CONFIRM_LEN, HELLO_LEN};
use mickai_proof::key::PUBLIC_KEY_LEN;
use mickai_proof::signature::SIGNATURE_LEN;

/// Carries the four messages, with this change to one of them.
pub async fn carry(dialler: &mut Wire, listener: &mut Wire, change: impl Fn(usize, &mut Vec<u8>)) -> Option<()> {
    for (at, length) in [CHALLENGE_LEN, HELLO_LEN, ACCEPT_LEN, CONFIRM_LEN].into_iter().enumerate() {
        let (from, to) = if at % 2 == 0 { (&mut *listener, &mut *dialler) } else { (&mut *dialler, &mut *listener) };
        let mut message = from.take(length).await?;
        change(at, &mut message);
        to.give(&message).await;
    }
    Some(())
}

#[test]
fn who_changes_nothing_only_carries() {
    let met = Case::default().meet(async |mut dialler, mut listener| carry(&mut dialler, &mut listener, |_, _| ()).await);
    assert!(met.dialler.is_ok() && met.dialler == met.listener);
    assert_eq!(met.asked, 1);
}

/// The lengths of the fields of each message (spec/handshake.md "Messages").
const FIELDS: [&[usize]; 4] = [&[17, 32], &[17, PUBLIC_KEY_LEN, 32, 1_184, SIGNATURE_LEN], &[32, 1_088, SIGNATURE_LEN, 32], &[32]];

/// The first, the middle and the last byte of each field of a message.
fn ends_and_middles(message: usize) -> impl Iterator<Item = usize> {
    FIELDS[message]
        .iter()
        .scan(0, |at, length| {
            let from = *at;
            *at += length;
            Some([from, from + length / 2, from + length - 1])
        })
        .flatten()
}

#[test]
fn one_bit_is_one_too_many() {
    for (message, length) in [CHALLENGE_LEN, HELLO_LEN, ACCEPT_LEN, CONFIRM_LEN].into_iter().enumerate() {
        assert_eq!(FIELDS[message].iter().sum::<usize>(), length);
        for byte in ends_and_middles(message) {
            let change = |at: usize, bytes: &mut Vec<u8>| {
                if at == message {
                    bytes[byte] ^= 1 << (byte % 8)
                }
            };
            let met = Case::default().meet(async |mut dialler, mut listener| carry(&mut dialler, &mut listener, change).await);
            assert!(met.listener.is_err(), "message {message}, byte {byte}");
            // Whoever sent the last message has a session before it arrives; nothing on the wire can change that.
            assert_eq!(met.dialler.is_ok(), message == 3, "message {message}, byte {byte}");
        }
    }
}
