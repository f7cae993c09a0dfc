//! The reader of CBOR: what it reads is the one encoding of what it read, and more bytes never change what the first ones were.

use super::harness::{Held, Target, ensure};
use super::vectors;
use mickai_proof::cbor::{CborError, KeyOrder, Major, Reader, write_bytes, write_head, write_text};
use mickai_proof::limits::DEPTH_MAX;
use std::path::Path;

/// The target.
pub const TARGET: Target = Target { name: "cbor", holds: |data| holds(data, real), canary: |data| holds(data, canary), seeds, case_count: 60_000 };

/// The bytes of the first item, written again.
type Copied = Result<Vec<u8>, CborError>;

fn holds(data: &[u8], read: fn(&[u8]) -> Copied) -> Held {
    let whole = read(data);
    if let Ok(copy) = &whole {
        ensure(data.starts_with(copy), "an item that is not its own encoding")?;
    }
    let mut reader = Reader::new(data);
    ensure(reader.value(DEPTH_MAX).map(<[u8]>::to_vec) == whole, "skipping an item and reading it differ")?;
    let cut = super::harness::piece_len(data).min(data.len());
    match (read(&data[..cut]), &whole) {
        (Err(CborError::Short), Ok(copy)) => ensure(copy.len() > cut, "short of bytes that are there"),
        (Err(CborError::Short), _) => Ok(()),
        (first, _) => ensure(first == whole, "more bytes change what was read"),
    }
}

fn real(data: &[u8]) -> Copied {
    let mut out = Vec::new();
    copy(&mut Reader::new(data), &mut out, DEPTH_MAX)?;
    Ok(out)
}

fn copy(reader: &mut Reader<'_>, out: &mut Vec<u8>, depth: usize) -> Result<(), CborError> {
    match reader.peek()? {
        Major::Uint => write_head(out, Major::Uint, reader.uint()?),
        Major::Bytes => write_bytes(out, reader.bytes()?),
        Major::Text => write_text(out, reader.text()?),
        major @ (Major::Array | Major::Map) => {
            let depth = depth.checked_sub(1).ok_or(CborError::NotCanonical)?;
            let (_, count) = reader.head()?;
            write_head(out, major, count);
            let mut order = KeyOrder::default();
            for _ in 0..count {
                if major == Major::Map {
                    let key = reader.text()?;
                    order.next(key)?;
                    write_text(out, key);
                }
                copy(reader, out, depth)?;
            }
        }
    }
    Ok(())
}

/// Takes 0x18 with an argument below 24 for the integer.
fn canary(data: &[u8]) -> Copied {
    match data {
        [0x18, small @ 0..24, ..] => Ok(vec![*small]),
        _ => real(data),
    }
}

fn seeds(folder: &Path) -> Vec<Vec<u8>> {
    let short: [&[u8]; 6] = [&[0], &[0x18, 24], &[0x1b, 0, 0, 0, 1, 0, 0, 0, 0], &[0x43, 1, 2, 3], &[0x82, 0x61, 0x61, 0x80], &[0xa2, 0x61, 0x61, 0, 0x61, 0x62, 1]];
    let mut seeds: Vec<Vec<u8>> = short.into_iter().map(<[u8]>::to_vec).collect();
    seeds.extend(vectors::of(folder, "record").iter().map(|vector| vectors::hex(vector, "record")).filter(|record| record.len() < 2_000));
    seeds
}
