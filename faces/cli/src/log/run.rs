//! Dispatches the log's commands, and does those that need no room of their own.

use super::{export, show};
use crate::args::Log;
use crate::failure::Failure;
use crate::model::bar_style;
use crate::out::{Out, code_after};
use indicatif::ProgressBar;
use mickai_proof::limits::NOTE_BYTES_MAX;
use mickai_proof::verify::Reference;
use mickai_runtime::System;
use mickai_store::fsck;
use serde_json::json;
use std::fs::File;
use std::io::Read;
use std::path::Path;

pub fn log(system: &System, args: &Log, out: Out) -> Result<u8, Failure> {
    match args {
        Log::List { filter } => show::list(system, filter, out),
        Log::Show { record, open } => show::one(system, record, *open, out),
        Log::Tail { n, follow } => show::tail(system, *n, *follow, out),
        Log::Export { out: path, form, open, settled, range } => export::export(system, path, *form, open, (range, *settled), out),
        Log::Verify { checkpoint, record } => verify(system, checkpoint.as_deref(), record.as_deref(), out),
        Log::Fsck => check(system, out),
        Log::Checkpoint { out: path } => checkpoint(system, path.as_deref(), out),
    }
}

fn verify(system: &System, checkpoint: Option<&str>, record: Option<&str>, out: Out) -> Result<u8, Failure> {
    let verdict = match record {
        Some(wanted) => system.verify_record(system.resolve_record(wanted, None)?)?,
        None => system.verify(checkpoint.map(reference).transpose()?)?,
    };
    let printed = if out.json { out.line(verdict.to_json()) } else { out.piece(&verdict.to_string()) };
    code_after(printed, verdict.word.exit_code())
}

/// SIZE:ROOT if it reads as one, otherwise a file.
fn reference(text: &str) -> Result<Reference, Failure> {
    let wrong = || Failure::Value { flag: "--checkpoint", value: text.to_owned(), wanted: "a file that `mickai log checkpoint` wrote, or SIZE:ROOT" };
    let read = || {
        let path = Path::new(text);
        let mut bytes = Vec::new();
        // A note is a few kilobytes; what is larger is another sort of file, and is not read whole.
        File::open(path).and_then(|file| file.take(2 * NOTE_BYTES_MAX as u64).read_to_end(&mut bytes)).map_err(|_| wrong())?;
        Ok(Reference::parse(&bytes)?)
    };
    Reference::parse(text.as_bytes()).or_else(|_| read())
}

fn check(system: &System, out: Out) -> Result<u8, Failure> {
    // A log too damaged to be read has no length to show, and is checked all the same.
    let total = system.reader().map_or(0, |reader| reader.size());
    let bar = ProgressBar::new(total).with_style(bar_style("{pos}/{len} records {wide_bar} {eta}"));
    let report = fsck(system.home(), &mut |done| bar.set_position(done))?;
    bar.finish_and_clear();
    let findings: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    let fields = json!({
        "records": report.records,
        "root": report.root.map(|root| root.to_string()),
        "signatures": report.signatures,
        "openings": report.openings,
        "unopened": report.unopened,
        "unfinished": report.unfinished,
        "open_intents": report.open_intents,
        "unsealed": report.unsealed,
        "checkpoint": report.checkpoint,
        "torn_bytes": report.torn.map_or(0, |torn| torn.bytes),
        "findings": findings,
    });
    let printed = out.object(&fields, || {
        let counts = format!("{} records, {} signatures verify, {} values open, {} not kept", report.records, report.signatures, report.openings, report.unopened);
        let mut lines = vec![counts];
        lines.extend(report.torn.map(|torn| format!("{} bytes of a torn tail, which the next start cuts", torn.bytes)));
        lines.extend((report.unfinished > 0).then(|| format!("{} erased values are still here; the next act destroys them", report.unfinished)));
        lines.extend((!report.open_intents.is_empty()).then(|| format!("open intents: {:?}", report.open_intents)));
        lines.extend((report.unsealed > 0).then(|| format!("{} sealed records that no seal covers yet; the next start seals them", report.unsealed)));
        lines.extend(report.checkpoint.map(|size| format!("the newest own checkpoint, of {size} records, agrees")));
        lines.extend(if findings.is_empty() { vec!["clean".to_owned()] } else { findings.clone() });
        lines.join("\n")
    });
    code_after(printed, u8::from(!report.is_clean()))
}

fn checkpoint(system: &System, path: Option<&Path>, out: Out) -> Result<u8, Failure> {
    let Some(path) = path else {
        let note = system.checkpoint()?;
        if out.json {
            out.line(json!({ "note": note }).to_string())?
        } else {
            out.piece(&note)?
        }
        return Ok(0);
    };
    let note = system.write_checkpoint(path)?;
    out.object(&json!({ "path": path, "note": note }), || format!("wrote {}: keep it where this machine cannot reach it", path.display()))?;
    Ok(0)
}
