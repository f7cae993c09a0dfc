//! How many tests ran, read from the closing lines of cargo's, node's and our own scripts' output.

/// Tests of one stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    /// Present, and not run.
    pub(crate) skipped: u64,
}

/// Whose closing lines a stage prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `test result: ok. 12 passed; 0 failed; 0 ignored; …`, once for each test binary.
    Cargo,
    /// `ℹ pass 12` (or `# pass 12`), and the same for fail, cancelled, skipped and todo, at the end.
    Node,
    /// `12 passed, 0 failed`, alone in a line.
    Script,
}

impl Counts {
    pub(crate) fn read(dialect: Dialect, output: &str) -> Self {
        let mut counts = Self::default();
        for line in output.lines() {
            let line = without_colour(line);
            let one = match dialect {
                Dialect::Cargo => cargo_line(&line),
                Dialect::Node => node_line(&line),
                Dialect::Script => script_line(&line),
            };
            counts = counts.plus(one.unwrap_or_default());
        }
        counts
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self { passed: self.passed + other.passed, failed: self.failed + other.failed, skipped: self.skipped + other.skipped }
    }

    pub(crate) fn ran(self) -> u64 {
        self.passed + self.failed
    }
}

fn cargo_line(line: &str) -> Option<Counts> {
    let rest = line.trim_start().strip_prefix("test result: ")?;
    let (_, figures) = rest.split_once(". ")?;
    let mut counts = Counts::default();
    for part in figures.split("; ") {
        match part.split_once(' ') {
            Some((count, "passed")) => counts.passed = count.parse().ok()?,
            Some((count, "failed")) => counts.failed = count.parse().ok()?,
            Some((count, "ignored")) => counts.skipped = count.parse().ok()?,
            _ => {}
        }
    }
    Some(counts)
}

fn node_line(line: &str) -> Option<Counts> {
    let rest = line.strip_prefix("ℹ ").or_else(|| line.strip_prefix("# "))?;
    let (word, count) = rest.split_once(' ')?;
    let count = count.parse().ok()?;
    let zero = Counts::default();
    match word {
        "pass" => Some(Counts { passed: count, ..zero }),
        "fail" | "cancelled" => Some(Counts { failed: count, ..zero }),
        "skipped" | "todo" => Some(Counts { skipped: count, ..zero }),
        _ => None,
    }
}

fn script_line(line: &str) -> Option<Counts> {
    let (passed, failed) = line.trim().split_once(" passed, ")?;
    let failed = failed.strip_suffix(" failed")?;
    Some(Counts { passed: passed.parse().ok()?, failed: failed.parse().ok()?, skipped: 0 })
}

/// The line without terminal colour sequences (ESC [ … m).
fn without_colour(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once('m').map_or(part, |(_, rest)| rest));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(dialect: Dialect, output: &str, passed: u64, failed: u64, skipped: u64) {
        assert_eq!(Counts::read(dialect, output), Counts { passed, failed, skipped }, "{output}");
    }

    #[test]
    fn cargo_lines_add_up() {
        let line = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s\n";
        check(Dialect::Cargo, line, 12, 0, 1);
        check(Dialect::Cargo, &format!("{line}test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured"), 15, 2, 1);
        check(Dialect::Cargo, "test a::b ... ok\nerror: could not compile", 0, 0, 0);
        check(Dialect::Cargo, "test result: \u{1b}[32mok\u{1b}[0m. 4 passed; 0 failed; 0 ignored", 4, 0, 0);
    }

    #[test]
    fn node_lines_add_up() {
        check(Dialect::Node, "ℹ tests 10\nℹ suites 2\nℹ pass 7\nℹ fail 1\nℹ cancelled 1\nℹ skipped 1\nℹ todo 0", 7, 2, 1);
        check(Dialect::Node, "# tests 3\n# pass 3\n# fail 0", 3, 0, 0);
        check(Dialect::Node, "no closing lines", 0, 0, 0);
    }

    #[test]
    fn script_lines_add_up() {
        check(Dialect::Script, "record/accept\n18 passed, 0 failed\n", 18, 0, 0);
        check(Dialect::Script, "all 18 passed", 0, 0, 0);
    }
}
