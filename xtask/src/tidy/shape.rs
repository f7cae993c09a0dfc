//! The shape of a source file: its first sentence, its length, what module files hold, no test that does not run.

use super::source;
use super::tree::{Finding, Tree};

const CODE_LINES_MAX: usize = 600;
const TEST_LINES_MAX: usize = 200;

/// What a `mod.rs` or `lib.rs` does not hold: anything that runs.
const LOGIC: [&str; 3] = ["fn", "impl", "macro_rules"];

/// How a TypeScript test is left out; node's runner takes each as a member of `test`, `it` or `describe`.
const LEFT_OUT: [&str; 3] = [".skip(", ".only(", ".todo("];

pub(crate) fn check_first_sentence(tree: &Tree) -> Vec<Finding> {
    let opens_well = |text: &str| text.lines().next().and_then(|line| line.strip_prefix("//! ")).is_some_and(|rest| !rest.trim().is_empty());
    tree.texts_ending(".rs")
        .filter(|(_, text)| !opens_well(text))
        .map(|(path, _)| Finding::new(path, 1, "does not open with one `//!` sentence that a stranger understands"))
        .collect()
}

pub(crate) fn check_length(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for (path, text) in tree.texts().filter(|(path, _)| is_source(path) && !is_test(path)) {
        let (code, tests) = source::code_and_test_lines(text);
        if code > CODE_LINES_MAX {
            found.push(Finding::new(path, 0, format!("{code} lines of code, more than {CODE_LINES_MAX}")));
        }
        if tests > TEST_LINES_MAX {
            found.push(Finding::new(path, 0, format!("{tests} lines of tests, more than {TEST_LINES_MAX}: move them to tests.rs beside it")));
        }
    }
    found
}

pub(crate) fn check_module_files(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for (path, text) in tree.texts_ending(".rs").filter(|(path, _)| is_module_file(path) && !is_test(path)) {
        let code = source::code_only(text);
        for word in LOGIC {
            found.extend(source::lines_with_word(&code, word).map(|line| Finding::new(path, line, format!("`{word}` in a file for docs, `mod` lines and re-exports"))));
        }
    }
    found
}

pub(crate) fn check_ignored(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for (path, text) in tree.texts_ending(".rs") {
        for (index, line) in source::code_only(text).lines().enumerate() {
            if line.contains("#[ignore") || (line.contains("cfg_attr") && source::has_word(line, "ignore")) {
                found.push(Finding::new(path, index + 1, "a test that does not run is none"));
            }
        }
    }
    for (path, text) in tree.texts_ending(".ts").filter(|(path, _)| is_test(path)) {
        for (index, line) in text.lines().enumerate() {
            if LEFT_OUT.iter().any(|word| line.contains(word)) {
                found.push(Finding::new(path, index + 1, "a test that does not run is none"));
            }
        }
    }
    found
}

pub(crate) fn check_line_ends(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for (path, text) in tree.texts().filter(|(path, _)| is_source(path) || path.ends_with(".md") || path.ends_with(".toml")) {
        if !text.is_empty() && !text.ends_with('\n') {
            found.push(Finding::new(path, 0, "the last line has no end"));
        }
        // Not `lines()`, which drops a carriage return.
        for (index, line) in text.split('\n').enumerate() {
            if line.ends_with([' ', '\t', '\r']) || line.contains('\t') {
                found.push(Finding::new(path, index + 1, "a tab, or white space at the end of the line"));
            }
        }
    }
    found
}

fn is_source(path: &str) -> bool {
    [".rs", ".ts", ".py"].iter().any(|end| path.ends_with(end))
}

fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/") || path.contains("/test/") || path.ends_with(".test.ts")
}

fn is_module_file(path: &str) -> bool {
    path.ends_with("/lib.rs") || path.ends_with("/mod.rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(check: fn(&Tree) -> Vec<Finding>, path: &str, text: &str) -> usize {
        check(&Tree::of(&[(path, text)])).len()
    }

    #[test]
    fn a_file_opens_with_a_sentence() {
        assert_eq!(count(check_first_sentence, "a/src/b.rs", "//! Says it.\n"), 0);
        for text in ["", "use x;\n", "//!\n", "/// Not the file's.\n", "\n//! Late.\n"] {
            assert_eq!(count(check_first_sentence, "a/src/b.rs", text), 1, "{text:?}");
        }
    }

    #[test]
    fn long_files_are_found_and_tests_do_not_count() {
        let code = "x\n".repeat(600);
        assert_eq!(count(check_length, "a/src/b.rs", &code), 0);
        assert_eq!(count(check_length, "a/src/b.rs", &format!("{code}x\n")), 1);
        assert_eq!(count(check_length, "a/src/b/tests.rs", &format!("{code}x\n")), 0);
        assert_eq!(count(check_length, "verifier/src/b.ts", &format!("{code}x\n")), 1);
        let tests = |lines| format!("{code}#[cfg(test)]\nmod tests {{\n{}}}\n", "x\n".repeat(lines));
        assert_eq!(count(check_length, "a/src/b.rs", &tests(197)), 0);
        assert_eq!(count(check_length, "a/src/b.rs", &tests(198)), 1);
    }

    #[test]
    fn module_files_hold_no_logic() {
        assert_eq!(count(check_module_files, "a/src/lib.rs", "//! A fn in words.\npub mod b;\npub use b::C;\n"), 0);
        assert_eq!(count(check_module_files, "a/src/lib.rs", "//! A.\npub fn f() {}\n"), 1);
        assert_eq!(count(check_module_files, "a/src/b/mod.rs", "//! A.\nimpl X {}\n"), 1);
        assert_eq!(count(check_module_files, "a/src/main.rs", "//! A.\nfn main() {}\n"), 0);
    }

    #[test]
    fn tests_that_do_not_run_are_found() {
        assert_eq!(count(check_ignored, "a/src/b.rs", "//! The #[ignore] of old.\n#[test]\nfn f() {}\n"), 0);
        assert_eq!(count(check_ignored, "a/src/b.rs", "#[test]\n#[ignore]\nfn f() {}\n"), 1);
        assert_eq!(count(check_ignored, "a/src/b.rs", "#[ignore = \"slow\"]\n"), 1);
        assert_eq!(count(check_ignored, "a/src/b.rs", "#[cfg_attr(miri, ignore)]\n"), 1);
        assert_eq!(count(check_ignored, "verifier/test/a.test.ts", "test.skip('x', () => {});\n"), 1);
    }

    #[test]
    fn line_ends_are_plain() {
        assert_eq!(count(check_line_ends, "a.md", "a\nb\n"), 0);
        for text in ["a", "a \n", "a\r\n", "\ta\n"] {
            assert_eq!(count(check_line_ends, "a.md", text), 1, "{text:?}");
        }
    }
}
