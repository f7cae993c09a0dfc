//! `oar export`: a bundle in the forms that tools of others read and that need no key: tlog-tiles and JSON lines.

use crate::flags::{Export, Form};
use crate::output::{self, Add};
use crate::problem::Problem;
use crate::source::Source;
use mickai_proof::tiles::{CHECKPOINT_PATH, Tile, Tiler};
use mickai_proof::view;
use std::io::Write;

/// Exit 0 when it was written, which says nothing about what the bundle is worth.
pub fn run(flags: &Export) -> Result<u8, Problem> {
    let source = Source::open(&flags.file)?;
    match flags.form {
        Form::Tiles => output::folder(&flags.out, |add| tiles(source, add))?,
        Form::Jsonl => output::file(&flags.out, |out| lines(source, out))?,
    }
    Ok(0)
}

fn lines(mut source: Source, out: &mut dyn Write) -> Result<(), Problem> {
    while let Some(entries) = source.chunk()? {
        for entry in entries {
            writeln!(out, "{}", view::line(entry.index, &entry.record, &entry.signature, &entry.openings)).map_err(Problem::Output)?;
        }
    }
    source.end().map(drop)
}

fn tiles(mut source: Source, add: Add<'_>) -> Result<(), Problem> {
    let not_whole = Problem::NotWhole(source.path().to_owned());
    if source.header.first != 0 {
        return Err(not_whole);
    }
    let mut tiler = Tiler::default();
    let mut write = |files: Vec<(Tile, Vec<u8>)>| files.iter().try_for_each(|(tile, bytes)| add(&tile.path(), bytes));
    while let Some(entries) = source.chunk()? {
        for entry in &entries {
            // A bundle's reader lets no record pass that is longer than an entry can be.
            write(tiler.push(&entry.record).unwrap_or_default())?;
        }
    }
    let root = tiler.root();
    write(tiler.finish())?;
    let end = source.end()?;
    let checkpoint = end.checkpoint().map(|note| note.checkpoint);
    if checkpoint.is_some_and(|checkpoint| checkpoint.size != source.header.count) {
        return Err(not_whole);
    }
    // A checkpoint beside tiles that do not give its root would be refused by every reader.
    if checkpoint.is_none_or(|checkpoint| Some(checkpoint.root) != root) {
        return Err(Problem::Root(source.path().to_owned()));
    }
    add(CHECKPOINT_PATH, &end.note)
}
