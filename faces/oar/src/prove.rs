//! `oar prove`: cuts a bundle of one record, or of a run of them, out of a bundle of the whole log.

use crate::flags::Prove;
use crate::output;
use crate::problem::Problem;
use crate::source::{End, Source};
use mickai_proof::bundle::{Around, Cut, Header, Writer};
use std::io::Write;
use std::ops::Range;

/// Exit 0 when the bundle was written. It is what the operator's own export of these records would have been, under the same checkpoint and with the same openings and settlements.
pub fn run(flags: &Prove) -> Result<u8, Problem> {
    let source = Source::open(&flags.file)?;
    let (range, size) = (range(flags, &source)?, source.header.count);
    let (source, around, end) = gather(source, &range, size)?;
    let header = Header { log: source.header.log, first: range.start, count: range.end - range.start };
    output::file(&flags.out, |out| write(source.again()?, header, &around, &end, flags.hide, out))?;
    Ok(0)
}

fn range(flags: &Prove, source: &Source) -> Result<Range<u64>, Problem> {
    let header = source.header;
    let wanted = match (flags.record, &flags.range) {
        (Some(index), _) => index..index.saturating_add(1),
        (None, Some(range)) => range.0.clone(),
        // clap asks for one of the two.
        (None, None) => 0..0,
    };
    if header.first != 0 {
        return Err(Problem::NotWhole(source.path().to_owned()));
    }
    if wanted.is_empty() || wanted.end > header.count { Err(Problem::OutOfRange(wanted, header.count)) } else { Ok(wanted) }
}

/// The first reading: everything that the cut needs of the other records, and whether the records are those that the checkpoint signs.
fn gather(mut source: Source, range: &Range<u64>, size: u64) -> Result<(Source, Around, End), Problem> {
    let mut cut = Cut::new(range.clone(), size);
    while let Some(entries) = source.chunk()? {
        entries.iter().for_each(|entry| cut.push(&entry.record, &entry.signature));
        // Nobody has verified these records: a million of them may say that they are key events.
        if cut.has_too_many_events() {
            return Err(Problem::KeyEvents(source.path().to_owned()));
        }
    }
    let end = source.end()?;
    let (around, note) = (cut.finish(), end.checkpoint());
    if note.as_ref().is_some_and(|note| note.checkpoint.size != size) {
        return Err(Problem::NotWhole(source.path().to_owned()));
    }
    match (around, note) {
        (Some((around, root)), Some(note)) if root == note.checkpoint.root && note.checkpoint.log == source.header.log => Ok((source, around, end)),
        _ => Err(Problem::Root(source.path().to_owned())),
    }
}

/// The second reading: the records of the range.
fn write(mut source: Source, header: Header, around: &Around, end: &End, hide: bool, out: &mut dyn Write) -> Result<(), Problem> {
    let mut writer = Writer::settled(header, &source.keys, &around.events, &source.settlements, &around.left);
    while let Some(entries) = source.chunk()? {
        for entry in entries.into_iter().filter(|entry| (header.first..header.end()).contains(&entry.index)) {
            writer.push(entry.record, entry.signature, if hide { Vec::new() } else { entry.openings });
        }
        out.write_all(&writer.take()).map_err(Problem::Output)?;
    }
    // A checkpoint that was read as a note is text.
    let note = String::from_utf8_lossy(&end.note);
    out.write_all(&writer.finish(&around.right, &note)).map_err(Problem::Output)
}
