//! `cargo xtask test`: every check of the project, stage by stage, with a summary that counts.

use std::fs;
use std::process::Command;
use std::time::Instant;

use crate::counts::{Counts, Dialect};
use crate::error::Error;
use crate::places;
use crate::process;
use crate::setup;
use crate::sim;
use crate::tidy::{self, Tree};

/// Integration tests of the engine whose answer must also be that of the optimised build: their file names contain one of these.
const RELEASE_TESTS: [&str; 2] = ["bits", "logits"];

/// What became of one stage.
struct Report {
    name: String,
    passed: bool,
    /// Absent in stages that run no tests.
    counts: Option<Counts>,
    /// Lines `not checked: why`.
    unchecked: u64,
    seconds: f64,
}

/// Runs every stage, also after a failed one; true when none failed. Only a failed setup stops at once, because all others need it.
pub(crate) fn run() -> Result<bool, Error> {
    let started = Instant::now();
    let mut reports = vec![setup_stage()?, tidy_stage()?];
    reports.push(plain("format", places::cargo().args(["fmt", "--all", "--check"]))?);
    reports.push(plain("lints", places::cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?);
    reports.push(plain("release build", places::cargo().args(["build", "--release", "--workspace"]))?);
    // Before the tests: one of them, end to end, runs what this builds.
    reports.push(plain("verifier build", npm().args(["run", "build"]))?);
    reports.push(counted("tests", Dialect::Cargo, places::cargo().args(["test", "--workspace", "--no-fail-fast"]))?);
    reports.push(release_tests()?);
    reports.push(simulation()?);
    reports.push(arm_tests()?);
    reports.push(counted("verifier tests", Dialect::Node, npm().arg("test"))?);
    reports.extend(reference_scripts()?);
    reports.push(keys_made_again()?);
    Ok(summarise(&reports, started.elapsed().as_secs_f64()))
}

fn setup_stage() -> Result<Report, Error> {
    let started = begin("setup");
    let refused = setup::run()?;
    Ok(Report { name: "setup".to_owned(), passed: true, counts: None, unchecked: refused.len() as u64, seconds: started.elapsed().as_secs_f64() })
}

fn tidy_stage() -> Result<Report, Error> {
    let started = begin("tidy");
    let passed = tidy::run()?;
    Ok(Report { name: "tidy".to_owned(), passed, counts: None, unchecked: 0, seconds: started.elapsed().as_secs_f64() })
}

fn release_tests() -> Result<Report, Error> {
    let tree = Tree::read(&places::root())?;
    let mut command = places::cargo();
    // With the features of the whole workspace, so that the release build serves here too.
    command.args(["test", "--release", "--workspace", "--no-fail-fast"]);
    let names: Vec<&str> = tree.paths().filter_map(release_test).collect();
    for name in &names {
        command.args(["--test", name]);
    }
    if names.is_empty() {
        begin("release tests");
        println!("none of engines/model's tests compares bits or logits");
        return Ok(Report { name: "release tests".to_owned(), passed: false, counts: Some(Counts::default()), unchecked: 0, seconds: 0.0 });
    }
    counted("release tests", Dialect::Cargo, &mut command)
}

/// Seeds of the simulator: those that failed once, and 200 that are the same every time.
fn simulation() -> Result<Report, Error> {
    let started = begin("simulation");
    let (passed, counts) = sim::stage(0..200)?;
    Ok(Report { name: "simulation".to_owned(), passed, counts: Some(counts), unchecked: 0, seconds: started.elapsed().as_secs_f64() })
}

/// The kernels' tests for 64-bit ARM under an emulator: the hashes of the spec by NEON.
fn arm_tests() -> Result<Report, Error> {
    const NAME: &str = "kernels on 64-bit ARM";
    if !setup::has_arm_target() {
        let started = begin(NAME);
        println!("not checked: NEON, because this toolchain has no standard library for {}", setup::ARM_TARGET);
        return Ok(Report { name: NAME.to_owned(), passed: true, counts: None, unchecked: 1, seconds: started.elapsed().as_secs_f64() });
    }
    let mut command = places::cargo();
    command.args(["test", "--package", "mickai-kernels", "--lib", "--no-fail-fast", "--target", setup::ARM_TARGET]);
    command.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER", "rust-lld");
    command.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_RUSTFLAGS", "-C link-self-contained=yes -C linker-flavor=ld.lld");
    command.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_RUNNER", format!("{} -cpu max", setup::EMULATOR));
    counted(NAME, Dialect::Cargo, &mut command)
}

/// The name of the test binary, if this is one of the engine's whose answer may not depend on the build.
fn release_test(path: &str) -> Option<&str> {
    let name = path.strip_prefix("engines/model/tests/")?.strip_suffix(".rs")?;
    (!name.contains('/') && RELEASE_TESTS.iter().any(|word| name.contains(word))).then_some(name)
}

/// Scripts that check committed vectors with code that is not ours; each prints `N passed, N failed` last.
fn reference_scripts() -> Result<Vec<Report>, Error> {
    let tree = Tree::read(&places::root())?;
    let scripts: Vec<&str> = tree.paths().filter(|path| is_reference_script(path)).collect();
    if scripts.is_empty() {
        begin("reference scripts");
        println!("no spec/vectors/*/reference.py was found");
        return Ok(vec![Report { name: "reference scripts".to_owned(), passed: false, counts: Some(Counts::default()), unchecked: 0, seconds: 0.0 }]);
    }
    let one = |path: &str| {
        let mut command = Command::new(setup::reference_python());
        counted(path, Dialect::Script, command.arg(path).current_dir(places::root()))
    };
    scripts.into_iter().map(one).collect()
}

fn is_reference_script(path: &str) -> bool {
    path.starts_with("spec/vectors/") && path.ends_with("/reference.py")
}

/// Runs the script that writes the key vectors and compares its cases with the committed ones: another library, asked today, gives the same bytes. The committed files are put back.
fn keys_made_again() -> Result<Report, Error> {
    const FOLDER: &str = "spec/vectors/keys/";
    let started = begin("key vectors made again");
    let root = places::root();
    let before = Tree::read(&root)?;
    let done = process::stream(Command::new(setup::reference_python()).arg("-B").arg(format!("{FOLDER}make.py")).current_dir(&root))?;
    let after = Tree::read(&root)?;
    let mut counts = Counts::default();
    for (path, text) in before.texts_ending(".json").filter(|(path, _)| path.starts_with(FOLDER)) {
        if cases(text).is_some() && cases(text) == after.text(path).and_then(cases) {
            counts.passed += 1;
        } else {
            println!("{path}: its cases were not made again");
            counts.failed += 1;
        }
        fs::write(root.join(path), text).map_err(Error::file(&root.join(path)))?;
    }
    println!("{} passed, {} failed", counts.passed, counts.failed);
    let passed = done.ok && counts.failed == 0 && counts.passed > 0;
    Ok(Report { name: "key vectors made again".to_owned(), passed, counts: Some(counts), unchecked: 0, seconds: started.elapsed().as_secs_f64() })
}

/// The cases of a vector file, without the line that says which version of the library made them.
fn cases(text: &str) -> Option<serde_json::Value> {
    serde_json::from_str::<serde_json::Value>(text).ok()?.get("cases").cloned()
}

fn npm() -> Command {
    let mut command = Command::new("npm");
    command.current_dir(places::root().join("verifier"));
    command
}

fn plain(name: &str, command: &mut Command) -> Result<Report, Error> {
    let started = begin(name);
    let done = process::stream(command)?;
    Ok(Report { name: name.to_owned(), passed: done.ok, counts: None, unchecked: unchecked(&done.output), seconds: started.elapsed().as_secs_f64() })
}

/// A stage of tests: it fails also when it ran none, whatever the program's exit code says.
fn counted(name: &str, dialect: Dialect, command: &mut Command) -> Result<Report, Error> {
    let started = begin(name);
    // End-to-end tests use the binaries that people get.
    let done = process::stream(command.env("MICKAI_RELEASE_DIR", places::target().join("release")))?;
    let counts = Counts::read(dialect, &done.output);
    let passed = done.ok && counts.failed == 0 && counts.ran() > 0;
    let seconds = started.elapsed().as_secs_f64();
    Ok(Report { name: name.to_owned(), passed, counts: Some(counts), unchecked: unchecked(&done.output) + counts.skipped, seconds })
}

fn unchecked(output: &str) -> u64 {
    output.lines().filter(|line| line.trim_start().starts_with("not checked:")).count() as u64
}

fn begin(name: &str) -> Instant {
    println!("\n── {name}");
    Instant::now()
}

/// Prints one line a stage and the total last; true when nothing failed.
fn summarise(reports: &[Report], seconds: f64) -> bool {
    println!("\n── summary");
    for report in reports {
        println!("{}", line(report));
    }
    let unchecked: u64 = reports.iter().map(|report| report.unchecked).sum();
    println!("{seconds:.0} s in all, {unchecked} not checked");
    let total = total(reports);
    println!("{} passed, {} failed", total.passed, total.failed);
    total.failed == 0
}

fn line(report: &Report) -> String {
    let state = if report.passed { "passed" } else { "failed" };
    let mut line = format!("{:<40} {state:<7} {:>6.0} s", report.name, report.seconds);
    if let Some(counts) = report.counts {
        line += &format!("  {} passed, {} failed", counts.passed, counts.failed);
    }
    if report.unchecked > 0 {
        line += &format!("  {} not checked", report.unchecked);
    }
    line
}

/// Tests of all stages. A stage that failed without a failed test (it did not compile, or ran nothing) counts as one failure, so that "0 failed" is never printed beside a failure.
fn total(reports: &[Report]) -> Counts {
    reports.iter().fold(Counts::default(), |sum, report| {
        let counts = report.counts.unwrap_or_default();
        let extra = u64::from(!report.passed && counts.failed == 0);
        sum.plus(counts).plus(Counts { failed: extra, ..Counts::default() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Report {
        counted("a stage", Dialect::Script, Command::new("sh").args(["-c", script])).unwrap()
    }

    #[test]
    fn a_stage_passes_only_when_tests_ran_and_none_failed() {
        assert!(shell("echo '3 passed, 0 failed'").passed);
        assert!(!shell("echo '3 passed, 1 failed'").passed);
        assert!(!shell("echo '3 passed, 0 failed'; exit 1").passed);
        assert!(!shell("true").passed);
        assert!(!shell("echo '0 passed, 0 failed'").passed);
    }

    #[test]
    fn a_failed_stage_is_counted_once_in_the_total() {
        let reports = [shell("echo '3 passed, 2 failed'; exit 1"), shell("exit 1"), shell("echo '4 passed, 0 failed'")];
        assert_eq!(total(&reports), Counts { passed: 7, failed: 3, skipped: 0 });
    }

    #[test]
    fn what_was_not_checked_is_counted() {
        assert_eq!(unchecked("a\nnot checked: no ptrace\n  not checked: no namespace\nchecked: all\n"), 2);
    }

    #[test]
    fn cases_are_compared_without_their_maker() {
        assert_eq!(cases(r#"{"made_by":"a","cases":[1]}"#), cases(r#"{"made_by":"b","cases":[1]}"#));
        assert_ne!(cases(r#"{"cases":[1]}"#), cases(r#"{"cases":[2]}"#));
        assert_eq!(cases("{}"), None);
    }

    #[test]
    fn files_are_chosen_by_name() {
        assert_eq!(release_test("engines/model/tests/bits.rs"), Some("bits"));
        assert_eq!(release_test("engines/model/tests/tokens.rs"), None);
        assert_eq!(release_test("engines/model/tests/bits/helper.rs"), None);
        assert!(is_reference_script("spec/vectors/record/reference.py"));
        assert!(!is_reference_script("spec/vectors/keys/make.py"));
    }
}
