//! One frame: one record and the signature beside it, with a checksum, as bytes of a segment.
//!
//! All integers are little-endian. A frame with the 5-byte record `a1 01 18 2a 00` and the 2-byte signature `be ef`, written when 1,024 bytes of the segment were synced:
//!
//! ```text
//! offset  bytes                     field
//!      0  6f 61 72 01               magic "oar", 1
//!      4  05 00 00 00               record length
//!      8  02 00 00 00               signature length (0: the record is sealed)
//!     12  00 04 00 00 00 00 00 00   synced: bytes of this segment that were durable when this frame was written
//!     20  16 d1 53 f7               CRC32C (RFC 3720) of bytes 0..20 and of everything after byte 24
//!     24  a1 01 18 2a 00            record
//!     29  be ef                     signature
//!     31                            the next frame
//! ```
//!
//! `synced` is what tells a torn tail from damage: whatever lies below it was once durable. A changed frame is found by its checksum if by accident, and by the record's chain and signature if on purpose.

use crate::limits;
use mickai_proof::limits::RECORD_BYTES_MAX;
use std::ops::Range;

pub(crate) const MAGIC: [u8; 4] = *b"oar\x01";
/// Bytes of a frame before its record.
pub(crate) const HEADER_LEN: usize = 24;
const CHECKED_LEN: usize = 20;

/// Where a whole, valid frame lies in its segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Of its first byte.
    pub(crate) offset: u64,
    /// Bytes of the record.
    pub(crate) record_len: u32,
    /// Bytes of the signature.
    pub(crate) signature_len: u32,
    /// What its writer knew to be durable.
    pub(crate) synced: u64,
}

impl Frame {
    /// Where its record lies.
    pub(crate) fn record(&self) -> Range<u64> {
        let start = self.offset + HEADER_LEN as u64;
        start..start + u64::from(self.record_len)
    }

    /// Where its signature lies.
    pub(crate) fn signature(&self) -> Range<u64> {
        let start = self.record().end;
        start..start + u64::from(self.signature_len)
    }

    /// The offset after its last byte.
    pub(crate) fn end(&self) -> u64 {
        self.signature().end
    }
}

/// Appends one frame. The lengths are those that the writer has checked against the limits.
pub(crate) fn write(out: &mut Vec<u8>, synced: u64, record: &[u8], signature: &[u8]) {
    assert!(record.len() <= RECORD_BYTES_MAX && signature.len() <= limits::SIGNATURE_BYTES_MAX);
    let start = out.len();
    out.extend(MAGIC);
    out.extend((record.len() as u32).to_le_bytes());
    out.extend((signature.len() as u32).to_le_bytes());
    out.extend(synced.to_le_bytes());
    let checked = crc32c::crc32c(out.get(start..).unwrap_or_default());
    let sum = crc32c::crc32c_append(crc32c::crc32c_append(checked, record), signature);
    out.extend(sum.to_le_bytes());
    out.extend(record);
    out.extend(signature);
}

/// The frame at `offset` of these bytes, if it is whole and its checksum holds.
pub(crate) fn read(segment: &[u8], offset: usize) -> Option<Frame> {
    let bytes = segment.get(offset..)?;
    let (header, body) = bytes.split_at_checked(HEADER_LEN)?;
    let (checked, sum) = header.split_at_checked(CHECKED_LEN)?;
    let rest = checked.strip_prefix(&MAGIC)?;
    let (record_len, rest) = rest.split_first_chunk::<4>()?;
    let (signature_len, synced) = rest.split_first_chunk::<4>()?;
    let frame = Frame {
        offset: offset as u64,
        record_len: u32::from_le_bytes(*record_len),
        signature_len: u32::from_le_bytes(*signature_len),
        synced: u64::from_le_bytes(synced.try_into().ok()?),
    };
    if frame.record_len as usize > RECORD_BYTES_MAX || frame.signature_len as usize > limits::SIGNATURE_BYTES_MAX {
        return None;
    }
    let body = body.get(..frame.record_len as usize + frame.signature_len as usize)?;
    let valid = crc32c::crc32c_append(crc32c::crc32c(checked), body).to_le_bytes() == sum;
    valid.then_some(frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the first sentence of this file.
    #[test]
    fn the_drawn_frame_has_these_bytes() {
        let mut segment = vec![0; 1_024];
        write(&mut segment, 1_024, &[0xa1, 0x01, 0x18, 0x2a, 0x00], &[0xbe, 0xef]);
        let drawn = [0x6f, 0x61, 0x72, 0x01, 5, 0, 0, 0, 2, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0x16, 0xd1, 0x53, 0xf7, 0xa1, 0x01, 0x18, 0x2a, 0x00, 0xbe, 0xef];
        assert_eq!(segment[1_024..], drawn);
        let frame = read(&segment, 1_024).unwrap();
        assert_eq!((frame.record(), frame.signature(), frame.end()), (1_048..1_053, 1_053..1_055, 1_055));
    }

    #[test]
    fn no_bit_of_a_frame_can_change() {
        let mut bytes = Vec::new();
        write(&mut bytes, 0, b"record", b"signature");
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read(&changed, 0), None, "bit {bit}");
        }
    }
}
