//! Names of tiles (C2SP tlog-tiles "Merkle Tree", "Log Entries").

use std::path::{Path, PathBuf};

/// Hashes of a full tile, and records of a full bundle of entries.
pub(super) const WIDTH: u64 = 256;
/// Tree levels in one tile.
pub(super) const HEIGHT: u32 = 8;

/// What a tile holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Hashes of subtrees of 256^level leaves.
    Hashes(u32),
    /// Records.
    Entries,
}

/// The path of a full tile.
pub(super) fn full(folder: &Path, kind: Kind, number: u64) -> PathBuf {
    let mut path = match kind {
        Kind::Hashes(level) => folder.join("tile").join(level.to_string()),
        Kind::Entries => folder.join("tile/entries"),
    };
    let digits = number.to_string();
    let padded = format!("{}{digits}", "0".repeat((3 - digits.len() % 3) % 3));
    let groups = padded.len() / 3;
    for group in 0..groups {
        let part = padded.get(3 * group..3 * group + 3).unwrap_or_default();
        path.push(if group + 1 < groups { format!("x{part}") } else { part.to_owned() });
    }
    path
}

/// The folder of the partial tiles of a number.
pub(super) fn partials(folder: &Path, kind: Kind, number: u64) -> PathBuf {
    let mut name = full(folder, kind, number).into_os_string();
    name.push(".p");
    name.into()
}

/// The path of a partial tile with `width` hashes or records.
pub(super) fn partial(folder: &Path, kind: Kind, number: u64, width: u64) -> PathBuf {
    partials(folder, kind, number).join(width.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the specification.
    #[test]
    fn numbers_are_written_as_the_specification_writes_them() {
        let name = |number| full(Path::new(""), Kind::Hashes(0), number);
        assert_eq!(name(0), Path::new("tile/0/000"));
        assert_eq!(name(1_234_067), Path::new("tile/0/x001/x234/067"));
        assert_eq!(name(999), Path::new("tile/0/999"));
        assert_eq!(name(1_000), Path::new("tile/0/x001/000"));
        assert_eq!(partial(Path::new("log"), Kind::Entries, 315, 17), Path::new("log/tile/entries/315.p/17"));
    }
}
