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
use crate::setup::modified;

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

/// Runs the seeds that have not passed yet; true when every process came to its end and no seed failed.
pub(crate) fn run(wanted: &Wanted) -> Result<bool, Error> {
    let program = bench::example("sim")?;
    let started = Instant::now();
    let kept = places::target().join("sim");
    fs::create_dir_all(&kept).map_err(Error::file(&kept))?;
    let done_file = kept.join(wanted.validators.map_or_else(|| "done.txt".to_owned(), |count| format!("done-{count}.txt")));
    let mut done = passed(&done_file, &program);
    let chunks: Vec<u64> = (wanted.seeds.start..wanted.seeds.end).step_by(CHUNK as usize).filter(|from| !done.contains(from)).collect();
    let (mut sum, mut is_whole) = (Counts::default(), true);
    for pair in chunks.chunks(PROCESSES) {
        let children = pair.iter().map(|from| Ok((*from, start(&program, *from..(from + CHUNK).min(wanted.seeds.end), wanted.validators)?)));
        for (from, child) in children.collect::<Result<Vec<_>, Error>>()? {
            let (counts, came_to_end) = end(child, wanted.validators)?;
            (sum, is_whole) = (sum.plus(counts), is_whole && came_to_end);
            if counts.failed == 0 && came_to_end && from + CHUNK <= wanted.seeds.end {
                done.insert(from);
            }
        }
        let lines: String = done.iter().map(|from| format!("{from}\n")).collect();
        fs::write(&done_file, lines).map_err(Error::file(&done_file))?;
    }
    println!("{} passed, {} failed in {:.0} s; {} ranges of {CHUNK} seeds have passed in all", sum.passed, sum.failed, started.elapsed().as_secs_f64(), done.len());
    Ok(is_whole && sum.failed == 0)
}

/// Where the ranges begin that have passed. What passed before the program was built says nothing of it.
fn passed(done_file: &Path, program: &Path) -> BTreeSet<u64> {
    if modified(done_file) < modified(program) {
        return BTreeSet::new();
    }
    fs::read_to_string(done_file).unwrap_or_default().lines().filter_map(|line| line.parse().ok()).collect()
}

fn start(program: &Path, seeds: Range<u64>, validators: Option<u8>) -> Result<Child, Error> {
    let mut command = Command::new(program);
    command.args(["--seeds", &format!("{}..{}", seeds.start, seeds.end)]);
    command.args(validators.iter().flat_map(|count| ["--validators".to_owned(), count.to_string()]));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(|source| Error::Program { program: "sim".to_owned(), source })
}

/// What a process counted, and whether it came to its end. Its failures are printed, and their seeds kept.
fn end(child: Child, validators: Option<u8>) -> Result<(Counts, bool), Error> {
    let output = child.wait_with_output().map_err(|source| Error::Program { program: "sim".to_owned(), source })?;
    let text = String::from_utf8_lossy(&output.stdout);
    let failed: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("seed ")?.split_once(':').map(|(seed, _)| seed)).collect();
    print!("{text}");
    if !failed.is_empty() {
        let file = places::root().join(FAILED);
        let mut kept = fs::OpenOptions::new().create(true).append(true).open(&file).map_err(Error::file(&file))?;
        failed.iter().try_for_each(|seed| writeln!(kept, "{}", kept_line(seed, validators))).map_err(Error::file(&file))?;
    }
    let counts = Counts::read(Dialect::Script, &text);
    let came_to_end = counts.ran() > 0;
    if !came_to_end {
        println!("the simulator ended before it had counted: {}", output.status);
    }
    Ok((counts, came_to_end))
}

/// A seed that failed, with the count of validators where that was not drawn: another count is another plan.
fn kept_line(seed: &str, validators: Option<u8>) -> String {
    validators.map_or_else(|| seed.to_owned(), |count| format!("{seed} {count}"))
}

/// The same, read; `None` of a line of words.
fn kept(line: &str) -> Option<(u64, Option<u8>)> {
    match line.split_once(' ') {
        Some((seed, validators)) => Some((seed.parse().ok()?, Some(validators.parse().ok()?))),
        None => Some((line.parse().ok()?, None)),
    }
}

/// The stage of `cargo xtask test`: the seeds that failed once, then 200 others, whatever passed before.
pub(crate) fn stage(seeds: Range<u64>) -> Result<(bool, Counts), Error> {
    let program = bench::example("sim")?;
    let file = places::root().join(FAILED);
    let once: BTreeSet<(u64, Option<u8>)> = fs::read_to_string(&file).unwrap_or_default().lines().filter_map(kept).collect();
    let again = once.into_iter().map(|(seed, validators)| (seed..seed + 1, validators));
    let fresh = seeds.clone().step_by(CHUNK as usize).map(|from| (from..(from + CHUNK).min(seeds.end), None));
    let ranges: Vec<(Range<u64>, Option<u8>)> = again.chain(fresh).collect();
    let (mut sum, mut is_whole) = (Counts::default(), true);
    for pair in ranges.chunks(PROCESSES) {
        let children = pair.iter().map(|(range, validators)| Ok((start(&program, range.clone(), *validators)?, *validators)));
        for (child, validators) in children.collect::<Result<Vec<_>, Error>>()? {
            let (counts, came_to_end) = end(child, validators)?;
            (sum, is_whole) = (sum.plus(counts), is_whole && came_to_end);
        }
    }
    Ok((is_whole && sum.failed == 0, sum))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, SystemTime};

    #[test]
    fn what_an_older_program_passed_runs_again() {
        let folder = std::env::temp_dir().join(format!("mickai-xtask-sim-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let (done_file, program) = (folder.join("done.txt"), folder.join("sim"));
        let write = |path: &Path, text: &str, second: u64| {
            fs::write(path, text).unwrap();
            fs::File::options().write(true).open(path).unwrap().set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(second)).unwrap();
        };
        write(&program, "", 1);
        assert_eq!(passed(&done_file, &program), BTreeSet::new());
        write(&done_file, "0\n25\n", 2);
        assert_eq!(passed(&done_file, &program), BTreeSet::from([0, 25]));
        write(&program, "", 3);
        assert_eq!(passed(&done_file, &program), BTreeSet::new());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_seed_is_kept_with_the_count_that_it_failed_with() {
        for (seed, validators) in [(1553_u64, None), (12, Some(7))] {
            assert_eq!(kept(&kept_line(&seed.to_string(), validators)), Some((seed, validators)));
        }
        for words in ["", "what they found is now held by", "7 of them", "12 "] {
            assert_eq!(kept(words), None, "{words:?}");
        }
    }

    #[test]
    fn what_is_wanted_is_a_range_and_perhaps_a_count() {
        assert_eq!(Wanted::of(&["--seeds", "3..40"]).map(|wanted| (wanted.seeds, wanted.validators)), Some((3..40, None)));
        assert_eq!(Wanted::of(&["--seeds", "0..9", "--validators", "7"]).and_then(|wanted| wanted.validators), Some(7));
        for wrong in [&["--seeds"][..], &["--seeds", "9..9"], &["--seeds", "9"], &["--seeds", "0..9", "--validators", "3"], &["--validators", "4"]] {
            assert!(Wanted::of(wrong).is_none(), "{wrong:?}");
        }
    }
}
