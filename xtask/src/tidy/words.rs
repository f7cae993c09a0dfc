//! Words that no file of the project may hold: marks of unfinished work, addresses of other machines.

use super::source;
use super::tree::{Finding, Tree};

/// Written in two parts, so that this file passes its own check.
const UNFINISHED: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];

/// A build asks its package manager, and documents name pages, not places: an address in a file is a place that somebody depends on.
const SCHEMES: [&str; 2] = [concat!("http", "://"), concat!("https", "://")];
/// Places that are nobody's (RFC 2606), and this machine.
const NOBODYS: [&str; 4] = ["localhost", "127.0.0.1", "example.org", "example.com"];

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

pub(crate) fn check_addresses(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for (path, text) in tree.texts().filter(|(path, _)| WRITTEN_BY_HAND.iter().any(|end| path.ends_with(end))) {
        for (index, line) in text.lines().enumerate() {
            let places = SCHEMES.iter().filter_map(|scheme| line.split_once(scheme)).map(|(_, place)| place);
            let strange = places.filter(|place| !NOBODYS.iter().any(|nobody| place.starts_with(nobody)));
            found.extend(strange.map(|_| Finding::new(path, index + 1, "holds an address: name the page or the package instead".to_owned())));
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
    fn addresses_are_found() {
        let of = |line: &str| check_addresses(&Tree::of(&[("a.md", &format!("x\n{line}\n"))]));
        for scheme in SCHEMES {
            assert_eq!(of(&format!("see {scheme}packages.test/index")).first().map(|finding| finding.line), Some(2));
            assert!(of(&format!("open {scheme}localhost:8000")).is_empty());
        }
        assert!(check_addresses(&Tree::of(&[("a.json", "https"), ("a.md", "nothing\n")])).is_empty());
    }
}
