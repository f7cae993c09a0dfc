//! Dependencies: each is used where it is declared, and each has its reason in `deny.toml`.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::manifest::{self, Crate, Use};
use super::source;
use super::tree::{Finding, Tree};

const REASONS: &str = "deny.toml";

/// A declared dependency whose name no source of its crate says, and a line of the workspace that no crate takes.
pub(crate) fn check_used(tree: &Tree) -> Vec<Finding> {
    let crates = manifest::crates(tree);
    let mut found = Vec::new();
    for one in &crates {
        for dependency in &one.dependencies {
            if !is_used(tree, one, &dependency.key, dependency.used) {
                found.push(Finding::new(&one.manifest(), 0, format!("{} is declared and not used", dependency.key)));
            }
        }
    }
    let taken: BTreeSet<&str> = crates.iter().flat_map(|one| &one.dependencies).map(|one| one.key.as_str()).collect();
    for key in manifest::inner(&manifest::workspace(tree), "dependencies").keys() {
        if !taken.contains(key.as_str()) {
            found.push(Finding::new("Cargo.toml", 0, format!("{key} is a workspace dependency that no crate takes")));
        }
    }
    found
}

/// Cargo packages against `[mickai]`, npm packages of the verifier against `[verifier]`.
pub(crate) fn check_reasons(tree: &Tree) -> Vec<Finding> {
    let reasons: Table = tree.text(REASONS).and_then(|text| text.parse().ok()).unwrap_or_default();
    let mut found = compare("[mickai]", &manifest::inner(&reasons, "mickai"), &cargo_packages(tree));
    found.extend(compare("[verifier]", &manifest::inner(&reasons, "verifier"), &npm_packages(tree)));
    found
}

fn is_used(tree: &Tree, one: &Crate, key: &str, used: Use) -> bool {
    let word = key.replace('-', "_");
    let folders: &[&str] = match used {
        Use::Normal => &["src/"],
        Use::Dev => &["src/", "tests/", "examples/", "benches/"],
        Use::Build => &["build.rs"],
    };
    tree.texts_ending(".rs").any(|(path, text)| {
        let inside = path.strip_prefix(one.folder.as_str()).and_then(|rest| rest.strip_prefix('/'));
        let looked_at = inside.is_some_and(|inside| folders.iter().any(|folder| inside.starts_with(folder)));
        // The plain text first: it is much faster than blanking what is not code.
        looked_at && text.contains(&word) && source::code_only(text).lines().any(|line| source::has_word(line, &word))
    })
}

/// Packages that are not of this workspace.
fn cargo_packages(tree: &Tree) -> BTreeSet<String> {
    let crates = manifest::crates(tree);
    let own: BTreeSet<&str> = crates.iter().map(|one| one.name.as_str()).collect();
    let shared = manifest::inner(&manifest::workspace(tree), "dependencies");
    let of_crates = crates.iter().flat_map(|one| &one.dependencies).map(|one| one.package.clone());
    shared.keys().cloned().chain(of_crates).filter(|name| !own.contains(name.as_str())).collect()
}

fn npm_packages(tree: &Tree) -> BTreeSet<String> {
    let package = tree.text("verifier/package.json").and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok()).unwrap_or_default();
    let tables = ["dependencies", "devDependencies"].into_iter().filter_map(|table| package.get(table)?.as_object());
    tables.flat_map(|table| table.keys().cloned()).collect()
}

fn compare(table: &str, reasons: &Table, packages: &BTreeSet<String>) -> Vec<Finding> {
    let has_reason = |name: &String| reasons.get(name).and_then(Value::as_str).is_some_and(|reason| !reason.trim().is_empty());
    let missing = packages.iter().filter(|name| !has_reason(name)).map(|name| Finding::new(REASONS, 0, format!("{name} has no reason in {table}")));
    let stale = reasons.keys().filter(|name| !packages.contains(*name)).map(|name| Finding::new(REASONS, 0, format!("{name} in {table} is no dependency")));
    missing.chain(stale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "[package]\nname = \"a\"\n[dependencies]\nbase64-ct = \"1\"\n[dev-dependencies]\nprop = \"1\"\n";
    const SOURCE: &str = "//! A.\nuse base64_ct::X;\n";
    const TEST: &str = "//! B.\nprop::prop!();\n";

    #[test]
    fn a_used_dependency_is_named_in_code() {
        let tree = |source, test| Tree::of(&[("engines/a/Cargo.toml", MANIFEST), ("engines/a/src/lib.rs", source), ("engines/a/tests/b.rs", test)]);
        assert!(check_used(&tree(SOURCE, TEST)).is_empty());
        assert_eq!(check_used(&tree("//! base64_ct.\n", TEST)).len(), 1);
        assert_eq!(check_used(&tree("//! A.\nfn base64_ct_like() {}\n", TEST)).len(), 1);
        // What only tests name is a dev-dependency.
        assert_eq!(check_used(&tree("//! A.\n", "//! B.\nuse base64_ct::X;\nprop::prop!();\n")).len(), 1);
    }

    #[test]
    fn another_crates_source_does_not_count() {
        let tree = Tree::of(&[("engines/a/Cargo.toml", MANIFEST), ("engines/ab/src/lib.rs", SOURCE), ("engines/ab/tests/b.rs", TEST)]);
        assert_eq!(check_used(&tree).len(), 2);
    }

    #[test]
    fn a_workspace_line_is_taken_by_a_crate() {
        let tree = Tree::of(&[("Cargo.toml", "[workspace.dependencies]\nx = \"1\"\n")]);
        assert_eq!(check_used(&tree).len(), 1);
    }

    #[test]
    fn reasons_and_dependencies_are_the_same_set() {
        let tree = |reasons| Tree::of(&[("engines/a/Cargo.toml", MANIFEST), ("deny.toml", reasons)]);
        assert!(check_reasons(&tree("[mickai]\nbase64-ct = \"why\"\nprop = \"why\"\n")).is_empty());
        assert_eq!(check_reasons(&tree("[mickai]\nbase64-ct = \"why\"\n")).len(), 1);
        assert_eq!(check_reasons(&tree("[mickai]\nbase64-ct = \"why\"\nprop = \" \"\n")).len(), 1);
        assert_eq!(check_reasons(&tree("[mickai]\nbase64-ct = \"why\"\nprop = \"why\"\ngone = \"why\"\n")).len(), 1);
    }

    #[test]
    fn the_verifiers_packages_have_reasons_too() {
        let package = r#"{"dependencies":{"@noble/hashes":"1"},"devDependencies":{"typescript":"5"}}"#;
        let tree = |reasons| Tree::of(&[("verifier/package.json", package), ("deny.toml", reasons)]);
        assert!(check_reasons(&tree("[verifier]\n\"@noble/hashes\" = \"why\"\ntypescript = \"why\"\n")).is_empty());
        assert_eq!(check_reasons(&tree("[verifier]\ntypescript = \"why\"\n")).len(), 1);
    }
}
