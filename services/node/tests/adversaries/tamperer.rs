//! Carries everything faithfully and flips one bit.

use super::wire::{Case, Wire};
use mickai_node::handshake::{ACCEPT_LEN, CHALLENGE_LEN, CONFIRM_LEN, HELLO_LEN};

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

#[test]
fn one_bit_is_one_too_many() {
    let lengths = [CHALLENGE_LEN, HELLO_LEN, ACCEPT_LEN, CONFIRM_LEN];
    for (message, length) in lengths.into_iter().enumerate() {
        for byte in (0..length).step_by(if length > 100 { 61 } else { 5 }).chain([length - 1]) {
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
