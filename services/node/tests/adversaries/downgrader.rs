//! Has each end believe that the other speaks another version.

use super::tamperer::carry;
use super::wire::Case;

/// Where the version's digit stands in the challenge and in the hello.
const DIGIT: usize = 15;

#[test]
fn there_is_no_other_version_to_agree_on() {
    for (changed, reasons) in [(vec![0], ("version", "io")), (vec![1], ("io", "version")), (vec![0, 1], ("version", "io"))] {
        let change = |at: usize, message: &mut Vec<u8>| {
            if changed.contains(&at) {
                message[DIGIT] = b'0'
            }
        };
        let met = Case::default().meet(async |mut dialler, mut listener| carry(&mut dialler, &mut listener, change).await);
        assert_eq!((met.dialler, met.listener), (Err(reasons.0), Err(reasons.1)), "{changed:?}");
        assert_eq!(met.asked, 0);
    }
}
