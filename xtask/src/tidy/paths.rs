//! Every path that a page or a first sentence names exists.

use std::collections::BTreeSet;

use super::tree::{Finding, Tree};

/// Folders of the root that a path can begin with, also when they are gone.
const ROOTS: [&str; 13] = ["foundations", "engines", "services", "faces", "spec", "verifier", "xtask", "training", "bench", "docs", ".ci", ".cargo", "web"];

/// Made by a build or an installation, so not among the files of the checkout.
const MADE: [&str; 2] = ["verifier/dist", "verifier/node_modules"];

/// Where a page stops naming a file and names a family of them.
const WILD: [char; 6] = ['*', '<', '‹', '…', '$', ':'];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    // The changelog tells of what was, too.
    for (path, text) in tree.texts_ending(".md").filter(|(path, _)| *path != "CHANGELOG.md") {
        check_page(tree, path, text, &mut found);
    }
    for (path, text) in tree.texts_ending(".rs") {
        for (index, line) in text.lines().enumerate() {
            let line = line.trim_start();
            if let Some(words) = line.strip_prefix("//!").or_else(|| line.strip_prefix("///")) {
                check_spans(tree, path, index + 1, spans(words), &mut found);
            }
        }
    }
    found
}

fn check_page(tree: &Tree, path: &str, text: &str, found: &mut Vec<Finding>) {
    let mut fenced = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced || line.starts_with("    ") {
            check_spans(tree, path, index + 1, vec![line], found);
        } else {
            check_spans(tree, path, index + 1, spans(line), found);
            check_links(tree, path, index + 1, line, found);
        }
    }
}

fn check_spans(tree: &Tree, page: &str, line: usize, spans: Vec<&str>, found: &mut Vec<Finding>) {
    for word in spans.iter().flat_map(|span| span.split_whitespace()) {
        for path in candidates(page, word) {
            if !exists(tree, &path) {
                found.push(Finding::new(page, line, format!("names {path}, which does not exist")));
            }
        }
    }
}

/// Targets of `[text](target)`, from the folder of the page.
fn check_links(tree: &Tree, page: &str, line: usize, text: &str, found: &mut Vec<Finding>) {
    for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        let target = target.split('#').next().unwrap_or_default();
        if target.is_empty() || target.contains("://") {
            continue;
        }
        let path = beside(page, target);
        if !exists(tree, &path) {
            found.push(Finding::new(page, line, format!("links to {path}, which does not exist")));
        }
    }
}

/// What stands between single backticks.
fn spans(line: &str) -> Vec<&str> {
    line.split('`').skip(1).step_by(2).collect()
}

/// The paths from the root that a word names: none when it is something else, several when it holds `{a,b}`.
fn candidates(page: &str, word: &str) -> BTreeSet<String> {
    let word = word.trim_matches(['(', ')', ',', ';', '"', '\'', '|', '.']);
    // Trimming took the dot of `.ci/run` with it.
    let hidden = [".ci/", ".cargo/"].into_iter().find(|folder| word.starts_with(folder.trim_start_matches('.')));
    let word = if hidden.is_some() { format!(".{word}") } else { word.to_owned() };
    let Some((first, _)) = word.split_once('/') else { return BTreeSet::new() };
    if first == "vectors" && page.starts_with("spec/") {
        return expand(&format!("spec/{word}"));
    }
    if ROOTS.contains(&first) { expand(&word) } else { BTreeSet::new() }
}

fn expand(word: &str) -> BTreeSet<String> {
    if let (Some(open), Some(close)) = (word.find('{'), word.find('}'))
        && let (Some(before), Some(inside), Some(after)) = (word.get(..open), word.get(open + 1..close), word.get(close + 1..))
    {
        return inside.split(',').flat_map(|part| expand(&format!("{before}{part}{after}"))).collect();
    }
    let plain = match word.split_once(WILD) {
        // `path::item` and `path:line` name the path itself, everything else the folder before the family.
        Some((before, _)) if word.get(before.len()..).is_some_and(|rest| rest.starts_with(':')) => before,
        Some((before, _)) => before.rsplit_once('/').map_or(before, |(folder, _)| folder),
        None => word,
    };
    BTreeSet::from([plain.trim_end_matches('/').to_owned()])
}

fn beside(page: &str, target: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

fn exists(tree: &Tree, path: &str) -> bool {
    tree.has(path) || MADE.iter().any(|made| path == *made || path.strip_prefix(made).is_some_and(|rest| rest.starts_with('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Paths reported for a page of this text in a small tree.
    fn missing(page: &str, text: &str) -> Vec<String> {
        let tree = Tree::of(&[(page, text), ("spec/record.md", ""), ("spec/vectors/record/accept/a.json", ""), (".ci/run", ""), ("engines/model/src/lib.rs", "//! A.\n")]);
        check(&tree).into_iter().map(|one| one.what).collect()
    }

    #[test]
    fn paths_that_exist_pass() {
        for text in ["`spec/record.md`", "`.ci/run`", "`spec/vectors/record/accept/*.json`", "`engines/model`", "`engines/model::Config`", "a / b, `text/html`, `and/or`"] {
            assert!(missing("README.md", text).is_empty(), "{text}");
        }
        assert!(missing("README.md", "```\nnode verifier/dist/cli.js verify case.oar\n```").is_empty());
        assert!(missing("spec/bundle.md", "`vectors/record/{accept}`").is_empty());
        assert!(missing("spec/bundle.md", "[record](record.md) and [x](record.md#top)").is_empty());
    }

    #[test]
    fn paths_that_do_not_exist_are_found() {
        for text in ["`spec/gone.md`", "`spec/{record,gone}.md`", "`engines/agent::Step`", "`python3 training/gone.py`", "`spec/vectors/gone/*.json`", "`.ci/gone`"] {
            assert_eq!(missing("README.md", text).len(), 1, "{text}");
        }
        assert_eq!(missing("README.md", "```\npython3 training/gone.py\n```").len(), 1);
        assert_eq!(missing("spec/bundle.md", "`vectors/gone/accept`").len(), 1);
        assert_eq!(missing("spec/bundle.md", "[record](../record.md)").len(), 1);
        assert_eq!(missing("engines/model/src/a.rs", "//! See `spec/gone.md`.\n").len(), 1);
        assert_eq!(missing("engines/model/src/a.rs", "/// See `spec/gone.md`.\nfn f() {}\n").len(), 1);
    }
}
