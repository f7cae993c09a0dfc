//! The folder of segments: names, the segment's header, and the mark of what is synced.
//!
//! A segment is `00000000.seg`, `00000001.seg`, … and begins with a header of 20 bytes; that of a segment whose first record has index 41,204:
//!
//! ```text
//! offset  bytes                     field
//!      0  6d 69 63 6b 61 69 53 31   "mickaiS1"
//!      8  f4 a0 00 00 00 00 00 00   index of its first record, little-endian
//!     16  0a cd 84 14               CRC32C of bytes 0..16
//!     20                            the first frame
//! ```
//!
//! A header appears whole, by rename, so a broken one is always damage. The mark (`log/synced`) of a second segment with 1,055 bytes synced:
//!
//! ```text
//! offset  bytes                     field
//!      0  01 00 00 00               number of the last segment, little-endian
//!      4  1f 04 00 00 00 00 00 00   its bytes that are synced
//!     12  d6 ac e5 83               CRC32C of bytes 0..12
//! ```

use crate::disk;
use crate::error::{Damage, Error};
use crate::limits;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const MAGIC: [u8; 8] = *b"mickaiS1";
const MAGIC_PREFIX: &[u8] = b"mickaiS";
/// Bytes of a segment before its first frame.
pub(crate) const HEADER_LEN: usize = 20;

/// One segment file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SegmentFile {
    pub(crate) number: u32,
    pub(crate) path: PathBuf,
}

/// How far a segment is known to be durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) number: u32,
    pub(crate) synced: u64,
}

/// The path of a segment.
pub(crate) fn path(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("{number:08}.seg"))
}

/// The path of the first segment: it exists as soon as a log has begun.
pub(crate) fn first_path(folder: &Path) -> PathBuf {
    path(folder, 0)
}

/// The segments in order; a gap in their numbers is damage.
pub(crate) fn list(folder: &Path) -> Result<Vec<SegmentFile>, Error> {
    // The mark before the names: while a writer is at work, names may only be newer than the mark.
    let mark = read_mark(folder)?;
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let name = entry.map_err(Error::io("read", folder))?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".seg")).filter(|stem| stem.len() == 8).and_then(|stem| stem.parse::<u32>().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    for (expected, number) in (0..).zip(&numbers) {
        if *number != expected {
            return Err(Error::damaged(&path(folder, expected), 0, Damage::SegmentMissing));
        }
    }
    // A mark that speaks of a later segment than there is: the last file is gone.
    match mark {
        Some(mark) if mark.number as usize >= numbers.len() => Err(Error::damaged(&path(folder, mark.number), 0, Damage::SegmentMissing)),
        _ => Ok(numbers.into_iter().map(|number| SegmentFile { number, path: path(folder, number) }).collect()),
    }
}

impl SegmentFile {
    /// All its bytes, with a header that says `first_index`.
    pub(crate) fn read(&self, first_index: u64) -> Result<Vec<u8>, Error> {
        let bytes = disk::read_file(&self.path, limits::SEGMENT_READ_BYTES_MAX)?.ok_or_else(|| Error::damaged(&self.path, 0, Damage::SegmentMissing))?;
        if bytes.get(..HEADER_LEN) == Some(&header(first_index)[..]) { Ok(bytes) } else { Err(self.wrong_header(&bytes)) }
    }

    /// All its bytes, and the index of its first record, as its header says.
    pub(crate) fn read_whole(&self) -> Result<(u64, Vec<u8>), Error> {
        let bytes = disk::read_file(&self.path, limits::SEGMENT_READ_BYTES_MAX)?.ok_or_else(|| Error::damaged(&self.path, 0, Damage::SegmentMissing))?;
        match bytes.first_chunk().and_then(index_of) {
            Some(first_index) => Ok((first_index, bytes)),
            None => Err(self.wrong_header(&bytes)),
        }
    }

    /// The index of its first record, as its header says; the rest is not read.
    pub(crate) fn first_index(&self) -> Result<u64, Error> {
        let mut bytes = [0; HEADER_LEN];
        match File::open(&self.path).and_then(|file| file.read_exact_at(&mut bytes, 0)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(Error::damaged(&self.path, 0, Damage::SegmentMissing)),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Err(Error::damaged(&self.path, 0, Damage::SegmentHeader)),
            read => read.map_err(Error::io("read", &self.path))?,
        }
        index_of(&bytes).ok_or_else(|| self.wrong_header(&bytes))
    }

    pub(crate) fn wrong_header(&self, bytes: &[u8]) -> Error {
        let foreign = bytes.starts_with(MAGIC_PREFIX) && !bytes.starts_with(&MAGIC);
        if foreign { Error::Foreign(self.path.clone()) } else { Error::damaged(&self.path, 0, Damage::SegmentHeader) }
    }
}

