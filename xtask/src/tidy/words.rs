//! Words that no file of the project may hold: marks of unfinished work, hosts that packages come from, folders of one machine.

use super::source;
use super::tree::{Finding, Tree};

/// Written in two parts, so that this file passes its own check.
const UNFINISHED: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];

/// A build asks its package manager; a host named in a file is a host somebody depends on.
const FORBIDDEN: [&str; 10] = [
    concat!("static.", "crates.io"),
    concat!("index.", "crates.io"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("registry.", "npmjs"),
    concat!("deb.", "debian.org"),
    concat!("proxy.", "golang.org"),
    concat!("/tmp", "/w/"),
    concat!("/work", "/main"),
    concat!("/work", "/shared"),
];

const WRITTEN_BY_HAND: [&str; 8] = [".rs", ".ts", ".py", ".md", ".toml", ".sh", ".jinja", "/run"];

pub(crate) fn check_unfinished(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for (path, text) in tree.texts().filter(|(path, _)| WRITTEN_BY_HAND.iter().any(|end| path.ends_with(end))) {
        for word in UNFINISHED {
            found.extend(source::lines_with_word(text, word).map(|line| Finding::new(path, line, format!("{word}: finish it, or say in prose what does not exist yet"))));
        }
    }
    found
}

pub(crate) fn check_forbidden(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    // Cargo writes its own index into the lock file.
    for (path, text) in tree.texts().filter(|(path, _)| *path != "Cargo.lock") {
        let lower = text.to_lowercase();
        for word in FORBIDDEN {
            let word = word.to_lowercase();
            let lines = lower.lines().enumerate().filter(|(_, line)| line.contains(&word));
            found.extend(lines.map(|(index, _)| Finding::new(path, index + 1, format!("holds `{word}`, which no file here may"))));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_work_is_found() {
        for word in UNFINISHED {
            for path in ["spec/a.md", "a/src/b.rs", "verifier/src/a.ts", ".ci/run"] {
                assert_eq!(check_unfinished(&Tree::of(&[(path, &format!("a\n// {word}: later\n"))])).len(), 1, "{path} {word}");
            }
        }
        assert!(check_unfinished(&Tree::of(&[("spec/a.md", "method, fixed\n"), ("a.json", UNFINISHED[0])])).is_empty());
    }

    #[test]
    fn forbidden_words_are_found() {
        for word in FORBIDDEN {
            let found = check_forbidden(&Tree::of(&[("a.json", &format!("x\n\"https://{word}/\"\n"))]));
            assert_eq!(found.len(), 1, "{word}");
            assert_eq!(found[0].line, 2);
        }
        assert!(check_forbidden(&Tree::of(&[("Cargo.lock", FORBIDDEN[0]), ("a.md", "nothing\n")])).is_empty());
    }
}
