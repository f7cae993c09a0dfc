//! Runs one generation under observation and says what was seen.

use super::json::to_json;
use super::table;
use super::trace;
use crate::args::Profile;
use crate::ask::{name_record, record, request};
use crate::failure::Failure;
use crate::out::{Out, code_after, remark};
use crate::turn::{self, Interrupt};
use mickai_runtime::profile::{SPAN_COUNT_MAX, Wanted};
use mickai_runtime::{Error, System};
use mickai_store::{left_beside, partial_file};
use std::fs::File;
use std::path::{Path, PathBuf};

pub fn profile(system: &System, args: &Profile, out: Out) -> Result<u8, Failure> {
    let words = request(&args.words)?;
    let model = turn::model(system, &args.generation)?;
    let asked = turn::question(&model, &args.generation, words)?;
    let unfinished = args.trace.as_deref().map(Unfinished::create).transpose()?;
    let interrupt = Interrupt::listen()?;
    let wanted = Wanted { alternatives: args.alternatives.into(), trace: unfinished.is_some() };
    let profiled = interrupt.during(|flow| system.profile(&model, &asked, wanted, &mut |_| flow()))?;
    let stop = turn::stop(system, &profiled.answered)?;
    let printed = if out.json {
        out.line(record(&profiled.answered, to_json(&model, &profiled, &stop)).to_string())
    } else {
        table::print(&model, &profiled, args, out).and_then(|()| name_record(&profiled.answered, false, out))
    };
    if let (Some(unfinished), Some(spans)) = (&unfinished, &profiled.profile.trace) {
        let path = unfinished.path;
        trace::write(&unfinished.file, &model, &profiled, spans).map_err(Failure::file(path))?;
        unfinished.publish()?;
        if spans.left_out_count > 0 {
            remark(format_args!("mickai: {} holds the first {SPAN_COUNT_MAX} operations, {} came after them", path.display(), spans.left_out_count));
        }
    }
    code_after(printed, turn::code(&stop))
}

/// A trace beside its place, until it is whole and gets its name; whatever keeps it from that removes it. What a killed process left goes with the next try.
struct Unfinished<'a> {
    path: &'a Path,
    partial: PathBuf,
    file: File,
}

impl<'a> Unfinished<'a> {
    /// Made before anything runs, so that a place where nothing can be written is said at once.
    fn create(path: &'a Path) -> Result<Self, Failure> {
        for left in left_beside(path) {
            // What cannot be removed takes nobody's name.
            let _ = std::fs::remove_file(left.path());
        }
        if path.symlink_metadata().is_ok() {
            return Err(Error::FileExists(path.to_owned()).into());
        }
        let partial = partial_file(path).map_err(Failure::file(path))?;
        let file = File::create_new(&partial).map_err(Failure::file(path))?;
        Ok(Self { path, partial, file })
    }

    fn publish(&self) -> Result<(), Failure> {
        match mickai_store::publish(&self.partial, self.path) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(Error::FileExists(self.path.to_owned()).into()),
            published => published.map_err(Failure::file(self.path)),
        }
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        // Its second name, or what remains of a failure: if it cannot be removed, that adds nothing to what is said.
        let _ = std::fs::remove_file(&self.partial);
    }
}
