//! Every shape, type and number of threads, ours and llama.cpp's one after the other.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::limits::{self, Limits};
use super::peer::{self, Build};
use super::{Extent, Wanted};
use crate::bench::bar::{Bar, Goal};
use crate::bench::oar::value;
use crate::bench::program;
use crate::bench::run::Found;
use crate::error::Error;
use crate::process;

pub(super) const TYPES: [&str; 4] = ["q4_0", "q8_0", "q4_k_m", "f16"];
pub(super) const THREADS: [&str; 2] = ["1", MOST];
/// The best of the machine, and what is forced.
pub(super) const ISAS: [&str; 2] = ["best", "avx2"];
const MOST: &str = "2";
/// As our program names that path.
const AVX2: &str = "avx2+fma";
/// Sequences that generate in parallel, and one alone.
const SEQUENCES: &str = "8";
const ALONE: &str = "1";
/// What share of the bound that memory sets a generation must reach, where it does not reach its goal.
const BANDWIDTH_SHARE: f64 = 0.85;

/// One comparison: two processes on one file.
#[derive(Clone, Copy)]
struct Row {
    shape: &'static str,
    kind: &'static str,
    threads: &'static str,
    build: Build,
    /// Several at once, or one prompt and one generation.
    parallel: bool,
}

impl Row {
    /// What is measured.
    fn phases(self) -> &'static [&'static str] {
        if self.parallel { &["parallel"] } else { &["prompt", "generation"] }
    }

    fn isa(self) -> &'static str {
        match self.build {
            Build::Native | Build::WithoutTiles => ISAS[0],
            Build::Avx2 => ISAS[1],
        }
    }

    fn is_wanted(self, wanted: &Wanted) -> bool {
        let labels = [("shape", self.shape), ("type", self.kind), ("threads", self.threads), ("isa", self.isa())];
        labels.iter().all(|(key, value)| wanted.admits(key, value)) && self.phases().iter().any(|phase| wanted.admits("phase", phase))
    }

    /// What both programs are told behind the file; a phase that is not wanted is one token.
    fn words(self, extent: &Extent, wanted: &Wanted) -> Vec<&'static str> {
        let wide = |phase, count| if wanted.admits("phase", phase) { count } else { "1" };
        let (prompt, generation) = if self.parallel { ("1", extent.parallel) } else { (wide("prompt", extent.prompt), wide("generation", extent.generation)) };
        [self.threads, prompt, generation, extent.repetitions].into_iter().chain(self.parallel.then_some(SEQUENCES)).collect()
    }

    fn name(self, phase: &str) -> String {
        let isa = if self.build == Build::Avx2 { "/isa=avx2" } else { "" };
        format!("engine/{phase}={}/type={}/threads={}{isa}", self.shape, self.kind, self.threads)
    }
}

/// All rows: one sequence alone on each number of threads; several, and AVX2 for the first shape, on the most, because the whole must end within half an hour.
fn rows(extent: &Extent) -> impl Iterator<Item = Row> {
    let files = extent.shapes.into_iter().flat_map(|shape| TYPES.map(|kind| (shape, kind)));
    files.flat_map(|(shape, kind)| {
        let row = move |threads, build, parallel| Row { shape, kind, threads, build, parallel };
        let with_avx2 = cfg!(target_arch = "x86_64") && shape == extent.shapes[0];
        THREADS.map(|threads| row(threads, Build::Native, false)).into_iter().chain([row(MOST, Build::Native, true)]).chain(with_avx2.then(|| row(MOST, Build::Avx2, false)))
    })
}

pub(super) fn measure(extent: &Extent, wanted: &Wanted, found: &mut Found) -> Result<(), Error> {
    let rows: Vec<Row> = rows(extent).filter(|row| row.is_wanted(wanted)).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let maker = peer::install(Build::Native)?;
    found.lines.push(peer::described(&maker));
    let programs = Programs { speed: program::example("speed")?, limits: program::example("limits")? };
    for row in rows {
        let file = peer::make_file(&maker, row.shape, row.kind)?;
        compare((extent, wanted), row, &programs, &peer::install(row.build)?, &file, found)?;
    }
    Ok(())
}

/// What is measured, and what says how much there is of the machine.
struct Programs {
    speed: PathBuf,
    limits: PathBuf,
}

/// One row.
fn compare((extent, wanted): (&Extent, &Wanted), row: Row, programs: &Programs, python: &Path, file: &Path, found: &mut Found) -> Result<(), Error> {
    let mut words = row.words(extent, wanted);
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let peer = peer::speed(python, file, &words)?;
    found.lines.push(format!("$ GLIBC_TUNABLES=glibc.malloc.hugetlb=1 python llama_cpp_speed.py {name} {}", words.join(" ")));
    found.lines.extend(peer.iter().cloned());
    if row.build == Build::Avx2 {
        words.extend([ALONE, AVX2]);
    }
    let ours = process::must(Command::new(&programs.speed).arg(file).args(&words))?;
    let ours: Vec<String> = ours.output.lines().map(str::to_owned).collect();
    found.lines.push(format!("$ speed {name} {}", words.join(" ")));
    found.lines.extend(ours.iter().cloned());
    let bytes = value(&ours, "speed/load ", "packed_bytes").ok_or(Error::NoFigures { bench: "engine" })?;
    let isa = ours.iter().flat_map(|line| line.split(' ')).find_map(|word| word.strip_prefix("isa=")).ok_or(Error::NoFigures { bench: "engine" })?.to_owned();
    let limits = if row.parallel { None } else { Some(limits::measure(&programs.limits, row.threads, bytes, extent.repetitions, found)?) };
    for &phase in row.phases().iter().filter(|phase| wanted.admits("phase", phase)) {
        let rates = |figure: &str| value(&ours, &format!("speed/{phase} "), figure).zip(value(&peer, &format!("peer/{phase} "), figure));
        let ((ours, theirs), cpu) = rates("tokens_per_s").zip(rates("tokens_per_cpu_s")).ok_or(Error::NoFigures { bench: "engine" })?;
        let share = limits.and_then(|limits| share(row, phase, ours, bytes, limits));
        let said = share.map_or(String::new(), |(of, share)| format!(" share_of_{of}={share:.3}"));
        found.lines.push(format!("{} ratio={:.3} cpu_ratio={:.3}{said}", row.name(phase), ours / theirs, cpu.0 / cpu.1));
        if extent.with_bars {
            found.bars.push(bar(&row.name(phase), ours / theirs, goal(phase, &isa), share));
        }
    }
    Ok(())
}

