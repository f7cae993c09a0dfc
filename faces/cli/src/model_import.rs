//! `mickai model import`: what is being done, how far it is and how fast; Ctrl-C stops it.

use crate::answer::{changed_json, changed_text};
use crate::failure::Failure;
use crate::model::bar_style;
use crate::out::{Out, remark, size};
use crate::turn::Interrupt;
use indicatif::ProgressBar;
use mickai_runtime::{ImportStep, Phase, System};
use std::io::IsTerminal;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

pub fn import(system: &System, path: &Path, name: Option<&str>, out: Out) -> Result<(), Failure> {
    let interrupt = Interrupt::listen()?;
    let shown = Shown::new();
    let changed = interrupt.during(|flow| {
        system.import(path, name, None, &|step| {
            shown.see(step);
            flow()
        })
    });
    shown.end(changed.is_ok());
    let changed = changed?;
    out.object(&changed_json(&changed), || changed_text("imported", &changed))?;
    let pins = system.pins()?;
    if !pins.allow(changed.digest) {
        remark(format_args!("it is not pinned, and only pinned models run here: `mickai model pin {}` lets it", changed.digest));
    }
    Ok(())
}

/// A bar on a terminal; elsewhere a line for everything that is done.
pub struct Shown {
    bar: Option<ProgressBar>,
    now: Mutex<Option<(ImportStep, Instant)>>,
}

impl Shown {
    pub fn new() -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let bar = is_terminal.then(|| ProgressBar::no_length().with_style(bar_style("{msg} {bytes}/{total_bytes} {wide_bar} {bytes_per_sec} {eta}")));
        Self { bar, now: Mutex::new(None) }
    }

    pub fn see(&self, step: ImportStep) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = match now.take() {
            Some((before, begun)) if before.phase == step.phase => {
                // Threads may report out of order.
                let step = ImportStep { bytes_done: step.bytes_done.max(before.bytes_done), ..step };
                *now = Some((step, begun));
                self.bar.iter().for_each(|bar| bar.set_position(step.bytes_done));
                return;
            }
            before => {
                self.done(before);
                Instant::now()
            }
        };
        *now = Some((step, begun));
        if let Some(bar) = &self.bar {
            bar.reset();
            bar.set_message(doing(step.phase));
            bar.set_length(step.bytes_total);
            bar.set_position(step.bytes_done);
        }
    }

    pub fn end(&self, is_whole: bool) {
        let last = self.now.lock().unwrap_or_else(PoisonError::into_inner).take();
        if is_whole {
            self.done(last);
        }
        self.bar.iter().for_each(ProgressBar::finish_and_clear);
    }

    /// Says what is over, where there is no bar that showed it.
    fn done(&self, over: Option<(ImportStep, Instant)>) {
        if let Some((step, begun)) = over.filter(|_| self.bar.is_none()) {
            let seconds = begun.elapsed().as_secs_f64();
            // Small models take no time that a rate could be said of.
            let rate = if seconds < 0.01 { String::new() } else { format!(" in {seconds:.2} s, {}/s", size((step.bytes_total as f64 / seconds) as u64)) };
            remark(format_args!("{} {}{rate}", step.phase.name(), size(step.bytes_total)));
        }
    }
}

fn doing(phase: Phase) -> &'static str {
    match phase {
        Phase::Digest => "hashing ",
        Phase::Copy => "copying ",
        Phase::Check => "checking",
        Phase::Repack => "repacking",
        Phase::Write => "writing ",
    }
}
