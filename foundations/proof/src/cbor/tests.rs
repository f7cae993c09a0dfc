//! The profile: what is accepted has one encoding, and everything else is refused.

use super::*;
use proptest::prelude::*;

#[test]
fn heads_are_shortest_or_refused() {
    for (hex, expected) in [
        ("00", Some(0)),
        ("17", Some(23)),
        ("1818", Some(24)),
        ("190100", Some(256)),
        ("1a00010000", Some(65_536)),
        ("1b0000000100000000", Some(1 << 32)),
        ("1bffffffffffffffff", Some(u64::MAX)),
        ("1817", None),
        ("1900ff", None),
        ("1a0000ffff", None),
        ("1b00000000ffffffff", None),
        ("1c", None),
        ("1f", None),
        ("20", None),
        ("c0", None),
        ("f6", None),
        ("f93c00", None),
    ] {
        let bytes = crate::testing::hex(hex);
        assert_eq!(Reader::new(&bytes).uint().ok(), expected, "{hex}");
    }
}

/// What has to be refused does not wait for bytes that may never come.
#[test]
fn a_type_outside_the_profile_is_refused_at_its_first_byte() {
    for first in (0x20u8..=0x3f).chain(0xc0..=0xff) {
        assert_eq!(read_head(&[first]), Err(CborError::NotCanonical), "{first:02x}");
    }
}

#[test]
fn indefinite_lengths_are_refused() {
    for hex in ["5f4100ff", "7f6161ff", "9f00ff", "bf616100ff"] {
        assert!(Reader::new(&crate::testing::hex(hex)).value(8).is_err(), "{hex}");
    }
}

#[test]
fn depth_and_key_order_are_checked() {
    let value = |hex| Reader::new(&crate::testing::hex(hex)).value(2).is_ok();
    assert!(value("818100"));
    assert!(!value("81818100"));
    assert!(value("a2616100616200"));
    assert!(!value("a2616200616100"));
    assert!(!value("a2616100616100"));
    assert!(value("a26162006261610a"));
    assert!(!value("a26261610a616200"));
    assert!(!value("a10000"));
}

proptest! {
    #[test]
    fn any_head_round_trips(value: u64, major in 0usize..5) {
        let major = [Major::Uint, Major::Bytes, Major::Text, Major::Array, Major::Map][major];
        let mut out = Vec::new();
        write_head(&mut out, major, value);
        prop_assert_eq!(read_head(&out), Ok((major, value, out.len())));
        for cut in 0..out.len() {
            prop_assert_eq!(read_head(&out[..cut]), Err(CborError::Short));
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        let _ = Reader::new(&bytes).value(8);
    }
}
