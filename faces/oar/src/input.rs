//! The bundle's bytes, in pieces, so that its size does not matter.

use crate::problem::Problem;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

const PIECE_LEN: usize = 64 * 1024;

/// Calls `take` with one piece of `file` after the other (`-`: standard input) until it says that it has enough.
pub fn in_pieces(file: &Path, mut take: impl FnMut(&[u8]) -> Result<bool, Problem>) -> Result<(), Problem> {
    let problem = |error| Problem::Bundle(file.to_owned(), error);
    let mut source: Box<dyn Read> = if file == Path::new("-") { Box::new(io::stdin().lock()) } else { Box::new(File::open(file).map_err(problem)?) };
    let mut piece = vec![0; PIECE_LEN];
    loop {
        match source.read(&mut piece) {
            Ok(0) => return Ok(()),
            // A reader gives no more than it was asked for.
            Ok(len) => {
                if !take(piece.get(..len).unwrap_or_default())? {
                    return Ok(());
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
            Err(error) => return Err(problem(error)),
        }
    }
}
