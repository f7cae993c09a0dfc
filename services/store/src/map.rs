//! Weight files as memory: read-only maps, and advice about them, the only `unsafe` of this crate.
#![allow(unsafe_code)]

use crate::error::Error;
use memmap2::Mmap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// Bytes of a file that live as long as somebody holds them; what `mickai-model` takes as a `Source`.
pub type Mapped = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// Maps a whole file. Whoever changes it while it is mapped changes a model's weights under its digest: files of the model store are written once, under another name, before they are ever mapped.
///
/// # Errors
/// [`Error::Io`].
pub fn map(path: &Path) -> Result<Mapped, Error> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    // SAFETY: the map is private to this process and never written. Its bytes are plain data without invalid values, so a change by another process would alter numbers and no type's
    // invariant; cutting the file short would end this process with a bus error, which the owner of the home (mode 0700) can only do to themselves.
    let map = unsafe { Mmap::map(&file) }.map_err(Error::io("map", path))?;
    Ok(Arc::new(map))
}

/// Has the system begin to read these bytes of a map, which somebody is about to go through.
pub fn read_ahead(bytes: &[u8]) {
    const PAGE: usize = 4096;
    let past = bytes.as_ptr().addr() % PAGE;
    let start = bytes.as_ptr().wrapping_byte_sub(past).cast_mut().cast();
    // SAFETY: the advice changes no content and takes no page away, whatever lies there; where it lies in no map of a file it does nothing, or fails, and then the bytes are read as they come.
    let _ = unsafe { rustix::mm::madvise(start, bytes.len() + past, rustix::mm::Advice::WillNeed) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_has_the_bytes_of_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights");
        std::fs::write(&path, b"0123456789").unwrap();
        let mapped = map(&path).unwrap();
        read_ahead(&(*mapped).as_ref()[3..]);
        assert_eq!((*mapped).as_ref(), b"0123456789");
        std::fs::write(&path, b"").unwrap();
        assert_eq!((*map(&path).unwrap()).as_ref(), b"");
        assert!(matches!(map(&folder.path().join("absent")), Err(Error::Io { .. })));
    }
}