/// How many times the peer's tokens per second are the goal, by the instructions that ours ran on: without those that multiply and add bytes, both have the same few to work with.
fn goal(phase: &str, isa: &str) -> f64 {
    match (phase, isa == AVX2) {
        ("parallel", _) => 2.5,
        ("prompt", false) => 2.0,
        ("prompt", true) => 1.3,
        (_, false) => 1.4,
        (_, true) => 1.1,
    }
}

/// The ratio beside its goal; or the share of the memory's bound, where that is reached and the goal is not. Nobody is faster than memory: a share above one says that the bound was measured too low, and counts for nothing.
fn bar(name: &str, ratio: f64, goal: f64, share: Option<(&str, f64)>) -> Bar {
    match share {
        Some(("bandwidth", share)) if ratio < goal && (BANDWIDTH_SHARE..=1.0).contains(&share) => {
            Bar { name: format!("{name}/share-of-bandwidth").into(), measured: share, goal: Goal::AtLeast(BANDWIDTH_SHARE) }
        }
        _ => Bar { name: format!("{name}/ratio").into(), measured: ratio, goal: Goal::AtLeast(goal) },
    }
}

/// Of which limit, and how much of it: a generation alone reads all weights for every token; a prompt on float weights is nothing but multiply-adds with one rounding.
fn share(row: Row, phase: &str, tokens_per_s: f64, packed_bytes: f64, limits: Limits) -> Option<(&'static str, f64)> {
    match (phase, row.kind) {
        ("generation", _) => Some(("bandwidth", tokens_per_s * packed_bytes / limits.bytes_per_s)),
        // Two bytes a weight. The head, which a prompt needs for its last token alone, and attention are left out.
        ("prompt", "f16") => Some(("multiply_adds", tokens_per_s * (packed_bytes / 2.0 - head_weights(row.shape)) / limits.multiply_adds_per_s)),
        _ => None,
    }
}

/// Weights of the head, which a prompt goes through once: vocabulary times width, as `make_gguf.py` has them.
fn head_weights(shape: &str) -> f64 {
    match shape {
        "qwen2.5-0.5b" => 151_936.0 * 896.0,
        "llama3.2-1b" => 128_256.0 * 2048.0,
        _ => 1024.0 * 256.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::engine::{TRIAL, WHOLE};

    #[test]
    fn a_generation_is_ok_by_either_of_its_goals() {
        let said = |ratio, share| bar("x", ratio, 1.4, Some(("bandwidth", share))).to_string();
        assert_eq!(said(1.5, 0.5), "bar x/ratio measured 1.500 goal 1.400 ok");
        assert_eq!(said(1.2, 0.9), "bar x/share-of-bandwidth measured 0.900 goal 0.850 ok");
        assert_eq!(said(1.2, 0.8), "bar x/ratio measured 1.200 goal 1.400 short");
        assert_eq!(said(1.2, 1.05), "bar x/ratio measured 1.200 goal 1.400 short");
        assert_eq!(bar("x", 1.9, 2.0, Some(("multiply_adds", 0.99))).to_string(), "bar x/ratio measured 1.900 goal 2.000 short");
    }

    #[test]
    fn goals_are_those_of_the_instructions() {
        assert_eq!([goal("prompt", "avx512+vnni"), goal("generation", "avx512+vnni"), goal("parallel", "avx512+vnni")], [2.0, 1.4, 2.5]);
        assert_eq!([goal("prompt", AVX2), goal("generation", AVX2), goal("parallel", AVX2)], [1.3, 1.1, 2.5]);
    }

    #[test]
    fn rows_are_selected_by_their_labels() {
        let count = |words: &[&str]| rows(&WHOLE).filter(|row| row.is_wanted(&Wanted::of(words).unwrap())).count();
        let avx2_rows = if cfg!(target_arch = "x86_64") { 4 } else { 0 };
        assert_eq!(count(&[]), 24 + avx2_rows);
        assert_eq!(count(&["phase=parallel"]), 8);
        assert_eq!(count(&["phase=prompt", "isa=avx2"]), avx2_rows);
        assert_eq!(count(&["shape=llama3.2-1b", "type=q4_0", "threads=1"]), 1);
        assert_eq!(count(&["shape=tiny-llama"]), 0);
        assert_eq!(rows(&TRIAL).count(), 24 + avx2_rows);
    }
}
