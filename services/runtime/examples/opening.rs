//! How long a model takes until its first token can be computed, beside the time to read its file: `cargo run --release -p mickai-runtime --example opening -- FILE.gguf THREADS REPETITIONS`.
//!
//! Imports the file into a home of its own and says how long each part of that took. Then, in turn and with medians: the stored file read into memory as one would (`std::fs::read`), and the model
//! opened, checked and ready; once with everything in the system's page cache and once with nothing of it there. `load/again` is the same without the kept repacked weights.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::print_stdout, clippy::unwrap_used, reason = "a measuring program reads files and the clock")]

use mickai_model::generate::Flow;
use mickai_runtime::{Phase, System};
use mickai_store::Custody;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [file, threads, repetitions] = &args[..] else {
        println!("usage: opening FILE.gguf THREADS REPETITIONS");
        return;
    };
    let (threads, repetitions) = (threads.parse().unwrap(), repetitions.parse::<usize>().unwrap());
    // Beside the file, so that both are read from the same disk.
    let folder = tempfile::tempdir_in(Path::new(file).parent().unwrap()).unwrap();
    let system = System::open(&folder.path().join("home"), threads, Custody::default()).unwrap();
    let digest = import(&system, Path::new(file), threads);
    let kept = folder.path().join("home/models").join(&digest);
    let (stored, panels) = (only_file(&kept.join("model")), kept.join("panels"));
    let bytes = std::fs::metadata(&stored).unwrap().len();

    for state in ["warm", "cold"] {
        let (mut reads, mut readies) = (Vec::new(), Vec::new());
        for repetition in 0..=repetitions {
            let read = timed(state, &stored, &panels, || drop(std::fs::read(&stored).unwrap()));
            let ready = timed(state, &stored, &panels, || ready(&system, &digest));
            // The first one warms up.
            if repetition > 0 {
                reads.push(read);
                readies.push(ready);
            }
        }
        let (read, ready) = (median(&mut reads), median(&mut readies));
        println!("load/{state} threads={threads} bytes={bytes} read_s={read:.3} ready_s={ready:.3} ratio={:.3}", ready / read);
    }
    let mut again: Vec<f64> = (0..repetitions)
        .map(|_| {
            std::fs::remove_file(&panels).unwrap();
            timed("warm", &stored, &panels, || ready(&system, &digest))
        })
        .collect();
    println!("load/again threads={threads} bytes={bytes} ready_s={:.3}", median(&mut again));
}

/// Takes the file in, and says what that took.
fn import(system: &System, file: &Path, threads: usize) -> String {
    let steps: Mutex<Vec<(Phase, Instant, u64)>> = Mutex::default();
    let begun = Instant::now();
    let changed = system.import(file, Some("measured"), None, &|step| {
        let mut steps = steps.lock().unwrap();
        if steps.last().is_none_or(|(phase, ..)| *phase != step.phase) {
            steps.push((step.phase, Instant::now(), step.bytes_total));
        }
        Flow::Continue
    });
    let (digest, end, steps) = (changed.unwrap().digest, Instant::now(), steps.into_inner().unwrap());
    for (place, (phase, start, bytes)) in steps.iter().enumerate() {
        let over = steps.get(place + 1).map_or(end, |(_, start, _)| *start);
        println!("load/import phase={} threads={threads} bytes={bytes} seconds={:.3}", phase.name(), (over - *start).as_secs_f64());
    }
    println!("load/import phase=all threads={threads} seconds={:.3}", (end - begun).as_secs_f64());
    digest.to_string()
}

/// Opens the model and makes an empty context on it: after that only tokens are computed.
fn ready(system: &System, digest: &str) {
    let model = system.model(digest).unwrap();
    drop(system.context(&model).unwrap());
}

fn timed(state: &str, stored: &Path, panels: &Path, work: impl FnOnce()) -> f64 {
    if state == "cold" {
        [stored, panels].into_iter().for_each(forget);
    }
    let begun = Instant::now();
    work();
    begun.elapsed().as_secs_f64()
}

/// Takes a file's clean pages out of the system's cache.
fn forget(path: &Path) {
    let file = std::fs::File::open(path).unwrap();
    file.sync_all().unwrap();
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
}

fn only_file(folder: &Path) -> PathBuf {
    std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}
