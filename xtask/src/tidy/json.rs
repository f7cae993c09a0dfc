//! Committed vectors are files that every reader can read: JSON where the name says so.

use super::tree::{Finding, Tree};

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut found = Vec::new();
    for path in tree.paths().filter(|path| path.starts_with("spec/vectors/") && path.ends_with(".json")) {
        let Some(text) = tree.text(path) else {
            found.push(Finding::new(path, 0, "is not UTF-8"));
            continue;
        };
        if let Err(error) = serde_json::from_str::<serde_json::Value>(text) {
            found.push(Finding::new(path, error.line(), format!("is not JSON: {error}")));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_json() {
        let count = |text: &str| check(&Tree::of(&[("spec/vectors/record/accept/a.json", text)])).len();
        assert_eq!(count("{\"reason\": \"x\"}\n"), 0);
        for text in ["", "{", "{} {}", "{\"a\": 1,}", "{'a': 1}"] {
            assert_eq!(count(text), 1, "{text}");
        }
        assert!(check(&Tree::of(&[("training/a.json", "{")])).is_empty());
    }
}
