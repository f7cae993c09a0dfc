//! Runs one generation under observation and says what was seen.

use super::json::to_json;
use super::table;
use super::trace;
use crate::args::Profile;
use crate::ask::{name_record, record, request};
use crate::failure::Failure;
use crate::out::{Out, code_after};
use crate::turn::{self, Interrupt};
use mickai_runtime::profile::{SPAN_COUNT_MAX, Wanted};
use mickai_runtime::{Error, System};
use std::fs::File;
use std::path::Path;

pub fn profile(system: &System, args: &Profile, out: Out) -> Result<u8, Failure> {
    let words = request(&args.words)?;
    let model = turn::model(system, &args.generation)?;
    let asked = turn::question(&model, &args.generation, words)?;
    let file = args.trace.as_deref().map(create).transpose()?;
    let interrupt = Interrupt::listen()?;
    let wanted = Wanted { alternatives: args.alternatives.into(), trace: file.is_some() };
    let profiled = interrupt.during(|flow| system.profile(&model, &asked, wanted, &mut |_| flow()));
    if let (Err(_), Some(path)) = (&profiled, &args.trace) {
        // Nothing is in it; the failure says why, and that it stays behind would hinder the next try at most.
        let _ = std::fs::remove_file(path);
    }
    let profiled = profiled?;
    let stop = turn::stop(system, &profiled.answered)?;
    let printed = if out.json {
        out.line(record(&profiled.answered, to_json(&model, &profiled, &stop)).to_string())
    } else {
        table::print(&model, &profiled, args, out).and_then(|()| name_record(&profiled.answered, false, out))
    };
    if let (Some((path, file)), Some(spans)) = (args.trace.as_deref().zip(file), &profiled.profile.trace) {
        trace::write(file, &model, &profiled, spans).map_err(Failure::file(path))?;
        if spans.left_out_count > 0 {
            eprintln!("mickai: {} holds the first {SPAN_COUNT_MAX} operations, {} came after them", path.display(), spans.left_out_count);
        }
    }
    code_after(printed, turn::code(&stop))
}

/// Made before anything runs, so that a place where nothing can be written is said at once.
fn create(path: &Path) -> Result<File, Failure> {
    match File::create_new(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(Error::FileExists(path.to_owned()).into()),
        other => other.map_err(Failure::file(path)),
    }
}
