//! `cargo xtask sim`: seeds of the simulator in services/node, on two cores, going on where it stopped.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use crate::bench;
use crate::counts::{Counts, Dialect};
use crate::error::Error;
use crate::places;

/// Seeds that one process runs.
const CHUNK: u64 = 25;
const PROCESSES: usize = 2;
/// Seeds that failed once; they run first in every test.
const FAILED: &str = "services/node/seeds.txt";

/// Which seeds, and of how many validators where that is not drawn.
pub(crate) struct Wanted {
    pub(crate) seeds: Range<u64>,
    pub(crate) validators: Option<u8>,
}

impl Wanted {
    /// `--seeds A..B [--validators N]`.
    pub(crate) fn of(words: &[&str]) -> Option<Self> {
        let (seeds, validators) = match words {
            ["--seeds", seeds] => (seeds, None),
            ["--seeds", seeds, "--validators", validators] => (seeds, Some(validators.parse().ok().filter(|count| (4..=7).contains(count))?)),
            _ => return None,
        };
        let (from, to) = seeds.split_once("..")?;
        let seeds = from.parse().ok()?..to.parse().ok()?;
        (!seeds.is_empty()).then_some(Self { seeds, validators })
    }
}

/// Runs the seeds that have not passed yet; true when none failed.
pub(crate) fn run(wanted: &Wanted) -> Result<bool, Error> {
    let program = bench::example("sim")?;
    let started = Instant::now();
    let kept = places::target().join("sim");
    fs::create_dir_all(&kept).map_err(Error::file(&kept))?;
    let done_file = kept.join(wanted.validators.map_or_else(|| "done.txt".to_owned(), |count| format!("done-{count}.txt")));
    let mut done: BTreeSet<u64> = fs::read_to_string(&done_file).unwrap_or_default().lines().filter_map(|line| line.parse().ok()).collect();
    let chunks: Vec<u64> = (wanted.seeds.start..wanted.seeds.end).step_by(CHUNK as usize).filter(|from| !done.contains(from)).collect();
    let mut sum = Counts::default();
    for pair in chunks.chunks(PROCESSES) {
        let children = pair.iter().map(|from| Ok((*from, start(&program, *from..(from + CHUNK).min(wanted.seeds.end), wanted.validators)?)));
        for (from, child) in children.collect::<Result<Vec<_>, Error>>()? {
            let (counts, is_whole) = end(child)?;
            sum = sum.plus(counts);
            if counts.failed == 0 && is_whole && from + CHUNK <= wanted.seeds.end {
                done.insert(from);
            }
        }
        let lines: String = done.iter().map(|from| format!("{from}\n")).collect();
        fs::write(&done_file, lines).map_err(Error::file(&done_file))?;
    }
    println!("{} passed, {} failed in {:.0} s; {} ranges of {CHUNK} seeds have passed in all", sum.passed, sum.failed, started.elapsed().as_secs_f64(), done.len());
    Ok(sum.failed == 0)
}

fn start(program: &Path, seeds: Range<u64>, validators: Option<u8>) -> Result<Child, Error> {
    let mut command = Command::new(program);
    command.args(["--seeds", &format!("{}..{}", seeds.start, seeds.end)]);
    command.args(validators.iter().flat_map(|count| ["--validators".to_owned(), count.to_string()]));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(|source| Error::Program { program: "sim".to_owned(), source })
}

/// What a process counted, and whether it came to its end. Its failures are printed, and their seeds kept.
fn end(child: Child) -> Result<(Counts, bool), Error> {
    let output = child.wait_with_output().map_err(|source| Error::Program { program: "sim".to_owned(), source })?;
    let text = String::from_utf8_lossy(&output.stdout);
    let failed: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("seed ")?.split_once(':').map(|(seed, _)| seed)).collect();
    print!("{text}");
    if !failed.is_empty() {
        let file = places::root().join(FAILED);
        let mut kept = fs::OpenOptions::new().create(true).append(true).open(&file).map_err(Error::file(&file))?;
        failed.iter().try_for_each(|seed| writeln!(kept, "{seed}")).map_err(Error::file(&file))?;
    }
    let counts = Counts::read(Dialect::Script, &text);
    Ok((counts, counts.passed + counts.failed > 0))
}

/// The stage of `cargo xtask test`: the seeds that failed once, then 200 others, whatever passed before.
pub(crate) fn stage(seeds: Range<u64>) -> Result<(bool, Counts), Error> {
    let program = bench::example("sim")?;
    let file = places::root().join(FAILED);
    let once: BTreeSet<u64> = fs::read_to_string(&file).unwrap_or_default().lines().filter_map(|line| line.parse().ok()).collect();
    let again = once.into_iter().map(|seed| seed..seed + 1);
    let fresh = seeds.clone().step_by(CHUNK as usize).map(|from| from..(from + CHUNK).min(seeds.end));
    let ranges: Vec<Range<u64>> = again.chain(fresh).collect();
    let (mut sum, mut is_whole) = (Counts::default(), true);
    for pair in ranges.chunks(PROCESSES) {
        for child in pair.iter().map(|range| start(&program, range.clone(), None)).collect::<Result<Vec<_>, Error>>()? {
            let (counts, came_to_end) = end(child)?;
            (sum, is_whole) = (sum.plus(counts), is_whole && came_to_end);
        }
    }
    Ok((is_whole && sum.failed == 0, sum))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wanted_is_a_range_and_perhaps_a_count() {
        assert_eq!(Wanted::of(&["--seeds", "3..40"]).map(|wanted| (wanted.seeds, wanted.validators)), Some((3..40, None)));
        assert_eq!(Wanted::of(&["--seeds", "0..9", "--validators", "7"]).and_then(|wanted| wanted.validators), Some(7));
        for wrong in [&["--seeds"][..], &["--seeds", "9..9"], &["--seeds", "9"], &["--seeds", "0..9", "--validators", "3"], &["--validators", "4"]] {
            assert!(Wanted::of(wrong).is_none(), "{wrong:?}");
        }
    }
}
