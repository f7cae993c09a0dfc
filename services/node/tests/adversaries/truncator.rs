//! Carries everything faithfully up to some byte, and hangs up.

use super::wire::Case;
use mickai_node::handshake::{ACCEPT_LEN, CHALLENGE_LEN, CLAIM_LEN, CONFIRM_LEN, HELLO_LEN};

#[test]
fn who_did_not_get_the_last_message_has_no_session() {
    let ends = [CHALLENGE_LEN, HELLO_LEN, ACCEPT_LEN, CONFIRM_LEN];
    for (last, length) in ends.into_iter().enumerate() {
        for kept in [0, 1, length / 2, CLAIM_LEN.min(length - 1), length - 1] {
            let met = Case::default().meet(async |mut dialler, mut listener| {
                for (at, length) in ends.into_iter().enumerate().take(last + 1) {
                    let (from, to) = if at % 2 == 0 { (&mut listener, &mut dialler) } else { (&mut dialler, &mut listener) };
                    let message = from.take(length).await?;
                    to.give(&message[..if at == last { kept } else { length }]).await;
                }
                Some(())
            });
            assert_eq!(met.listener, Err("io"), "message {last}, {kept} bytes");
            assert_eq!(met.dialler.is_ok(), last == 3, "message {last}, {kept} bytes");
            assert_eq!(met.asked, usize::from(last > 1 || last == 1 && kept >= CLAIM_LEN));
        }
    }
}

#[test]
fn bytes_behind_the_last_message_are_left_for_the_stream() {
    let met = Case::default().meet(async |mut dialler, mut listener| {
        for (at, length) in ends_with_more() {
            let (from, to) = if at % 2 == 0 { (&mut listener, &mut dialler) } else { (&mut dialler, &mut listener) };
            let mut message = from.take(length).await?;
            if at == 3 {
                message.extend(b"the first record of the stream");
            }
            to.give(&message).await;
        }
        Some(())
    });
    assert!(met.listener.is_ok() && met.listener == met.dialler);
}

fn ends_with_more() -> impl Iterator<Item = (usize, usize)> {
    [CHALLENGE_LEN, HELLO_LEN, ACCEPT_LEN, CONFIRM_LEN].into_iter().enumerate()
}
