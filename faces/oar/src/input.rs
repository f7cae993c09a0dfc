//! The bundle's bytes, in pieces, so that its size does not matter.

use crate::problem::Problem;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

const PIECE_LEN: usize = 64 * 1024;

/// Calls `take` with one piece of `file` after the other (`-`: standard input) until it says that it has enough.
pub fn in_pieces(file: &Path, take: impl FnMut(&[u8]) -> Result<bool, Problem>) -> Result<(), Problem> {
    if file == Path::new("-") {
        return of(&mut io::stdin().lock(), file, take);
    }
    let mut source = File::open(file).map_err(|error| Problem::Bundle(file.to_owned(), error))?;
    of(&mut source, file, take)
}

/// The same of what is open already and has that name.
pub fn of(source: &mut impl Read, file: &Path, mut take: impl FnMut(&[u8]) -> Result<bool, Problem>) -> Result<(), Problem> {
    let problem = |error| Problem::Bundle(file.to_owned(), error);
    let mut piece = Vec::with_capacity(PIECE_LEN);
    loop {
        piece.clear();
        // Full pieces, whatever a pipe gives at once: the first one tells what sort of file it is.
        source.by_ref().take(PIECE_LEN as u64).read_to_end(&mut piece).map_err(problem)?;
        if piece.is_empty() || !take(&piece)? {
            return Ok(());
        }
    }
}