/// The header of a segment whose first record has that index.
pub(crate) fn header(first_index: u64) -> [u8; HEADER_LEN] {
    let mut bytes = [0; HEADER_LEN];
    let (checked, sum) = bytes.split_at_mut(16);
    let (magic, index) = checked.split_at_mut(8);
    magic.copy_from_slice(&MAGIC);
    index.copy_from_slice(&first_index.to_le_bytes());
    sum.copy_from_slice(&crc32c::crc32c(checked).to_le_bytes());
    bytes
}

/// The index that a header says; `None` if it is none.
fn index_of(bytes: &[u8; HEADER_LEN]) -> Option<u64> {
    let index = bytes.get(8..)?.first_chunk().map(|index| u64::from_le_bytes(*index))?;
    (*bytes == header(index)).then_some(index)
}

/// The path of the mark.
pub(crate) fn mark_path(folder: &Path) -> PathBuf {
    folder.join("synced")
}

/// The mark, if there is one that reads.
pub(crate) fn read_mark(folder: &Path) -> Result<Option<Mark>, Error> {
    Ok(disk::read_file(&mark_path(folder), limits::KEY_FILE_BYTES_MAX)?.as_deref().and_then(Mark::from_bytes))
}

/// Bytes of that segment that the mark says were durable; 0 where it says nothing.
pub(crate) fn synced_of(mark: Option<Mark>, file: &SegmentFile) -> u64 {
    mark.filter(|mark| mark.number == file.number).map_or(0, |mark| mark.synced)
}

impl Mark {
    /// Its 16 bytes.
    pub(crate) fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        let (checked, sum) = bytes.split_at_mut(12);
        let (number, synced) = checked.split_at_mut(4);
        number.copy_from_slice(&self.number.to_le_bytes());
        synced.copy_from_slice(&self.synced.to_le_bytes());
        sum.copy_from_slice(&crc32c::crc32c(checked).to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (number, rest) = bytes.split_first_chunk::<4>()?;
        let (synced, _) = rest.split_first_chunk::<8>()?;
        let mark = Self { number: u32::from_le_bytes(*number), synced: u64::from_le_bytes(*synced) };
        (mark.to_bytes() == bytes).then_some(mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drawn_header_and_mark_have_these_bytes() {
        let drawn = [0x6d, 0x69, 0x63, 0x6b, 0x61, 0x69, 0x53, 0x31, 0xf4, 0xa0, 0, 0, 0, 0, 0, 0, 0x0a, 0xcd, 0x84, 0x14];
        assert_eq!(header(41_204), drawn);
        let folder = tempfile::tempdir().unwrap();
        let file = SegmentFile { number: 0, path: path(folder.path(), 0) };
        assert!(matches!(file.first_index(), Err(Error::Damaged { what: Damage::SegmentMissing, .. })));
        for (bytes, is_foreign) in [(&drawn[..19], false), (b"mickaiS1 and no index", false), (b"mickaiS2 and no index", true)] {
            std::fs::write(&file.path, bytes).unwrap();
            let error = file.first_index().unwrap_err();
            assert!(matches!((error, is_foreign), (Error::Damaged { what: Damage::SegmentHeader, .. }, false) | (Error::Foreign(_), true)));
        }
        std::fs::write(&file.path, [&drawn[..], b"and frames"].concat()).unwrap();
        assert_eq!(file.first_index().unwrap(), 41_204);
        let mark = Mark { number: 1, synced: 1_055 };
        assert_eq!(mark.to_bytes(), [1, 0, 0, 0, 0x1f, 4, 0, 0, 0, 0, 0, 0, 0xd6, 0xac, 0xe5, 0x83]);
        assert_eq!(Mark::from_bytes(&mark.to_bytes()), Some(mark));
    }

    #[test]
    fn a_gap_in_the_numbers_is_damage() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(path(folder.path(), 0), b"").unwrap();
        std::fs::write(path(folder.path(), 2), b"").unwrap();
        assert!(matches!(list(folder.path()), Err(Error::Damaged { what: Damage::SegmentMissing, .. })));
        std::fs::write(path(folder.path(), 1), b"").unwrap();
        assert_eq!(list(folder.path()).unwrap().len(), 3);
        std::fs::write(mark_path(folder.path()), Mark { number: 3, synced: 20 }.to_bytes()).unwrap();
        assert!(matches!(list(folder.path()), Err(Error::Damaged { what: Damage::SegmentMissing, .. })));
    }
}
